//! Whether what was written has come to rest, as kubectl's and the tools' own `--wait` judge it.

use std::time::Duration;

use super::answer::OTHER;
use super::asks::{ELSEWHERE, Mark};
use super::gitops::{self, REFRESH, REQUESTED_AT};
use super::live::{Live, count, plural};
use super::{Hands, READ_WITHIN, Settled, step};
use crate::cluster::{ClusterError, within};
use crate::core::action::plan::{Change, Plan, Write};
use crate::core::action::target::{Sort, Target};
use crate::core::time::{Timestamp, spoken};

/// A Job that runs for longer than this is left to itself.
const LONG: Duration = Duration::from_mins(5);

pub(super) async fn settled(hands: &Hands, plan: &Plan) -> Settled {
    match judged(hands, plan).await {
        Ok(settled) => settled,
        Err(error @ (ClusterError::Forbidden(_) | ClusterError::Unknown { .. })) => failed(error.to_string()),
        Err(ClusterError::NotFound(_)) => failed("it is no longer there"),
        Err(error) => progress(format!("{} cannot be asked now: {error}", plan.target.cluster)),
    }
}

fn done(note: impl Into<String>) -> Settled {
    Settled::Done { note: note.into() }
}

fn progress(text: impl Into<String>) -> Settled {
    Settled::Progress { text: text.into() }
}

fn failed(why: impl Into<String>) -> Settled {
    Settled::Failed { why: why.into() }
}

async fn judged(hands: &Hands, plan: &Plan) -> Result<Settled, ClusterError> {
    // What waits for its time is not written yet.
    let written: Vec<&Change> = plan.preview.changes.iter().take_while(|change| change.after.is_none()).collect();
    let Some(last) = written.last() else { return Ok(done("nothing was to be done")) };
    match &last.write {
        Write::DeletePod => return replaced(hands, plan, last).await,
        Write::Evict => return evicted(hands, plan, &written).await,
        Write::CreateJob { .. } => return ran(hands, plan).await,
        _ => {}
    }
    let live = hands.get(&plan.target).await?;
    if live.uid() != last.object.uid {
        return Ok(failed(OTHER));
    }
    Ok(match &last.write {
        Write::Restart | Write::Template { .. } | Write::Paused { paused: false } => {
            rolled_out(&live, plan.target.sort)
        }
        Write::Replicas { to, .. } => scaled(&live, *to),
        Write::Paused { paused: true } => done("its rollout is paused"),
        Write::Suspend { suspend: false } if plan.target.sort != Sort::CronJob => ready(&live, "reconciles again"),
        Write::Suspend { suspend } => done(if *suspend { "suspended" } else { "resumed" }),
        Write::Unschedulable { unschedulable } => done(if *unschedulable { "cordoned" } else { "takes new pods" }),
        Write::Operation { .. } => synced(plan, &live),
        Write::Refresh { .. } if live.annotation(REFRESH).is_some() => progress("Argo CD has not looked yet"),
        Write::Refresh { .. } => {
            done(format!("{}, {}", live.text("/status/sync/status"), live.text("/status/health/status")))
        }
        Write::Promote { .. } | Write::Abort { abort: false } => promoted(&live),
        Write::Abort { abort: true } => aborted(&live),
        Write::Reconcile => reconciled(&live),
        Write::Dispatch { .. } => failed(ELSEWHERE),
        Write::DeletePod | Write::Evict | Write::CreateJob { .. } | Write::Transfer(_) => done("done"),
    })
}

