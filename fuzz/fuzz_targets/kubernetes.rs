#![no_main]
//! Objects as API servers send them.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|object: &[u8]| watchkeeper::cluster::read_anything(object));
