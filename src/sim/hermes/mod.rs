//! sim hermes
