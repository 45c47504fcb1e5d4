//! From what is found to signals: what began, what ended, what goes on; and nothing at all from what is not up to date.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clusters::Cluster;
use super::rules::{Finding, RuleName, Scene};
use super::{Id, Index, Kind, Name, Reach, Status, Trouble};
use crate::core::detect::RuleSettings;
use crate::core::label::{ALERTNAME, Labels};
use crate::core::severity::Severity;
use crate::core::signal::{Condition, Detail, Evidence, Link, Signal};
use crate::core::time::Timestamp;

/// Everything is looked at this often, for what time alone brings about.
const SWEEP: Duration = Duration::from_secs(15);
/// A pending alert of what is out of date is withdrawn this long before it would fire.
const WITHDRAW: Duration = Duration::from_secs(10);
/// Enquiries begin this long before an alert fires, so that its first message has what they bring.
const AHEAD: Duration = Duration::from_secs(2);
/// Alerts of one rule that are enquired about; a message shows the details of one.
const ENQUIRED: usize = 3;

/// A condition that holds, as it was last said.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub rule: RuleName,
    pub labels: Labels,
    pub since: Timestamp,
    pub severity: Severity,
    /// `None` until it was said by this process.
    pub evidence: Option<Evidence>,
    pub log: Option<(Name, bool)>,
    pub details: Details,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Details {
    Unasked,
    Asked,
    Known(Vec<Detail>),
}

/// A question to a cluster about one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enquiry {
    pub cluster: Name,
    /// The object the alert is about.
    pub about: Id,
    pub labels: Labels,
    /// The object whose events tell more: a failing pod of a workload, otherwise the object itself.
    pub events_of: Id,
    /// Pod and container whose log tells more, and whether of the run before this one.
    pub log: Option<(Id, Name, bool)>,
}

pub(super) fn signal(labels: Labels, severity: Severity, settings: RuleSettings, condition: Condition) -> Signal {
    let RuleSettings { pending_for, keep_firing_for, .. } = settings;
    Signal { labels, severity, condition, pending_for, keep_firing_for }
}

impl Cluster {
    pub(super) fn judge(&mut self, now: Timestamp, out: &mut Vec<Signal>) {
        self.outage(now, out);
        let live = Kind::ALL.map(|kind| self.index.live(kind));
        let is_live = |kind: Kind| live[kind as usize];
        // A clock that went back must not hold it up.
        let sweep = self.swept_at.is_none_or(|at| now < at || now.since(at) >= SWEEP);
        let changed = std::mem::take(&mut self.changed);
        let mut found: BTreeMap<Id, Vec<Finding>> = BTreeMap::new();
        {
            let limits = &self.settings.rules.limits;
            let nodes_told = self.settings.rules.settings(RuleName::KubeNodeNotReady).enabled;
            let scene = Scene { cluster: &self.name, index: &self.index, limits, nodes_told, now };
            if sweep {
                scene.look_at_all(is_live, &mut found);
                // What was active and is not found has ended.
                for id in self.active.keys().filter(|id| is_live(id.kind)) {
                    found.entry(id.clone()).or_default();
                }
            } else {
                for id in changed.iter().filter(|id| is_live(id.kind)) {
                    scene.look(id, found.entry(id.clone()).or_default());
                }
            }
            if is_live(Kind::Pod) && (sweep || changed.iter().any(|id| id.kind == Kind::Node)) {
                for (id, finding) in scene.evictions() {
                    if sweep || found.contains_key(&id) {
                        found.entry(id).or_default().push(finding);
                    }
                }
            }
        }
        for (id, findings) in found {
            self.settle(&id, findings, is_live(Kind::Pod), sweep, now, out);
        }
        if sweep {
            self.swept_at = Some(now);
        }
        self.withdraw(is_live, now, out);
    }

