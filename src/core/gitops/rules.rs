//! The `gitops:` section of the configuration, and what it makes of the apps: alerts about what is not as Git declares it.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::apps::{Apps, View};
use super::revision::Revision;
use super::{App, AppId, Automation, Health, Kind, Standing, Sync};
use crate::core::detect::{RuleConfig, RuleSettings};
use crate::core::label::{ALERTNAME, Labels, MatchOp, Matcher};
use crate::core::route::InhibitRule;
use crate::core::severity::Severity;
use crate::core::signal::{Condition, Detail, Evidence, Link, Signal};
use crate::core::time::{Span, Timestamp, spoken};

/// How often the words of an alert that goes on are brought up to date.
const REFRESH: Duration = Duration::from_mins(1);
/// Resources named in an alert.
const NAMED: usize = 8;
/// The label that ties what Flux applies to where it comes from: `GitRepository/flux-system/infra`.
const SOURCE: &str = "gitops_source";

/// A rule's name as it stands in the label `alertname`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleName {
    /// What is declared cannot be made or applied. Inhibits the next two for the same app.
    GitOpsSyncFailed,
    GitOpsOutOfSync,
    GitOpsDegraded,
    GitOpsSuspendedTooLong,
    /// Flux cannot fetch a source. Inhibits the first three for what is made from it.
    GitOpsSourceFailed,
    /// Inhibits the next one for the same rollout.
    RolloutDegraded,
    RolloutPausedTooLong,
}

impl RuleName {
    pub const ALL: [Self; 7] = [
        Self::GitOpsSyncFailed,
        Self::GitOpsOutOfSync,
        Self::GitOpsDegraded,
        Self::GitOpsSuspendedTooLong,
        Self::GitOpsSourceFailed,
        Self::RolloutDegraded,
        Self::RolloutPausedTooLong,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitOpsSyncFailed => "GitOpsSyncFailed",
            Self::GitOpsOutOfSync => "GitOpsOutOfSync",
            Self::GitOpsDegraded => "GitOpsDegraded",
            Self::GitOpsSuspendedTooLong => "GitOpsSuspendedTooLong",
            Self::GitOpsSourceFailed => "GitOpsSourceFailed",
            Self::RolloutDegraded => "RolloutDegraded",
            Self::RolloutPausedTooLong => "RolloutPausedTooLong",
        }
    }

    /// The rule that an alert is of; `None` for another's.
    #[must_use]
    pub fn of(labels: &Labels) -> Option<Self> {
        let name = labels.get(ALERTNAME)?;
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }
}

/// Argo CD, Flux and Argo Rollouts in the configured clusters: what is reported, and from when on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GitOps {
    /// Base address of Argo CD's pages, for links, e.g. https://argocd.example.com
    pub argocd_url: Option<String>,
    pub sync_failed: RuleConfig,
    pub out_of_sync: RuleConfig,
    pub degraded: RuleConfig,
    pub suspended: RuleConfig,
    /// What is suspended this long is reported. Default 1d.
    pub suspended_after: Span,
    pub source_failed: RuleConfig,
    pub rollout_degraded: RuleConfig,
    pub rollout_paused: RuleConfig,
    /// A rollout that is paused this long is reported. Default 1h.
    pub rollout_paused_after: Span,
}

impl Default for GitOps {
    fn default() -> Self {
        Self {
            argocd_url: None,
            sync_failed: RuleConfig::default(),
            out_of_sync: RuleConfig::default(),
            degraded: RuleConfig::default(),
            suspended: RuleConfig::default(),
            suspended_after: Span::from_secs(86_400),
            source_failed: RuleConfig::default(),
            rollout_degraded: RuleConfig::default(),
            rollout_paused: RuleConfig::default(),
            rollout_paused_after: Span::from_secs(3600),
        }
    }
}

