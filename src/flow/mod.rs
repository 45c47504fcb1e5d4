//! Use cases: what happens with every input, from its arrival to the committed effects.

pub mod effect;
