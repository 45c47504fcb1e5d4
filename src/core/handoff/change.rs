//! Whether the watch has changed hands since it was last looked at.

use serde::{Deserialize, Serialize};

use super::Handoff;
use crate::core::ids::UserId;
use crate::core::oncall::{Directory, Person, Roster, Standing};
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
    /// Who should have it now and cannot be reached; empty while anybody else has it.
    pub unreachable: Vec<Person>,
    pub at: Timestamp,
    /// When it changes again.
    pub until: Option<Timestamp>,
}

impl Change {
    /// Whoever came in `before` never took the watch, so whoever `kept` it until now has it still: they hand it over, and
    /// who of them comes in now need not accept it.
    #[must_use]
    pub fn instead_of(self, before: &Handoff, kept: &[UserId]) -> Self {
        let took = self.outgoing.iter().filter(|user| !before.incoming.contains(user) && !kept.contains(user));
        let holders: Vec<UserId> = kept.iter().chain(took).cloned().collect();
        if holders.is_empty() {
            // Nobody ever had it; whose shift it was knows the most.
            return self;
        }
        let outgoing = without(&holders, &self.people);
        let incoming = without(&self.incoming, &holders);
        Self { outgoing, incoming, ..self }
    }
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
    let duty = roster.at(now);
    let people = duty.on_call;
    if people == seen.people {
        return None;
    }
    let skipped = duty.skipped.into_iter().map(|skip| skip.person);
    let unreachable = if people.is_empty() { skipped.collect() } else { Vec::new() };
    let outgoing = reachable(roster.directory, &without(&seen.people, &people));
    let incoming = without(&people, &seen.people);
    let until = roster.next_hand_over(now).map(|(at, _)| at);
    Some(Change { outgoing, incoming, people, unreachable, at: begun(roster, seen.looked_at, now), until })
}

/// Whoever was deactivated in Slack can keep nothing.
#[must_use]
pub fn reachable(directory: &Directory, users: &[UserId]) -> Vec<UserId> {
    let active = |user: &&UserId| matches!(directory.look(&Person::Slack((*user).clone())), Standing::Active(_));
    users.iter().filter(active).cloned().collect()
}

fn without(all: &[UserId], others: &[UserId]) -> Vec<UserId> {
    all.iter().filter(|user| !others.contains(user)).cloned().collect()
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
            by: None,
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
        assert_eq!(left.unreachable, [Person::from("UANN".to_owned())], "a shift that somebody should have");
        let empty = World::new("{users: [], start: 2026-01-05}");
        let seen = Seen::first(&empty.roster(), now);
        assert_eq!(seen.people, users(&[]));
        assert_eq!(change(&empty.roster(), &seen, at("2027-11-24T12:00:00Z")), None);
    }

    #[test]
    fn who_should_have_it_and_is_gone_is_named_only_while_nobody_else_has_it() {
        let mut world = World::new(WEEKS);
        world.directory.insert(Person::from("UBOB".to_owned()), Standing::Deactivated);
        let seen = Seen::first(&world.roster(), at("2026-11-24T12:00:00Z"));
        let gone = change(&world.roster(), &seen, at("2026-11-30T08:00:07Z")).unwrap();
        assert_eq!((gone.at, gone.outgoing), (at("2026-11-30T08:00:00Z"), users(&["UANN"])));
        assert_eq!(gone.unreachable, [Person::from("UBOB".to_owned())]);
        world.layers.insert(0, serde_saphyr::from_str("{users: [UCAT], start: 2026-01-05}").unwrap());
        let caught = change(&world.roster(), &seen, at("2026-11-30T08:00:07Z")).unwrap();
        assert_eq!((caught.incoming, caught.unreachable), (users(&["UCAT"]), Vec::new()));
        // Office hours end: that is meant so.
        let world = World::new("{users: [UANN], start: 2026-01-05, restrictions: [{end_time: '17:00'}]}");
        let seen = Seen::first(&world.roster(), at("2026-11-24T12:00:00Z"));
        let over = change(&world.roster(), &seen, at("2026-11-24T17:00:01Z")).unwrap();
        assert_eq!((over.people, over.unreachable), (users(&[]), Vec::new()));
    }

    fn changed(outgoing: &[&str], incoming: &[&str], people: &[&str]) -> Change {
        Change {
            outgoing: users(outgoing),
            incoming: users(incoming),
            people: users(people),
            unreachable: Vec::new(),
            at: at("2026-11-24T12:00:00Z"),
            until: None,
        }
    }

    #[test]
    fn what_nobody_accepted_is_handed_on_by_whoever_keeps_it() {
        let offered = |change: Change| {
            let (id, channel) = (crate::core::ids::HandoffId::new("H"), crate::core::ids::ChannelId::new("C"));
            Handoff::offer(
                id,
                1,
                "primary",
                channel,
                change,
                &super::super::Settings::default(),
                at("2026-11-24T12:00:00Z"),
            )
        };
        let before = offered(changed(&["UANN"], &["UBOB"], &["UBOB"]));
        let kept = before.keepers().to_vec();
        let next = changed(&["UBOB"], &["UCAT"], &["UCAT"]).instead_of(&before, &kept);
        assert_eq!((next.outgoing, next.incoming), (users(&["UANN"]), users(&["UCAT"])), "Bob never took it");
        let back = changed(&["UBOB"], &["UANN"], &["UANN"]).instead_of(&before, &kept);
        assert_eq!((back.outgoing, back.incoming), (users(&[]), users(&[])), "she has it all along");
        let nobody = changed(&[], &[], &[]).instead_of(&before, &kept);
        assert_eq!(nobody.outgoing, users(&["UANN"]));
        let left = changed(&["UBOB"], &["UCAT"], &["UCAT"]).instead_of(&before, &[]);
        assert_eq!(left.outgoing, users(&["UBOB"]), "nobody had it, and he may know something");
        // Of two that had it, one was there before and has it.
        let joined = offered(changed(&[], &["UBOB"], &["UANN", "UBOB"]));
        let next = changed(&["UANN", "UBOB"], &["UCAT"], &["UCAT"]).instead_of(&joined, &[]);
        assert_eq!(next.outgoing, users(&["UANN"]));
    }
}
