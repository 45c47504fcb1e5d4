//! Who has the watch: asked, changed, swapped, fetched from elsewhere, and kept in step with Slack.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use watchkeeper::clock::Clock;
use watchkeeper::config::oncall::OnCall;
use watchkeeper::core::ids::UserId;
use watchkeeper::oncall::{Client, Feed};
use watchkeeper::sim::slack::{Failure, Workspace};

use super::support::{Bot, Database};

/// The channel of the bot's direct messages, as its people see them.
const DIRECT: &str = "@watchkeeper";

/// Alice, then Bob, a week each from Monday, 9:00 in Berlin. The stories begin on Tuesday, 24 November 2026, 12:00 UTC:
/// week 47 since 5 January, an even one.
fn primary() -> Value {
    json!({
        "name": "primary", "channel": "C0OPS", "user_group": "S0ONCALL",
        "layers": [{"users": ["U0ALICE", "U0BOB"], "start": "2026-01-05", "time_zone": "Europe/Berlin"}],
    })
}

async fn bot(schedules: Value) -> Bot {
    on(Database::sqlite(), schedules).await
}

async fn on(database: Database, schedules: Value) -> Bot {
    let bot = Bot::with(database, |config| {
        config.oncall = OnCall { schedules: serde_json::from_value(schedules).unwrap(), ..OnCall::default() };
        config.slack.public_url = Some("https://wk.example.com/".to_owned());
    })
    .await;
    bot.flow.refresh_directory().await;
    bot
}

fn names(users: &[UserId]) -> Vec<&str> {
    users.iter().map(UserId::as_str).collect()
}

fn on_call(bot: &Bot, schedule: &str, hours: u64) -> String {
    let at = bot.clock.now().plus(Duration::from_hours(hours));
    names(&bot.flow.on_call(schedule, at)).join("+")
}

/// Presses a button on the latest message of a person's direct messages with the bot that has it.
async fn press(bot: &Bot, user: &str, button: &str) {
    let messages = bot.slack.seen_by(user, DIRECT);
    let message = messages.iter().rev().find(|message| message["blocks"].to_string().contains(button));
    let ts = message.unwrap_or_else(|| panic!("no {button} for {user}"))["ts"].as_str().unwrap().to_owned();
    assert!(bot.slack.click(user, DIRECT, &ts, button).await.ok());
    bot.settle().await;
}

/// What somebody reads in the direct messages with the bot, oldest first.
fn direct(bot: &Bot, user: &str) -> Vec<String> {
    bot.slack.seen_by(user, DIRECT).iter().map(Workspace::render).collect()
}

