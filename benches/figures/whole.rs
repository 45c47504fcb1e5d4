//! The whole bot as a process of its own, with everything it watches: 500 feeds, 10,000 pods, 1,000 addresses on four chains.

use std::time::Duration;

use tokio::runtime::Runtime;
use watchkeeper::config::Config;
use watchkeeper::config::balances::{Account, Balances, Chain, Endpoint};
use watchkeeper::config::clusters::Cluster;
use watchkeeper::core::time::{Span, Timestamp};
use watchkeeper::core::wallet::watch::Kept;
use watchkeeper::core::wallet::{Amount, ChainKind};
use watchkeeper::store::{Settings, Store, balances};

use crate::bot::{Bot, processor_time};
use crate::chains::{self, ACCOUNTS_PER_CHAIN, Local};
use crate::clusters::{ApiServer, PODS, server_of_pods};
use crate::wait;
use crate::world::World;

const FEEDS: usize = 500;
const SETTLE: Duration = Duration::from_secs(90);
/// What every wallet has behind it: it got less with every reading, so that nothing could be left out of its past.
const PAST: Duration = Duration::from_hours(8 * 24);

pub fn measure(runtime: &Runtime) {
    let world = World::open(runtime, FEEDS);
    let idle = settled(&world.config("idle"), "idle");
    let pods = runtime.block_on(server_of_pods());
    let mut config = world.config("pods");
    config.clusters = vec![Cluster::by_kubeconfig("prod", pods.kubeconfig())];
    let with_pods = settled(&config, "10,000 pods");
    println!("{PODS} pods watched: {:.1} MB above idle", with_pods - idle);

    let whole = watching(&world, &pods, &Nodes::start(runtime), "whole");
    runtime.block_on(past(&whole, world.clock.now()));
    settled(&whole, "500 feeds, 10,000 pods, 1,000 addresses with a past of eight days");
}

/// The nodes of four chains.
pub struct Nodes(Vec<Local>);

impl Nodes {
    pub fn start(runtime: &Runtime) -> Self {
        Self(runtime.block_on(chains::nodes()))
    }
}

/// Everything is watched.
pub fn watching(world: &World, pods: &ApiServer, nodes: &Nodes, name: &str) -> Config {
    Config {
        sources: vec![world.source()],
        balances: wallets(&nodes.0),
        clusters: vec![Cluster::by_kubeconfig("prod", pods.kubeconfig())],
        ..world.config(name)
    }
}

/// Resident memory once it has settled, in megabytes.
fn settled(config: &Config, what: &str) -> f64 {
    let bot = Bot::spawn(config);
    let ready = bot.ready();
    wait(SETTLE / 2);
    let before = processor_time(bot.id());
    wait(SETTLE / 2);
    let busy = processor_time(bot.id()).saturating_sub(before).as_secs_f64() / (SETTLE / 2).as_secs_f64() * 100.0;
    let memory = bot.memory();
    println!(
        "{what}: ready after {} ms, {:.1} MB resident after {SETTLE:?} (peak {:.1}), {busy:.1} % of a core",
        ready.as_millis(),
        memory.now,
        memory.peak
    );
    memory.now
}

fn wallets(nodes: &[Local]) -> Balances {
    let chain = |local: &Local| Chain {
        name: local.name.clone(),
        kind: local.kind,
        endpoints: vec![Endpoint { name: Some("local".into()), url: Some(local.node.url.to_string()), url_env: None }],
        identity: local.identity.clone(),
        native: true,
        explorer: None,
        symbol: None,
        decimals: None,
        price: None,
        every: Span::from_secs(60),
        unreliable_after: Span::from_secs(300),
    };
    let account = |local: &Local, number: u16| {
        let address = chains::address(local.kind, number);
        Account::native(&format!("{}-{number}", local.name), &local.name, &address, None)
    };
    Balances {
        chains: nodes.iter().map(chain).collect(),
        accounts: nodes
            .iter()
            .flat_map(|local| (1..=ACCOUNTS_PER_CHAIN).map(move |number| account(local, number)))
            .collect(),
        ..Balances::default()
    }
}

/// Eight days of readings for each: every five minutes in the last day, every hour before.
pub async fn past(config: &Config, now: Timestamp) {
    let store = Store::connect(&Settings::new(config.database.url.clone())).await.unwrap();
    store.migrate().await.unwrap();
    let minutes = |from: u64, to: u64, step: usize| (from..to).step_by(step).map(|ago| Duration::from_secs(ago * 60));
    let ages: Vec<Duration> =
        minutes(5, 60, 1).chain(minutes(60, 1440, 5)).chain(minutes(1440, PAST.as_secs() / 60, 60)).collect();
    for wallet in config.balances.setup().wallets {
        let decimals = if config.balances.chain(&wallet.chain).unwrap().kind == ChainKind::Solana { 9 } else { 18 };
        let rows: Vec<Kept> = ages
            .iter()
            .map(|age| Kept {
                wallet: wallet.identity(),
                at: now.minus(*age),
                amount: Amount::new(1_000_000_000 + age.as_millis() * 1000, decimals).unwrap(),
                position: 1,
            })
            .collect();
        let mut tx = store.begin().await.unwrap();
        balances::append(&mut tx, &rows).await.unwrap();
        tx.commit().await.unwrap();
    }
    store.close().await;
}
