//! How users and channels look on the wire, and who is where.

use serde_json::{Value, json};

use super::app::AppConfig;
use super::channel::{Channel, ChannelKind};
use super::message::Content;
use super::state::{State, User};
use crate::core::time::Timestamp;

/// One each for avatars, picked by the user's place in the list.
const COLORS: [&str; 6] = ["9f69e7", "4bbe2e", "e7392d", "3c989f", "e96699", "674b1b"];

impl State {
    pub fn user_json(&self, user: &User) -> Value {
        let at = self.users.iter().position(|u| u.id == user.id).unwrap_or_default();
        let color = COLORS.get(at % COLORS.len()).copied().unwrap_or_default();
        let (tz_label, tz_offset) = zone(&user.tz);
        json!({
            "id": user.id, "team_id": user.team, "name": user.name, "real_name": user.real_name, "deleted": user.deleted,
            "color": color, "tz": user.tz, "tz_label": tz_label, "tz_offset": tz_offset, "is_bot": user.is_bot,
            "is_app_user": false, "is_admin": false, "is_owner": false, "is_restricted": user.is_guest, "updated": 0,
            // Who shares a channel with us is none to Slack.
            "is_stranger": user.team != self.team.id && !self.channels.iter().any(|channel| channel.has(&user.id)),
            "profile": {"real_name": user.real_name, "display_name": user.name, "title": user.title, "image_72": "",
                        "team": user.team, "email": user.email()},
        })
    }

    /// As `me` sees it.
    pub fn channel_json(&self, channel: &Channel, me: &str) -> Value {
        let seen = channel.read.get(me).map_or("", String::as_str);
        let top = |thread: Option<&str>, ts: &str| thread.is_none_or(|t| t == ts);
        let unread = channel.messages.iter().filter(|m| {
            m.ts.as_str() > seen && m.user != me && m.only_for.is_none() && top(m.content.thread_ts.as_deref(), &m.ts)
        });
        let is_im = channel.kind == ChannelKind::Im;
        let mut json = json!({
            "id": channel.id, "name": channel.name, "name_normalized": channel.name, "is_channel": !is_im,
            "is_im": is_im, "is_group": channel.kind == ChannelKind::Private, "is_mpim": false,
            "is_private": channel.kind != ChannelKind::Public, "is_ext_shared": channel.is_ext_shared,
            "is_shared": channel.is_ext_shared, "is_member": channel.has(me), "is_archived": channel.is_archived,
            "is_general": channel.name == "general", "created": 0, "context_team_id": self.team.id,
            "topic": {"value": channel.topic, "creator": "", "last_set": 0},
            "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
            "num_members": channel.members.len(), "members": channel.members, "unread": unread.count(),
        });
        if is_im {
            json["user"] = json!(channel.members.iter().find(|m| *m != me));
        }
        json
    }

    /// Tells each member's page how the channel looks to them.
    pub fn push_channel(&mut self, id: &str) {
        let Some(channel) = self.channel(id) else { return };
        let looks: Vec<(String, Value)> =
            channel.members.iter().map(|m| (m.clone(), self.channel_json(channel, m))).collect();
        for (member, json) in looks {
            self.push_to_user(&member, json!({"type": "channel", "channel": json}));
        }
    }

    /// False when they were there already.
    pub fn add_member(&mut self, id: &str, user: &str, inviter: Option<&str>, now: Timestamp) -> bool {
        let team = self.team.id.clone();
        let Some(channel) = self.channel_mut(id).filter(|channel| !channel.has(user)) else { return false };
        channel.members.push(user.to_owned());
        let kind = if channel.kind == ChannelKind::Private { "G" } else { "C" };
        let event_ts = channel.next_ts(now);
        let joined = json!({"type": "member_joined_channel", "user": user, "channel": id, "channel_type": kind,
                            "team": team, "inviter": inviter, "event_ts": event_ts});
        self.event_in(id, joined);
        let said = Content {
            subtype: Some("channel_join".to_owned()),
            ..Content::text(format!("<@{user}> has joined the channel"))
        };
        self.post(id, user, false, said, now);
        self.push_channel(id);
        true
    }

    /// False when they were not there.
    pub fn remove_member(&mut self, id: &str, user: &str, now: Timestamp) -> bool {
        let Some(channel) = self.channel_mut(id).filter(|channel| channel.has(user)) else { return false };
        let event_ts = channel.next_ts(now);
        let left = json!({"type": "member_left_channel", "user": user, "channel": id, "event_ts": event_ts});
        self.event_in(id, left);
        if let Some(channel) = self.channel_mut(id) {
            channel.members.retain(|m| m != user);
        }
        self.push_channel(id);
        true
    }

    /// Puts the app's bot into the workspace: a user, its channels, and direct messages with everyone here.
    pub fn install(&mut self, app: AppConfig) {
        if let Some(before) = self.app.take() {
            self.users.retain(|u| u.id != before.bot_user || u.id == app.bot_user);
        }
        if !self.users.iter().any(|u| u.id == app.bot_user) {
            let mut bot = User::person(&app.bot_user, &app.name, &app.name, "App", &self.team.id, "UTC");
            bot.is_bot = true;
            self.users.push(bot);
        }
        for channel in &mut self.channels {
            if self.bot_channels.contains(&channel.name) && !channel.has(&app.bot_user) {
                channel.members.push(app.bot_user.clone());
            }
        }
        let here: Vec<String> =
            self.users.iter().filter(|u| !u.is_bot && u.team == self.team.id).map(|u| u.id.clone()).collect();
        for person in here {
            self.open_im(&app.bot_user, &person);
        }
        let push = json!({"type": "app", "app": app.json(), "commands": app.commands_json()});
        self.app = Some(app);
        self.out.push(super::state::Out::Live { to: None, push });
    }
}

/// The zone's abbreviation and offset, without daylight saving: enough to show a time.
fn zone(name: &str) -> (String, i32) {
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    let offset = jiff::tz::TimeZone::get(name).map(|zone| zone.to_offset(epoch).seconds()).unwrap_or_default();
    (name.to_owned(), offset)
}
