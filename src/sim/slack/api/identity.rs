//! auth, api, team, bots, apps: who is calling, and from where.

use serde_json::{Value, json};

use super::super::limits::Tier;
use super::{Answer, Ask, Method};

pub const METHODS: &[Method] = &[
    Method::new("api.test", &[], Tier::Four, test),
    Method::new("auth.test", &[], Tier::Unlimited, auth),
    Method::new("team.info", &["team:read"], Tier::Three, team),
    Method::new("bots.info", &["users:read"], Tier::Three, bot),
    Method::new("apps.connections.open", &[], Tier::One, connect),
];

#[expect(clippy::unnecessary_wraps, reason = "every method answers alike")]
fn test(ask: &mut Ask) -> Answer {
    Ok(json!({"args": ask.args.logged()}))
}

#[expect(clippy::unnecessary_wraps, reason = "every method answers alike")]
fn auth(ask: &mut Ask) -> Answer {
    let team = &ask.state.team;
    Ok(json!({
        "url": format!("{}/", ask.base), "team": team.name, "user": ask.app.name, "team_id": team.id,
        "user_id": ask.app.bot_user, "bot_id": ask.app.bot_id, "app_id": ask.app.app_id, "is_enterprise_install": ask.app.for_organization,
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "every method answers alike")]
fn team(ask: &mut Ask) -> Answer {
    let team = &ask.state.team;
    Ok(json!({"team": {"id": team.id, "name": team.name, "domain": team.domain, "url": format!("{}/", ask.base),
                       "email_domain": "", "icon": {"image_default": true}}}))
}

fn bot(ask: &mut Ask) -> Answer {
    let asked = ask.args.str("bot");
    if asked.is_some_and(|id| id != ask.app.bot_id) {
        return Err("bot_not_found".into());
    }
    let app = &ask.app;
    Ok(json!({"bot": {"id": app.bot_id, "deleted": false, "name": app.name, "updated": 0, "app_id": app.app_id,
                      "user_id": app.bot_user, "icons": {}}}))
}

fn connect(ask: &mut Ask) -> Answer {
    if ask.app.delivery != super::super::app::Delivery::SocketMode {
        return Err("socket_mode_not_enabled".into());
    }
    let ticket = ask.state.mint_hex(16);
    ask.state.sockets.issue(ticket.clone());
    let host = ask.base.trim_start_matches("http://");
    let url: Value = json!(format!("ws://{host}/link/?ticket={ticket}&app_id={}", ask.app.app_id));
    Ok(json!({"url": url}))
}
