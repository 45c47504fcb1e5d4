//! Calendars of what is planned: releases, maintenance, listings. The last good copy is kept, and read when somebody asks.

use crate::core::handoff::{Upcoming, What};
use crate::core::time::Timestamp;
use crate::oncall::{Client, Feed, ical};
use crate::store::oncall;

use super::super::Flow;

/// Beside the copies of schedules, whose names have no slash.
fn key(calendar: &str) -> String {
    format!("calendar/{calendar}")
}

impl Flow {
    /// Fetches one calendar, for all replicas. Whatever fails, the last good copy stays.
    pub async fn pull_plans(&self, calendar: &str, feed: &Feed, client: &Client) {
        if self.lease().is_none() {
            return;
        }
        let pulled = self.pull_copy(&key(calendar), feed, client, self.now()).await;
        self.metrics.schedule_fetch(calendar, pulled.is_ok());
        if let Err(error) = pulled {
            tracing::warn!(calendar, error = %error, "a calendar could not be fetched; the last good copy stays in force");
        }
    }

    /// What the calendars say is under way at `from` or begins before `to`. One that cannot be read is left out.
    pub(in crate::flow) async fn planned(&self, from: Timestamp, to: Timestamp) -> Vec<Upcoming> {
        let mut all = Vec::new();
        for calendar in &self.settings().oncall.calendars {
            let read = match oncall::copy(&self.store, &key(calendar)).await {
                Ok(Some(copy)) => ical::planned(&copy.body, from, to).map_err(|error| error.to_string()),
                Ok(None) => continue,
                Err(error) => Err(error.to_string()),
            };
            match read {
                Ok(planned) => all.extend(planned.into_iter().map(|planned| {
                    let what = What::Planned { calendar: calendar.clone(), title: planned.summary, until: planned.to };
                    Upcoming { at: planned.from, what }
                })),
                Err(error) => tracing::warn!(calendar, error, "a handoff goes without what a calendar plans"),
            }
        }
        all
    }
}
