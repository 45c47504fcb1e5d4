//! `watchkeeper serve` as a process of its own: the binary that `WATCHKEEPER_BENCH_BOT` names, or this build's.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use watchkeeper::config::Config;
use watchkeeper::sim::slack::AppConfig;

use crate::{start, wait};

pub struct Bot {
    child: Child,
    started: Instant,
    pub address: SocketAddr,
    metrics: SocketAddr,
    log: PathBuf,
}

/// Resident memory in megabytes (10^6 bytes), now and at most.
pub struct Memory {
    pub now: f64,
    pub peak: f64,
}

impl Bot {
    pub fn spawn(config: &Config) -> Self {
        let database = PathBuf::from(config.database.url.trim_start_matches("sqlite:"));
        // YAML takes JSON.
        let file = database.with_extension("yaml");
        std::fs::write(&file, serde_json::to_string(config).unwrap()).unwrap();
        let log = database.with_extension("log");
        let out = File::create(&log).unwrap();
        let AppConfig { bot_token, app_token, signing_secret, .. } = AppConfig::default();
        let started = start();
        let bot = std::env::vars().find(|(name, _)| name == "WATCHKEEPER_BENCH_BOT").map(|(_, path)| path);
        let child = Command::new(bot.as_deref().unwrap_or(env!("CARGO_BIN_EXE_watchkeeper")))
            .arg("serve")
            .arg("--config")
            .arg(file)
            .env_remove("RUST_LOG")
            .env_remove("DATABASE_URL")
            .envs([("SLACK_BOT_TOKEN", bot_token), ("SLACK_APP_TOKEN", app_token)])
            .env("SLACK_SIGNING_SECRET", signing_secret)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        Self { child, started, address: config.http.listen, metrics: config.http.metrics_listen.unwrap(), log }
    }

    /// From the start of the process to the first 200 of `/readyz`.
    pub fn ready(&self) -> Duration {
        while self.started.elapsed() < Duration::from_secs(20) {
            if get(self.address, "/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return self.started.elapsed();
            }
            wait(Duration::from_millis(1));
        }
        panic!("the bot is not ready after 20 s: {}", std::fs::read_to_string(&self.log).unwrap());
    }

    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kilobytes = |name: &str| -> f64 {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        Memory { now: kilobytes("VmRSS") * 1024.0 / 1e6, peak: kilobytes("VmHWM") * 1024.0 / 1e6 }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// One sample of `/metrics`, by its whole name with labels; 0 while it is not there.
    pub fn metric(&self, name: &str) -> u64 {
        let text = get(self.metrics, "/metrics").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.trim().parse().unwrap())
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _gone_already = Command::new("kill").arg(pid).status();
        let _reaped = self.child.wait();
    }
}

/// A process' user and system time so far.
pub fn processor_time(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // Linux counts in hundredths of a second everywhere.
    Duration::from_millis(ticks * 10)
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
