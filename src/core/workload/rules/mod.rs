//! When something in a cluster is in trouble: kubernetes-mixin's workload rules under their own names and with their own
//! times, as far as objects alone tell; and a few that Prometheus cannot have. Source: kubernetes-mixin,
//! `alerts/apps_alerts.libsonnet` and `alerts/kubelet.libsonnet` (2026-08-06).
//!
//! Where they differ: the mixin's node rules leave cordoned nodes out, these report them too and say that they are
//! cordoned. A look back (`changes(…[10m])`) is what the index has seen itself; before the bot's start it counts as quiet.

mod controllers;
mod names;
mod node;
mod pod;
mod rest;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use names::RuleName;

use super::{Id, Index, Kind, Meta, Name, cause};
use crate::core::detect::{RuleConfig, RuleSettings};
use crate::core::label::{ALERTNAME, Labels, MatchOp, Matcher};
use crate::core::route::InhibitRule;
use crate::core::severity::Severity;
use crate::core::time::{Span, Timestamp};

/// One cluster's rules; what is not named keeps the built-in values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    pub changes: BTreeMap<RuleName, RuleConfig>,
    pub limits: Limits,
}

/// What rules hold things against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A Job that runs longer than this is KubeJobNotCompleted. Default 12h.
    pub job_duration: Span,
    /// A certificate that ends sooner than this is CertManagerCertExpirySoon. Default 7d.
    pub certificate_warning: Span,
    /// ... and critical when sooner than this. Default 1d.
    pub certificate_critical: Span,
}

impl Default for Limits {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Self {
            job_duration: Span::from_secs(DAY / 2),
            certificate_warning: Span::from_secs(7 * DAY),
            certificate_critical: Span::from_secs(DAY),
        }
    }
}

impl Rules {
    #[must_use]
    pub fn settings(&self, rule: RuleName) -> RuleSettings {
        let (severity, pending, keep) = rule.built_in();
        let change = self.changes.get(&rule).cloned().unwrap_or_default();
        RuleSettings {
            enabled: change.enabled.unwrap_or(true),
            severity: change.severity.unwrap_or(severity),
            pending_for: change.pending_for.unwrap_or(Span::from_secs(pending)),
            keep_firing_for: change.keep_firing_for.unwrap_or(Span::from_secs(keep)),
        }
    }
}

/// A condition that holds for an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub rule: RuleName,
    pub labels: Labels,
    /// When this case is worse than the rule's own severity.
    pub at_least: Option<Severity>,
    pub summary: String,
    pub value: String,
    pub threshold: String,
    pub cause: Option<String>,
    /// The container whose log tells more, and whether of the run before this one.
    pub log: Option<(Name, bool)>,
}

/// What a rule looks at.
pub(super) struct Scene<'a> {
    pub cluster: &'a str,
    pub index: &'a Index,
    pub limits: &'a Limits,
    /// Whether a node that is down has an alert of its own.
    pub nodes_told: bool,
    pub now: Timestamp,
}

