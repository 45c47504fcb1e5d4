//! conversations.*: channels, their members, their history.

use serde_json::{Value, json};

use super::super::channel::{Channel, ChannelKind};
use super::super::limits::Tier;
use super::super::message::{Content, Message, with_metadata};
use super::args::page;
use super::{Answer, Ask, Method, Refusal};

const READ: &[&str] = &["channels:read", "groups:read", "im:read", "mpim:read"];
const HISTORY: &[&str] = &["channels:history", "groups:history", "im:history", "mpim:history"];
const MANAGE: &[&str] = &["channels:manage", "groups:write", "channels:write"];

pub const METHODS: &[Method] = &[
    Method::new("conversations.list", READ, Tier::Two, list),
    Method::new("conversations.info", READ, Tier::Three, info),
    Method::new("conversations.members", READ, Tier::Four, members),
    Method::new("conversations.history", HISTORY, Tier::Three, history),
    Method::new("conversations.replies", HISTORY, Tier::Three, replies),
    Method::new("conversations.open", &["im:write", "mpim:write"], Tier::Three, open),
    Method::new("conversations.join", &["channels:join"], Tier::Three, join),
    Method::new("conversations.create", MANAGE, Tier::Two, create),
    Method::new("conversations.invite", MANAGE, Tier::Three, invite),
    Method::new("conversations.setTopic", MANAGE, Tier::Two, set_topic),
    Method::new("users.conversations", READ, Tier::Three, mine),
];

fn wanted(ask: &Ask, channel: &Channel) -> bool {
    let types = ask.args.list("types");
    let name = match channel.kind {
        ChannelKind::Public => "public_channel",
        ChannelKind::Private => "private_channel",
        ChannelKind::Im => "im",
    };
    let of_type = if types.is_empty() { name == "public_channel" } else { types.iter().any(|t| t == name) };
    let archived = channel.is_archived && ask.args.yes("exclude_archived");
    of_type && !archived && (channel.kind == ChannelKind::Public || channel.has(&ask.app.bot_user))
}

fn list(ask: &mut Ask) -> Answer {
    let found: Vec<&Channel> = ask.state.channels.iter().filter(|c| wanted(ask, c)).collect();
    let (found, cursor) = page(found, ask.args, 100)?;
    let channels: Vec<Value> = found.into_iter().map(|c| ask.state.channel_json(c, &ask.app.bot_user)).collect();
    Ok(json!({"channels": channels, "response_metadata": {"next_cursor": cursor}}))
}

fn mine(ask: &mut Ask) -> Answer {
    let user = ask.args.str("user").unwrap_or(&ask.app.bot_user);
    let found: Vec<&Channel> = ask.state.channels.iter().filter(|c| wanted(ask, c) && c.has(user)).collect();
    let (found, cursor) = page(found, ask.args, 100)?;
    let channels: Vec<Value> = found.into_iter().map(|c| ask.state.channel_json(c, &ask.app.bot_user)).collect();
    Ok(json!({"channels": channels, "response_metadata": {"next_cursor": cursor}}))
}

fn known<'a>(ask: &'a Ask) -> Result<&'a Channel, Refusal> {
    let id = ask.args.str("channel").ok_or("channel_not_found")?;
    let visible = |c: &&Channel| c.kind == ChannelKind::Public || c.has(&ask.app.bot_user);
    ask.state.channel(id).filter(visible).ok_or("channel_not_found".into())
}

fn info(ask: &mut Ask) -> Answer {
    let channel = known(ask)?;
    Ok(json!({"channel": ask.state.channel_json(channel, &ask.app.bot_user)}))
}

fn members(ask: &mut Ask) -> Answer {
    let (members, cursor) = page(known(ask)?.members.clone(), ask.args, 100)?;
    Ok(json!({"members": members, "response_metadata": {"next_cursor": cursor}}))
}

/// The channel, where the bot may read.
fn readable<'a>(ask: &'a Ask) -> Result<&'a Channel, Refusal> {
    let channel = known(ask)?;
    if channel.has(&ask.app.bot_user) { Ok(channel) } else { Err("not_in_channel".into()) }
}

/// The messages inside `oldest` and `latest`, on one page. Slack adds a thread's parent, wherever it is.
fn window(ask: &Ask, channel: &Channel, messages: Vec<&Message>, always: Option<&str>, default: usize) -> Answer {
    let inclusive = ask.args.yes("inclusive");
    let (oldest, latest) = (ask.args.str("oldest"), ask.args.str("latest"));
    let inside = |m: &&Message| {
        let ts = m.ts.as_str();
        let after = oldest.is_none_or(|o| ts > o || (inclusive && ts == o));
        let before = latest.is_none_or(|l| ts < l || (inclusive && ts == l));
        (after && before) || always == Some(ts)
    };
    let (found, cursor) = page(messages.into_iter().filter(inside).collect(), ask.args, default)?;
    let all = ask.args.yes("include_all_metadata");
    let json = |m: &Message| {
        let json = ask.state.message_json(channel, m);
        if all { with_metadata(json, m) } else { json }
    };
    let messages: Vec<Value> = found.into_iter().map(json).collect();
    Ok(json!({"messages": messages, "has_more": !cursor.is_empty(), "response_metadata": {"next_cursor": cursor}}))
}

