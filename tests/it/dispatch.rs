//! A workflow of GitHub Actions, run at the commit that was approved, once.

use std::time::Duration;

use serde_json::json;
use watchkeeper::clock::Clock;

use super::support::acting::Acting;
use super::support::databases;

const OTHER: &str = "a0b1c2d3e4f5061728394a5b6c7d8e9f00112233";

/// Asked for by Alice, who is on call, and approved by two others.
async fn approved(acting: &Acting) {
    let told = acting.type_in("alice", "/wk dispatch deploy-pusher network=testnet the hotfix is merged").await;
    assert!(told.contains("Asked for as *#1*") && told.contains("2 approvals"), "{told}");
    for user in ["bob", "carol"] {
        acting.press(user, 1, "Approve").await;
    }
}

/// The latest run is so now, and the bot has looked.
async fn run_is(acting: &Acting, status: &str, conclusion: Option<&str>) {
    let id = acting.github.runs().last().unwrap().id;
    acting.github.go_on(id, status, conclusion);
    acting.pass(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_runs_at_the_commit_that_was_approved_and_is_watched_to_its_end() {
    for database in databases() {
        let acting = Acting::with(database, |_| {}).await;
        approved(&acting).await;
        insta::assert_snapshot!("dispatch_card_approved", acting.shown(1));
        acting.act().await;
        assert_eq!((acting.github.dispatched(), acting.state(1).await), (1, "executing"));
        run_is(&acting, "in_progress", None).await;
        assert!(acting.shown(1).contains("_in progress_"), "{}", acting.shown(1));
        // Longer than a rollout may take.
        acting.pass(3600).await;
        run_is(&acting, "completed", Some("success")).await;
        assert_eq!((acting.github.dispatched(), acting.state(1).await), (1, "succeeded"));
        insta::assert_snapshot!("dispatch_card_done", acting.shown(1));
        assert_eq!(acting.journal(1).await, ["0 intent", "0 attempt", "0 succeeded", "1 verified"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_moved_since_makes_the_plan_stale() {
    let acting = Acting::start().await;
    acting.type_in("alice", "/wk freeze a moment").await;
    approved(&acting).await;
    acting.github.push("main", OTHER, "Another");
    acting.type_in("bob", "/wk unfreeze").await;
    acting.act().await;
    assert_eq!((acting.github.dispatched(), acting.state(1).await), (0, "stale"));
    let card = acting.shown(1);
    assert!(card.contains("commit of main") && card.contains("a0b1c2d3e4"), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_another_commit_is_stopped_and_said_to_have_failed() {
    let acting = Acting::start().await;
    approved(&acting).await;
    acting.github.faults(|faults| faults.moves_to = Some(OTHER.to_owned()));
    acting.act().await;
    acting.pass(10).await;
    assert_eq!(acting.state(1).await, "failed");
    assert!(acting.shown(1).contains("it was told to stop"), "{}", acting.shown(1));
    assert_eq!(acting.github.runs()[0].conclusion.as_deref(), Some("cancelled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_is_shown_with_its_page() {
    let acting = Acting::start().await;
    approved(&acting).await;
    acting.act().await;
    run_is(&acting, "completed", Some("failure")).await;
    assert_eq!(acting.state(1).await, "failed");
    assert!(acting.shown(1).contains("the run ended as failure: https://github.com/acme/infra/actions/runs/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_looked_for_and_then_nobody_knows() {
    let acting = Acting::start().await;
    approved(&acting).await;
    acting.github.faults(|faults| (faults.lose_answer, faults.unlisted) = (true, true));
    acting.act().await;
    assert_eq!(acting.state(1).await, "executing", "it is looked for");
    acting.pass(59).await;
    assert_eq!(acting.state(1).await, "executing");
    acting.pass(1).await;
    assert_eq!((acting.github.dispatched(), acting.state(1).await), (1, "unknown"));
    assert!(acting.shown(1).contains("GitHub shows no run of it"), "{}", acting.shown(1));
    acting.bot.clock.advance(Duration::from_hours(1));
    acting.pass(1).await;
    assert_eq!(acting.github.dispatched(), 1, "it is never sent again, at {}", acting.bot.clock.now());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_offers_the_inputs_that_may_be_given() {
    let acting = Acting::start().await;
    acting.type_in("alice", "/wk dispatch deploy-pusher").await;
    let form = acting.bot.slack.views("alice").pop().unwrap().to_string();
    assert!(form.contains("Run a workflow") && form.contains("testnet") && !form.contains("by watchkeeper"), "{form}");
    let filled = json!({"input.network": {"input.network": "testnet"}, "reason": {"reason": "hotfix"}});
    assert!(acting.submit("alice", filled).await.is_null());
    assert!(acting.shown(1).contains("network=testnet"), "{}", acting.shown(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_configuration_does_not_name_is_not_run() {
    let acting = Acting::start().await;
    let told = acting.ask("alice", "dispatch release").await;
    assert_eq!(told, "No workflow is called *release*; there are: deploy-pusher.");
    let told = acting.ask("alice", "dispatch deploy-pusher note=mine").await;
    assert!(told.contains("does not take `note`; what can be given: network"), "{told}");
    let told = acting.ask("alice", "dispatch deploy-pusher network=devnet").await;
    assert!(told.contains("it can be: mainnet, testnet"), "{told}");
    let told = acting.ask("alice", "restart github/Workflow/deploy-pusher").await;
    assert!(!told.contains("Asked for"), "{told}");
    assert!(acting.shown_all().is_empty());
}
