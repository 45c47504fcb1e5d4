//! The Slack app manifest for what is switched on, and why each scope is asked for.
//!
//! Form: <https://docs.slack.dev/reference/app-manifest>.

use serde_json::{Value, json};

/// How Slack reaches us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    SocketMode,
    /// The public address that `request_path` is under, e.g. `https://wk.example.com`.
    Http {
        public_url: String,
    },
}

/// Where Slack posts everything over HTTP, below the public address.
pub const REQUEST_PATH: &str = "/slack/events";

/// `callback_id` of the shortcut that makes a message a note for the next shift.
pub const NOTE_SHORTCUT: &str = "wk.handoff_note";

/// `callback_id` of the shortcut that puts a message on an incident's timeline.
pub const MARK_SHORTCUT: &str = "wk.incident_mark";

/// What is switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the configuration")]
pub struct Features {
    pub transport: Transport,
    pub app_name: String,
    /// With its slash: `/wk`.
    pub command: String,
    /// Commands by mention, which work in threads where slash commands do not.
    pub mentions: bool,
    pub direct_messages: bool,
    pub home: bool,
    /// Price charts uploaded to alerts.
    pub charts: bool,
    /// Schedules with addresses or user groups, handoffs and their notes.
    pub on_call: bool,
    /// Actions whose rules name user groups.
    pub actions: bool,
    /// Incidents with channels of their own.
    pub incidents: bool,
    /// Alerts go to private channels too.
    pub private_channels: bool,
}

impl Features {
    /// Everything on.
    #[must_use]
    pub fn all(transport: Transport) -> Self {
        Self {
            transport,
            app_name: "watchkeeper".to_owned(),
            command: "/wk".to_owned(),
            mentions: true,
            direct_messages: true,
            home: true,
            charts: true,
            on_call: true,
            actions: true,
            incidents: true,
            private_channels: true,
        }
    }
}

/// A permission of the bot token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    pub name: &'static str,
    /// What stops working without it.
    pub reason: &'static str,
}

/// The bot scopes that `features` need, in the order of the manifest.
#[must_use]
pub fn scopes(features: &Features) -> Vec<Scope> {
    let all = [
        (true, "chat:write", "post alerts and edit them in place"),
        (true, "commands", "offer the slash command"),
        (true, "channels:read", "check that alert channels exist and that the bot is a member"),
        (true, "channels:history", "look whether an alert was posted before posting it again"),
        (true, "users:read", "show names and local times of people on call"),
        (features.on_call, "users:read.email", "find people on call by the addresses in schedules"),
        (
            features.on_call || features.actions,
            "usergroups:read",
            "see who is in the user groups on call and of actions",
        ),
        (features.on_call, "usergroups:write", "keep the on-call user group in step with the schedule"),
        (features.mentions, "app_mentions:read", "hear commands that mention the bot"),
        (features.direct_messages, "im:history", "hear commands sent as a direct message"),
        (features.direct_messages, "im:write", "open a direct message with the person on call"),
        (features.charts, "files:write", "attach price charts to alerts"),
        (features.incidents, "channels:manage", "open a channel for an incident, set its topic and invite people"),
        (features.incidents, "bookmarks:read", "see which links an incident's channel has"),
        (features.incidents, "bookmarks:write", "put runbooks at the top of an incident's channel"),
        (features.incidents, "reactions:read", "hear which messages people mark for an incident's timeline"),
        (features.private_channels, "groups:read", "check that private alert channels exist"),
        (features.private_channels, "groups:history", "look whether an alert was posted in a private channel"),
    ];
    all.into_iter().filter(|(needed, ..)| *needed).map(|(_, name, reason)| Scope { name, reason }).collect()
}

/// Scopes that are needed but were not granted; the fix is to install the app again with the new manifest.
#[must_use]
pub fn missing_scopes(features: &Features, granted: &[String]) -> Vec<Scope> {
    let mut missing = scopes(features);
    missing.retain(|scope| !granted.iter().any(|one| one == scope.name));
    missing
}

