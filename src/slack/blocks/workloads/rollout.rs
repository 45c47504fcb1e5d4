//! The revisions of a workload: what can be gone back to.

use super::super::kit;
use super::super::words::{ago, bold, code, count, said};
use super::{Doubt, doubts, short_image};
use crate::core::time::Timestamp;
use crate::core::workload::health::{Health, Rollout};
use crate::slack::message::Message;

/// What the answer to `/wk rollout` is made from.
#[derive(Clone, Debug)]
pub struct RolloutView<'a> {
    pub cluster: &'a str,
    /// `Deployment`
    pub kind: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    pub health: Health,
    /// Newest first.
    pub revisions: &'a [RevisionLine],
    pub typed: &'a str,
    pub doubts: &'a [Doubt],
    /// What the cluster's clock shows.
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionLine {
    pub number: i64,
    pub images: Vec<String>,
    pub created_at: Option<Timestamp>,
    /// Outside text.
    pub cause: Option<String>,
    pub pods: Option<i32>,
}

const SHOWN: usize = 10;

#[must_use]
pub fn rollout(view: &RolloutView) -> Message {
    let RolloutView { cluster, kind, namespace, name, health, revisions, now, .. } = view;
    let state = match &health.rollout {
        Rollout::Complete => "✅ complete".to_owned(),
        Rollout::Progressing { updated } => format!("🔄 {updated} of {} pods are new", health.desired),
        Rollout::Stuck { reason, message } => format!("🔴 stuck: {} ({})", said(reason, 80), said(message, 200)),
        Rollout::Paused => "⏸️ paused".to_owned(),
        Rollout::ScaledToZero => "⚪ scaled to zero".to_owned(),
        Rollout::None => "this kind has no rollouts".to_owned(),
    };
    let heading = format!("{}: {}", bold(name), state);
    let mut blocks = vec![kit::section(&format!("*Rollout of* {heading}"))];
    blocks.extend(doubts(view.doubts, *now));
    let lines: Vec<_> =
        revisions.iter().take(SHOWN).enumerate().map(|(at, revision)| line(revision, at == 0, *now)).collect();
    blocks.extend(lines.chunks(5).map(|lines| kit::section(&lines.join("\n"))));
    if revisions.len() > SHOWN {
        blocks.push(kit::context(&format!("and {}", count(revisions.len() - SHOWN, "older revision"))));
    }
    let back = kit::run("Workload", format!("workload {}", view.typed)).map(Into::into);
    let back: Vec<_> = back.into_iter().collect();
    if !back.is_empty() {
        blocks.push(kit::row(back));
    }
    let about = [said(&kind.to_lowercase(), 40), said(namespace, 80), said(cluster, 60)];
    blocks.push(kit::context(&about.join(" · ")));
    kit::message(&format!("Rollout of {heading}"), &blocks, None)
}

fn line(revision: &RevisionLine, current: bool, now: Timestamp) -> String {
    let RevisionLine { number, images, created_at, cause, pods } = revision;
    let marker = if current { "▶️" } else { "▫️" };
    let images: Vec<_> = images.iter().take(3).map(|image| code(&short_image(image))).collect();
    let mut parts = vec![format!("{marker} *{number}*  {}", images.join(" "))];
    parts.extend(created_at.map(|at| ago(at, now)));
    parts.extend(pods.filter(|pods| *pods > 0).map(|pods| count(usize::try_from(pods).unwrap_or(0), "pod")));
    parts.extend(cause.as_ref().map(|cause| said(cause, 120)));
    if current {
        parts.push("current".to_owned());
    }
    parts.join(" · ")
}
