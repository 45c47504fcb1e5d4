//! All text that people read in Slack: pure, one function a message, each from a small view of what it speaks of.
//!
//! Text from outside (labels, symbols, comments, names) passes through [`words`], so it can neither mention anybody nor
//! break the formatting; sizes are kept by [`kit`], so no message is refused for being too long.

pub mod action;
pub mod actions;
pub mod alert;
pub mod audit;
pub mod balance;
pub mod checkpoint;
pub mod feed;
mod form;
pub mod gitops;
pub mod graph;
pub mod handoff;
pub mod help;
pub mod home;
pub mod incident;
mod kit;
pub mod lists;
mod members;
pub mod modals;
pub mod notes;
pub mod oncall;
pub mod page;
mod pages;
pub mod people;
pub mod replies;
pub mod status;
pub mod why;
pub mod words;
pub mod workloads;

#[cfg(test)]
mod tests;
