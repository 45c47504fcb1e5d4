use proptest::prelude::*;

use super::*;
use crate::core::time::Timestamp;

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

/// Shifts as `person from to`, in UTC to the minute.
fn shifts(text: &str, from: &str, to: &str) -> Vec<String> {
    let read = read(text, at(from), at(to)).unwrap();
    let short = |at: Timestamp| at.to_string().replace(":00.000Z", "");
    read.entries.iter().map(|entry| format!("{} {} {}", entry.person, short(entry.from), short(entry.to))).collect()
}

fn event(lines: &str) -> String {
    format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:ann@example.com\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n")
}

#[test]
fn google_recurs_on_the_wall_clock_with_exceptions_and_moved_shifts() {
    let text = include_str!("fixtures/google.ics");
    assert_eq!(
        shifts(text, "2026-03-01T00:00:00Z", "2026-06-01T00:00:00Z"),
        [
            "ann@example.com 2026-03-02T08:00 2026-03-09T08:00",
            "ann@example.com 2026-03-16T08:00 2026-03-23T08:00",
            "Cat Doe 2026-03-24T23:00 2026-03-26T23:00",
            "bob@example.com 2026-04-14T10:00 2026-04-21T10:00",
            "ann@example.com 2026-04-27T07:00 2026-05-04T07:00",
        ]
    );
}

