use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn cron(text: &str) -> Cron {
    text.parse().unwrap()
}

fn moment(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<Instant>().unwrap().as_millisecond())
}

/// The next `count` runs after `from`, in UTC to the second.
fn runs(text: &str, from: &str, count: usize) -> Vec<String> {
    let (cron, mut at, mut runs) = (cron(text), moment(from), Vec::new());
    for _ in 0..count {
        at = cron.next_after(at).unwrap();
        runs.push(at.to_string().replace(":00.000Z", ""));
    }
    runs
}

#[test]
fn five_fields_run_at_the_minute_and_six_at_the_second() {
    assert_eq!(
        runs("*/20 9 * * *", "2026-11-29T09:05:00Z", 3),
        ["2026-11-29T09:20", "2026-11-29T09:40", "2026-11-30T09:00"]
    );
    assert_eq!(runs("30 0 9 * * *", "2026-11-29T09:00:30Z", 1), ["2026-11-30T09:00:30.000Z"]);
    assert_eq!(runs("30 0 9 * * *", "2026-11-29T09:00:29.999Z", 1), ["2026-11-29T09:00:30.000Z"]);
}

#[test]
fn days_of_the_week_are_counted_as_in_a_crontab() {
    // 29 November 2026 is a Sunday.
    for text in ["0 9 * * 1-5", "0 9 * * MON-FRI", "0 9 * * mon,tue,wednesday,4,5"] {
        let days = ["2026-11-30T09:00", "2026-12-01T09:00", "2026-12-02T09:00", "2026-12-03T09:00", "2026-12-04T09:00"];
        assert_eq!(runs(text, "2026-11-29T00:00:00Z", 5), days, "{text}");
        assert_eq!(runs(text, "2026-12-04T09:00:00Z", 1), ["2026-12-07T09:00"], "{text}");
    }
    for text in ["0 9 * * 0", "0 9 * * 7", "0 9 * * SUN"] {
        assert_eq!(runs(text, "2026-11-29T09:00:00Z", 1), ["2026-12-06T09:00"], "{text}");
    }
    assert_eq!(runs("0 9 * * SAT-SUN", "2026-11-29T00:00:00Z", 2), ["2026-11-29T09:00", "2026-12-05T09:00"]);
}

#[test]
fn of_two_restricted_days_either_is_enough() {
    assert_eq!(
        runs("0 0 13 * FRI", "2026-11-29T00:00:00Z", 3),
        ["2026-12-04T00:00", "2026-12-11T00:00", "2026-12-13T00:00"]
    );
    assert_eq!(runs("0 0 13 * *", "2026-11-29T00:00:00Z", 1), ["2026-12-13T00:00"]);
}

#[test]
fn a_time_that_does_not_exist_runs_at_the_next_that_does() {
    assert_eq!(runs("30 2 * * * Europe/Berlin", "2026-03-28T12:00:00Z", 2), ["2026-03-29T01:00", "2026-03-30T00:30"]);
    assert_eq!(
        runs("0,15,30 2 * * * Australia/Lord_Howe", "2026-10-03T15:00:00Z", 2),
        ["2026-10-03T15:30", "2026-10-04T15:00"]
    );
}

#[test]
fn a_time_that_exists_twice_runs_once() {
    assert_eq!(runs("30 2 * * * Europe/Berlin", "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30", "2026-10-26T01:30"]);
    assert_eq!(
        runs("30 1 * * * America/New_York", "2026-10-31T12:00:00Z", 2),
        ["2026-11-01T05:30", "2026-11-02T06:30"]
    );
}

#[test]
fn what_runs_every_hour_goes_on_when_the_clocks_change() {
    let hourly = |from| runs("0 * * * * Europe/Berlin", from, 4);
    assert_eq!(
        hourly("2026-10-25T00:00:00Z"),
        ["2026-10-25T01:00", "2026-10-25T02:00", "2026-10-25T03:00", "2026-10-25T04:00"]
    );
    assert_eq!(
        hourly("2026-03-28T23:00:00Z"),
        ["2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T02:00", "2026-03-29T03:00"]
    );
}

