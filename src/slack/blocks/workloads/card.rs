//! One workload: whether it works, what changed, what to press.

use super::super::gitops::managed;
use super::super::kit;
use super::super::words::{ago, bold, code, count, fenced, plain, said};
use super::{Doubt, doubts, short_image};
use crate::core::gitops::manager::Manager;
use crate::core::time::Timestamp;
use crate::core::workload::health::{Health, Rollout};
use crate::core::workload::policy::Budget;
use crate::slack::message::Message;

/// What the answer to `/wk workload` is made from.
#[derive(Clone, Debug)]
pub struct CardView<'a> {
    pub cluster: &'a str,
    /// `Deployment`
    pub kind: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    pub health: Health,
    /// `*/10 * * * *` and whether it is suspended, of a CronJob.
    pub schedule: Option<(&'a str, bool)>,
    /// Of its containers, in their order.
    pub images: Vec<&'a str>,
    pub revision: Option<i64>,
    /// What its pods complain about, each once.
    pub complaints: Vec<String>,
    pub restarts: Restarts,
    pub autoscaling: Option<Autoscaling>,
    /// The disruption budgets over its pods.
    pub budgets: Vec<Budget>,
    /// Whose it is: text from a label.
    pub owner: Option<&'a str>,
    /// Who changed it last, and when by the cluster's clock.
    pub touched: Option<(&'a str, Option<Timestamp>)>,
    pub manager: Option<Manager>,
    /// Newest first; `Err` when the cluster did not say.
    pub warnings: Result<Vec<WarningLine>, String>,
    /// What a button's command needs to mean exactly this one: `hermes -n feeds -c prod`.
    pub typed: &'a str,
    pub doubts: &'a [Doubt],
    /// What the cluster's clock shows.
    pub now: Timestamp,
}

/// How often its containers were started again, and how the last run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restarts {
    pub count: u32,
    /// `137 OOMKilled`
    pub last_exit: Option<String>,
    pub last_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoscaling {
    pub min: i32,
    pub max: i32,
    pub current: i32,
}

/// A warning of the workload or of one of its pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarningLine {
    pub reason: String,
    /// Redacted.
    pub message: String,
    pub count: i32,
    pub last_at: Option<Timestamp>,
}

const WARNINGS: usize = 4;

#[must_use]
pub fn card(view: &CardView) -> Message {
    let CardView { cluster, kind, namespace, name, now, .. } = view;
    let emoji = emoji(view);
    let name = plain(name, 100);
    let mut blocks = vec![kit::header(&format!("{emoji} {name}"))];
    blocks.extend(doubts(view.doubts, *now));
    blocks.push(kit::fields(&facts(view)));
    blocks.extend(trouble(view).map(|text| kit::section(&text)));
    blocks.extend(warnings(view).map(|text| kit::section(&text)));
    blocks.extend(view.manager.as_ref().map(|manager| kit::section(&managed(manager))));
    let command = |text: &str, verb: &str, nth: usize| {
        let button = kit::run(text, format!("{verb} {}", view.typed));
        button.map(|button| kit::nth(button, nth).into())
    };
    let mut buttons: Vec<_> = command("Logs", "logs", 0).into_iter().collect();
    if view.restarts.last_exit.is_some() {
        buttons.extend(command("Logs before the crash", "logs --previous", 1));
    }
    buttons.extend(kit::run("Pods", format!("pods {}", view.typed)).map(|button| kit::nth(button, 2).into()));
    if has_revisions(kind) {
        buttons.extend(command("Rollout", "rollout", 3));
    }
    if !buttons.is_empty() {
        blocks.push(kit::row(buttons));
    }
    let about = [said(&kind.to_lowercase(), 40), said(namespace, 80), said(cluster, 60)];
    blocks.push(kit::context(&about.join(" · ")));
    kit::message(&format!("{emoji} {}: {}", said(view.name, 100), summary(view)), &blocks, None)
}

fn has_revisions(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet")
}

fn emoji(view: &CardView) -> &'static str {
    let Health { desired, ready, rollout } = &view.health;
    match rollout {
        Rollout::Stuck { .. } => "🔴",
        _ if *ready == 0 && *desired > 0 => "🔴",
        _ if ready < desired => "🟠",
        Rollout::Paused => "⏸️",
        Rollout::Progressing { .. } => "🔄",
        Rollout::ScaledToZero => "⚪",
        Rollout::Complete | Rollout::None => "🟢",
    }
}

