//! A local Slack workspace that speaks the real protocols on loopback: Web API, Events API, Socket Mode, interactivity.
//!
//! [`start`] gives a [`Workspace`]: the address to point a bot at, and the words a test (or the demo) uses to be its people.
//! State lives in one struct behind one lock ([`state`]); whatever it wants to tell the outside (the page, the app) is
//! collected while the lock is held and sent after it is released ([`hub`]).

pub mod api;
pub mod app;
pub mod channel;
pub mod client;
pub mod deliver;
pub mod directory;
pub mod elements;
pub mod faults;
pub mod hub;
pub mod interact;
pub mod limits;
pub mod message;
pub mod modals;
pub mod render;
pub mod response_url;
pub mod script;
pub mod server;
pub mod state;
#[cfg(test)]
mod tests;
pub mod validate;
pub mod world;

use std::io;
use std::time::Duration;

pub use app::{AppConfig, Command, Delivery, Shortcut};
pub use faults::{Failure, Faults};
pub use script::Seen;
pub use server::Workspace;
pub use state::Call;
pub use world::World;

use crate::clock::SharedClock;

/// What the workspace is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// 0 takes any free port.
    pub port: u16,
    pub clock: SharedClock,
    /// The same seed gives the same ids.
    pub seed: u64,
    pub world: World,
    /// Can also be installed later, when its URLs are known.
    pub app: Option<AppConfig>,
    pub timing: Timing,
    pub rate_limits: bool,
}

/// Slack's own time limits. The demo stretches those measured by a clock that runs fast.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long a delivery may take, on the machine's clock.
    pub ack_within: Duration,
    /// How long a `trigger_id` lives, on the workspace's clock.
    pub trigger_life: Duration,
    /// How long a socket lives before it must be replaced, on the workspace's clock.
    pub socket_life: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ack_within: Duration::from_secs(3),
            trigger_life: Duration::from_secs(3),
            socket_life: Duration::from_hours(5),
        }
    }
}

impl Config {
    pub fn new(clock: SharedClock) -> Self {
        Self {
            port: 0,
            clock,
            seed: 1,
            world: World::default(),
            app: None,
            timing: Timing::default(),
            rate_limits: true,
        }
    }
}

/// Opens the workspace on 127.0.0.1. It closes when the last clone of the handle is dropped.
pub async fn start(config: Config) -> io::Result<Workspace> {
    server::start(config).await
}
