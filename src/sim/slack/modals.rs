//! Submitting and closing modals, and opening the Home tab.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::api::Refusal;
use super::deliver::{self, Kind, Reply};
use super::elements;
use super::hub::{Hub, settled};
use super::interact::{common, user_id};
use super::state::{Out, State};

/// What Slack's client says when an answer to a submission is missing or makes no sense.
const TROUBLE: &str = "We had some trouble connecting. Try again?";

/// How a submission ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    /// Accepted; the modal closed, changed or got another on top.
    Done,
    /// Stayed open with these errors by block.
    Errors(Map<String, Value>),
}

pub async fn submit(hub: &Arc<Hub>, user: &str, view_id: &str, given: &Value) -> Result<Submitted, String> {
    let now = hub.now();
    let (user, payload) = hub.with(|state| {
        let user = user_id(state, user)?;
        let view = state.views.get(view_id).filter(|v| v.user == user && v.json["type"] == "modal");
        let mut view = view.ok_or("the modal is closed")?.json.clone();
        let values = elements::values(&view["blocks"], given)?;
        let missing = elements::missing(&view["blocks"], &values);
        if !missing.is_empty() {
            return Ok((user, Err(missing)));
        }
        view["state"] = json!({"values": values});
        if let Some(open) = state.views.get_mut(view_id) {
            open.json["state"] = view["state"].clone();
        }
        let trigger = state.new_trigger(&user, now.plus(hub.timing.trigger_life), Some(view_id.to_owned()));
        let mut payload = common(state, "view_submission", &user)?;
        payload["trigger_id"] = json!(trigger);
        payload["view"] = view;
        payload["response_urls"] = json!([]);
        Ok::<_, String>((user, Ok(payload)))
    })?;
    let payload = match payload {
        Ok(payload) => payload,
        Err(missing) => return Ok(Submitted::Errors(missing)),
    };
    let reply = deliver::deliver(hub, Kind::Interaction, &payload, None).await.map_err(|_| TROUBLE.to_owned())?;
    let answer = match reply {
        Reply::Empty => json!({}),
        Reply::Json(answer) => answer,
        Reply::Text(_) => return Err(TROUBLE.to_owned()),
    };
    hub.with(|state| obey(state, &user, view_id, &answer)).map_err(|_| TROUBLE.to_owned())
}

/// Does what the answer to a submission asks for.
fn obey(state: &mut State, user: &str, view_id: &str, answer: &Value) -> Result<Submitted, Refusal> {
    let stack = state.stacks.get(user).cloned().unwrap_or_default();
    match answer["response_action"].as_str() {
        None => state.close_views(user, &[view_id.to_owned()]),
        Some("clear") => state.close_views(user, &stack),
        Some("errors") => {
            let errors = answer["errors"].as_object().filter(|errors| !errors.is_empty());
            let known = |id: &String| {
                let blocks = state.views.get(view_id).and_then(|v| v.json["blocks"].as_array());
                blocks.into_iter().flatten().any(|b| b["type"] == "input" && b["block_id"] == id.as_str())
            };
            let errors = errors.filter(|errors| errors.keys().all(known)).ok_or("invalid_errors")?;
            return Ok(Submitted::Errors(errors.clone()));
        }
        Some("update") => {
            super::api::views_checked(state, &answer["view"])?;
            state.replace_view(view_id, answer["view"].clone())?;
        }
        Some("push") => {
            super::api::views_checked(state, &answer["view"])?;
            let bot_id = state.app.as_ref().map(|app| app.bot_id.clone()).unwrap_or_default();
            state.open_view(user, &bot_id, answer["view"].clone(), Some(view_id))?;
        }
        Some(_) => return Err("invalid_response_action".into()),
    }
    Ok(Submitted::Done)
}

/// Closes a modal and those above it; the app hears of those that asked to be told.
pub async fn close(hub: &Arc<Hub>, user: &str, view_id: &str) -> Result<(), String> {
    let payloads = hub.with(|state| {
        let user = user_id(state, user)?;
        let stack = state.stacks.get(&user).cloned().unwrap_or_default();
        let at = stack.iter().position(|open| open == view_id).ok_or("the modal is closed")?;
        let closing = stack.get(at..).unwrap_or_default();
        let mut payloads = Vec::new();
        for view in closing.iter().rev().filter_map(|id| state.views.get(id)) {
            if view.json["notify_on_close"] == true {
                let mut payload = common(state, "view_closed", &user)?;
                payload["view"] = view.json.clone();
                payload["is_cleared"] = json!(at == 0 && stack.len() > 1);
                payloads.push(payload);
            }
        }
        state.close_views(&user, closing);
        Ok::<_, String>(payloads)
    })?;
    for payload in payloads {
        // Nobody is shown anything when this one is missed.
        let _ = deliver::deliver(hub, Kind::Interaction, &payload, None).await;
    }
    Ok(())
}

/// Opens the app's Home tab: `app_home_opened`, with the view when one was published.
pub async fn open_home(hub: &Arc<Hub>, user: &str) -> Result<(), String> {
    let now = hub.now();
    let (opened, deliveries) = hub.with_deliveries(|state| {
        let user = user_id(state, user)?;
        let bot = state.bot_user().ok_or("no app is installed")?.to_owned();
        let channel = state.open_im(&bot, &user);
        let event_ts = state.channel_mut(&channel).map(|c| c.next_ts(now));
        let mut event =
            json!({"type": "app_home_opened", "user": user, "channel": channel, "tab": "home", "event_ts": event_ts});
        if let Some(view) = state.homes.get(&user).and_then(|id| state.views.get(id)) {
            event["view"] = view.json.clone();
        }
        state.out.push(Out::Event { event, is_ext_shared: false });
        Ok::<_, String>(())
    });
    settled(deliveries).await;
    opened
}