impl GitOps {
    #[must_use]
    pub fn settings(&self, rule: RuleName) -> RuleSettings {
        // A source fires before what is made from it, so that the one alert is the source's.
        let (config, pending, keep) = match rule {
            RuleName::GitOpsSyncFailed => (&self.sync_failed, 300, 60),
            RuleName::GitOpsOutOfSync => (&self.out_of_sync, 1800, 60),
            RuleName::GitOpsDegraded => (&self.degraded, 300, 60),
            RuleName::GitOpsSuspendedTooLong => (&self.suspended, 0, 0),
            RuleName::GitOpsSourceFailed => (&self.source_failed, 180, 120),
            RuleName::RolloutDegraded => (&self.rollout_degraded, 60, 60),
            RuleName::RolloutPausedTooLong => (&self.rollout_paused, 0, 0),
        };
        RuleSettings {
            enabled: config.enabled.unwrap_or(true),
            severity: config.severity.unwrap_or(Severity::Warning),
            pending_for: config.pending_for.unwrap_or(Span::from_secs(pending)),
            keep_firing_for: config.keep_firing_for.unwrap_or(Span::from_secs(keep)),
        }
    }
}

/// An alert that was said to be active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// `None`: by a process before this one.
    pub at: Option<Timestamp>,
    pub severity: Severity,
}

/// One cause is one alert, not one for everything that follows from it.
#[must_use]
pub fn default_inhibitions() -> Vec<InhibitRule> {
    use RuleName::{
        GitOpsDegraded, GitOpsOutOfSync, GitOpsSourceFailed, GitOpsSyncFailed, RolloutDegraded, RolloutPausedTooLong,
    };
    let same_app = ["cluster", "namespace", "kind", "app"].map(str::to_owned).to_vec();
    let same_source = ["cluster", SOURCE].map(str::to_owned).to_vec();
    let rule = |source: RuleName, targets: &[RuleName], equal: &Vec<String>| {
        let targets = targets.iter().map(|rule| rule.as_str()).collect::<Vec<_>>().join("|");
        Some(InhibitRule {
            source_matchers: vec![Matcher::equal(ALERTNAME, source.as_str())],
            target_matchers: vec![Matcher::new(ALERTNAME, MatchOp::Regex, targets).ok()?],
            equal: equal.clone(),
        })
    };
    let rules = [
        rule(GitOpsSourceFailed, &[GitOpsSyncFailed, GitOpsOutOfSync, GitOpsDegraded], &same_source),
        rule(GitOpsSyncFailed, &[GitOpsOutOfSync, GitOpsDegraded], &same_app),
        rule(RolloutDegraded, &[RolloutPausedTooLong], &same_app),
    ];
    rules.into_iter().flatten().collect()
}

pub(super) fn tick(apps: &mut Apps, now: Timestamp) -> Vec<Signal> {
    let mut active: BTreeMap<Labels, Signal> = BTreeMap::new();
    for view in apps.views().filter(|view| apps.watches(&view.app.id.cluster)) {
        for rule in RuleName::ALL {
            let settings = apps.rules.settings(rule);
            if !settings.enabled || !holds(rule, &view, &apps.rules, now) {
                continue;
            }
            let labels = labels(rule, view.app);
            let condition = Condition::Active(evidence(rule, &view, &apps.rules, now));
            active.insert(labels.clone(), signal(labels, settings, condition));
        }
    }
    let over: Vec<Labels> = apps.said.keys().filter(|labels| !active.contains_key(*labels)).cloned().collect();
    let mut out = Vec::new();
    for labels in over {
        // What cannot be seen now has not ended.
        if about(&labels).is_some_and(|id| !apps.knows_all(&id)) {
            continue;
        }
        let Some(rule) = RuleName::of(&labels) else { continue };
        apps.said.remove(&labels);
        out.push(signal(labels, apps.rules.settings(rule), Condition::Inactive));
    }
    for (labels, signal) in active {
        let fresh = apps.said.get(&labels).is_some_and(|said| {
            said.severity == signal.severity && said.at.is_some_and(|at| now.since(at) < REFRESH && at <= now)
        });
        if !fresh {
            apps.said.insert(labels, Said { at: Some(now), severity: signal.severity });
            out.push(signal);
        }
    }
    out
}

