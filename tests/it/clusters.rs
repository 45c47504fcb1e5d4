//! Kubernetes clusters under watch, and what goes wrong with them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchkeeper::cluster::Update;
use watchkeeper::config::Config;
use watchkeeper::config::clusters::Cluster;
use watchkeeper::core::detect::RuleConfig;
use watchkeeper::core::time::Span;
use watchkeeper::core::workload::rules::RuleName;
use watchkeeper::core::workload::{Index, Kind, Status, Trouble};

use crate::support::cluster::{ApiServer, Fault};
use crate::support::{Bot, Database};

/// A bot, its cluster, and the watches between them.
struct Watched {
    bot: Option<Bot>,
    server: Option<ApiServer>,
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
        let mut cluster = Cluster::by_kubeconfig("prod", server.kubeconfig());
        cluster.owners = BTreeMap::from([("oracle".to_owned(), "U0ALICE".to_owned())]);
        change(&mut cluster);
        let configure = |config: &mut Config| config.clusters = vec![cluster];
        let bot = Bot::with(Database::sqlite(), configure).await;
        server.set_clock(bot.clock.clone(), 0);
        Self::follow(bot, server)
    }

    fn follow(bot: Bot, server: ApiServer) -> Self {
        let (out, news) = mpsc::channel(1024);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        bot.flow.clusters.watch(&out, &bot.flow.clock, 7, &tasks, &stop);
        Self { bot: Some(bot), server: Some(server), news, stop }
    }

    /// The bot dies and starts again; the cluster does not.
    async fn restart(mut self) -> Self {
        self.stop.cancel();
        let (bot, server) = (self.bot.take().unwrap(), self.server.take().unwrap());
        Self::follow(bot.restart().await, server)
    }

    fn bot(&self) -> &Bot {
        self.bot.as_ref().unwrap()
    }

    fn server(&self) -> &ApiServer {
        self.server.as_ref().unwrap()
    }

    /// Moves time, a second at a time: news comes in, the rules look, what fires is enquired about.
    async fn advance(&mut self, secs: u64) {
        for _ in 0..secs {
            self.bot().advance(1).await;
            while let Ok(update) = self.news.try_recv() {
                self.bot().flow.observe_clusters(vec![update]);
            }
            self.bot().flow.judge_clusters().await;
            self.bot().flow.enquire_clusters().await;
            self.bot().settle().await;
        }
    }

    fn look<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        self.bot().flow.with_clusters(|clusters| look(&clusters.get("prod").unwrap().index))
    }

    fn status(&self) -> Status {
        self.look(Index::status)
    }

    /// Takes news in, and moves time while none comes, until `done`.
    async fn until(&mut self, what: &str, done: impl Fn(&Index) -> bool) {
        let waited = async {
            while !self.look(&done) {
                match tokio::time::timeout(Duration::from_millis(5), self.news.recv()).await {
                    Ok(update) => self.bot().flow.observe_clusters(vec![update.unwrap()]),
                    Err(_) => self.bot().clock.advance(Duration::from_millis(200)),
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

pub fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": namespace, "uid": name },
        "spec": { "nodeName": "node-1", "containers": [{ "name": "app", "image": "app:1" }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }
    })
}

fn node(name: &str) -> Value {
    json!({ "metadata": { "name": name }, "status": { "conditions": [{ "type": "Ready", "status": "True" }] } })
}

pub async fn server() -> ApiServer {
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
    world.bot().type_in("U0ALICE", "/wk status").await;
    let told = world.bot().told("U0ALICE").remove(0);
    assert!(told.contains("Cluster prod") && told.contains("1 node, 2 pods"), "{told}");
}

#[tokio::test]
async fn changes_and_ends_reach_the_index() {
    let mut world = Watched::start(server().await).await;
    world.healthy().await;
    world.server().put("pods", pod("prices", "hermes-2"));
    world.server().delete("pods", "prices", "hermes-0");
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
    world.server().put("pods", pod("prices", "hermes-2"));
    world.until("the change", |index| index.pods().count() == 3).await;
}

#[tokio::test]
async fn a_cluster_that_cannot_be_reached_at_the_start_is_watched_when_it_can() {
    let server = server().await;
    server.stop().await;
    let mut world = Watched::start(server).await;
    world.until("unreachable", |index| index.status().unreachable()).await;
    world.bot().type_in("U0ALICE", "/wk status").await;
    assert!(world.bot().told("U0ALICE")[0].contains("unreachable since"));
    world.server().start_again().await;
    world.healthy().await;
    assert_eq!(world.pods(), ["hermes-0", "hermes-1"]);
}

#[tokio::test]
async fn an_api_server_that_restarts_is_caught_up_with() {
    let mut world = Watched::start(server().await).await;
    world.healthy().await;
    world.server().stop().await;
    world.until("unreachable", |index| index.status().unreachable()).await;
    assert_eq!(world.pods(), ["hermes-0", "hermes-1"], "what was known stays");
    assert!(!world.look(|index| index.live(Kind::Pod)), "and is not believed");
    world.server().put("pods", pod("prices", "hermes-2"));
    world.server().delete("pods", "prices", "hermes-0");
    world.server().start_again().await;
    world.healthy().await;
    world.until("what was missed", |index| index.pod("prices", "hermes-2").is_some()).await;
    assert_eq!(world.pods(), ["hermes-1", "hermes-2"]);
}

#[tokio::test]
async fn history_that_is_gone_is_listed_anew() {
    let mut world = Watched::start(server().await).await;
    world.healthy().await;
    world.server().stop().await;
    world.server().delete("pods", "prices", "hermes-0");
    world.server().compact();
    world.server().start_again().await;
    world.until("the listing", |index| index.live(Kind::Pod) && index.pods().count() == 1).await;
    world.healthy().await;
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_waited_for() {
    let mut world = Watched::start(server().await).await;
    world.healthy().await;
    world.server().fail(Fault::Busy("pods"));
    let busy = |index: &Index| {
        matches!(index.status(),
        Status::Degraded { what: Trouble::Kinds(kinds), error, .. }
            if kinds == [Kind::Pod] && error.contains("asks to wait"))
    };
    world.until("busy", busy).await;
    assert!(world.look(|index| index.live(Kind::Node)), "the rest goes on");
    world.server().heal();
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
    world.bot().type_in("U0ALICE", "/wk status").await;
    let told = world.bot().told("U0ALICE").remove(0);
    assert!(told.contains("nodes not watched since") && told.contains("grant it"), "{told}");
    world.server().heal();
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
    world.server().put("pods", pod("prices", "hermes-2"));
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
    let pods: Vec<String> = world.server().asked().into_iter().filter(|path| path.contains("/pods")).collect();
    assert!(pods.iter().all(|path| path.contains("/namespaces/")), "{pods:?}");
}

#[tokio::test]
async fn namespaces_that_are_not_wanted_are_left_out() {
    let server = server().await;
    server.put("pods", pod("kube-system", "proxy"));
    let mut world = Watched::with(server, |cluster| cluster.namespaces.exclude = vec!["kube-system".to_owned()]).await;
    world.healthy().await;
    assert_eq!(world.pods(), ["hermes-0", "hermes-1"]);
    assert!(world.server().asked().iter().any(|path| path.contains("metadata.namespace%21%3Dkube-system")));
}

/// `rules` fire after a minute, so that stories stay short.
pub fn soon(rules: &'static [RuleName]) -> impl FnOnce(&mut Cluster) {
    move |cluster| {
        let config = RuleConfig { pending_for: Some(Span::from_secs(60)), ..RuleConfig::default() };
        cluster.rules = rules.iter().map(|rule| (*rule, config.clone())).collect();
    }
}

/// A pod whose container was killed for its memory and waits to be restarted.
pub fn crashing(name: &str) -> Value {
    let mut pod = pod("prices", name);
    pod["metadata"]["labels"] = json!({ "team": "oracle" });
    pod["status"]["conditions"] = json!([{ "type": "Ready", "status": "False" }]);
    pod["status"]["containerStatuses"] = json!([{
        "name": "app", "ready": false, "restartCount": 7,
        "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting" } },
        "lastState": { "terminated": { "exitCode": 1, "reason": "Error", "finishedAt": "2026-11-24T11:58:30Z" } }
    }]);
    pod
}

#[tokio::test]
async fn a_crash_loop_becomes_one_message_that_says_why_and_whose_it_is() {
    let server = server().await;
    server.put("pods", crashing("hermes-0"));
    server.print("connecting\nfatal: cannot reach the database password=hunter2 at db:5432\n");
    server.put(
        "events",
        json!({ "metadata": { "name": "e1", "namespace": "prices" }, "type": "Warning", "reason": "BackOff", "count": 7,
            "message": "Back-off restarting failed container", "lastTimestamp": "2026-11-24T11:59:00Z",
            "involvedObject": { "kind": "Pod", "namespace": "prices", "name": "hermes-0" } }),
    );
    let mut world = Watched::with(server, soon(&[RuleName::KubePodCrashLooping])).await;
    world.healthy().await;
    world.advance(90).await;
    let told = world.bot().alerts().remove(0);
    for part in [
        "prices/hermes-0 crash loops",
        "7 restarts",
        "last exit: Error (code 1)",
        "cannot reach the database",
        "BackOff ×7",
        "U0ALICE",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
    assert_eq!(world.bot().alerts().len(), 1);
    world.server().put("pods", pod("prices", "hermes-0"));
    world.until("the end", |index| index.pod("prices", "hermes-0").is_some_and(|pod| pod.ready)).await;
    world.advance(360).await;
    assert!(world.bot().alerts()[0].contains("Resolved"), "{:?}", world.bot().alerts());
}

#[tokio::test]
async fn a_node_outage_is_one_alert_and_not_one_for_each_of_its_pods() {
    let rules: &[RuleName] = &[RuleName::KubeNodeNotReady, RuleName::KubeNodeUnreachable, RuleName::KubePodNotReady];
    let mut world = Watched::with(server().await, soon(rules)).await;
    world.healthy().await;
    let mut down = node("node-1");
    down["status"]["conditions"] =
        json!([{ "type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting" }]);
    down["spec"]["taints"] = json!([{ "key": "node.kubernetes.io/unreachable", "effect": "NoSchedule" }]);
    for name in ["hermes-0", "hermes-1"] {
        let mut pod = pod("prices", name);
        pod["status"]["conditions"] = json!([{ "type": "Ready", "status": "False" }]);
        world.server().put("pods", pod);
    }
    world.server().put("nodes", down);
    world.advance(120).await;
    let told = world.bot().alerts();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("node node-1 is unreachable"), "{told:#?}");
}

#[tokio::test]
async fn five_thousand_pods_that_fail_together_are_one_message() {
    let server = server().await;
    for nth in 0..5000 {
        server.put("pods", crashing(&format!("pod-{nth:04}")));
    }
    let mut world = Watched::with(server, soon(&[RuleName::KubePodCrashLooping])).await;
    world.healthy().await;
    world.advance(75).await;
    let told = world.bot().alerts();
    assert_eq!(told.len(), 1, "{}", told.len());
    assert!(told[0].contains("5000"), "{told:#?}");
    let logs = world.server().asked().into_iter().filter(|path| path.contains("/log?")).count();
    assert!((1..=3).contains(&logs), "{logs} logs were asked for");
}

#[tokio::test]
async fn an_outage_of_a_cluster_is_one_alert_and_neither_fires_nor_resolves_others() {
    let server = server().await;
    server.put("pods", crashing("hermes-0"));
    let mut world = Watched::with(server, soon(&[RuleName::KubePodCrashLooping])).await;
    world.healthy().await;
    world.advance(90).await;
    assert_eq!(world.bot().alerts().len(), 1);
    world.server().put("pods", crashing("hermes-1"));
    world.until("the second", |index| index.pods().all(|pod| !pod.ready)).await;
    world.advance(5).await;
    world.server().stop().await;
    world.until("unreachable", |index| index.status().unreachable()).await;
    world.advance(150).await;
    let told = world.bot().alerts();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[1].contains("cluster prod is unreachable"), "{told:#?}");
    assert!(!told[0].contains("Resolved") && !told[0].contains("hermes-1"), "{told:#?}");
    world.server().put("pods", pod("prices", "hermes-0"));
    world.server().put("pods", pod("prices", "hermes-1"));
    world.server().start_again().await;
    world.healthy().await;
    world.until("what was missed", |index| index.pods().all(|pod| pod.ready)).await;
    world.advance(400).await;
    let told = world.bot().alerts();
    assert!(told.iter().all(|message| message.contains("Resolved")), "{told:#?}");
}