fn in_ops(bot: &Bot) -> Vec<String> {
    bot.slack.messages("ops").iter().map(Workspace::render).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_watch_is_answered_for_now_and_for_any_other_time() {
    let secondary = json!({
        "name": "secondary",
        "layers": [{"users": ["U0CAROL"], "start": "2026-01-05", "restrictions": [{"weekdays": ["monday:friday"]}]}],
    });
    let bot = bot(json!([primary(), secondary])).await;
    let mut said = Vec::new();
    for line in [
        "/wk oncall",
        "/wk oncall primary",
        "/wk oncall primary wed 10:00",
        "/wk oncall secondary sat",
        "/wk oncall fri",
        "/wk oncall primary whenever",
        "/wk oncall tertiary",
        "/wk help oncall",
        "/wk help override",
    ] {
        said.push(format!("> {line}\n{}", bot.type_in("dave", line).await));
    }
    insta::assert_snapshot!("oncall_questions", said.join("\n\n"));
    assert_eq!(on_call(&bot, "primary", 0), "U0ALICE");
    let (at, then) = bot.flow.next_handover("primary").unwrap();
    assert_eq!((at.to_string().as_str(), names(&then)), ("2026-11-30T08:00:00.000Z", vec!["U0BOB"]));
    assert_eq!(on_call(&bot, "none", 0), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_comes_before_the_schedule_survives_a_restart_and_is_taken_back() {
    let bot = bot(json!([primary()])).await;
    let seen = bot.slack.slash("carol", "feeds-alerts", "/wk override primary @bob in 1h for 4h").await;
    bot.settle().await;
    assert!(seen.text.contains("bob* has the watch of *primary*"), "{seen}");
    assert_eq!([0, 2, 6].map(|hours| on_call(&bot, "primary", hours)), ["U0ALICE", "U0BOB", "U0ALICE"]);
    assert!(direct(&bot, "bob").last().unwrap().contains("*bob* takes *primary*"), "{:?}", direct(&bot, "bob"));
    assert!(in_ops(&bot).last().unwrap().contains("*bob* takes *primary*"), "{:?}", in_ops(&bot));
    let bot = bot.restart().await;
    bot.advance(2).await;
    assert_eq!(on_call(&bot, "primary", 2), "U0BOB");
    let ts = seen.message.unwrap()["ts"].as_str().unwrap().to_owned();
    assert!(bot.slack.click("carol", "feeds-alerts", &ts, "Undo").await.ok());
    bot.settle().await;
    assert_eq!(on_call(&bot, "primary", 2), "U0ALICE");
    bot.slack.click("carol", "feeds-alerts", &ts, "Undo").await;
    bot.settle().await;
    assert!(bot.told("carol").concat().contains("taken back already"), "{:?}", bot.told("carol"));
    let audit = bot.audit().await;
    let about: Vec<_> = audit.iter().filter(|line| line.contains("oncall.")).collect();
    assert_eq!(
        about,
        [
            "T0WKLABS/U0CAROL oncall.override_created schedule/primary",
            "T0WKLABS/U0CAROL oncall.override_removed schedule/primary"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_that_cannot_be_read_says_how_to_write_one() {
    let bot = bot(json!([primary()])).await;
    for (typed, expected) in [
        ("/wk override primary bob sat sun", "choose a person"),
        ("/wk override primary @bob sometime", "no time from and to"),
        ("/wk override primary", "Who takes the watch?"),
        ("/wk override tertiary @bob sat sun", "no schedule *tertiary*"),
        ("/wk override @bob 2026-01-01 2026-01-02", "That time is over"),
        ("/wk override @bob now for 90d", "60 days at most"),
    ] {
        let answer = bot.type_in("alice", typed).await;
        assert!(answer.contains(expected), "{typed} → {answer}");
    }
    let answer = bot.type_in("alice", "/wk override me now for 1h").await;
    assert!(answer.contains("alice* has the watch"), "{answer}");
    assert_eq!(bot.slack.seen_by("alice", DIRECT).len(), 0, "nobody is told what they did themselves");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_responders_change_the_watch() {
    let bot = Bot::with(Database::sqlite(), |config| {
        config.oncall.schedules = serde_json::from_value(json!([primary()])).unwrap();
        config.access.responders = vec![UserId::new("U0ALICE")];
    })
    .await;
    for line in ["/wk override primary @bob now for 1h", "/wk override", "/wk swap"] {
        let answer = bot.type_in("dave", line).await;
        assert!(answer.contains("Only responders"), "{line}: {answer}");
    }
    assert!(bot.type_in("dave", "/wk oncall").await.contains("alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_override_form_takes_times_and_shows_what_is_wrong_in_it() {
    let bot = bot(json!([primary()])).await;
    bot.type_in("alice", "/wk override").await;
    let view = bot.slack.views("alice").pop().unwrap();
    let id = view["id"].as_str().unwrap();
    let now = bot.clock.now().as_secs();
    let values =
        |from: i64, to: i64| json!({"who": {"who": "U0CAROL"}, "from": {"from": now + from}, "to": {"to": now + to}});
    let wrong = bot.slack.submit_view("alice", id, values(7200, 3600)).await;
    assert_eq!(wrong.errors["to"], "Must be after the beginning.", "{wrong:?}");
    let done = bot.slack.submit_view("alice", id, values(3600, 7200)).await;
    assert!(done.ok(), "{done:?}");
    bot.settle().await;
    assert_eq!([0, 1, 2].map(|hours| on_call(&bot, "primary", hours)), ["U0ALICE", "U0CAROL", "U0ALICE"]);
}

/// Alice asks Bob to take her next shift for his.
async fn ask_swap(bot: &Bot) {
    bot.type_in("alice", "/wk swap").await;
    let view = bot.slack.views("alice").pop().unwrap();
    let id = view["id"].as_str().unwrap();
    let asked = bot.slack.submit_view("alice", id, json!({"who": {"who": "U0BOB"}})).await;
    assert!(asked.ok(), "{asked:?}");
    bot.settle().await;
}

/// Hours from the beginning of the stories to Alice's next shift (7 December) and Bob's (30 November).
const ALICES: u64 = 24 * 14;
const BOBS: u64 = 24 * 7;

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_holds_once_the_colleague_accepts_and_either_takes_it_back() {
    let bot = bot(json!([primary()])).await;
    ask_swap(&bot).await;
    assert_eq!([BOBS, ALICES].map(|hours| on_call(&bot, "primary", hours)), ["U0BOB", "U0ALICE"], "not before");
    press(&bot, "bob", "Accept").await;
    assert_eq!([BOBS, ALICES].map(|hours| on_call(&bot, "primary", hours)), ["U0ALICE", "U0BOB"]);
    let bot = bot.restart().await;
    bot.advance(2).await;
    press(&bot, "alice", "Undo").await;
    assert_eq!([BOBS, ALICES].map(|hours| on_call(&bot, "primary", hours)), ["U0BOB", "U0ALICE"]);
    assert!(
        direct(&bot, "alice").iter().any(|text| text.contains("Swapped: *bob* takes *primary*")),
        "told the answer"
    );
    let bobs = direct(&bot, "bob");
    assert!(bobs.iter().any(|text| text.contains("*alice* took the swap back")), "{bobs:?}");
    assert!(!bobs.concat().contains("[Accept]"), "the question is no question any more: {bobs:?}");
    assert!(in_ops(&bot).iter().any(|text| text.contains("Swapped: *bob*")), "{:?}", in_ops(&bot));
    let audit = bot.audit().await;
    let about: Vec<_> =
        audit.iter().filter_map(|line| line.split(' ').find(|word| word.starts_with("oncall."))).collect();
    assert_eq!(about, ["oncall.swap_asked", "oncall.swap_accepted", "oncall.swap_undone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_nobody_answers_expires_and_one_that_is_declined_changes_nothing() {
    let bot = bot(json!([primary()])).await;
    ask_swap(&bot).await;
    press(&bot, "bob", "Decline").await;
    assert!(direct(&bot, "alice").last().unwrap().contains("declined"), "{:?}", direct(&bot, "alice"));
    ask_swap(&bot).await;
    bot.clock.advance(Duration::from_hours(24));
    bot.advance(2).await;
    bot.flow.expire_swaps().await.unwrap();
    bot.settle().await;
    assert!(direct(&bot, "alice").last().unwrap().contains("has not answered"), "{:?}", direct(&bot, "alice"));
    assert!(!bot.slack.seen_by("bob", DIRECT).last().unwrap().to_string().contains("Accept"), "the buttons are gone");
    assert_eq!(on_call(&bot, "primary", BOBS - 24), "U0BOB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_is_refused_when_the_schedule_has_changed_since_the_question() {
    let bot = bot(json!([primary()])).await;
    ask_swap(&bot).await;
    bot.type_in("carol", "/wk override primary @carol 2026-12-01 2026-12-10").await;
    press(&bot, "bob", "Accept").await;
    assert_eq!(on_call(&bot, "primary", ALICES), "U0CAROL");
    assert!(
        bot.told("bob").concat().contains("has changed since")
            || direct(&bot, "bob").concat().contains("has changed since")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coming_time_without_anybody_is_announced_once() {
    let office = json!({
        "name": "office", "channel": "C0OPS",
        "layers": [{"users": ["U0ALICE"], "start": "2026-01-05", "restrictions": [{"weekdays": ["monday:friday"]}]}],
    });
    let bot = bot(json!([office])).await;
    let announce = || async {
        bot.flow.warn_of_gaps().await.unwrap();
        bot.settle().await;
        in_ops(&bot).iter().filter(|text| text.contains("Nobody is on call")).count()
    };
    assert_eq!(announce().await, 0, "Saturday is more than three days away");
    bot.clock.advance(Duration::from_hours(13));
    bot.advance(2).await;
    assert_eq!(announce().await, 1);
    bot.clock.advance(Duration::from_hours(90));
    bot.advance(2).await;
    assert_eq!(announce().await, 1, "not again once it has begun");
    assert!(in_ops(&bot).last().unwrap().contains("*office*"), "{:?}", in_ops(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_group_says_who_is_on_call_and_is_never_emptied() {
    let mut schedule = primary();
    schedule["layers"][0]["users"] = json!(["U0BOB"]);
    let bot = bot(json!([schedule])).await;
    bot.flow.keep_user_groups().await;
    assert_eq!(bot.slack.user_group("oncall"), ["U0BOB"]);
    bot.flow.keep_user_groups().await;
    assert_eq!(bot.slack.calls("usergroups.users.update").len(), 1, "what is right is not written again");
    bot.slack.deactivate("bob");
    bot.flow.refresh_directory().await;
    assert_eq!(on_call(&bot, "primary", 0), "");
    bot.flow.keep_user_groups().await;
    assert_eq!(bot.slack.user_group("oncall"), ["U0BOB"]);
    let answer = bot.type_in("dave", "/wk oncall").await;
    assert!(answer.contains("nobody") && answer.contains("deactivated in Slack"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_keeps_groups_from_apps_is_not_asked_all_the_time() {
    let mut schedule = primary();
    schedule["layers"][0]["users"] = json!(["U0BOB"]);
    let bot = bot(json!([schedule])).await;
    bot.slack.faults(|f| {
        f.next("usergroups.users.update", 1, Failure::Error("permission_denied".to_owned()));
    });
    for _ in 0..3 {
        bot.flow.keep_user_groups().await;
    }
    assert_eq!(bot.slack.calls("usergroups.users.update").len(), 1);
    bot.clock.advance(Duration::from_hours(1));
    bot.advance(2).await;
    bot.flow.keep_user_groups().await;
    assert_eq!(bot.slack.user_group("oncall"), ["U0BOB"], "asked again after an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_asked_of_slack_and_remembered_while_slack_is_away() {
    let mut schedule = primary();
    schedule["layers"][0]["users"] = json!(["Carol@Example.com", "nobody@example.com"]);
    let bot = bot(json!([schedule])).await;
    assert_eq!(on_call(&bot, "primary", 0), "U0CAROL");
    let answer = bot.type_in("dave", "/wk oncall primary 2026-12-01 10:00").await;
    assert!(answer.contains("nobody@example.com") && answer.contains("unknown to Slack"), "{answer}");
    let bot = bot.restart().await;
    bot.slack.faults(|f| {
        f.next("users.lookupByEmail", 9, Failure::Status(503));
    });
    bot.flow.refresh_directory().await;
    assert_eq!(on_call(&bot, "primary", 0), "U0CAROL");
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_shifts_are_in_app_home_and_in_a_calendar_of_ones_own() {
    let bot = bot(json!([primary()])).await;
    bot.slack.open_home("bob").await;
    bot.settle().await;
    let home = bot.slack.home("bob").unwrap().to_string();
    assert!(home.contains("Your next shifts") && home.contains("*primary*"), "{home}");
    let address = |answer: &str| {
        let start = answer.find("https://").unwrap();
        answer[start..].split(['`', ' ', '\n']).next().unwrap().to_owned()
    };
    let first = address(&bot.type_in("bob", "/wk oncall calendar").await);
    let fetch = |address: &str| {
        let path = address.strip_prefix("https://wk.example.com").unwrap();
        let url = format!("http://{}{path}", bot.address);
        async move { reqwest::get(url).await.unwrap() }
    };
    let calendar = fetch(&first).await;
    assert_eq!(calendar.headers()[header::CONTENT_TYPE.as_str()], "text/calendar; charset=utf-8");
    let text = calendar.text().await.unwrap();
    assert!(text.contains("DTSTART:20261130T080000Z\r\nDTEND:20261207T080000Z"), "{text}");
    let second = address(&bot.type_in("bob", "/wk oncall calendar").await);
    assert_eq!(fetch(&first).await.status(), 404, "a new address ends the one before");
    assert_eq!(fetch(&second).await.status(), 200);
    assert_eq!(fetch("https://wk.example.com/calendar/x.ics").await.status(), 404);
    let stored = watchkeeper::store::facts::list(&bot.flow.store, "oncall.calendar").await.unwrap();
    let token = second.rsplit('/').next().unwrap().trim_end_matches(".ics");
    assert!(!format!("{stored:?}").contains(token), "only its hash is kept");
}

/// A service that schedules are fetched from: what it answers next, and what it was asked.
#[derive(Clone, Default)]
struct Elsewhere(Arc<Mutex<Door>>);

#[derive(Default)]
struct Door {
    /// By path and query, as far as they are named.
    answers: Vec<(String, StatusCode, String)>,
    etag: Option<String>,
    asked: Vec<String>,
}

impl Elsewhere {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().fallback(answer).with_state(self.clone());
        let stop = tokio_util::sync::CancellationToken::new();
        tokio::spawn(watchkeeper::web::serve(listener, router, stop));
        format!("http://{address}")
    }

    fn say(&self, to: &str, status: u16, body: &str) {
        let mut door = self.0.lock().unwrap();
        door.answers.retain(|(known, _, _)| known != to);
        door.answers.insert(0, (to.to_owned(), StatusCode::from_u16(status).unwrap(), body.to_owned()));
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

async fn answer(State(elsewhere): State<Elsewhere>, request: Request) -> Response {
    let mut door = elsewhere.0.lock().unwrap();
    let asked = request.uri().to_string();
    door.asked.push(asked.clone());
    let held = request.headers().get(header::IF_NONE_MATCH).and_then(|held| held.to_str().ok());
    if held.is_some() && held == door.etag.as_deref() {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let found = door.answers.iter().find(|(to, _, _)| asked.contains(to)).cloned();
    let (_, status, body) = found.unwrap_or((String::new(), StatusCode::NOT_FOUND, String::new()));
    let mut response = (status, body).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, "120".parse().unwrap());
    }
    if let Some(etag) = &door.etag {
        response.headers_mut().insert(header::ETAG, etag.parse().unwrap());
    }
    response
}

fn client() -> Client {
    Client::new(Duration::from_secs(5)).unwrap()
}

fn shift(who: &str, from: &str, to: &str) -> String {
    format!("BEGIN:VEVENT\r\nUID:{who}\r\nDTSTART:{from}\r\nDTEND:{to}\r\nSUMMARY:{who}\r\nEND:VEVENT\r\n")
}

fn calendar(shifts: &[String]) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", shifts.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_that_cannot_be_fetched_holds_as_it_was_and_its_age_is_said() {
    let schedule = json!({"name": "primary", "ical": {"url_env": "STORY_CALENDAR"}});
    let bot = bot(json!([schedule])).await;
    let elsewhere = Elsewhere::default();
    let url = format!("{}/private/secret-token/basic.ics", elsewhere.start().await);
    let feed = Feed::Ical { url: url.into() };
    let week = shift("bob@example.com", "20261123T080000Z", "20261130T080000Z");
    elsewhere.say("basic.ics", 200, &calendar(&[week]));
    elsewhere.0.lock().unwrap().etag = Some("\"1\"".to_owned());
    let pull = async |bot: &Bot| {
        bot.flow.pull_schedule("primary", &feed, &client()).await;
        bot.flow.refresh_directory().await;
    };
    pull(&bot).await;
    assert_eq!(on_call(&bot, "primary", 0), "U0BOB");
    pull(&bot).await;
    assert_eq!(elsewhere.asked().len(), 2);
    elsewhere.0.lock().unwrap().etag = None;
    for (status, body) in [(200, "<html>Sign in</html>"), (500, "oops"), (404, "")] {
        elsewhere.say("basic.ics", status, body);
        pull(&bot).await;
        assert_eq!(on_call(&bot, "primary", 0), "U0BOB", "{status}");
    }
    let bot = bot.restart().await;
    bot.clock.advance(Duration::from_hours(2));
    bot.advance(2).await;
    pull(&bot).await;
    assert_eq!(on_call(&bot, "primary", 0), "U0BOB", "also after a restart");
    let answer = bot.type_in("dave", "/wk oncall").await;
    assert!(answer.contains("a copy from 2 h") && answer.contains("HTTP 404"), "{answer}");
    assert!(!answer.contains("secret-token"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pagerduty_is_read_page_by_page_and_left_alone_when_it_says_so() {
    let schedule = json!({"name": "platform", "pagerduty": "PSCHED"});
    let bot = bot(json!([schedule])).await;
    let elsewhere = Elsewhere::default();
    let base = elsewhere.start().await;
    let feed = Feed::PagerDuty {
        base: base.parse().unwrap(),
        token: "story".to_owned().into(),
        schedule: "PSCHED".to_owned(),
    };
    // The schedule names its users by reference only; the on-calls include them.
    let reference = json!({"id": "PANN", "type": "user_reference", "summary": "Alice Moreau"});
    let rendered =
        json!([{"start": "2026-11-23T09:00:00+01:00", "end": "2026-11-30T09:00:00+01:00", "user": reference}]);
    let schedule = json!({"schedule": {"id": "PSCHED", "final_schedule": {"rendered_schedule_entries": rendered}}});
    elsewhere.say("/schedules/PSCHED", 200, &schedule.to_string());
    let page = |name: &str, from: &str, to: &str, more: bool| {
        let user = json!({"id": "P1", "type": "user", "name": name, "email": format!("{name}@example.com")});
        json!({"oncalls": [{"user": user, "start": from, "end": to}], "more": more}).to_string()
    };
    elsewhere.say("offset=0", 200, &page("alice", "2026-11-23T08:00:00Z", "2026-11-30T08:00:00Z", true));
    elsewhere.say("offset=100", 200, &page("bob", "2026-11-30T08:00:00Z", "2026-12-07T08:00:00Z", false));
    let pull = async || {
        bot.flow.pull_schedule("platform", &feed, &client()).await;
        bot.flow.refresh_directory().await;
    };
    pull().await;
    assert_eq!([0, BOBS].map(|hours| on_call(&bot, "platform", hours)), ["U0ALICE", "U0BOB"]);
    assert_eq!(elsewhere.asked().len(), 3);
    elsewhere.say("/schedules/PSCHED", 429, "");
    pull().await;
    pull().await;
    assert_eq!(elsewhere.asked().len(), 4, "not asked again before it said");
    assert_eq!(on_call(&bot, "platform", 0), "U0ALICE");
    bot.clock.advance(Duration::from_secs(121));
    bot.advance(2).await;
    elsewhere.say("/schedules/PSCHED", 401, "");
    bot.clock.advance(Duration::from_hours(1));
    bot.advance(2).await;
    pull().await;
    let answer = bot.type_in("dave", "/wk oncall platform").await;
    assert!(answer.contains("key was not accepted"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_calendars_plan_is_told_in_the_handoff_also_while_they_cannot_be_fetched() {
    let bot = Bot::with(Database::sqlite(), |config| {
        let releases = json!({"releases": {"url_env": "STORY_CALENDAR"}});
        config.oncall = OnCall {
            schedules: serde_json::from_value(json!([primary()])).unwrap(),
            calendars: serde_json::from_value(releases).unwrap(),
            ..OnCall::default()
        };
    })
    .await;
    let elsewhere = Elsewhere::default();
    let url = format!("{}/private/releases.ics", elsewhere.start().await);
    let feed = Feed::Ical { url: url.into() };
    let release = shift("Hermes 2.0 to production", "20261124T160000Z", "20261124T170000Z");
    let under_way = shift("Node pool upgrade", "20261124T110000Z", "20261124T200000Z");
    let next_month = shift("Audit", "20261224T110000Z", "20261224T200000Z");
    elsewhere.say("releases.ics", 200, &calendar(&[release, under_way, next_month]));
    for (status, body) in [(200, ""), (500, "oops"), (200, "<html>Sign in</html>")] {
        if !body.is_empty() {
            elsewhere.say("releases.ics", status, body);
        }
        bot.flow.pull_plans("releases", &feed, &client()).await;
        let coming = bot.type_in("alice", "/wk handoff primary upcoming").await;
        let starts = coming.contains("Hermes 2.0 to production") && coming.contains("(releases, for 1 h)");
        assert!(starts && coming.contains("since") && coming.contains("Node pool upgrade"), "{coming}");
        assert!(!coming.contains("Audit"), "not within the next shift: {coming}");
    }
}
