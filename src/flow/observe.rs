//! What sources say, and what time alone brings about: observations become signals, signals become decisions.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use crate::core::alert::{Alert, AlertState};
use crate::core::engine::{Engine, Input};
use crate::core::feed::{Observation, SourceStatus};
use crate::core::label::Fingerprint;
use crate::core::signal::{Condition, Signal};
use crate::core::time::Timestamp;

use super::step::StepError;
use super::{Extra, Flow};

/// Verdicts that are not committed yet: the newest of each alert. An end is said once only, so a database that was away
/// for a moment must not make it forgotten.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    signals: BTreeMap<Fingerprint, Signal>,
    /// When fresh evidence was last committed for its own sake.
    refreshed_at: Option<Timestamp>,
}

/// Alerts that go on bring fresh evidence all the time. It is committed for all of them together, this often; what
/// changes an alert's state is committed at once.
const REFRESH: Duration = Duration::from_secs(1);

impl Unsaid {
    pub(super) fn hear(&mut self, signals: Vec<Signal>) {
        self.signals.extend(signals.into_iter().map(|signal| (signal.labels.fingerprint(), signal)));
    }

    /// What is to be decided now.
    fn due(&mut self, engine: &Engine, now: Timestamp) -> Vec<Signal> {
        self.signals.retain(|_, signal| engine.wants(signal));
        // A clock that went back must not hold evidence up.
        let refresh = self.refreshed_at.is_none_or(|at| now < at || now.since(at) >= REFRESH);
        let mut refreshed = false;
        let due = self.signals.iter().filter(|(fingerprint, signal)| {
            let evidence = engine.alert(**fingerprint).is_some_and(|alert| only_evidence(alert, signal));
            refreshed |= evidence && refresh;
            refresh || !evidence
        });
        let due = due.map(|(_, signal)| signal.clone()).collect();
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

impl Flow {
    /// Takes observations in, in order, and commits what follows from them.
    pub async fn observe(&self, observations: &[Observation]) {
        let now = self.now();
        let signals: Vec<Signal> = {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            observations.iter().flat_map(|observation| watch.handle(observation, now)).collect()
        };
        for observation in observations {
            if let Observation::Source { source, status } = observation {
                self.metrics.source(source, matches!(status, SourceStatus::Up { .. }));
            }
        }
        self.metrics.observed(observations.len() as u64, signals.len() as u64);
        self.judge(signals, false).await;
    }

    /// Once a second: staleness, markets that open and close, apps, and every deadline of the engine.
    pub async fn tick(&self) {
        let now = self.now();
        let mut signals = self.watch.lock().unwrap_or_else(PoisonError::into_inner).tick(now);
        signals.extend(self.apps.lock().unwrap_or_else(PoisonError::into_inner).tick(now));
        let due = self.next_deadline().is_some_and(|deadline| deadline <= now);
        if self.next_step().is_some_and(|at| at <= now) {
            self.look_up_targets(None).await;
        }
        self.judge(signals, due).await;
    }

    /// Takes in what rules outside the feeds found; a signal that could not be committed is kept for the next try.
    pub async fn signals(&self, signals: Vec<Signal>) {
        self.judge(signals, false).await;
    }

    async fn judge(&self, signals: Vec<Signal>, due: bool) {
        let now = self.now();
        let heard: Vec<Signal> = {
            let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
            if self.lease().is_none() {
                // The replica that holds the lease watches the same feeds. Ends are kept for the day the lease comes here.
                unsaid.hear(signals);
                unsaid.signals.retain(|_, signal| signal.condition == Condition::Inactive);
                return;
            }
            unsaid.hear(signals);
            let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
            unsaid.due(&engine, now)
        };
        if heard.is_empty() && !due {
            return;
        }
        let inputs =
            if heard.is_empty() { vec![Input::Tick] } else { heard.iter().cloned().map(Input::Signal).collect() };
        match self.step(inputs, |_| Extra::default()).await {
            Ok(_) => {
                let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
                for signal in heard {
                    let fingerprint = signal.labels.fingerprint();
                    if unsaid.signals.get(&fingerprint) == Some(&signal) {
                        unsaid.signals.remove(&fingerprint);
                    }
                }
            }
            Err(StepError::NotLeader) => self.lose_lease(),
            Err(StepError::AlreadyDone) => {}
            Err(StepError::Store(error)) => {
                tracing::error!(error = %error, "could not commit what the rules found; keeping it for the next try");
            }
        }
    }
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
            unsaid.due(&engine, at).len()
        };
        assert_eq!(hear(Severity::Warning, "31 s old", 100), 1, "the first at once");
        assert_eq!(hear(Severity::Warning, "32 s old", 200), 0, "no second commit for words alone");
        assert_eq!(hear(Severity::Critical, "33 s old", 300), 1, "a change of state at once");
        assert_eq!(hear(Severity::Warning, "34 s old", 1100), 1, "the words when their second is over");
    }
}
