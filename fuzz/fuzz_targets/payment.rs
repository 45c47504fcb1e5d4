#![no_main]
//! Payments on chains whose nodes answer with anything.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| watchkeeper::chain::write::pay_anything(data));
