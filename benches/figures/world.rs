//! The local world: a Slack workspace with channels to post to, and a Hermes with as many feeds as wanted.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use watchkeeper::clock::{SharedClock, SystemClock};
use watchkeeper::config::Config;
use watchkeeper::config::sections::{Http, Mode, Slack};
use watchkeeper::config::sources::{HermesSource, Selection};
use watchkeeper::core::ids::ChannelId;
use watchkeeper::core::receiver::Receiver;
use watchkeeper::sim::hermes;
use watchkeeper::sim::slack::channel::{Channel, ChannelKind};
use watchkeeper::sim::slack::{self, AppConfig, Workspace};

/// Channels for alerts, `C0BENCH0` and on: one for each last digit of a synthetic symbol.
pub const CHANNELS: usize = 10;

pub struct World {
    pub slack: Workspace,
    pub hermes: hermes::Handle,
    pub clock: SharedClock,
    /// Where bots keep their databases; on the disk that holds the build, since /tmp may be memory.
    pub directory: TempDir,
}

impl World {
    pub fn open(runtime: &Runtime, feeds: usize) -> Self {
        let clock: SharedClock = Arc::new(SystemClock::new(1));
        // Nobody speaks in this workspace, so it delivers nothing by itself, whatever the bot's mode.
        let mut config = slack::Config { app: Some(AppConfig::default()), ..slack::Config::new(clock.clone()) };
        for number in 0..CHANNELS {
            let name = format!("bench-{number}");
            let channel = Channel::new(&format!("C0BENCH{number}"), &name, ChannelKind::Public, &["U0ALICE"]);
            config.world.channels.push(channel);
            config.world.bot_channels.push(name);
        }
        let hermes = hermes::Config {
            feeds: hermes::Feeds::Synthetic(feeds),
            publish_every: Some(Duration::from_millis(400)),
            ..hermes::Config::by_hand(clock.clone(), 1)
        };
        let (slack, hermes) = runtime.block_on(async { (slack::start(config).await, hermes::start(hermes).await) });
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self { slack: slack.unwrap(), hermes: hermes.unwrap(), clock, directory }
    }

    /// Http mode on SQLite, no sources; `name` is the database's.
    pub fn config(&self, name: &str) -> Config {
        let receiver = |name: String, channel: &str| Receiver {
            name,
            channel: ChannelId::new(channel),
            fallback_channel: None,
            mention: std::collections::BTreeMap::new(),
        };
        let mut config = Config {
            slack: Slack { mode: Mode::Http, api_url: self.slack.api_url(), ..Slack::default() },
            http: Http { listen: free(), metrics_listen: Some(free()), ..Http::default() },
            receivers: vec![receiver("default".to_owned(), "C0ALERTS")],
            ..Config::default()
        };
        let channels = (0..CHANNELS).map(|number| receiver(format!("bench-{number}"), &format!("C0BENCH{number}")));
        config.receivers.extend(channels);
        config.database.url = format!("sqlite:{}", self.directory.path().join(name).display());
        config
    }

    /// The local Hermes as a source, every feed of it.
    pub fn source(&self) -> HermesSource {
        HermesSource {
            name: "hermes".to_owned(),
            endpoints: vec![self.hermes.base_url().to_string()],
            token_env: "HERMES_TOKEN".to_owned(),
            feeds: Selection::default(),
        }
    }
}

fn free() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}
