//! The resolution against a clock watched minute by minute, in zones that change their clocks by an hour, by half an
//! hour, and never.

use std::time::Duration;

use jiff::Timestamp as Instant;
use jiff::civil::DateTime;
use proptest::prelude::*;

use super::*;
use crate::core::civil;

const MINUTE: Duration = Duration::from_mins(1);

fn at(text: &str) -> Timestamp {
    civil::timestamp(text.parse::<Instant>().unwrap())
}

fn user(name: &str) -> UserId {
    UserId::new(name)
}

fn layer(yaml: &str) -> Layer {
    serde_saphyr::from_str(yaml).unwrap()
}

fn over(id: &str, who: &str, from: &str, to: &str) -> Override {
    Override { id: OverrideId::new(id), user: user(who), from: at(from), to: at(to), by: None }
}

struct Desk {
    layers: Vec<Layer>,
    imported: Vec<Entry>,
    overrides: Vec<Override>,
    directory: Directory,
}

impl Desk {
    fn new(layers: &[&str]) -> Self {
        let layers = layers.iter().map(|yaml| layer(yaml)).collect();
        Self { layers, imported: Vec::new(), overrides: Vec::new(), directory: Directory::default() }
    }

    fn roster(&self) -> Roster<'_> {
        let Self { layers, imported, overrides, directory } = self;
        Roster { layers, imported, overrides, directory }
    }

    fn who(&self, when: &str) -> String {
        let duty = self.roster().at(at(when));
        duty.on_call.iter().map(UserId::as_str).collect::<Vec<_>>().join("+")
    }

    fn shifts(&self, from: &str, to: &str) -> Vec<String> {
        let shifts = self.roster().shifts(at(from), at(to)).into_iter();
        let short = |at: Timestamp| at.to_string().replace(":00.000Z", "");
        shifts.map(|shift| format!("{} {} {}", shift.people[0], short(shift.from), short(shift.to))).collect()
    }
}

#[test]
fn who_put_themselves_on_call_is_called_and_has_no_say() {
    let mut desk = Desk::new(&[WEEKLY]);
    let (noon, day) = ("2026-03-03T12:00:00Z", ("2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z"));
    for (by, say) in [(Some("UCAT"), "UANN"), (None, "UANN"), (Some("UBOB"), "UCAT")] {
        desk.overrides = vec![Override { by: by.map(user), ..over("1", "UCAT", day.0, day.1) }];
        assert_eq!(desk.who(noon), "UCAT");
        assert_eq!(desk.roster().vouched(at(noon)), [user(say)], "made by {by:?}");
    }
}

const WEEKLY: &str = "{users: [UANN, UBOB], start: 2026-03-02, hand_over: '09:00', time_zone: Europe/Berlin}";

#[test]
fn a_weekly_turn_ends_at_the_same_time_on_the_wall_clock_in_summer_and_winter() {
    let desk = Desk::new(&[WEEKLY]);
    assert_eq!(
        desk.shifts("2026-03-20T00:00:00Z", "2026-04-10T00:00:00Z"),
        [
            "UANN 2026-03-20T00:00 2026-03-23T08:00",
            "UBOB 2026-03-23T08:00 2026-03-30T07:00",
            "UANN 2026-03-30T07:00 2026-04-06T07:00",
            "UBOB 2026-04-06T07:00 2026-04-10T00:00",
        ]
    );
    assert_eq!(desk.who("2026-03-01T00:00:00Z"), "", "nobody before the start");
}

#[test]
fn a_hand_over_that_clocks_skip_happens_when_they_change() {
    let desk = Desk::new(&[
        "{users: [UANN, UBOB], start: 2026-03-28, hand_over: '02:30', shift_length: 1d, time_zone: Europe/Berlin}",
    ]);
    assert_eq!(
        desk.shifts("2026-03-28T02:00:00Z", "2026-03-30T12:00:00Z"),
        [
            "UANN 2026-03-28T02:00 2026-03-29T01:00",
            "UBOB 2026-03-29T01:00 2026-03-30T00:30",
            "UANN 2026-03-30T00:30 2026-03-30T12:00",
        ]
    );
}

