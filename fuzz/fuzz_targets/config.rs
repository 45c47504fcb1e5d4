#![no_main]
//! A configuration file: it is one, or every mistake in it has a line.

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use watchkeeper::config;

fuzz_target!(|text: &str| {
    if let Err(problems) = config::parse(Path::new("wk.yaml"), text) {
        assert!(!problems.is_empty());
        assert!(problems.iter().all(|problem| problem.to_string().starts_with("wk.yaml")));
    }
});
