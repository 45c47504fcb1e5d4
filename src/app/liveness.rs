//! Proof of life to the outside: a heartbeat URL that stops being called when the bot is not well, and a canary message
//! that goes through Slack and back.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::config::secrets::{BadSecret, Environment};
use crate::core::ids::ChannelId;
use crate::flow::Flow;
use crate::slack::api::ApiError;
use crate::slack::message::Message;

use super::loops::every;

const CALL_LIMIT: Duration = Duration::from_secs(10);

/// Where the heartbeat goes. A secret: whoever has it can pretend that the bot is alive.
#[derive(Clone, Debug)]
pub(super) struct HeartbeatUrl(SecretString);

impl HeartbeatUrl {
    pub fn of(config: &Config, environment: &Environment) -> Result<Option<Self>, BadSecret> {
        let secret = environment.secret("HEARTBEAT_URL")?;
        let configured = config.heartbeat.as_ref().and_then(|heartbeat| heartbeat.url.clone()).map(SecretString::from);
        Ok(secret.or(configured).map(Self))
    }
}

pub(super) fn spawn(
    flow: &Arc<Flow>,
    config: &Config,
    heartbeat: Option<HeartbeatUrl>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    if let Some(url) = heartbeat {
        let length = config.heartbeat.as_ref().map_or(Duration::from_mins(1), |heartbeat| heartbeat.every.duration());
        match reqwest::Client::builder().timeout(CALL_LIMIT).build() {
            Ok(client) => {
                let beat = move |flow| beat(flow, client.clone(), url.clone());
                tasks.spawn(every(flow, length, stop.clone(), beat));
            }
            Err(error) => tracing::error!(error = %error, "no heartbeat: the HTTP client cannot be set up"),
        }
    }
    if let Some(canary) = config.canary.clone() {
        let length = canary.every.duration();
        let sing = move |flow| sing(flow, canary.channel.clone());
        tasks.spawn(every(flow, length, stop.clone(), sing));
    }
}

/// Called only while every part works: a dead-man's switch that a half-dead bot would hold is none.
async fn beat(flow: Arc<Flow>, client: reqwest::Client, url: HeartbeatUrl) {
    let mut wrong = String::new();
    for part in flow.readiness().await {
        if let Some(problem) = part.problem {
            let _infallible = write!(wrong, "{}: {problem}; ", part.name);
        }
    }
    if matches!(flow.is_led().await, Ok(false)) {
        wrong.push_str("lease: no replica decides; ");
    }
    if !wrong.is_empty() {
        tracing::warn!(wrong, "no heartbeat: not well");
        return;
    }
    match client.get(url.0.expose_secret()).send().await.and_then(reqwest::Response::error_for_status) {
        Ok(_) => {}
        Err(error) => tracing::warn!(error = %error.without_url(), "the heartbeat did not arrive"),
    }
}

/// Posts, reads back, deletes; how long it took is a metric, and a failure a log line.
async fn sing(flow: Arc<Flow>, channel: ChannelId) {
    let began = flow.now();
    match round_trip(&flow, &channel).await {
        Ok(()) => flow.metrics.canary(flow.now().since(began), flow.now()),
        Err(error) => {
            flow.metrics.canary_lost();
            tracing::error!(error = %error, "the canary message did not make its round through Slack");
        }
    }
}

async fn round_trip(flow: &Flow, channel: &ChannelId) -> Result<(), ApiError> {
    let began = flow.now();
    let key = flow.ids.next(began);
    let message = Message::text("🐤 canary: checking that messages go through");
    let posted = flow.api.chat_post_message(channel, &message, None, &key).await?;
    let found = flow.api.find_by_metadata(channel, None, &key, began.minus(Duration::from_mins(1))).await;
    // Also when it was not found: what was posted must not stay.
    flow.api.chat_delete(channel, &posted.ts).await?;
    if found?.is_none() {
        return Err(ApiError::Unknown { reason: "the canary message was posted and not found again".to_owned() });
    }
    Ok(())
}