#[test]
fn the_watch_follows_the_sun() {
    let part = |users: &str, zone: &str| {
        format!(
            "{{users: [{users}], start: 2026-01-05, time_zone: {zone}, restrictions: [{{start_time: '09:00', end_time: '17:00'}}]}}"
        )
    };
    let parts = [part("UBER", "Europe/Berlin"), part("UNYC", "America/New_York"), part("USYD", "Australia/Sydney")];
    let desk = Desk::new(&parts.each_ref().map(String::as_str));
    assert_eq!(
        desk.shifts("2026-07-01T07:00:00Z", "2026-07-02T07:00:00Z"),
        [
            "UBER 2026-07-01T07:00 2026-07-01T13:00",
            "UNYC 2026-07-01T13:00 2026-07-01T21:00",
            "USYD 2026-07-01T23:00 2026-07-02T07:00",
        ]
    );
    let gaps = desk.roster().gaps(at("2026-07-01T07:00:00Z"), at("2026-07-02T07:00:00Z"));
    assert_eq!(gaps, [Gap { from: at("2026-07-01T21:00:00Z"), to: at("2026-07-01T23:00:00Z") }]);
}

#[test]
fn nights_belong_to_the_day_they_begin_on() {
    let desk = Desk::new(&[
        "{users: [UANN], start: 2026-01-05, restrictions: [{weekdays: ['friday'], start_time: '22:00', end_time: '06:00'}]}",
    ]);
    // 27 November 2026 is a Friday.
    assert_eq!(desk.shifts("2026-11-26T00:00:00Z", "2026-12-01T00:00:00Z"), ["UANN 2026-11-27T22:00 2026-11-28T06:00"]);
}

