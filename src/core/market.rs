//! Market hours: when a feed's market trades.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// When a market is open. Filled from the catalogue (Hermes `market_hours`), or from a weekly schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MarketHours {
    /// Never closes (crypto).
    #[default]
    Always,
    /// What the catalogue said when it was last read: valid until the next change it names.
    Catalogue { open: bool, next_open: Option<Timestamp>, next_close: Option<Timestamp> },
    // `Schedule(Schedule)` — a weekly schedule in Pyth's format "TZ;Mon..Sun;MMDD/…": to be added here.
}
