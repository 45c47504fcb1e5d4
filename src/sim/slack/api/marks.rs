//! reactions.*, pins.*, bookmarks.*: small things left on messages and channels.

use serde_json::{Value, json};

use super::super::channel::Channel;
use super::super::limits::Tier;
use super::super::message::Reaction;
use super::super::state::State;
use super::{Answer, Ask, Method, Refusal};
use crate::core::time::Timestamp;

const REACT: &[&str] = &["reactions:write"];

pub const METHODS: &[Method] = &[
    Method::new("reactions.add", REACT, Tier::Three, add),
    Method::new("reactions.remove", REACT, Tier::Two, remove),
    Method::new("reactions.get", &["reactions:read"], Tier::Three, get),
    Method::new("pins.add", &["pins:write"], Tier::Two, pin),
    Method::new("pins.remove", &["pins:write"], Tier::Two, unpin),
    Method::new("pins.list", &["pins:read"], Tier::Two, pins),
    Method::new("bookmarks.add", &["bookmarks:write"], Tier::Two, add_bookmark),
    Method::new("bookmarks.list", &["bookmarks:read"], Tier::Three, bookmarks),
    Method::new("bookmarks.remove", &["bookmarks:write"], Tier::Two, remove_bookmark),
];

fn add(ask: &mut Ask) -> Answer {
    react(ask, true)
}

fn remove(ask: &mut Ask) -> Answer {
    react(ask, false)
}

fn react(ask: &mut Ask, on: bool) -> Answer {
    let name = ask.args.str("name").ok_or("invalid_name")?.trim_matches(':').to_owned();
    let channel = ask.args.str("channel").ok_or("channel_not_found")?;
    let ts = ask.args.str("timestamp").ok_or("no_item_specified")?;
    let bot = ask.app.bot_user.clone();
    if ask.state.channel(channel).is_none() {
        return Err("channel_not_found".into());
    }
    ask.state.react(channel, ts, &bot, &name, on, ask.now)?;
    Ok(json!({}))
}

fn get(ask: &mut Ask) -> Answer {
    let channel = ask.args.str("channel").ok_or("channel_not_found")?;
    let ts = ask.args.str("timestamp").ok_or("no_item_specified")?;
    let message = ask.state.json_of(channel, ts).ok_or("message_not_found")?;
    Ok(json!({"type": "message", "channel": channel, "message": message}))
}

impl State {
    /// Adds or takes away one user's reaction.
    pub fn react(
        &mut self,
        channel: &str,
        ts: &str,
        user: &str,
        name: &str,
        on: bool,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let place = self.channel_mut(channel).ok_or("channel_not_found")?;
        let message = place.message_mut(ts).filter(|m| m.only_for.is_none()).ok_or("message_not_found")?;
        let author = message.user.clone();
        let at = message.reactions.iter().position(|r| r.name == name);
        let there = at.and_then(|at| message.reactions.get(at)).is_some_and(|r| r.users.iter().any(|u| u == user));
        match (on, there) {
            (true, true) => return Err("already_reacted".into()),
            (false, false) => return Err("no_reaction".into()),
            (true, false) => match at.and_then(|at| message.reactions.get_mut(at)) {
                Some(reaction) => reaction.users.push(user.to_owned()),
                None => message.reactions.push(Reaction { name: name.to_owned(), users: vec![user.to_owned()] }),
            },
            (false, true) => {
                message.reactions.iter_mut().filter(|r| r.name == name).for_each(|r| r.users.retain(|u| u != user));
                message.reactions.retain(|r| !r.users.is_empty());
            }
        }
        let event_ts = place.next_ts(now);
        self.push_changed(channel, ts);
        let kind = if on { "reaction_added" } else { "reaction_removed" };
        let event = json!({"type": kind, "user": user, "reaction": name, "item_user": author, "event_ts": event_ts,
                           "item": {"type": "message", "channel": channel, "ts": ts}});
        self.event_in(channel, event);
        Ok(())
    }
}

fn place<'a>(ask: &'a mut Ask, name: &str) -> Result<&'a mut Channel, Refusal> {
    let id = ask.args.str(name).ok_or("channel_not_found")?;
    ask.state.channel_mut(id).ok_or("channel_not_found".into())
}

fn pin(ask: &mut Ask) -> Answer {
    let ts = ask.args.need("timestamp")?.to_owned();
    let channel = place(ask, "channel")?;
    if channel.message(&ts).is_none() {
        return Err("message_not_found".into());
    }
    if channel.pins.contains(&ts) {
        return Err("already_pinned".into());
    }
    channel.pins.push(ts);
    Ok(json!({}))
}

fn unpin(ask: &mut Ask) -> Answer {
    let ts = ask.args.need("timestamp")?.to_owned();
    let channel = place(ask, "channel")?;
    let at = channel.pins.iter().position(|pinned| *pinned == ts).ok_or("no_pin")?;
    channel.pins.remove(at);
    Ok(json!({}))
}

fn pins(ask: &mut Ask) -> Answer {
    let channel = place(ask, "channel")?;
    let (id, pins) = (channel.id.clone(), channel.pins.clone());
    let item = |ts: &String| json!({"type": "message", "channel": id, "message": ask.state.json_of(&id, ts)});
    let items: Vec<Value> = pins.iter().map(item).collect();
    Ok(json!({"items": items}))
}

fn add_bookmark(ask: &mut Ask) -> Answer {
    let title = ask.args.need("title")?.to_owned();
    let link = ask.args.str("link").map(str::to_owned);
    let id = ask.state.mint("Bk");
    let channel = place(ask, "channel_id")?;
    let bookmark = json!({"id": id, "channel_id": channel.id, "title": title, "link": link, "type": "link"});
    channel.bookmarks.push(bookmark.clone());
    Ok(json!({"bookmark": bookmark}))
}

fn bookmarks(ask: &mut Ask) -> Answer {
    let channel = place(ask, "channel_id")?;
    Ok(json!({"bookmarks": channel.bookmarks}))
}

fn remove_bookmark(ask: &mut Ask) -> Answer {
    let id = ask.args.need("bookmark_id")?.to_owned();
    let channel = place(ask, "channel_id")?;
    let at = channel.bookmarks.iter().position(|b| b["id"] == id.as_str()).ok_or("not_found")?;
    channel.bookmarks.remove(at);
    Ok(json!({}))
}
