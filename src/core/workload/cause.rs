//! Why, as far as the index knows: how a container ended, what its pods have in common, what changed lately and by whom.
//! Times are told as the hour, never as an age: a text that changes by itself is an edit of a message each time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::apps::ReplicaSet;
use super::pod::Container;
use super::{Id, Image, Index, Kind, Meta};
use crate::core::time::Timestamp;

/// A change longer ago is hardly the cause.
const LATELY: Duration = Duration::from_hours(24);

/// `2026-11-24 11:58 UTC`
pub(super) fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('T') {
        Some((date, time)) => format!("{date} {} UTC", time.get(..5).unwrap_or(time)),
        None => text,
    }
}

/// What there is of `parts`, as one text.
pub(super) fn joined<const N: usize>(parts: [Option<String>; N]) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// `last exit: OOMKilled (code 137), 2026-11-24 11:58 UTC`
pub(super) fn exit(container: &Container) -> Option<String> {
    let exit = container.last_exit()?;
    let code = match exit.signal {
        Some(signal) => format!("code {}, signal {signal}", exit.code),
        None => format!("code {}", exit.code),
    };
    let at = exit.finished_at.map_or_else(String::new, |at| format!(", {}", clock(at)));
    let message = if exit.message.is_empty() { String::new() } else { format!(": {}", exit.message) };
    Some(format!("last exit: {} ({code}){at}{message}", exit.reason))
}

/// What keeps most of a workload's pods from being ready: `3 pods: CrashLoopBackOff`.
pub(super) fn pods(index: &Index, id: &Id) -> Option<String> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in index.pods_of(id).filter(|pod| !pod.ready) {
        let waiting = pod.containers.iter().find_map(|container| container.waiting().map(|(reason, _)| reason));
        let reason = match (&pod.scheduling, waiting, &pod.failure) {
            (super::pod::Scheduling::Unschedulable(_), ..) => Some("no node takes it"),
            (_, Some(reason), _) => Some(reason),
            (_, None, Some(failure)) => Some(&*failure.reason),
            (_, None, None) => pod.containers.iter().find_map(|c| c.last_exit().map(|exit| &*exit.reason)),
        };
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let (reason, count) = reasons.into_iter().max_by_key(|(_, count)| *count)?;
    Some(if count == 1 { format!("1 pod: {reason}") } else { format!("{count} pods: {reason}") })
}

/// What changed lately about the workload an object belongs to: `revision 4, 2026-11-24 11:40 UTC, by argocd-controller:
/// app hermes:1 → hermes:2`.
pub(super) fn changed(index: &Index, kind: Kind, meta: &Meta, now: Timestamp) -> Option<String> {
    let (kind, name) = match kind {
        Kind::Pod => index.workload(meta)?,
        _ => (kind, &*meta.name),
    };
    let top = index.meta(kind, &meta.namespace, name)?;
    let lately = |at: Option<Timestamp>| at.filter(|at| now.since(*at) <= LATELY);
    let by = top.touched.as_ref().map(|touch| format!(", by {}", touch.by));
    if kind == Kind::Deployment {
        let (new, old) = revisions(index, top);
        let new = new?;
        let at = lately(new.meta.created_at)?;
        let revision = new.revision.map_or_else(|| "a new revision".to_owned(), |number| format!("revision {number}"));
        let images = old.map(|old| images(&old.images, &new.images)).filter(|images| !images.is_empty());
        let images = images.map_or_else(String::new, |images| format!(": {images}"));
        return Some(format!("changed: {revision}, {}{}{images}", clock(at), by.unwrap_or_default()));
    }
    let touch = top.touched.as_ref()?;
    let at = lately(touch.at)?;
    Some(format!("changed: {}{}", clock(at), by?))
}

/// The ReplicaSets of the present revision of a Deployment and of the one before.
fn revisions<'a>(index: &'a Index, deployment: &Meta) -> (Option<&'a ReplicaSet>, Option<&'a ReplicaSet>) {
    let of = |set: &&ReplicaSet| {
        let controller = set.meta.controller.as_ref();
        controller.is_some_and(|controller| &*controller.kind == "Deployment" && controller.name == deployment.name)
    };
    let mut sets: Vec<&ReplicaSet> = index.replica_sets_in(&deployment.namespace).filter(of).collect();
    sets.sort_by_key(|set| std::cmp::Reverse(set.revision));
    (sets.first().copied(), sets.get(1).copied())
}

/// `app hermes:1 → hermes:2`
fn images(old: &[Image], new: &[Image]) -> String {
    let changed = new.iter().filter_map(|Image { container, image }| {
        let was = old.iter().find(|image| image.container == *container)?;
        (was.image != *image).then(|| format!("{container} {} → {image}", was.image))
    });
    changed.collect::<Vec<_>>().join(", ")
}