#[test]
fn the_later_override_wins_and_what_it_leaves_stays() {
    let mut desk = Desk::new(&[WEEKLY]);
    desk.overrides = vec![
        over("1", "UCAT", "2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z"),
        over("2", "UDAN", "2026-03-11T00:00:00Z", "2026-03-11T12:00:00Z"),
    ];
    assert_eq!(
        desk.shifts("2026-03-09T12:00:00Z", "2026-03-13T00:00:00Z"),
        [
            "UBOB 2026-03-09T12:00 2026-03-10T00:00",
            "UCAT 2026-03-10T00:00 2026-03-11T00:00",
            "UDAN 2026-03-11T00:00 2026-03-11T12:00",
            "UCAT 2026-03-11T12:00 2026-03-12T00:00",
            "UBOB 2026-03-12T00:00 2026-03-13T00:00",
        ]
    );
    let next = desk.roster().next_hand_over(at("2026-03-11T13:00:00Z"));
    assert_eq!(next, Some((at("2026-03-12T00:00:00Z"), vec![user("UBOB")])));
    let own = desk.roster().shifts_of(&user("UCAT"), at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z"));
    assert_eq!(own.len(), 2);
}

#[test]
fn whoever_left_slack_is_passed_over_and_named() {
    let mut desk = Desk::new(&["{users: [UTOP], start: 2026-01-05}", WEEKLY]);
    desk.directory.insert(Person::Slack(user("UBOB")), Standing::Deactivated);
    desk.overrides = vec![over("1", "UBOB", "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z")];
    let duty = desk.roster().at(at("2026-03-10T00:00:00Z"));
    assert_eq!(duty.on_call, [user("UTOP")], "the layer below stands in");
    assert_eq!(duty.skipped, [Skipped { person: Person::Slack(user("UBOB")), why: Standing::Deactivated }]);
    assert_eq!(desk.who("2026-03-03T12:00:00Z"), "UANN", "an override to nobody is none");
}

#[test]
fn an_address_is_somebody_once_slack_has_said_who() {
    let mut desk = Desk::new(&["{users: [Ann@Example.com], start: 2026-01-05}"]);
    assert_eq!(desk.who("2026-03-10T00:00:00Z"), "");
    desk.directory.insert(Person::Email("ann@example.com".to_owned()), Standing::Active(user("UANN")));
    assert_eq!(desk.who("2026-03-10T00:00:00Z"), "UANN");
}

#[test]
fn imported_shifts_may_hold_together() {
    let mut desk = Desk::new(&[]);
    let entry = |who: &str, from: &str, to: &str| Entry { person: who.to_owned().into(), from: at(from), to: at(to) };
    desk.imported = vec![
        entry("UANN", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
        entry("UBOB", "2026-03-01T12:00:00Z", "2026-03-03T00:00:00Z"),
        entry("UANN", "2026-03-01T06:00:00Z", "2026-03-01T18:00:00Z"),
    ];
    assert_eq!(desk.who("2026-03-01T13:00:00Z"), "UANN+UBOB");
    desk.overrides = vec![over("1", "UCAT", "2026-03-01T13:00:00Z", "2026-03-01T14:00:00Z")];
    assert_eq!(desk.who("2026-03-01T13:00:00Z"), "UCAT", "an override stands for all of them");
}

#[test]
fn a_schedule_without_anybody_is_one_gap() {
    let (from, to) = (at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"));
    for desk in [Desk::new(&[]), Desk::new(&["{users: [], start: 2026-01-05, restrictions: [{}]}"])] {
        assert_eq!(desk.roster().gaps(from, to), [Gap { from, to }]);
        assert_eq!(desk.roster().next_hand_over(from), None);
    }
}

#[test]
fn people_are_told_apart_by_how_they_are_written() {
    let person = |text: &str| Person::from(text.to_owned());
    assert_eq!(person("U024BE7LH"), Person::Slack(user("U024BE7LH")));
    assert_eq!(person(" Ann@Example.COM"), Person::Email("ann@example.com".to_owned()));
    assert_eq!(person("Ann Lee"), Person::Name("Ann Lee".to_owned()));
    assert_eq!(person("WATCH team"), Person::Name("WATCH team".to_owned()));
}

/// Hand-overs passed, counted from the latest time that the wall clock has shown so far.
fn naive_turn(layer: &Layer, latest: DateTime) -> Option<i64> {
    let begun = layer.start.0.to_datetime(layer.hand_over.time().unwrap());
    let minutes = latest.duration_since(begun).as_secs().div_euclid(60);
    let length = i64::try_from(layer.shift_length.duration().as_secs() / 60).unwrap();
    Some(minutes.div_euclid(length)).filter(|turn| *turn >= 0)
}

fn naive_on(layer: &Layer, local: DateTime) -> bool {
    let minutes = |time: &str| -> i16 {
        let (hours, minutes) = time.split_once(':').unwrap();
        hours.parse::<i16>().unwrap() * 60 + minutes.parse::<i16>().unwrap()
    };
    let now = i16::from(local.hour()) * 60 + i16::from(local.minute());
    let day = |date: jiff::civil::Date, restriction: &Restriction| {
        restriction.weekdays.is_empty() || restriction.weekdays.iter().any(|days| days.contains(date.weekday()))
    };
    layer.restrictions.is_empty()
        || layer.restrictions.iter().any(|restriction| {
            let (start, end) =
                (minutes(&restriction.start_time.to_string()), minutes(&restriction.end_time.to_string()));
            let end = if end <= start { end + 24 * 60 } else { end };
            let days = [(0, local.date()), (24 * 60, local.date().yesterday().unwrap())];
            days.into_iter().any(|(offset, date)| day(date, restriction) && (start..end).contains(&(now + offset)))
        })
}

/// Who is on call at each of `minutes` minutes from `from` on.
fn naive(desk: &Desk, from: Timestamp, minutes: u32) -> Vec<Vec<UserId>> {
    let start = from.minus(Duration::from_hours(26));
    let mut latest: Vec<DateTime> = vec![DateTime::MIN; desk.layers.len()];
    let mut found = Vec::new();
    for minute in 0..minutes + 26 * 60 {
        let now = start.plus(MINUTE * minute);
        let mut held = Vec::new();
        for entry in desk.imported.iter().filter(|entry| entry.from <= now && now < entry.to) {
            match desk.directory.look(&entry.person) {
                Standing::Active(user) if !held.contains(&user) => held.push(user),
                _ => {}
            }
        }
        for (layer, latest) in desk.layers.iter().zip(&mut latest) {
            let local = layer.time_zone.zone().to_datetime(civil::instant(now).unwrap());
            *latest = local.max(*latest);
            let turn = naive_turn(layer, *latest).filter(|_| naive_on(layer, local) && !layer.users.is_empty());
            let person = turn.map(|turn| &layer.users[usize::try_from(turn).unwrap() % layer.users.len()]);
            if let Some(Standing::Active(user)) = person.map(|person| desk.directory.look(person)) {
                held = vec![user];
            }
        }
        for over in desk.overrides.iter().filter(|over| over.from <= now && now < over.to) {
            if let Standing::Active(user) = desk.directory.look(&Person::Slack(over.user.clone())) {
                held = vec![user];
            }
        }
        if minute >= 26 * 60 {
            found.push(held);
        }
    }
    found
}

fn layers() -> impl Strategy<Value = Layer> {
    let zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"];
    let time =
        |from: u32, to: u32| (from..to).prop_map(|quarter| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15));
    let restriction = (prop_oneof![Just(""), Just("monday:friday"), Just("saturday:sunday")], time(0, 96), time(0, 97))
        .prop_map(|(days, start, end)| {
            let days = if days.is_empty() { String::new() } else { format!("weekdays: ['{days}'], ") };
            format!("{{{days}start_time: '{start}', end_time: '{end}'}}")
        });
    (
        prop::sample::subsequence(vec!["UANN", "UBOB", "UCAT", "UGONE"], 0..4),
        prop_oneof![Just("1h"), Just("12h"), Just("1d"), Just("36h"), Just("1w")],
        (1..28_u32),
        time(0, 96),
        0..zones.len(),
        prop::collection::vec(restriction, 0..3),
    )
        .prop_map(move |(users, length, day, hand_over, zone, restrictions)| {
            layer(&format!(
                "{{users: [{}], shift_length: {length}, start: 2026-02-{day:02}, hand_over: '{hand_over}', time_zone: {}, restrictions: [{}]}}",
                users.join(", "),
                zones[zone],
                restrictions.join(", ")
            ))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn who_is_on_call_is_what_a_clock_watched_minute_by_minute_says(
        layers in prop::collection::vec(layers(), 0..3),
        overrides in prop::collection::vec((0..3_u32, 0..3000_u32, 1..2000_u32), 0..4),
        imported in prop::collection::vec((0..4_usize, 0..3500_u32, 1..2000_u32), 0..6),
        change in 0..6_usize,
        lead in 0..2500_u32,
    ) {
        // Before and after clocks change, and a plain day.
        let changes = [
            "2026-03-08T07:00:00Z", "2026-03-29T01:00:00Z", "2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z",
            "2026-10-25T01:00:00Z", "2026-11-01T06:00:00Z",
        ];
        let from = at(changes[change]).minus(MINUTE * lead);
        // Two at once, one who has left, and one whom nobody knows.
        let shifts = ["UANN", "UBOB", "UGONE", "Nobody Known"];
        let imported = imported.iter().map(|(who, start, length)| Entry {
            person: shifts[*who].to_owned().into(),
            from: from.plus(MINUTE * *start),
            to: from.plus(MINUTE * (start + length)),
        }).collect();
        let mut desk = Desk { layers, imported, overrides: Vec::new(), directory: Directory::default() };
        desk.directory.insert(Person::Slack(user("UGONE")), Standing::Deactivated);
        let people = ["UDAN", "UEVE", "UGONE"];
        desk.overrides = overrides.iter().enumerate().map(|(id, (who, start, length))| Override {
            id: OverrideId::new(id.to_string()),
            user: user(people[*who as usize]),
            from: from.plus(MINUTE * *start),
            to: from.plus(MINUTE * (start + length)),
            by: None,
        }).collect();
        let expected = naive(&desk, from, 4000);
        let to = from.plus(MINUTE * 4000);
        let mut found: Vec<Vec<UserId>> = vec![Vec::new(); 4000];
        for shift in desk.roster().shifts(from, to) {
            prop_assert!(shift.from < shift.to);
            let (begin, end) = (shift.from.since(from).as_secs() / 60, shift.to.since(from).as_secs() / 60);
            for minute in begin..end {
                found[usize::try_from(minute).unwrap()].clone_from(&shift.people);
            }
        }
        prop_assert_eq!(&found, &expected);
        let empty: u64 = desk.roster().gaps(from, to).iter().map(|gap| gap.to.since(gap.from).as_secs() / 60).sum();
        prop_assert_eq!(empty, expected.iter().filter(|held| held.is_empty()).count() as u64);
        let differs = expected.iter().position(|held| *held != expected[0]);
        let next = desk.roster().next_hand_over(from).filter(|(at, _)| *at < to);
        prop_assert_eq!(next.map(|(at, _)| at), differs.map(|minute| from.plus(MINUTE * u32::try_from(minute).unwrap())));
    }
}
