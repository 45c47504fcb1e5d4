//! The crash matrix of payments: killed at every step of the journal, on both kinds of chain and every database. Afterwards
//! it is paid once, or said to be unknown; never twice, never lost without a word.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use watchkeeper::core::action::journal::Step;
use watchkeeper::core::action::request::{Request, State};

use super::support::databases;
use super::support::ledger::{EVM_HOT, Hold, solana_hot};
use super::support::paying::{ETH, KEEPER, PUSHER, Paying, SOL};

/// Where the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    Approved,
    Begun,
    Intent,
    /// The transaction is on record; it has left and was taken by nobody.
    BeforeSend,
    /// As before, and the process comes back when it has expired (on Solana) or might have been in a block (on EVM).
    BeforeSendLong,
    /// It is in a block, and nobody wrote that down.
    AfterSend,
    AfterSendLong,
    /// As before, and killed again while it is looked for.
    TwiceAfterSend,
    Outcome,
    Over,
}

const POINTS: [Point; 10] = [
    Point::Approved,
    Point::Begun,
    Point::Intent,
    Point::BeforeSend,
    Point::BeforeSendLong,
    Point::AfterSend,
    Point::AfterSendLong,
    Point::TwiceAfterSend,
    Point::Outcome,
    Point::Over,
];

fn step(request: &Request) -> Option<&Step> {
    request.state.journal().and_then(|journal| journal.steps.first())
}

/// One round at a time until it is seen.
async fn drive_until(paying: &Paying, number: u64, what: &str, seen: impl Fn(&Request) -> bool) {
    let acting = &paying.acting;
    for _ in 0..400 {
        if seen(&acting.request(number).await.request) {
            return;
        }
        if acting.bot.flow.drive_actions().await.unwrap() == 0 {
            acting.bot.clock.advance(Duration::from_secs(6));
            acting.bot.lead().await;
        }
    }
    panic!("never {what}: {}", acting.shown(number));
}

async fn up_to(paying: &Paying, number: u64, point: Point) {
    let intended = |it: &Request| matches!(step(it), Some(Step::Intended { .. }));
    let when = match point {
        Point::Approved => return,
        Point::Begun => {
            return drive_until(paying, number, "begun", |it| matches!(it.state, State::Executing { .. })).await;
        }
        Point::Intent => return drive_until(paying, number, "intended", intended).await,
        Point::Outcome => {
            return drive_until(paying, number, "paid", |it| matches!(step(it), Some(Step::Succeeded { .. }))).await;
        }
        Point::Over => return drive_until(paying, number, "over", |it| it.state.over()).await,
        Point::BeforeSend | Point::BeforeSendLong => Hold::Before,
        Point::AfterSend | Point::AfterSendLong | Point::TwiceAfterSend => Hold::After,
    };
    drive_until(paying, number, "intended", intended).await;
    let before = paying.ledger.held();
    paying.ledger.hold(when);
    let flow = Arc::clone(&paying.acting.bot.flow);
    let driving = tokio::spawn(async move { flow.drive_actions().await });
    let held = paying.ledger.until_held(before);
    tokio::time::timeout(Duration::from_secs(20), held).await.expect("it is sent");
    driving.abort();
    let _aborted = driving.await;
    let request = paying.acting.request(number).await.request;
    assert!(matches!(step(&request), Some(Step::Attempted { .. })), "{:?}", step(&request));
    assert_eq!(request.state.journal().unwrap().signed.len(), 1, "on record before it is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_a_payment_is_made_once() {
    let mut table = String::from("chain   killed at        database  signed  came  paid  ends as\n");
    let mut cells = 0;
    for database in databases() {
        let kind = if database.file().is_some() { "sqlite" } else { "postgres" };
        let mut paying = Paying::with(database, |config| {
            for wallet in &mut config.actions.hot_wallets {
                wallet.per_day = wallet.per_day.keys().map(|symbol| (symbol.clone(), "1000".to_owned())).collect();
            }
        })
        .await;
        for (line, hot, to, unit) in
            [("top-up keeper 1", solana_hot(), KEEPER, SOL), ("top-up pusher 1", EVM_HOT.to_owned(), PUSHER, ETH)]
        {
            for point in POINTS {
                paying.ledger.set(&hot, 100 * unit);
                let (held, seen, landed) = (paying.ledger.holds(to), paying.ledger.seen(), paying.ledger.landed());
                let number = paying.approved(line).await;
                up_to(&paying, number, point).await;
                if matches!(point, Point::BeforeSendLong | Point::AfterSendLong) {
                    paying.acting.bot.clock.advance(Duration::from_secs(90));
                }
                paying = paying.restart().await;
                if point == Point::TwiceAfterSend {
                    paying = paying.restart().await;
                }
                drive_until(&paying, number, "over", |it| it.state.over()).await;
                paying.acting.bot.settle().await;
                let (ledger, acting) = (&paying.ledger, &paying.acting);
                let request = acting.request(number).await.request;
                let signed = request.state.journal().unwrap().signed.len();
                let (came, paid) = (ledger.seen() - seen, ledger.landed() - landed);
                let chain = if unit == SOL { "solana" } else { "evm" };
                let state = request.state.as_str();
                let _infallible = writeln!(
                    table,
                    "{chain:<7} {:<16} {kind:<9} {signed:>6} {came:>5} {paid:>5}  {state}",
                    format!("{point:?}")
                );
                let what = format!("{chain} {point:?} {kind}: {}\n{table}", acting.shown(number));
                assert_eq!((state, paid), ("succeeded", 1), "{what}");
                assert_eq!(ledger.holds(to), held + unit, "{what}");
                // Only what had expired before anybody took it was signed anew.
                let expired = point == Point::BeforeSendLong && unit == SOL;
                assert_eq!((signed, came), (1 + usize::from(expired), 1), "{what}");
                cells += 1;
            }
        }
    }
    println!("{table}{cells} cells: nothing paid twice, nothing lost");
    assert_eq!(cells, 20 * databases().len());
}
