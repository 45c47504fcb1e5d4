//! The pure heart: no async, no clock, no I/O. `now` and ids are arguments, effects are values.

pub mod access;
pub mod action;
pub mod alert;
pub mod audit;
pub mod backoff;
pub mod command;
pub mod cron;
pub mod decimal;
pub mod detect;
pub mod engine;
pub mod escalation;
pub mod feed;
pub mod gitops;
pub mod group;
pub mod ids;
pub mod label;
pub mod market;
pub mod receiver;
pub mod redact;
pub mod route;
pub mod severity;
pub mod signal;
pub mod silence;
pub mod time;
pub mod wallet;
pub mod workload;
