//! Clusters divided: each is watched by one replica, alerts once, moves without a word, and is asked about anywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchkeeper::cluster::Update;
use watchkeeper::config::clusters::Cluster;
use watchkeeper::core::shard::Shard;
use watchkeeper::core::workload::Status;
use watchkeeper::core::workload::rules::RuleName;
use watchkeeper::flow::Flow;
use watchkeeper::jobs;

use super::super::clusters::{crashing, pod, server, soon};
use super::super::support::cluster::ApiServer;
use super::super::support::{Bot, Database, Replica};
use super::{answering, divide};

/// What runs in one process for the clusters that are its to watch.
struct Watching {
    out: mpsc::Sender<Update>,
    news: mpsc::Receiver<Update>,
    running: BTreeMap<Shard, CancellationToken>,
}

impl Watching {
    fn new() -> Self {
        let (out, news) = mpsc::channel(1024);
        Self { out, news, running: BTreeMap::new() }
    }

    fn follow(&mut self, flow: &Flow) {
        let held = flow.shards().borrow().clone();
        self.running.retain(|shard, token| {
            held.contains(shard) || {
                token.cancel();
                false
            }
        });
        for shard in held {
            let Shard::Cluster(name) = &shard else { continue };
            let (name, out) = (name.clone(), &self.out);
            self.running.entry(shard).or_insert_with(|| {
                let token = CancellationToken::new();
                flow.clusters.watch_one(&name, out, &flow.clock, 7, &TaskTracker::new(), &token);
                token
            });
        }
    }
}

struct World {
    bot: Bot,
    others: Vec<Replica>,
    watching: Vec<Watching>,
    servers: Vec<ApiServer>,
}

impl World {
    async fn start() -> Option<Self> {
        let database = Database::postgres()?;
        let servers = vec![server().await, server().await];
        let clusters = ["eu", "us"].iter().zip(&servers).map(|(name, server)| {
            let mut cluster = Cluster::by_kubeconfig(name, server.kubeconfig());
            soon(&[RuleName::KubePodCrashLooping])(&mut cluster);
            cluster
        });
        let clusters: Vec<Cluster> = clusters.collect();
        let bot = Bot::with(database, |config| {
            config.clusters = clusters;
            divide(config, false);
        })
        .await;
        for server in &servers {
            server.set_clock(bot.clock.clone(), 0);
        }
        let others = vec![bot.replica().await.unwrap()];
        let mut world = Self { bot, others, watching: vec![Watching::new(), Watching::new()], servers };
        world.until("both clusters are watched", |world| world.healthy("eu") && world.healthy("us")).await;
        Some(world)
    }

    fn flows(&self) -> Vec<&Flow> {
        std::iter::once(&*self.bot.flow).chain(self.others.iter().map(|other| &*other.flow)).collect()
    }

    fn owner(&self, name: &str) -> Option<&Flow> {
        let shard = Shard::Cluster(name.to_owned());
        self.flows().into_iter().find(|flow| flow.shards().borrow().contains(&shard))
    }

    fn healthy(&self, name: &str) -> bool {
        self.owner(name).is_some_and(|flow| {
            flow.with_clusters(|all| matches!(all.get(name).unwrap().index.status(), Status::Healthy { .. }))
        })
    }

