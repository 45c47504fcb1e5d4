//! Whether the watch has changed hands since it was last looked at.

use serde::{Deserialize, Serialize};

use crate::core::ids::UserId;
use crate::core::oncall::{Person, Roster, Standing};
use crate::core::time::Timestamp;

/// Who had the watch when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub people: Vec<UserId>,
    /// When their shift began.
    pub since: Timestamp,
    pub looked_at: Timestamp,
}

/// The watch changed hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Those who no longer have it and can still be reached.
    pub outgoing: Vec<UserId>,
    /// Those who did not have it before; empty when nobody new comes in.
    pub incoming: Vec<UserId>,
    /// Everybody who has it now; empty: nobody.
    pub people: Vec<UserId>,
    pub at: Timestamp,
    /// When it changes again.
    pub until: Option<Timestamp>,
}

impl Seen {
    /// The first look: nobody hands anything over.
    #[must_use]
    pub fn first(roster: &Roster, now: Timestamp) -> Self {
        const BACK: std::time::Duration = std::time::Duration::from_hours(7 * 24);
        let since = begun(roster, now.minus(BACK), now);
        Self { people: roster.at(now).on_call, since, looked_at: now }
    }

    #[must_use]
    pub fn after(change: &Change, now: Timestamp) -> Self {
        Self { people: change.people.clone(), since: change.at, looked_at: now }
    }
}

/// `None`: the same people have it. Of several changes since the last look only the last counts.
#[must_use]
pub fn change(roster: &Roster, seen: &Seen, now: Timestamp) -> Option<Change> {
    let people = roster.at(now).on_call;
    if people == seen.people {
        return None;
    }
    let reachable =
        |user: &&UserId| matches!(roster.directory.look(&Person::Slack((*user).clone())), Standing::Active(_));
    let without = |all: &[UserId], others: &[UserId]| -> Vec<UserId> {
        all.iter().filter(|user| !others.contains(user)).cloned().collect()
    };
    let outgoing = without(&seen.people, &people).iter().filter(reachable).cloned().collect();
    let incoming = without(&people, &seen.people);
    let until = roster.next_hand_over(now).map(|(at, _)| at);
    Some(Change { outgoing, incoming, people, at: begun(roster, seen.looked_at, now), until })
}

/// When what holds at `now` began, looking back to `from`.
fn begun(roster: &Roster, from: Timestamp, now: Timestamp) -> Timestamp {
    let from = from.min(now);
    let next = now.plus(std::time::Duration::from_millis(1));
    let shifts = roster.shifts(from, next).into_iter().map(|shift| (shift.from, shift.to));
    let gaps = roster.gaps(from, next).into_iter().map(|gap| (gap.from, gap.to));
    shifts.chain(gaps).find(|(_, to)| *to == next).map_or(now, |(from, _)| from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::OverrideId;
    use crate::core::oncall::{Directory, Layer, Override};

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn users(names: &[&str]) -> Vec<UserId> {
        names.iter().map(|name| UserId::new(*name)).collect()
    }

    struct World {
        layers: Vec<Layer>,
        overrides: Vec<Override>,
        directory: Directory,
    }

    impl World {
        fn new(layer: &str) -> Self {
            let layers = vec![serde_saphyr::from_str(layer).unwrap()];
            Self { layers, overrides: Vec::new(), directory: Directory::default() }
        }

        fn roster(&self) -> Roster<'_> {
            let Self { layers, overrides, directory } = self;
            Roster { layers, imported: &[], overrides, directory }
        }
    }

    const WEEKS: &str = "{users: [UANN, UBOB], start: 2026-01-05, time_zone: Europe/Berlin}";

    #[test]
    fn the_same_people_are_no_change_and_the_next_ones_are_one_at_the_hand_over() {
        let world = World::new(WEEKS);
        let seen = Seen::first(&world.roster(), at("2026-11-24T12:00:00Z"));
        assert_eq!((seen.people.clone(), seen.since), (users(&["UANN"]), at("2026-11-23T08:00:00Z")));
        assert_eq!(change(&world.roster(), &seen, at("2026-11-30T07:59:59Z")), None);
        let change = change(&world.roster(), &seen, at("2026-11-30T08:00:07Z")).unwrap();
        assert_eq!((change.at, change.until), (at("2026-11-30T08:00:00Z"), Some(at("2026-12-07T08:00:00Z"))));
        assert_eq!((change.outgoing, change.incoming), (users(&["UANN"]), users(&["UBOB"])));
    }

    #[test]
    fn the_hand_over_is_at_the_same_wall_clock_time_on_both_sides_of_a_clock_change() {
        for (zone, before, after) in [
            ("Europe/Berlin", "2026-10-19T07:00:00Z", "2026-10-26T08:00:00Z"),
            ("America/New_York", "2026-10-26T13:00:00Z", "2026-11-02T14:00:00Z"),
            ("Australia/Lord_Howe", "2026-09-27T22:30:00Z", "2026-10-04T22:00:00Z"),
        ] {
            let world = World::new(&format!("{{users: [UANN, UBOB], start: 2026-01-05, time_zone: {zone}}}"));
            let seen = Seen::first(&world.roster(), at(before));
            assert_eq!(seen.since, at(before), "{zone}");
            let change = change(&world.roster(), &seen, at(after)).unwrap();
            assert_eq!(change.at, at(after), "{zone}");
        }
    }

    #[test]
    fn of_overlapping_overrides_the_one_that_holds_now_is_the_change() {
        let mut world = World::new(WEEKS);
        let seen = Seen::first(&world.roster(), at("2026-11-24T12:00:00Z"));
        let over = |id: &str, who: &str, from: &str, to: &str| Override {
            id: OverrideId::new(id),
            user: UserId::new(who),
            from: at(from),
            to: at(to),
        };
        world.overrides.push(over("1", "UCAT", "2026-11-24T13:00:00Z", "2026-11-24T18:00:00Z"));
        world.overrides.push(over("2", "UDAN", "2026-11-24T14:00:00Z", "2026-11-24T15:00:00Z"));
        let first = change(&world.roster(), &seen, at("2026-11-24T13:00:01Z")).unwrap();
        assert_eq!((&first.incoming, first.until), (&users(&["UCAT"]), Some(at("2026-11-24T14:00:00Z"))));
        // Away for both beginnings: only what holds now is handed over.
        let late = change(&world.roster(), &seen, at("2026-11-24T14:30:00Z")).unwrap();
        assert_eq!((late.at, late.incoming), (at("2026-11-24T14:00:00Z"), users(&["UDAN"])));
        let seen = Seen::after(&first, at("2026-11-24T13:00:01Z"));
        assert_eq!(change(&world.roster(), &seen, at("2026-11-24T15:30:00Z")), None, "back with the first");
    }

    #[test]
    fn whoever_has_left_slack_hands_nothing_over_and_an_empty_schedule_never_changes_hands() {
        let mut world = World::new(WEEKS);
        let now = at("2026-11-24T12:00:00Z");
        let seen = Seen::first(&world.roster(), now);
        world.directory.insert(Person::from("UANN".to_owned()), Standing::Deactivated);
        let left = change(&world.roster(), &seen, now.plus(std::time::Duration::from_mins(5))).unwrap();
        assert_eq!((left.outgoing, left.incoming, left.people), (users(&[]), users(&[]), users(&[])));
        let empty = World::new("{users: [], start: 2026-01-05}");
        let seen = Seen::first(&empty.roster(), now);
        assert_eq!(seen.people, users(&[]));
        assert_eq!(change(&empty.roster(), &seen, at("2027-11-24T12:00:00Z")), None);
    }
}
