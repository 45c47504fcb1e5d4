//! Every way that must not lead to an execution, by name. Each is tried on a real card; none executes.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use watchkeeper::clock::Clock;
use watchkeeper::core::action::request::Request;
use watchkeeper::core::ids::{RequestId, UserGroupId, UserId};
use watchkeeper::flow::Home;
use watchkeeper::sim::slack::deliver::Kind;
use watchkeeper::sim::slack::script::SignedRequest;
use watchkeeper::sim::slack::{Failure, Faults};
use watchkeeper::slack::manifest::REQUEST_PATH;
use watchkeeper::store::actions;

use super::support::Database;
use super::support::acting::{Acting, OPS, allowed, rule};

/// The value of the card's button with this `action_id`.
pub fn value(message: &Value, action_id: &str) -> String {
    fn find(value: &Value, action_id: &str) -> Option<String> {
        match value {
            Value::Object(map) if map.get("action_id").is_some_and(|id| id == action_id) => {
                map.get("value")?.as_str().map(str::to_owned)
            }
            Value::Object(map) => map.values().find_map(|value| find(value, action_id)),
            Value::Array(list) => list.iter().find_map(|value| find(value, action_id)),
            _ => None,
        }
    }
    find(message, action_id).unwrap_or_else(|| panic!("no {action_id} in {message:#}"))
}

/// A click as Slack would deliver it, of whomever and on whatever.
pub fn click(acting: &Acting, user: (&str, &str), ts: &Value, action: (&str, &str), nth: u32) -> Value {
    let at = acting.bot.clock.now().as_secs();
    json!({
        "type": "block_actions",
        "team": {"id": "T0WKLABS"},
        "user": {"id": user.0, "team_id": user.1},
        "api_app_id": "A0WATCH",
        "container": {"type": "message", "channel_id": "C0OPS", "message_ts": ts},
        "channel": {"id": "C0OPS"},
        "message": {"ts": ts},
        "trigger_id": format!("adversary.{at}.{nth}"),
        "actions": [{"type": "button", "action_id": action.0, "block_id": "b", "value": action.1,
            "action_ts": format!("{at}.{nth:06}")}],
    })
}

async fn send(acting: &Acting, request: &SignedRequest) -> u16 {
    send_to(acting.bot.address, request).await
}

pub async fn send_to(address: SocketAddr, request: &SignedRequest) -> u16 {
    let SignedRequest { body, content_type, timestamp, signature } = request;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let request = client
        .post(format!("http://{address}{REQUEST_PATH}"))
        .header("content-type", *content_type)
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", signature)
        .body(body.clone());
    request.send().await.unwrap().status().as_u16()
}

async fn deliver(acting: &Acting, payload: &Value) {
    let request = acting.bot.slack.signed_request(Kind::Interaction, payload, acting.bot.clock.now().as_secs());
    assert_eq!(send(acting, &request).await, 200);
    acting.bot.settle().await;
}

pub const HOME: &str = "T0WKLABS";
pub const APPROVE: &str = "wk.action.approve";

/// A request of Alice's, and its card's approve button: the message and the button's value.
async fn asked() -> (Acting, Value, String) {
    let acting = Acting::start().await;
    acting.ask("alice", "scale price-pusher-evm 5").await;
    let card = acting.card(1);
    let approve = value(&card, APPROVE);
    (acting, card["ts"].clone(), approve)
}

/// Nothing was written, whatever was tried, and the request's state is this.
async fn nothing_happened(name: &str, acting: &Acting, state: &str) {
    acting.act().await;
    assert_eq!(acting.writes(), 0, "{name}");
    assert_eq!(acting.state(1).await, state, "{name}");
    eprintln!("{name:<45} {state:<10} 0 writes");
}