fn signal(labels: Labels, settings: RuleSettings, condition: Condition) -> Signal {
    let RuleSettings { enabled: _, severity, pending_for, keep_firing_for } = settings;
    Signal { labels, severity, condition, pending_for, keep_firing_for }
}

fn labels(rule: RuleName, app: &App) -> Labels {
    let AppId { cluster, kind, namespace, name } = &app.id;
    let labels = Labels::default()
        .with(ALERTNAME, rule.as_str())
        .with("cluster", cluster)
        .with("kind", kind.as_str())
        .with("namespace", namespace)
        .with("app", name);
    let source = if kind.is_source() { Some(&app.id) } else { app.source.as_ref() };
    match source {
        Some(AppId { kind, namespace, name, .. }) => labels.with(SOURCE, format!("{kind}/{namespace}/{name}")),
        None => labels,
    }
}

/// The app that an alert is about.
fn about(labels: &Labels) -> Option<AppId> {
    let label = |name: &str| labels.get(name).unwrap_or_default().to_owned();
    let kind = Kind::named(labels.get("kind")?)?;
    Some(AppId { cluster: label("cluster"), kind, namespace: label("namespace"), name: label("app") })
}

fn holds(rule: RuleName, view: &View, rules: &GitOps, now: Timestamp) -> bool {
    let app = view.app;
    let (source, rollout) = (app.id.kind.is_source(), app.id.kind == Kind::Rollout);
    let works = app.suspended.is_none();
    let failed = matches!(app.sync, Some(Sync::Failed { .. }));
    let longer = |since: Option<Timestamp>, than: Span| since.is_some_and(|at| now.since(at) >= than.duration());
    match rule {
        RuleName::GitOpsSyncFailed => works && failed && !source,
        RuleName::GitOpsOutOfSync => {
            let off =
                matches!(app.sync, Some(Sync::OutOfSync { .. } | Sync::Syncing { .. })) || view.behind().is_some();
            works && off && !source
        }
        RuleName::GitOpsDegraded => !rollout && matches!(app.health, Health::Degraded { .. } | Health::Missing),
        RuleName::GitOpsSuspendedTooLong => {
            app.suspended.as_ref().is_some_and(|suspended| longer(suspended.since, rules.suspended_after))
        }
        RuleName::GitOpsSourceFailed => works && failed && source,
        RuleName::RolloutDegraded => rollout && matches!(app.health, Health::Degraded { .. }),
        RuleName::RolloutPausedTooLong => {
            let paused = rollout && matches!(app.health, Health::Paused { .. });
            paused && longer(app.since.health, rules.rollout_paused_after)
        }
    }
}

