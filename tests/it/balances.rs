//! Wallets, from the chains' nodes to the message and back.

use std::time::Duration;

use watchkeeper::config::Config;
use watchkeeper::config::balances::{Account, Balances, Chain, Endpoint, Limit, Summary};
use watchkeeper::core::time::Span;
use watchkeeper::core::wallet::ChainKind;
use watchkeeper::sim::wallets::{self, Fault, Handle};

use super::support::{Bot, Database, TestClock, databases};

pub const KEEPER: &str = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM";
const TREASURY: &str = "7UX2i7SucgLMQcfZ75s3VXmZZY4YRUyJN9X1RgfMoDUi";
const PUSHER: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
pub const SOL: u128 = 1_000_000_000;
const ETH: u128 = 1_000_000_000_000_000_000;

const MINUTE: Duration = Duration::from_mins(1);

fn chain(world: &Handle, name: &str, kind: ChainKind, identity: &str) -> Chain {
    let names = ["alpha", "beta", "gamma"];
    let endpoint = |(url, name): (&url::Url, &str)| Endpoint {
        name: Some(name.to_owned()),
        url: Some(url.to_string()),
        url_env: None,
    };
    Chain {
        name: name.to_owned(),
        kind,
        endpoints: world.endpoints(kind).iter().zip(names).map(endpoint).collect(),
        identity: identity.to_owned(),
        native: true,
        explorer: Some("https://explorer.example/{address}".to_owned()),
        symbol: None,
        decimals: None,
        price: Some("Crypto.SOL/USD".to_owned()),
        every: Span::from_secs(60),
        unreliable_after: Span::from_secs(300),
    }
}

fn limit(runway: &str) -> Limit {
    Limit { runway: Some(runway.parse().unwrap()), ..Limit::default() }
}

/// A keeper, a treasury and a pusher on two chains.
pub fn balances(world: &Handle) -> Balances {
    let keeper = Account {
        warning: limit("8h"),
        critical: limit("2h"),
        owner: Some("U0ALICE".to_owned()),
        ..Account::native("keeper", "solana", KEEPER, Some("keeper"))
    };
    let pusher = Account { warning: limit("8h"), ..Account::native("pusher", "base", PUSHER, Some("pusher")) };
    Balances {
        chains: vec![
            chain(world, "solana", ChainKind::Solana, wallets::SOLANA),
            chain(world, "base", ChainKind::Evm, &wallets::EVM.to_string()),
        ],
        accounts: vec![keeper, Account::native("treasury", "solana", TREASURY, None), pusher],
        ..Balances::default()
    }
}

/// The bot and the chains it reads: ten SOL that last ten hours, and two wallets that last.
pub async fn started(database: Database, change: impl FnOnce(&mut Config)) -> (Bot, Handle) {
    let clock = TestClock::new();
    let world = wallets::start(0, clock.clone(), None).await.unwrap();
    world.set(KEEPER, 10 * SOL, SOL);
    world.set(TREASURY, 12_500 * SOL, 0);
    world.set(PUSHER, 2 * ETH, ETH / 1000);
    let bot = Bot::at(clock, database, |config| {
        config.balances = balances(&world);
        // Time moves in leaps here, which feeds would be blamed for.
        config.rules.stale.enabled = Some(false);
        config.rules.source_down.enabled = Some(false);
        change(config);
    })
    .await;
    (bot, world)
}

