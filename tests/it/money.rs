//! Money: asked for by one, allowed by two others, paid once, within its limits, and on record.

use std::time::Duration;

use serde_json::json;
use watchkeeper::core::action::journal::Step;
use watchkeeper::sim::slack::Workspace;

use super::support::ledger::{EVM_HOT, EVM_KEY, Mining, solana_hot, solana_secret};
use super::support::paying::{ETH, KEEPER, PUSHER, Paying, SOL};
use super::support::{Database, databases};

#[tokio::test(flavor = "multi_thread")]
async fn one_asks_two_others_approve_and_it_is_paid_once() {
    for database in databases() {
        let paying = Paying::with(database, |_| {}).await;
        let Paying { acting, ledger } = &paying;
        let told = acting.type_in("alice", "/wk top-up keeper 1.5 SOL dry by tonight").await;
        assert!(told.contains("Asked for as *#1*") && told.contains("2 approvals"), "{told}");
        insta::assert_snapshot!("money_card_open", acting.shown(1));
        acting.press("bob", 1, "Approve").await;
        acting.act().await;
        assert_eq!((ledger.seen(), acting.state(1).await), (0, "open"), "one is not enough");
        let own = acting.press("alice", 1, "Approve").await;
        assert!(own.contains("Nobody approves what they asked for"), "{own}");
        acting.press("carol", 1, "Approve").await;
        acting.act().await;
        assert_eq!(acting.state(1).await, "executing", "in a block, and not final");
        acting.pass(20).await;
        assert_eq!(acting.state(1).await, "succeeded", "{}", acting.shown(1));
        assert_eq!((ledger.holds(KEEPER), ledger.seen(), ledger.landed()), (2 * SOL, 1, 1));
        assert_eq!(ledger.holds(&solana_hot()), 98 * SOL + SOL / 2);
        let shown = acting.shown(1);
        let journal = acting.request(1).await.request.state.journal().unwrap().clone();
        let id = journal.signed[0].id.clone();
        assert!(shown.contains(&id), "{shown}");
        insta::assert_snapshot!("money_card_done", shown.replace(&id, "[signature]"));
        assert_eq!(acting.journal(1).await, ["0 intent", "0 attempt", "0 succeeded", "1 verified"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_evm_it_is_done_when_it_is_deep_enough() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    let number = paying.approved("top-up pusher 0.25").await;
    acting.act().await;
    assert!(acting.shown(number).contains("1 of 3 blocks deep"), "{}", acting.shown(number));
    acting.pass(4).await;
    assert_eq!(acting.state(number).await, "succeeded", "{}", acting.shown(number));
    assert_eq!((ledger.holds(PUSHER), ledger.holds(EVM_HOT)), (ETH / 2, 100 * ETH - ETH / 4));
    assert_eq!((ledger.seen(), ledger.landed()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expired_without_being_in_a_block_is_signed_anew_and_not_before() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    ledger.mining(Mining::Lost);
    let number = paying.approved("top-up keeper 1").await;
    acting.act().await;
    for _ in 0..5 {
        acting.pass(10).await;
        assert_eq!(ledger.seen(), 1, "the same bytes, as long as they may still come");
    }
    assert!(ledger.sends() > 10, "they are sent again and again");
    ledger.mining(Mining::Prompt);
    // 150 blocks, and 32 more until that is final.
    acting.pass(30).await;
    acting.pass(15).await;
    acting.pass(20).await;
    assert_eq!(acting.state(number).await, "succeeded", "{}", acting.shown(number));
    assert_eq!((ledger.seen(), ledger.landed(), ledger.holds(KEEPER)), (2, 1, SOL + SOL / 2));
    let journal = acting.journal(number).await;
    assert_eq!(journal, ["0 intent", "0 attempt", "0 blocked", "0 attempt", "0 succeeded", "1 verified"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_block_for_two_minutes_is_unknown_and_keeps_others_from_being_signed() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    ledger.mining(Mining::Pending);
    let number = paying.approved("top-up pusher 0.25").await;
    acting.act().await;
    acting.pass(118).await;
    assert_eq!(acting.state(number).await, "executing");
    acting.pass(2).await;
    assert_eq!(acting.state(number).await, "unknown");
    let shown = acting.shown(number);
    let id = &acting.request(number).await.request.state.journal().unwrap().signed[0].id.clone();
    assert!(shown.contains(id) && shown.contains("nonce 0"), "{shown}");
    assert_eq!((ledger.seen(), ledger.landed()), (1, 0));
    let told = acting.ask("alice", "top-up pusher 0.5").await;
    assert!(told.contains("nonce 0 waits to come into a block"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_somebody_else_seems_to_have_used_is_looked_at_by_people_and_counts_for_the_day() {
    let paying = Paying::with(Database::sqlite(), |config| {
        config.actions.hot_wallets[1].per_day.insert("ETH".to_owned(), "2".to_owned());
    })
    .await;
    let Paying { acting, ledger } = &paying;
    ledger.mining(Mining::Pending);
    let number = paying.approved("top-up pusher 1.5").await;
    acting.act().await;
    ledger.take_nonce();
    acting.pass(20).await;
    assert_eq!(acting.state(number).await, "executing");
    assert!(acting.shown(number).contains("seems to have its nonce 0"), "{}", acting.shown(number));
    acting.pass(100).await;
    assert_eq!(acting.state(number).await, "unknown", "{}", acting.shown(number));
    let id = &acting.request(number).await.request.state.journal().unwrap().signed[0].id.clone();
    assert!(acting.shown(number).contains(id), "{}", acting.shown(number));
    assert_eq!((ledger.seen(), ledger.holds(PUSHER)), (1, ETH / 4));
    let told = acting.ask("alice", "top-up pusher 1").await;
    assert!(told.contains("its limit of 2 ETH a day"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chain_refuses_is_failed_and_counts_against_no_limit() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    for (line, said) in [("top-up keeper 2", "refused it"), ("top-up pusher 2", "reverted it")] {
        ledger.mining(Mining::Failing);
        let number = paying.approved(line).await;
        acting.act().await;
        assert_eq!(acting.state(number).await, "executing", "not by one block: {}", acting.shown(number));
        acting.pass(20).await;
        assert_eq!(acting.state(number).await, "failed", "{}", acting.shown(number));
        assert!(acting.shown(number).contains(said), "{}", acting.shown(number));
        ledger.mining(Mining::Prompt);
        for _ in 0..2 {
            let number = paying.approved(line).await;
            acting.act().await;
            acting.pass(11).await;
            acting.pass(20).await;
            assert_eq!(acting.state(number).await, "succeeded", "{}", acting.shown(number));
        }
        let told = acting.ask("alice", line).await;
        assert!(told.contains("5 ") && told.contains("a day"), "a third would pass the limit: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_payments_that_are_alike_are_two_transactions() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    ledger.mining(Mining::Failing);
    ledger.stand_still(true);
    let one = paying.approved("top-up keeper 1").await;
    acting.act().await;
    ledger.mining(Mining::Prompt);
    acting.pass(20).await;
    assert_eq!(acting.state(one).await, "failed");
    // With the same blockhash it would be the same bytes with the same signature.
    let other = paying.approved("top-up keeper 1").await;
    acting.act().await;
    assert_eq!((acting.state(other).await, ledger.seen()), ("executing", 1));
    let request = acting.request(other).await.request;
    let Step::Intended { blocked: Some(why), .. } = &request.state.journal().unwrap().steps[0] else {
        panic!("{request:?}")
    };
    assert!(why.contains("the very transaction of #1"), "{why}");
    ledger.stand_still(false);
    acting.pass(11).await;
    acting.pass(20).await;
    assert_eq!((acting.state(other).await, ledger.seen(), ledger.landed()), ("succeeded", 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_race_for_the_last_of_a_limit_one_is_paid() {
    let paying = Paying::with(Database::sqlite(), |config| {
        config.actions.hot_wallets[0].per_day.insert("SOL".to_owned(), "3".to_owned());
    })
    .await;
    let Paying { acting, ledger } = &paying;
    let (one, other) = (paying.approved("top-up keeper 2").await, paying.approved("top-up keeper 1.5").await);
    acting.bot.flow.drive_actions().await.unwrap();
    acting.bot.settle().await;
    assert_eq!((acting.state(one).await, acting.state(other).await), ("executing", "cancelled"));
    assert!(acting.shown(other).contains("its limit of 3 SOL a day"), "{}", acting.shown(other));
    acting.act().await;
    acting.pass(20).await;
    assert_eq!((acting.state(one).await, ledger.landed()), ("succeeded", 1));
    // A day later there is room again.
    acting.pass(24 * 3600 + 60).await;
    let again = paying.approved("top-up keeper 1.5").await;
    acting.act().await;
    acting.pass(20).await;
    assert_eq!((acting.state(again).await, ledger.landed()), ("succeeded", 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hot_wallet_pays_one_after_the_other() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    ledger.mining(Mining::Lost);
    let (one, other) = (paying.approved("top-up keeper 1").await, paying.approved("top-up keeper 1").await);
    acting.act().await;
    assert_eq!((acting.state(one).await, acting.state(other).await, ledger.seen()), ("executing", "approved", 1));
    assert!(acting.shown(other).contains("#1 pays from the same hot wallet"), "{}", acting.shown(other));
    ledger.mining(Mining::Prompt);
    for _ in 0..4 {
        acting.pass(20).await;
    }
    assert_eq!((acting.state(one).await, acting.state(other).await), ("succeeded", "succeeded"));
    assert_eq!((ledger.landed(), ledger.holds(KEEPER)), (2, 2 * SOL + SOL / 2));
}

/// From now on the account lies at another address.
async fn move_keeper(paying: &Paying) {
    let mut balances = paying.acting.bot.config.balances.clone();
    "7UX2i7SucgLMQcfZ75s3VXmZZY4YRUyJN9X1RgfMoDUi".clone_into(&mut balances.accounts[0].address);
    paying.acting.bot.flow.watch_wallets(balances.setup(), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_changed_after_the_approval_is_never_paid() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    let number = paying.approved("top-up keeper 1").await;
    move_keeper(&paying).await;
    acting.act().await;
    assert_eq!(acting.state(number).await, "stale", "{}", acting.shown(number));
    assert!(acting.shown(number).contains("recipient"), "{}", acting.shown(number));

    let paying = Paying::start().await;
    let (acting, late) = (&paying.acting, paying.approved("top-up keeper 1").await);
    while !matches!(
        acting.request(late).await.request.state.journal().map(|it| &it.steps[0]),
        Some(Step::Intended { .. })
    ) {
        acting.bot.flow.drive_actions().await.unwrap();
    }
    move_keeper(&paying).await;
    acting.act().await;
    assert_eq!(acting.state(late).await, "failed", "not after it has begun either: {}", acting.shown(late));
    assert!(acting.shown(late).contains("the address was changed"), "{}", acting.shown(late));
    assert_eq!(ledger.seen() + paying.ledger.seen(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_paid_is_said_before_anybody_approves_it() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    for (line, said) in [
        ("top-up keeper 2.000000001", "more than the 2 SOL that `ops-solana` may pay in one transfer"),
        ("top-up keeper 0.0000000001", "which has 9 decimals"),
        ("top-up keeper 0", "nothing is no amount"),
        ("top-up nobody 1", "No wallet is called"),
        ("top-up keeper 1 ETH", "holds *SOL*, not *ETH*"),
        ("top-up keeper 1 --break-glass", "take approval, in an emergency too"),
        ("restart solana/Wallet/keeper", "no cluster called *solana*"),
    ] {
        let told = acting.ask("alice", line).await;
        assert!(told.contains(said), "{line}: {told}");
    }
    let told = acting.type_in("dave", "/wk top-up keeper 1 please").await;
    assert!(told.contains("does not let you ask"), "{told}");
    ledger.set(&solana_hot(), SOL);
    let told = acting.ask("alice", "top-up keeper 1").await;
    assert!(told.contains("holds 1 SOL") && told.contains("for the fee"), "{told}");
    ledger.set(&solana_hot(), SOL + 5_000 + 1);
    let told = acting.ask("alice", "top-up keeper 1").await;
    assert!(told.contains("must keep 0.00089088 SOL"), "{told}");
    ledger.set(KEEPER, 0);
    let told = acting.ask("alice", "top-up keeper 0.0001").await;
    assert!(told.contains("does not exist yet, and lasts only from 0.00089088 SOL"), "{told}");
    ledger.down(true);
    assert_eq!(ledger.seen(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_asks_how_much_and_a_freeze_stops_money_too() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    acting.type_in("alice", "/wk top-up keeper").await;
    let errors = acting.submit("alice", json!({"amount": {"amount": "much"}, "reason": {"reason": "dry"}})).await;
    assert!(errors.to_string().contains("A number of coins"), "{errors}");
    acting.submit("alice", json!({"amount": {"amount": "1"}, "reason": {"reason": "dry"}})).await;
    for user in ["bob", "carol"] {
        acting.press(user, 1, "Approve").await;
    }
    acting.type_in("bob", "/wk freeze looking").await;
    acting.act().await;
    assert_eq!((acting.state(1).await, ledger.seen()), ("approved", 0));
    acting.type_in("bob", "/wk unfreeze").await;
    acting.act().await;
    acting.pass(20).await;
    assert_eq!((acting.state(1).await, ledger.landed()), ("succeeded", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_low_balance_offers_to_top_it_up() {
    let paying = Paying::with(Database::sqlite(), |config| {
        config.balances.accounts[0].warning.amount = Some("1".to_owned());
        config.rules.stale.enabled = Some(false);
        config.rules.source_down.enabled = Some(false);
    })
    .await;
    let acting = &paying.acting;
    for _ in 0..3 {
        acting.bot.leap(Duration::from_mins(5)).await;
    }
    let alert = acting.bot.the_alert();
    assert!(Workspace::render(&alert).contains("Act…"), "{}", Workspace::render(&alert));
    let ts = alert["ts"].as_str().unwrap().to_owned();
    acting.bot.slack.choose("alice", "feeds-alerts", &ts, "wk.action.offer", "Top up keeper").await;
    acting.bot.settle().await;
    acting.submit("alice", json!({"amount": {"amount": "1.5"}})).await;
    let shown = acting.shown(1);
    assert!(shown.contains("Top up keeper with 1.5 SOL") && shown.contains("keeper"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_nowhere() {
    let paying = Paying::start().await;
    let acting = &paying.acting;
    let number = paying.approved("top-up keeper 1").await;
    acting.act().await;
    acting.pass(20).await;
    let entries = {
        use watchkeeper::store::audit::{Cursor, Filter, page};
        page(&acting.bot.flow.store, &Filter::default(), Cursor::After(0), 1000).await.unwrap()
    };
    let request = serde_json::to_string(&acting.request(number).await.request).unwrap();
    let config = serde_json::to_string(&acting.bot.config).unwrap();
    let all = format!("{entries:?} {request} {config} {:?} {:?}", acting.shown_all(), acting.bot.told("alice"));
    for secret in [EVM_KEY, &EVM_KEY[2..], &solana_secret(), &hex::encode([7; 32])] {
        assert!(!all.contains(secret));
    }
    assert!(Workspace::render(&acting.card(number)).contains("ops-solana"));
    acting.bot.clock.advance(Duration::from_secs(1));
}
