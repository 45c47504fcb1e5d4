//! The official Slack SDKs find a Slack in the local workspace: `tests/bolt` holds one small app twice, in JavaScript
//! and in Python, and each plays the same story over Socket Mode and over signed HTTP.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use watchkeeper::clock::SystemClock;
use watchkeeper::sim::slack::{self, AppConfig, Config, Delivery, Workspace};

/// Long enough for an interpreter to start on a busy machine; nothing waits this long when all is well.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Node.js and Python with the Slack SDKs: run scripts/test"]
async fn bolt_for_javascript_works_over_socket_mode() {
    play(Language::JavaScript, Transport::Socket).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Node.js and Python with the Slack SDKs: run scripts/test"]
async fn bolt_for_javascript_works_over_http() {
    play(Language::JavaScript, Transport::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Node.js and Python with the Slack SDKs: run scripts/test"]
async fn bolt_for_python_works_over_socket_mode() {
    play(Language::Python, Transport::Socket).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Node.js and Python with the Slack SDKs: run scripts/test"]
async fn bolt_for_python_works_over_http() {
    play(Language::Python, Transport::Http).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Node.js and Python with the Slack SDKs: run scripts/test"]
async fn bolt_for_javascript_comes_back_after_its_socket_was_cut() {
    let (workspace, _app) = open(Language::JavaScript, Transport::Socket).await;
    workspace.drop_sockets();
    workspace.until(PATIENCE, |w| (w.socket_count() == 0).then_some(())).await.expect("the socket goes");
    workspace.until(PATIENCE, |w| (w.socket_count() == 1).then_some(())).await.expect("the socket comes back");
    command_is_answered(&workspace).await;
}

async fn play(language: Language, transport: Transport) {
    let (workspace, _app) = open(language, transport).await;
    command_is_answered(&workspace).await;
    mention_is_heard(&workspace).await;
    let ts = button_edits_its_message(&workspace).await;
    modal_is_filled_in(&workspace, &ts).await;
    home_is_published(&workspace).await;
    let refused = |method| workspace.calls(method).into_iter().find(|call| !call.ok());
    let methods =
        ["auth.test", "chat.postMessage", "chat.update", "views.open", "views.publish", "apps.connections.open"];
    assert_eq!(methods.into_iter().find_map(refused).map(|call| call.answer), None);
}

/// A workspace with the app running in it.
async fn open(language: Language, transport: Transport) -> (Workspace, Running) {
    let sdk = language.interpreter().expect("the Slack SDKs are there: run tests/bolt/setup");
    let workspace = slack::start(Config::new(Arc::new(SystemClock::new(1)))).await.unwrap();
    let app = start(&workspace, sdk, language, transport).await;
    (workspace, app)
}

async fn command_is_answered(workspace: &Workspace) {
    assert_eq!(workspace.slash("alice", "#ops", "/wk hello there").await.text, "asked: hello there");
    said(workspace, "answered: hello there").await;
}

async fn mention_is_heard(workspace: &Workspace) {
    let ts = workspace.say("bob", "#ops", "@watchkeeper are you there?").await.unwrap();
    let reply = said(workspace, "heard <@U0WATCHBOT> are you there?").await;
    assert_eq!(reply["thread_ts"], ts.as_str());
}

async fn button_edits_its_message(workspace: &Workspace) -> String {
    workspace.say("alice", "#ops", "buttons, please").await.unwrap();
    let message = said(workspace, "buttons to press").await;
    let ts = message["ts"].as_str().unwrap();
    assert_eq!(Workspace::render(&message), "[Press] [Open]");
    // The second message keeps its buttons for the modal.
    assert!(workspace.click("alice", "#ops", ts, "Press").await.ok());
    let edited = said(workspace, "pressed 7 by <@U0ALICE>").await;
    assert_eq!((edited["ts"].as_str(), edited.get("blocks")), (Some(ts), None));
    workspace.say("alice", "#ops", "buttons again").await.unwrap();
    said(workspace, "buttons to press").await["ts"].as_str().unwrap().to_owned()
}

async fn modal_is_filled_in(workspace: &Workspace, ts: &str) {
    assert!(workspace.click("alice", "#ops", ts, "Open").await.ok());
    let view = workspace.until(PATIENCE, |w| w.views("alice").pop()).await.expect("a modal opens");
    let id = view["id"].as_str().unwrap();
    let submit = async |reason| workspace.submit_view("alice", id, json!({"reason": {"text": reason}})).await;
    assert_eq!(submit("because").await.errors, json!({"reason": "say more"}));
    assert_eq!(submit("maintenance").await, slack::Seen::default());
    assert_eq!(workspace.views("alice"), Vec::<Value>::new());
    said(workspace, "reason: maintenance").await;
}

async fn home_is_published(workspace: &Workspace) {
    assert!(workspace.open_home("dave").await.ok());
    let home = workspace.until(PATIENCE, |w| w.home("dave")).await.expect("a home view is published");
    assert_eq!(home["blocks"][0]["text"]["text"], "home of <@U0DAVE>");
}

/// The message in `#ops` with this text, as soon as there is one.
async fn said(workspace: &Workspace, text: &str) -> Value {
    let with_text = |w: &Workspace| w.messages("#ops").into_iter().find(|m| m["text"] == text);
    let found = workspace.until(PATIENCE, with_text).await;
    found.unwrap_or_else(|| panic!("nobody said {text:?} in {:#?}", workspace.messages("#ops")))
}

#[derive(Clone, Copy)]
enum Language {
    JavaScript,
    Python,
}

#[derive(Clone, Copy)]
enum Transport {
    Socket,
    Http,
}

impl Language {
    /// The interpreter, when it and the SDK are there.
    fn interpreter(self) -> Option<PathBuf> {
        let cache = installed();
        match self {
            Self::JavaScript => {
                let node = Command::new("node").arg("--version").stdout(Stdio::null()).status();
                (cache.join("node_modules/@slack/bolt").is_dir() && node.is_ok_and(|s| s.success()))
                    .then(|| "node".into())
            }
            Self::Python => Some(cache.join("venv/bin/python")).filter(|python| python.exists()),
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::JavaScript => "app.js",
            Self::Python => "app.py",
        }
    }
}

fn installed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/bolt")
}

/// Ends the app when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn start(workspace: &Workspace, interpreter: PathBuf, language: Language, transport: Transport) -> Running {
    // Before it starts, an app calls auth.test: it is installed first, and its URL is entered when it is known.
    let mut app = AppConfig::default();
    workspace.install(app.clone()).await.unwrap();
    let name = match transport {
        Transport::Socket => "socket",
        Transport::Http => "http",
    };
    let mut child = Command::new(interpreter)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bolt").join(language.program()))
        .env("NODE_PATH", installed().join("node_modules"))
        .env("API_URL", workspace.api_url())
        .env("BOT_TOKEN", &app.bot_token)
        .env("APP_TOKEN", &app.app_token)
        .env("SIGNING_SECRET", &app.signing_secret)
        .env("TRANSPORT", name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = Running(child);
    let read =
        tokio::task::spawn_blocking(move || lines.find_map(|line| line.ok()?.strip_prefix("ready").map(str::to_owned)));
    let ready = tokio::time::timeout(PATIENCE, read).await.expect("the app starts").unwrap().expect("the app starts");
    match transport {
        Transport::Socket => {
            workspace.until(PATIENCE, |w| (w.socket_count() > 0).then_some(())).await.expect("the app connects");
        }
        Transport::Http => {
            app.delivery = Delivery::http(ready.trim());
            workspace.install(app).await.unwrap();
        }
    }
    running
}
