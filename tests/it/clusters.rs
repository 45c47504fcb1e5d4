//! Kubernetes clusters under watch, and what goes wrong with them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchkeeper::cluster::Update;
use watchkeeper::config::Config;
use watchkeeper::config::clusters::{Cluster, Namespaces};
use watchkeeper::core::workload::{Index, Kind, Status, Trouble};

use crate::support::cluster::{ApiServer, Fault};
use crate::support::{Bot, Database};

/// A bot, its cluster, and the watches between them.
struct Watched {
    bot: Bot,
    server: ApiServer,
    news: mpsc::Receiver<Update>,
    stop: CancellationToken,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Watched {
    async fn start(server: ApiServer) -> Self {
        Self::with(server, |_| {}).await
    }

    async fn with(server: ApiServer, change: impl FnOnce(&mut Cluster)) -> Self {
        let mut cluster = Cluster {
            name: "prod".to_owned(),
            kubeconfig: Some(server.kubeconfig()),
            context: None,
            in_cluster: false,
            namespaces: Namespaces::default(),
            owner_label: "team".to_owned(),
        };
        change(&mut cluster);
        let configure = |config: &mut Config| config.clusters = vec![cluster];
        let bot = Bot::with(Database::sqlite(), configure).await;
        let (out, news) = mpsc::channel(1024);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        bot.flow.clusters.watch(&out, &bot.flow.clock, 7, &tasks, &stop);
        Self { bot, server, news, stop }
    }

    fn look<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        self.bot.flow.with_clusters(|clusters| look(&clusters.get("prod").unwrap().index))
    }

    fn status(&self) -> Status {
        self.look(Index::status)
    }

    /// Takes news in, and moves time while none comes, until `done`.
    async fn until(&mut self, what: &str, done: impl Fn(&Index) -> bool) {
        let waited = async {
            while !self.look(&done) {
                match tokio::time::timeout(Duration::from_millis(5), self.news.recv()).await {
                    Ok(update) => self.bot.flow.observe_clusters(vec![update.unwrap()]),
                    Err(_) => self.bot.clock.advance(Duration::from_millis(200)),
                }
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), waited).await.is_ok();
        assert!(waited, "{what}: {:?}", self.status());
    }

    async fn healthy(&mut self) {
        self.until("healthy", |index| matches!(index.status(), Status::Healthy { .. })).await;
    }

    fn pods(&self) -> Vec<String> {
        self.look(|index| index.pods().map(|pod| pod.meta.name.to_string()).collect())
    }
}

fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": namespace, "uid": name },
        "spec": { "nodeName": "node-1", "containers": [{ "name": "app", "image": "app:1" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }
    })
}

fn node(name: &str) -> Value {
    json!({ "metadata": { "name": name }, "status": { "conditions": [{ "type": "Ready", "status": "True" }] } })
}

async fn server() -> ApiServer {
    let server = ApiServer::start().await;
    server.put("nodes", node("node-1"));
    server.put("pods", pod("prices", "hermes-0"));
    server.put("pods", pod("prices", "hermes-1"));
    server
}

#[tokio::test]
async fn a_cluster_is_watched_and_the_status_says_so() {
    let mut world = Watched::start(server().await).await;
    world.healthy().await;
    assert_eq!(world.pods(), ["hermes-0", "hermes-1"]);
    world.bot.type_in("U0ALICE", "/wk status").await;
    let told = world.bot.told("U0ALICE").remove(0);
    assert!(told.contains("Cluster prod") && told.contains("1 node, 2 pods"), "{told}");
}

#[tokio::test]
async fn changes_and_ends_reach_the_index() {
    let mut world = Watched::start(server().await).await;
    world.healthy().await;
    world.server.put("pods", pod("prices", "hermes-2"));
    world.server.delete("pods", "prices", "hermes-0");
    world.until("the changes", |index| index.pod("prices", "hermes-0").is_none() && index.pods().count() == 2).await;
    assert_eq!(world.pods(), ["hermes-1", "hermes-2"]);
}

#[tokio::test]
async fn a_server_without_streaming_lists_is_listed_in_the_old_way() {
    let server = server().await;
    server.fail(Fault::NoStreaming);
    let mut world = Watched::start(server).await;
    world.healthy().await;
    assert_eq!(world.pods(), ["hermes-0", "hermes-1"]);
    world.server.put("pods", pod("prices", "hermes-2"));
    world.until("the change", |index| index.pods().count() == 3).await;
}

#[tokio::test]
async fn a_cluster_that_cannot_be_reached_at_the_start_is_watched_when_it_can() {
    let server = server().await;
    server.stop().await;
    let mut world = Watched::start(server).await;
    world.until("unreachable", |index| index.status().unreachable()).await;
    world.bot.type_in("U0ALICE", "/wk status").await;
    assert!(world.bot.told("U0ALICE")[0].contains("unreachable since"));
    world.server.start_again().await;
    world.healthy().await;
    assert_eq!(world.pods(), ["hermes-0", "hermes-1"]);
}

