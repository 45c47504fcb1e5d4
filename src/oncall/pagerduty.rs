//! PagerDuty's REST API: a schedule as it is rendered, overrides included. Read only.
//! Source: developer.pagerduty.com, "Get a schedule", "List all of the on-calls", "Pagination".

use jiff::Timestamp as Instant;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::http::{FetchError, Http};
use crate::core::oncall::{Entry, Person};
use crate::core::time::Timestamp;

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
    user: User,
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

/// The shifts of `schedule` in `range`. A schedule that does not render its shifts is asked for by on-calls.
pub(super) async fn entries(
    http: &Http,
    base: &Url,
    token: &SecretString,
    schedule: &str,
    range: (Timestamp, Timestamp),
) -> Result<Vec<Entry>, FetchError> {
    let span = [("since", range.0.to_string()), ("until", range.1.to_string())];
    let mut url = at(base, &["schedules", schedule])?;
    url.query_pairs_mut().extend_pairs(&span).append_pair("include[]", "users").append_pair("time_zone", "UTC");
    let answer: Answer = http.pagerduty(url, token).await?;
    let rendered = answer.schedule.final_schedule.map(|layer| layer.rendered_schedule_entries).unwrap_or_default();
    let named = rendered.iter().all(|entry| entry.user.email.is_some());
    if !rendered.is_empty() && named {
        return rendered.iter().map(|entry| entry_of(&entry.user, &entry.start, &entry.end)).collect();
    }
    // The schedule names users by reference; on-calls can include them whole, address and all.
    on_calls(http, base, token, schedule, &span, range).await
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
