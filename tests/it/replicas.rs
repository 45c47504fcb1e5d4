//! Two replicas on one database: whoever takes what and whoever drives, an action is done once.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use watchkeeper::clock::Clock;
use watchkeeper::jobs;
use watchkeeper::sim::slack::deliver::Kind;

use super::actions_adversarial::{APPROVE, HOME, click, send_to, value};
use super::support::acting::{Acting, allowed, rule};
use super::support::{Database, Replica};

/// Bob, Carol and Dave approve, and two of them have to.
async fn acting(database: Database) -> Acting {
    Acting::with(database, |config| {
        let mut two = rule();
        two["quorum"] = json!(2);
        two["approve"] = json!(["U0BOB", "U0CAROL", "U0DAVE"]);
        config.actions = allowed(two);
    })
    .await
}

/// Both take what is theirs at this moment.
async fn settle(acting: &Acting, other: &Replica) {
    acting.bot.settle().await;
    while other.flow.sweep().await.unwrap() + jobs::run_due(&other.flow).await.unwrap() > 0 {}
    acting.bot.settle().await;
}

/// Both drive at once, until nothing moves any more.
async fn drive(acting: &Acting, other: &Replica) {
    for _ in 0..60 {
        let rounds = (0..8).map(|nth| if nth % 2 == 0 { &acting.bot.flow } else { &other.flow });
        let moved = join_all(rounds.map(|flow| flow.drive_actions())).await;
        if moved.into_iter().all(|moved| moved.unwrap_or(0) == 0) {
            return settle(acting, other).await;
        }
    }
    panic!("it never comes to rest");
}

/// The last approvals are pressed at the same moment, each on another replica.
async fn approved_by_both(acting: &Acting, other: &Replica, number: u64) {
    acting.press("carol", number, "Approve").await;
    let card = acting.card(number);
    let (ts, approve) = (card["ts"].clone(), value(&card, APPROVE));
    // On a busy machine Slack may not say in time who they are, and they are asked to press again.
    for nth in 1..60 {
        let at = acting.bot.clock.now().as_secs();
        let signed = |user: &str, nth: u32| {
            let press = click(acting, (user, HOME), &ts, (APPROVE, &approve), nth);
            acting.bot.slack.signed_request(Kind::Interaction, &press, at)
        };
        let (bob, dave) = (signed("U0BOB", 2 * nth), signed("U0DAVE", 2 * nth + 1));
        // Slack may deliver the same press to the other replica, too.
        let deliveries = [
            send_to(acting.bot.address, &bob),
            send_to(other.address, &dave),
            send_to(other.address, &bob),
            send_to(acting.bot.address, &dave),
        ];
        let statuses = join_all(deliveries).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        settle(acting, other).await;
        if acting.state(number).await == "approved" {
            break;
        }
        acting.bot.clock.advance(Duration::from_secs(1));
        acting.bot.lead().await;
    }
    let request = acting.request(number).await.request;
    assert_eq!((request.state.as_str(), request.state.approvals().len()), ("approved", 2));
    let approvals = acting.audit(number).await.into_iter().filter(|line| line.ends_with("action.approved")).count();
    assert_eq!(approvals, 2, "who came second was told that it is approved already");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_take_the_last_approval_at_once_and_both_drive_and_it_is_done_once() {
    if let Some(database) = Database::postgres() {
        let acting = acting(database).await;
        let other = acting.bot.replica().await.unwrap();
        assert!(!other.flow.keep_lease().await.unwrap(), "one holds the lease");
        acting.ask("alice", "scale price-pusher-evm 5").await;
        approved_by_both(&acting, &other, 1).await;
        drive(&acting, &other).await;
        assert_eq!((acting.writes(), acting.state(1).await), (1, "succeeded"));

        // The holder sleeps longer than its lease, the other takes over, and both believe that it is theirs.
        acting.ask("alice", "restart price-pusher-evm").await;
        approved_by_both(&acting, &other, 2).await;
        acting.bot.clock.advance(Duration::from_mins(1));
        assert!(other.flow.keep_lease().await.unwrap());
        drive(&acting, &other).await;
        assert_eq!((acting.writes(), acting.state(2).await), (2, "succeeded"));
        assert_eq!(acting.journal(2).await, ["0 intent", "0 attempt", "0 succeeded", "1 verified"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_sqlite_does_not_start() {
    let acting = acting(Database::sqlite()).await;
    let refused = acting.bot.replica().await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains("another watchkeeper process"), "{refused}");
}
