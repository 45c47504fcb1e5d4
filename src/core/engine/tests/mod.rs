//! Claims about the engine, each on a small world: an engine, the store that commits for it, and a clock that is moved.

mod alerts;
mod groups;
mod model;
mod people;
mod quiet;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::core::group::Attention;
use crate::core::ids::{Actor, UserId};
use crate::core::label::{ALERTNAME, Matcher};
use crate::core::route::{InhibitRule, Route};
use crate::core::severity::Severity;
use crate::core::signal::{Condition, Evidence};
use crate::core::time::Span;

struct Counter(AtomicU64);

impl Ids for Counter {
    fn next(&self, _: Timestamp) -> String {
        format!("id{:06}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// An engine together with what its store has committed.
struct World {
    engine: Engine,
    stored: Changes,
    now: Timestamp,
    ids: Counter,
    outcomes: Vec<Result<Outcome, Refusal>>,
    records: Vec<String>,
}

/// Seconds at which every world starts; a Monday, 08:00 UTC.
const START: i64 = 1_795_996_800 + 8 * 3600;

impl World {
    fn new(policy: Policy) -> Self {
        assert_eq!(policy.validate(), []);
        Self {
            engine: Engine::new(policy, Snapshot::default()),
            stored: Changes::default(),
            now: Timestamp::from_secs(START),
            ids: Counter(AtomicU64::new(0)),
            outcomes: Vec::new(),
            records: Vec::new(),
        }
    }

    fn decide(&mut self, inputs: Vec<Input>) -> Vec<Effect> {
        let decision = self.engine.decide(inputs, self.now, &self.ids);
        self.commit(&decision.changes);
        if !decision.changes.is_empty() {
            self.engine.apply(&decision.changes);
        }
        assert!(self.engine.next_deadline().is_none_or(|at| at > self.now), "something due was left undone");
        let unsettled: Vec<_> = self.engine.groups.values().filter(|group| !self.engine.settled(group)).collect();
        assert!(unsettled.is_empty(), "{unsettled:?}");
        assert!(rewind::latest(&self.engine) <= self.now, "something lies in the future");
        self.outcomes = decision.outcomes;
        self.records.extend(decision.records.iter().map(|r| format!("{} {} by {}", r.action, r.subject, r.actor)));
        decision.effects
    }

    /// What a store does with the changes.
    fn commit(&mut self, changes: &Changes) {
        let Changes { alerts, removed_alerts, groups, removed_groups, silences, removed_silences, .. } =
            changes.clone();
        self.stored.alerts.extend(alerts);
        self.stored.groups.extend(groups);
        self.stored.silences.extend(silences);
        self.stored.alerts.retain(|f, _| !removed_alerts.contains(f));
        self.stored.groups.retain(|id, _| !removed_groups.contains(id));
        self.stored.silences.retain(|id, _| !removed_silences.contains(id));
        (self.stored.next_group, self.stored.next_silence) = (changes.next_group, changes.next_silence);
    }

    /// The engine as it comes up again from the store, everything through JSON and back.
    fn restarted(&self) -> Engine {
        fn json<T: serde::Serialize + serde::de::DeserializeOwned>(values: &BTreeMap<impl Ord, T>) -> Vec<T> {
            values.values().map(|v| serde_json::from_str(&serde_json::to_string(v).unwrap()).unwrap()).collect()
        }
        let Changes { alerts, groups, silences, next_group, next_silence, .. } = &self.stored;
        let (next_group, next_silence) = (*next_group, *next_silence);
        let snapshot =
            Snapshot { alerts: json(alerts), groups: json(groups), silences: json(silences), next_group, next_silence };
        Engine::new(self.engine.policy.clone(), snapshot)
    }

    /// Lets time pass, ticking at every deadline as the app does.
    fn pass(&mut self, secs: u64) -> Vec<Effect> {
        let end = self.now.plus(std::time::Duration::from_secs(secs));
        let mut effects = Vec::new();
        while let Some(at) = self.engine.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            effects.extend(self.decide(vec![Input::Tick]));
        }
        self.now = end;
        effects
    }

    fn signal(&mut self, signal: Signal) -> Vec<Effect> {
        self.decide(vec![Input::Signal(signal)])
    }

    fn silence(&mut self, matcher: &str, secs: u64) -> Vec<Effect> {
        let ends_at = self.now.plus(std::time::Duration::from_secs(secs));
        let matchers = vec![matcher.parse().unwrap()];
        let comment = "deploying".to_owned();
        self.decide(vec![Input::Silence { matchers, starts_at: None, ends_at, by: ada(), comment }])
    }

    fn acknowledge(&mut self) -> Vec<Effect> {
        let group = self.group().id.clone();
        self.decide(vec![Input::Acknowledge { group, by: ada(), comment: String::new() }])
    }

    /// The one open group.
    fn group(&self) -> &Group {
        let mut open = self.engine.open_groups();
        let group = open.next().unwrap();
        assert!(open.next().is_none(), "more than one group is open");
        group
    }
}

fn ada() -> Actor {
    Actor::Person { user: UserId::new("UADA"), team: None }
}

fn stale(symbol: &str) -> Labels {
    Labels::default().with(ALERTNAME, "FeedStale").with("symbol", symbol)
}

/// Fires and resolves at once.
fn on(labels: Labels, severity: Severity) -> Signal {
    let condition = Condition::Active(Evidence { summary: "no update".to_owned(), ..Evidence::default() });
    Signal { labels, severity, condition, pending_for: Span::default(), keep_firing_for: Span::default() }
}

fn off(labels: Labels) -> Signal {
    Signal { condition: Condition::Inactive, ..on(labels, Severity::Warning) }
}

fn sol() -> Signal {
    on(stale("SOL"), Severity::Warning)
}

fn btc() -> Signal {
    on(stale("BTC"), Severity::Warning)
}

/// Effects as short lines: `New #1`, `Joined 2 #1`.
fn said(world: &World, effects: &[Effect]) -> Vec<String> {
    let number = |id: &GroupId| world.engine.group(id).map_or(0, |group| group.number);
    let line = |effect: &Effect| match effect {
        Effect::Show { group, attention, .. } => format!("{attention:?} #{}", number(group)),
        Effect::Note { group, note } => {
            let text = match note {
                Note::Opened { members } => format!("opened {members}"),
                Note::Joined { members } => format!("joined {members}"),
                Note::Left { members } => format!("left {members}"),
                Note::Worse { severity, unacknowledged } => {
                    format!("{severity}{}", if unacknowledged.is_some() { ", unacknowledged" } else { "" })
                }
                Note::Repeated { firing_for } => format!("repeated after {firing_for}"),
                Note::Acknowledged { by, .. } => format!("acknowledged by {by}"),
                Note::Unacknowledged { by } => format!("unacknowledged by {by}"),
                Note::Silenced { number, .. } => format!("silenced by {number}"),
                Note::Unsilenced { number, by, .. } => {
                    format!("silence {number} {}", if by.is_some() { "removed" } else { "over" })
                }
                Note::Flapping { .. } => "flapping".to_owned(),
                Note::Steady { .. } => "steady".to_owned(),
                Note::Resolved { duration } => format!("resolved after {duration}"),
            };
            format!("{text} #{}", number(group))
        }
        Effect::SilenceEnding { silence } => {
            format!("silence {} ends soon", world.engine.silence(silence).map_or(0, |silence| silence.number))
        }
    };
    effects.iter().map(line).collect()
}

/// Runs effects through [`said`] and compares.
macro_rules! says {
    ($world:expr, $effects:expr, $expected:expr) => {{
        let effects = $effects;
        let expected: Vec<String> = $expected.map(|line: &str| line.to_owned()).into();
        assert_eq!(crate::core::engine::tests::said(&$world, &effects), expected);
    }};
}
pub(crate) use says;
