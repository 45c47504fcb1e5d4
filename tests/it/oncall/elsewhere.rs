//! Shifts and plans that are kept elsewhere: calendars and PagerDuty.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::form_urlencoded;
use watchkeeper::config::oncall::OnCall;
use watchkeeper::oncall::{Client, Feed};

use super::super::support::{Bot, Database};
use super::{BOBS, bot, on_call, primary};

/// A service that schedules are fetched from: what it answers next, and what it was asked.
#[derive(Clone, Default)]
pub struct Elsewhere(Arc<Mutex<Door>>);

#[derive(Default)]
struct Door {
    /// By path and query, as far as they are named.
    answers: Vec<(String, StatusCode, String)>,
    etag: Option<String>,
    asked: Vec<String>,
}

impl Elsewhere {
    pub async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().fallback(answer).with_state(self.clone());
        let stop = tokio_util::sync::CancellationToken::new();
        tokio::spawn(watchkeeper::web::serve(listener, router, stop));
        format!("http://{address}")
    }

    pub fn say(&self, to: &str, status: u16, body: &str) {
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

pub fn client() -> Client {
    Client::new(Duration::from_secs(5)).unwrap()
}

pub fn shift(who: &str, from: &str, to: &str) -> String {
    format!("BEGIN:VEVENT\r\nUID:{who}\r\nDTSTART:{from}\r\nDTEND:{to}\r\nSUMMARY:{who}\r\nEND:VEVENT\r\n")
}

pub fn calendar(shifts: &[String]) -> String {
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
    let endless = "BEGIN:VEVENT\r\nUID:2\r\nDTSTART:20261123T080000Z\r\nSUMMARY:Endless\r\nEND:VEVENT\r\n";
    elsewhere.say("basic.ics", 200, &calendar(&[week, endless.to_owned()]));
    elsewhere.0.lock().unwrap().etag = Some("\"1\"".to_owned());
    let pull = async |bot: &Bot| {
        bot.flow.pull_schedule("primary", &feed, &client()).await;
        bot.flow.refresh_directory().await;
    };
    pull(&bot).await;
    assert_eq!(on_call(&bot, "primary", 0), "U0BOB");
    let answer = bot.type_in("dave", "/wk oncall").await;
    assert!(answer.contains("not used of its calendar: Endless: it has no end"), "{answer}");
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
    // A schedule that renders nothing is asked for by on-calls.
    let schedule = json!({"schedule": {"id": "PSCHED", "final_schedule": {"rendered_schedule_entries": []}}});
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

/// PagerDuty as it is for a schedule that no escalation policy uses, with users by reference.
async fn pagerduty(State(asked): State<Arc<Mutex<Vec<String>>>>, headers: HeaderMap, uri: Uri) -> Response {
    asked.lock().unwrap().push(uri.to_string());
    if headers.get(header::AUTHORIZATION).is_none_or(|key| key != "Token token=story") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let at = |name: &str| query[name].parse::<jiff::Timestamp>().unwrap();
    if at("until").duration_since(at("since")).as_hours() > 90 * 24 {
        return (StatusCode::BAD_REQUEST, "the range is longer than 3 months").into_response();
    }
    let shift = |id: &str, from: &str, to: &str| {
        let user = json!({"id": id, "type": "user_reference", "summary": id, "email": null});
        json!({"start": from, "end": to, "user": user})
    };
    let body = match uri.path() {
        "/schedules/PSCHED" => json!({"schedule": {"id": "PSCHED", "final_schedule": {"rendered_schedule_entries": [
            shift("PALICE", "2026-11-23T09:00:00+01:00", "2026-11-30T09:00:00+01:00"),
            shift("PBOB", "2026-11-30T09:00:00+01:00", "2026-12-07T09:00:00+01:00"),
            shift("Nobody Known", "2026-12-07T09:00:00+01:00", "2026-12-14T09:00:00+01:00"),
        ]}}}),
        "/schedules/PSCHED/users" => json!({"users": [
            {"id": "PALICE", "type": "user", "name": "Alice Moreau", "email": "alice@example.com"},
            {"id": "PBOB", "type": "user", "name": "Bob Okafor", "email": "bob@example.com"},
        ]}),
        "/oncalls" => json!({"oncalls": [], "more": false}),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    body.to_string().into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_of_pagerduty_is_read_as_it_is_rendered_within_what_pagerduty_takes() {
    let bot = bot(json!([{"name": "platform", "pagerduty": "PSCHED"}])).await;
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let router = axum::Router::new().fallback(pagerduty).with_state(Arc::clone(&asked));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let feed = Feed::PagerDuty { base, token: "story".to_owned().into(), schedule: "PSCHED".to_owned() };
    bot.flow.pull_schedule("platform", &feed, &client()).await;
    assert_eq!([0, BOBS].map(|hours| on_call(&bot, "platform", hours)), ["U0ALICE", "U0BOB"]);
    assert_eq!(asked.lock().unwrap().len(), 2, "{:?}", asked.lock().unwrap());
    let answer = bot.type_in("dave", "/wk oncall platform 2026-12-08 12:00").await;
    assert!(answer.contains("`Nobody Known` (unknown to Slack)"), "{answer}");
    let answer = bot.type_in("dave", "/wk oncall platform 2027-06-01").await;
    assert!(answer.contains("not known for that time"), "{answer}");
    let answer = bot.type_in("dave", "/wk oncall platform yesterday").await;
    assert!(answer.contains("alice"), "{answer}");
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
