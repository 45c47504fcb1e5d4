//! PagerDuty's REST API: a schedule as it is rendered, overrides included. Read only.
//! Source: developer.pagerduty.com, "Get a schedule", "List users on call" (of a schedule), "List all of the on-calls",
//! "Pagination".

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp as Instant;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::http::{FetchError, Http};
use crate::core::oncall::{Entry, Person};
use crate::core::time::Timestamp;

/// How far back and ahead shifts are read: PagerDuty takes no range of more than three months, and none further ahead than 90
/// days.
pub const BACK: Duration = Duration::from_hours(7 * 24);
pub const AHEAD: Duration = Duration::from_hours(80 * 24);
/// PagerDuty's most for one page.
const PAGE: u32 = 100;
/// More shifts than this in four months are no schedule of people.
const PAGES: u32 = 50;

#[derive(Debug, Deserialize)]
struct Answer {
    schedule: Schedule,
}

#[derive(Debug, Deserialize)]
struct Schedule {
    final_schedule: Option<Layer>,
}

#[derive(Debug, Deserialize)]
struct Layer {
    #[serde(default)]
    rendered_schedule_entries: Vec<Rendered>,
}

#[derive(Debug, Deserialize)]
struct Rendered {
    start: String,
    end: String,
    /// Mostly a reference, without an address.
    user: Option<User>,
}

#[derive(Debug, Deserialize)]
struct Users {
    users: Vec<User>,
}

#[derive(Debug, Deserialize)]
struct OnCalls {
    oncalls: Vec<OnCall>,
    #[serde(default)]
    more: bool,
}

/// `start` and `end` are null for somebody who is always on call.
#[derive(Debug, Deserialize)]
struct OnCall {
    start: Option<String>,
    end: Option<String>,
    user: User,
}

#[derive(Debug, Deserialize)]
struct User {
    id: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    summary: Option<String>,
}

impl User {
    fn person(&self) -> Person {
        let name = || self.name.clone().or_else(|| self.summary.clone()).unwrap_or_else(|| self.id.clone());
        match self.email.as_deref().filter(|email| email.contains('@')) {
            Some(email) => Person::from(email.to_owned()),
            None => Person::Name(name()),
        }
    }
}

/// The shifts of `schedule` in `range`. A schedule that does not render its shifts is asked for by on-calls, which there are only
/// where an escalation policy uses it.
pub(super) async fn entries(
    http: &Http,
    base: &Url,
    token: &SecretString,
    schedule: &str,
    range: (Timestamp, Timestamp),
) -> Result<Vec<Entry>, FetchError> {
    let span = [("since", range.0.to_string()), ("until", range.1.to_string())];
    let mut url = at(base, &["schedules", schedule])?;
    // A shift that lasts beyond the range has its own end, or it would be another one at every fetch.
    url.query_pairs_mut().extend_pairs(&span).append_pair("time_zone", "UTC").append_pair("overflow", "true");
    let answer: Answer = http.pagerduty(url, token).await?;
    let Some(layer) = answer.schedule.final_schedule.filter(|layer| !layer.rendered_schedule_entries.is_empty()) else {
        return on_calls(http, base, token, schedule, &span, range).await;
    };
    let rendered: Vec<(User, String, String)> = layer
        .rendered_schedule_entries
        .into_iter()
        .filter_map(|entry| Some((entry.user?, entry.start, entry.end)))
        .collect();
    let users = if rendered.iter().all(|(user, ..)| user.email.is_some()) {
        BTreeMap::new()
    } else {
        let mut url = at(base, &["schedules", schedule, "users"])?;
        url.query_pairs_mut().extend_pairs(&span);
        let Users { users } = http.pagerduty(url, token).await?;
        users.into_iter().map(|user| (user.id.clone(), user)).collect()
    };
    let entry = |(user, start, end): &(User, String, String)| entry_of(users.get(&user.id).unwrap_or(user), start, end);
    rendered.iter().map(entry).collect()
}

async fn on_calls(
    http: &Http,
    base: &Url,
    token: &SecretString,
    schedule: &str,
    span: &[(&str, String)],
    range: (Timestamp, Timestamp),
) -> Result<Vec<Entry>, FetchError> {
    let mut entries: Vec<Entry> = Vec::new();
    for page in 0..PAGES {
        let mut url = at(base, &["oncalls"])?;
        url.query_pairs_mut()
            .extend_pairs(span)
            .append_pair("schedule_ids[]", schedule)
            .append_pair("include[]", "users")
            .append_pair("limit", &PAGE.to_string())
            .append_pair("offset", &(page * PAGE).to_string());
        let OnCalls { oncalls, more } = http.pagerduty(url, token).await?;
        for OnCall { start, end, user } in &oncalls {
            let start = start.clone().unwrap_or_else(|| range.0.to_string());
            let end = end.clone().unwrap_or_else(|| range.1.to_string());
            let entry = entry_of(user, &start, &end)?;
            // The same shift comes once for every escalation policy that uses the schedule.
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        if !more {
            entries.sort_by_key(|entry| (entry.from, entry.to));
            return Ok(entries);
        }
    }
    Err(FetchError::TooLarge)
}

fn at(base: &Url, path: &[&str]) -> Result<Url, FetchError> {
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| FetchError::Address)?.pop_if_empty().extend(path);
    Ok(url)
}

fn entry_of(user: &User, start: &str, end: &str) -> Result<Entry, FetchError> {
    let read = |text: &str| {
        let at: Result<Instant, _> = text.parse();
        let malformed = || FetchError::Malformed(format!("`{}` is no time", text.chars().take(40).collect::<String>()));
        at.map(|at| Timestamp::from_millis(at.as_millisecond())).map_err(|_| malformed())
    };
    Ok(Entry { person: user.person(), from: read(start)?, to: read(end)? })
}

/// What PagerDuty answers with, for `fuzz/`.
#[cfg(fuzzing)]
pub fn read_anything(bytes: &[u8]) {
    if let Ok(Answer { schedule }) = serde_json::from_slice(bytes) {
        for Rendered { start, end, user } in
            schedule.final_schedule.into_iter().flat_map(|layer| layer.rendered_schedule_entries)
        {
            let _entry = user.map(|user| entry_of(&user, &start, &end));
        }
    }
    if let Ok(OnCalls { oncalls, .. }) = serde_json::from_slice(bytes) {
        for OnCall { start, end, user } in oncalls {
            let _entry = entry_of(&user, &start.unwrap_or_default(), &end.unwrap_or_default());
        }
    }
    if let Ok(Users { users }) = serde_json::from_slice(bytes) {
        let _people: Vec<Person> = users.iter().map(User::person).collect();
    }
}
