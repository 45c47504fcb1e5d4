//! Money when endpoints are wrong, blocks are dropped and fees rise: never twice, and never called failed when it may have gone.

use watchkeeper::core::action::journal::Step;

use super::support::ledger::{EVM_HOT, Mining};
use super::support::paying::{ETH, KEEPER, PUSHER, Paying, SOL};

async fn why_blocked(paying: &Paying, number: u64) -> String {
    let request = paying.acting.request(number).await.request;
    match &request.state.journal().unwrap().steps[0] {
        Step::Intended { blocked: Some(why), .. } => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_says_a_blockhash_is_over_at_once_does_not_have_it_signed_anew() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    ledger.lies();
    ledger.mining(Mining::Pending);
    let number = paying.approved("top-up keeper 1").await;
    acting.act().await;
    for _ in 0..5 {
        acting.pass(11).await;
        assert_eq!(ledger.seen(), 1, "the same bytes, as long as they may still come");
    }
    ledger.land_late();
    acting.pass(2).await;
    acting.pass(20).await;
    assert_eq!(acting.state(number).await, "succeeded", "{}", acting.shown(number));
    assert_eq!((ledger.seen(), ledger.landed(), ledger.holds(KEEPER)), (1, 1, SOL + SOL / 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_for_expired_is_looked_for_once_more_before_another_is_signed() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    ledger.mining(Mining::Lost);
    let number = paying.approved("top-up keeper 1").await;
    acting.act().await;
    acting.pass(80).await;
    assert!(why_blocked(&paying, number).await.contains("expired"));
    ledger.land_late();
    acting.pass(11).await;
    acting.pass(20).await;
    assert_eq!(acting.state(number).await, "succeeded", "{}", acting.shown(number));
    assert_eq!((ledger.seen(), ledger.landed(), ledger.holds(KEEPER)), (1, 1, SOL + SOL / 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_count_a_payment_and_do_not_have_it_yet_are_asked_again() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    ledger.behind(true);
    let number = paying.approved("top-up pusher 0.25").await;
    acting.act().await;
    acting.pass(30).await;
    assert_eq!(acting.state(number).await, "executing", "{}", acting.shown(number));
    assert!(acting.shown(number).contains("seems to have its nonce 0"), "{}", acting.shown(number));
    ledger.behind(false);
    acting.pass(2).await;
    assert_eq!(acting.state(number).await, "succeeded", "{}", acting.shown(number));
    assert_eq!((ledger.landed(), ledger.holds(PUSHER)), (1, ETH / 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_a_block_that_was_dropped_is_sent_again() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    let number = paying.approved("top-up pusher 0.25").await;
    acting.act().await;
    assert!(acting.shown(number).contains("1 of 3 blocks deep"), "{}", acting.shown(number));
    ledger.drop_blocks(PUSHER, ETH / 4);
    acting.pass(2).await;
    assert_eq!((ledger.seen(), ledger.landed()), (1, 1), "the same bytes");
    acting.pass(10).await;
    assert_eq!(acting.state(number).await, "succeeded", "{}", acting.shown(number));
    assert_eq!((ledger.holds(PUSHER), ledger.holds(EVM_HOT)), (ETH / 2, 100 * ETH - ETH / 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_a_block_and_does_not_settle_is_unknown_with_its_transaction() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    let number = paying.approved("top-up pusher 1.5").await;
    acting.act().await;
    ledger.behind(true);
    acting.pass(599).await;
    assert_eq!(acting.state(number).await, "executing");
    acting.pass(1).await;
    assert_eq!(acting.state(number).await, "unknown", "{}", acting.shown(number));
    let id = &acting.request(number).await.request.state.journal().unwrap().signed[0].id.clone();
    assert!(acting.shown(number).contains(id), "{}", acting.shown(number));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_more_blocks_the_longer_it_is_waited_for() {
    let paying = Paying::with(super::support::Database::sqlite(), |config| {
        config.actions.hot_wallets[1].confirmations = 400;
    })
    .await;
    let Paying { acting, ledger } = &paying;
    let number = paying.approved("top-up pusher 0.25").await;
    acting.act().await;
    acting.pass(700).await;
    assert!(acting.shown(number).contains("351 of 400 blocks deep"), "{}", acting.shown(number));
    acting.pass(100).await;
    assert_eq!((acting.state(number).await, ledger.landed()), ("succeeded", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_paid_for_fees_than_was_approved() {
    let paying = Paying::start().await;
    let Paying { acting, ledger } = &paying;
    let number = paying.approved("top-up pusher 0.25").await;
    assert!(acting.shown(number).contains("0.000063 ETH"), "21,000 gas at 3 gwei: {}", acting.shown(number));
    ledger.base_fee(4_000_000_000);
    acting.act().await;
    assert_eq!((acting.state(number).await, ledger.sends()), ("executing", 0));
    let why = why_blocked(&paying, number).await;
    assert!(why.contains("0.000126 ETH now, and at most 0.000063 ETH were approved"), "{why}");
    // A little more than then is taken from what was offered lest blocks fill up.
    ledger.base_fee(1_500_000_000);
    acting.pass(11).await;
    acting.pass(10).await;
    assert_eq!((acting.state(number).await, ledger.landed()), ("succeeded", 1), "{}", acting.shown(number));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_settles_as_deep_as_was_approved_without_its_hot_wallet() {
    let paying = Paying::start().await;
    let Paying { acting, .. } = &paying;
    let number = paying.approved("top-up pusher 0.25").await;
    acting.act().await;
    assert!(acting.shown(number).contains("1 of 3 blocks deep"), "{}", acting.shown(number));
    let mut settings = (*acting.bot.flow.settings()).clone();
    settings.actions.hot_wallets.clear();
    acting.bot.flow.reload(settings, acting.bot.config.rules.clone(), acting.bot.config.alerting.clone());
    acting.act().await;
    assert_eq!(acting.state(number).await, "executing", "{}", acting.shown(number));
    acting.pass(4).await;
    assert_eq!(acting.state(number).await, "succeeded", "{}", acting.shown(number));
}