    /// The API server does not answer: one alert, and no word about what it holds.
    fn outage(&mut self, now: Timestamp, out: &mut Vec<Signal>) {
        let rule = RuleName::ClusterUnreachable;
        let settings = self.settings.rules.settings(rule);
        match self.index.status() {
            Status::Degraded { what: Trouble::Unreachable, since, error } if settings.enabled => {
                let evidence = Evidence {
                    summary: format!("cluster {} is unreachable", self.name),
                    value: format!("since {}", super::cause::clock(since)),
                    cause: Some(error),
                    ..Evidence::default()
                };
                let labels = Labels::default().with(ALERTNAME, rule.as_str()).with("cluster", &*self.name);
                let known = self.outage.as_ref().and_then(|active| active.evidence.as_ref());
                let again = self.swept_at.is_none_or(|at| now < at || now.since(at) >= SWEEP);
                let severity = settings.severity;
                if known != Some(&evidence) || again {
                    out.push(signal(labels.clone(), severity, settings, Condition::Active(evidence.clone())));
                }
                let since = self.outage.as_ref().map_or(now, |active| active.since);
                let (evidence, details) = (Some(evidence), Details::Unasked);
                self.outage = Some(Active { rule, labels, since, severity, evidence, log: None, details });
            }
            // Not asked yet: it is not known to be back.
            Status::Connecting if !matches!(self.index.reach(), Reach::Up { .. }) => {}
            Status::Connecting | Status::Healthy { .. } | Status::Degraded { .. } => {
                if let Some(active) = self.outage.take() {
                    out.push(signal(active.labels, active.severity, settings, Condition::Inactive));
                }
            }
        }
    }

    /// Holds what was found about one object against what was said of it.
    fn settle(
        &mut self,
        id: &Id,
        findings: Vec<Finding>,
        pods_live: bool,
        say_again: bool,
        now: Timestamp,
        out: &mut Vec<Signal>,
    ) {
        let mut before = self.active.remove(id).unwrap_or_default();
        let mut after = Vec::new();
        for finding in findings {
            let settings = self.settings.rules.settings(finding.rule);
            if !settings.enabled {
                continue;
            }
            let known = before.iter().position(|active| active.labels == finding.labels);
            let known = known.map(|at| before.swap_remove(at));
            let severity = finding.at_least.map_or(settings.severity, |least| least.max(settings.severity));
            let details = known.as_ref().map_or(Details::Unasked, |active| active.details.clone());
            let evidence = self.evidence(id, &finding, &details);
            let same = known
                .as_ref()
                .is_some_and(|active| active.evidence.as_ref() == Some(&evidence) && active.severity == severity);
            if !same || say_again {
                let condition = Condition::Active(evidence.clone());
                out.push(signal(finding.labels.clone(), severity, settings, condition));
            }
            after.push(Active {
                rule: finding.rule,
                labels: finding.labels,
                since: known.map_or(now, |active| active.since),
                severity,
                evidence: Some(evidence),
                log: finding.log,
                details,
            });
        }
        for active in before {
            if active.rule == RuleName::KubeNodeEviction && !pods_live {
                after.push(active);
                continue;
            }
            let settings = self.settings.rules.settings(active.rule);
            out.push(signal(active.labels, active.severity, settings, Condition::Inactive));
        }
        if !after.is_empty() {
            self.active.insert(id.clone(), after);
        }
    }

    fn evidence(&self, id: &Id, finding: &Finding, details: &Details) -> Evidence {
        let meta = self.index.meta(id.kind, &id.namespace, &id.name);
        let owner = meta.and_then(|meta| self.index.owner(meta));
        let owner = owner.map(|owner| self.settings.owners.get(owner).map_or(owner, String::as_str).to_owned());
        let runbook = finding.rule.in_mixin().then(|| Link {
            label: "Runbook".to_owned(),
            url: format!(
                "https://runbooks.prometheus-operator.dev/runbooks/kubernetes/{}",
                finding.rule.as_str().to_lowercase()
            ),
        });
        Evidence {
            summary: finding.summary.clone(),
            value: finding.value.clone(),
            threshold: finding.threshold.clone(),
            cause: finding.cause.clone(),
            owner,
            details: match details {
                Details::Known(details) => details.clone(),
                Details::Unasked | Details::Asked => Vec::new(),
            },
            links: runbook.into_iter().collect(),
        }
    }

