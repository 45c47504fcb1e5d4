//! Where prices come from: Hermes (Pyth's own service) and exchanges to hold it against.

mod body;
pub mod hermes;
pub mod reference;
