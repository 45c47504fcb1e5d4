//! Which replica decides: the holder of the lease. Its term is checked inside every commit, so a holder that was away
//! too long cannot write what another has taken over.

use std::pin::{Pin, pin};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::core::engine::{Engine, Snapshot};
use crate::core::label::Labels;
use crate::core::severity::Severity;
use crate::core::time::Timestamp;
use crate::store::lease::{self, Lease};
use crate::store::{StoreError, alerts, escalations, facts, inbox, jobs};

use super::{Flow, digest, picture};

pub const LEASE: &str = "engine";
/// After a silent death nobody decides for this long, and until the next one asks.
pub const LEASE_TTL: Duration = Duration::from_secs(8);
/// Whoever does not hold the lease asks for it this often: with [`LEASE_TTL`], a takeover is over within ten seconds.
pub const LEASE_ASKED: Duration = Duration::from_secs(1);
/// Who had the lease and cannot read what the last holder committed leaves it to others for this long.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(20);
/// A holder that has not looked at the time for this long decides nothing, whatever else still works.
const LOOKS_WITHIN: Duration = Duration::from_mins(1);
/// After a clock that ran ahead nothing is put off for longer than this.
const PUT_OFF: Duration = Duration::from_mins(1);
/// Renewed this often, so that two missed renewals still leave time.
pub const LEASE_EVERY: Duration = Duration::from_secs(3);
/// A replica without the lease answers questions from what the holder committed, at most this old.
const FOLLOW: Duration = Duration::from_secs(2);

impl Flow {
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        self.lease.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn lose_lease(&self) {
        let held = self.lease.write().unwrap_or_else(PoisonError::into_inner).take();
        if held.is_some() {
            tracing::warn!("lost the lease; another replica decides now");
            self.decides_no_more();
        }
    }

    fn decides_no_more(&self) {
        self.metrics.leader(false);
        if self.divides().is_none() {
            self.metrics.forget_chains();
        }
    }

    /// Takes the lease when it is free, renews it when it is ours; what the last holder committed is loaded first.
    ///
    /// # Errors
    /// The store could not be asked. A lease that runs out meanwhile is given up.
    pub async fn keep_lease(&self) -> Result<bool, StoreError> {
        let kept = self.take_or_renew().await;
        if let Err(error) = &kept {
            self.unwritten(error);
        }
        kept
    }

    async fn take_or_renew(&self) -> Result<bool, StoreError> {
        let now = self.now();
        let Some(held) = self.lease() else { return self.take_lease(now).await };
        // A machine that slept has lost the lease anyway, and is told so below.
        if held.expires_at > now && self.looked_at.get().is_some_and(|at| now.since(at) >= LOOKS_WITHIN) {
            tracing::error!("nothing was decided for a minute; leaving it to another replica");
            self.release_lease().await;
            self.lease_again_at.set(Some(now.plus(LEFT_TO_OTHERS)));
            return Ok(false);
        }
        match lease::renew(&self.store, &held, LEASE_TTL, now).await {
            Ok(lease) => {
                *self.lease.write().unwrap_or_else(PoisonError::into_inner) = Some(lease);
                Ok(true)
            }
            Err(StoreError::Lost { .. }) => {
                self.lose_lease();
                Ok(false)
            }
            Err(error) => {
                // Not renewed is not lost yet: the term is checked in every commit, and nobody else can have it before it ends.
                if held.expires_at <= now {
                    self.lose_lease();
                }
                Err(error)
            }
        }
    }

    async fn take_lease(&self, now: Timestamp) -> Result<bool, StoreError> {
        if self.lease_again_at.get().is_some_and(|at| now < at && at.since(now) <= LEFT_TO_OTHERS) {
            return Ok(false);
        }
        let Some(mut lease) = lease::acquire(&self.store, LEASE, &self.holder, LEASE_TTL, now).await? else {
            return Ok(false);
        };
        let mut loading = pin!(self.load_engine());
        let loaded = loop {
            if let Some(loaded) = self.before_renewal(loading.as_mut()).await {
                break loaded;
            }
            let now = self.now();
            match lease::renew(&self.store, &lease, LEASE_TTL, now).await {
                Ok(renewed) => lease = renewed,
                // A database that does not answer for a moment is no reason to let go.
                Err(error) if error.retryable() && lease.expires_at > now => {}
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = loaded {
            // Held by who cannot decide, it would keep out those who can.
            self.lease_again_at.set(Some(self.now().plus(LEFT_TO_OTHERS)));
            self.give_back(&lease).await;
            return Err(error);
        }
        tracing::info!(term = lease.term, "holds the lease");
        self.looked_at.set(None);
        *self.lease.write().unwrap_or_else(PoisonError::into_inner) = Some(lease);
        self.metrics.leader(true);
        self.hasten(self.now().plus(PUT_OFF)).await;
        self.sweep_bell.notify_one();
        Ok(true)
    }

    /// What `work` gives, if it ends before leases must be renewed.
    pub(super) async fn before_renewal<F: Future>(&self, work: Pin<&mut F>) -> Option<F::Output> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.clock.sleep(LEASE_EVERY) => None,
        }
    }

