//! watchkeeper: Slack-native ChatOps for teams that keep price feeds and the services behind them alive.
//!
//! Modules are listed lowest layer first. Imports point up this list and never sideways:
//! [`core`] is pure; adapters (those from [`chain`] to [`store`] below) do I/O and know only `core` and [`clock`];
//! [`flow`] holds the use cases; [`web`], [`jobs`] and [`cli`] are the ways in; [`app`] wires them.
//! `tests/it/layers.rs` reads the `use` lines and fails on a wrong arrow.

pub mod core;

pub mod body;
pub mod clock;
pub mod metrics;
pub mod telemetry;

pub mod chain;
pub mod chart;
pub mod ci;
pub mod cluster;
pub mod feeds;
pub mod oncall;
pub mod paging;
pub mod prometheus;
pub mod slack;
pub mod store;

pub mod flow;

pub mod jobs;
pub mod web;

pub mod config;

pub mod app;
#[cfg(feature = "demo")]
pub mod sim;

pub mod cli;
