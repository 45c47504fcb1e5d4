//! A bot that may act on the local cluster: who may do what is said as a configuration would say it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use watchkeeper::cluster::Update;
use watchkeeper::config::Config;
use watchkeeper::config::actions::{Actions, GitHub};
use watchkeeper::config::clusters::Cluster;
use watchkeeper::core::action::kind::Kind;
use watchkeeper::core::action::workflow::Workflow;
use watchkeeper::core::ids::ChannelId;
use watchkeeper::core::workload::{Clusters, Index, Status};
use watchkeeper::sim::cluster;
use watchkeeper::sim::github::{self, REPOSITORY, WORKFLOW};
use watchkeeper::sim::slack::Workspace;
use watchkeeper::store::actions::{self, Line, Stored};

use super::{Bot, Database, TestClock};

/// Where the cards are.
pub const OPS: &str = "ops";
/// When all is well nothing waits this long.
const SOON: Duration = Duration::from_secs(30);

/// Alice, who is on call, Bob and Carol ask and approve; Dave may do neither.
pub struct Acting {
    pub bot: Bot,
    pub cluster: cluster::Handle,
    pub github: github::Handle,
    news: mpsc::Receiver<Update>,
    files: tempfile::TempDir,
    stop: DropGuard,
}

pub fn rule() -> Value {
    let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    json!({
        "name": "everything", "actions": all,
        "request": ["U0ALICE", "U0BOB", "U0CAROL"], "approve": ["U0ALICE", "U0BOB", "U0CAROL"],
    })
}

/// Its inputs are a network and a note, the commit and a mark.
pub fn workflow() -> Workflow {
    serde_json::from_value(json!({
        "name": "deploy-pusher", "repository": REPOSITORY, "workflow": WORKFLOW, "inputs": {"note": "by watchkeeper"},
        "ask": [{"name": "network", "values": ["mainnet", "testnet"]}], "sha_input": "sha", "correlation_input": "request",
    }))
    .unwrap()
}

pub fn allowed(rule: Value) -> Actions {
    Actions {
        enabled: true,
        channel: Some(ChannelId::new("C0OPS")),
        rules: vec![serde_json::from_value(rule).unwrap()],
        break_glass: vec!["U0ALICE".parse().unwrap()],
        unfreeze: vec!["U0BOB".parse().unwrap()],
        ..Actions::default()
    }
}

impl Acting {
    pub async fn start() -> Self {
        Self::with(Database::sqlite(), |_| {}).await
    }

    pub async fn with(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let clock = TestClock::new();
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join("kubeconfig");
        let cluster = cluster::start(cluster::Config::by_hand(clock.clone())).await.unwrap();
        let github = github::start(clock.clone(), "story").await.unwrap();
        let url = github.url();
        cluster.write_kubeconfig("local", &path).unwrap();
        let bot = Bot::at(clock, database, |config| {
            config.clusters = vec![Cluster::by_kubeconfig("prod", path)];
            config.actions = allowed(rule());
            config.oncall.schedules = serde_json::from_value(json!([
                {"name": "primary", "layers": [{"users": ["U0ALICE"], "start": "2026-01-05"}]},
            ]))
            .unwrap();
            change(config);
            config.actions.github = Some(GitHub { url, ..GitHub::default() });
            if config.actions.workflows.is_empty() {
                config.actions.workflows = vec![workflow()];
            }
        })
        .await;
        bot.flow.refresh_directory().await;
        let (news, stop) = watch(&bot);
        let mut acting = Self { bot, cluster, github, news, files, stop };
        acting.until(|index| matches!(index.status(), Status::Healthy { .. })).await;
        acting
    }

    /// The process dies without a word, and another goes on.
    pub async fn restart(self) -> Self {
        let Self { bot, cluster, github, files, stop, news } = self;
        drop((stop, news));
        let bot = bot.restart().await;
        // On Postgres the dead process holds the lease until it runs out.
        bot.clock.advance(Duration::from_secs(10));
        bot.lead().await;
        bot.flow.refresh_directory().await;
        let (news, stop) = watch(&bot);
        let mut acting = Self { bot, cluster, github, news, files, stop };
        acting.until(|index| matches!(index.status(), Status::Healthy { .. })).await;
        acting
    }

    /// Takes news of the cluster in until `seen` holds of it.
    pub async fn until(&mut self, seen: impl Fn(&Index) -> bool) {
        let flow = Arc::clone(&self.bot.flow);
        let holds = || flow.with_clusters(|clusters: &Clusters| seen(&clusters.get("prod").unwrap().index));
        while !holds() {
            let update = tokio::time::timeout(SOON, self.news.recv()).await.expect("the cluster says so").unwrap();
            flow.observe_clusters(vec![update]);
        }
    }

