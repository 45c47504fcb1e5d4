//! chat.*: posting, editing, deleting.

use serde_json::{Value, json};

use super::super::channel::{Channel, ChannelKind};
use super::super::limits::Tier;
use super::super::message::{Content, with_metadata};
use super::super::state::State;
use super::super::validate::{self, Fault};
use super::args::{Args, NotJson};
use super::{Answer, Ask, Method, Refusal};

pub const METHODS: &[Method] = &[
    Method::new("chat.postMessage", &["chat:write"], Tier::Posting, post),
    Method::new("chat.update", &["chat:write"], Tier::Three, update),
    Method::new("chat.postEphemeral", &["chat:write"], Tier::Four, ephemeral),
    Method::new("chat.delete", &["chat:write"], Tier::Three, delete),
    Method::new("chat.getPermalink", &[], Tier::Unlimited, permalink),
];

/// Slack cuts a text here, and refuses blocks that together say more.
const TEXT: usize = 40_000;
/// Measured on serialised metadata; Slack states no figure.
const METADATA: usize = 16_384;
const ATTACHMENTS: usize = 100;

fn post(ask: &mut Ask) -> Answer {
    let channel = writable(ask)?;
    let mut content = said(ask.state, ask.args)?;
    content.thread_ts = thread(ask, &channel)?;
    content.broadcast = ask.args.yes("reply_broadcast") && content.thread_ts.is_some();
    if content.broadcast {
        content.subtype = Some("thread_broadcast".to_owned());
    }
    if ask.app.scopes.iter().any(|s| s == "chat:write.customize") {
        content.username = ask.args.str("username").map(str::to_owned);
        content.icon_emoji = ask.args.str("icon_emoji").map(str::to_owned);
    }
    let ts = ask.state.post(&channel, &ask.app.bot_user, true, content, ask.now).ok_or("channel_not_found")?;
    Ok(json!({"channel": channel, "ts": ts, "message": whole(ask.state, &channel, &ts)}))
}

fn update(ask: &mut Ask) -> Answer {
    let channel = known(ask)?;
    let ts = ask.args.need("ts")?;
    own(ask, &channel, ts, "cant_update_message")?;
    let content = said(ask.state, ask.args)?;
    let text = content.text.clone();
    ask.state.edit(&channel, ts, &ask.app.bot_user, content, ask.now).ok_or("message_not_found")?;
    Ok(json!({"channel": channel, "ts": ts, "text": text, "message": whole(ask.state, &channel, ts)}))
}

fn ephemeral(ask: &mut Ask) -> Answer {
    let channel = writable(ask)?;
    let user = ask.args.need("user")?.to_owned();
    if !ask.state.channel(&channel).is_some_and(|c| c.has(&user)) {
        return Err("user_not_in_channel".into());
    }
    let mut content = said(ask.state, ask.args)?;
    content.thread_ts = ask.args.str("thread_ts").map(str::to_owned);
    let bot = &ask.app.bot_user;
    let ts = ask.state.post_ephemeral(&channel, bot, &user, content, ask.now).ok_or("channel_not_found")?;
    Ok(json!({"message_ts": ts}))
}

fn delete(ask: &mut Ask) -> Answer {
    let channel = known(ask)?;
    let ts = ask.args.need("ts")?;
    own(ask, &channel, ts, "cant_delete_message")?;
    ask.state.delete(&channel, ts, ask.now).ok_or("message_not_found")?;
    Ok(json!({"channel": channel, "ts": ts}))
}

fn permalink(ask: &mut Ask) -> Answer {
    let channel = known(ask)?;
    let ts = ask.args.need("message_ts")?;
    let message = ask.state.channel(&channel).and_then(|c| c.message(ts)).filter(|m| m.only_for.is_none());
    let message = message.ok_or("message_not_found")?;
    let mut link = format!("{}/archives/{channel}/p{}", ask.base, ts.replace('.', ""));
    if let Some(thread) = message.content.thread_ts.as_deref().filter(|thread| *thread != ts) {
        link = format!("{link}?thread_ts={thread}&cid={channel}");
    }
    Ok(json!({"channel": channel, "permalink": link}))
}

/// The channel asked for, by id or name; a user's id opens the direct messages with them.
fn known(ask: &mut Ask) -> Result<String, Refusal> {
    let asked = ask.args.str("channel").ok_or("channel_not_found")?;
    let bot = &ask.app.bot_user;
    if asked.starts_with(['U', 'W']) && ask.state.user(asked).is_some() {
        return Ok(ask.state.open_im(bot, asked));
    }
    let visible = |c: &&Channel| c.kind == ChannelKind::Public || c.has(bot);
    let channel = ask.state.find_channel(asked, bot).filter(visible).ok_or("channel_not_found")?;
    Ok(channel.id.clone())
}

