//! Questions about what runs in the clusters, asked of the local cluster.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use watchkeeper::cluster::Update;
use watchkeeper::config::clusters::Cluster;
use watchkeeper::core::ids::UserId;
use watchkeeper::core::workload::{Clusters, Index, Status};
use watchkeeper::sim::cluster::{self, Crash, Failure, Rule};

use super::support::process::Place;
use super::support::{Bot, Database, TestClock};

/// A bot that watches the local cluster as `prod`; news is taken in when a story says so.
struct Watched {
    bot: Bot,
    cluster: cluster::Handle,
    news: mpsc::Receiver<Update>,
    _files: tempfile::TempDir,
    _stop: DropGuard,
}

/// When all is well nothing waits this long.
const SOON: Duration = Duration::from_secs(30);

impl Watched {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut watchkeeper::config::Config)) -> Self {
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join("kubeconfig");
        let cluster = cluster::start(cluster::Config::by_hand(TestClock::new())).await.unwrap();
        cluster.write_kubeconfig("local", &path).unwrap();
        let bot = Bot::with(Database::sqlite(), |config| {
            config.clusters = vec![Cluster::by_kubeconfig("prod", path)];
            change(config);
        })
        .await;
        let (out, news) = mpsc::channel(1024);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        bot.flow.clusters.watch(&out, &bot.flow.clock, 7, &tasks, &stop);
        let mut watched = Self { bot, cluster, news, _files: files, _stop: stop.drop_guard() };
        watched.until(|index| matches!(index.status(), Status::Healthy { .. })).await;
        watched
    }

    /// Takes news in until `seen` holds of the cluster.
    async fn until(&mut self, seen: impl Fn(&Index) -> bool) {
        let flow = Arc::clone(&self.bot.flow);
        let holds = || flow.with_clusters(|clusters: &Clusters| seen(&clusters.get("prod").unwrap().index));
        while !holds() {
            let update = tokio::time::timeout(SOON, self.news.recv()).await.expect("the cluster says so").unwrap();
            flow.observe_clusters(vec![update]);
        }
    }

    async fn ask(&self, line: &str) -> String {
        self.bot.type_in("alice", line).await
    }

    /// The pushers crash, and have been restarted once.
    async fn crash(&mut self) {
        let lines = [
            "connecting to postgres://pusher:hunter2@db/prices",
            "using token=xoxb-123456789012-abcdefghij",
            "panicked: nonce too low",
        ];
        let lines = lines.map(str::to_owned).to_vec();
        self.cluster.crash("feeds", "price-pusher-evm", Crash { exit_code: 101, reason: "Error".to_owned(), lines });
        self.until(|index| index.deployment("feeds", "price-pusher-evm").is_some_and(|it| it.ready == 0)).await;
        let down = |index: &Index| {
            let pods = index.pods_in("feeds").filter(|pod| pod.meta.name.starts_with("price-pusher-evm"));
            pods.flat_map(|pod| &pod.containers).all(|it| it.in_crash_loop() && it.last.is_some())
        };
        self.until(down).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_for_clusters_shows_what_is_wrong_first() {
    let mut watched = Watched::start().await;
    let calm = watched.ask("/wk cluster").await;
    assert!(calm.contains("1 cluster: all well") && calm.contains("4 nodes ready"), "{calm}");
    watched.crash().await;
    watched.cluster.set_node_up("worker-4", false);
    watched.until(|index| index.node("worker-4").is_some_and(|node| node.reason.as_ref() == "NodeStatusUnknown")).await;
    let told = watched.ask("/wk cluster prod").await;
    for part in ["price-pusher-evm", "CrashLoopBackOff", "0 of 2 ready", "worker-4", "not heard of", "3 of 4 nodes"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let nodes = watched.ask("/wk nodes").await;
    assert!(nodes.contains("3 of 4 nodes ready") && nodes.contains("stopped posting"), "{nodes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_says_all_that_matters_of_a_workload() {
    let watched = Watched::start().await;
    let card = watched.ask("/wk workload hermes").await;
    for part in [
        "🟢 hermes",
        "3* of 3",
        "complete (revision 3)",
        "hermes:v0.10.4",
        "3 to 6, now 3",
        "3 healthy, 2 needed",
        "by argocd-controller",
        "Managed by *Argo CD application feeds*",
        "oracle",
        "[Logs]",
        "[Pods]",
        "[Rollout]",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }
    let cron = watched.ask("/wk workload report-publishers").await;
    assert!(cron.contains("*/10 * * * *"), "{cron}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_the_workloads_by_the_pods_it_covers_and_not_by_its_name() {
    let watched = Watched::start().await;
    let budget = |name: &str, app: &str| {
        let selector = json!({"matchLabels": {"app": app}});
        let object = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": name, "namespace": "feeds"}, "spec": {"minAvailable": 1, "selector": selector}});
        watched.cluster.create("poddisruptionbudgets", object, "kubectl");
        watched.cluster.tick();
    };
    assert!(!watched.ask("/wk workload price-pusher-evm -n feeds").await.contains("budget"));
    budget("pushers", "price-pusher-evm");
    let card = watched.ask("/wk workload price-pusher-evm -n feeds").await;
    assert!(card.contains("2 healthy, 1 needed: 1 may go"), "{card}");
    budget("price-pusher-evm", "another");
    let card = watched.ask("/wk workload price-pusher-evm -n feeds").await;
    assert!(card.contains("2 healthy, 1 needed: 1 may go"), "the one of its name covers others: {card}");
    budget("all-feeds", "price-pusher-evm");
    let card = watched.ask("/wk workload price-pusher-evm -n feeds").await;
    assert!(card.contains("`all-feeds` and `pushers`: Kubernetes evicts no pod that two of them cover"), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashing_workload_shows_why_and_offers_the_log_before_the_crash() {
    let mut watched = Watched::start().await;
    watched.crash().await;
    let card = watched.ask("/wk workload price-pusher-evm -n feeds").await;
    for part in ["🔴", "0* of 2", "CrashLoopBackOff", "101 Error", "Back-off restarting", "[Logs before the crash]"] {
        assert!(card.contains(part), "{part}: {card}");
    }
    let pods = watched.ask("/wk pods -n feeds").await;
    let first = pods.lines().find(|line| line.contains("price-pusher") || line.contains("hermes")).unwrap();
    assert!(first.contains("price-pusher-evm") && pods.contains("2 of"), "{pods}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_redacted_goes_to_the_reader_alone_and_is_on_record() {
    let mut watched = Watched::start().await;
    watched.crash().await;
    let said = watched.ask("/wk logs price-pusher-evm --previous").await;
    assert!(said.contains("Reading the log of"), "{said}");
    let told = watched.bot.told("alice").remove(0);
    assert!(
        told.contains("nonce too low") && told.contains("pusher:[hidden]@db") && told.contains("token=[hidden]"),
        "{told}"
    );
    assert!(!told.contains("hunter2") && !told.contains("xoxb-"), "{told}");
    let audit = watched.bot.audit().await;
    assert!(audit.iter().any(|entry| entry.contains("logs.read prod/feeds/price-pusher-evm-")), "{audit:#?}");

    // A long one: its end here, all of it as a file for the reader's eyes.
    watched.ask("/wk logs hermes --since 10m").await;
    let told = watched.bot.told("alice").remove(0);
    assert!(told.contains("lines are in your direct messages"), "{told}");
    let direct = watched.bot.slack.seen_by("alice", "@watchkeeper");
    assert!(direct.iter().any(|message| message.to_string().contains(".log")), "{direct:#?}");
    assert!(watched.bot.posted().is_empty(), "nothing in the channel");
    assert!(watched.cluster.asked().iter().all(|asked| asked.resource != "secrets"));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_for_responders() {
    let watched = Watched::with(|config| config.access.responders = vec![UserId::new("U0ALICE")]).await;
    let refused = watched.bot.type_in("bob", "/wk logs hermes").await;
    assert!(refused.contains("Only responders"), "{refused}");
    let audit = watched.bot.audit().await;
    assert!(audit.iter().any(|entry| entry.ends_with("command.denied logs")), "{audit:#?}");
    assert!(!watched.cluster.asked().iter().any(|asked| asked.resource == "pods/log"));
    let card = watched.bot.type_in("bob", "/wk workload hermes").await;
    assert!(card.contains("3* of 3"), "reading is open: {card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_there_is_explained() {
    let watched = Watched::start().await;
    watched.ask("/wk logs keeper --previous").await;
    let told = watched.bot.told("alice").remove(0);
    assert!(told.contains("no run before this one"), "{told}");
    watched.cluster.faults(|faults| faults.next("pods", 1, Failure::Status(503)));
    watched.ask("/wk logs keeper").await;
    let told = watched.bot.told("alice").remove(0);
    assert!(told.contains("No log of") && told.contains("try again"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_are_listed_with_their_images_and_causes() {
    let watched = Watched::start().await;
    let told = watched.ask("/wk rollout hermes").await;
    for part in ["hermes:v0.10.4", "hermes:v0.10.3", "hermes:v0.10.2", "image ghcr.io/acme/hermes:v0.10.4", "current"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let postgres = watched.ask("/wk rollout postgres").await;
    assert!(postgres.contains("postgres:17.7"), "{postgres}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_fits_several_asks_which_and_a_slip_gets_the_nearest() {
    let watched = Watched::start().await;
    let which = watched.ask("/wk workload price-pusher").await;
    for part in ["2 workloads", "price-pusher-evm", "price-pusher-solana", "[This one]"] {
        assert!(which.contains(part), "{part}: {which}");
    }
    let slip = watched.ask("/wk workload hermse").await;
    assert!(slip.contains("Did you mean `hermes`?"), "{slip}");
    let nowhere = watched.ask("/wk workload hermes -c dev").await;
    assert!(nowhere.contains("no cluster called *dev*") && nowhere.contains("`prod`"), "{nowhere}");
    let elsewhere = watched.ask("/wk workload hermes -n platform").await;
    assert!(elsewhere.contains("No workload or pod is called"), "{elsewhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_answer_is_said_on_every_answer() {
    let mut watched = Watched::start().await;
    watched.cluster.outage(true);
    watched.bot.clock.advance(Duration::from_secs(11));
    watched.until(|index| index.status().unreachable()).await;
    for line in ["/wk cluster", "/wk pods hermes", "/wk nodes", "/wk workload hermes"] {
        let told = watched.ask(line).await;
        assert!(told.contains("*prod* has not answered since"), "{line}: {told}");
    }
    let rollout = watched.ask("/wk rollout hermes").await;
    assert!(rollout.contains("did not give the revisions"), "{rollout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cluster_the_answer_says_how_to_get_one() {
    let bot = Bot::start().await;
    for line in ["/wk cluster", "/wk pods", "/wk logs hermes"] {
        let told = bot.type_in("alice", line).await;
        assert!(told.contains("I watch no cluster") && told.contains("clusters:"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_asks_for_exactly_the_one_it_stands_for() {
    let watched = Watched::start().await;
    let ts = watched.bot.slack.say("alice", "feeds-alerts", "<@U0WATCH> workload price-pusher").await.unwrap();
    watched.bot.settle().await;
    let thread = watched.bot.slack.thread("feeds-alerts", &ts);
    let answer = thread[1]["ts"].as_str().unwrap().to_owned();
    let seen = watched.bot.slack.click("alice", "feeds-alerts", &answer, "This one").await;
    watched.bot.settle().await;
    assert!(seen.ok(), "{seen}");
    let told = watched.bot.told("alice").remove(0);
    assert!(told.contains("price-pusher-evm") && told.contains("2* of 2"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_that_is_printed_is_the_role_that_doctor_asks_for() {
    let place = Place::new().await;
    let (code, said) = place.run(&["rbac"]).await;
    assert!(code == 1 && said.contains("no cluster is configured"), "{said}");

    let clock = Arc::new(watchkeeper::clock::SystemClock::new(1));
    let cluster = cluster::start(cluster::Config::by_hand(clock)).await.unwrap();
    let path = place.dir.path().join("kubeconfig");
    cluster.write_kubeconfig("local", &path).unwrap();
    place.configure(&format!("{}clusters: [{{name: prod, kubeconfig: {}}}]\n", place.usual(), path.display()));
    let (code, yaml) = place.run(&["rbac", "--namespace", "ops"]).await;
    assert_eq!(code, 0, "{yaml}");
    for part in
        ["kind: ServiceAccount", "kind: ClusterRole\n", "kind: ClusterRoleBinding", "namespace: ops", "\"pods/log\""]
    {
        assert!(yaml.contains(part), "{part}: {yaml}");
    }

    // What is printed, as the API server would have it.
    let granted: Vec<Rule> = yaml
        .lines()
        .filter_map(|line| line.split_once(": ["))
        .map(|(_, words)| serde_json::from_str::<Vec<String>>(&format!("[{words}")).unwrap())
        .collect::<Vec<_>>()
        .chunks(3)
        .map(|it| Rule { groups: it[0].clone(), resources: it[1].clone(), verbs: it[2].clone(), names: Vec::new() })
        .collect();
    cluster.set_role(granted.clone());
    let (_, said) = place.run(&["doctor"]).await;
    assert!(said.contains("ok    prod: every right that is needed is granted"), "{said}");

    let without: Vec<Rule> =
        granted.into_iter().filter(|rule| !rule.resources.iter().any(|resource| resource == "pods/log")).collect();
    cluster.set_role(without);
    let (code, said) = place.run(&["doctor"]).await;
    assert_eq!(code, 1);
    assert!(said.contains("WRONG prod: not allowed: core pods/log: get (logs, redacted, for responders)"), "{said}");

    cluster.set_role(vec![Rule::new(&["*"], &["*"], &["*"])]);
    let (_, said) = place.run(&["doctor"]).await;
    assert!(said.contains("prod: it may read Secrets, which nothing here needs"), "{said}");
}