/// The manifest, to paste at <https://api.slack.com/apps?new_app=1>.
#[must_use]
pub fn manifest(features: &Features) -> Value {
    let request_url = match &features.transport {
        Transport::SocketMode => None,
        Transport::Http { public_url } => Some(format!("{}{REQUEST_PATH}", public_url.trim_end_matches('/'))),
    };
    let bot_scopes: Vec<&str> = scopes(features).iter().map(|scope| scope.name).collect();
    let mut manifest = json!({
        "display_information": {
            "name": features.app_name,
            "description": "Watches price feeds, posts what is wrong with them and answers questions about them",
            "background_color": "#1d2733",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": features.home,
                "messages_tab_enabled": features.direct_messages,
                "messages_tab_read_only_enabled": !features.direct_messages,
            },
            "bot_user": {"display_name": features.app_name, "always_online": true},
            "slash_commands": [{
                "command": features.command,
                "description": "Ask about feeds and alerts, acknowledge, silence",
                "usage_hint": "help | status | feed SOL/USD | alerts",
                // People and channels arrive as ids, not as names that anyone may take.
                "should_escape": true,
            }],
        },
        "oauth_config": {"scopes": {"bot": bot_scopes}},
        "settings": {
            "event_subscriptions": {"bot_events": events(features)},
            "interactivity": {"is_enabled": true},
            "org_deploy_enabled": false,
            "socket_mode_enabled": features.transport == Transport::SocketMode,
            "token_rotation_enabled": false,
        },
    });
    let offered: Vec<Value> = shortcuts(features)
        .into_iter()
        .map(|(name, id, what)| json!({"name": name, "type": "message", "callback_id": id, "description": what}))
        .collect();
    manifest["features"]["shortcuts"] = json!(offered);
    if let Some(request_url) = request_url {
        manifest["features"]["slash_commands"][0]["url"] = json!(request_url);
        manifest["settings"]["event_subscriptions"]["request_url"] = json!(request_url);
        manifest["settings"]["interactivity"]["request_url"] = json!(request_url);
        manifest["settings"]["interactivity"]["message_menu_options_url"] = json!(request_url);
    }
    manifest
}

/// What a message's menu offers: name, `callback_id` and description.
#[must_use]
pub fn shortcuts(features: &Features) -> Vec<(&'static str, &'static str, &'static str)> {
    let all = [
        (features.on_call, "Add to handoff note", NOTE_SHORTCUT, "Tell the next shift about this message"),
        // It needs no scope, so it also serves incidents that are worked on in threads.
        (true, "Add to incident", MARK_SHORTCUT, "Put this message on the incident's timeline"),
    ];
    all.into_iter().filter(|(on, ..)| *on).map(|(_, name, id, what)| (name, id, what)).collect()
}

/// The events to subscribe to.
#[must_use]
pub fn events(features: &Features) -> Vec<&'static str> {
    let all = [
        (features.home, "app_home_opened"),
        (features.mentions, "app_mention"),
        (features.direct_messages, "message.im"),
        (features.incidents, "reaction_added"),
        (true, "app_uninstalled"),
        (true, "tokens_revoked"),
    ];
    all.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http() -> Transport {
        Transport::Http { public_url: "https://wk.example.com/".to_owned() }
    }

    #[test]
    fn over_http_every_way_in_has_the_same_address() {
        let manifest = manifest(&Features::all(http()));
        let urls = [
            "/features/slash_commands/0/url",
            "/settings/event_subscriptions/request_url",
            "/settings/interactivity/request_url",
        ];
        for url in urls {
            assert_eq!(manifest.pointer(url).unwrap(), "https://wk.example.com/slack/events", "{url}");
        }
        assert_eq!(manifest["settings"]["socket_mode_enabled"], false);
    }

    #[test]
    fn in_socket_mode_there_is_no_address() {
        let manifest = manifest(&Features::all(Transport::SocketMode));
        assert_eq!(manifest["settings"]["socket_mode_enabled"], true);
        assert!(!manifest.to_string().contains("url\":"), "{manifest}");
    }

    #[test]
    fn what_is_switched_off_asks_for_no_scope_and_no_event() {
        let off = Features {
            mentions: false,
            direct_messages: false,
            home: false,
            charts: false,
            on_call: false,
            actions: false,
            incidents: false,
            private_channels: false,
            ..Features::all(Transport::SocketMode)
        };
        let names: Vec<_> = scopes(&off).iter().map(|scope| scope.name).collect();
        assert_eq!(names, ["chat:write", "commands", "channels:read", "channels:history", "users:read"]);
        let manifest = manifest(&off);
        let events = &manifest["settings"]["event_subscriptions"]["bot_events"];
        assert_eq!(events, &json!(["app_uninstalled", "tokens_revoked"]));
        let offered = manifest["features"]["shortcuts"].as_array().unwrap();
        assert_eq!(offered.iter().map(|one| &one["name"]).collect::<Vec<_>>(), ["Add to incident"]);
    }

    #[test]
    fn a_scope_that_was_not_granted_is_named_with_what_it_is_for() {
        let features = Features::all(Transport::SocketMode);
        let granted: Vec<String> =
            scopes(&features).iter().map(|scope| scope.name.to_owned()).filter(|name| name != "files:write").collect();
        let missing = missing_scopes(&features, &granted);
        assert_eq!(missing, [Scope { name: "files:write", reason: "attach price charts to alerts" }]);
    }

    #[test]
    fn texts_fit_slacks_limits() {
        let manifest = manifest(&Features::all(http()));
        let length = |pointer: &str| manifest.pointer(pointer).unwrap().as_str().unwrap().len();
        assert!(length("/display_information/name") <= 35);
        assert!(length("/display_information/description") <= 140);
        assert!(length("/features/slash_commands/0/description") <= 2000);
        for (name, id, what) in shortcuts(&Features::all(http())) {
            assert!(name.len() <= 24 && id.len() <= 255 && what.len() <= 150, "{name}");
        }
    }
}
