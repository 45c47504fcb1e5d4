//! What sources say, and what time alone brings about: observations become signals, signals become decisions.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use crate::core::engine::Input;
use crate::core::feed::{Observation, SourceStatus};
use crate::core::label::Fingerprint;
use crate::core::signal::{Condition, Signal};

use super::step::StepError;
use super::{Extra, Flow};

/// Verdicts that are not committed yet: the newest of each alert. An end is said once only, so a database that was away
/// for a moment must not make it forgotten.
#[derive(Debug, Default)]
pub(super) struct Unsaid(BTreeMap<Fingerprint, Signal>);

impl Unsaid {
    fn hear(&mut self, signals: Vec<Signal>) {
        self.0.extend(signals.into_iter().map(|signal| (signal.labels.fingerprint(), signal)));
    }
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

    /// Once a second: staleness, markets that open and close, and every deadline of the engine.
    pub async fn tick(&self) {
        let now = self.now();
        let signals = self.watch.lock().unwrap_or_else(PoisonError::into_inner).tick(now);
        let due = self.next_deadline().is_some_and(|deadline| deadline <= now);
        self.judge(signals, due).await;
    }

    async fn judge(&self, signals: Vec<Signal>, due: bool) {
        let inputs: Vec<Input> = {
            let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
            if self.lease().is_none() {
                // The replica that holds the lease watches the same feeds. Ends are kept for the day the lease comes here.
                unsaid.hear(signals);
                unsaid.0.retain(|_, signal| signal.condition == Condition::Inactive);
                return;
            }
            unsaid.hear(signals);
            let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
            unsaid.0.retain(|_, signal| engine.wants(signal));
            unsaid.0.values().cloned().map(Input::Signal).collect()
        };
        if inputs.is_empty() && !due {
            return;
        }
        let heard: Vec<Signal> = inputs.iter().filter_map(signal_of).cloned().collect();
        let inputs = if inputs.is_empty() { vec![Input::Tick] } else { inputs };
        match self.step(inputs, |_| Extra::default()).await {
            Ok(_) => {
                let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
                for signal in heard {
                    let fingerprint = signal.labels.fingerprint();
                    if unsaid.0.get(&fingerprint) == Some(&signal) {
                        unsaid.0.remove(&fingerprint);
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

const fn signal_of(input: &Input) -> Option<&Signal> {
    match input {
        Input::Signal(signal) => Some(signal),
        Input::Tick
        | Input::Acknowledge { .. }
        | Input::Unacknowledge { .. }
        | Input::Silence { .. }
        | Input::Unsilence { .. } => None,
    }
}