/// Reads every five minutes.
async fn minutes(bot: &Bot, minutes: u32) {
    for _ in 0..minutes / 5 {
        bot.leap(5 * MINUTE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_runs_dry_is_told_in_time_and_its_top_up_ends_the_alert() {
    for database in databases() {
        let (bot, world) = started(database, |_| {}).await;
        minutes(&bot, 100).await;
        assert_eq!(bot.alerts(), Vec::<String>::new(), "more than eight hours are left");
        minutes(&bot, 60).await;
        insta::assert_snapshot!("keeper_runs_dry", bot.alerts().join("\n---\n"));
        let files = bot.slack.files();
        assert_eq!(files.len(), 1, "{files:?}");
        assert_eq!(files[0].0["title"], "keeper");
        assert!(bot.the_alert().to_string().contains("slack_file"), "the chart is on the message");

        world.top_up(KEEPER, 50 * SOL);
        minutes(&bot, 10).await;
        insta::assert_snapshot!("keeper_topped_up", bot.alerts().join("\n---\n"));
        insta::assert_snapshot!("keeper_thread", bot.thread().join("\n---\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_are_asked_for_in_a_list_and_one_by_one() {
    let (bot, _world) = started(Database::sqlite(), |_| {}).await;
    minutes(&bot, 180).await;
    let mut said = Vec::new();
    for line in ["/wk balance", "/wk balance keeper", "/wk balance base", "/wk balance solana", "/wk balance kepeer"] {
        said.push(format!("> {line}\n{}", bot.type_in("bob", line).await));
    }
    insta::assert_snapshot!("balances_asked", said.join("\n\n"));
    assert!(bot.type_in("bob", "/wk status").await.contains("Balances solana"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_fail_are_one_alert_however_many_wallets_there_are() {
    let (bot, world) = started(Database::sqlite(), |config| {
        let more = (0..30)
            .map(|n| Account { warning: limit("8h"), ..Account::native(&format!("w{n}"), "solana", KEEPER, None) });
        config.balances.accounts.extend(more);
    })
    .await;
    bot.leap(MINUTE).await;
    for endpoint in 0..2 {
        world.set_fault(ChainKind::Solana, endpoint, Fault::Down);
    }
    minutes(&bot, 20).await;
    let alerts = bot.alerts();
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    assert!(alerts[0].contains("No balance on solana can be trusted"), "{}", alerts[0]);
    assert!(
        alerts[0].contains("alpha") && alerts[0].contains("beta") && alerts[0].contains("32 of 32"),
        "{}",
        alerts[0]
    );
    assert!(bot.type_in("bob", "/wk balance keeper").await.contains("Not known now"));
    world.heal_all();
    minutes(&bot, 10).await;
    assert!(bot.alerts()[0].contains("Resolved"), "{:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_lies_is_named_and_nobody_believes_it() {
    let (bot, world) = started(Database::sqlite(), |_| {}).await;
    world.set_fault(ChainKind::Evm, 1, Fault::Lies { per_mille: 2 });
    minutes(&bot, 15).await;
    let alert = bot.alerts().pop().unwrap();
    assert!(alert.contains("beta tells other balances on base than the rest"), "{alert}");
    assert!(bot.type_in("bob", "/wk balance pusher").await.contains("1.99"));
    // What is of another chain is found out when it was away for a moment.
    world.set_fault(ChainKind::Evm, 1, Fault::Down);
    bot.leap(MINUTE).await;
    world.set_fault(ChainKind::Evm, 1, Fault::WrongChain);
    minutes(&bot, 15).await;
    assert!(bot.alerts().pop().unwrap().contains("is a node of chain 1, not of 31337"), "{:#?}", bot.alerts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_knows_the_pace_and_the_alert_of_before() {
    for database in databases() {
        let (bot, _world) = started(database, |_| {}).await;
        minutes(&bot, 180).await;
        let posted = bot.alerts().len();
        let told = bot.type_in("bob", "/wk balance keeper").await;
        let bot = bot.restart().await;
        let again = bot.type_in("bob", "/wk balance keeper").await;
        let runway = |told: &str| told.split("Runway").nth(1).map(|rest| rest.chars().take(40).collect::<String>());
        assert_eq!(runway(&told), runway(&again), "{told}\n{again}");
        minutes(&bot, 10).await;
        assert_eq!(bot.alerts().len(), posted, "{:#?}", bot.alerts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_funding_summary_comes_on_its_schedule_once() {
    for database in databases() {
        let (bot, _world) = started(database, |config| {
            config.balances.accounts.iter_mut().for_each(|account| account.warning = Limit::default());
            config.balances.summary = Some(Summary {
                schedule: "0 17 * * * UTC".parse().unwrap(),
                receiver: "default".to_owned(),
                reach: "14d".parse().unwrap(),
            });
        })
        .await;
        assert!(!bot.flow.post_funding().await.unwrap(), "it is noon");
        minutes(&bot, 300).await;
        assert!(bot.flow.post_funding().await.unwrap());
        assert!(!bot.flow.post_funding().await.unwrap());
        bot.settle().await;
        insta::assert_snapshot!("funding_summary", bot.alerts().pop().unwrap());
        let posted = bot.alerts().len();
        let bot = bot.restart().await;
        assert!(!bot.flow.post_funding().await.unwrap(), "posted before the restart");
        bot.clock.advance(Duration::from_hours(24));
        bot.lead().await;
        assert!(bot.flow.post_funding().await.unwrap(), "the next day");
        bot.settle().await;
        assert_eq!(bot.alerts().len(), posted + 1);
    }
}
