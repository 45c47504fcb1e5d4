//! What the stories are told with: a bot under a clock that stands still until told to move, in a local workspace.

pub mod acting;
pub mod approval;
pub mod bot;
pub mod clock;
pub mod cluster;
pub mod database;
pub mod kube;
pub mod ledger;
pub mod nodes;
pub mod payer;
pub mod paying;
pub mod process;
pub mod wire;
pub mod writing;

pub use bot::{Bot, Replica};
pub use clock::TestClock;
pub use database::{Database, databases};

use std::time::Duration;

use watchkeeper::app::Waits;

/// On a busy machine a story must not be told with what was not known in time.
pub const PATIENT: Waits =
    Waits { name: Duration::from_secs(20), look: Duration::from_secs(20), others: Duration::from_secs(2) };