#[test]
fn a_leap_day_is_found_across_a_century() {
    assert_eq!(runs("0 0 29 2 *", "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00"]);
}

#[test]
fn what_is_not_an_expression_says_how_to_write_one() {
    let said = [
        ("", "write five fields (minute hour day month weekday)"),
        ("0 9 * *", "write five fields"),
        ("0 9 * * * * * *", "write five fields"),
        ("@daily", "write five fields"),
        ("61 * * * *", "`61` is not a cron minute; write 0 to 59"),
        ("* 24 * * *", "`24` is not a cron hour; write 0 to 23"),
        ("*/0 * * * *", "`*/0` is not a cron minute"),
        ("0 0 0 * *", "`0` is not a cron day of the month"),
        ("0 9 L * *", "`L` is not a cron day of the month"),
        ("0 0 * * 8", "`8` is not a cron day of the week; write SUN to SAT, or 0 to 7"),
        ("0 0 * * FRI-MON", "`FRI-MON` is not a cron day of the week"),
        ("0 9 * * * Europe/Berlni", "`Europe/Berlni` is not a time zone"),
        ("0 0 30 2 *", "`0 0 30 2 *` names a date that never comes"),
    ];
    for (text, says) in said {
        let error = text.parse::<Cron>().unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn it_is_written_as_it_was_read() {
    for text in ["0 9 * * MON-FRI Europe/Berlin", "*/15 * * * *", "0 0 9 * * MON", "0 9 1 JAN * UTC"] {
        let read: Cron = serde_json::from_value(serde_json::json!(format!("  {text} "))).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), text);
        assert_eq!(read, cron(text));
    }
}

const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"];

/// Minute by minute: every run in `(from, from + minutes]`.
fn naive(cron: &Cron, from: Instant, minutes: i64) -> Vec<Instant> {
    let parsed = &cron.0;
    let hourly = parsed.fields.hours().is_all();
    let matches = |local: DateTime| {
        parsed.on(local.date())
            && parsed.fields.hours().includes(ordinal(local.hour()))
            && parsed.fields.minutes().includes(ordinal(local.minute()))
    };
    let minute = |at: Instant, by: i64| at.checked_add(Span::new().minutes(by)).unwrap();
    let mut shown: BTreeSet<DateTime> = (-180..=0).map(|by| parsed.zone.to_datetime(minute(from, by))).collect();
    let mut runs = Vec::new();
    for by in 1..=minutes {
        let at = minute(from, by);
        let local = parsed.zone.to_datetime(at);
        let again = !shown.insert(local);
        let before = parsed.zone.to_datetime(minute(at, -1));
        let mut skipped = before.checked_add(Span::new().minutes(1)).unwrap();
        let mut run = matches(local) && (hourly || !again);
        while skipped < local {
            run |= matches(skipped);
            skipped = skipped.checked_add(Span::new().minutes(1)).unwrap();
        }
        if run {
            runs.push(at);
        }
    }
    runs
}

fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("*".to_owned()),
        1 => (1..=most).prop_map(|step| format!("*/{step}")),
        3 => proptest::collection::btree_set(least..=most, 1..4)
            .prop_map(|set| set.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
    ]
}

proptest! {
    #[test]
    fn runs_are_those_of_a_clock_watched_minute_by_minute(
        minute in field(0, 59), hour in field(0, 5), day in field(1, 31), weekday in field(0, 7),
        zone in 0..ZONES.len(), change in 0..4_usize, lead in 0..3000_i64,
    ) {
        let changes = ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-03-08T07:00:00Z", "2026-10-03T15:30:00Z"];
        let zone = ZONES[zone];
        let cron = cron(&format!("{minute} {hour} {day} * {weekday} {zone}"));
        let from = changes[change].parse::<Instant>().unwrap().checked_sub(Span::new().minutes(lead)).unwrap();
        let expected = naive(&cron, from, 4000);
        let end = from.checked_add(Span::new().minutes(4000)).unwrap();
        let (mut found, mut at) = (Vec::new(), from);
        while let Some(next) = cron.0.next_after(at).filter(|next| *next <= end) {
            prop_assert!(next > at);
            found.push(next);
            at = next;
        }
        prop_assert_eq!(found, expected);
    }
}
