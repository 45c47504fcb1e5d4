//! Pictures of named queries: asked for, drawn when it is their turn, uploaded where they were asked for.

use serde::{Deserialize, Serialize};

use crate::chart::series;
use crate::core::graph::Ask;
use crate::core::ids::{ChannelId, MessageTs, UserId};
use crate::core::label::Labels;
use crate::core::time::Span;
use crate::prometheus::Answer;
use crate::slack::api::{Share, Upload};
use crate::slack::blocks::graph::{self, Line};
use crate::store::jobs::Job;

use super::Flow;
use super::act::Plan;
use super::deliver::Attempt;
use super::effect::Effect;

/// A picture to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawing {
    pub title: String,
    pub query: String,
    pub range: Span,
}

/// Where a picture goes, and who hears why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    pub drawing: Drawing,
    pub channel: ChannelId,
    pub thread_ts: Option<MessageTs>,
    pub user: UserId,
}

impl Flow {
    pub(super) fn plan_graph(&self, ask: &Ask) -> Plan {
        let settings = self.settings();
        let Some(name) = &ask.name else { return Plan::Answer(graph::list(&settings.graphs)) };
        let Some(found) = settings.graphs.iter().find(|graph| graph.name == *name) else {
            return Plan::Answer(graph::no_such_graph(name, &settings.graphs));
        };
        match found.filled(ask) {
            Ok((query, range)) => {
                let title = found.title.clone().unwrap_or_else(|| found.name.clone());
                Plan::Draw(Drawing { title, query, range })
            }
            Err(unfit) => Plan::Answer(graph::unfit(found, &unfit)),
        }
    }

    /// Asks Prometheus, draws, and uploads. What cannot be drawn is said to whoever asked.
    pub(super) async fn draw(&self, job: &Job, picture: &Picture) -> Attempt {
        let Picture { drawing: Drawing { title, query, range }, channel, thread_ts, user } = picture;
        let instead = |why: String| {
            let message = graph::failed(title, &why);
            let (channel, user, thread_ts) = (channel.clone(), user.clone(), thread_ts.clone());
            let say = Effect::Ephemeral { channel, user, thread_ts, message };
            Attempt::Settled { remember: None, say: Some(Box::new(say)) }
        };
        if job.interrupted {
            return instead("I do not know whether it arrived; ask again if it did not.".to_owned());
        }
        if let Some(at) = self.turn("files.completeUploadExternal", None) {
            return Attempt::NotYet(at);
        }
        let answer = match self.prometheus.query_range(query, *range, self.now()).await {
            Ok(answer) => answer,
            Err(error) => return instead(format!("{error}.")),
        };
        let lines: Vec<_> = answer.series.iter().map(|series| series.points.clone()).collect();
        let bytes = match series::series_chart(&lines, title) {
            Ok(bytes) => bytes,
            Err(error) => return instead(error.to_string()),
        };
        let comment = graph::figures(title, *range, &figures(&answer), answer.left_out);
        let filename = format!("{}.png", title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        let alt_text = format!("{title} over {range}");
        let upload = Upload { filename, title: title.clone(), alt_text, bytes };
        let share = Share { channel: channel.clone(), thread_ts: thread_ts.clone(), comment: Some(comment) };
        match self.api.upload_file(&upload, Some(&share)).await {
            Ok(_) => Attempt::Done { shown: None },
            Err(error) if error.channel_gone() => {
                instead(format!("I cannot upload to this channel ({error}); invite me there."))
            }
            Err(error) => self.failed("files.completeUploadExternal", None, error),
        }
    }
}

fn figures(answer: &Answer) -> Vec<Line> {
    let labels: Vec<&Labels> = answer.series.iter().map(|series| &series.labels).collect();
    let line = |(nth, found): (usize, &crate::prometheus::Series)| {
        let values = || found.points.iter().map(|(_, value)| *value);
        Some(Line {
            name: if labels.len() == 1 { String::new() } else { telling(&found.labels, &labels) },
            colour: series::colour_name(nth),
            last: values().next_back()?,
            min: values().fold(f64::INFINITY, f64::min),
            max: values().fold(f64::NEG_INFINITY, f64::max),
        })
    };
    answer.series.iter().enumerate().filter_map(line).collect()
}

/// The labels in which a series differs from the others.
fn telling(labels: &Labels, all: &[&Labels]) -> String {
    let differs = |name: &str| all.iter().any(|other| other.get(name) != labels.get(name));
    let telling: Vec<_> =
        labels.iter().filter(|(name, _)| differs(name)).map(|(name, value)| format!("{name}={value}")).collect();
    if telling.is_empty() { labels.to_string() } else { telling.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_called_by_what_tells_it_from_the_others() {
        let of = |feed: &str| -> Labels { [("job", "feeds"), ("feed", feed)].into_iter().collect() };
        let (sol, eth) = (of("sol"), of("eth"));
        assert_eq!(telling(&sol, &[&sol, &eth]), "feed=sol");
        assert_eq!(telling(&sol, &[&sol, &sol]), r#"{feed="sol", job="feeds"}"#);
    }
}
