//! Stories: the real app against the local world. One module a user story.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]
#![expect(clippy::large_futures, reason = "a story holds its whole world and configuration")]

mod actions;
mod actions_adversarial;
mod actions_crash;
mod alerts;
mod balances;
mod bolt;
mod browser;
mod chains;
mod chart;
mod cli;
mod clusters;
mod commands;
mod deliveries;
mod dispatch;
mod docs;
mod escalation;
mod faults;
mod fire;
mod handoff;
mod hermes;
mod in_git;
mod incident;
mod kube;
mod layers;
mod liveness;
mod money;
mod money_crash;
mod notified;
mod oncall;
mod paging;
mod prometheus;
mod quiet;
mod replicas;
mod review;
mod running;
mod secrets;
mod slack_wire;
mod store;
mod support;
mod venues;
mod workloads;
