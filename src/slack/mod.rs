//! Everything Slack: signature, tolerant inbound parsing, Socket Mode, Web API client, and all text people read (`blocks`).

pub mod api;
pub mod blocks;
pub mod inbound;
pub mod limiter;
pub mod manifest;
pub mod message;
pub mod signature;
pub mod socket;
