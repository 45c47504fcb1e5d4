//! On call: the schedules as the use cases take them, and the loops that keep them in step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::config::Config;
use crate::config::oncall::PagerDuty;
use crate::config::secrets::Environment;
use crate::core::oncall::{Calendar, Schedule};
use crate::flow::{Flow, StepError, oncall};
use crate::oncall::{Client, Feed};
use crate::store::StoreError;

use super::loops::every;
use super::start::StartError;

/// Overrides that another replica took.
const REFRESH: Duration = Duration::from_secs(10);
const KEEP: Duration = Duration::from_mins(1);
/// A shift change is noticed within this.
const HANDOFFS: Duration = Duration::from_secs(5);
/// Who is in Slack changes rarely; each person is a call.
const DIRECTORY: Duration = Duration::from_hours(1);
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// A schedule, or a calendar of what is planned, that is kept elsewhere.
pub(super) struct Source {
    of: Of,
    feed: Feed,
    every: Duration,
}

#[derive(Clone)]
enum Of {
    Schedule(String),
    Plans(String),
}

pub(super) fn settings(config: &Config) -> oncall::Settings {
    oncall::Settings {
        schedules: config.oncall.schedules.clone(),
        people: config.oncall.people.clone(),
        warn_gaps: config.oncall.warn_gaps.duration(),
        calendars: config.oncall.calendars.keys().cloned().collect(),
        digest: config.oncall.digest.as_ref().map(|digest| (digest.schedule.clone(), digest.channel.clone())),
        calendar_url: config.slack.public_url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
    }
}

/// What is to be fetched, with their secrets.
pub(super) fn sources(config: &Config, environment: &Environment) -> Result<Vec<Source>, StartError> {
    let missing = |name: &str, what: &str| StartError::Schedule {
        error: format!("{name} is not set; put {what} there, or into the file {name}_FILE names"),
    };
    let pagerduty = &config.oncall.pagerduty;
    let mut sources = Vec::new();
    for schedule in &config.oncall.schedules {
        if let Some(calendar) = &schedule.ical {
            let url = environment.secret(&calendar.url_env)?;
            let url = url.ok_or_else(|| missing(&calendar.url_env, "the calendar's address"))?;
            let every = calendar.every.duration();
            sources.push(Source { of: Of::Schedule(schedule.name.clone()), feed: Feed::Ical { url }, every });
        }
        if let Some(id) = &schedule.pagerduty {
            let token = environment.secret(&pagerduty.token_env)?;
            let token = token.ok_or_else(|| missing(&pagerduty.token_env, "a read-only REST API key of PagerDuty"))?;
            let base = Url::parse(&pagerduty.url).map_err(|error| StartError::Schedule { error: error.to_string() })?;
            let feed = Feed::PagerDuty { base, token, schedule: id.clone() };
            sources.push(Source { of: Of::Schedule(schedule.name.clone()), feed, every: pagerduty.every.duration() });
        }
    }
    for (name, calendar) in &config.oncall.calendars {
        let url = environment.secret(&calendar.url_env)?;
        let url = url.ok_or_else(|| missing(&calendar.url_env, "the calendar's address"))?;
        let every = calendar.every.duration();
        sources.push(Source { of: Of::Plans(name.clone()), feed: Feed::Ical { url }, every });
    }
    Ok(sources)
}

/// Who is on call as it was last known, before anything is decided: a step that came due meanwhile must find somebody.
pub(super) async fn restore(flow: &Flow, sources: &[Source]) -> Result<(), StoreError> {
    for source in sources {
        if let Of::Schedule(name) = &source.of {
            flow.restore_schedule(name, &source.feed).await;
        }
    }
    flow.recall_directory().await
}

pub(super) fn spawn(flow: &Arc<Flow>, sources: Vec<Source>, tasks: &TaskTracker, stop: &CancellationToken) {
    tasks.spawn(every(flow, REFRESH, stop.clone(), refresh));
    tasks.spawn(every(flow, DIRECTORY, stop.clone(), |flow| async move { flow.refresh_directory().await }));
    tasks.spawn(every(flow, KEEP, stop.clone(), keep));
    tasks.spawn(every(flow, HANDOFFS, stop.clone(), hand_over));
    let client = match Client::new(CALL_LIMIT) {
        Ok(client) => client,
        Err(error) => {
            return tracing::error!(error = %error, "no schedule is fetched: the HTTP client cannot be set up");
        }
    };
    for Source { of, feed, every: length } in sources {
        let client = client.clone();
        let pull = move |flow: Arc<Flow>| {
            let (of, feed, client) = (of.clone(), feed.clone(), client.clone());
            async move {
                match of {
                    Of::Schedule(name) => flow.pull_schedule(&name, &feed, &client).await,
                    Of::Plans(name) => flow.pull_plans(&name, &feed, &client).await,
                }
            }
        };
        tasks.spawn(every(flow, length, stop.clone(), pull));
    }
}

async fn refresh(flow: Arc<Flow>) {
    let refreshed = async {
        flow.refresh_on_call().await?;
        flow.refresh_handoffs().await
    };
    flow.listen_for_missed();
    if let Err(error) = refreshed.await {
        tracing::warn!(error = %error, "overrides and handoffs are as they were: the database does not answer");
    }
}

async fn hand_over(flow: Arc<Flow>) {
    let kept = async {
        flow.keep_handoffs().await?;
        flow.keep_incidents().await?;
        flow.post_week().await.map(drop)
    };
    match kept.await {
        Ok(()) | Err(StepError::NotLeader | StepError::AlreadyDone) => {}
        Err(StepError::Store(error)) => {
            flow.metrics.store_failed();
            tracing::warn!(error = %error, "handoffs are looked at again in a moment");
        }
    }
}

async fn keep(flow: Arc<Flow>) {
    flow.look_up_strangers().await;
    flow.keep_user_groups().await;
    let kept = async {
        flow.expire_swaps().await?;
        flow.warn_of_gaps().await
    };
    if let Err(error) = kept.await {
        tracing::warn!(error = %error, "gaps and expired swaps are looked at again in a minute");
    }
}

/// What of the configuration only a start takes over.
pub(super) fn fetched(config: &Config) -> (Vec<&Schedule>, &PagerDuty, &BTreeMap<String, Calendar>) {
    let schedules = config.oncall.schedules.iter().filter(|schedule| schedule.imported());
    (schedules.collect(), &config.oncall.pagerduty, &config.oncall.calendars)
}
