//! The watch divided among replicas: which shards this one has, how it takes them over and how it gives them away.
//!
//! Who has a shard's lease watches it and runs its rules; what follows is decided by the holder of the engine's lease, as ever
//! ([`mailbox`]). Questions about what others watch are answered from what they tell ([`views`]).

mod ask;
mod mailbox;
mod pack;
mod subjects;
pub(super) mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use crate::core::feed::FeedId;
use crate::core::label::{Fingerprint, Labels};
use crate::core::shard::{self, Change, Shard, Shards, Sort};
use crate::core::time::Timestamp;
use crate::store::lease::{self, Lease};
use crate::store::shards::{self as store, Held};
use crate::store::{StoreError, views as stored};

use super::Flow;
use super::lead::{LEASE, LEASE_EVERY, LEASE_TTL};
use mailbox::Said;
use views::Views;

/// A shard is let go of so long before its lease ends, so that nobody else has it yet.
const MARGIN: Duration = Duration::from_secs(1);
/// Leases that say who is there begin with this.
const REPLICA: &str = "replica/";

/// What this replica knows of the division; `shards` is `None` while every replica watches everything.
#[derive(Debug)]
pub(super) struct Division {
    shards: Option<Shards>,
    held: RwLock<BTreeMap<Shard, Lease>>,
    renewed_at: Mutex<Option<Timestamp>>,
    /// All valid leases, as they were last seen.
    seen: Mutex<Vec<Held>>,
    /// Held through every round; true once this replica has left.
    left: tokio::sync::Mutex<bool>,
    /// Held from verdict to commit, so that a shard is not given away between them.
    saying: tokio::sync::Mutex<()>,
    /// What was last put into the mailbox.
    said: Mutex<BTreeMap<Fingerprint, Said>>,
    told: watch::Sender<BTreeSet<Shard>>,
    views: Views,
}

impl Division {
    pub(super) fn new(shards: Option<Shards>) -> Self {
        Self {
            shards,
            held: RwLock::default(),
            renewed_at: Mutex::default(),
            seen: Mutex::default(),
            left: tokio::sync::Mutex::default(),
            saying: tokio::sync::Mutex::default(),
            said: Mutex::default(),
            told: watch::channel(BTreeSet::new()).0,
            views: Views::default(),
        }
    }

    /// While this is held, no shard is given away.
    pub(super) async fn saying(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.saying.lock().await
    }

    fn held(&self) -> BTreeMap<Shard, Lease> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether its lease is valid for some time yet.
    pub(super) fn holds(&self, shard: &Shard, now: Timestamp) -> bool {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.get(shard).is_some_and(|lease| lease.expires_at > now.plus(MARGIN))
    }

    pub(super) fn lease(&self, shard: &Shard) -> Option<Lease> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).get(shard).cloned()
    }

    fn renewal_due(&self, now: Timestamp) -> bool {
        let renewed_at = *self.renewed_at.lock().unwrap_or_else(PoisonError::into_inner);
        renewed_at.is_none_or(|at| now < at || now.since(at) >= LEASE_EVERY)
    }
}

impl Flow {
    /// What is divided among the replicas; `None`: every replica watches everything.
    #[must_use]
    pub const fn divides(&self) -> Option<&Shards> {
        self.division.shards.as_ref()
    }

    /// The shards that this replica watches, now and whenever that changes. Empty when nothing is divided.
    #[must_use]
    pub fn shards(&self) -> watch::Receiver<BTreeSet<Shard>> {
        self.division.told.subscribe()
    }

    /// Whether the rules of an alert are this replica's to run. Of what is nobody's in particular, the decider's.
    pub(super) fn judges(&self, labels: &Labels, now: Timestamp) -> bool {
        let shard = self.divides().and_then(|shards| shards.of_alert(labels));
        shard.is_none_or(|shard| self.division.holds(&shard, now))
    }

    /// Whether the chain is this replica's to read.
    #[must_use]
    pub fn reads_chain(&self, chain: &str) -> bool {
        match self.divides() {
            Some(_) => self.division.holds(&Shard::Chain(chain.to_owned()), self.now()),
            None => self.lease().is_some(),
        }
    }

    /// Whether the feed is this replica's to watch.
    pub(super) fn watches_feed(&self, feed: &FeedId) -> bool {
        let shard = self.divides().and_then(|shards| shards.of_feed(feed));
        shard.is_none_or(|shard| self.division.holds(&shard, self.now()))
    }

