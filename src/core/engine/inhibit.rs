//! Which alerts keep which others quiet, indexed by rule and `equal` labels so that an outage of 500 stays cheap.
//! Source: Prometheus Alertmanager documentation, "inhibit_rule".

use std::collections::{BTreeMap, BTreeSet};

use crate::core::label::{Fingerprint, Labels, Matcher, SEVERITY};
use crate::core::route::InhibitRule;

/// A rule's place in the policy, and the values of its `equal` labels.
pub(super) type Bond = (usize, Vec<String>);

/// All known alerts, firing or not, by the bonds their labels give them: labels never change, states do.
#[derive(Debug, Default)]
pub(super) struct Inhibition {
    sources: BTreeMap<Bond, BTreeSet<Fingerprint>>,
    targets: BTreeMap<Bond, BTreeSet<Fingerprint>>,
}

pub(super) fn source_bonds<'a>(rules: &'a [InhibitRule], labels: &'a Labels) -> impl Iterator<Item = Bond> + 'a {
    bonds(rules, labels, |rule| may_match(&rule.source_matchers, labels))
}

pub(super) fn target_bonds<'a>(rules: &'a [InhibitRule], labels: &'a Labels) -> impl Iterator<Item = Bond> + 'a {
    bonds(rules, labels, |rule| may_match(&rule.target_matchers, labels))
}

/// Whatever the severity is or becomes.
fn may_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.name == SEVERITY || matcher.matches(labels))
}

fn bonds<'a>(
    rules: &'a [InhibitRule],
    labels: &'a Labels,
    on_side: impl Fn(&InhibitRule) -> bool + 'a,
) -> impl Iterator<Item = Bond> + 'a {
    rules.iter().enumerate().filter(move |(_, rule)| on_side(rule)).map(|(index, rule)| {
        // A label that is absent equals one that is empty.
        (index, rule.equal.iter().map(|name| labels.get(name).unwrap_or("").to_owned()).collect())
    })
}

impl Inhibition {
    pub fn add(&mut self, rules: &[InhibitRule], labels: &Labels) {
        let fingerprint = labels.fingerprint();
        for bond in source_bonds(rules, labels) {
            self.sources.entry(bond).or_default().insert(fingerprint);
        }
        for bond in target_bonds(rules, labels) {
            self.targets.entry(bond).or_default().insert(fingerprint);
        }
    }

    pub fn remove(&mut self, rules: &[InhibitRule], labels: &Labels) {
        let fingerprint = labels.fingerprint();
        for (side, bonds) in [
            (&mut self.sources, source_bonds(rules, labels).collect::<Vec<_>>()),
            (&mut self.targets, target_bonds(rules, labels).collect()),
        ] {
            for bond in bonds {
                let members = side.entry(bond.clone()).or_default();
                members.remove(&fingerprint);
                if members.is_empty() {
                    side.remove(&bond);
                }
            }
        }
    }

    pub fn sources(&self, bond: &Bond) -> impl Iterator<Item = Fingerprint> {
        self.sources.get(bond).into_iter().flatten().copied()
    }

    pub fn targets(&self, bond: &Bond) -> impl Iterator<Item = Fingerprint> {
        self.targets.get(bond).into_iter().flatten().copied()
    }
}
