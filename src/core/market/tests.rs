use proptest::prelude::*;

use super::*;

const EQUITY: &str = "America/New_York;0930-1600,0930-1600,0930-1600,0930-1600,0930-1600,C,C;\
     0101/C,0119/C,0216/C,0403/C,0525/C,0619/C,0703/C,0907/C,1126/C,1127/0930-1300,1224/0930-1300,1225/C";

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap()
}

#[test]
fn new_york_opens_at_half_past_nine_in_summer_and_in_winter() {
    let equity = schedule(EQUITY);
    for (time, open) in [
        ("2026-07-01T13:29:00Z", false),
        ("2026-07-01T13:30:00Z", true),
        ("2026-07-01T19:59:59Z", true),
        ("2026-07-01T20:00:00Z", false),
        ("2026-12-01T13:30:00Z", false),
        ("2026-12-01T14:30:00Z", true),
        ("2026-12-05T15:00:00Z", false), // Saturday
        ("2026-12-25T15:00:00Z", false), // Christmas
        ("2026-12-24T17:59:00Z", true),
        ("2026-12-24T18:00:00Z", false), // half day
    ] {
        assert_eq!(equity.is_open(at(time)), open, "{time}");
    }
}

#[test]
fn the_next_change_spans_weekends_and_holidays() {
    let equity = schedule(EQUITY);
    assert_eq!(equity.next_change(at("2026-12-24T17:00:00Z")), Some(at("2026-12-24T18:00:00Z")));
    assert_eq!(equity.next_change(at("2026-12-24T18:00:00Z")), Some(at("2026-12-28T14:30:00Z")));
    assert_eq!(schedule("UTC;O,O,O,O,O,O,O;").next_change(at("2026-01-01T00:00:00Z")), None);
    assert_eq!(schedule("UTC;C,C,C,C,C,C,C;").next_change(at("2026-01-01T00:00:00Z")), None);
}

#[test]
fn ranges_that_meet_at_midnight_are_one_session() {
    let night = schedule("UTC;2000-2400,0000-0400&2000-2400,0000-0400,C,C,C,C;");
    assert_eq!(night.next_change(at("2026-11-30T21:00:00Z")), Some(at("2026-12-01T04:00:00Z")));
}

#[test]
fn a_schedule_that_cannot_be_read_says_what_to_write() {
    let week = |day: &str| format!("UTC;{day},C,C,C,C,C,C;");
    for (text, expected) in [
        (String::new(), "time zone;seven days"),
        ("UTC".to_owned(), "time zone;seven days"),
        ("UTC;O,O,O,O,O,O,O;;".to_owned(), "time zone;seven days"),
        ("Mars/Base;O,O,O,O,O,O,O;".to_owned(), "`Mars/Base` is not a time zone"),
        ("UTC;O,O,O;".to_owned(), "this one has 3"),
        (week("0930"), "`0930` is not a day's hours"),
        (week("0930-2401"), "hhmm-hhmm"),
        (week("0960-1000"), "hhmm-hhmm"),
        (week("1600-0930"), "hhmm-hhmm"),
        (week("é930-1600"), "hhmm-hhmm"),
        ("UTC;O,O,O,O,O,O,O;1332/C".to_owned(), "`1332/C` is not a holiday"),
        ("UTC;O,O,O,O,O,O,O;0230/C".to_owned(), "is not a holiday"),
        ("UTC;O,O,O,O,O,O,O;1225".to_owned(), "is not a holiday"),
    ] {
        let error = text.parse::<Schedule>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_catalogue_that_was_read_long_ago_follows_the_changes_it_named() {
    let (close, open) = (Timestamp::from_secs(100), Timestamp::from_secs(200));
    let hours = MarketHours::Catalogue { open: true, next_open: Some(open), next_close: Some(close) };
    let states = [50, 100, 150, 200, 9999].map(|s| hours.is_open(Timestamp::from_secs(s)));
    assert_eq!(states, [true, false, false, true, true]);
    let changes = [50, 100, 150, 200].map(|s| hours.next_change(Timestamp::from_secs(s)));
    assert_eq!(changes, [Some(close), Some(open), Some(open), None]);
}

#[test]
fn hours_survive_storage() {
    let hours = MarketHours::Schedule { schedule: schedule(EQUITY) };
    let text = serde_json::to_string(&hours).unwrap();
    assert_eq!(serde_json::from_str::<MarketHours>(&text).unwrap(), hours);
}

/// Days in which clocks change, and ordinary ones, in zones that differ in how they do it (Lord Howe by 30 minutes).
fn moment() -> impl Strategy<Value = (&'static str, Timestamp)> {
    let places = [
        ("America/New_York", "2026-03-07T00:00:00Z"),
        ("America/New_York", "2026-10-31T00:00:00Z"),
        ("Europe/London", "2026-03-28T00:00:00Z"),
        ("Europe/London", "2026-10-24T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T00:00:00Z"),
        ("Asia/Tokyo", "2026-12-30T00:00:00Z"),
    ];
    (proptest::sample::select(places.to_vec()), 0i64..2880)
        .prop_map(|((zone, day), minute)| (zone, Timestamp::from_secs(at(day).as_secs() + minute * 60)))
}

fn day() -> impl Strategy<Value = String> {
    let ranges = proptest::collection::vec((0i32..24, 0i32..60, 1i32..200), 1..3).prop_map(|ranges| {
        let text = |m: i32| format!("{:02}{:02}", m / 60, m % 60);
        let range =
            |(h, m, len): (i32, i32, i32)| format!("{}-{}", text(h * 60 + m), text((h * 60 + m + len).min(1440)));
        ranges.into_iter().map(range).collect::<Vec<_>>().join("&")
    });
    prop_oneof![Just("O".to_owned()), Just("C".to_owned()), ranges.clone(), ranges]
}

/// The schedule read the slow way: this minute's wall clock against the text itself.
fn naively_open(week: &[String], zone: &str, now: Timestamp) -> bool {
    let local = instant(now).unwrap().to_zoned(TimeZone::get(zone).unwrap());
    let clock = format!("{:02}{:02}", local.hour(), local.minute());
    let day = &week[usize::try_from(local.weekday().to_monday_zero_offset()).unwrap()];
    let within = |range: &str| range.split_once('-').is_some_and(|(from, to)| *from <= *clock && *clock < *to);
    day == "O" || day.split('&').any(within)
}

proptest! {
    #[test]
    fn hours_agree_with_a_minute_by_minute_reading_when_clocks_change(
        (zone, now) in moment(), week in proptest::collection::vec(day(), 7),
    ) {
        let schedule = schedule(&format!("{zone};{};", week.join(",")));
        let open = naively_open(&week, zone, now);
        prop_assert_eq!(schedule.is_open(now), open);
        let later = |minute: i64| Timestamp::from_secs(now.as_secs() + minute * 60);
        let change = (1..3 * 1440).map(later).find(|at| naively_open(&week, zone, *at) != open);
        let found = schedule.next_change(now).filter(|at| *at < later(3 * 1440));
        prop_assert_eq!(found, change);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(UTC|Europe/Paris);[OC0-9,&-]{0,30};[0-9/OC,-]{0,20}") {
        let _ = text.parse::<Schedule>();
    }

    #[test]
    fn any_moment_has_an_answer(millis: i64) {
        let schedule = schedule(EQUITY);
        let _ = (schedule.is_open(Timestamp::from_millis(millis)), schedule.next_change(Timestamp::from_millis(millis)));
    }
}
