//! The Events API: the outer envelope, and three more attempts when the app does not acknowledge.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::super::app::{AppConfig, Delivery};
use super::super::hub::{Delivered, Hub};
use super::super::state::State;
use super::{Kind, Missed, Reply, Retry, deliver};
use crate::core::time::Timestamp;

/// Slack tries again at once, after a minute, and after five.
const RETRIES: [Duration; 3] = [Duration::ZERO, Duration::from_mins(1), Duration::from_mins(5)];

/// Starts delivering an event the app subscribed to.
pub fn send(hub: &Arc<Hub>, event: &Value, is_ext_shared: bool) -> Option<Delivered> {
    let now = hub.now();
    let body = hub.with(|state| {
        let app = state.app.clone().filter(|app| app.wants(event))?;
        Some(envelope(state, &app, event, is_ext_shared, now))
    })?;
    let (first, delivered) = oneshot::channel();
    let hub = Arc::clone(hub);
    let stop = hub.stop.clone();
    tokio::spawn(stop.run_until_cancelled_owned(async move { attempts(&hub, &body, first).await }));
    Some(delivered)
}

async fn attempts(hub: &Arc<Hub>, body: &Value, first: oneshot::Sender<()>) {
    let mut first = Some(first);
    let mut retry = None;
    for number in 0_u32.. {
        let tried_at = hub.now();
        let answer = deliver(hub, Kind::Event, body, retry).await;
        if let Some(first) = first.take() {
            let _ = first.send(());
        }
        let missed = match answer {
            Ok(_) | Err(Missed::Http { no_retry: true, .. }) => return,
            Err(missed) => missed,
        };
        let Some(wait) = usize::try_from(number).ok().and_then(|n| RETRIES.get(n)) else { return };
        // Counted from the attempt, so that a clock moved while the answer was on its way is not waited for again.
        let due_in = tried_at.plus(*wait).since(hub.now());
        if !due_in.is_zero() {
            hub.clock.sleep(due_in).await;
        }
        retry = Some(Retry { number: number + 1, reason: missed.reason() });
    }
}

/// The outer event, as documented at <https://docs.slack.dev/apis/events-api/#event-type-structure>.
pub fn envelope(state: &mut State, app: &AppConfig, event: &Value, is_ext_shared: bool, now: Timestamp) -> Value {
    let kind = event["type"].as_str().unwrap_or_default();
    let context = format!("4-{kind}-{}-{}", state.team.id, app.app_id);
    json!({
        "token": "local-verification-token",
        "team_id": state.team.id,
        "context_team_id": state.team.id,
        "context_enterprise_id": null,
        "api_app_id": app.app_id,
        "type": "event_callback",
        "event_id": state.mint("Ev"),
        "event_time": now.minus(state.faults.lateness).as_secs(),
        "authorizations": [{"enterprise_id": null, "team_id": state.team.id, "user_id": app.bot_user, "is_bot": true,
                            "is_enterprise_install": false}],
        "is_ext_shared_channel": is_ext_shared,
        "event_context": context,
        "event": event,
    })
}

/// Asks an HTTP app to prove that its events URL is its own, as Slack does when the URL is entered.
pub async fn verify_url(hub: &Arc<Hub>, app: &AppConfig) -> Result<(), String> {
    let Delivery::Http { events_url, .. } = &app.delivery else { return Ok(()) };
    let challenge = hub.with(|state| state.mint_hex(24));
    let body = json!({"type": "url_verification", "token": "local-verification-token", "challenge": challenge});
    let answer = super::http::post(hub, app, events_url, Kind::Event, &body, None).await;
    let echoed = match &answer {
        Ok(Reply::Text(text)) => text.trim() == challenge,
        Ok(Reply::Json(json)) => json["challenge"] == challenge,
        Ok(Reply::Empty) | Err(_) => false,
    };
    if echoed { Ok(()) } else { Err(format!("{events_url} did not answer with the challenge: {answer:?}")) }
}
