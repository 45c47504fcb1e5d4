#![no_main]
//! A text frame of Socket Mode.

use libfuzzer_sys::fuzz_target;
use watchkeeper::slack::inbound::{Frame, parse_frame};

fuzz_target!(|frame: &str| {
    if let Frame::Envelope(envelope) = parse_frame(frame) {
        assert!(!envelope.delivery.key.is_empty());
    }
});
