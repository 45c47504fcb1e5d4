//! Random sequences against a naive model.
