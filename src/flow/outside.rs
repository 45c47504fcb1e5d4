//! Silences made here of alerts that came from an Alertmanager hold there too, and end there when somebody ends them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::core::group::Group;
use crate::core::ids::{Actor, ChannelId, SilenceId};
use crate::core::label::{Matcher, all_match};
use crate::core::silence::{Silence, SilencePhase};
use crate::core::time::Timestamp;
use crate::prometheus::{Matching, Quiet, SilenceError, theirs};
use crate::slack::blocks::modals::Covered;
use crate::slack::blocks::notes;
use crate::store::jobs::Job;
use crate::store::{StoreError, facts};

use super::Flow;
use super::deliver::Attempt;
use super::effect::{ANSWER, Effect, group_key};
use super::render::Scene;

/// Facts with this prefix say which silence of an Alertmanager is which of ours.
pub(super) const OUTSIDE: &str = "alertmanager.silence:";

/// What an Alertmanager is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Outside {
    Begin {
        source: String,
        silence: SilenceId,
        number: u64,
        matchers: Vec<Matcher>,
        starts_at: Timestamp,
        ends_at: Timestamp,
        by: String,
        comment: String,
        /// Whose thread hears of it: the living message's key and channel.
        thread: Option<(String, ChannelId)>,
    },
    End {
        source: String,
        silence: SilenceId,
    },
}

impl Outside {
    const fn about(&self) -> (&String, &SilenceId) {
        match self {
            Self::Begin { source, silence, .. } | Self::End { source, silence } => (source, silence),
        }
    }

    /// The end of a silence follows its beginning.
    pub(super) fn lane(&self) -> String {
        let (source, silence) = self.about();
        format!("alertmanager:{source} {silence}")
    }

    fn fact(&self) -> String {
        let (source, silence) = self.about();
        format!("{OUTSIDE}{source}:{silence}")
    }
}

impl Scene<'_> {
    /// What Alertmanagers are to do about silences that this decision makes or ends.
    pub fn outside(&self) -> Vec<(Effect, i64)> {
        let settings = self.flow.settings();
        if settings.silencers.is_empty() {
            return Vec::new();
        }
        let mut effects = Vec::new();
        for (id, silence) in &self.changes.silences {
            match self.engine.silence(id) {
                None => effects.extend(self.begin_outside(silence)),
                Some(before) => {
                    let ended = silence.expired_by.is_some() && before.expired_by.is_none();
                    if ended && matches!(silence.phase, SilencePhase::Ended { .. }) {
                        let end = |source: &String| Outside::End { source: source.clone(), silence: id.clone() };
                        effects.extend(settings.silencers.iter().map(end));
                    }
                }
            }
        }
        effects.into_iter().map(|outside| (Effect::Outside(outside), ANSWER)).collect()
    }

    fn begin_outside(&self, silence: &Silence) -> Vec<Outside> {
        let settings = self.flow.settings();
        let mut threads: BTreeMap<String, Option<(String, ChannelId)>> = BTreeMap::new();
        let covered = self.engine.alerts().filter(|alert| alert.firing() && all_match(&silence.matchers, *alert));
        for alert in covered {
            let Some(source) = alert.labels.get("source").filter(|name| settings.silencers.contains(*name)) else {
                continue;
            };
            let of = |group: &Group| Some((group_key(&group.id), self.receiver(group)?.channel));
            let thread = || self.engine.groups_of(alert.fingerprint()).next().and_then(of);
            threads.entry(source.to_owned()).or_insert_with(thread);
        }
        let by = match &silence.created_by {
            Actor::Person { user, .. } => format!("{user} in Slack"),
            Actor::System => "watchkeeper".to_owned(),
        };
        let begin = |(source, thread)| Outside::Begin {
            source,
            silence: silence.id.clone(),
            number: silence.number,
            matchers: silence.matchers.clone(),
            starts_at: silence.starts_at,
            ends_at: silence.ends_at,
            by: by.clone(),
            comment: silence.comment.clone(),
            thread,
        };
        threads.into_iter().map(begin).collect()
    }
}

impl Flow {
    /// The Alertmanagers in which a silence with these matchers would hold too, and which of their active alerts it would
    /// match; `None` when one does not say in time.
    pub(super) async fn matched_outside(&self, matchers: &[Matcher]) -> Vec<(String, Option<Covered>)> {
        let settings = self.settings();
        let sources: BTreeSet<String> = self.with_engine(|engine, _, _| {
            let covered = engine.alerts().filter(|alert| alert.firing() && all_match(matchers, *alert));
            let source = |alert: &crate::core::alert::Alert| alert.labels.get("source").map(str::to_owned);
            covered.filter_map(source).filter(|name| settings.silencers.contains(name)).collect()
        });
        let Some(matchers) = theirs(matchers) else { return Vec::new() };
        let ask = |source: String| {
            let matchers = &matchers;
            async move {
                let asked = self.alertmanagers.matching(&source, matchers);
                let found = tokio::time::timeout(self.waits.look, asked).await;
                let covered = |Matching { count, first }| Covered { count, first };
                (source, found.ok().and_then(Result::ok).map(covered))
            }
        };
        join_all(sources.into_iter().map(ask)).await
    }

    pub(super) async fn silence_outside(&self, job: &Job, outside: &Outside) -> Result<Attempt, StoreError> {
        let done = match outside {
            Outside::Begin { .. } => self.begin(job, outside).await,
            Outside::End { source, .. } => match facts::get(&self.store, &outside.fact()).await? {
                None => return Ok(Attempt::Moot("it was never silenced there")),
                Some(id) => {
                    let ended = self.alertmanagers.expire(source, &id).await;
                    ended.map(|()| Attempt::Settled { remember: Some((outside.fact(), None)), say: None })
                }
            },
        };
        Ok(done.unwrap_or_else(|error| Attempt::Elsewhere {
            again: matches!(error, SilenceError::Unavailable(_)),
            error: format!("Alertmanager {} {error}", outside.about().0),
        }))
    }

    /// Counts what it would silence, makes it, and says so in the thread. What matches nothing there is not made.
    async fn begin(&self, job: &Job, outside: &Outside) -> Result<Attempt, SilenceError> {
        let Outside::Begin { source, silence, number, matchers, starts_at, ends_at, by, comment, thread } = outside
        else {
            return Ok(Attempt::Moot("it does not begin"));
        };
        if *ends_at <= self.now() {
            return Ok(Attempt::Moot("the silence is over"));
        }
        let say = |count: Option<usize>| {
            thread.clone().map(|(key, channel)| {
                let message = notes::silenced_outside(source, *number, count);
                Box::new(Effect::Note { key, channel, message })
            })
        };
        let Some(matchers) = theirs(matchers) else {
            return Ok(Attempt::Settled { remember: None, say: say(None) });
        };
        let mark = format!("watchkeeper silence {number}, {silence}");
        let earlier = if job.interrupted { self.alertmanagers.find(source, &mark).await? } else { None };
        let Matching { count, .. } = self.alertmanagers.matching(source, &matchers).await?;
        let id = match earlier {
            Some(id) => id,
            None if count == 0 => return Ok(Attempt::Settled { remember: None, say: say(Some(0)) }),
            None => {
                let (matchers, mark) = (matchers.as_slice(), mark.as_str());
                let (starts_at, ends_at) = (*starts_at, *ends_at);
                let quiet = Quiet { matchers, starts_at, ends_at, created_by: by, comment, mark };
                self.alertmanagers.silence(source, &quiet).await?
            }
        };
        Ok(Attempt::Settled { remember: Some((outside.fact(), Some(id))), say: say(Some(count)) })
    }
}
