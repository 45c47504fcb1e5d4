//! Verdicts of what this replica watches, on their way to the one that decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use crate::core::label::Fingerprint;
use crate::core::severity::Severity;
use crate::core::shard::Shard;
use crate::core::signal::{Condition, Signal};
use crate::core::time::{Span, Timestamp};
use crate::store::signals::{self, Posted};
use crate::store::{StoreError, lease};

use super::super::observe::REFRESH;
use super::Flow;

/// Verdicts that are read at once; the rest comes with the next tick.
const MOST: i64 = 2000;

/// A verdict as it was last put into the mailbox, without its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    active: bool,
    severity: Severity,
    spans: (Span, Span),
    at: Timestamp,
}

impl Said {
    fn of(signal: &Signal, at: Timestamp) -> Self {
        let active = matches!(signal.condition, Condition::Active(_));
        Self { active, severity: signal.severity, spans: (signal.pending_for, signal.keep_firing_for), at }
    }

    /// What changes an alert's state goes at once; mere words for one that goes on wait for their turn.
    fn lets(self, signal: &Signal, now: Timestamp) -> bool {
        let fresh = Self { at: self.at, ..Self::of(signal, now) };
        // A clock that went back must not hold words up.
        !fresh.active || fresh != self || now < self.at || now.since(self.at) >= REFRESH
    }
}

impl Flow {
    /// What other replicas found, as far as it is not decided yet.
    pub(in crate::flow) async fn mail(&self) -> Vec<Posted> {
        match signals::waiting(&self.store, MOST).await {
            Ok(posted) => posted,
            Err(error) => {
                tracing::error!(error = %error, "what other replicas found cannot be read; trying again");
                Vec::new()
            }
        }
    }

    /// Puts verdicts into the mailbox; what cannot be put there is kept for the next try. The caller keeps shards from
    /// being given away meanwhile.
    pub(in crate::flow) async fn post_verdicts(&self, signals: Vec<Signal>) {
        let now = self.now();
        for (shard, due) in self.due_by_shard(signals, now) {
            match self.post_of(&shard, &due, now).await {
                Ok(()) => self.verdicts_posted(due, now),
                Err(StoreError::Lost { .. }) => drop(self.let_go(&BTreeSet::from([shard]))),
                Err(error) => {
                    self.metrics.store_failed();
                    tracing::error!(error = %error, %shard, "could not pass on what the rules found; keeping it");
                }
            }
        }
    }

    fn due_by_shard(&self, signals: Vec<Signal>, now: Timestamp) -> BTreeMap<Shard, Vec<Signal>> {
        let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
        let said = self.division.said.lock().unwrap_or_else(PoisonError::into_inner);
        unsaid.hear(signals);
        let mut due: BTreeMap<Shard, Vec<Signal>> = BTreeMap::new();
        unsaid.verdicts.retain(|fingerprint, verdict| {
            let signal = &verdict.signal;
            let Some(shard) = self.divides().and_then(|shards| shards.of_alert(&signal.labels)) else {
                // Nobody's in particular: its end is kept for the day this replica decides.
                return signal.condition == Condition::Inactive;
            };
            if !self.division.holds(&shard, now) {
                return false;
            }
            if said.get(fingerprint).is_none_or(|said| said.lets(signal, now)) {
                due.entry(shard).or_default().push(signal.clone());
            }
            true
        });
        due
    }

    async fn post_of(&self, shard: &Shard, due: &[Signal], now: Timestamp) -> Result<(), StoreError> {
        let lost = || StoreError::Lost { what: format!("the lease `{shard}`") };
        let lease = self.division.lease(shard).ok_or_else(lost)?;
        let rows: Vec<(String, Signal)> = due.iter().map(|signal| (self.ids.next(now), signal.clone())).collect();
        let mut tx = self.store.begin().await?;
        lease::check(&mut tx, &lease, now).await?;
        signals::post(&mut tx, &shard.to_string(), &rows, now).await?;
        tx.commit().await
    }

    fn verdicts_posted(&self, signals: Vec<Signal>, now: Timestamp) {
        let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
        let mut said = self.division.said.lock().unwrap_or_else(PoisonError::into_inner);
        for signal in signals {
            let fingerprint = signal.labels.fingerprint();
            match signal.condition {
                Condition::Active(_) => drop(said.insert(fingerprint, Said::of(&signal, now))),
                Condition::Inactive => drop(said.remove(&fingerprint)),
            }
            unsaid.said(fingerprint, &signal, None);
        }
    }

    /// What was not passed on yet of shards that are given away is found anew by who takes them.
    pub(super) fn forget_said(&self, gone: &BTreeSet<Shard>) {
        let Some(shards) = self.divides() else { return };
        let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
        let stays = |signal: &Signal| shards.of_alert(&signal.labels).is_none_or(|shard| !gone.contains(&shard));
        // What another replica found waits in the mailbox as well.
        unsaid.verdicts.retain(|_, verdict| verdict.revision.is_some() || stays(&verdict.signal));
        // Of the others the words are only put there once more.
        self.division.said.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What this replica decides itself is in no mailbox.
    pub(in crate::flow) fn unpost(&self, fingerprint: Fingerprint) {
        self.division.said.lock().unwrap_or_else(PoisonError::into_inner).remove(&fingerprint);
    }
}
