//! Looking back: requests, one with its history, and the whole audit log by who, what and when.

use std::time::Duration;

use crate::core::audit::Entry;
use crate::core::ids::UserId;
use crate::core::time::{Span, Timestamp};
use crate::slack::blocks::action::{self as blocks, HistoryView, ListView};
use crate::slack::blocks::audit::{AuditView, audit};
use crate::slack::blocks::replies;
use crate::slack::message::Message;
use crate::store::actions;
use crate::store::audit::{Cursor, Filter, page};

use super::super::Flow;
use super::record::subject;

/// Requests that a list looks at.
const LISTED: u32 = 40;
/// Entries of one request: more than any has, but a drain of a large node.
const HISTORY: u32 = 400;
/// Entries one search shows, and one more that tells whether there are others.
const FOUND: u32 = 26;

impl Flow {
    pub(super) async fn action_list(&self) -> Message {
        let found = async {
            Ok::<_, crate::store::StoreError>((actions::latest(&self.store, LISTED).await?, self.frozen().await?))
        };
        match found.await {
            Ok((found, freeze)) => {
                for stored in &found {
                    self.know(&stored.request.asked.by.user).await;
                }
                let requests: Vec<_> = found.iter().map(|stored| &stored.request).collect();
                let (people, now) = (self.people(), self.now());
                blocks::list(&ListView { requests: &requests, freeze: freeze.as_ref(), people: &people, now })
            }
            Err(error) => {
                self.trouble(&error);
                replies::unavailable()
            }
        }
    }

    pub(super) async fn action_history(&self, number: u64) -> Message {
        let found = async {
            let filter = Filter { subject: Some(subject(number)), ..Filter::default() };
            let entries = page(&self.store, &filter, Cursor::After(0), HISTORY).await?;
            Ok::<_, crate::store::StoreError>((actions::by_number(&self.store, number).await?, entries))
        };
        match found.await {
            Ok((Some(stored), entries)) => {
                self.know_everybody_in(&entries).await;
                let settings = self.settings();
                blocks::history(&HistoryView {
                    request: &stored.request,
                    needs: stored.request.needs(&settings.actions.policy),
                    entries: &entries,
                    people: &self.people(),
                    now: self.now(),
                })
            }
            Ok((None, _)) => blocks::no_such_action(Some(number)),
            Err(error) => {
                self.trouble(&error);
                replies::unavailable()
            }
        }
    }

    async fn know_everybody_in(&self, entries: &[Entry]) {
        let mut users: Vec<&UserId> = entries
            .iter()
            .filter_map(|entry| match &entry.record.actor {
                crate::core::ids::Actor::Person { user, .. } => Some(user),
                crate::core::ids::Actor::System => None,
            })
            .collect();
        users.sort();
        users.dedup();
        for user in users {
            self.know(user).await;
        }
    }

    /// Each word names a person (`@ann`), a subject (`action/7`, `alert/17`, `#7`), a length of time (`2d`), a day
    /// (`2026-11-28`) or the beginning of what was done (`action`, `silence.created`).
    pub(super) async fn audit_search(&self, words: &[String]) -> Message {
        let mut filter = Filter::default();
        let now = self.now();
        for word in words {
            let word = word.trim_matches('"');
            if let Some(user) = word.strip_prefix('@') {
                filter.user = Some(UserId::new(user));
            } else if let Some(number) = word.strip_prefix('#').filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
            {
                filter.subject = Some(subject(number.parse().unwrap_or_default()));
            } else if let Ok(length) = word.parse::<Span>() {
                filter.since = Some(now.minus(length.duration()));
            } else if let Some((from, to)) = day(word, now) {
                (filter.since, filter.until) = (Some(from), Some(to));
            } else if word.contains('/') {
                filter.subject = Some(word.to_owned());
            } else {
                filter.verb = Some(word.to_lowercase());
            }
        }
        match page(&self.store, &filter, Cursor::Before(i64::MAX), FOUND).await {
            Ok(mut entries) => {
                let more = entries.len() == FOUND as usize;
                entries.truncate(FOUND as usize - 1);
                self.know_everybody_in(&entries).await;
                let (people, asked) = (self.people(), words.join(" "));
                audit(&AuditView { asked: &asked, entries: &entries, more, people: &people, now })
            }
            Err(error) => {
                self.trouble(&error);
                replies::unavailable()
            }
        }
    }
}

/// `today`, `yesterday` or `2026-11-28`, from midnight to midnight in UTC.
fn day(word: &str, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    const DAY: Duration = Duration::from_hours(24);
    let midnight = |at: Timestamp| Timestamp::from_secs(at.as_secs().div_euclid(86_400) * 86_400);
    let from = match word.to_lowercase().as_str() {
        "today" => midnight(now),
        "yesterday" => midnight(now.minus(DAY)),
        text => {
            let day: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
            let at = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Timestamp::from_millis(at.timestamp().as_millisecond())
        }
    };
    Some((from, from.plus(DAY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_from_midnight_to_midnight() {
        let now = Timestamp::from_secs(1_795_521_600 + 3600);
        assert_eq!(
            day("2026-11-24", now).map(|(from, _)| from.to_string()).as_deref(),
            Some("2026-11-24T00:00:00.000Z")
        );
        assert_eq!(day("today", now).map(|(_, to)| to.to_string()).as_deref(), Some("2026-11-25T00:00:00.000Z"));
        assert_eq!(
            day("yesterday", now).map(|(from, _)| from.to_string()).as_deref(),
            Some("2026-11-23T00:00:00.000Z")
        );
        assert!(day("action", now).is_none() && day("20261124", now).is_none());
    }
}
