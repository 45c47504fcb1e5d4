//! The alert engine: signals in, decisions out.

mod decision;
mod input;
pub mod mute;
mod policy;

pub use decision::{Changes, Decision, Effect, Note, Snapshot};
pub use input::{Input, Outcome, Refusal};
pub use policy::{FlapPolicy, Policy, Problem};
