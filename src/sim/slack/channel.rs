//! Channels and direct messages: who is in them, what was said, and the timestamps that name it.

use std::collections::HashMap;

use serde_json::Value;

use super::message::Message;
use crate::core::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    Public,
    Private,
    Im,
}

#[derive(Clone, Debug)]
pub struct Channel {
    pub id: String,
    pub name: String,
    pub kind: ChannelKind,
    pub members: Vec<String>,
    pub is_ext_shared: bool,
    pub is_archived: bool,
    pub topic: String,
    pub purpose: String,
    pub messages: Vec<Message>,
    pub pins: Vec<String>,
    pub bookmarks: Vec<Value>,
    /// Newest `ts` each user has seen.
    pub read: HashMap<String, String>,
    last_micros: i64,
}

impl Channel {
    pub fn new(id: &str, name: &str, kind: ChannelKind, members: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            kind,
            members: members.iter().map(|&m| m.to_owned()).collect(),
            is_ext_shared: false,
            is_archived: false,
            topic: String::new(),
            purpose: String::new(),
            messages: Vec::new(),
            pins: Vec::new(),
            bookmarks: Vec::new(),
            read: HashMap::new(),
            last_micros: 0,
        }
    }

    pub fn has(&self, user: &str) -> bool {
        self.members.iter().any(|m| m == user)
    }

    /// What the Events API calls this kind of channel.
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            ChannelKind::Public => "channel",
            ChannelKind::Private => "group",
            ChannelKind::Im => "im",
        }
    }

    /// The next free message timestamp; unique and growing in this channel even when the clock stands or goes back.
    pub fn next_ts(&mut self, now: Timestamp) -> String {
        let micros = now.as_millis().saturating_mul(1000).max(self.last_micros.saturating_add(1));
        self.last_micros = micros;
        format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))
    }

    pub fn message(&self, ts: &str) -> Option<&Message> {
        self.messages.iter().find(|m| m.ts == ts)
    }

    pub fn message_mut(&mut self, ts: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|m| m.ts == ts)
    }

    /// The replies everyone can see, oldest first, without the parent.
    pub fn replies<'a>(&'a self, thread_ts: &'a str) -> impl Iterator<Item = &'a Message> {
        let reply = move |m: &&Message| {
            m.only_for.is_none() && m.ts != thread_ts && m.content.thread_ts.as_deref() == Some(thread_ts)
        };
        self.messages.iter().filter(reply)
    }
}