    /// Before the first lease: nothing is watched here yet.
    pub(super) fn begin_divided(&self) {
        if let Some(shards) = self.divides() {
            self.forget_subjects(shards.all());
        }
    }

    /// Renews what is held, and gives and takes until this replica has its share. To be called every second.
    ///
    /// # Errors
    /// The store did not answer. What cannot be renewed is let go of in time.
    pub async fn keep_shards(&self) -> Result<(), StoreError> {
        let Some(shards) = self.divides() else { return Ok(()) };
        let left = self.division.left.lock().await;
        if *left {
            return Ok(());
        }
        let renewed = self.renew_shards(shards).await;
        self.lapse();
        renewed?;
        let seen = store::held(&self.store, LEASE_TTL, self.now()).await?;
        let (replicas, holders) = peers(shards, &seen);
        *self.division.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        let held = self.division.held();
        let watched = |shard: &&Shard| holders.contains_key(*shard) || held.contains_key(*shard);
        self.metrics.shards_unwatched(shards.all().iter().filter(|shard| !watched(shard)).count());
        // Taken, and the answer was lost.
        let unknown: Vec<Shard> = holders
            .iter()
            .filter(|(shard, holder)| **holder == self.holder && !held.contains_key(*shard))
            .map(|(shard, _)| shard.clone())
            .collect();
        if !unknown.is_empty() {
            return self.take_shards(shards, &unknown).await;
        }
        let Change { give, take } = shard::change(shards.all(), &replicas, &holders, &self.holder);
        self.give_shards(&give).await;
        self.take_shards(shards, &take).await
    }

    fn presence(&self, shards: &Shards) -> String {
        format!("{REPLICA}{}/{}", shards.signature(), self.holder)
    }

    async fn renew_shards(&self, shards: &Shards) -> Result<(), StoreError> {
        let now = self.now();
        if !self.division.renewal_due(now) {
            return Ok(());
        }
        let terms = store::renew(&self.store, &self.holder, LEASE, LEASE_TTL, now).await?;
        let mut lost = BTreeSet::new();
        {
            let mut held = self.division.held.write().unwrap_or_else(PoisonError::into_inner);
            for (shard, lease) in held.iter_mut() {
                if terms.get(&lease.name) == Some(&lease.term) {
                    lease.expires_at = now.plus(LEASE_TTL);
                } else {
                    lost.insert(shard.clone());
                }
            }
        }
        self.let_go(&lost);
        let presence = self.presence(shards);
        if !terms.contains_key(&presence) {
            lease::acquire(&self.store, &presence, &self.holder, LEASE_TTL, now).await?;
        }
        *self.division.renewed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }

    /// Lets go of what could not be renewed, before another can have it.
    pub(super) fn lapse(&self) {
        if self.divides().is_none() {
            return;
        }
        let now = self.now();
        let held = self.division.held();
        let over = held.into_iter().filter(|(_, lease)| lease.expires_at <= now.plus(MARGIN));
        let over: BTreeSet<Shard> = over.map(|(shard, _)| shard).collect();
        if !over.is_empty() {
            tracing::warn!(shards = names(&over), "could not renew the leases of shards; another replica watches them");
            self.let_go(&over);
        }
    }

    /// Stops watching `shards`, and then lets others have them.
    async fn give_shards(&self, shards: &[Shard]) {
        if shards.is_empty() {
            return;
        }
        let leases = {
            let _nothing_is_said_meanwhile = self.division.saying.lock().await;
            self.let_go(&shards.iter().cloned().collect())
        };
        for lease in leases {
            if let Err(error) = lease::release(&self.store, &lease).await {
                tracing::warn!(error = %error, lease = lease.name, "could not give a shard back; its lease runs out");
            }
        }
    }

    /// Forgets what it knew of `shards`; gives their leases.
    fn let_go(&self, shards: &BTreeSet<Shard>) -> Vec<Lease> {
        if shards.is_empty() {
            return Vec::new();
        }
        tracing::info!(shards = names(shards), "no longer watches");
        let leases = {
            let mut held = self.division.held.write().unwrap_or_else(PoisonError::into_inner);
            shards.iter().filter_map(|shard| held.remove(shard)).collect()
        };
        self.forget_subjects(shards);
        self.forget_said(shards);
        self.tell_shards();
        leases
    }

