//! What a shard is about, taken over and let go of: the feeds, the cluster or the chain in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use crate::core::feed::FeedId;
use crate::core::label::{Fingerprint, Labels};
use crate::core::severity::Severity;
use crate::core::shard::{Shard, Shards};
use crate::core::signal::Condition;
use crate::core::time::Timestamp;
use crate::store::{StoreError, alerts, signals};

use super::Flow;

/// An alert that is open, and since when.
type Open = (Labels, Severity, Timestamp);

impl Flow {
    /// Begins to watch `taken`: alerts of theirs that are open go on, and end when their condition is found gone.
    pub(super) async fn resume_subjects(&self, shards: &Shards, taken: &BTreeSet<Shard>) -> Result<(), StoreError> {
        let open = self.open_alerts(shards, taken).await?;
        self.read_stored_balances(|chain| taken.contains(&Shard::Chain(chain.to_owned()))).await?;
        let now = self.now();
        let known = || open.iter().map(|(labels, severity, _)| (labels.clone(), *severity));
        {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            // What another replica told of them is not believed any more.
            watch.release(|feed| of(shards, taken, feed));
            if shards.of_sources().is_some_and(|part| taken.contains(&part)) {
                watch.speak_of_sources(true);
            }
            watch.resume(known(), now);
        }
        for cluster in clusters(taken) {
            self.workloads.lock().unwrap_or_else(PoisonError::into_inner).set_watched(cluster, true);
            self.apps.lock().unwrap_or_else(PoisonError::into_inner).set_watched(cluster, true);
        }
        self.workloads.lock().unwrap_or_else(PoisonError::into_inner).resume(open.iter().cloned());
        self.apps.lock().unwrap_or_else(PoisonError::into_inner).resume(known());
        let live: Vec<_> = known().collect();
        let ended = self.held().wallets_mut().resume(live.iter().map(|(labels, severity)| (labels, *severity)));
        self.unsaid.lock().unwrap_or_else(PoisonError::into_inner).hear(ended);
        Ok(())
    }

    /// Those of `taken`: what was decided, and what waits for its decision. The mailbox is read first: what leaves it is
    /// among the alerts by then.
    async fn open_alerts(&self, shards: &Shards, taken: &BTreeSet<Shard>) -> Result<Vec<Open>, StoreError> {
        let mut open: BTreeMap<Fingerprint, Open> = BTreeMap::new();
        let theirs = |labels: &Labels| shards.of_alert(labels).is_some_and(|shard| taken.contains(&shard));
        for posted in signals::waiting(&self.store, i64::MAX).await? {
            if matches!(posted.signal.condition, Condition::Active(_)) && theirs(&posted.signal.labels) {
                let alert = (posted.signal.labels, posted.signal.severity, self.now());
                open.insert(posted.fingerprint, alert);
            }
        }
        let known = alerts::load(&self.store).await?.alerts;
        for alert in known.iter().filter(|alert| !alert.resolved()) {
            if theirs(&alert.labels) {
                open.insert(alert.fingerprint(), (alert.labels.clone(), alert.severity, alert.since()));
            }
        }
        Ok(open.into_values().collect())
    }

    /// Lets go of what `gone` is about, without a word: its alerts are another's to end.
    pub(super) fn forget_subjects(&self, gone: &BTreeSet<Shard>) {
        let Some(shards) = self.divides() else { return };
        {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            if shards.of_sources().is_some_and(|part| gone.contains(&part)) {
                watch.speak_of_sources(false);
            }
            watch.release(|feed| of(shards, gone, feed));
        }
        for cluster in clusters(gone) {
            self.workloads.lock().unwrap_or_else(PoisonError::into_inner).set_watched(cluster, false);
            self.apps.lock().unwrap_or_else(PoisonError::into_inner).set_watched(cluster, false);
            self.metrics.forget_cluster(cluster);
        }
        for shard in gone {
            if let Shard::Chain(chain) = shard {
                self.held().wallets_mut().release(chain);
                self.metrics.forget_chain(chain);
            }
        }
    }
}

fn of(shards: &Shards, among: &BTreeSet<Shard>, feed: &FeedId) -> bool {
    shards.of_feed(feed).is_some_and(|shard| among.contains(&shard))
}

fn clusters(shards: &BTreeSet<Shard>) -> impl Iterator<Item = &str> {
    shards.iter().filter_map(|shard| match shard {
        Shard::Cluster(name) => Some(name.as_str()),
        Shard::Feeds { .. } | Shard::Chain(_) => None,
    })
}
