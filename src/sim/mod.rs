//! The local world: a Slack workspace with a web page, a Hermes, trading venues, a small Kubernetes cluster and a GitHub, on
//! loopback, speaking the real wire protocols. Reached only from `demo` and from tests, through the base URLs an operator
//! could set.

pub mod cluster;
pub mod github;
pub mod hermes;
mod outage;
pub mod page;
pub mod script;
pub mod slack;
pub mod venues;
pub mod wallets;
