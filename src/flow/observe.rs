//! What sources say, and what time alone brings about: observations become signals, signals become decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::core::alert::{Alert, AlertState};
use crate::core::engine::{Engine, Input};
use crate::core::feed::{Feed, Observation, SourceStatus};
use crate::core::label::Fingerprint;
use crate::core::signal::{Condition, Signal};
use crate::core::time::Timestamp;
use crate::store::signals::{Decided, Posted};

use super::divide::views::About;
use super::step::StepError;
use super::{Extra, Flow};

/// Verdicts that are not committed yet: the newest of each alert. An end is said once only, so a database that was away
/// for a moment must not make it forgotten.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    pub(super) verdicts: BTreeMap<Fingerprint, Verdict>,
    /// When fresh evidence was last committed for its own sake.
    refreshed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) signal: Signal,
    /// Of one that came through the mailbox.
    pub(super) revision: Option<String>,
}

/// Alerts that go on bring fresh evidence all the time. It is committed for all of them together, this often; what
/// changes an alert's state is committed at once.
pub(super) const REFRESH: Duration = Duration::from_secs(1);

impl Unsaid {
    pub(super) fn hear(&mut self, signals: Vec<Signal>) {
        let verdict = |signal: Signal| (signal.labels.fingerprint(), Verdict { signal, revision: None });
        self.verdicts.extend(signals.into_iter().map(verdict));
    }

    /// Hears what other replicas found. What was found here and is not on record yet is newer: who watches it is this one.
    fn hear_posted(&mut self, posted: &[Posted]) {
        for Posted { fingerprint, revision, signal } in posted {
            if self.verdicts.get(fingerprint).is_none_or(|known| known.revision.is_some()) {
                let verdict = Verdict { signal: signal.clone(), revision: Some(revision.clone()) };
                self.verdicts.insert(*fingerprint, verdict);
            }
        }
    }

    /// It is on record; a newer one that was heard meanwhile is not.
    pub(super) fn said(&mut self, fingerprint: Fingerprint, signal: &Signal, revision: Option<&str>) {
        let known = self.verdicts.get(&fingerprint);
        if known.is_some_and(|known| known.signal == *signal && known.revision.as_deref() == revision) {
            self.verdicts.remove(&fingerprint);
        }
    }

    /// Leaves what would change nothing.
    fn forget_unwanted(&mut self, engine: &Engine) {
        self.verdicts.retain(|_, verdict| engine.wants(&verdict.signal));
    }

    /// What is to be decided now.
    fn due(&mut self, engine: &Engine, now: Timestamp) -> Vec<Verdict> {
        // A clock that went back must not hold evidence up.
        let refresh = self.refreshed_at.is_none_or(|at| now < at || now.since(at) >= REFRESH);
        let mut refreshed = false;
        let due = self.verdicts.iter().filter(|(fingerprint, verdict)| {
            let evidence = engine.alert(**fingerprint).is_some_and(|alert| only_evidence(alert, &verdict.signal));
            refreshed |= evidence && refresh;
            refresh || !evidence
        });
        let due = due.map(|(_, verdict)| verdict.clone()).collect();
        if refreshed {
            self.refreshed_at = Some(now);
        }
        due
    }
}

/// The alert goes on as it was, with other words for it.
fn only_evidence(alert: &Alert, signal: &Signal) -> bool {
    let goes_on = match alert.state {
        AlertState::Pending { .. } | AlertState::Firing { clearing_since: None, .. } => true,
        AlertState::Firing { clearing_since: Some(_), .. } | AlertState::Resolved { .. } => false,
    };
    goes_on
        && matches!(signal.condition, Condition::Active(_))
        && alert.severity == signal.severity
        && alert.pending_for == signal.pending_for
        && alert.keep_firing_for == signal.keep_firing_for
}

/// Verdicts are found and judged in turn.
pub(super) type Judging<'a> = tokio::sync::MutexGuard<'a, ()>;

impl Flow {
    /// Takes observations in, in order, and commits what follows from them.
    pub async fn observe(&self, observations: &[Observation]) {
        let judging = self.judging.lock().await;
        let now = self.now();
        let signals: Vec<Signal> = {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            let take = |observation: &Observation| match self.own_part(observation) {
                Some((source, feeds)) => watch.catalogue_part(source, &feeds, now),
                None => watch.handle(observation, now),
            };
            observations.iter().flat_map(take).collect()
        };
        for observation in observations {
            if let Observation::Source { source, status } = observation {
                self.metrics.source(source, matches!(status, SourceStatus::Up { .. }));
            }
        }
        self.metrics.observed(observations.len() as u64, signals.len() as u64);
        self.judge(&judging, signals, false, false).await;
    }

