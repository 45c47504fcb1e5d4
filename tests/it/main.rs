//! Stories: the real app against the local world. One module a user story.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod alerts;
mod bolt;
mod browser;
mod hermes;
mod layers;
mod slack_wire;
mod store;
#[expect(dead_code, reason = "more stories follow")]
mod support;
mod venues;
