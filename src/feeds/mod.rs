//! Where prices come from: Hermes (Pyth's own service) and exchanges to hold it against.

pub mod hermes;
pub mod reference;