    /// The loop that decides went round.
    pub fn looked(&self) {
        self.looked_at.set(Some(self.now()));
    }

    /// After a clock that ran ahead: nothing stored is put off until later than `most`.
    pub async fn hasten(&self, most: Timestamp) {
        let hastened = async {
            jobs::hasten(&self.store, &self.holder, most).await?;
            inbox::hasten(&self.store, most).await
        };
        if let Err(error) = hastened.await {
            tracing::warn!(error = %error, "what waits by a clock that ran ahead could not be hastened");
        }
        self.outbox_bell.notify_one();
    }

    /// Whether anybody decides now, this replica or another.
    ///
    /// # Errors
    /// The store could not be asked.
    pub async fn is_led(&self) -> Result<bool, StoreError> {
        Ok(lease::holder(&self.store, LEASE, self.now()).await?.is_some())
    }

    /// By how many milliseconds this replica's clock is ahead of the one that replicas share, if they share one. Leases are kept
    /// by each one's own.
    ///
    /// # Errors
    /// The store could not be asked.
    pub async fn clock_ahead(&self) -> Result<Option<i64>, StoreError> {
        let asked = self.now();
        let shared = self.store.clock().await?;
        // It was read at some time between asking and hearing.
        let middle = i64::midpoint(asked.as_millis(), self.now().as_millis());
        Ok(shared.map(|shared| middle - shared.as_millis()))
    }

    /// Gives the lease back, so that the next replica need not wait for it to run out.
    pub async fn release_lease(&self) {
        let Some(held) = self.lease.write().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.decides_no_more();
        self.give_back(&held).await;
    }

    async fn give_back(&self, lease: &Lease) {
        if let Err(error) = lease::release(&self.store, lease).await {
            tracing::warn!(error = %error, "could not give the lease back; it runs out by itself");
        }
    }

    /// Makes the engine as the store has it, and tells the watch which alerts it must still end.
    async fn load_engine(&self) -> Result<(), StoreError> {
        let _no_decision_meanwhile = self.stepping.lock().await;
        self.doubtful.store(false, Ordering::Relaxed);
        // Effects go out by their ids: those of a holder whose clock was ahead must not come after what is decided here.
        if let Some(newest) = jobs::newest(&self.store).await? {
            self.ids.go_on_after(&newest);
        }
        let live = self.load_state().await?;
        self.heard.forget();
        self.unsay_externals();
        // What replicas divide was taken over with its shard; the rest belongs to who decides.
        let live = match self.divides() {
            Some(shards) => live.into_iter().filter(|(labels, _)| shards.of_alert(labels).is_none()).collect(),
            None => live,
        };
        self.restore_wallets(&live).await?;
        self.apps.lock().unwrap_or_else(PoisonError::into_inner).resume(live.iter().cloned());
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).resume(live, self.now());
        self.resume_clusters();
        Ok(())
    }

    /// Everything a decision builds on, as the store has it: the engine, and which groups have charts or share a digest.
    /// Gives the alerts that are not over. The caller keeps decisions away.
    pub(super) async fn load_state(&self) -> Result<Vec<(Labels, Severity)>, StoreError> {
        let snapshot = alerts::load(&self.store).await?;
        let charts = picture::restored(facts::list(&self.store, picture::CHART).await?);
        let digests = digest::restored(facts::list(&self.store, digest::DIGEST).await?);
        let runs = escalations::load(&self.store).await?;
        let live = snapshot.alerts.iter().filter(|alert| !alert.resolved());
        let live = live.map(|alert| (alert.labels.clone(), alert.severity)).collect();
        self.replace_engine(snapshot);
        self.replace_runs(runs);
        *self.charts.write().unwrap_or_else(PoisonError::into_inner) = charts;
        *self.digests.lock().unwrap_or_else(PoisonError::into_inner) = digests;
        Ok(live)
    }

    fn replace_engine(&self, snapshot: Snapshot) {
        let policy = self.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = Engine::new(policy, snapshot);
    }

    fn up_to_date(&self) -> bool {
        self.lease().is_some() || self.followed_at.get().is_some_and(|at| self.now().since(at) < FOLLOW)
    }

    /// Before a question is answered: a replica without the lease reads what the holder committed lately.
    pub(super) async fn follow(&self) {
        if self.up_to_date() {
            return;
        }
        let _no_decision_meanwhile = self.stepping.lock().await;
        // Somebody who asked at the same time may have read it meanwhile.
        if self.up_to_date() {
            return;
        }
        let loaded =
            async { Ok::<_, StoreError>((alerts::load(&self.store).await?, escalations::load(&self.store).await?)) };
        match loaded.await {
            Ok((snapshot, runs)) => {
                self.replace_engine(snapshot);
                self.replace_runs(runs);
                self.followed_at.set(Some(self.now()));
            }
            Err(error) => tracing::warn!(error = %error, "answering from older state: the database cannot be read"),
        }
    }
}
