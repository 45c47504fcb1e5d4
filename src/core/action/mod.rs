//! Approved operations: what may be done to a target, the exact plan that people approve, who may, and the life of a
//! request from being asked to its outcome.
//!
//! The write side of an adapter takes an [`approval::Approved`] plan, and only [`approval`] makes one.

pub mod approval;
pub mod digest;
pub mod found;
pub mod journal;
pub mod kind;
pub mod money;
pub mod offer;
pub mod plan;
pub mod policy;
pub mod rbac;
pub mod request;
pub mod target;
pub mod workflow;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
