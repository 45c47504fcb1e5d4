//! The alert engine: signals and people's actions in, decisions out. Pure state: `decide` reads it, and after the store
//! has committed what was decided, `apply` takes it in.

mod alerts;
mod apply;
mod deadline;
mod decision;
mod draft;
mod explain;
mod flap;
mod inhibit;
mod input;
pub mod mute;
mod notify;
mod overlay;
mod people;
mod policy;
mod query;
mod rewind;
mod routes;

use std::collections::BTreeMap;

use apply::Index;
pub use decision::{Changes, Decision, Effect, Note, Snapshot};
use draft::Draft;
pub use explain::{AlertExplanation, Explanation, GroupExplanation, RouteTaken, Target};
pub use input::{Input, Outcome, Refusal};
pub use policy::{FlapPolicy, Policy, Problem};
pub use query::{Inhibitor, Suppression};
use routes::Routes;

use super::alert::Alert;
use super::group::Group;
use super::ids::{GroupId, Ids, SilenceId};
use super::label::{Fingerprint, Labels};
use super::signal::Signal;
use super::silence::Silence;
use super::time::Timestamp;

/// Every alert, group and silence that is not over, and the policy they live under.
#[derive(Debug)]
pub struct Engine {
    policy: Policy,
    routes: Routes,
    alerts: BTreeMap<Fingerprint, Alert>,
    groups: BTreeMap<GroupId, Group>,
    silences: BTreeMap<SilenceId, Silence>,
    next_group: u64,
    next_silence: u64,
    index: Index,
}

/// What makes alerts share an open group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey {
    receiver: String,
    route: String,
    labels: Labels,
}

impl GroupKey {
    fn of(group: &Group) -> Self {
        let Group { receiver, labels, delivery, .. } = group;
        Self { receiver: receiver.clone(), route: delivery.route.clone(), labels: labels.clone() }
    }
}

impl Engine {
    /// Goes on where the snapshot was taken: same deadlines, same behaviour.
    #[must_use]
    pub fn new(policy: Policy, snapshot: Snapshot) -> Self {
        let Snapshot { alerts, groups, silences, next_group, next_silence } = snapshot;
        let mut engine = Self {
            routes: Routes::new(&policy.root),
            policy,
            alerts: BTreeMap::new(),
            groups: BTreeMap::new(),
            silences: BTreeMap::new(),
            next_group: 0,
            next_silence: 0,
            index: Index::default(),
        };
        // Numbers are what people type: they start at 1 and never come twice, even if a counter was lost.
        let after = |numbers: Option<u64>| numbers.unwrap_or(0).saturating_add(1);
        engine.apply(&Changes {
            next_group: next_group.max(after(groups.iter().map(|group| group.number).max())),
            next_silence: next_silence.max(after(silences.iter().map(|silence| silence.number).max())),
            alerts: alerts.into_iter().map(|alert| (alert.fingerprint(), alert)).collect(),
            groups: groups.into_iter().map(|group| (group.id.clone(), group)).collect(),
            silences: silences.into_iter().map(|silence| (silence.id.clone(), silence)).collect(),
            ..Changes::default()
        });
        engine.index.latest = rewind::latest(&engine);
        engine.reindex();
        engine
    }

    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A reload. Open groups stay with their message and receiver; the new routes take what fires from now on. What the
    /// new policy lets through or keeps quiet is due at once.
    pub fn set_policy(&mut self, policy: Policy) {
        self.routes = Routes::new(&policy.root);
        self.policy = policy;
        self.reindex();
    }

    /// What follows from `inputs` at `now`, everything due by then done first. Changes nothing by itself.
    #[must_use]
    pub fn decide(&self, inputs: Vec<Input>, now: Timestamp, ids: &dyn Ids) -> Decision {
        let mut draft = Draft::new(self, now, ids);
        draft.rewind();
        draft.advance();
        let outcomes = inputs.into_iter().map(|input| draft.take(input)).collect();
        draft.settle();
        draft.finish(outcomes)
    }

    /// When to decide a [`Input::Tick`] next; before that, nothing changes by itself.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.index.deadlines.first()
    }

    /// False when deciding the signal would change nothing: the hot path then skips it.
    #[must_use]
    pub fn wants(&self, signal: &Signal) -> bool {
        !alerts::changes_nothing(self.alerts.get(&signal.labels.fingerprint()), signal)
    }
}

#[cfg(test)]
mod tests;
