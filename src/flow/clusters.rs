//! What the clusters say: news into the index, and from the index what people and metrics are told.

use std::sync::PoisonError;

use crate::cluster::Update;
use crate::core::redact::redact;
use crate::core::signal::Detail;
use crate::core::workload::{Clusters, Enquiry, Event, Name, Reach, Settings};
use crate::metrics::ClusterFigures;

use super::Flow;

impl Flow {
    /// Looks at all clusters as they are known now. Not for long: their news waits meanwhile.
    pub fn with_clusters<T>(&self, look: impl FnOnce(&Clusters) -> T) -> T {
        look(&self.workloads.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes news of clusters in, in order.
    pub fn observe_clusters(&self, updates: Vec<Update>) {
        let now = self.now();
        let mut clusters = self.workloads.lock().unwrap_or_else(PoisonError::into_inner);
        for Update { cluster, news } in updates {
            self.metrics.cluster_news(&cluster);
            clusters.apply(&cluster, news, now);
        }
    }

    /// Looks at what changed in the clusters; what begins, goes on or ends is committed.
    pub async fn judge_clusters(&self) {
        let signals = self.workloads.lock().unwrap_or_else(PoisonError::into_inner).judge(self.now());
        if !signals.is_empty() {
            self.signals(signals).await;
        }
    }

    /// Asks the clusters for log lines and events of what fires.
    pub async fn enquire_clusters(&self) {
        let now = self.now();
        let enquiries = self.workloads.lock().unwrap_or_else(PoisonError::into_inner).enquiries(now);
        let answers = futures_util::future::join_all(enquiries.iter().map(|enquiry| self.find_out(enquiry))).await;
        let mut clusters = self.workloads.lock().unwrap_or_else(PoisonError::into_inner);
        for (enquiry, details) in enquiries.iter().zip(answers) {
            clusters.answer(enquiry, details);
        }
    }

    /// What could not be had is left out: the alert says enough without it.
    async fn find_out(&self, Enquiry { cluster, events_of, log, .. }: &Enquiry) -> Vec<Detail> {
        let (logs, events) = self.clusters.tells(cluster);
        let mut details = Vec::new();
        if let Some((pod, container, previous)) = log.as_ref().filter(|_| logs) {
            let place = (&*pod.namespace, &*pod.name, &**container);
            let mut text = self.clusters.log_tail(cluster, place, *previous, LOG_LINES).await;
            if text.is_err() && *previous {
                // The run before may be gone already.
                text = self.clusters.log_tail(cluster, place, false, LOG_LINES).await;
            }
            match text {
                Ok(text) => details.push(Detail { title: "Last log lines".to_owned(), text: end(&redact(&text)) }),
                Err(error) => tracing::debug!(%cluster, error = %error, "no log lines for an alert"),
            }
        }
        if events {
            match self.clusters.events(cluster, events_of).await {
                Ok(events) => details.push(Detail { title: "Events".to_owned(), text: lines(&events) }),
                Err(error) => tracing::debug!(%cluster, error = %error, "no events for an alert"),
            }
        }
        details.retain(|detail| !detail.text.trim().is_empty());
        details
    }

    /// New rules and owners of the clusters that are watched.
    pub fn set_cluster_settings(&self, settings: Vec<(Name, Settings)>) {
        self.workloads.lock().unwrap_or_else(PoisonError::into_inner).set_settings(settings);
    }

    /// Tells the rules which of their alerts are open, so that their ends are said as well.
    pub(super) fn resume_clusters(&self) {
        let open: Vec<_> = {
            let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
            let open = engine.alerts().filter(|alert| !alert.resolved());
            // What replicas divide was taken over with its shard.
            let divided = |labels| self.divides().is_some_and(|shards| shards.of_alert(labels).is_some());
            let open = open.filter(|alert| !divided(&alert.labels));
            open.map(|alert| (alert.labels.clone(), alert.severity, alert.since())).collect()
        };
        let ended = self.workloads.lock().unwrap_or_else(PoisonError::into_inner).resume(open);
        self.unsaid.lock().unwrap_or_else(PoisonError::into_inner).hear(ended);
    }

    /// Figures of each cluster, for the metrics.
    pub fn measure_clusters(&self) {
        let clusters = self.workloads.lock().unwrap_or_else(PoisonError::into_inner);
        for cluster in clusters.iter().filter(|cluster| cluster.watched()) {
            let skew_millis = match cluster.index.reach() {
                Reach::Up { skew_millis, .. } => *skew_millis,
                Reach::Unknown | Reach::Down { .. } => 0,
            };
            self.metrics.cluster(
                &cluster.name,
                &ClusterFigures {
                    status: cluster.index.status().name(),
                    skew_millis,
                    objects: cluster.index.counts().map(|(kind, count)| (kind.as_str(), count)).to_vec(),
                    unreadable: cluster.index.unreadable().iter().map(|(kind, n)| (kind.as_str(), *n)).collect(),
                },
            );
        }
    }
}

/// Lines of a log that are asked for; a message shows fewer.
const LOG_LINES: i64 = 20;
/// Characters of a log that are kept with an alert.
const LOG_KEPT: usize = 1500;
const EVENTS_KEPT: usize = 5;

/// The last [`LOG_KEPT`] characters, from the beginning of a line on.
fn end(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(LOG_KEPT);
    let kept: String = text.chars().skip(skipped).collect();
    match kept.split_once('\n') {
        Some((_, rest)) if skipped > 0 => rest.to_owned(),
        _ => kept,
    }
}

/// The latest few, one a line: `11:58:30 BackOff ×7: Back-off restarting failed container`.
fn lines(events: &[Event]) -> String {
    let line = |event: &Event| {
        let at = event.at.map(|at| at.to_string()).unwrap_or_default();
        let at = at.get(11..19).unwrap_or_default();
        let count = if event.count > 1 { format!(" ×{}", event.count) } else { String::new() };
        format!("{at} {}{count}: {}", event.reason, event.message)
    };
    let kept = &events[events.len().saturating_sub(EVENTS_KEPT)..];
    kept.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::Timestamp;

    #[test]
    fn the_end_of_a_log_begins_with_a_whole_line() {
        let long = format!("{}\nlast line", "x".repeat(LOG_KEPT));
        assert_eq!(end(&long), "last line");
        assert_eq!(end("one\ntwo"), "one\ntwo");
    }

    #[test]
    fn the_latest_events_are_told_one_a_line() {
        let event = |count, reason: &str| Event {
            at: Some(Timestamp::from_secs(1_795_521_510)),
            warning: true,
            reason: reason.into(),
            message: "it did".into(),
            count,
        };
        let many: Vec<_> = (0..7).map(|nth| event(nth, "BackOff")).collect();
        assert_eq!(lines(&many).lines().count(), EVENTS_KEPT);
        assert_eq!(lines(&[event(7, "BackOff")]), "11:58:30 BackOff ×7: it did");
    }
}