/// As `kubectl rollout status`.
fn rolled_out(live: &Live, sort: Sort) -> Settled {
    let number = |pointer: &str| live.number(pointer).map_or(0, count);
    if number("/status/observedGeneration") < u32::try_from(live.generation()).unwrap_or(0) {
        return progress("its controller has not seen the change yet");
    }
    if let Some((_, "ProgressDeadlineExceeded", message)) = live.condition("Progressing") {
        return failed(message);
    }
    let (wanted, updated, up) = match sort {
        Sort::DaemonSet => (
            number("/status/desiredNumberScheduled"),
            number("/status/updatedNumberScheduled"),
            number("/status/numberAvailable"),
        ),
        Sort::StatefulSet => {
            let partition = number("/spec/updateStrategy/rollingUpdate/partition");
            (
                live.replicas().saturating_sub(partition),
                number("/status/updatedReplicas"),
                number("/status/readyReplicas").saturating_sub(partition),
            )
        }
        _ => (live.replicas(), number("/status/updatedReplicas"), number("/status/availableReplicas")),
    };
    if updated < wanted {
        return progress(format!("{updated} of {} replaced", plural(wanted as usize, "pod")));
    }
    let old = number("/status/replicas").saturating_sub(updated);
    if sort == Sort::Deployment && old > 0 {
        return progress(format!("{updated} replaced, {} still going", plural(old as usize, "old pod")));
    }
    if up < wanted {
        return progress(format!("{up} of {} ready", plural(wanted as usize, "pod")));
    }
    done(format!("{} of the new template ready", plural(up as usize, "pod")))
}

fn scaled(live: &Live, to: u32) -> Settled {
    let number = |pointer: &str| live.number(pointer).map_or(0, count);
    if live.replicas() != to {
        return failed(format!("somebody set it to {} replicas since", live.replicas()));
    }
    let (all, ready) = (number("/status/replicas"), number("/status/readyReplicas"));
    if number("/status/observedGeneration") < u32::try_from(live.generation()).unwrap_or(0) {
        return progress("its controller has not seen the change yet");
    }
    if all > to {
        return progress(format!("{} still going", plural((all - to) as usize, "pod")));
    }
    if ready < to {
        return progress(format!("{ready} of {} ready", plural(to as usize, "pod")));
    }
    done(format!("{} ready", plural(to as usize, "pod")))
}