#[tokio::test]
async fn alerts_go_on_over_a_restart_and_end_when_their_cause_does() {
    let server = server().await;
    server.put("pods", crashing("hermes-0"));
    let mut world = Watched::with(server, soon(&[RuleName::KubePodCrashLooping])).await;
    world.healthy().await;
    world.advance(90).await;
    let mut world = world.restart().await;
    world.advance(5).await;
    assert!(!world.bot().alerts()[0].contains("Resolved"), "nothing is known yet");
    world.server().put("pods", pod("prices", "hermes-0"));
    world.healthy().await;
    world.until("the pod", |index| index.pod("prices", "hermes-0").is_some_and(|pod| pod.ready)).await;
    world.advance(360).await;
    let told = world.bot().alerts();
    assert!(told.len() == 1 && told[0].contains("Resolved"), "{told:#?}");
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_and_misleads_no_rule() {
    let mut world = Watched::start(server().await).await;
    world.server().set_clock(world.bot().clock.clone(), -2 * 3600);
    world.healthy().await;
    let skewed = |index: &Index| {
        matches!(index.reach(),
        watchkeeper::core::workload::Reach::Up { skew_millis, .. } if *skew_millis < -3_600_000)
    };
    world.until("the skew", skewed).await;
    // Killed just now, which that clock calls two hours ago.
    let mut killed = crashing("hermes-0");
    killed["status"]["containerStatuses"][0]["state"] = json!({ "running": {} });
    killed["status"]["containerStatuses"][0]["lastState"]["terminated"] =
        json!({ "exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-24T10:02:00Z" });
    world.server().put("pods", killed);
    world.until("the kill", |index| index.pod("prices", "hermes-0").is_some_and(|pod| !pod.ready)).await;
    world.advance(15).await;
    assert!(world.bot().alerts()[0].contains("ran out of memory"), "{:?}", world.bot().alerts());
    world.bot().type_in("U0ALICE", "/wk status").await;
    assert!(world.bot().told("U0ALICE")[0].contains("behind ours"));
}

#[tokio::test]
#[ignore = "needs a kube-apiserver: run scripts/test"]
async fn a_real_api_server_is_watched() {
    use crate::support::kube::{ADMIN, Kube};
    let kube = Kube::namespace().await;
    let namespace = kube.namespace.clone();
    let manifest = |name: &str| {
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": namespace },
            "spec": { "containers": [{ "name": "app", "image": "app:1" }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } })
    };
    kube.create(&manifest("before")).await;
    let (kubeconfig, include) = (kube.kubeconfig(ADMIN), vec![namespace.clone()]);
    let mut world = Watched::with(server().await, |cluster| {
        (cluster.kubeconfig, cluster.namespaces.include) = (Some(kubeconfig), include);
    })
    .await;
    world.healthy().await;
    assert_eq!(world.pods(), ["before"]);
    kube.create(&manifest("later")).await;
    let api = kube.api("v1", "Pod").await;
    let later = namespace.clone();
    world.until("the new pod", move |index| index.pod(&later, "later").is_some_and(|pod| pod.ready)).await;
    api.delete("before", &kube::api::DeleteParams { grace_period_seconds: Some(0), ..Default::default() })
        .await
        .unwrap();
    world.until("the end of the old", |index| index.pods().count() == 1).await;
    assert!(!world.look(|index| index.live(Kind::Certificate)), "there is no cert-manager here");
}
