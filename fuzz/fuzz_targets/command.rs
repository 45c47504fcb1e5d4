#![no_main]
//! What people type after /wk: it is a command or a complaint, and a complaint is short.

use libfuzzer_sys::fuzz_target;
use watchkeeper::core::command::parse;

fuzz_target!(|typed: &str| {
    let _command_or_complaint = parse(typed);
});
