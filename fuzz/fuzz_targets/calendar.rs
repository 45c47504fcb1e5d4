#![no_main]
//! A calendar: shifts and plans come in order, and touch what was asked for.

use libfuzzer_sys::fuzz_target;
use watchkeeper::core::time::Timestamp;
use watchkeeper::oncall::ical;

fuzz_target!(|text: &str| {
    let (from, to) = (Timestamp::from_secs(1_795_000_000), Timestamp::from_secs(1_797_600_000));
    if let Ok(read) = ical::read(text, from, to) {
        assert!(read.entries.iter().all(|entry| entry.from <= entry.to && entry.to >= from && entry.from <= to));
    }
    let _plans_or_complaint = ical::planned(text, from, to);
});
