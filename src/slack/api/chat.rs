//! `chat.*` and `reactions.*`.

use serde_json::{Value, json};

use super::{ApiError, Fields, WebApi, required};
use crate::core::ids::{ChannelId, MessageTs, UserId};
use crate::slack::message::Message;

/// The metadata event type that marks our own messages.
pub(super) const METADATA_TYPE: &str = "watchkeeper";

/// Where a message ended up: posting to a person gives their direct-message channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub channel: ChannelId,
    pub ts: MessageTs,
}

impl WebApi {
    /// Posts, with `key` in the message's metadata so that [`WebApi::find_by_metadata`] can tell after a lost answer
    /// whether it was done.
    pub async fn chat_post_message(
        &self,
        channel: &ChannelId,
        message: &Message,
        thread_ts: Option<&MessageTs>,
        key: &str,
    ) -> Result<Posted, ApiError> {
        let metadata = json!({"event_type": METADATA_TYPE, "event_payload": {"key": key}});
        let fields = content(message)
            .set("channel", channel.as_str())
            .set_if("thread_ts", thread_ts.map(MessageTs::as_str))
            .set_if("reply_broadcast", (message.broadcast && thread_ts.is_some()).then_some("true"))
            .set("unfurl_links", "false")
            .set("unfurl_media", "false")
            .json("metadata", &metadata);
        let reply = self.call("chat.postMessage", fields).await?;
        posted(&reply.body)
    }

    /// Replaces text, blocks and accent. The metadata stays.
    pub async fn chat_update(
        &self,
        channel: &ChannelId,
        ts: &MessageTs,
        message: &Message,
    ) -> Result<Posted, ApiError> {
        let fields = content(message).set("channel", channel.as_str()).set("ts", ts.as_str());
        let reply = self.call("chat.update", fields).await?;
        posted(&reply.body)
    }

    /// Where a browser shows a message.
    pub async fn chat_get_permalink(&self, channel: &ChannelId, ts: &MessageTs) -> Result<String, ApiError> {
        let fields = Fields::new().set("channel", channel.as_str()).set("message_ts", ts.as_str());
        let reply = self.call("chat.getPermalink", fields).await?;
        required(&reply.body, "/permalink").map(str::to_owned)
    }

    /// Shown to one person in a channel until they reload. It cannot be changed by `chat.update`.
    pub async fn chat_post_ephemeral(
        &self,
        channel: &ChannelId,
        user: &UserId,
        message: &Message,
        thread_ts: Option<&MessageTs>,
    ) -> Result<(), ApiError> {
        let fields = content(message)
            .set("channel", channel.as_str())
            .set("user", user.as_str())
            .set_if("thread_ts", thread_ts.map(MessageTs::as_str));
        self.call("chat.postEphemeral", fields).await.map(drop)
    }

    pub async fn chat_delete(&self, channel: &ChannelId, ts: &MessageTs) -> Result<(), ApiError> {
        let fields = Fields::new().set("channel", channel.as_str()).set("ts", ts.as_str());
        self.call("chat.delete", fields).await.map(drop)
    }

    /// `name` without colons. Being there already is as good.
    pub async fn reactions_add(&self, channel: &ChannelId, ts: &MessageTs, name: &str) -> Result<(), ApiError> {
        let fields = Fields::new().set("channel", channel.as_str()).set("timestamp", ts.as_str()).set("name", name);
        match self.call("reactions.add", fields).await {
            Err(error) if error.code() == Some("already_reacted") => Ok(()),
            other => other.map(drop),
        }
    }
}

/// Blocks and attachments are always sent, also when empty: an update keeps those it is not told about.
fn content(message: &Message) -> Fields {
    let (blocks, attachments) = arranged(message);
    Fields::new().set("text", &message.text).json("blocks", &blocks).json("attachments", &attachments)
}

/// Blocks and attachments of a message. Only attachments have a colour bar, and Slack shows `text` above a message whose
/// blocks are all in attachments; so the first block stays outside and keeps `text` for notifications only.
pub(super) fn arranged(message: &Message) -> (Value, Value) {
    match (&message.accent, message.blocks.split_first()) {
        (Some(color), Some((first, rest))) if !rest.is_empty() => {
            let bar = json!({"color": color, "fallback": message.text, "blocks": rest});
            (json!([first]), json!([bar]))
        }
        (_, _) => (json!(message.blocks), json!([])),
    }
}

pub(super) fn posted(body: &Value) -> Result<Posted, ApiError> {
    Ok(Posted { channel: ChannelId::new(required(body, "/channel")?), ts: MessageTs::new(required(body, "/ts")?) })
}