    /// Of a catalogue, what is this replica's to watch. `None`: all of the observation is, or it is not a catalogue.
    fn own_part<'a>(&self, observation: &'a Observation) -> Option<(&'a str, Vec<Feed>)> {
        let shards = self.divides()?;
        let Observation::Catalogue { source, feeds } = observation else { return None };
        let now = self.now();
        let own = |feed: &&Feed| shards.of_feed(&feed.id).is_some_and(|shard| self.division.holds(&shard, now));
        // One without any feed is no answer, and is said to be none.
        (!feeds.is_empty()).then(|| (source.as_str(), feeds.iter().filter(own).cloned().collect()))
    }

    /// Once a second: staleness, markets that open and close, apps, and every deadline of the engine.
    pub async fn tick(&self) {
        self.lapse();
        self.forget_views();
        self.hear_missed().await;
        if self.next_step().is_some_and(|at| at <= self.now()) {
            self.recall_watch().await;
            self.look_up_targets(None).await;
        }
        self.look_where_posted().await;
        let judging = self.judging.lock().await;
        let now = self.now();
        let mut signals = self.watch.lock().unwrap_or_else(PoisonError::into_inner).tick(now);
        signals.extend(self.apps.lock().unwrap_or_else(PoisonError::into_inner).tick(now));
        let due = self.next_deadline().is_some_and(|deadline| deadline <= now);
        self.judge(&judging, signals, due, true).await;
    }

    /// A message offers what can be done about a workload, so its cluster is looked at before the decision, wherever it is watched.
    async fn look_where_posted(&self) {
        const LATELY: Duration = Duration::from_secs(30);
        if self.divides().is_none() || self.lease().is_none() || !self.settings().actions.enabled {
            return;
        }
        let posted = self.mail().await;
        let active = posted.iter().filter(|posted| posted.signal.condition != Condition::Inactive);
        let clusters: BTreeSet<&str> = active.filter_map(|posted| posted.signal.labels.get("cluster")).collect();
        self.consult_within(About::Named(&clusters), LATELY).await;
    }

    /// Takes in what rules outside the feeds found; a signal that could not be committed is kept for the next try.
    pub async fn signals(&self, signals: Vec<Signal>) {
        let judging = self.judging.lock().await;
        self.judge(&judging, signals, false, false).await;
    }

    /// `mail`: what other replicas found is to be decided as well.
    pub(super) async fn judge(&self, _in_turn: &Judging<'_>, mut signals: Vec<Signal>, due: bool, mail: bool) {
        let divided = self.divides().is_some();
        let _no_shard_goes_meanwhile = if divided {
            if signals.is_empty() && !due && !mail {
                return;
            }
            let turn = self.division.saying().await;
            let now = self.now();
            signals.retain(|signal| self.judges(&signal.labels, now));
            Some(turn)
        } else {
            None
        };
        if self.lease().is_none() {
            if divided {
                self.post_verdicts(signals).await;
                return;
            }
            // The replica that holds the lease watches the same feeds. Ends are kept for the day the lease comes here.
            let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
            unsaid.hear(signals);
            unsaid.verdicts.retain(|_, verdict| verdict.signal.condition == Condition::Inactive);
            return;
        }
        let posted = if divided && mail { self.mail().await } else { Vec::new() };
        let (heard, mut decided) = self.hear(signals, &posted);
        if divided {
            decided.extend(heard.iter().map(decision_of));
        }
        let inputs = match (heard.is_empty(), due) {
            (true, false) if decided.is_empty() => return,
            (true, _) => vec![Input::Tick],
            (false, _) => heard.iter().map(|verdict| Input::Signal(verdict.signal.clone())).collect(),
        };
        match self.step(inputs, |_| Extra { decided, ..Extra::default() }).await {
            Ok(_) => {
                for verdict in &heard {
                    self.on_record(verdict);
                }
            }
            Err(StepError::NotLeader) => self.lose_lease(),
            Err(StepError::AlreadyDone) => {}
            Err(StepError::Store(error)) if error.retryable() || heard.is_empty() => {
                tracing::error!(error = %error, "could not commit what the rules found; keeping it for the next try");
            }
            Err(StepError::Store(error)) => {
                tracing::error!(error = %error, "the database refuses one of several verdicts; trying each alone");
                self.judge_each(heard).await;
            }
        }
    }

    /// One verdict that the database refuses must not keep back all others.
    async fn judge_each(&self, heard: Vec<Verdict>) {
        for verdict in heard {
            let decided = if self.divides().is_some() { vec![decision_of(&verdict)] } else { Vec::new() };
            let input = vec![Input::Signal(verdict.signal.clone())];
            match self.step(input, |_| Extra { decided, ..Extra::default() }).await {
                Ok(_) => {}
                Err(StepError::Store(error)) if !error.retryable() => {
                    tracing::error!(error = %error, alert = %verdict.signal.labels, "a verdict that the database refuses is dropped");
                }
                Err(_) => return,
            }
            self.on_record(&verdict);
        }
    }

    fn on_record(&self, Verdict { signal, revision }: &Verdict) {
        let fingerprint = signal.labels.fingerprint();
        self.unsaid.lock().unwrap_or_else(PoisonError::into_inner).said(fingerprint, signal, revision.as_deref());
        self.unpost(fingerprint);
    }

    /// What others said of their alerts and could not be committed is no news once the lease comes here again: they have said
    /// something else since to whoever had it.
    pub(super) fn unsay_externals(&self) {
        let settings = self.settings();
        let external =
            |signal: &Signal| signal.labels.get("source").is_some_and(|source| settings.externals.contains_key(source));
        let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
        unsaid.verdicts.retain(|_, verdict| !external(&verdict.signal));
    }

    /// What is to be decided now, and what of the mailbox the engine does not want.
    fn hear(&self, signals: Vec<Signal>, posted: &[Posted]) -> (Vec<Verdict>, Vec<Decided>) {
        let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
        unsaid.hear_posted(posted);
        unsaid.hear(signals);
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        // What is news is not known while memory may be behind the store: the decision reads that first.
        if !self.doubtful.load(Ordering::Relaxed) {
            unsaid.forget_unwanted(&engine);
        }
        let due = unsaid.due(&engine, self.now());
        let unwanted = posted.iter().filter(|posted| !unsaid.verdicts.contains_key(&posted.fingerprint));
        let unwanted =
            unwanted.map(|posted| Decided { fingerprint: posted.fingerprint, revision: Some(posted.revision.clone()) });
        (due, unwanted.collect())
    }
}