/// The pod is gone, and its controller has as many as it wants again.
async fn replaced(hands: &Hands, plan: &Plan, change: &Change) -> Result<Settled, ClusterError> {
    let target = &change.object.target;
    match hands.get(target).await {
        Ok(pod) if pod.uid() == change.object.uid => return Ok(progress("it is on its way out")),
        Ok(_) | Err(ClusterError::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    let owner = plan.preview.rests_on.get("owner").and_then(|owner| owner.split_once(' '));
    let Some((kind, name)) = owner else { return Ok(done("gone")) };
    let owner = match Sort::named(kind) {
        Some(sort) => hands.get(&Target { sort, name: name.to_owned(), ..target.clone() }).await,
        None if kind == "ReplicaSet" => {
            let sets = hands.others(&target.cluster, &super::REPLICA_SETS, &target.namespace).await?;
            within(READ_WITHIN, sets.get(name)).await.map(Live)
        }
        None => return Ok(done("gone")),
    };
    let owner = match owner {
        Ok(owner) => owner,
        // It went as well, or cannot be seen: the pod is gone, which is what was asked for.
        Err(ClusterError::NotFound(_) | ClusterError::Forbidden(_)) => return Ok(done("gone")),
        Err(error) => return Err(error),
    };
    let (wanted, ready) = match kind {
        "DaemonSet" => (
            owner.number("/status/desiredNumberScheduled").map_or(0, count),
            owner.number("/status/numberReady").map_or(0, count),
        ),
        "Job" => return Ok(done("gone")),
        _ => (owner.replicas(), owner.number("/status/readyReplicas").map_or(0, count)),
    };
    if ready < wanted {
        return Ok(progress(format!("gone; {ready} of {} ready", plural(wanted as usize, "pod"))));
    }
    Ok(done(format!("replaced; {} ready", plural(ready as usize, "pod"))))
}

async fn evicted(hands: &Hands, plan: &Plan, written: &[&Change]) -> Result<Settled, ClusterError> {
    let uids: Vec<&str> =
        written.iter().filter(|change| change.write == Write::Evict).map(|change| change.object.uid.as_str()).collect();
    let there = hands.pods_on(&plan.target.cluster, &plan.target.name).await?;
    let left = there.iter().filter(|pod| uids.contains(&pod.uid())).count();
    let all = uids.len();
    if left > 0 {
        return Ok(progress(format!("{} of {} gone", all - left, plural(all, "pod"))));
    }
    Ok(done(format!("drained: {} gone", plural(all, "pod"))))
}

async fn ran(hands: &Hands, plan: &Plan) -> Result<Settled, ClusterError> {
    let Some(job) = step::job_of(hands, plan).await? else {
        return Ok(failed("its Job is no longer there: it was deleted, or has run and was cleaned up"));
    };
    let holds = |name: &str| job.condition(name).filter(|(status, ..)| *status == "True");
    if let Some((_, reason, message)) = holds("Failed") {
        return Ok(failed(format!("Job {} failed: {reason}: {message}", job.name())));
    }
    if holds("Complete").is_some() {
        return Ok(done(format!("Job {} is complete", job.name())));
    }
    let active = job.number("/status/active").map_or(0, count);
    let started = job.text("/status/startTime").parse::<jiff::Timestamp>().ok();
    let started = started.map(|at| Timestamp::from_millis(at.as_millisecond()));
    if active > 0 && started.is_some_and(|at| hands.clock.now().since(at) > LONG) {
        return Ok(done(format!("Job {} runs, and has for {}", job.name(), spoken(LONG))));
    }
    Ok(progress(format!("Job {}: {} running", job.name(), plural(active as usize, "pod"))))
}

fn synced(plan: &Plan, live: &Live) -> Settled {
    let mark: Mark = step::mark(plan, Timestamp::default());
    if gitops::ours(live.at("/operation"), &mark) {
        return progress("Argo CD has not begun yet");
    }
    if !gitops::ours(live.at("/status/operationState/operation"), &mark) {
        return failed("another sync took its place; look at its history in Argo CD");
    }
    let message = live.text("/status/operationState/message");
    match live.text("/status/operationState/phase") {
        "Succeeded" => match live.text("/status/health/status") {
            "Progressing" => progress("synced; what it runs is getting ready"),
            "Degraded" => failed(format!("synced, and degraded: {}", live.text("/status/health/message"))),
            health => done(format!("synced; {health}")),
        },
        "Failed" | "Error" => failed(message),
        _ => progress(if message.is_empty() { "the sync is under way" } else { message }),
    }
}

fn promoted(live: &Live) -> Settled {
    let message = live.text("/status/message");
    let steps = live.list("/spec/strategy/canary/steps").len();
    let at = format!("at step {} of {steps}", gitops::index(live));
    match live.text("/status/phase") {
        "Healthy" => done("everywhere"),
        "Degraded" => failed(message),
        // It stops again where it is told to.
        "Paused" => done(format!("paused {at}")),
        _ => progress(at),
    }
}

fn aborted(live: &Live) -> Settled {
    let (ready, wanted) = (live.number("/status/readyReplicas").map_or(0, count), live.replicas());
    // An aborted rollout is degraded by definition; it is back when all that is wanted runs.
    if ready < wanted {
        return progress(format!("aborted; {ready} of {} ready", plural(wanted as usize, "pod")));
    }
    done(format!("back at the stable version, {} ready", plural(ready as usize, "pod")))
}

fn reconciled(live: &Live) -> Settled {
    let asked = live.annotation(REQUESTED_AT).unwrap_or_default();
    if live.text("/status/lastHandledReconcileAt") != asked {
        return progress("Flux has not begun yet");
    }
    ready(live, "reconciled")
}

/// As kstatus: `Ready` of the present generation.
fn ready(live: &Live, word: &str) -> Settled {
    if live.number("/status/observedGeneration").unwrap_or(0) < live.generation() {
        return progress("Flux has not seen the change yet");
    }
    match live.condition("Ready") {
        Some(("True", _, message)) => {
            done(if message.is_empty() { word.to_owned() } else { format!("{word}: {message}") })
        }
        Some(("False", reason, message))
            if live.condition("Reconciling").is_none_or(|(status, ..)| status != "True") =>
        {
            failed(format!("{reason}: {message}"))
        }
        Some((_, reason, message)) => progress(format!("{reason}: {message}")),
        None => progress("under way"),
    }
}
