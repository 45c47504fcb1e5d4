#![no_main]
//! Rounds of balances over nodes of every kind of chain that answer with anything.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| watchkeeper::chain::read_anything(data));
