//! Who is on call: layers or imported shifts, overrides before them, people who cannot be reached left out.

use std::time::Duration;

use super::{Directory, Duty, Entry, Gap, Layer, Origin, Override, Person, Shift, Skipped, Standing};
use crate::core::ids::UserId;
use crate::core::time::Timestamp;

/// Everything that decides who has a schedule's watch.
#[derive(Clone, Copy, Debug)]
pub struct Roster<'a> {
    /// A later one comes before an earlier one.
    pub layers: &'a [Layer],
    /// Shifts made elsewhere (a calendar, PagerDuty); several may hold at once.
    pub imported: &'a [Entry],
    /// In the order in which they were made: a later one comes before an earlier one, and each before layers and imports.
    pub overrides: &'a [Override],
    pub directory: &'a Directory,
}

/// A part of time during which the answer is the same.
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    duty: Duty,
}

/// How far ahead a hand-over is looked for: less than shifts kept elsewhere are read ahead, whose end is no hand-over.
const HORIZON: Duration = Duration::from_hours(75 * 24);

impl Roster<'_> {
    #[must_use]
    pub fn at(&self, at: Timestamp) -> Duty {
        let mut skipped = Vec::new();
        let mut reach = |person: &Person| match self.directory.look(person) {
            Standing::Active(user) => Some(user),
            why @ (Standing::Deactivated | Standing::Bot | Standing::Unknown) => {
                let skip = Skipped { person: person.clone(), why };
                if !skipped.contains(&skip) {
                    skipped.push(skip);
                }
                None
            }
        };
        let holding = self.overrides.iter().rev().filter(|over| over.from <= at && at < over.to);
        for over in holding {
            if let Some(user) = reach(&Person::Slack(over.user.clone())) {
                return Duty { on_call: vec![user], origin: Some(Origin::Override(over.id.clone())), skipped };
            }
        }
        for (index, layer) in self.layers.iter().enumerate().rev() {
            if let Some(user) = layer.holder(at).and_then(&mut reach) {
                return Duty { on_call: vec![user], origin: Some(Origin::Layer(index)), skipped };
            }
        }
        let mut on_call: Vec<UserId> = Vec::new();
        for entry in self.imported.iter().filter(|entry| entry.from <= at && at < entry.to) {
            if let Some(user) = reach(&entry.person).filter(|user| !on_call.contains(user)) {
                on_call.push(user);
            }
        }
        let origin = (!on_call.is_empty()).then_some(Origin::Imported);
        Duty { on_call, origin, skipped }
    }

    /// Who is on call at `at` without having put themselves there: what gives somebody a say over actions. Whom they put
    /// aside counts, as nobody else has taken the watch from them.
    #[must_use]
    pub fn vouched(&self, at: Timestamp) -> Vec<UserId> {
        let overrides: Vec<Override> = self.overrides.iter().filter(|over| over.vouched()).cloned().collect();
        Roster { overrides: &overrides, ..*self }.at(at).on_call
    }

    /// Every shift of `[from, to)`, cut to it; nobody's time is left out.
    #[must_use]
    pub fn shifts(&self, from: Timestamp, to: Timestamp) -> Vec<Shift> {
        let stretches = self.stretches(from, to).into_iter();
        let shift =
            |Stretch { from, to, duty }: Stretch| Some(Shift { people: duty.on_call, origin: duty.origin?, from, to });
        stretches.filter_map(shift).collect()
    }

    /// When nobody is on call in `[from, to)`.
    #[must_use]
    pub fn gaps(&self, from: Timestamp, to: Timestamp) -> Vec<Gap> {
        let empty = self.stretches(from, to).into_iter().filter(|stretch| stretch.duty.on_call.is_empty());
        empty.map(|Stretch { from, to, .. }| Gap { from, to }).collect()
    }

    /// What of `[from, to)` one person has, shifts that follow one another as one.
    #[must_use]
    pub fn shifts_of(&self, user: &UserId, from: Timestamp, to: Timestamp) -> Vec<Shift> {
        let mut own: Vec<Shift> = Vec::new();
        for shift in self.shifts(from, to).into_iter().filter(|shift| shift.people.contains(user)) {
            match own.last_mut().filter(|last| last.to == shift.from) {
                Some(last) => last.to = shift.to,
                None => own.push(Shift { people: vec![user.clone()], ..shift }),
            }
        }
        own
    }

    /// The next instant after `after` at which other people are on call, and who they are then; empty when nobody is.
    #[must_use]
    pub fn next_hand_over(&self, after: Timestamp) -> Option<(Timestamp, Vec<UserId>)> {
        let now = self.at(after).on_call;
        let mut at = after;
        while let Some(edge) = self.next_edge(at).filter(|edge| edge.since(after) < HORIZON) {
            let then = self.at(edge).on_call;
            if then != now {
                return Some((edge, then));
            }
            at = edge;
        }
        None
    }

    fn stretches(&self, from: Timestamp, to: Timestamp) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut at = from;
        while at < to {
            let until = self.next_edge(at).unwrap_or(to).min(to);
            let duty = self.at(at);
            match stretches.last_mut().filter(|last| last.duty.on_call == duty.on_call) {
                Some(last) => last.to = until,
                None => stretches.push(Stretch { from: at, to: until, duty }),
            }
            at = until;
        }
        stretches
    }

    /// The next instant after `at` at which the answer may be another.
    fn next_edge(&self, at: Timestamp) -> Option<Timestamp> {
        let layers = self.layers.iter().filter_map(|layer| layer.next_edge(at));
        let overrides = self.overrides.iter().flat_map(|over| [over.from, over.to]);
        let imported = self.imported.iter().flat_map(|entry| [entry.from, entry.to]);
        layers.chain(overrides.chain(imported).filter(|edge| *edge > at)).min()
    }
}
