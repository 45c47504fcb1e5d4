//! users.*

use serde_json::{Value, json};

use super::super::limits::Tier;
use super::args::page;
use super::{Answer, Ask, Method};

pub const METHODS: &[Method] = &[
    Method::new("users.list", &["users:read"], Tier::Two, list),
    Method::new("users.info", &["users:read"], Tier::Four, info),
    Method::new("users.lookupByEmail", &["users:read.email"], Tier::Three, by_email),
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

/// Whoever was deactivated is not found by address.
fn by_email(ask: &mut Ask) -> Answer {
    let email = ask.args.need("email")?.to_lowercase();
    let found = ask.state.users.iter().find(|user| !user.deleted && !user.is_bot && user.email() == email);
    Ok(json!({"user": ask.state.user_json(found.ok_or("users_not_found")?)}))
}