    /// Rules do not fire on what is out of date: what would do so soon is taken back. What fires already stays.
    fn withdraw(&mut self, is_live: impl Fn(Kind) -> bool, now: Timestamp, out: &mut Vec<Signal>) {
        let rules = &self.settings.rules;
        self.active.retain(|id, actives| {
            let stale =
                |rule: RuleName| !is_live(id.kind) || (rule == RuleName::KubeNodeEviction && !is_live(Kind::Pod));
            actives.retain(|active| {
                let settings = rules.settings(active.rule);
                let fires_at = active.since.plus(settings.pending_for.duration());
                let soon = fires_at > now && fires_at.since(now) <= WITHDRAW;
                let stays = !(soon && stale(active.rule));
                if !stays {
                    out.push(signal(active.labels.clone(), active.severity, settings, Condition::Inactive));
                }
                stays
            });
            !actives.is_empty()
        });
    }

    pub(super) fn resume(&mut self, rule: RuleName, labels: Labels, severity: Severity, since: Timestamp) {
        let (evidence, log, details) = (None, None, Details::Unasked);
        let Some(kind) = rule.kind() else {
            let active = Active { rule, labels, since, severity, evidence, log, details };
            let _goes_on = self.outage.get_or_insert(active);
            return;
        };
        let text = |name: &str| labels.get(name).unwrap_or_default();
        let id = Id::new(kind, text("namespace"), text(kind.label()));
        let known = self.active.entry(id).or_default();
        if known.iter().all(|active| active.labels != labels) {
            known.push(Active { rule, labels, since, severity, evidence, log, details });
        }
    }

    pub(super) fn enquiries(&mut self, now: Timestamp) -> Vec<Enquiry> {
        if !matches!(self.index.reach(), Reach::Up { .. }) {
            return Vec::new();
        }
        let mut enquired: BTreeMap<RuleName, usize> = BTreeMap::new();
        for active in self.active.values().flatten().filter(|active| active.details != Details::Unasked) {
            *enquired.entry(active.rule).or_default() += 1;
        }
        let mut out = Vec::new();
        for (id, actives) in &mut self.active {
            for active in actives.iter_mut().filter(|active| active.details == Details::Unasked) {
                let pending_for = self.settings.rules.settings(active.rule).pending_for.duration();
                let due = active.since.plus(pending_for) <= now.plus(AHEAD) && active.evidence.is_some();
                let count = enquired.entry(active.rule).or_default();
                if !due || *count >= ENQUIRED {
                    continue;
                }
                *count += 1;
                active.details = Details::Asked;
                let failing = failing_pod(&self.index, id);
                let own =
                    active.log.as_ref().map(|(container, previous)| (id.clone(), Name::clone(container), *previous));
                let (events_of, log) = match failing {
                    Some((pod, container)) => (pod.clone(), container.map(|(name, previous)| (pod, name, previous))),
                    None => (id.clone(), own),
                };
                let (cluster, about, labels) = (Name::clone(&self.name), id.clone(), active.labels.clone());
                out.push(Enquiry { cluster, about, labels, events_of, log });
            }
        }
        out
    }

    pub(super) fn answer(&mut self, enquiry: &Enquiry, details: Vec<Detail>) {
        let actives = self.active.get_mut(&enquiry.about);
        if let Some(active) = actives.into_iter().flatten().find(|active| active.labels == enquiry.labels) {
            active.details = Details::Known(details);
            self.changed.insert(enquiry.about.clone());
        }
    }
}

/// Of a workload, a pod that is not ready, and the container that shows it.
fn failing_pod(index: &Index, id: &Id) -> Option<(Id, Option<(Name, bool)>)> {
    if !matches!(id.kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::Job) {
        return None;
    }
    let pod = index.pods_of(id).find(|pod| !pod.ready)?;
    let container = pod.containers.iter().find(|container| !container.ready && container.last_exit().is_some());
    let log = container.map(|container| (Name::clone(&container.spec.container), container.restarts > 0));
    Some((Id::of(Kind::Pod, &pod.meta), log))
}