    async fn advance(&mut self, secs: u64) {
        for _ in 0..secs {
            self.bot.clock.advance(Duration::from_secs(1));
            let flows: Vec<std::sync::Arc<Flow>> = std::iter::once(std::sync::Arc::clone(&self.bot.flow))
                .chain(self.others.iter().map(|other| std::sync::Arc::clone(&other.flow)))
                .collect();
            for (flow, watching) in flows.iter().zip(&mut self.watching) {
                flow.keep_lease().await.unwrap();
                flow.keep_shards().await.unwrap();
                watching.follow(flow);
                while let Ok(update) = watching.news.try_recv() {
                    flow.observe_clusters(vec![update]);
                }
                flow.judge_clusters().await;
                flow.enquire_clusters().await;
            }
            let flows: Vec<&Flow> = flows.iter().map(|flow| &**flow).collect();
            let work = async {
                for flow in &flows {
                    flow.tick().await;
                    while flow.sweep().await.unwrap() + jobs::run_due(flow).await.unwrap() > 0 {}
                }
            };
            tokio::select! { () = work => {}, () = answering(&flows) => unreachable!() }
        }
    }

    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let mut pauses = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..600 {
            if done(self) {
                return;
            }
            pauses.tick().await;
            self.advance(1).await;
        }
        panic!("never: {what}");
    }

    async fn ask(&self, other: bool, line: &str) -> String {
        let address = if other { self.others[0].address } else { self.bot.address };
        let (flows, asked) = (self.flows(), self.bot.ask_at(address, "alice", line));
        tokio::select! { answer = asked => answer, () = answering(&flows) => unreachable!() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cluster_is_watched_by_one_replica_and_asked_about_anywhere() {
    let Some(mut world) = World::start().await else { return };
    for flow in world.flows() {
        let pods = flow.with_clusters(|all| all.iter().map(|it| it.index.pods().count()).collect::<Vec<_>>());
        assert_eq!((flow.shards().borrow().len(), pods.iter().sum::<usize>()), (1, 2), "{pods:?}");
    }
    for (other, line) in [(false, "/wk pods"), (true, "/wk pods"), (false, "/wk cluster"), (true, "/wk cluster")] {
        let told = world.ask(other, line).await;
        for part in if line == "/wk pods" { ["hermes-0", "hermes-1"] } else { ["eu", "us"] } {
            assert!(told.contains(part), "{line}, {other}: {told}");
        }
        assert!(!told.contains("unreachable") && !told.contains("did not answer"), "{line}, {other}: {told}");
    }
    let told = world.ask(true, "/wk pods -c eu").await;
    assert!(told.contains("hermes-1"), "{told}");
    // What was told is not judged here, and forgotten after a while.
    world.advance(330).await;
    let pods = |flow: &Flow| flow.with_clusters(|all| all.iter().map(|it| it.index.pods().count()).sum::<usize>());
    assert_eq!(world.flows().into_iter().map(pods).collect::<Vec<_>>(), [2, 2]);
    assert!(world.bot.posted().is_empty(), "{:#?}", world.bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_in_a_cluster_of_another_replica_alerts_once_and_ends_after_its_watcher_died() {
    let Some(mut world) = World::start().await else { return };
    let names = ["eu", "us"];
    let decides = |name: &&str| world.owner(name).is_some_and(|flow| flow.lease().is_none());
    let nth = names.iter().position(decides).unwrap();
    world.servers[nth].put("pods", crashing("hermes-0"));
    world.servers[nth].print("fatal: cannot reach the database\n");
    world.advance(120).await;
    let told = world.bot.alerts();
    assert!(told.len() == 1 && told[0].contains("crash loops"), "{told:#?}");
    assert!(told[0].contains("cannot reach the database"), "its watcher asked for its log: {told:#?}");

    world.others.pop();
    world.watching.pop().unwrap().running.into_values().for_each(|token| token.cancel());
    world.until("it is taken over", |world| world.healthy("eu") && world.healthy("us")).await;
    world.advance(60).await;
    let told = world.bot.alerts();
    assert!(told.len() == 1 && !told[0].contains("Resolved"), "it goes on: {told:#?}");
    world.servers[nth].put("pods", pod("prices", "hermes-0"));
    world.advance(420).await;
    let told = world.bot.alerts();
    assert!(told.len() == 1 && told[0].contains("Resolved"), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_so_when_the_watcher_of_a_cluster_does_not_tell() {
    let Some(world) = World::start().await else { return };
    let told = world.bot.ask_at(world.bot.address, "alice", "/wk cluster").await;
    assert!(told.contains("another replica watches it and did not answer in time"), "{told}");
}
