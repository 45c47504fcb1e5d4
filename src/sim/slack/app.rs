//! The one app installed in the workspace: its tokens, scopes, commands, and where its deliveries go.

use serde_json::{Value, json};

/// A Slack app as its manifest and install would leave it.
#[derive(Clone, Debug)]
pub struct AppConfig {
    pub app_id: String,
    pub name: String,
    pub bot_user: String,
    pub bot_id: String,
    pub bot_token: String,
    pub app_token: String,
    pub signing_secret: String,
    /// The granted bot scopes.
    pub scopes: Vec<String>,
    /// The subscribed bot events, named as in a manifest (`message.channels`, `app_mention`).
    pub events: Vec<String>,
    pub commands: Vec<Command>,
    /// What the menu of a message offers.
    pub shortcuts: Vec<Shortcut>,
    pub delivery: Delivery,
    /// Installed for an organization instead of one workspace.
    pub for_organization: bool,
}

/// A message shortcut as registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortcut {
    pub name: String,
    pub callback_id: String,
}

/// Where events, commands and interactions are delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Http { events_url: String, commands_url: String, interactivity_url: String },
    SocketMode,
}

/// A slash command as registered, with what the page's composer can complete after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// With its slash: `/wk`.
    pub name: String,
    pub description: String,
    pub usage_hint: String,
    pub completions: Vec<String>,
}

impl Delivery {
    /// All three URLs the same, as small bots have it.
    pub fn http(url: impl Into<String>) -> Self {
        let url = url.into();
        Self::Http { events_url: url.clone(), commands_url: url.clone(), interactivity_url: url }
    }
}

impl Default for AppConfig {
    /// watchkeeper over Socket Mode with every scope and event the workspace knows.
    fn default() -> Self {
        let list = |names: &str| names.split_whitespace().map(str::to_owned).collect();
        Self {
            app_id: "A0WATCHKEEP".to_owned(),
            name: "watchkeeper".to_owned(),
            bot_user: "U0WATCHBOT".to_owned(),
            bot_id: "B0WATCHBOT".to_owned(),
            bot_token: "xoxb-local-bot-token".to_owned(),
            app_token: "xapp-1-local-app-token".to_owned(),
            signing_secret: "local-signing-secret".to_owned(),
            scopes: list(
                "app_mentions:read bookmarks:read bookmarks:write channels:history channels:join channels:manage \
                 channels:read chat:write chat:write.customize chat:write.public commands files:read files:write \
                 groups:history groups:read groups:write im:history im:read im:write mpim:history mpim:read \
                 pins:read pins:write reactions:read reactions:write team:read usergroups:read usergroups:write \
                 users:read users:read.email",
            ),
            events: list(
                "app_home_opened app_mention channel_archive channel_created channel_rename member_joined_channel \
                 member_left_channel message.channels message.groups message.im reaction_added reaction_removed \
                 tokens_revoked app_uninstalled file_shared",
            ),
            commands: vec![Command {
                name: "/wk".to_owned(),
                description: "Ask watchkeeper".to_owned(),
                usage_hint: "help | status | feed <symbol>".to_owned(),
                completions: vec!["help".to_owned(), "status".to_owned()],
            }],
            shortcuts: Vec::new(),
            delivery: Delivery::SocketMode,
            for_organization: false,
        }
    }
}

impl AppConfig {
    /// Slack sends only what the app subscribed to; a channel message is subscribed to by the kind of channel.
    pub fn wants(&self, event: &Value) -> bool {
        let kind = event["type"].as_str().unwrap_or_default();
        let name = match (kind, event["channel_type"].as_str()) {
            ("message", Some("im")) => "message.im",
            ("message", Some("group")) => "message.groups",
            ("message", _) => "message.channels",
            (other, _) => other,
        };
        self.events.iter().any(|subscribed| subscribed == name)
    }

    pub(super) fn json(&self) -> Value {
        let delivery = match self.delivery {
            Delivery::Http { .. } => "http",
            Delivery::SocketMode => "socket_mode",
        };
        let shortcut = |s: &Shortcut| json!({"name": s.name, "callback_id": s.callback_id});
        let shortcuts: Vec<Value> = self.shortcuts.iter().map(shortcut).collect();
        json!({"id": self.app_id, "name": self.name, "bot_user_id": self.bot_user, "bot_id": self.bot_id,
               "delivery": delivery, "shortcuts": shortcuts})
    }

    pub(super) fn commands_json(&self) -> Value {
        let command = |c: &Command| {
            json!({"command": c.name, "description": c.description, "usage_hint": c.usage_hint,
                   "completions": c.completions})
        };
        self.commands.iter().map(command).collect()
    }
}
