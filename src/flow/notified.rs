//! Alerts of other systems: a notification is stored, its alerts become signals, and what its sender no longer speaks of ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::core::engine::Input;
use crate::core::label::{Fingerprint, Labels};
use crate::core::severity::Severity;
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

/// When each sender last spoke of an alert. Kept in memory: after a restart every alert has its whole time again.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<BTreeMap<Fingerprint, Last>>);

#[derive(Clone, Copy, Debug)]
struct Last {
    /// Silence from here on is an end.
    ends_at: Timestamp,
    /// The episode that resolved: its news may still come late by another way.
    resolved: Option<Timestamp>,
}

impl Flow {
    /// Takes a notification in. False: it was not stored, and shall come again.
    pub async fn take_notification(self: Arc<Self>, notification: Notification) -> bool {
        let late = async |_| ();
        Unfinished::new(async move { self.receive_notification(notification).await }, late).await
    }

    async fn receive_notification(&self, notification: Notification) -> bool {
        let key = notification.key();
        let payload = serde_json::to_string(&notification).unwrap_or_default();
        let received_at = self.now();
        let input = NewInput { key: key.clone(), kind: KIND.to_owned(), payload, received_at, done: false };
        match self.intake.receive(input).await {
            Ok(Receipt::New) => {}
            Ok(Receipt::Duplicate) => {
                self.metrics.input(KIND, "duplicate");
                self.hear_again(&notification).await;
                return true;
            }
            Err(error) => {
                self.trouble(&error);
                return false;
            }
        }
        match self.work_notification(&key, &notification).await {
            Ok(()) | Err(StepError::AlreadyDone) => {}
            Err(StepError::NotLeader) => {
                if let Err(error) = inbox::hand_over(&self.store, &key).await {
                    tracing::warn!(error = %error, "a notification waits a little longer than it must");
                }
            }
            // It is stored, and worked on when the database is back.
            Err(StepError::Store(error)) => self.trouble(&error),
        }
        true
    }

    /// Commits what follows from a stored notification together with its end in the inbox.
    pub(super) async fn work_notification(&self, key: &str, notification: &Notification) -> Result<(), StepError> {
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

    /// A repetition says that its alerts still fire. One that has ended here meanwhile fires again.
    async fn hear_again(&self, notification: &Notification) {
        let signals = self.news(notification);
        if !signals.is_empty() {
            self.signals(signals).await;
        }
    }

    /// What the engine does not know yet.
    fn news(&self, notification: &Notification) -> Vec<Signal> {
        let now = self.now();
        let limit = self.settings().externals.get(&notification.source).copied().unwrap_or_default();
        let mut news: Vec<Signal> = {
            let mut heard = self.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = notification.alerts.iter().filter(|alert| hear(&mut heard, alert, now, limit));
            fresh.map(External::signal).collect()
        };
        self.with_engine(|engine, _, _| news.retain(|signal| engine.wants(signal)));
        news
    }

    /// Ends what its sender has not spoken of for longer than it may: a source that is gone leaves no alert behind for ever.
    pub async fn end_silent(&self) {
        let (now, settings) = (self.now(), self.settings());
        if settings.externals.is_empty() || self.lease().is_none() {
            return;
        }
        let live: Vec<(Labels, Severity, Duration)> = self.with_engine(|engine, _, _| {
            let of_others = engine.alerts().filter(|alert| !alert.resolved()).filter_map(|alert| {
                let limit = settings.externals.get(alert.labels.get("source")?)?;
                Some((alert.labels.clone(), alert.severity, *limit))
            });
            of_others.collect()
        });
        let signals: Vec<Signal> = {
            let mut heard = self.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut over = Vec::new();
            for (labels, severity, limit) in &live {
                let fresh = Last { ends_at: now.plus(*limit), resolved: None };
                let last = heard.entry(labels.fingerprint()).or_insert(fresh);
                if last.ends_at <= now {
                    tracing::warn!(alert = %labels, "its sender no longer speaks of an alert; it ends");
                    over.push(silent(labels, *severity));
                }
            }
            // What has been over for long is forgotten.
            heard.retain(|fingerprint, last| {
                let firing = live.iter().any(|(labels, ..)| labels.fingerprint() == *fingerprint);
                firing || now.since(last.ends_at) < Duration::from_hours(24)
            });
            over
        };
        if !signals.is_empty() {
            self.signals(signals).await;
        }
    }

    /// As [`Flow::work_notification`], for one that the sweep found. True when it is finished.
    pub(super) async fn work_notification_again(&self, row: &inbox::Input) -> Result<bool, StoreError> {
        let Ok(notification) = serde_json::from_str::<Notification>(&row.payload) else {
            return self.put_off(row, None, "written by another version and not readable by this one").await;
        };
        match self.work_notification(&row.key, &notification).await {
            Ok(()) => Ok(true),
            Err(StepError::AlreadyDone | StepError::NotLeader) => Ok(false),
            Err(StepError::Store(error)) => self.put_off(row, None, &error.to_string()).await,
        }
    }
}

/// False: news of an episode whose end was heard already, come late by another way.
fn hear(heard: &mut BTreeMap<Fingerprint, Last>, alert: &External, now: Timestamp, limit: Duration) -> bool {
    let last = heard.entry(alert.labels.fingerprint()).or_insert(Last { ends_at: now, resolved: None });
    if alert.firing && last.resolved.is_some_and(|resolved| alert.starts_at <= resolved) {
        return false;
    }
    // A sender that says when it ends says so again before that.
    let own = alert.ends_at.filter(|at| alert.firing && *at > now);
    last.ends_at = own.unwrap_or_else(|| now.plus(limit));
    if !alert.firing {
        last.resolved = Some(alert.starts_at);
    }
    true
}