async fn denials(acting: &Acting) -> usize {
    acting.audit(1).await.iter().filter(|line| line.ends_with("action.denied")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_for_themselves_and_no_stranger_does() {
    for (name, user) in [
        ("self-approval", ("U0ALICE", HOME)),
        ("self-approval under another workspace", ("U0ALICE", "T0PARTNER")),
        ("somebody no rule names", ("U0DAVE", HOME)),
        ("a stranger of a shared channel", ("U0ERIN", "T0PARTNER")),
        ("a stranger who claims our workspace", ("U0ERIN", HOME)),
        ("an approver's id from another workspace", ("U0BOB", "T0PARTNER")),
        ("somebody who does not exist", ("U0NOBODY", HOME)),
    ] {
        let (acting, ts, approve) = asked().await;
        deliver(&acting, &click(&acting, user, &ts, (APPROVE, &approve), 1)).await;
        assert_eq!(denials(&acting).await, 1, "{name}: the refusal is on record");
        nothing_happened(name, &acting, "open").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_who_may_break_glass_does_not_approve_their_own() {
    let acting = Acting::with(Database::sqlite(), |config| {
        config.actions.break_glass = vec!["U0ALICE".parse().unwrap()];
        config.actions.rules[0].approve.push("everyone".parse().unwrap());
    })
    .await;
    acting.ask("alice", "scale price-pusher-evm 5").await;
    let told = acting.press("alice", 1, "Approve").await;
    assert!(told.contains("Nobody approves what they asked for themselves"), "{told}");
    nothing_happened("admin self-approval", &acting, "open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_counts_for_the_plan_that_was_shown_and_for_no_other() {
    let (acting, ts, approve) = asked().await;
    let (id, digest) = approve.split_once(' ').unwrap();
    acting.ask("alice", "scale price-pusher-solana 9").await;
    let other = value(&acting.card(2), APPROVE);
    let other_digest = other.split_once(' ').unwrap().1;
    for (nth, (name, forged)) in [
        ("approve after a change of parameters", format!("{id} {other_digest}")),
        ("approve after a change of the target", format!("{id} {}", digest.chars().rev().collect::<String>())),
        ("a digest cut short", format!("{id} {}", &digest[..10])),
        ("no digest", id.to_owned()),
        ("an empty digest", format!("{id} ")),
        ("another request's id", format!("01NOSUCHREQUEST {digest}")),
    ]
    .into_iter()
    .enumerate()
    {
        let nth = u32::try_from(nth).unwrap();
        deliver(&acting, &click(&acting, ("U0BOB", HOME), &ts, (APPROVE, &forged), nth)).await;
        nothing_happened(name, &acting, "open").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_late_too_often_or_twice_delivered_is_no_approval() {
    let (acting, ts, approve) = asked().await;
    let press = click(&acting, ("U0BOB", HOME), &ts, (APPROVE, &approve), 1);
    acting.pass(1800).await;
    deliver(&acting, &press).await;
    nothing_happened("expired", &acting, "expired").await;

    let (acting, ts, approve) = asked().await;
    acting.choose("alice", 1, "wk.more", "Withdraw").await;
    deliver(&acting, &click(&acting, ("U0BOB", HOME), &ts, (APPROVE, &approve), 1)).await;
    nothing_happened("approved after it was withdrawn", &acting, "withdrawn").await;

    let acting = Acting::with(Database::sqlite(), |config| {
        let mut two = rule();
        two["quorum"] = json!(2);
        config.actions = allowed(two);
    })
    .await;
    acting.ask("alice", "scale price-pusher-evm 5").await;
    let (ts, approve) = (acting.card(1)["ts"].clone(), value(&acting.card(1), APPROVE));
    let press = click(&acting, ("U0BOB", HOME), &ts, (APPROVE, &approve), 1);
    let at = acting.bot.clock.now().as_secs();
    let request = acting.bot.slack.signed_request(Kind::Interaction, &press, at);
    let statuses = join_all((0..20).map(|_| send(&acting, &request))).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    acting.bot.settle().await;
    nothing_happened("replayed twenty times at once", &acting, "open").await;
    assert_eq!(acting.request(1).await.request.state.approvals().len(), 1);
    deliver(&acting, &click(&acting, ("U0BOB", HOME), &ts, (APPROVE, &approve), 2)).await;
    assert!(acting.bot.told("bob").iter().any(|told| told.contains("you have approved it already")));
    nothing_happened("a double click", &acting, "open").await;
    assert_eq!(acting.request(1).await.request.state.approvals().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_slack_did_not_sign_is_not_heard() {
    let (acting, ts, approve) = asked().await;
    let press = click(&acting, ("U0BOB", HOME), &ts, (APPROVE, &approve), 1);
    let now = acting.bot.clock.now().as_secs();
    let signed = |at| acting.bot.slack.signed_request(Kind::Interaction, &press, at);
    let alice = click(&acting, ("U0ALICE", HOME), &ts, (APPROVE, &approve), 1);
    let own = acting.bot.slack.signed_request(Kind::Interaction, &alice, now);
    for (name, request) in [
        ("a forged user", SignedRequest { body: own.body.replace("U0ALICE", "U0BOB"), ..own.clone() }),
        (
            "a forged signature",
            SignedRequest { signature: signed(now).signature.replace(['1', '2'], "3"), ..signed(now) },
        ),
        ("replayed after six minutes", signed(now - 360)),
    ] {
        assert_eq!(send(&acting, &request).await, 401, "{name}");
        nothing_happened(name, &acting, "open").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_were_lost_after_the_approval_no_longer_count() {
    // Bob approves while everything is frozen, then something happens, then the freeze is lifted by Carol.
    let approved = async || {
        let acting = Acting::with(Database::sqlite(), |config| {
            config.actions.unfreeze = vec!["U0CAROL".parse().unwrap()];
        })
        .await;
        acting.ask("alice", "scale price-pusher-evm 5").await;
        acting.type_in("carol", "/wk freeze").await;
        acting.press("bob", 1, "Approve").await;
        acting.act().await;
        assert_eq!(acting.state(1).await, "approved");
        acting
    };
    let acting = approved().await;
    nothing_happened("frozen", &acting, "approved").await;
    acting.bot.slack.deactivate("bob");
    acting.type_in("carol", "/wk unfreeze").await;
    nothing_happened("an approver who was deactivated", &acting, "open").await;

    let acting = approved().await;
    acting.bot.slack.deactivate("alice");
    acting.type_in("carol", "/wk unfreeze").await;
    nothing_happened("a requester who was deactivated", &acting, "cancelled").await;

    let acting = Acting::with(Database::sqlite(), |config| {
        config.actions.unfreeze = vec!["U0CAROL".parse().unwrap()];
        config.actions.rules[0].approve = vec!["S0ONCALL".parse().unwrap()];
    })
    .await;
    let members = async |user: &str| {
        let (group, user) = (UserGroupId::new("S0ONCALL"), [UserId::new(user)]);
        acting.bot.flow.api.usergroups_users_update(&group, user.iter()).await.unwrap();
    };
    members("U0BOB").await;
    acting.ask("alice", "scale price-pusher-evm 5").await;
    acting.type_in("carol", "/wk freeze").await;
    acting.press("bob", 1, "Approve").await;
    assert_eq!(acting.state(1).await, "approved");
    members("U0DAVE").await;
    acting.type_in("carol", "/wk unfreeze").await;
    nothing_happened("an approver who left the user group", &acting, "open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_rules_after_the_approval_makes_the_plan_stale() {
    let acting = Acting::start().await;
    acting.ask("alice", "scale price-pusher-evm 5").await;
    acting.type_in("carol", "/wk freeze").await;
    acting.press("bob", 1, "Approve").await;
    let mut settings = (*acting.bot.flow.settings()).clone();
    settings.actions.policy.rules[0].quorum = Some(3);
    let (rules, policy) = (acting.bot.config.rules.clone(), acting.bot.config.alerting.clone());
    acting.bot.flow.reload(settings, rules, policy);
    acting.type_in("bob", "/wk unfreeze").await;
    nothing_happened("the rules have changed", &acting, "stale").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_slack_does_not_say_who_is_who_nothing_is_decided() {
    let (acting, ts, approve) = asked().await;
    acting.bot.slack.faults(|faults| {
        faults.next("users.info", 50, Failure::Error("token_revoked".to_owned()));
    });
    deliver(&acting, &click(&acting, ("U0BOB", HOME), &ts, (APPROVE, &approve), 1)).await;
    nothing_happened("a revoked token, or Slack away", &acting, "open").await;
    acting.bot.slack.faults(Faults::clear_calls);
    // Not knowing the own workspace, nobody is of it.
    acting.bot.flow.set_home(Home::default());
    deliver(&acting, &click(&acting, ("U0BOB", HOME), &ts, (APPROVE, &approve), 2)).await;
    nothing_happened("the bot's own workspace is not known", &acting, "open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_drives_at_the_same_time_it_is_done_once() {
    let acting = Acting::start().await;
    acting.ask("alice", "scale price-pusher-evm 5").await;
    acting.press("bob", 1, "Approve").await;
    for _ in 0..50 {
        let rounds = join_all((0..8).map(|_| acting.bot.flow.drive_actions())).await;
        if rounds.into_iter().all(|moved| moved.unwrap() == 0) {
            break;
        }
    }
    assert_eq!((acting.writes(), acting.state(1).await), (1, "succeeded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_person_only_so_many_requests_wait_at_a_time() {
    let acting = Acting::start().await;
    acting.ask("alice", "scale price-pusher-evm 5").await;
    let one = acting.request(1).await.request;
    let mut tx = acting.bot.flow.store.begin().await.unwrap();
    for number in 1001..1030 {
        let another = Request { id: RequestId::new(number.to_string()), number, ..one.clone() };
        actions::insert(&mut tx, &another, acting.bot.flow.now()).await.unwrap();
    }
    tx.commit().await.unwrap();
    let told = acting.ask("alice", "restart price-pusher-evm").await;
    assert!(told.contains("30 requests of yours wait to be approved"), "{told}");
    let told = acting.ask("bob", "restart price-pusher-evm").await;
    assert!(told.contains("Asked for as"), "{told}");
    let told = acting.ask("alice", "restart price-pusher-evm --break-glass").await;
    assert!(!told.contains("requests of yours wait"), "an emergency waits for nobody: {told}");
}

/// Alice has the watch; whoever is on call approves, acts in need and lifts a freeze.
async fn by_the_watch() -> Acting {
    let on_call = || vec!["on-call".parse().unwrap()];
    Acting::with(Database::sqlite(), |config| {
        (config.actions.break_glass, config.actions.unfreeze) = (on_call(), on_call());
        config.actions.rules[0].approve = on_call();
        config.actions.rules[0].request.push("U0DAVE".parse().unwrap());
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_say_by_putting_themselves_on_call() {
    let acting = by_the_watch().await;
    acting.ask("bob", "scale price-pusher-evm 5").await;
    let told = acting.type_in("dave", "/wk override primary me now for 4h").await;
    assert!(told.contains("dave* has the watch"), "{told}");
    let told = acting.press("dave", 1, "Approve").await;
    assert!(told.contains("You put yourself on call"), "{told}");
    let told = acting.type_in("dave", "/wk restart price-pusher-solana --break-glass it burns").await;
    assert!(told.contains("You put yourself on call"), "{told}");
    acting.type_in("bob", "/wk freeze").await;
    let told = acting.type_in("dave", "/wk unfreeze").await;
    assert!(told.contains("You put yourself on call"), "{told}");
    nothing_happened("put themselves on call", &acting, "open").await;
    // She was put aside and has her say still.
    acting.type_in("alice", "/wk unfreeze").await;
    acting.press("alice", 1, "Approve").await;
    assert_eq!(acting.state(1).await, "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_somebody_else_puts_on_call_has_a_say_also_after_a_restart() {
    let acting = by_the_watch().await;
    acting.type_in("carol", "/wk override primary @dave now for 4h").await;
    let acting = acting.restart().await;
    acting.bot.flow.refresh_on_call().await.unwrap();
    acting.ask("bob", "scale price-pusher-evm 5").await;
    acting.press("dave", 1, "Approve").await;
    assert_eq!(acting.state(1).await, "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_not_everyone_and_may_be_named() {
    let everyone = |more: &'static str| {
        Acting::with(Database::sqlite(), move |config| {
            let all = ["everyone", more].map(|who| who.parse().unwrap());
            config.actions.rules[0].approve = all.into();
        })
    };
    for (more, state) in [("U0CAROL", "open"), ("U0DAVE", "approved")] {
        let acting = everyone(more).await;
        acting.bot.slack.make_guest("dave");
        acting.ask("alice", "scale price-pusher-evm 5").await;
        acting.press("dave", 1, "Approve").await;
        assert_eq!(acting.state(1).await, state, "{more} is named");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_is_not_for_another_company_to_read() {
    let acting = Acting::start().await;
    acting.ask("alice", "scale price-pusher-evm 5").await;
    acting.bot.slack.join("erin", OPS).unwrap();
    for line in ["actions", "action 1", "audit action/1"] {
        // Slack takes a message a second.
        acting.bot.clock.advance(Duration::from_secs(2));
        let ts = acting.bot.slack.say("erin", OPS, &format!("<@U0WATCH> {line}")).await.unwrap();
        acting.bot.settle().await;
        let told = acting.bot.slack.thread(OPS, &ts)[1].to_string();
        assert!(told.contains("Only people of this workspace") && !told.contains("price-pusher"), "{line}: {told}");
    }
    acting.choose("alice", 1, "wk.more", "Withdraw").await;
    let told = acting.press("erin", 1, "History").await;
    assert!(told.contains("Only people of this workspace"), "{told}");
    let told = acting.type_in("bob", "/wk action 1").await;
    assert!(told.contains("price-pusher-evm"), "{told}");
}
