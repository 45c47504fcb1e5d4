//! `conversations.*`: reading back what was said, and channels themselves.

use serde_json::Value;

use super::chat::METADATA_TYPE;
use super::{ApiError, Fields, WebApi, flag, optional, required};
use crate::core::ids::{ChannelId, MessageTs, UserId};
use crate::core::time::Timestamp;

/// Looked through before giving up: 2000 messages since a post that was lost moments ago.
const MAX_PAGES: u32 = 10;
const PAGE_SIZE: &str = "200";

/// Some messages, newest first in a channel, oldest first in a thread, as Slack has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub messages: Vec<Value>,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pub id: ChannelId,
    /// Direct messages have none.
    pub name: Option<String>,
    pub is_member: bool,
    pub is_archived: bool,
    /// Shared with another organisation.
    pub is_ext_shared: bool,
}

impl WebApi {
    /// Messages of a channel since `oldest`, with metadata.
    pub async fn conversations_history(
        &self,
        channel: &ChannelId,
        oldest: Timestamp,
        cursor: Option<&str>,
    ) -> Result<Page, ApiError> {
        self.page("conversations.history", Fields::new().set("channel", channel.as_str()), oldest, cursor).await
    }

    /// Messages of a thread since `oldest`, with metadata; Slack always adds the parent.
    pub async fn conversations_replies(
        &self,
        channel: &ChannelId,
        thread_ts: &MessageTs,
        oldest: Timestamp,
        cursor: Option<&str>,
    ) -> Result<Page, ApiError> {
        let fields = Fields::new().set("channel", channel.as_str()).set("ts", thread_ts.as_str());
        self.page("conversations.replies", fields, oldest, cursor).await
    }

    /// The message we posted with `key` since `oldest`, in the thread if one is given.
    pub async fn find_by_metadata(
        &self,
        channel: &ChannelId,
        thread_ts: Option<&MessageTs>,
        key: &str,
        oldest: Timestamp,
    ) -> Result<Option<MessageTs>, ApiError> {
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page = match thread_ts {
                Some(thread) => self.conversations_replies(channel, thread, oldest, cursor.as_deref()).await?,
                None => self.conversations_history(channel, oldest, cursor.as_deref()).await?,
            };
            if let Some(message) = page.messages.iter().find(|message| key_of(message) == Some(key)) {
                return Ok(Some(MessageTs::new(required(message, "/ts")?)));
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(None)
    }

    pub async fn conversations_info(&self, channel: &ChannelId) -> Result<Channel, ApiError> {
        let reply = self.call("conversations.info", Fields::new().set("channel", channel.as_str())).await?;
        let body = &reply.body;
        Ok(Channel {
            id: ChannelId::new(required(body, "/channel/id")?),
            name: optional(body, "/channel/name"),
            is_member: flag(body, "/channel/is_member"),
            is_archived: flag(body, "/channel/is_archived"),
            is_ext_shared: flag(body, "/channel/is_ext_shared"),
        })
    }

    /// The direct-message channel with a person.
    pub async fn conversations_open(&self, user: &UserId) -> Result<ChannelId, ApiError> {
        let reply = self.call("conversations.open", Fields::new().set("users", user.as_str())).await?;
        Ok(ChannelId::new(required(&reply.body, "/channel/id")?))
    }

    /// Opens a channel; the bot is its first member.
    pub async fn conversations_create(&self, name: &str, private: bool) -> Result<ChannelId, ApiError> {
        let fields = Fields::new().set("name", name).set("is_private", if private { "true" } else { "false" });
        let reply = self.call("conversations.create", fields).await?;
        Ok(ChannelId::new(required(&reply.body, "/channel/id")?))
    }

    /// Of the channels the bot is in, the one that is called `name`.
    pub async fn own_channel(&self, name: &str) -> Result<Option<ChannelId>, ApiError> {
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let fields = Fields::new()
                .set("types", "public_channel,private_channel")
                .set("exclude_archived", "true")
                .set("limit", PAGE_SIZE)
                .set_if("cursor", cursor.as_deref());
            let body = self.call("users.conversations", fields).await?.body;
            let channels = body.get("channels").and_then(Value::as_array);
            let found =
                channels.into_iter().flatten().find(|one| one.get("name").and_then(Value::as_str) == Some(name));
            if let Some(found) = found {
                return Ok(Some(ChannelId::new(required(found, "/id")?)));
            }
            cursor = optional(&body, "/response_metadata/next_cursor");
            if cursor.is_none() {
                break;
            }
        }
        Ok(None)
    }

