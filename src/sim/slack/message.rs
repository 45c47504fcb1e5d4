//! Messages: what they hold, how they look on the wire, and what posting, editing and deleting one sets off.

use serde_json::{Value, json};

use super::channel::{Channel, ChannelKind};
use super::state::State;
use crate::core::time::Timestamp;

#[derive(Clone, Debug)]
pub struct Message {
    pub ts: String,
    pub user: String,
    pub from_app: bool,
    pub content: Content,
    pub edited: Option<Edited>,
    pub reactions: Vec<Reaction>,
    /// An ephemeral message, and who alone sees it.
    pub only_for: Option<String>,
}

/// What a poster says; an edit replaces the first four.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub text: String,
    pub blocks: Option<Value>,
    pub attachments: Option<Value>,
    pub metadata: Option<Value>,
    pub thread_ts: Option<String>,
    pub broadcast: bool,
    pub subtype: Option<String>,
    pub files: Vec<String>,
    pub username: Option<String>,
    pub icon_emoji: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Edited {
    pub by: String,
    pub ts: String,
}

#[derive(Clone, Debug)]
pub struct Reaction {
    pub name: String,
    pub users: Vec<String>,
}

impl Content {
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    #[must_use]
    pub fn in_thread(mut self, thread_ts: Option<String>) -> Self {
        self.thread_ts = thread_ts;
        self
    }
}

impl State {
    /// Slack's message object. Metadata is left out; `with_metadata` adds it for those who asked.
    pub fn message_json(&self, channel: &Channel, message: &Message) -> Value {
        let Message { ts, user, from_app, content, edited, reactions, only_for } = message;
        let mut json = json!({"type": "message", "channel": channel.id, "ts": ts, "text": content.text, "user": user,
                              "team": self.user(user).map_or(self.team.id.as_str(), |u| u.team.as_str())});
        if let (true, Some(app)) = (*from_app, &self.app) {
            json["bot_id"] = json!(app.bot_id);
            json["app_id"] = json!(app.app_id);
            let name = content.username.as_ref().unwrap_or(&app.name);
            json["bot_profile"] = json!({"id": app.bot_id, "app_id": app.app_id, "name": name, "team_id": self.team.id,
                                         "icons": {"emoji": content.icon_emoji}, "deleted": false});
        }
        let optional = [
            ("blocks", content.blocks.clone()),
            ("attachments", content.attachments.clone()),
            ("thread_ts", content.thread_ts.as_ref().map(|t| json!(t))),
            ("subtype", content.subtype.as_ref().map(|s| json!(s))),
            ("username", content.username.as_ref().map(|u| json!(u))),
            ("edited", edited.as_ref().map(|e| json!({"user": e.by, "ts": e.ts}))),
            ("is_ephemeral", only_for.is_some().then_some(json!(true))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                json[name] = value;
            }
        }
        if !content.files.is_empty() {
            json["files"] = content.files.iter().filter_map(|id| self.file_json(id)).collect();
        }
        if !reactions.is_empty() {
            let one = |r: &Reaction| json!({"name": r.name, "count": r.users.len(), "users": r.users});
            json["reactions"] = reactions.iter().map(one).collect();
        }
        add_replies(&mut json, channel, ts);
        json
    }

    /// Posts for everyone in the channel; gives the new message's `ts`.
    pub fn post(
        &mut self,
        channel: &str,
        user: &str,
        from_app: bool,
        content: Content,
        now: Timestamp,
    ) -> Option<String> {
        let ts = self.place(channel, user, from_app, content, None, now)?;
        let json = self.json_of(channel, &ts)?;
        self.push_to_channel(channel, json!({"type": "message", "channel": channel, "message": json}));
        if let Some(parent) = json["thread_ts"].as_str().filter(|parent| *parent != ts) {
            self.push_changed(channel, parent);
        }
        let mut event = json.clone();
        event["event_ts"] = json["ts"].clone();
        let mention = self.bot_user().map(|bot| format!("<@{bot}>"));
        let is_im = self.channel(channel).is_some_and(|c| c.kind == ChannelKind::Im);
        let mentioned = mention.is_some_and(|m| json["text"].as_str().is_some_and(|text| text.contains(&m)));
        self.event_in(channel, event.clone());
        if mentioned && !from_app && !is_im {
            event["type"] = json!("app_mention");
            self.event_in(channel, event);
        }
        Some(ts)
    }

    /// Shows a message to one user only. It is kept so that the page and `response_url` can find it again.
    pub fn post_ephemeral(
        &mut self,
        channel: &str,
        user: &str,
        to: &str,
        content: Content,
        now: Timestamp,
    ) -> Option<String> {
        let from_app = self.bot_user() == Some(user);
        let ts = self.place(channel, user, from_app, content, Some(to.to_owned()), now)?;
        let json = self.json_of(channel, &ts)?;
        self.push_to_user(to, json!({"type": "ephemeral", "channel": channel, "message": json}));
        Some(ts)
    }

