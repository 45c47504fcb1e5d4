//! The sections of `watchkeeper.yaml` that belong to no one part: Slack, HTTP, database, receivers, access, liveness.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::ids::ChannelId;
use crate::core::time::Span;
use crate::telemetry::LogFormat;

/// How Slack reaches the bot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The bot opens websockets to Slack; no inbound network needed. Wants SLACK_APP_TOKEN.
    #[default]
    Socket,
    /// Slack posts to the bot's public URL. Wants SLACK_SIGNING_SECRET.
    Http,
}

/// The Slack app. Secrets come from the environment: SLACK_BOT_TOKEN, and SLACK_APP_TOKEN or SLACK_SIGNING_SECRET.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Slack {
    pub mode: Mode,
    /// Public base URL of the bot, for the manifest in http mode, e.g. https://wk.example.com
    pub public_url: Option<String>,
    /// Where the Web API is; only a proxy or the local world changes this.
    pub api_url: String,
    /// How many Socket Mode connections to keep (2 to 10); two, so that one can be replaced without a gap.
    pub connections: usize,
    /// An event older than this is recorded and not acted on.
    pub late_after: Span,
    /// Deliveries to a channel that stand queued before new non-critical messages are gathered into one digest.
    pub digest_after: u64,
}

impl Default for Slack {
    fn default() -> Self {
        Self {
            mode: Mode::Socket,
            public_url: None,
            api_url: "https://slack.com/api".to_owned(),
            connections: 2,
            late_after: Span::from_secs(600),
            digest_after: 8,
        }
    }
}

/// The bot's own HTTP server: Slack's requests (http mode), health, metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where Slack's requests, /healthz and /readyz are served.
    pub listen: SocketAddr,
    /// Where /metrics is served; on loopback unless said otherwise, since it is not for the public.
    pub metrics_listen: Option<SocketAddr>,
    /// The largest request body, in bytes.
    pub body_limit: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
            metrics_listen: Some(SocketAddr::from(([127, 0, 0, 1], 9090))),
            body_limit: 1 << 20,
        }
    }
}

/// Where state is kept. DATABASE_URL in the environment wins over `url`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:watchkeeper.sqlite` or a `postgres://` address without a password (put that into DATABASE_URL).
    pub url: String,
    /// How long finished inputs and deliveries are kept.
    pub retention: Span,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite:watchkeeper.sqlite".to_owned(), retention: Span::from_secs(30 * 86_400) }
    }
}

/// What several processes on one Postgres database do beside each other. Without this each watches everything, so that any
/// of them can take over at once; divided, each watches a share, so that more of them watch more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Replicas {
    /// Feeds, clusters and chains are shared out among the processes that run. Wants Postgres.
    pub divide: bool,
    /// In how many parts the feeds are shared out (1 to 256); more processes than this watch no more feeds. The same for all of
    /// them, and best left as it is: with another number everything is shared out anew.
    pub feed_parts: u32,
}

impl Default for Replicas {
    fn default() -> Self {
        Self { divide: false, feed_parts: 16 }
    }
}

/// A URL that is called while the bot is well, so that something outside notices when it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Called with GET. Secret parts belong into HEARTBEAT_URL, which wins over this.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default = "minute")]
    pub every: Span,
}

/// A round trip through Slack: a message is posted, read back and deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// A quiet channel of its own.
    pub channel: ChannelId,
    #[serde(default = "five_minutes")]
    pub every: Span,
}

const fn minute() -> Span {
    Span::from_secs(60)
}

const fn five_minutes() -> Span {
    Span::from_secs(300)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub format: LogFormat,
    /// In RUST_LOG syntax; the RUST_LOG variable wins.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}
