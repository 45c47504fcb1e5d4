//! Chains divided: each is read by one replica, whether it decides or not.

use std::time::Duration;

use watchkeeper::core::shard::Shard;
use watchkeeper::flow::Flow;
use watchkeeper::jobs;
use watchkeeper::sim::wallets::Handle;

use super::super::balances::{KEEPER, SOL, started};
use super::super::support::{Bot, Database, Replica};
use super::{answering, divide};

const FIVE_MINUTES: Duration = Duration::from_mins(5);

async fn pair() -> Option<(Bot, Replica, Handle)> {
    let (bot, world) = started(Database::postgres()?, |config| divide(config, true)).await;
    let other = bot.replica().await.unwrap();
    Some((bot, other, world))
}

/// Five minutes pass; both live through them, and answer each other.
async fn leap(bot: &Bot, other: &Replica) {
    bot.clock.advance(FIVE_MINUTES);
    let flows: [&Flow; 2] = [&bot.flow, &other.flow];
    bot.lead().await;
    for _ in 0..4 {
        for flow in flows {
            flow.keep_shards().await.unwrap();
        }
        bot.clock.advance(Duration::from_secs(1));
    }
    let (listed, prices) = (bot.listed(), bot.prices());
    for flow in flows {
        flow.observe(&listed).await;
        flow.observe(&prices).await;
    }
    let work = async {
        bot.read_chains().await;
        other.read_chains().await;
        for flow in flows {
            flow.tick().await;
        }
        // The mailbox is read by the one that decides, with its next tick.
        bot.flow.tick().await;
        for flow in flows {
            while flow.sweep().await.unwrap() + jobs::run_due(flow).await.unwrap() > 0 {}
        }
    };
    tokio::select! { () = work => {}, () = answering(&flows) => unreachable!() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_read_by_a_replica_that_does_not_decide_and_its_wallets_are_told_of() {
    let Some((bot, other, world)) = pair().await else { return };
    leap(&bot, &other).await;
    let solana = Shard::Chain("solana".to_owned());
    assert!(other.flow.shards().borrow().contains(&solana) && other.flow.lease().is_none());
    assert!(bot.flow.reads_chain("base") && !bot.flow.reads_chain("solana"));
    for _ in 0..40 {
        leap(&bot, &other).await;
    }
    let told = bot.alerts();
    assert!(told.len() == 1 && told[0].contains("keeper"), "{told:#?}");

    // Who does not read the chain answers from what is stored, and with prices that another watches.
    let flows: [&Flow; 2] = [&bot.flow, &other.flow];
    for address in [bot.address, other.address] {
        let asked = bot.ask_at(address, "alice", "/wk balance keeper");
        let answer = tokio::select! { answer = asked => answer, () = answering(&flows) => unreachable!() };
        assert!(answer.contains("SOL") && answer.contains('$'), "{answer}");
    }

    // The alert's thread hears of the money, from the replica that reads the chain.
    world.top_up(KEEPER, 50 * SOL);
    for _ in 0..3 {
        leap(&bot, &other).await;
    }
    assert!(bot.alerts()[0].contains("Resolved"), "{:#?}", bot.alerts());
    let thread = bot.thread().join("\n");
    assert_eq!(thread.matches("*keeper* got").count(), 1, "{thread}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_whose_reader_is_gone_is_read_by_another_that_knows_its_past() {
    let Some((bot, other, _world)) = pair().await else { return };
    for _ in 0..15 {
        leap(&bot, &other).await;
    }
    assert!(other.flow.reads_chain("solana") && bot.posted().is_empty(), "{:#?}", bot.alerts());
    let measured = |flow: &Flow| {
        let solana = |line: &str| line.starts_with("watchkeeper_balance{") && line.contains("chain=\"solana\"");
        flow.metrics.text().lines().any(solana)
    };
    assert_eq!((measured(&bot.flow), measured(&other.flow)), (false, true));
    other.flow.release_shards().await;
    assert!(!measured(&other.flow), "what another one reads is not true here any more");
    drop(other);
    for _ in 0..25 {
        bot.clock.advance(FIVE_MINUTES);
        bot.lead().await;
        for _ in 0..3 {
            bot.flow.keep_shards().await.unwrap();
        }
        bot.read_chains().await;
        bot.flow.tick().await;
        bot.settle().await;
    }
    assert!(bot.flow.reads_chain("solana") && measured(&bot.flow));
    let told = bot.alerts();
    assert!(told.len() == 1 && told[0].contains("keeper"), "it knew at once how fast it falls: {told:#?}");
}
