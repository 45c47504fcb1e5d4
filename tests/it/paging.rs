//! Escalation steps that leave Slack: PagerDuty and signed webhooks, each told once, in order, and told how it ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use watchkeeper::config::Config;
use watchkeeper::config::paging::{Pagerduty, Webhook};
use watchkeeper::core::escalation::{Escalation, Policy, Rule, Step, Target};
use watchkeeper::core::time::{Span, Timestamp};
use watchkeeper::paging::{DELIVERY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};

use super::support::{Bot, Database};

/// What PagerDuty makes of events: one incident a key, which rings when it opens and never while it is acknowledged.
#[derive(Debug, Default, PartialEq, Eq)]
struct Incidents {
    rings: usize,
    /// Whether each open one is acknowledged, by its key.
    open: BTreeMap<String, bool>,
}

impl Incidents {
    fn of(events: &[Value]) -> Self {
        let mut incidents = Self::default();
        for event in events {
            let key = event["dedup_key"].as_str().unwrap().to_owned();
            match event["event_action"].as_str().unwrap() {
                "trigger" => {
                    incidents.rings += usize::from(!incidents.open.contains_key(&key));
                    incidents.open.entry(key).or_insert(false);
                }
                "acknowledge" => {
                    incidents.open.entry(key).and_modify(|acknowledged| *acknowledged = true);
                }
                "resolve" => drop(incidents.open.remove(&key)),
                other => panic!("PagerDuty knows no {other}"),
            }
        }
        incidents
    }

    /// Times it rang, and whether what is open is acknowledged.
    fn seen(&self) -> (usize, Vec<bool>) {
        (self.rings, self.open.values().copied().collect())
    }
}

