//! Nodes of strangers, played on loopback by a few lines of HTTP.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::http::{Hosts, Http};
use crate::clock::{Clock, SharedClock};
use crate::core::ids::AccountKey;
use crate::core::time::Timestamp;
use crate::core::wallet::{Account, Address, Asset, ChainKind};

pub fn account(key: &str, kind: ChainKind, address: &str, asset: Asset) -> Account {
    Account { key: AccountKey::new(key), address: Address::parse(kind, address).unwrap(), asset }
}

pub type Headers = Vec<(&'static str, String)>;

/// What the double answers with.
pub enum Script {
    /// The same to everything.
    Always(u16, Headers, &'static str),
    /// By the first path that the request's begins with, with headers.
    Paths(Vec<(&'static str, Headers, Value)>),
    /// By the JSON body: what the function makes of it, status 200.
    Body(Box<dyn Fn(&Value) -> Value + Send + Sync>),
    /// Bytes without end.
    Huge,
    /// Nothing.
    Hang,
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct StillClock(Mutex<Timestamp>);

impl StillClock {
    pub fn advance(&self, length: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(length);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, _: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
}

struct Request {
    path: String,
    headers: String,
    body: String,
}

pub struct Double {
    pub url: Url,
    pub hosts: Arc<Hosts>,
    pub clock: Arc<StillClock>,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Double {
    pub fn http(&self) -> Http {
        self.hosts.at(&self.url, Duration::from_secs(20))
    }

    pub fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn paths(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|request| request.path.clone()).collect()
    }

    pub fn bodies(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|request| request.body.clone()).collect()
    }

    /// Of the last request.
    pub fn header(&self, name: &str) -> Option<String> {
        let seen = self.seen.lock().unwrap();
        let lines = seen.last()?.headers.lines();
        let value = lines.filter_map(|line| line.split_once(": ")).find(|(found, _)| found.eq_ignore_ascii_case(name));
        value.map(|(_, value)| value.to_owned())
    }
}

pub async fn double(script: Script) -> Double {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let clock = Arc::new(StillClock(Mutex::new(Timestamp::from_secs(1_796_000_000))));
    let shared: SharedClock = clock.clone();
    let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
    let (script, noted) = (Arc::new(script), seen.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (script, noted) = (script.clone(), noted.clone());
            tokio::spawn(async move { serve(stream, &script, &noted).await });
        }
    });
    Double { url, hosts: Arc::new(Hosts::new(shared).unwrap()), clock, seen }
}

/// One request a connection.
async fn serve(mut stream: TcpStream, script: &Script, seen: &Mutex<Vec<Request>>) -> io::Result<()> {
    let request = read(&mut stream).await?;
    let (path, body) = (request.path.clone(), request.body.clone());
    seen.lock().unwrap().push(request);
    let (status, headers, said) = match script {
        Script::Always(status, headers, said) => (*status, headers.clone(), (*said).to_owned()),
        Script::Paths(paths) => {
            let found = paths.iter().find(|(start, ..)| path.starts_with(start));
            let (_, headers, said) = found.unwrap_or_else(|| panic!("nothing to say to {path}"));
            (200, headers.clone(), said.to_string())
        }
        Script::Body(answer) => (200, Vec::new(), answer(&serde_json::from_str(&body).unwrap()).to_string()),
        Script::Huge => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            while stream.write_all(&[b' '; 4096]).await.is_ok() {}
            return Ok(());
        }
        Script::Hang => return std::future::pending().await,
    };
    let headers = headers.iter().fold(String::new(), |all, (name, value)| format!("{all}{name}: {value}\r\n"));
    let length = said.len();
    let reply = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{said}");
    stream.write_all(reply.as_bytes()).await
}

async fn read(stream: &mut TcpStream) -> io::Result<Request> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                let path = head.split(' ').nth(1).unwrap().to_owned();
                return Ok(Request { path, headers: head.to_owned(), body: body.to_owned() });
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
