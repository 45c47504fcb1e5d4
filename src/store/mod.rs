//! What must survive a restart, in SQLite or Postgres: one implementation over `sqlx::Any`, one file per aggregate.
//!
//! Reads take a [`Store`]; whatever must be true together takes the same [`Tx`].

pub mod actions;
pub mod alerts;
pub mod audit;
pub mod balances;
pub mod checkpoints;
pub mod escalations;
pub mod facts;
pub mod handoffs;
pub mod inbox;
pub mod incidents;
pub mod intake;
pub mod jobs;
pub mod lease;
pub mod messages;
pub mod oncall;
pub mod shards;
pub mod signals;
pub mod views;

mod connect;
mod error;
mod migrate;
mod session;
mod whole;

pub use connect::{Backend, Settings, Store};
pub use error::StoreError;
pub use migrate::{Fit, Schema};
pub use session::Tx;

#[cfg(test)]
mod plans;
#[cfg(test)]
mod testing;