    fn place(
        &mut self,
        channel: &str,
        user: &str,
        from_app: bool,
        mut content: Content,
        only_for: Option<String>,
        now: Timestamp,
    ) -> Option<String> {
        self.name_all(&mut content);
        let message = |ts: String| Message {
            ts,
            user: user.to_owned(),
            from_app,
            content,
            edited: None,
            reactions: Vec::new(),
            only_for,
        };
        let channel = self.channel_mut(channel)?;
        let ts = channel.next_ts(now);
        channel.messages.push(message(ts.clone()));
        if let Some(parent) = channel.messages.last().and_then(|m| m.content.thread_ts.clone())
            && let Some(parent) = channel.message_mut(&parent)
            && parent.only_for.is_none()
        {
            // Slack marks a parent by its own ts as soon as it has a reply.
            parent.content.thread_ts = Some(parent.ts.clone());
        }
        Some(ts)
    }

    /// Replaces what a message says. An ephemeral one is only told to its reader; others raise `message_changed`.
    pub fn edit(&mut self, channel: &str, ts: &str, by: &str, mut content: Content, now: Timestamp) -> Option<()> {
        let before = self.json_of(channel, ts)?;
        self.name_all(&mut content);
        let place = self.channel_mut(channel)?;
        let event_ts = place.next_ts(now);
        let message = place.message_mut(ts)?;
        let Content { text, blocks, attachments, metadata, .. } = content;
        message.content.text = text;
        message.content.blocks = blocks;
        message.content.attachments = attachments;
        message.content.metadata = metadata.or(message.content.metadata.take());
        message.edited = Some(Edited { by: by.to_owned(), ts: event_ts.clone() });
        self.push_changed(channel, ts);
        let after = self.json_of(channel, ts)?;
        if after["is_ephemeral"] != true {
            let event = json!({"type": "message", "subtype": "message_changed", "hidden": true, "channel": channel,
                "ts": event_ts, "event_ts": event_ts, "message": after, "previous_message": before});
            self.event_in(channel, event);
        }
        Some(())
    }

    pub fn delete(&mut self, channel: &str, ts: &str, now: Timestamp) -> Option<()> {
        let before = self.json_of(channel, ts)?;
        let place = self.channel_mut(channel)?;
        let event_ts = place.next_ts(now);
        let removed = place.messages.iter().position(|m| m.ts == ts).map(|at| place.messages.remove(at))?;
        if let Some(reader) = removed.only_for {
            self.push_to_user(&reader, json!({"type": "ephemeral_deleted", "channel": channel, "ts": ts}));
            return Some(());
        }
        let thread_ts = before["thread_ts"].clone();
        self.push_to_channel(channel, json!({"type": "deleted", "channel": channel, "ts": ts, "thread_ts": thread_ts}));
        if let Some(parent) = thread_ts.as_str().filter(|parent| *parent != ts) {
            self.push_changed(channel, parent);
        }
        let event = json!({"type": "message", "subtype": "message_deleted", "hidden": true, "channel": channel,
            "ts": event_ts, "event_ts": event_ts, "deleted_ts": ts, "previous_message": before});
        self.event_in(channel, event);
        Some(())
    }

    /// Tells the page that a message looks different now.
    pub fn push_changed(&mut self, channel: &str, ts: &str) {
        let Some(json) = self.json_of(channel, ts) else { return };
        let reader = self.channel(channel).and_then(|c| c.message(ts)).and_then(|m| m.only_for.clone());
        let push = json!({"type": "changed", "channel": channel, "message": json});
        match reader {
            Some(reader) => self.push_to_user(&reader, push),
            None => self.push_to_channel(channel, push),
        }
    }

    pub fn json_of(&self, channel: &str, ts: &str) -> Option<Value> {
        let channel = self.channel(channel)?;
        channel.message(ts).map(|message| self.message_json(channel, message))
    }

    fn name_all(&mut self, content: &mut Content) {
        if let Some(blocks) = &mut content.blocks {
            self.name_blocks(blocks);
        }
        let attachments = content.attachments.as_mut().and_then(Value::as_array_mut);
        for blocks in attachments.into_iter().flatten().filter_map(|attachment| attachment.get_mut("blocks")) {
            self.name_blocks(blocks);
        }
    }

    /// Slack gives every block without a `block_id`, and every element without an `action_id`, one of its own.
    pub fn name_blocks(&mut self, blocks: &mut Value) {
        for block in blocks.as_array_mut().into_iter().flatten() {
            let Some(fields) = block.as_object_mut() else { continue };
            if !fields.contains_key("block_id") {
                fields.insert("block_id".to_owned(), json!(self.mint_hex(3)));
            }
            for element in super::validate::interactive_mut(fields) {
                if element.get("action_id").is_none() {
                    element["action_id"] = json!(self.mint_hex(3));
                }
            }
            if let Some(nested) = fields.get_mut("child_blocks") {
                self.name_blocks(nested);
            }
        }
    }
}

/// Adds what the sender attached for machines, when asked for.
pub fn with_metadata(mut json: Value, message: &Message) -> Value {
    if let Some(metadata) = &message.content.metadata {
        json["metadata"] = metadata.clone();
    }
    json
}

fn add_replies(json: &mut Value, channel: &Channel, ts: &str) {
    let mut users: Vec<&str> = Vec::new();
    let mut count = 0;
    let mut latest = None;
    for reply in channel.replies(ts) {
        count += 1;
        latest = Some(&reply.ts);
        if !users.contains(&reply.user.as_str()) {
            users.push(&reply.user);
        }
    }
    if let Some(latest) = latest {
        json["reply_count"] = json!(count);
        json["reply_users_count"] = json!(users.len());
        json["reply_users"] = json!(users);
        json["latest_reply"] = json!(latest);
    }
}
