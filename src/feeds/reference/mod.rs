//! Reference prices.
