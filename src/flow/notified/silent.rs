//! The end of what nobody speaks of any more: a source that is gone leaves no alert behind for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use crate::core::engine::Input;
use crate::core::label::{ALERTNAME, Fingerprint, Labels};
use crate::core::severity::Severity;
use crate::core::signal::Signal;
use crate::prometheus::silent;

use super::super::step::StepError;
use super::super::{Extra, Flow};
use super::Last;

/// What is over is remembered this long: its news may come again.
const REMEMBERED: Duration = Duration::from_hours(24);
/// An Alertmanager that did not say whether it still holds an alert is asked again after this.
const ASK_AGAIN: Duration = Duration::from_mins(1);

/// An alert of others that is not over.
#[derive(Debug)]
struct Live {
    source: String,
    labels: Labels,
    severity: Severity,
    limit: Duration,
    /// Somebody silenced it here, and perhaps where it comes from.
    silenced: bool,
}

/// How it is with an alert that nobody has spoken of for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Its sender holds it and tells nobody, as it is silenced there.
    Held,
    /// Its sender does not answer.
    Unknown,
    Over,
}

impl Flow {
    /// Ends what its sender has not spoken of for longer than it may, and what nobody can speak of any more.
    pub async fn end_silent(&self) {
        if self.lease().is_none() {
            return;
        }
        self.end_forsaken().await;
        if self.settings().externals.is_empty() {
            return;
        }
        let live = self.live_externals();
        let late = self.unheard(&live);
        if late.is_empty() {
            return;
        }
        let standing = self.held_outside(&late).await;
        let signals: Vec<Signal> = {
            let now = self.now();
            let mut heard = self.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
            let over = late.iter().filter(|one| {
                let fingerprint = one.labels.fingerprint();
                // Heard of while its sender was asked, or forgotten with the lease.
                let Some(last) = heard.get_mut(&fingerprint).filter(|last| last.ends_at <= now) else { return false };
                let standing = standing.get(&fingerprint).copied().unwrap_or(Standing::Over);
                match standing {
                    Standing::Held => last.ends_at = now.plus(one.limit),
                    Standing::Unknown => last.ends_at = now.plus(ASK_AGAIN),
                    Standing::Over => {
                        tracing::warn!(alert = %one.labels, "its sender no longer speaks of an alert; it ends");
                    }
                }
                standing == Standing::Over
            });
            over.map(|one| silent(&one.labels, one.severity)).collect()
        };
        if !signals.is_empty() {
            self.signals(signals).await;
        }
    }

    /// Ends alerts whose source is not in the configuration any more.
    async fn end_forsaken(&self) {
        let settings = self.settings();
        let known = |source: &str| settings.sources.contains(source) || settings.externals.contains_key(source);
        let forsaken: Vec<(Labels, Severity)> = self.with_engine(|engine, _, _| {
            let live = engine.alerts().filter(|alert| !alert.resolved());
            let forsaken = live.filter(|alert| alert.labels.get("source").is_some_and(|source| !known(source)));
            forsaken.map(|alert| (alert.labels.clone(), alert.severity)).collect()
        });
        if forsaken.is_empty() {
            return;
        }
        for (labels, _) in &forsaken {
            tracing::warn!(alert = %labels, "its source is not in the configuration any more; it ends");
        }
        // Not through the judge: while the watch is divided, nobody watches what these are about.
        let ends = forsaken.iter().map(|(labels, severity)| Input::Signal(silent(labels, *severity))).collect();
        match self.step(ends, |_| Extra::default()).await {
            Ok(_) => {}
            Err(StepError::NotLeader) => self.lose_lease(),
            Err(error) => tracing::warn!(error = %error, "alerts without a source end at the next look"),
        }
    }

    fn live_externals(&self) -> Vec<Live> {
        let settings = self.settings();
        self.with_engine(|engine, _, now| {
            let silences = engine.silences(now);
            let of_others = engine.alerts().filter(|alert| !alert.resolved()).filter_map(|alert| {
                let source = alert.labels.get("source")?;
                Some(Live {
                    source: source.to_owned(),
                    labels: alert.labels.clone(),
                    severity: alert.severity,
                    limit: *settings.externals.get(source)?,
                    silenced: silences.iter().any(|silence| silence.silences(alert, now)),
                })
            });
            of_others.collect()
        })
    }

    /// Those whose time is over; what has been over for long is forgotten.
    fn unheard<'a>(&self, live: &'a [Live]) -> Vec<&'a Live> {
        let now = self.now();
        let mut heard = self.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known: BTreeSet<Fingerprint> = BTreeSet::new();
        let mut late = Vec::new();
        for one in live {
            let fingerprint = one.labels.fingerprint();
            known.insert(fingerprint);
            let fresh = Last { ends_at: now.plus(one.limit), resolved: None };
            if heard.entry(fingerprint).or_insert(fresh).ends_at <= now {
                late.push(one);
            }
        }
        heard.retain(|fingerprint, last| known.contains(fingerprint) || now.since(last.ends_at) < REMEMBERED);
        late
    }

    /// Whoever has an address is asked; of the others only what is silenced here is kept.
    async fn held_outside(&self, late: &[&Live]) -> BTreeMap<Fingerprint, Standing> {
        let settings = self.settings();
        let mut standing = BTreeMap::new();
        let mut asked: BTreeMap<&str, Vec<&Live>> = BTreeMap::new();
        for one in late {
            if settings.silencers.contains(&one.source) {
                asked.entry(&one.source).or_default().push(one);
            } else if one.silenced {
                standing.insert(one.labels.fingerprint(), Standing::Held);
            }
        }
        for (source, alerts) in asked {
            let names = alerts.iter().filter_map(|one| one.labels.get(ALERTNAME));
            let names: BTreeSet<String> = names.map(str::to_owned).collect();
            let held = self.alertmanagers.holds(source, &names).await;
            if let Err(error) = &held {
                tracing::warn!(source, error = %error, "an Alertmanager does not say which alerts it holds; they stay");
            }
            standing.extend(alerts.into_iter().map(|one| {
                let fingerprint = one.labels.fingerprint();
                let standing = match &held {
                    Ok(held) if held.contains(&fingerprint) => Standing::Held,
                    Ok(_) => Standing::Over,
                    Err(_) => Standing::Unknown,
                };
                (fingerprint, standing)
            }));
        }
        standing
    }
}
