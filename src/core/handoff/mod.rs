//! Handing the watch over: at each shift change a report of what the next person must know, and an acceptance. Until it is
//! accepted, whoever had the watch keeps it.

mod change;
mod noise;
mod numbers;
mod offer;
mod report;
mod settings;
mod weekly;

pub use change::{Change, Seen, change, reachable};
pub use noise::{Noise, Rule, Suggestion, noise, rules};
pub use numbers::{Before, Numbers, shift_before};
pub use offer::{Due, Handoff, Refusal, State};
pub use report::{
    AlertLine, Deed, FeedLine, Headline, Note, Report, RequestLine, RequestState, Section, SilenceLine, Temporary,
    Upcoming, WalletLine, What,
};
pub use settings::Settings;
pub use weekly::{Load, Stretch, Weekly, Zones, weekly};