    /// Follows what deploys into the cluster until what is typed is answered with `part`.
    pub async fn until_told(&self, user: &str, line: &str, part: &str) {
        let (out, mut news) = mpsc::channel(64);
        let (flow, stop) = (&self.bot.flow, CancellationToken::new());
        flow.clusters.watch_gitops(&out, &flow.clock, 7, &TaskTracker::new(), &stop);
        let _stops = stop.drop_guard();
        loop {
            let told = self.type_in(user, line).await;
            if told.contains(part) {
                return;
            }
            let event = tokio::time::timeout(SOON, news.recv()).await;
            let event = event.unwrap_or_else(|_| panic!("{line}: {part}: {told}")).unwrap();
            flow.observe_gitops(vec![event]);
        }
    }

    /// Types a command where the cards are; gives the answer.
    pub async fn type_in(&self, user: &str, line: &str) -> String {
        let before = self.bot.told(user).len();
        let seen = self.bot.slack.slash(user, OPS, line).await.to_string();
        self.bot.settle().await;
        let told = self.bot.told(user);
        if seen.trim().is_empty() && told.len() > before { told[0].clone() } else { seen }
    }

    /// As [`Self::type_in`], for what is asked for with a reason.
    pub async fn ask(&self, user: &str, line: &str) -> String {
        self.type_in(user, &format!("/wk {line} because")).await
    }

    fn posted(&self) -> Vec<Value> {
        self.bot.slack.messages(OPS).into_iter().filter(|m| m["user"] == "U0WATCH").collect()
    }

    /// The card of a request, as Slack has it.
    pub fn card(&self, number: u64) -> Value {
        let named = format!("#{number} ");
        let found = self.posted().into_iter().find(|message| {
            let shown = Workspace::render(message);
            shown.lines().next().is_some_and(|line| line.contains(&named)) && shown.contains("/wk audit action/")
        });
        found.unwrap_or_else(|| panic!("no card of #{number} among {:#?}", self.shown_all()))
    }

    pub fn shown(&self, number: u64) -> String {
        Workspace::render(&self.card(number))
    }

    pub fn shown_all(&self) -> Vec<String> {
        self.posted().iter().map(Workspace::render).collect()
    }

    /// Presses a button on a card; gives what was said for their eyes only.
    pub async fn press(&self, user: &str, number: u64, button: &str) -> String {
        self.choose(user, number, button, Value::Null).await
    }

    /// An entry of the card's menu.
    pub async fn choose(&self, user: &str, number: u64, element: &str, choice: impl Into<Value>) -> String {
        let ts = self.card(number)["ts"].as_str().unwrap().to_owned();
        let before = self.bot.told(user).len();
        let seen = self.bot.slack.choose(user, OPS, &ts, element, choice).await;
        self.bot.settle().await;
        let told = self.bot.told(user);
        if told.len() > before { told[0].clone() } else { seen.to_string() }
    }

    /// Fills the open form in; gives its errors.
    pub async fn submit(&self, user: &str, values: Value) -> Value {
        let view = self.bot.slack.views(user).pop().expect("a form is open");
        let done = self.bot.slack.submit_view(user, view["id"].as_str().unwrap(), values).await;
        assert!(done.error.is_none(), "{done:?}");
        self.bot.settle().await;
        done.errors
    }

    /// Everything that can be carried out at this moment is.
    pub async fn act(&self) {
        for _ in 0..200 {
            self.bot.settle().await;
            if self.bot.flow.drive_actions().await.unwrap() == 0 {
                return self.bot.settle().await;
            }
        }
        panic!("it never comes to rest: {:#?}", self.shown_all());
    }

    /// Time passes, for the cluster as well.
    pub async fn pass(&self, secs: u64) {
        self.bot.clock.advance(Duration::from_secs(secs));
        self.bot.lead().await;
        self.cluster.tick();
        self.act().await;
    }

    pub async fn request(&self, number: u64) -> Stored {
        actions::by_number(&self.bot.flow.store, number).await.unwrap().unwrap()
    }

    pub async fn state(&self, number: u64) -> &'static str {
        self.request(number).await.request.state.as_str()
    }

    pub async fn journal(&self, number: u64) -> Vec<String> {
        let id = self.request(number).await.request.id;
        let lines = actions::journal(&self.bot.flow.store, &id).await.unwrap();
        lines.into_iter().map(|Line { step, entry, .. }| format!("{step} {entry}")).collect()
    }

    /// What the audit log says was done, by whom, about one request.
    pub async fn audit(&self, number: u64) -> Vec<String> {
        let of = format!(" action/{number}");
        let all = self.bot.audit().await.into_iter();
        all.filter(|line| line.ends_with(&of)).map(|line| line.trim_end_matches(&of).to_owned()).collect()
    }

    /// Writes that the cluster was asked for so far, dry runs left out.
    pub fn writes(&self) -> usize {
        self.cluster.written().len()
    }

    pub fn replicas(&self, name: &str) -> i64 {
        self.cluster.object("deployments", "feeds", name).unwrap()["spec"]["replicas"].as_i64().unwrap()
    }
}

fn watch(bot: &Bot) -> (mpsc::Receiver<Update>, DropGuard) {
    let (out, news) = mpsc::channel(4096);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    bot.flow.clusters.watch(&out, &bot.flow.clock, 7, &tasks, &stop);
    (news, stop.drop_guard())
}
