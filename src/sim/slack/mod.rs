//! A local Slack workspace that speaks the real protocols on loopback: Web API, Events API, Socket Mode, interactivity.

pub mod client;