/// As [`known`], where the bot may post.
fn writable(ask: &mut Ask) -> Result<String, Refusal> {
    let id = known(ask)?;
    let anywhere = ask.app.scopes.iter().any(|s| s == "chat:write.public");
    let channel = ask.state.channel(&id).ok_or("channel_not_found")?;
    if channel.is_archived {
        return Err("is_archived".into());
    }
    if !channel.has(&ask.app.bot_user) && !anywhere {
        return Err("not_in_channel".into());
    }
    Ok(id)
}

fn own(ask: &Ask, channel: &str, ts: &str, otherwise: &'static str) -> Result<(), Refusal> {
    let message = ask.state.channel(channel).and_then(|c| c.message(ts)).filter(|m| m.only_for.is_none());
    let message = message.ok_or("message_not_found")?;
    if message.from_app && message.user == ask.app.bot_user { Ok(()) } else { Err(otherwise.into()) }
}

fn thread(ask: &Ask, channel: &str) -> Result<Option<String>, Refusal> {
    let Some(ts) = ask.args.str("thread_ts") else { return Ok(None) };
    let parent = ask.state.channel(channel).and_then(|c| c.message(ts)).filter(|m| m.only_for.is_none());
    if parent.is_none() {
        return Err("cannot_reply_to_message".into());
    }
    Ok(Some(ts.to_owned()))
}

fn whole(state: &State, channel: &str, ts: &str) -> Option<Value> {
    let channel = state.channel(channel)?;
    let message = channel.message(ts)?;
    Some(with_metadata(state.message_json(channel, message), message))
}

/// The words, blocks, attachments and metadata of a call.
pub fn said(state: &State, args: &Args) -> Result<Content, Refusal> {
    let mut text = args.str("text").unwrap_or_default().to_owned();
    let blocks = list(args, "blocks", "invalid_blocks_format")?;
    let attachments = list(args, "attachments", "invalid_attachments")?;
    if let Some(markdown) = args.str("markdown_text") {
        if !text.is_empty() || blocks.is_some() {
            return Err("markdown_text_conflict".into());
        }
        markdown.clone_into(&mut text);
    }
    if text.is_empty() && blocks.is_none() && attachments.is_none() {
        return Err("no_text".into());
    }
    if text.chars().count() > TEXT {
        return Err("msg_too_long".into());
    }
    if let Some(blocks) = &blocks {
        checked(state, blocks)?;
    }
    let attached = attachments.as_ref().and_then(Value::as_array);
    if attached.is_some_and(|list| list.len() > ATTACHMENTS) {
        return Err("too_many_attachments".into());
    }
    for blocks in attached.into_iter().flatten().filter_map(|a| a.get("blocks")) {
        checked(state, blocks)?;
    }
    Ok(Content { text, blocks, attachments, metadata: metadata(args)?, ..Content::default() })
}

fn checked(state: &State, blocks: &Value) -> Result<(), Refusal> {
    let faults = validate::message(blocks, &|file| state.shows(file));
    if faults.is_empty() { Ok(()) } else { Err(invalid_blocks(&faults)) }
}

/// Slack says it twice: plainly in `errors`, and with a level in the metadata.
pub fn invalid_blocks(faults: &[Fault]) -> Refusal {
    let errors: Vec<String> = faults.iter().map(Fault::text).collect();
    let messages: Vec<String> = errors.iter().map(|error| format!("[ERROR] {error}")).collect();
    Refusal::new("invalid_blocks")
        .with("errors", json!(errors))
        .with("response_metadata", json!({"messages": messages}))
}

fn list(args: &Args, name: &str, otherwise: &'static str) -> Result<Option<Value>, Refusal> {
    match args.json(name) {
        Ok(Some(Value::Array(list))) if list.is_empty() => Ok(None),
        Ok(Some(value @ Value::Array(_))) => Ok(Some(value)),
        Ok(None) => Ok(None),
        Ok(Some(_)) | Err(NotJson) => Err(otherwise.into()),
    }
}

fn metadata(args: &Args) -> Result<Option<Value>, Refusal> {
    let Some(metadata) = args.json("metadata").map_err(|NotJson| Refusal::new("invalid_metadata_format"))? else {
        return Ok(None);
    };
    if metadata == json!({}) {
        return Ok(None);
    }
    if !metadata["event_type"].is_string() || !metadata["event_payload"].is_object() {
        return Err("invalid_metadata_format".into());
    }
    if metadata.to_string().len() > METADATA {
        return Err("metadata_too_large".into());
    }
    Ok(Some(metadata))
}