#[test]
fn pagerduty_names_people_by_address_or_in_the_summary() {
    let text = include_str!("fixtures/pagerduty.ics");
    assert_eq!(
        shifts(text, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        ["ann@example.com 2026-03-07T14:00 2026-03-08T13:00", "Bob Roe 2026-03-08T13:00 2026-03-09T13:00"]
    );
}

#[test]
fn opsgenie_gives_durations_and_names_of_windows_zones_are_known() {
    let text = include_str!("fixtures/opsgenie.ics");
    // Sydney puts its clocks back in this night: twelve hours of the wall clock are thirteen.
    assert_eq!(
        shifts(text, "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"),
        ["ann@example.com 2026-04-04T11:00 2026-04-05T00:00", "Bob Roe 2026-04-05T00:00 2026-04-05T12:00"]
    );
}

#[test]
fn grafana_writes_levels_and_added_dates() {
    let text = include_str!("fixtures/grafana.ics");
    assert_eq!(
        shifts(text, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        [
            "ann 2026-03-01T00:00 2026-03-01T12:00",
            "bob@example.com 2026-03-01T12:00 2026-03-02T00:00",
            "ann 2026-03-02T00:00 2026-03-02T12:00",
            "ann 2026-03-03T00:00 2026-03-03T12:00",
            "bob@example.com 2026-03-05T12:00 2026-03-06T00:00",
            "bob@example.com 2026-03-06T12:00 2026-03-07T00:00",
        ]
    );
}

#[test]
fn outlook_describes_its_zones_and_a_daily_shift_keeps_its_wall_clock_when_clocks_change() {
    let text = include_str!("fixtures/outlook.ics");
    assert_eq!(
        shifts(text, "2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z"),
        [
            "ann@example.com 2026-03-27T01:30 2026-03-27T09:30",
            "ann@example.com 2026-03-28T01:30 2026-03-28T09:30",
            // There is no 2:30 in this night.
            "ann@example.com 2026-03-29T01:00 2026-03-29T08:30",
            "ann@example.com 2026-03-30T00:30 2026-03-30T08:30",
            "bob@example.com 2026-03-31T05:30 2026-03-31T13:30",
        ]
    );
    let read = read(text, at("2026-03-01T00:00:00Z"), at("2026-05-01T00:00:00Z")).unwrap();
    assert_eq!(read.skipped, Vec::<String>::new());
}

#[test]
fn a_zone_that_only_the_calendar_knows_has_its_offset_or_the_name_that_it_is_told_by() {
    let with = |zone: &str| {
        format!(
            "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Ours\n{zone}\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:1\nSUMMARY:ann@example.com\n\
             DTSTART;TZID=Ours:20260701T090000\nDTEND;TZID=Ours:20260701T170000\nEND:VEVENT\nEND:VCALENDAR\n"
        )
    };
    let standard = "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:-0330\nTZOFFSETTO:-0330\nEND:STANDARD";
    for (zone, expected) in [
        (standard.to_owned(), "ann@example.com 2026-07-01T12:30 2026-07-01T20:30"),
        (format!("X-LIC-LOCATION:Asia/Tokyo\n{standard}"), "ann@example.com 2026-07-01T00:00 2026-07-01T08:00"),
    ] {
        assert_eq!(shifts(&with(&zone), "2026-06-01T00:00:00Z", "2026-08-01T00:00:00Z"), [expected]);
    }
}

#[test]
fn apple_changes_an_instance_or_all_from_one_on_and_leaves_out_whole_days() {
    let text = include_str!("fixtures/apple.ics");
    assert_eq!(
        shifts(text, "2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z"),
        [
            "ann@example.com 2026-03-02T08:00 2026-03-02T16:00",
            "ann@example.com 2026-03-16T08:00 2026-03-16T16:00",
            "bob@example.com 2026-03-23T10:00 2026-03-23T18:00",
            "bob@example.com 2026-03-30T09:00 2026-03-30T17:00",
            "cat@example.com 2026-04-06T10:00 2026-04-06T11:00",
        ]
    );
}

#[test]
fn rules_that_count_from_the_end_and_days_that_are_not_every_year_are_read() {
    for (start, rule, expected) in [
        ("20260130", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "01-30 02-27 03-31 04-30 05-29"),
        ("20260130", "FREQ=MONTHLY;BYDAY=-1FR", "01-30 02-27 03-27 04-24 05-29"),
        ("20260131", "FREQ=MONTHLY;BYMONTHDAY=-1", "01-31 02-28 03-31 04-30 05-31"),
        ("20240229", "FREQ=YEARLY", "02-29 02-29"),
    ] {
        let text = event(&format!("DTSTART:{start}T090000Z\nDTEND:{start}T170000Z\nRRULE:{rule}"));
        let (from, to) =
            if rule == "FREQ=YEARLY" { ("2024-01-01", "2030-01-01") } else { ("2026-01-01", "2026-06-01") };
        let found = shifts(&text, &format!("{from}T00:00:00Z"), &format!("{to}T00:00:00Z"));
        let days: Vec<_> = found.iter().filter_map(|shift| shift.split(' ').nth(1)?.get(5..10)).collect();
        assert_eq!(days.join(" "), expected, "{rule}");
    }
}

#[test]
fn what_cannot_be_read_is_named_and_hides_nothing_else() {
    let text = include_str!("fixtures/broken.ics");
    let read = read(text, at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z")).unwrap();
    let people: Vec<_> = read.entries.iter().map(|entry| entry.person.to_string()).collect();
    assert_eq!(people, ["ann@example.com", "bob@example.com"]);
    let skipped = read.skipped.join("\n");
    for said in [
        "No end: it has no end",
        "Bad rule: its RRULE cannot be used",
        "Bad start: its DTSTART",
        "`Nowhere/Land` is not known",
    ] {
        assert!(skipped.contains(said), "{said} is missing in {skipped}");
    }
}

#[test]
fn a_rule_that_is_not_ascii_is_refused() {
    // Found by fuzzing: the last two bytes of the day are not a character.
    let text = event("DTSTART:20260301T000000Z\nDTEND:20260302T000000Z\nRRULE:FREQ=WEEKLY;BYDAY=MOԨE");
    let read = read(&text, at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z")).unwrap();
    assert!(read.skipped.join("\n").contains("its RRULE cannot be read"), "{:?}", read.skipped);
}

#[test]
fn what_is_no_calendar_is_refused() {
    for text in ["", "<html>Sign in</html>", "BEGIN:VEVENT\nEND:VEVENT"] {
        assert!(read(text, at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z")).is_err(), "{text}");
    }
}

#[test]
fn only_what_touches_the_range_is_given() {
    let text = event("DTSTART:20260301T000000Z\nDTEND:20260302T000000Z\nRRULE:FREQ=DAILY");
    assert_eq!(
        shifts(&text, "2026-05-01T12:00:00Z", "2026-05-02T12:00:00Z"),
        ["ann@example.com 2026-05-01T00:00 2026-05-02T00:00", "ann@example.com 2026-05-02T00:00 2026-05-03T00:00"]
    );
}

#[test]
fn an_end_of_recurrence_may_be_a_date_or_a_time_without_a_zone() {
    for until in ["20260303", "20260303T100000", "20260303T090000Z"] {
        let text = event(&format!(
            "DTSTART;TZID=Europe/Berlin:20260301T100000\nDTEND;TZID=Europe/Berlin:20260301T110000\nRRULE:FREQ=DAILY;UNTIL={until}"
        ));
        assert_eq!(shifts(&text, "2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z").len(), 3, "{until}");
    }
}

#[test]
fn a_rule_that_never_ends_and_never_fits_is_given_up() {
    for (rule, why) in
        [("FREQ=SECONDLY", "recurs more than"), ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes again")]
    {
        let text = event(&format!("DTSTART:20000101T000000Z\nDTEND:20000101T000100Z\nRRULE:{rule}"));
        let read = read(&text, at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z")).unwrap();
        assert_eq!(read.entries, []);
        assert!(read.skipped.concat().contains(why), "{rule}: {:?}", read.skipped);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_at_all_is_answered(text in "(BEGIN:VEVENT\n|END:VEVENT\n|DTSTART:|RRULE:FREQ=|;|=|20260301T000000Z|\\PC|\n){0,60}") {
        let text = format!("BEGIN:VCALENDAR\n{text}");
        let _ = read(&text, at("2026-03-01T00:00:00Z"), at("2026-03-08T00:00:00Z"));
    }
}
