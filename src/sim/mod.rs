//! The local world: a Slack workspace with a web page, a Hermes, trading venues and a small Kubernetes cluster, on
//! loopback, speaking the real wire protocols. Reached only from `demo` and from tests, through the base URLs an operator
//! could set.

pub mod cluster;
pub mod hermes;
mod outage;
pub mod page;
pub mod script;
pub mod slack;
pub mod venues;
pub mod wallets;
