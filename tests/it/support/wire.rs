//! The piece of network before a server: it can be cut, refuse everybody, or break in the middle of a commit.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Gone with this.
pub struct Wire {
    pub address: SocketAddr,
    ends: Arc<Ends>,
    _stop: DropGuard,
}

struct Ends {
    to: Mutex<Option<SocketAddr>>,
    /// What is wanted, and what is the case.
    open: watch::Sender<bool>,
    is_open: watch::Sender<bool>,
    cuts: watch::Sender<u32>,
    commits_to_cut: AtomicU32,
    commits_cut: watch::Sender<u32>,
    /// Answers still passed on before one is lost; 0 for never.
    answers_left: AtomicU32,
}

impl Wire {
    pub async fn lay() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Arc::new(Ends {
            to: Mutex::default(),
            open: watch::channel(true).0,
            is_open: watch::channel(true).0,
            cuts: watch::channel(0).0,
            commits_to_cut: AtomicU32::new(0),
            commits_cut: watch::channel(0).0,
            answers_left: AtomicU32::new(0),
        });
        let stop = CancellationToken::new();
        let (serving, stopped) = (Arc::clone(&ends), stop.clone());
        tokio::spawn(async move { stopped.run_until_cancelled(serve(address, listener, serving)).await });
        Self { address, ends, _stop: stop.drop_guard() }
    }

    /// A URL of this wire in place of `url`, which it leads to from now on.
    pub fn lead_to(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).unwrap();
        let to = url.socket_addrs(|| Some(5432)).unwrap()[0];
        *self.ends.to.lock().unwrap() = Some(to);
        url.set_ip_host(self.address.ip()).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.to_string()
    }

    /// Every connection breaks; new ones are taken.
    pub fn cut(&self) {
        self.ends.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Every connection breaks, and nobody listens until [`Self::open`].
    pub async fn refuse(&self) {
        self.turn(false).await;
    }

    pub async fn open(&self) {
        self.turn(true).await;
    }

    async fn turn(&self, open: bool) {
        self.ends.open.send_replace(open);
        if !open {
            self.cut();
        }
        self.ends.is_open.subscribe().wait_for(|is| *is == open).await.unwrap();
    }

    /// Waits for the next commit, whose connection breaks: every other time before the server reads it, else before its
    /// answer is passed on.
    pub async fn cut_a_commit(&self) {
        let mut cut = self.ends.commits_cut.subscribe();
        let before = *cut.borrow_and_update();
        self.ends.commits_to_cut.store(1, Ordering::SeqCst);
        cut.wait_for(|cut| *cut > before).await.unwrap();
    }

    /// The `nth` answer from now on is lost, with its connection.
    pub fn lose_answer(&self, nth: u32) {
        self.ends.answers_left.store(nth, Ordering::SeqCst);
    }

    /// False when there were fewer answers than that; it is not lost any more then.
    pub fn lost_it(&self) -> bool {
        self.ends.answers_left.swap(0, Ordering::SeqCst) == 0
    }
}

async fn serve(address: SocketAddr, listener: TcpListener, ends: Arc<Ends>) {
    let mut open = ends.open.subscribe();
    let mut listener = listener;
    loop {
        ends.is_open.send_replace(true);
        loop {
            tokio::select! {
                wanted = open.wait_for(|open| !open) => {
                    if wanted.is_err() {
                        return;
                    }
                    break;
                }
                Ok((stream, _)) = listener.accept() => {
                    tokio::spawn(carry(stream, Arc::clone(&ends)));
                }
            }
        }
        drop(listener);
        // Bound and not listening: whoever connects is refused, and nobody else gets the port.
        let held = hold(address).await;
        ends.is_open.send_replace(false);
        if open.wait_for(|open| *open).await.is_err() {
            return;
        }
        listener = held.listen(1024).unwrap();
    }
}

async fn hold(address: SocketAddr) -> TcpSocket {
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    loop {
        looks.tick().await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        if socket.bind(address).is_ok() {
            return socket;
        }
    }
}

async fn carry(client: TcpStream, ends: Arc<Ends>) {
    let to = *ends.to.lock().unwrap();
    let mut cuts = ends.cuts.subscribe();
    let Ok(server) = TcpStream::connect(to.unwrap()).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let (answers, mut breaks) = watch::channel(false);
    let there = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let Ok(length @ 1..) = from_client.read(&mut buffer).await else { return };
            let asked = &buffer[..length];
            let fewer = |left: u32| left.checked_sub(1);
            if asked.windows(6).any(|word| word == b"COMMIT")
                && ends.commits_to_cut.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok()
            {
                ends.commits_cut.send_modify(|cut| *cut += 1);
                if ends.commits_cut.borrow().is_multiple_of(2) {
                    return;
                }
                answers.send_replace(true);
            }
            if to_server.write_all(asked).await.is_err() {
                return;
            }
        }
    };
    let back = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let Ok(length @ 1..) = from_server.read(&mut buffer).await else { return };
            let fewer = |left: u32| left.checked_sub(1);
            let last = ends.answers_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer) == Ok(1);
            if last || *breaks.borrow_and_update() || to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
        _ = cuts.changed() => {}
    }
}
