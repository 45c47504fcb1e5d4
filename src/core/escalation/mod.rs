//! Escalation: who is told next while nobody acknowledges an alert group.
//!
//! [`policy`] is what configuration says, [`run`] the state machine of one group. Time and the group's standing are passed
//! in, the steps to take come out; whom a step reaches is found out above.

pub mod policy;
pub mod run;

pub use policy::{Escalation, Plan, Policy, Rule, Step, Target};
pub use run::{Page, Position, Run, Service, Stage, Standing, Stop, Taken, Turn};