    pub async fn conversations_set_topic(&self, channel: &ChannelId, topic: &str) -> Result<(), ApiError> {
        let fields = Fields::new().set("channel", channel.as_str()).set("topic", topic);
        self.call("conversations.setTopic", fields).await.map(drop)
    }

    /// Brings one person in; whoever is there already is no error.
    pub async fn conversations_invite(&self, channel: &ChannelId, user: &UserId) -> Result<(), ApiError> {
        let fields = Fields::new().set("channel", channel.as_str()).set("users", user.as_str());
        match self.call("conversations.invite", fields).await {
            Err(error) if matches!(error.code(), Some("already_in_channel" | "cant_invite_self")) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Puts a link at the top of a channel, unless it is there.
    pub async fn bookmark(&self, channel: &ChannelId, title: &str, link: &str) -> Result<(), ApiError> {
        let there = self.call("bookmarks.list", Fields::new().set("channel_id", channel.as_str())).await?.body;
        let known = there.get("bookmarks").and_then(Value::as_array);
        if known.into_iter().flatten().any(|one| one.get("link").and_then(Value::as_str) == Some(link)) {
            return Ok(());
        }
        let fields = Fields::new().set("channel_id", channel.as_str()).set("title", title).set("type", "link");
        self.call("bookmarks.add", fields.set("link", link)).await.map(drop)
    }

    /// One message; `None` when there is none of that `ts`.
    pub async fn message(&self, channel: &ChannelId, ts: &MessageTs) -> Result<Option<Value>, ApiError> {
        // Slack adds a thread's parent, and counts it.
        let fields = Fields::new().set("channel", channel.as_str()).set("ts", ts.as_str()).set("limit", "2");
        let fields = fields.set("latest", ts.as_str()).set("oldest", ts.as_str()).set("inclusive", "true");
        match self.call("conversations.replies", fields).await {
            Ok(reply) => {
                let messages = reply.body.get("messages").and_then(Value::as_array);
                let of = |one: &&Value| one.get("ts").and_then(Value::as_str) == Some(ts.as_str());
                Ok(messages.into_iter().flatten().find(of).cloned())
            }
            Err(error) if error.code() == Some("thread_not_found") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn page(
        &self,
        method: &str,
        fields: Fields,
        oldest: Timestamp,
        cursor: Option<&str>,
    ) -> Result<Page, ApiError> {
        let fields = fields
            .set("oldest", &format!("{}.000000", oldest.as_secs()))
            .set("inclusive", "true")
            .set("include_all_metadata", "true")
            .set("limit", PAGE_SIZE)
            .set_if("cursor", cursor);
        let mut body = self.call(method, fields).await?.body;
        let next_cursor = optional(&body, "/response_metadata/next_cursor");
        let Some(Value::Array(messages)) = body.get_mut("messages").map(Value::take) else {
            return Err(ApiError::Unknown { reason: "the answer has no messages".to_owned() });
        };
        Ok(Page { messages, next_cursor })
    }
}

/// The key under which we posted a message.
pub(super) fn key_of(message: &Value) -> Option<&str> {
    let metadata = message.get("metadata")?;
    if metadata.get("event_type").and_then(Value::as_str) != Some(METADATA_TYPE) {
        return None;
    }
    metadata.pointer("/event_payload/key").and_then(Value::as_str)
}