fn evidence(rule: RuleName, view: &View, rules: &GitOps, now: Timestamp) -> Evidence {
    let app = view.app;
    let lasted = |since: Option<Timestamp>| since.map(|at| spoken(now.since(at))).unwrap_or_default();
    let (name, tool, place) = (&app.id.name, app.id.kind.tool(), &app.id.cluster);
    let limit = |span: Span| spoken(span.duration());
    let (summary, value, threshold) = match rule {
        RuleName::GitOpsSyncFailed => {
            let reason = match &app.sync {
                Some(Sync::Failed { reason, .. }) => reason.clone(),
                _ => String::new(),
            };
            (format!("{tool} cannot apply {name} in {place}"), reason, String::new())
        }
        RuleName::GitOpsSourceFailed => {
            let what = app.id.kind;
            (format!("{tool} cannot fetch the {what} {name} in {place}"), lasted(app.since.sync), String::new())
        }
        RuleName::GitOpsOutOfSync => {
            let (since, for_) = (lasted(app.since.sync), limit(rules.settings(rule).pending_for));
            match view.behind() {
                Some(waits) => (format!("{name} in {place} has not applied {}", waits.short()), String::new(), for_),
                None => (format!("{name} in {place} is not as Git declares it"), since, for_),
            }
        }
        RuleName::GitOpsDegraded => {
            let how = if app.health == Health::Missing { "is not there" } else { "is degraded" };
            (format!("{name} in {place} {how}"), lasted(app.since.health), String::new())
        }
        RuleName::GitOpsSuspendedTooLong => {
            let since = app.suspended.as_ref().and_then(|suspended| suspended.since);
            let summary =
                format!("{name} in {place} has been suspended for {}: changes in Git do not reach it", lasted(since));
            (summary, lasted(since), limit(rules.suspended_after))
        }
        RuleName::RolloutDegraded => {
            let aborted = if app.steps.is_some_and(|steps| steps.aborted) { "was aborted" } else { "is degraded" };
            (format!("The rollout {name} in {place} {aborted}"), lasted(app.since.health), String::new())
        }
        RuleName::RolloutPausedTooLong => {
            let step = app.steps.filter(|steps| steps.count > 0);
            let at = step.map(|steps| format!(" at step {} of {}", steps.current + 1, steps.count)).unwrap_or_default();
            let since = lasted(app.since.health);
            let summary = format!("The rollout {name} in {place} has been paused for {since}{at}");
            (summary, since, limit(rules.rollout_paused_after))
        }
    };
    Evidence {
        summary,
        value,
        threshold,
        cause: cause(rule, view),
        owner: app.owner.clone(),
        details: details(view),
        links: links(view, rules),
    }
}

fn cause(rule: RuleName, view: &View) -> Option<String> {
    let app = view.app;
    match rule {
        RuleName::GitOpsSuspendedTooLong => {
            let by = app.suspended.as_ref()?.by.as_ref()?;
            Some(format!("It was suspended with {by}."))
        }
        RuleName::GitOpsOutOfSync if app.automation == Automation::Manual => {
            app.cause().or_else(|| Some("It is synced by hand, and nobody has since.".to_owned()))
        }
        _ => app.cause(),
    }
}

/// What is not as it should be.
fn details(view: &View) -> Vec<Detail> {
    let lines: Vec<String> = view.app.resources.iter().take(NAMED).map(ToString::to_string).collect();
    let more = view.app.resources.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("and {more} more"));
    let text = lines.into_iter().chain(more).collect::<Vec<_>>().join("\n");
    if text.is_empty() { Vec::new() } else { vec![Detail { title: "Resources".to_owned(), text }] }
}

fn links(view: &View, rules: &GitOps) -> Vec<Link> {
    let commit = view.commit().map(|url| {
        let revision = view.app.revision.as_ref().map(Revision::short).unwrap_or_default();
        Link { label: format!("Commit {revision}"), url }
    });
    let page = argo_page(view.app, rules).map(|url| Link { label: "Argo CD".to_owned(), url });
    [page, commit].into_iter().flatten().collect()
}

/// The application's page in Argo CD.
#[must_use]
pub fn argo_page(app: &App, rules: &GitOps) -> Option<String> {
    let base = rules.argocd_url.as_ref().filter(|_| app.id.kind == Kind::Application)?;
    let AppId { namespace, name, .. } = &app.id;
    Some(format!("{}/applications/{namespace}/{name}", base.trim_end_matches('/')))
}

impl Standing {
    /// In a word or three, as the list says it and as it can be filtered by.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Degraded => "degraded",
            Self::OutOfSync => "out of sync",
            Self::Suspended => "suspended",
            Self::Working => "working",
            Self::Unknown => "unknown",
            Self::Good => "healthy",
        }
    }
}

#[cfg(test)]
mod tests;