fn summary(view: &CardView) -> String {
    match view.schedule {
        Some((schedule, suspended)) => {
            let suspended = if suspended { ", suspended" } else { "" };
            format!("runs {}{suspended}", said(schedule, 60))
        }
        None => format!("{} of {} ready", view.health.ready, view.health.desired),
    }
}

fn facts(view: &CardView) -> Vec<(&'static str, String)> {
    let Health { desired, ready, rollout } = &view.health;
    let mut facts = Vec::new();
    match view.schedule {
        Some((schedule, suspended)) => {
            let state = if suspended { "  ⏸️ suspended" } else { "" };
            facts.push(("Schedule", format!("{}{state}", code(schedule))));
            facts.push(("Running now", ready.to_string()));
        }
        None => facts.push(("Ready", format!("*{ready}* of {desired}"))),
    }
    let revision = view.revision.map_or_else(String::new, |revision| format!(" (revision {revision})"));
    let rollout = match rollout {
        Rollout::Complete => Some(format!("complete{revision}")),
        Rollout::Progressing { updated } => Some(format!("{updated} of {desired} new{revision}")),
        Rollout::Stuck { reason, .. } => Some(format!("stuck: {}{revision}", said(reason, 80))),
        Rollout::Paused => Some(format!("paused{revision}")),
        Rollout::ScaledToZero => Some("scaled to zero".to_owned()),
        Rollout::None => None,
    };
    facts.extend(rollout.map(|text| ("Rollout", text)));
    if let Some((first, others)) = view.images.split_first() {
        let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        facts.push(("Image", format!("{}{others}", code(&short_image(first)))));
    }
    let Restarts { count: restarts, last_exit, last_at } = &view.restarts;
    let when = last_at.map_or_else(String::new, |at| format!(", {}", ago(at, view.now)));
    let exit = last_exit.as_ref().map_or_else(String::new, |exit| format!("\nlast exit {}{when}", said(exit, 80)));
    if *restarts > 0 || !exit.is_empty() {
        facts.push(("Restarts", format!("{restarts}{exit}")));
    }
    if let Some(Autoscaling { min, max, current }) = view.autoscaling {
        let limit = if current >= max { " ⚠️ at the maximum" } else { "" };
        facts.push(("Autoscaling", format!("{min} to {max}, now {current}{limit}")));
    }
    match view.budgets.as_slice() {
        [] => {}
        [Budget { healthy, needed, allowed, .. }] => {
            let may = if *allowed > 0 { format!("{allowed} may go") } else { "⚠️ none may go".to_owned() };
            facts.push(("Disruption budget", format!("{healthy} healthy, {needed} needed: {may}")));
        }
        several => {
            let names: Vec<_> = several.iter().map(|it| code(&it.name)).collect();
            let names = names.join(" and ");
            facts.push(("Disruption budgets", format!("⚠️ {names}: Kubernetes evicts no pod that two of them cover")));
        }
    }
    if let Some((by, at)) = view.touched {
        let at = at.map_or_else(String::new, |at| format!(", {}", ago(at, view.now)));
        facts.push(("Last change", format!("by {}{at}", said(by, 80))));
    }
    facts.extend(view.owner.map(|owner| ("Owner", said(owner, 80))));
    facts
}

/// What does not work, in the cluster's words.
fn trouble(view: &CardView) -> Option<String> {
    let mut lines = Vec::new();
    if let Rollout::Stuck { message, .. } = &view.health.rollout {
        lines.push(said(message, 300));
    }
    if !view.complaints.is_empty() {
        let complaints: Vec<_> = view.complaints.iter().take(4).map(|it| bold(it)).collect();
        lines.push(format!("Pods: {}", complaints.join(", ")));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn warnings(view: &CardView) -> Option<String> {
    match &view.warnings {
        Err(error) => Some(format!("_Events could not be read: {}_", said(error, 200).replace('_', " "))),
        Ok(warnings) if warnings.is_empty() => None,
        Ok(warnings) => {
            let line = |it: &WarningLine| {
                let times = if it.count > 1 { format!(" ×{}", it.count) } else { String::new() };
                let at = it.last_at.map_or_else(String::new, |at| format!("{} ", ago(at, view.now)));
                format!("{at}{}{times}: {}", it.reason, it.message)
            };
            let lines: Vec<_> = warnings.iter().take(WARNINGS).map(line).collect();
            let more = warnings.len().saturating_sub(WARNINGS);
            let more = if more > 0 { format!(" (and {})", count(more, "other")) } else { String::new() };
            Some(format!("*Warnings*{more}\n{}", fenced(&lines.join("\n"), 1200)))
        }
    }
}
