//! Who has the watch while nobody has accepted it: it is never nobody's.

use serde_json::json;
use watchkeeper::core::escalation::{Policy, Rule, Step, Target};
use watchkeeper::core::ids::UserId;
use watchkeeper::core::time::Span;
use watchkeeper::sim::slack::Workspace;

use super::super::support::acting::Acting;
use super::super::support::{Bot, Database, databases};
use super::{
    DIRECT, MONDAY, after, answerable, at, audited, bot, direct, handoffs, last, look, on, policy, press, primary,
    shown, thread, warm,
};

async fn leaves(bot: &Bot, user: &str) {
    bot.slack.deactivate(user);
    bot.flow.refresh_directory().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_whoever_should_come_in_is_gone_the_one_before_keeps_it_and_others_are_told_at_once() {
    for database in databases() {
        let bot = on(database, json!([primary()]), |_| {}).await;
        leaves(&bot, "bob").await;
        at(&bot, MONDAY).await;
        insta::assert_snapshot!("handoff_unreachable", format!("{}\n\n{}", shown(&bot), thread(&bot)));
        assert_eq!(answerable(&bot, "primary"), ["U0ALICE"]);
        assert!(direct(&bot, "carol")[0].contains("Can you take it"), "{:?}", direct(&bot, "carol"));
        assert!(
            direct(&bot, "alice")[0].contains("you keep it until somebody takes it"),
            "{:?}",
            direct(&bot, "alice")
        );
        let answer = bot.type_in("dave", "/wk oncall").await;
        assert!(answer.contains("*alice* keeps the watch"), "{answer}");
        let bot = bot.restart().await;
        bot.flow.refresh_directory().await;
        after(&bot, 1).await;
        assert_eq!((handoffs(&bot).len(), direct(&bot, "carol").len()), (1, 1), "once, also over a restart");
        press(&bot, "carol", "I take it").await;
        assert_eq!(answerable(&bot, "primary"), ["U0CAROL"]);
        assert!(shown(&bot).contains("*carol* accepted it in place of *bob*"), "{}", shown(&bot));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_slack_before_they_accept_leaves_it_with_the_one_before() {
    let bot = bot().await;
    at(&bot, MONDAY).await;
    leaves(&bot, "bob").await;
    after(&bot, 1).await;
    let last = last(&bot);
    assert!(last.contains("*alice* → nobody") && last.contains("*bob* should have it and cannot be reached"), "{last}");
    assert!(last.contains("Until then *alice* keeps the watch") && !last.contains("[Accept]"), "{last}");
    assert_eq!(answerable(&bot, "primary"), ["U0ALICE"]);
    assert_eq!(direct(&bot, "carol").len(), 1);
    assert_eq!(
        audited(&bot).await,
        [
            "watchkeeper handoff.offered handoff/1",
            "watchkeeper handoff.offered handoff/2",
            "watchkeeper handoff.superseded handoff/1",
            "watchkeeper handoff.escalated handoff/2",
        ]
    );
    // Her own next turn comes, and nobody has taken it from her.
    at(&bot, "2026-12-07T08:00:00Z").await;
    assert!(super::last(&bot).contains("nobody has to accept it"), "{}", super::last(&bot));
    assert_eq!(answerable(&bot, "primary"), ["U0ALICE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_slack_keeps_nothing_either() {
    let bot = bot().await;
    at(&bot, MONDAY).await;
    leaves(&bot, "alice").await;
    assert_eq!(answerable(&bot, "primary"), ["U0BOB"]);
    after(&bot, 1).await;
    assert!(shown(&bot).contains("Nobody keeps the watch until then"), "{}", shown(&bot));
    assert!(audited(&bot).await.contains(&"watchkeeper handoff.keeper_left handoff/1".to_owned()));
    press(&bot, "bob", "Accept").await;
    assert!(shown(&bot).contains("*bob* accepted it"), "{}", shown(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn around_the_world_whoever_took_it_last_keeps_it_until_somebody_takes_it() {
    let sun = json!([{
        "name": "primary", "channel": "C0OPS", "handoff": {},
        "layers": [{
            "users": ["U0ALICE", "U0BOB", "U0CAROL"], "start": "2026-01-05", "shift_length": "8h", "hand_over": "00:00",
        }],
    }]);
    let bot = on(Database::sqlite(), sun, |_| {}).await;
    assert_eq!(answerable(&bot, "primary"), ["U0BOB"]);
    for (time, turn, people) in [
        ("2026-11-24T16:00:00Z", "*bob* → <@U0CAROL>", vec!["U0BOB", "U0CAROL"]),
        ("2026-11-25T00:00:00Z", "*bob* → <@U0ALICE>", vec!["U0BOB", "U0ALICE"]),
        ("2026-11-25T08:00:00Z", "<@U0BOB> goes on", vec!["U0BOB"]),
        ("2026-11-25T16:00:00Z", "*bob* → <@U0CAROL>", vec!["U0BOB", "U0CAROL"]),
    ] {
        at(&bot, time).await;
        assert!(last(&bot).contains(turn), "{time}: {}", last(&bot));
        assert_eq!(answerable(&bot, "primary"), people, "{time}");
    }
    let kept = Workspace::render(&handoffs(&bot)[2]);
    assert!(kept.contains("*bob* has kept it since before, so nobody has to accept it"), "{kept}");
    assert!(!kept.contains("[Accept]"), "{kept}");
    press(&bot, "carol", "Accept").await;
    assert_eq!(answerable(&bot, "primary"), ["U0CAROL"]);
    at(&bot, "2026-11-26T00:00:00Z").await;
    assert!(last(&bot).contains("*carol* → <@U0ALICE>"), "{}", last(&bot));
    let superseded = audited(&bot).await.iter().filter(|line| line.contains("superseded")).count();
    assert_eq!(superseded, 2, "what was offered to Carol and to Alice; nobody was asked when it was Bob's again");
}

fn pages(bot: &Bot, user: &str) -> usize {
    let messages = bot.slack.seen_by(user, DIRECT);
    messages.iter().filter(|message| Workspace::render(message).contains("📟")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn until_it_is_accepted_an_alert_calls_both_and_afterwards_only_who_accepted() {
    let mut schedule = primary();
    schedule["user_group"] = json!("S0ONCALL");
    let bot = on(Database::sqlite(), json!([schedule]), |config| {
        let step = Step { targets: vec![Target::Schedule("primary".to_owned())], wait: Span::from_secs(3600) };
        let feeds = Policy { name: "feeds".to_owned(), after: Span::from_secs(60), steps: vec![step], repeat: 0 };
        config.escalation.policies.push(feeds);
        let all = Rule { receivers: Vec::new(), severities: Vec::new(), policy: "feeds".to_owned(), hours: None };
        config.escalation.rules = vec![all];
        config.rules.classes.entry("crypto".to_owned()).or_default().stale_max = Some(Span::from_secs(86_400));
    })
    .await;
    at(&bot, MONDAY).await;
    warm(&bot).await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(240).await;
    assert_eq!((pages(&bot, "alice"), pages(&bot, "bob")), (1, 1));
    bot.flow.keep_user_groups().await;
    assert_eq!(bot.slack.user_group("oncall"), ["U0ALICE", "U0BOB"]);
    press(&bot, "bob", "Accept").await;
    bot.heal();
    bot.advance(150).await;
    bot.stop("Crypto.ETH/USD");
    bot.advance(240).await;
    assert_eq!((pages(&bot, "alice"), pages(&bot, "bob")), (0, 1), "the first is over, and she is released");
    bot.flow.keep_user_groups().await;
    assert_eq!(bot.slack.user_group("oncall"), ["U0BOB"]);
}

/// Whoever is on call acts without approval where it burns.
async fn in_need() -> Acting {
    let acting = Acting::with(Database::sqlite(), |config| {
        config.oncall.schedules = serde_json::from_value(json!([primary()])).unwrap();
        config.escalation.policies = vec![policy()];
        config.actions.break_glass = vec!["on-call".parse().unwrap()];
    })
    .await;
    look(&acting.bot).await;
    acting
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_it_may_act_in_need_and_is_told_when_others_do() {
    let acting = in_need().await;
    at(&acting.bot, MONDAY).await;
    let told = acting.type_in("carol", "/wk restart price-pusher-evm --break-glass it burns").await;
    assert!(told.contains("`actions.break_glass` list"), "{told}");
    let told = acting.type_in("bob", "/wk restart price-pusher-evm --break-glass it burns").await;
    assert!(told.contains("begins without approval"), "{told}");
    let alice = direct(&acting.bot, "alice");
    assert!(alice.iter().any(|text| text.contains("acts without approval")), "{alice:?}");
    acting.act().await;
    let told = acting.type_in("alice", "/wk restart price-pusher-solana --break-glass it burns").await;
    assert!(told.contains("begins without approval"), "she keeps the watch: {told}");
    acting.act().await;
    assert_eq!(acting.state(2).await, "succeeded");
    press(&acting.bot, "bob", "Accept").await;
    let told = acting.type_in("alice", "/wk restart price-pusher-evm --break-glass it burns").await;
    assert!(told.contains("`actions.break_glass` list"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_watch_it_is_may_accept_and_ask_though_they_are_no_responder() {
    let bot = on(Database::sqlite(), json!([primary()]), |config| {
        config.access.responders = vec![UserId::new("U0ALICE")];
    })
    .await;
    at(&bot, MONDAY).await;
    press(&bot, "dave", "Accept").await;
    let told = bot.told("dave").join("\n");
    assert!(told.contains("Only responders can do that"), "{told}");
    press(&bot, "dave", "Ask…").await;
    assert!(bot.slack.views("dave").is_empty());
    press(&bot, "bob", "Ask…").await;
    let view = bot.slack.views("bob").pop().unwrap();
    let asked = json!({"question": {"question": "is it quiet?"}});
    assert!(bot.slack.submit_view("bob", view["id"].as_str().unwrap(), asked).await.ok());
    bot.settle().await;
    assert!(thread(&bot).contains("*bob* asks <@U0ALICE>: is it quiet?"), "{}", thread(&bot));
    press(&bot, "bob", "Accept").await;
    assert!(shown(&bot).contains("*bob* accepted it"), "{}", shown(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_watches_that_change_at_once_are_accepted_each_for_itself() {
    let mut second = primary();
    second["name"] = json!("secondary");
    second["layers"][0]["users"] = json!(["U0CAROL", "U0DAVE"]);
    let bot = on(Database::sqlite(), json!([primary(), second]), |_| {}).await;
    at(&bot, MONDAY).await;
    let all = handoffs(&bot);
    assert_eq!(all.len(), 2, "{all:#?}");
    let first = all[0]["ts"].as_str().unwrap();
    assert!(bot.slack.click("bob", "ops", first, "Accept").await.ok());
    bot.settle().await;
    assert_eq!(answerable(&bot, "primary"), ["U0BOB"]);
    assert_eq!(answerable(&bot, "secondary"), ["U0CAROL", "U0DAVE"]);
    press(&bot, "dave", "Accept").await;
    assert_eq!(answerable(&bot, "secondary"), ["U0DAVE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_put_themselves_on_call_keeps_no_say_with_the_watch() {
    let acting = in_need().await;
    acting.type_in("bob", "/wk override primary me now for 10m").await;
    after(&acting.bot, 1).await;
    press(&acting.bot, "bob", "Accept").await;
    after(&acting.bot, 15).await;
    assert!(answerable(&acting.bot, "primary").contains(&"U0BOB".to_owned()), "he is called until it is accepted");
    let told = acting.type_in("bob", "/wk restart price-pusher-evm --break-glass it burns").await;
    assert!(told.contains("`actions.break_glass` list"), "{told}");
    let told = acting.type_in("alice", "/wk restart price-pusher-evm --break-glass it burns").await;
    assert!(told.contains("begins without approval"), "{told}");
}