impl Scene<'_> {
    /// As [`Self::look`] at every object of the kinds that are `live`.
    pub fn look_at_all(&self, live: impl Fn(Kind) -> bool, found: &mut BTreeMap<Id, Vec<Finding>>) {
        let index = self.index;
        let mut out = Vec::new();
        let mut keep = |kind, meta: &Meta, out: &mut Vec<Finding>| {
            if !out.is_empty() {
                found.insert(Id::of(kind, meta), std::mem::take(out));
            }
        };
        macro_rules! each {
            ($($kind:ident, $all:ident, $look:ident;)*) => {
                $(if live(Kind::$kind) {
                    for object in index.$all() {
                        self.$look(object, &mut out);
                        keep(Kind::$kind, &object.meta, &mut out);
                    }
                })*
            };
        }
        each! {
            Node, nodes, node;
            Pod, pods, pod;
            Deployment, deployments, deployment;
            StatefulSet, stateful_sets, stateful_set;
            DaemonSet, daemon_sets, daemon_set;
            Job, jobs, job;
            HorizontalPodAutoscaler, autoscalers, autoscaler;
            PodDisruptionBudget, budgets, budget;
            PersistentVolumeClaim, claims, claim;
            Certificate, certificates, certificate;
        }
    }

    /// Everything that holds for one object now.
    pub fn look(&self, id: &Id, out: &mut Vec<Finding>) {
        let (namespace, name) = (&*id.namespace, &*id.name);
        match id.kind {
            Kind::Node => self.index.node(name).into_iter().for_each(|node| self.node(node, out)),
            Kind::Pod => self.index.pod(namespace, name).into_iter().for_each(|pod| self.pod(pod, out)),
            Kind::Deployment => {
                self.index.deployment(namespace, name).into_iter().for_each(|it| self.deployment(it, out));
            }
            Kind::StatefulSet => {
                self.index.stateful_set(namespace, name).into_iter().for_each(|it| self.stateful_set(it, out));
            }
            Kind::DaemonSet => {
                self.index.daemon_set(namespace, name).into_iter().for_each(|it| self.daemon_set(it, out));
            }
            Kind::Job => self.index.job(namespace, name).into_iter().for_each(|job| self.job(job, out)),
            Kind::HorizontalPodAutoscaler => {
                self.index.autoscaler(namespace, name).into_iter().for_each(|it| self.autoscaler(it, out));
            }
            Kind::PodDisruptionBudget => {
                self.index.budget(namespace, name).into_iter().for_each(|it| self.budget(it, out));
            }
            Kind::PersistentVolumeClaim => {
                self.index.claim(namespace, name).into_iter().for_each(|it| self.claim(it, out));
            }
            Kind::Certificate => {
                self.index.certificate(namespace, name).into_iter().for_each(|it| self.certificate(it, out));
            }
            // Their pods and Jobs are looked at.
            Kind::ReplicaSet | Kind::CronJob => {}
        }
    }

    /// `alertname`, `cluster`, and the object by its kind's label.
    fn labels(&self, rule: RuleName, id: &Id) -> Labels {
        let mut labels = Labels::default().with(ALERTNAME, rule.as_str()).with("cluster", self.cluster);
        if !id.namespace.is_empty() {
            labels.set("namespace", &*id.namespace);
        }
        labels.with(id.kind.label(), &*id.name)
    }

    /// A finding about an object as a whole; the cause is what changed lately.
    fn finding(&self, rule: RuleName, id: &Id, summary: String, value: String, threshold: String) -> Finding {
        let labels = self.labels(rule, id);
        let meta = self.index.meta(id.kind, &id.namespace, &id.name);
        let cause = meta.and_then(|meta| cause::changed(self.index, id.kind, meta, self.now));
        Finding { rule, labels, at_least: None, summary, value, threshold, cause, log: None }
    }
}

/// An outage is one alert: a cluster's keeps those of all in it quiet, a node's those of its pods. What a sharper rule
/// says of a container, the mixin's wider one does not repeat.
#[must_use]
pub fn default_inhibitions() -> Vec<InhibitRule> {
    let names = |rules: &[RuleName]| rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>().join("|");
    let rule = |sources: &[RuleName], targets: &[RuleName], equal: &[&str]| {
        let matcher = |rules| Matcher::new(ALERTNAME, MatchOp::Regex, names(rules)).ok();
        Some(InhibitRule {
            source_matchers: vec![matcher(sources)?],
            target_matchers: vec![matcher(targets)?],
            equal: equal.iter().map(|name| (*name).to_owned()).collect(),
        })
    };
    let inside: Vec<RuleName> =
        RuleName::ALL.into_iter().filter(|rule| *rule != RuleName::ClusterUnreachable).collect();
    let of_pods: Vec<RuleName> = RuleName::ALL.into_iter().filter(|rule| rule.kind() == Some(Kind::Pod)).collect();
    [
        rule(&[RuleName::ClusterUnreachable], &inside, &["cluster"]),
        rule(&[RuleName::KubeNodeNotReady, RuleName::KubeNodeUnreachable], &of_pods, &["cluster", "node"]),
        rule(&[RuleName::KubeNodeUnreachable], &[RuleName::KubeNodeNotReady], &["cluster", "node"]),
        rule(
            &[RuleName::KubeImagePullFailing],
            &[RuleName::KubeContainerWaiting],
            &["cluster", "namespace", "pod", "container"],
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
