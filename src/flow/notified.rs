//! Alerts of other systems: a notification is stored, its alerts become signals, and what its sender no longer speaks of ends.

mod silent;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::core::engine::Input;
use crate::core::label::{Fingerprint, SEVERITY};
use crate::core::signal::Signal;
use crate::core::time::Timestamp;
use crate::prometheus::{External, Notification, silent};
use crate::store::intake::{NewInput, Receipt};
use crate::store::{StoreError, inbox};

use super::Flow;
use super::receive::finish;
use super::step::StepError;
use super::unfinished::Unfinished;

/// The kind of such inputs in the inbox.
pub(super) const KIND: &str = "notification";

/// News of an episode come this much after its end by another way, if they come late; what comes later is news.
const LATE_TWIN: Duration = Duration::from_mins(10);

/// When each sender last spoke of an alert, as the holder of the lease heard it. Kept in memory: after a restart or a takeover
/// every alert has its whole time again.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<BTreeMap<Fingerprint, Last>>);

#[derive(Clone, Copy, Debug)]
struct Last {
    /// Silence from here on is an end.
    ends_at: Timestamp,
    /// The episode that resolved: its news may still come late by another way.
    resolved: Option<End>,
}

#[derive(Clone, Copy, Debug)]
struct End {
    started_at: Timestamp,
    heard_at: Timestamp,
}

impl Heard {
    /// What was heard before somebody else held the lease tells nothing.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Flow {
    /// Takes a notification in. False: it was not stored, and shall come again.
    pub async fn take_notification(self: Arc<Self>, notification: Notification) -> bool {
        let late = async |_| ();
        Unfinished::new(async move { self.receive_notification(notification).await }, late).await
    }

    async fn receive_notification(&self, notification: Notification) -> bool {
        let key = notification.key();
        match self.store_notification(&key, &notification).await {
            Ok(Receipt::New) => {}
            Ok(Receipt::Duplicate) => {
                self.metrics.input(KIND, "duplicate");
                return self.hear_again(&key, &notification).await;
            }
            Err(error) => {
                self.trouble(&error);
                return false;
            }
        }
        match self.work_notification(&key, &notification).await {
            Ok(()) | Err(StepError::AlreadyDone) => {}
            Err(StepError::NotLeader) => self.leave_to_leader(&key).await,
            // It is stored, and worked on when the database is back.
            Err(StepError::Store(error)) => self.trouble(&error),
        }
        true
    }

    async fn store_notification(&self, key: &str, notification: &Notification) -> Result<Receipt, StoreError> {
        let payload = serde_json::to_string(notification).unwrap_or_default();
        let (key, kind, received_at) = (key.to_owned(), KIND.to_owned(), self.now());
        self.intake.receive(NewInput { key, kind, payload, received_at, done: false }).await
    }

    async fn leave_to_leader(&self, key: &str) {
        if let Err(error) = inbox::hand_over(&self.store, key).await {
            tracing::warn!(error = %error, "a notification waits a little longer than it must");
        }
    }

    /// Commits what follows from a stored notification together with its end in the inbox.
    pub(super) async fn work_notification(&self, key: &str, notification: &Notification) -> Result<(), StepError> {
        if self.lease().is_none() {
            return Err(StepError::NotLeader);
        }
        let _in_turn = self.judging.lock().await;
        let inputs = self.news(notification).into_iter().map(Input::Signal).collect();
        self.step(inputs, |_| finish(key, "taken")).await?;
        self.metrics.input(KIND, "done");
        if notification.truncated > 0 {
            tracing::warn!(
                source = notification.source,
                left_out = notification.truncated,
                "Alertmanager left alerts out of a notification; raise or remove its max_alerts"
            );
        }
        Ok(())
    }

    /// A repetition says that its alerts still fire. One that has ended here meanwhile fires again. False: as
    /// [`Flow::take_notification`].
    async fn hear_again(&self, key: &str, notification: &Notification) -> bool {
        if self.lease().is_some() {
            let judging = self.judging.lock().await;
            let signals = self.news(notification);
            if !signals.is_empty() {
                self.judge(&judging, signals, false, false).await;
            }
            return true;
        }
        // Only the holder of the lease keeps the time. Alertmanager repeats far less often than once a minute.
        let key = format!("{key} {}", self.now().as_secs() / 60);
        match self.store_notification(&key, notification).await {
            Ok(Receipt::New) => self.leave_to_leader(&key).await,
            Ok(Receipt::Duplicate) => {}
            Err(error) => {
                self.trouble(&error);
                return false;
            }
        }
        true
    }

    /// What the engine does not know yet.
    fn news(&self, notification: &Notification) -> Vec<Signal> {
        let now = self.now();
        let limit = self.settings().externals.get(&notification.source).copied().unwrap_or_default();
        let fresh: Vec<&External> = {
            let mut heard = self.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
            notification.alerts.iter().filter(|alert| hear(&mut heard, alert, now, limit)).collect()
        };
        let doubtful = self.doubtful.load(Ordering::Relaxed);
        self.with_engine(|engine, _, _| {
            let mut news: Vec<Signal> = fresh.iter().map(|alert| alert.signal()).collect();
            // Memory may be behind the store after a failed commit; the decision reads that first.
            news.retain(|signal| doubtful || engine.wants(signal));
            // What an earlier version knew without its severity goes on under its whole name.
            let before = |alert: &&External| engine.alert(alert.called_before());
            let before = fresh.iter().filter_map(before).filter(|before| before.labels.get(SEVERITY).is_none());
            let ends = before.filter(|before| !before.resolved()).map(|before| silent(&before.labels, before.severity));
            news.extend(ends);
            news
        })
    }

    /// As [`Flow::work_notification`], for one that the sweep found. True when it is finished.
    pub(super) async fn work_notification_again(&self, row: &inbox::Input) -> Result<bool, StoreError> {
        let Ok(mut notification) = serde_json::from_str::<Notification>(&row.payload) else {
            return self.put_off(row, None, "written by another version and not readable by this one").await;
        };
        notification.alerts = notification.alerts.into_iter().map(External::renewed).collect();
        match self.work_notification(&row.key, &notification).await {
            Ok(()) => Ok(true),
            Err(StepError::AlreadyDone | StepError::NotLeader) => Ok(false),
            Err(StepError::Store(error)) if error.retryable() => self.try_again(row, &error).await.map(|()| false),
            Err(StepError::Store(error)) => self.put_off(row, None, &error.to_string()).await,
        }
    }
}

/// False: news of an episode whose end was heard already, come late by another way.
fn hear(heard: &mut BTreeMap<Fingerprint, Last>, alert: &External, now: Timestamp, limit: Duration) -> bool {
    let last = heard.entry(alert.labels.fingerprint()).or_insert(Last { ends_at: now, resolved: None });
    // Whose sender says no time of beginning is told apart from nothing: it fires again.
    let dated = alert.starts_at > Timestamp::default();
    let late = |end: End| dated && alert.starts_at <= end.started_at && now.since(end.heard_at) < LATE_TWIN;
    if alert.firing && last.resolved.is_some_and(late) {
        return false;
    }
    // A sender that says when it ends says so again before that.
    let own = alert.ends_at.filter(|at| alert.firing && *at > now);
    last.ends_at = own.unwrap_or_else(|| now.plus(limit));
    last.resolved = (!alert.firing).then_some(End { started_at: alert.starts_at, heard_at: now });
    true
}