fn history(ask: &mut Ask) -> Answer {
    let channel = readable(ask)?;
    let top = |m: &&Message| {
        let reply = m.content.thread_ts.as_deref().is_some_and(|thread| thread != m.ts);
        m.only_for.is_none() && (!reply || m.content.broadcast)
    };
    let newest_first = channel.messages.iter().rev().filter(top).collect();
    window(ask, channel, newest_first, None, 100)
}

fn replies(ask: &mut Ask) -> Answer {
    let channel = readable(ask)?;
    let ts = ask.args.need("ts")?;
    let asked = channel.message(ts).filter(|m| m.only_for.is_none()).ok_or("thread_not_found")?;
    let root = asked.content.thread_ts.as_deref().unwrap_or(&asked.ts);
    let parent = channel.message(root);
    let always = parent.map(|parent| parent.ts.as_str());
    let mut thread: Vec<&Message> = parent.into_iter().collect();
    thread.extend(channel.replies(root));
    window(ask, channel, thread, always, 1000)
}

fn open(ask: &mut Ask) -> Answer {
    if let Some(id) = ask.args.str("channel") {
        let channel = ask.state.channel(id).filter(|c| c.kind == ChannelKind::Im).ok_or("channel_not_found")?;
        return Ok(json!({"channel": ask.state.channel_json(channel, &ask.app.bot_user)}));
    }
    let users = ask.args.list("users");
    let [user] = users.as_slice() else {
        return Err(if users.is_empty() { "users_list_not_supplied" } else { "too_many_users" }.into());
    };
    let person = ask.state.user(user).ok_or("user_not_found")?;
    if person.deleted {
        return Err("user_disabled".into());
    }
    let id = ask.state.open_im(&ask.app.bot_user, user);
    Ok(json!({"channel": {"id": id}}))
}

fn join(ask: &mut Ask) -> Answer {
    let (id, archived) = known(ask).map(|c| (c.id.clone(), c.is_archived))?;
    if archived {
        return Err("is_archived".into());
    }
    let bot = ask.app.bot_user.clone();
    ask.state.add_member(&id, &bot, None, ask.now);
    let channel = ask.state.channel(&id).ok_or("channel_not_found")?;
    Ok(json!({"channel": ask.state.channel_json(channel, &bot)}))
}

fn create(ask: &mut Ask) -> Answer {
    let name = ask.args.str("name").ok_or("invalid_name_required")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if name.len() > 80 || !name.chars().all(plain) {
        return Err("invalid_name_specials".into());
    }
    if ask.state.channels.iter().any(|c| c.name == name) {
        return Err("name_taken".into());
    }
    let kind = if ask.args.yes("is_private") { ChannelKind::Private } else { ChannelKind::Public };
    let id = ask.state.mint("C");
    let channel = Channel::new(&id, name, kind, &[&ask.app.bot_user]);
    let json = ask.state.channel_json(&channel, &ask.app.bot_user);
    ask.state.channels.push(channel);
    ask.state.push_channel(&id);
    Ok(json!({"channel": json}))
}

fn invite(ask: &mut Ask) -> Answer {
    let id = readable(ask)?.id.clone();
    let users = ask.args.list("users");
    if users.is_empty() {
        return Err("no_user".into());
    }
    if users.iter().any(|u| ask.state.user(u).is_none()) {
        return Err("user_not_found".into());
    }
    let bot = ask.app.bot_user.clone();
    let mut added = false;
    for user in &users {
        added |= ask.state.add_member(&id, user, Some(&bot), ask.now);
    }
    if !added {
        return Err("already_in_channel".into());
    }
    let channel = ask.state.channel(&id).ok_or("channel_not_found")?;
    Ok(json!({"channel": ask.state.channel_json(channel, &bot)}))
}

fn set_topic(ask: &mut Ask) -> Answer {
    let id = readable(ask)?.id.clone();
    let topic = ask.args.str("topic").unwrap_or_default().to_owned();
    if topic.chars().count() > 250 {
        return Err("too_long".into());
    }
    let bot = ask.app.bot_user.clone();
    if let Some(channel) = ask.state.channel_mut(&id) {
        channel.topic.clone_from(&topic);
    }
    let said = Content {
        subtype: Some("channel_topic".to_owned()),
        ..Content::text(format!("set the channel topic: {topic}"))
    };
    ask.state.post(&id, &bot, true, said, ask.now);
    ask.state.push_channel(&id);
    let channel = ask.state.channel(&id).ok_or("channel_not_found")?;
    Ok(json!({"channel": ask.state.channel_json(channel, &bot)}))
}