fn decision_of(Verdict { signal, revision }: &Verdict) -> Decided {
    Decided { fingerprint: signal.labels.fingerprint(), revision: revision.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Ulids;
    use crate::core::engine::{Policy, Snapshot};
    use crate::core::label::ALERTNAME;
    use crate::core::severity::Severity;
    use crate::core::signal::Evidence;
    use crate::core::time::Span;

    fn signal(severity: Severity, value: &str) -> Signal {
        let evidence = Evidence { value: value.to_owned(), ..Evidence::default() };
        Signal {
            labels: [(ALERTNAME, "FeedStale"), ("symbol", "SOL/USD")].into_iter().collect(),
            severity,
            condition: Condition::Active(evidence),
            pending_for: Span::from_secs(0),
            keep_firing_for: Span::from_secs(10),
        }
    }

    #[test]
    fn what_another_replica_posted_before_does_not_undo_what_was_found_here_since() {
        let mut unsaid = Unsaid::default();
        let posted = |revision: &str, value: &str| {
            let signal = signal(Severity::Warning, value);
            Posted { fingerprint: signal.labels.fingerprint(), revision: revision.to_owned(), signal }
        };
        unsaid.hear_posted(&[posted("1", "30 s old")]);
        unsaid.hear_posted(&[posted("2", "31 s old")]);
        let end = Signal { condition: Condition::Inactive, ..signal(Severity::Warning, "") };
        let fingerprint = end.labels.fingerprint();
        assert_eq!(unsaid.verdicts[&fingerprint].revision.as_deref(), Some("2"), "the newest");
        // Another one came while that was decided.
        unsaid.said(fingerprint, &posted("1", "30 s old").signal, Some("1"));
        assert!(unsaid.verdicts.contains_key(&fingerprint));
        unsaid.hear(vec![end.clone()]);
        unsaid.hear_posted(&[posted("2", "31 s old")]);
        assert_eq!(unsaid.verdicts[&fingerprint], Verdict { signal: end.clone(), revision: None });
        unsaid.said(fingerprint, &end, None);
        assert!(unsaid.verdicts.is_empty());
    }

    #[test]
    fn fresh_evidence_waits_for_its_turn_and_a_worse_severity_does_not() {
        let (now, ids) = (Timestamp::from_secs(1_800_000_000), Ulids::from_seed(1));
        let mut engine = Engine::new(Policy::default(), Snapshot::default());
        let begin = vec![Input::Signal(signal(Severity::Warning, "30 s old"))];
        let decision = engine.decide(begin, now, &ids);
        engine.apply(&decision.changes);
        let mut unsaid = Unsaid::default();
        let mut hear = |severity, value: &str, millis| {
            let at = now.plus(Duration::from_millis(millis));
            unsaid.hear(vec![signal(severity, value)]);
            unsaid.forget_unwanted(&engine);
            unsaid.due(&engine, at).len()
        };
        assert_eq!(hear(Severity::Warning, "31 s old", 100), 1, "the first at once");
        assert_eq!(hear(Severity::Warning, "32 s old", 200), 0, "no second commit for words alone");
        assert_eq!(hear(Severity::Critical, "33 s old", 300), 1, "a change of state at once");
        assert_eq!(hear(Severity::Warning, "34 s old", 1100), 1, "the words when their second is over");
    }
}