/// A service that notes what it gets and answers as it is told to, with 202 otherwise.
#[derive(Clone, Default)]
struct Outside {
    got: Arc<Mutex<Vec<(String, HeaderMap, String)>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

impl Outside {
    async fn start() -> (Self, String) {
        let outside = Self::default();
        let router = Router::new().fallback(take).with_state(outside.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (outside, format!("http://{address}"))
    }

    fn answer(&self, count: usize, status: StatusCode) {
        self.answers.lock().unwrap().extend(std::iter::repeat_n(status, count));
    }

    fn bodies(&self) -> Vec<Value> {
        self.got.lock().unwrap().iter().map(|(_, _, body)| serde_json::from_str(body).unwrap()).collect()
    }

    fn incidents(&self) -> (usize, Vec<bool>) {
        Incidents::of(&self.bodies()).seen()
    }

    /// What was asked for, one word each.
    fn actions(&self) -> Vec<String> {
        let action =
            |body: &Value| body.get("event_action").or(body.get("action")).unwrap().as_str().unwrap().to_owned();
        self.bodies().iter().map(action).collect()
    }
}

async fn take(
    State(outside): State<Outside>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, &'static str) {
    let answer = outside.answers.lock().unwrap().pop_front().unwrap_or(StatusCode::ACCEPTED);
    outside.got.lock().unwrap().push((uri.path().to_owned(), headers, body));
    (answer, "not valid: routing key")
}

async fn bot(target: Target, url: &str) -> Bot {
    let url = url.to_owned();
    let bot = Bot::with(Database::sqlite(), |config: &mut Config| {
        config.paging.pagerduty =
            vec![Pagerduty { name: "feeds".to_owned(), routing_key_env: "PAGERDUTY_KEY".to_owned(), url: url.clone() }];
        config.paging.webhooks = vec![Webhook {
            name: "goalert".to_owned(),
            url: format!("{url}/hooks/wk"),
            secret_env: "GOALERT_SECRET".to_owned(),
        }];
        let steps = vec![Step { targets: vec![target], wait: Span::from_secs(300) }];
        let policy = Policy { name: "page".to_owned(), after: Span::default(), steps, repeat: 1 };
        let rule = Rule { receivers: vec![], severities: vec![], policy: "page".to_owned(), hours: None };
        config.escalation = Escalation { policies: vec![policy], rules: vec![rule] };
        config.rules.classes.entry("crypto".to_owned()).or_default().stale_max = Some(Span::from_secs(86_400));
    })
    .await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(90).await;
    bot
}

fn pagerduty() -> Target {
    Target::Pagerduty("feeds".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn pagerduty_hears_of_it_of_the_acknowledgement_and_of_the_end() {
    let (outside, url) = Outside::start().await;
    let bot = bot(pagerduty(), &url).await;
    assert_eq!(outside.actions(), ["trigger"]);
    let trigger = &outside.bodies()[0];
    assert_eq!(outside.got.lock().unwrap()[0].0, "/v2/enqueue");
    assert_eq!(trigger["routing_key"], "PAGERDUTY_KEY");
    assert!(trigger["payload"]["summary"].as_str().unwrap().contains("no new price"), "{trigger}");
    assert!(bot.thread().join("\n").contains("PagerDuty *feeds*"), "{:#?}", bot.thread());
    bot.click("alice", "Acknowledge").await;
    bot.heal();
    bot.advance(120).await;
    assert_eq!(outside.actions(), ["trigger", "acknowledge", "resolve"]);
    let keys: Vec<_> = outside.bodies().iter().map(|body| body["dedup_key"].clone()).collect();
    assert!(keys.iter().all(|key| *key == keys[0] && key.is_string()), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pagerduty_cannot_take_now_is_sent_again() {
    let (outside, url) = Outside::start().await;
    outside.answer(2, StatusCode::SERVICE_UNAVAILABLE);
    outside.answer(1, StatusCode::TOO_MANY_REQUESTS);
    let bot = bot(pagerduty(), &url).await;
    bot.advance(60).await;
    assert_eq!(outside.actions(), ["trigger"; 4]);
    bot.advance(100).await;
    assert_eq!(outside.actions().len(), 4, "taken once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pagerduty_refuses_is_a_dead_letter_and_the_thread_says_so() {
    let (outside, url) = Outside::start().await;
    outside.answer(1, StatusCode::BAD_REQUEST);
    let bot = bot(pagerduty(), &url).await;
    assert_eq!(outside.actions(), ["trigger"]);
    let thread = bot.thread().join("\n");
    assert!(thread.contains("PagerDuty *feeds* was not told") && thread.contains("HTTP 400"), "{thread}");
    let status = bot.type_in("alice", "/wk status").await;
    assert!(status.contains("HTTP 400") && !status.contains("PAGERDUTY_KEY"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_carries_a_signature_that_holds() {
    let (outside, url) = Outside::start().await;
    let bot = bot(Target::Webhook("goalert".to_owned()), &url).await;
    bot.advance(300).await;
    let got = outside.got.lock().unwrap().clone();
    assert_eq!(got.len(), 2, "once a round");
    for (path, headers, body) in &got {
        let at: i64 = headers[TIMESTAMP_HEADER].to_str().unwrap().parse().unwrap();
        let signature = sign("GOALERT_SECRET", Timestamp::from_secs(at), body.as_bytes()).unwrap();
        assert_eq!((path.as_str(), headers[SIGNATURE_HEADER].to_str().unwrap()), ("/hooks/wk", signature.as_str()));
    }
    assert_ne!(got[0].1[DELIVERY_HEADER], got[1].1[DELIVERY_HEADER], "two events, two deliveries");
    let body: Value = serde_json::from_str(&got[0].2).unwrap();
    assert_eq!((&body["action"], &body["alert"]), (&Value::from("trigger"), &Value::from(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn pagerduty_rings_again_when_a_silence_ends_and_when_somebody_lets_go() {
    let (outside, url) = Outside::start().await;
    let bot = bot(pagerduty(), &url).await;
    assert_eq!(outside.incidents(), (1, vec![false]));
    bot.type_in("bob", "/wk silence SOL/USD 5m deploy").await;
    assert_eq!(outside.incidents(), (1, vec![]), "nobody is called for what is silenced");
    bot.advance(301).await;
    assert_eq!(outside.incidents(), (2, vec![false]), "the silence has ended, and it still fires");
    bot.type_in("bob", "/wk ack 1").await;
    assert_eq!(outside.incidents(), (2, vec![true]));
    bot.type_in("bob", "/wk unack 1").await;
    bot.advance(2).await;
    assert_eq!(outside.incidents(), (3, vec![false]), "{:?}", outside.actions());
    bot.type_in("bob", "/wk ack 1").await;
    bot.type_in("bob", "/wk escalate 1").await;
    assert_eq!(outside.incidents(), (4, vec![false]), "whoever is on it asks for more: {:?}", outside.actions());
    bot.heal();
    bot.advance(120).await;
    assert_eq!(outside.incidents(), (4, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn pagerduty_hears_of_the_end_also_when_no_rule_fits_any_more() {
    let (outside, url) = Outside::start().await;
    let bot = bot(pagerduty(), &url).await;
    let mut settings = (*bot.flow.settings()).clone();
    settings.escalation.rules.clear();
    bot.flow.reload(settings, bot.config.rules.clone(), bot.config.alerting.clone());
    bot.heal();
    bot.advance(120).await;
    assert_eq!(outside.incidents(), (1, vec![]), "{:?}", outside.actions());
    let why = bot.type_in("bob", "/wk why 1").await;
    assert!(why.contains("it resolved"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_hears_of_the_acknowledgement_and_of_the_end_signed_as_well() {
    let (outside, url) = Outside::start().await;
    let bot = bot(Target::Webhook("goalert".to_owned()), &url).await;
    bot.click("alice", "Acknowledge").await;
    bot.heal();
    bot.advance(120).await;
    assert_eq!(outside.actions(), ["trigger", "acknowledge", "resolve"]);
    for (_, headers, body) in outside.got.lock().unwrap().iter() {
        let at = headers[TIMESTAMP_HEADER].to_str().unwrap().parse().unwrap();
        let signature = sign("GOALERT_SECRET", Timestamp::from_secs(at), body.as_bytes()).unwrap();
        assert_eq!(headers[SIGNATURE_HEADER].to_str().unwrap(), signature);
    }
}
