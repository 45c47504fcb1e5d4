//! Schedules that are kept elsewhere: fetched, the last good copy kept, its age said.

use std::sync::PoisonError;
use std::time::Duration;

use crate::core::oncall::Entry;
use crate::core::time::Timestamp;
use crate::oncall::{AHEAD, BACK, Client, Feed, FetchError, Fetched};
use crate::store::StoreError;
use crate::store::oncall::{self, Copy};

use super::super::Flow;

/// A copy that could not be confirmed for longer is said to be old.
const OLD: Duration = Duration::from_mins(30);
/// The longest wait that a service is granted.
const LONGEST_HOLD: Duration = Duration::from_hours(1);

/// The shifts of a schedule that is kept elsewhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Imported {
    pub entries: Vec<Entry>,
    /// When the copy was last known to be what is there.
    confirmed_at: Option<Timestamp>,
    /// From when to when the shifts were read.
    range: Option<(Timestamp, Timestamp)>,
    /// Events that cannot be used, each with why.
    skipped: Vec<String>,
    /// Why the last try failed.
    error: Option<String>,
    not_before: Option<Timestamp>,
}

impl Imported {
    /// Whether there is any copy at all.
    pub const fn read(&self) -> bool {
        self.confirmed_at.is_some()
    }
}

impl Flow {
    /// Fetches one schedule. Whatever fails, the last good copy stays in force.
    pub async fn pull_schedule(&self, schedule: &str, feed: &Feed, client: &Client) {
        let now = self.now();
        if self.lease().is_none() {
            // The replica that holds the lease fetches; the others read what it kept.
            return self.restore_schedule(schedule, feed).await;
        }
        if self.imported(schedule).not_before.is_some_and(|at| now < at) {
            return;
        }
        match self.pull(schedule, feed, client, now).await {
            Ok(()) => {
                self.metrics.schedule_fetch(schedule, true);
                self.look_up_strangers().await;
            }
            Err(error) => {
                self.metrics.schedule_fetch(schedule, false);
                tracing::warn!(schedule, error = %error, "a schedule could not be fetched; the last good copy stays in force");
                self.restore_schedule(schedule, feed).await;
                let hold = match &error {
                    PullError::Fetch(FetchError::TooMany { hold }) => (*hold).min(LONGEST_HOLD),
                    PullError::Fetch(_) | PullError::Store(_) => Duration::ZERO,
                };
                self.change_imported(schedule, |imported| {
                    imported.error = Some(error.to_string());
                    imported.not_before = Some(now.plus(hold));
                });
            }
        }
    }

    async fn pull(&self, schedule: &str, feed: &Feed, client: &Client, now: Timestamp) -> Result<(), PullError> {
        let body = self.pull_copy(schedule, feed, client, now).await?;
        self.take_over(schedule, feed, &body, now)?;
        Ok(())
    }

    /// Fetches what is new and keeps it under `key`; gives what is there now.
    pub(super) async fn pull_copy(
        &self,
        key: &str,
        feed: &Feed,
        client: &Client,
        now: Timestamp,
    ) -> Result<String, PullError> {
        let kept = oncall::copy(&self.store, key).await?;
        let etag = kept.as_ref().and_then(|copy| copy.etag.as_deref());
        match (feed.fetch(client, etag, now).await?, kept) {
            (Fetched::Unchanged, Some(kept)) => {
                oncall::confirm_copy(&self.store, key, now).await?;
                Ok(kept.body)
            }
            // It answered to a question that was not asked.
            (Fetched::Unchanged, None) => Err(PullError::Fetch(FetchError::Gone(304))),
            (Fetched::New { body, etag }, _) => {
                // Read before it is kept: what is no schedule must not replace one.
                feed.read(&body, now, now)?;
                let copy = Copy { etag, body, fetched_at: now };
                oncall::keep_copy(&self.store, key, &copy).await?;
                Ok(copy.body)
            }
        }
    }

    /// Reads the copy that is kept.
    pub async fn restore_schedule(&self, schedule: &str, feed: &Feed) {
        match oncall::copy(&self.store, schedule).await {
            Ok(Some(copy)) => {
                if let Err(error) = self.take_over(schedule, feed, &copy.body, copy.fetched_at) {
                    tracing::warn!(schedule, error = %error, "the copy of a schedule cannot be read");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(schedule, error = %error, "the copy of a schedule cannot be loaded"),
        }
    }

    fn take_over(&self, schedule: &str, feed: &Feed, body: &str, confirmed_at: Timestamp) -> Result<(), FetchError> {
        let now = self.now();
        let read = feed.read(body, now.minus(BACK), now.plus(AHEAD))?;
        let range = feed.range(now, confirmed_at);
        let known = self.imported(schedule).entries.len();
        if !read.skipped.is_empty() && known != read.entries.len() {
            tracing::warn!(schedule, skipped = read.skipped.join("; "), "events of a calendar that are not used");
        }
        self.change_imported(schedule, |imported| {
            *imported = Imported {
                entries: read.entries,
                confirmed_at: Some(confirmed_at),
                range: Some(range),
                skipped: read.skipped,
                ..Imported::default()
            };
        });
        Ok(())
    }

    fn imported(&self, schedule: &str) -> Imported {
        let imported = self.desk.imported.read().unwrap_or_else(PoisonError::into_inner);
        imported.get(schedule).cloned().unwrap_or_default()
    }

    fn change_imported(&self, schedule: &str, change: impl FnOnce(&mut Imported)) {
        let mut imported = self.desk.imported.write().unwrap_or_else(PoisonError::into_inner);
        change(imported.entry(schedule.to_owned()).or_default());
    }

    /// From when to when the shifts of a schedule that is kept elsewhere were read; `None` for those in the configuration.
    pub(super) fn known_range(&self, schedule: &str) -> Option<(Timestamp, Timestamp)> {
        let imported = self.desk.imported.read().unwrap_or_else(PoisonError::into_inner);
        imported.get(schedule)?.range
    }

    /// What of a calendar cannot be used, each with why.
    pub(super) fn skipped(&self, schedule: &str) -> Vec<String> {
        let imported = self.desk.imported.read().unwrap_or_else(PoisonError::into_inner);
        imported.get(schedule).map(|imported| imported.skipped.clone()).unwrap_or_default()
    }

    /// Since when the shifts are from an old copy, and why; `None` while they are fresh.
    pub(super) fn stale(&self, schedule: &str) -> Option<(Timestamp, String)> {
        let imported = self.desk.imported.read().unwrap_or_else(PoisonError::into_inner);
        let Imported { confirmed_at, error, .. } = imported.get(schedule)?;
        let error = error.clone()?;
        let at = confirmed_at.unwrap_or(self.started_at);
        (confirmed_at.is_none() || self.now().since(at) > OLD).then_some((at, error))
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum PullError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