    async fn take_shards(&self, shards: &Shards, wanted: &[Shard]) -> Result<(), StoreError> {
        let mut taken = BTreeMap::new();
        for shard in wanted {
            let (name, now) = (shard.to_string(), self.now());
            if let Some(lease) = lease::acquire(&self.store, &name, &self.holder, LEASE_TTL, now).await? {
                taken.insert(shard.clone(), lease);
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        let named = taken.keys().cloned().collect();
        // Before anything is resumed, so that nothing that is found then is taken for another's.
        self.division.held.write().unwrap_or_else(PoisonError::into_inner).extend(taken);
        let mut resuming = pin!(self.resume_subjects(shards, &named));
        let resumed = loop {
            if let Some(resumed) = self.before_renewal(resuming.as_mut()).await {
                break resumed;
            }
            let renewed = self.renew_shards(shards).await;
            self.lapse();
            if let Err(error) = renewed
                && !error.retryable()
            {
                break Err(error);
            }
        };
        if let Err(error) = resumed {
            // Their alerts are not known, so they are not watched here: the next round takes them again.
            for lease in self.let_go(&named) {
                lease::release(&self.store, &lease).await?;
            }
            return Err(error);
        }
        let held = self.division.held();
        let lost: BTreeSet<Shard> = named.iter().filter(|shard| !held.contains_key(*shard)).cloned().collect();
        self.let_go(&lost);
        let named = &named - &lost;
        tracing::info!(shards = names(&named), "watches");
        self.tell_shards();
        Ok(())
    }

    fn tell_shards(&self) {
        let held: BTreeSet<Shard> = self.division.held().into_keys().collect();
        for sort in Sort::ALL {
            self.metrics.shards(sort.as_str(), held.iter().filter(|shard| shard.sort() == sort).count());
        }
        self.division.told.send_replace(held);
    }

    /// Gives everything back, so that the others need not wait for the leases to run out.
    pub async fn release_shards(&self) {
        let Some(shards) = self.divides() else { return };
        // Not in the middle of a round, which would take them again.
        let mut left = self.division.left.lock().await;
        *left = true;
        let held: Vec<Shard> = self.division.held().into_keys().collect();
        self.give_shards(&held).await;
        let (name, now) = (self.presence(shards), self.now());
        let presence = lease::acquire(&self.store, &name, &self.holder, LEASE_TTL, now).await;
        let released = match presence {
            Ok(Some(presence)) => lease::release(&self.store, &presence).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = released {
            tracing::warn!(error = %error, "could not say that this replica leaves; its presence runs out");
        }
    }

    /// Who watches what, as last seen: each replica with its shards, this one first.
    pub(super) fn shard_holders(&self) -> Vec<(String, BTreeSet<Shard>)> {
        let Some(shards) = self.divides() else { return Vec::new() };
        let seen = self.division.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (replicas, holders) = peers(shards, &seen);
        let mut all: BTreeMap<String, BTreeSet<Shard>> =
            replicas.into_iter().map(|replica| (replica, BTreeSet::new())).collect();
        for (shard, holder) in holders {
            all.entry(holder).or_default().insert(shard);
        }
        all.insert(self.holder.clone(), self.division.held().into_keys().collect());
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by_key(|(replica, _)| *replica != self.holder);
        all
    }

    /// The shards that nobody watches, as last seen.
    pub(super) fn unwatched(&self) -> BTreeSet<Shard> {
        let watched: BTreeSet<Shard> = self.shard_holders().into_iter().flat_map(|(_, shards)| shards).collect();
        self.divides().map(|shards| shards.all() - &watched).unwrap_or_default()
    }

    pub(super) async fn prune_division(&self, before: Timestamp) -> Result<(), StoreError> {
        store::prune(&self.store, REPLICA, before).await?;
        stored::prune(&self.store, before).await?;
        Ok(())
    }
}

/// Who divides the same among them, and who holds what.
fn peers(shards: &Shards, seen: &[Held]) -> (BTreeSet<String>, BTreeMap<Shard, String>) {
    let prefix = format!("{REPLICA}{}/", shards.signature());
    let replicas = seen.iter().filter_map(|held| held.name.strip_prefix(&prefix)).map(ToOwned::to_owned).collect();
    let names: BTreeMap<String, &Shard> = shards.all().iter().map(|shard| (shard.to_string(), shard)).collect();
    let holders = seen.iter().filter_map(|held| Some(((*names.get(&held.name)?).clone(), held.holder.clone())));
    (replicas, holders.collect())
}

fn names(shards: &BTreeSet<Shard>) -> String {
    shards.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
