//! users.*

use serde_json::{Value, json};

use super::super::limits::Tier;
use super::args::page;
use super::{Answer, Ask, Method};

pub const METHODS: &[Method] = &[
    Method::new("users.list", &["users:read"], Tier::Two, list),
    Method::new("users.info", &["users:read"], Tier::Four, info),
];

fn list(ask: &mut Ask) -> Answer {
    let all: Vec<Value> = ask.state.users.iter().map(|user| ask.state.user_json(user)).collect();
    let (members, cursor) = page(all, ask.args, 200)?;
    Ok(json!({"members": members, "cache_ts": ask.now.as_secs(), "response_metadata": {"next_cursor": cursor}}))
}

fn info(ask: &mut Ask) -> Answer {
    let id = ask.args.str("user").ok_or("user_not_found")?;
    let user = ask.state.users.iter().find(|user| user.id == id).ok_or("user_not_found")?;
    Ok(json!({"user": ask.state.user_json(user)}))
}