#[tokio::test]
async fn an_api_server_that_restarts_is_caught_up_with() {
    let mut world = Watched::start(server().await).await;
    world.healthy().await;
    world.server.stop().await;
    world.until("unreachable", |index| index.status().unreachable()).await;
    assert_eq!(world.pods(), ["hermes-0", "hermes-1"], "what was known stays");
    assert!(!world.look(|index| index.live(Kind::Pod)), "and is not believed");
    world.server.put("pods", pod("prices", "hermes-2"));
    world.server.delete("pods", "prices", "hermes-0");
    world.server.start_again().await;
    world.healthy().await;
    world.until("what was missed", |index| index.pod("prices", "hermes-2").is_some()).await;
    assert_eq!(world.pods(), ["hermes-1", "hermes-2"]);
}

#[tokio::test]
async fn history_that_is_gone_is_listed_anew() {
    let mut world = Watched::start(server().await).await;
    world.healthy().await;
    world.server.stop().await;
    world.server.delete("pods", "prices", "hermes-0");
    world.server.compact();
    world.server.start_again().await;
    world.until("the listing", |index| index.live(Kind::Pod) && index.pods().count() == 1).await;
    world.healthy().await;
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_waited_for() {
    let mut world = Watched::start(server().await).await;
    world.healthy().await;
    world.server.fail(Fault::Busy("pods"));
    let busy = |index: &Index| {
        matches!(index.status(),
        Status::Degraded { what: Trouble::Kinds(kinds), error, .. }
            if kinds == [Kind::Pod] && error.contains("asks to wait"))
    };
    world.until("busy", busy).await;
    assert!(world.look(|index| index.live(Kind::Node)), "the rest goes on");
    world.server.heal();
    world.healthy().await;
}

#[tokio::test]
async fn a_kind_without_rbac_is_named_and_the_rest_is_watched() {
    let server = server().await;
    server.fail(Fault::Forbidden("nodes"));
    let mut world = Watched::start(server).await;
    let forbidden = |index: &Index| {
        matches!(index.status(),
        Status::Degraded { what: Trouble::Kinds(kinds), .. } if kinds == [Kind::Node])
    };
    world.until("forbidden", forbidden).await;
    world.until("the pods", |index| index.live(Kind::Pod)).await;
    assert_eq!(world.pods().len(), 2);
    world.bot.type_in("U0ALICE", "/wk status").await;
    let told = world.bot.told("U0ALICE").remove(0);
    assert!(told.contains("nodes not watched since") && told.contains("grant it"), "{told}");
    world.server.heal();
    world.healthy().await;
}

#[tokio::test]
async fn a_custom_resource_that_is_not_installed_is_no_trouble() {
    let server = server().await;
    server.fail(Fault::Missing("certificates"));
    let mut world = Watched::start(server).await;
    world.healthy().await;
    assert!(!world.look(|index| index.live(Kind::Certificate)));
}

#[tokio::test]
async fn objects_that_make_no_sense_hold_nothing_up() {
    let server = server().await;
    server.put(
        "pods",
        json!({ "metadata": { "name": "odd", "namespace": "prices", "labels": 7 }, "spec": [1, 2],
        "status": { "phase": { "a": 1 }, "containerStatuses": "none", "conditions": [null, 3, {}] } }),
    );
    server.put("pods", json!({ "metadata": { "namespace": "prices" }, "status": 12 }));
    let mut world = Watched::start(server).await;
    world.healthy().await;
    assert_eq!(world.pods(), ["hermes-0", "hermes-1", "odd"]);
    assert_eq!(world.look(|index| index.unreadable().get(&Kind::Pod).copied()), Some(1));
    world.server.put("pods", pod("prices", "hermes-2"));
    world.until("the next", |index| index.pods().count() == 4).await;
}

#[tokio::test]
async fn only_the_namespaces_that_are_wanted_are_asked_for() {
    let server = server().await;
    server.put("pods", pod("other", "x"));
    let mut world =
        Watched::with(server, |cluster| cluster.namespaces.include = vec!["prices".to_owned(), "empty".to_owned()])
            .await;
    world.healthy().await;
    assert_eq!(world.pods(), ["hermes-0", "hermes-1"]);
    let pods: Vec<String> = world.server.asked().into_iter().filter(|path| path.contains("/pods")).collect();
    assert!(pods.iter().all(|path| path.contains("/namespaces/")), "{pods:?}");
}

#[tokio::test]
async fn namespaces_that_are_not_wanted_are_left_out() {
    let server = server().await;
    server.put("pods", pod("kube-system", "proxy"));
    let mut world = Watched::with(server, |cluster| cluster.namespaces.exclude = vec!["kube-system".to_owned()]).await;
    world.healthy().await;
    assert_eq!(world.pods(), ["hermes-0", "hermes-1"]);
    assert!(world.server.asked().iter().any(|path| path.contains("metadata.namespace%21%3Dkube-system")));
}
