//! The real binary, run as an operator runs it: a directory with a configuration file, and an environment of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tokio::sync::mpsc;
use watchkeeper::clock::{SharedClock, SystemClock};
use watchkeeper::sim::hermes::{self, Handle};
use watchkeeper::sim::slack::{self, AppConfig, Workspace};

/// Nothing here takes nearly as long; a test that waits this long has failed.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A workspace, a Hermes and a place for one bot.
pub struct Place {
    pub slack: Workspace,
    pub hermes: Handle,
    pub dir: tempfile::TempDir,
    /// Of the environment, by name.
    pub secrets: Vec<(String, String)>,
}

impl Place {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With the difference to the usual app.
    pub async fn with(change: impl FnOnce(&mut AppConfig)) -> Self {
        let clock: SharedClock = std::sync::Arc::new(SystemClock::new(1));
        let mut app = AppConfig::default();
        change(&mut app);
        let secrets = [("SLACK_BOT_TOKEN", &app.bot_token), ("SLACK_APP_TOKEN", &app.app_token)];
        let secrets = secrets.map(|(name, value)| (name.to_owned(), value.clone())).into();
        let slack = slack::start(slack::Config::new(clock.clone())).await.unwrap();
        slack.install(app).await.unwrap();
        let hermes = hermes::start(hermes::Config::by_hand(clock, 7)).await.unwrap();
        let place = Self { slack, hermes, dir: tempfile::tempdir().unwrap(), secrets };
        place.configure(&place.usual());
        place
    }

    /// A configuration of this place, for Socket Mode, as text.
    pub fn usual(&self) -> String {
        format!(
            "slack:\n  api_url: {}\nhttp: {{listen: \"127.0.0.1:0\", metrics_listen: null}}\ndatabase:\n  url: sqlite:{}\n\
             sources:\n  - endpoints: [\"{}\"]\nreceivers:\n  - name: default\n    channel: C0ALERTS\n\
             log: {{format: json, filter: info}}\n",
            self.slack.api_url(),
            self.dir.path().join("wk.sqlite").display(),
            self.hermes.base_url(),
        )
    }

    pub fn configure(&self, text: &str) {
        std::fs::write(self.dir.path().join("watchkeeper.yaml"), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_as(&[], arguments)
    }

    /// By way of another program, which becomes the bot.
    fn command_as(&self, way: &[&str], arguments: &[&str]) -> Command {
        let bot = env!("CARGO_BIN_EXE_watchkeeper");
        let mut words = way.iter().copied().chain([bot]).chain(arguments.iter().copied());
        let mut command = Command::new(words.next().unwrap_or(bot));
        command.args(words).current_dir(self.dir.path()).env_clear();
        command.envs(self.secrets.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        command
    }

    /// Runs to the end: exit code and what was said, standard output first.
    pub async fn run(&self, arguments: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = self.output(arguments).await;
        let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (status.code().unwrap(), said)
    }

    /// As [`Self::run`], for what is no text.
    pub async fn output(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        tokio::time::timeout(LIMIT, run).await.expect("it ends").unwrap()
    }

    /// Runs in the background until it is signalled.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_as(&[], arguments)
    }

    /// As [`Self::start`], by way of another program, which becomes the bot: `prlimit --nofile=100`.
    pub fn start_as(&self, way: &[&str], arguments: &[&str]) -> Running {
        let mut child = self.command_as(way, arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (tell, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Running { child, lines, said: Vec::new() }
    }
}

/// A process and what it says on standard error.
pub struct Running {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    said: Vec<String>,
}

impl Running {
    /// The next line that contains `what`.
    pub async fn says(&mut self, what: &str) -> String {
        let found = tokio::time::timeout(LIMIT, async {
            while let Some(line) = self.lines.recv().await {
                self.said.push(line.clone());
                if line.contains(what) {
                    return Some(line);
                }
            }
            None
        });
        let found = found.await.ok().flatten();
        found.unwrap_or_else(|| panic!("it never said `{what}`, but:\n{}", self.said.join("\n")))
    }

    /// Everything it has said so far.
    pub fn said_by_now(&mut self) -> &[String] {
        while let Ok(line) = self.lines.try_recv() {
            self.said.push(line);
        }
        &self.said
    }

    /// Where it listens, once it is up.
    pub async fn address(&mut self) -> String {
        let line: serde_json::Value = serde_json::from_str(&self.says("watchkeeper is up").await).unwrap();
        line["address"].as_str().unwrap().to_owned()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name: `TERM`, `HUP`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Ends it as an orchestrator does; everything that it said.
    pub async fn terminated(mut self) -> String {
        self.signal("TERM");
        let rest = tokio::time::timeout(LIMIT, async {
            while let Some(line) = self.lines.recv().await {
                self.said.push(line);
            }
        });
        rest.await.expect("it ends");
        self.said.join("\n")
    }

    /// Its exit code, once it has ended by itself.
    pub async fn ended(mut self) -> i32 {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..1500 {
            looks.tick().await;
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().expect("it ended by itself");
            }
        }
        panic!("it did not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed must not leave its bot running; one that ended cannot be killed, which is fine.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Asks until `wanted` holds of status and body; what came last when it never does.
pub async fn until_answers(url: &str, wanted: impl Fn(u16, &str) -> bool) -> (u16, String) {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let mut last = (0, String::new());
    for _ in 0..400 {
        looks.tick().await;
        if let Ok(response) = client.get(url).send().await {
            last = (response.status().as_u16(), response.text().await.unwrap_or_default());
            if wanted(last.0, &last.1) {
                return last;
            }
        }
    }
    panic!("{url} never answered as wanted; last {last:?}");
}
