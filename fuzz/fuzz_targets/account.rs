#![no_main]
//! The bytes of accounts on Solana.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| watchkeeper::chain::read_anything(data));
