//! One step of a plan: read its object, compare, write; or read it and find out whether it was written.

use std::time::Duration;

use kube::api::{Api, DynamicObject, ListParams};

use super::answer::{Ended, Failure, GONE, OTHER, ended, going};
use super::asks::{Ask, ELSEWHERE, Mark, PLAN, ask, job_name, job_spec, send};
use super::live::Live;
use super::{Hands, READ_WITHIN, REPLICA_SETS, gitops};
use crate::cluster::{ClusterError, within};
use crate::core::action::digest::fingerprint;
use crate::core::action::journal::Tried;
use crate::core::action::plan::{Change, Plan, Write};
use crate::core::action::target::{Sort, Target};
use crate::core::time::Timestamp;

/// How often somebody else may write between our reading and our writing, before we leave it for a while.
const CONFLICTS: usize = 5;
/// A Job that is not there so soon after it was to be made has not been made. Later it may have run and been cleaned up.
const JOB_LASTS: Duration = Duration::from_mins(1);

pub(super) fn mark(plan: &Plan, stamp: Timestamp) -> Mark {
    Mark { stamp, plan: plan.digest().short().to_owned() }
}

/// How an object stands to a write.
#[derive(Debug, PartialEq, Eq)]
enum Stands {
    /// As the plan says.
    Still,
    /// It is as the write would make it.
    Already(String),
    Changed(String),
}

pub(super) async fn carry_out(hands: &Hands, plan: &Plan, step: usize, stamp: Timestamp) -> Tried {
    let Some(change) = plan.preview.changes.get(step) else {
        return Tried::Failed { why: format!("the plan has no step {step}") };
    };
    let mark = mark(plan, stamp);
    for _ in 0..CONFLICTS {
        let (live, source) = match see(hands, change).await {
            Ok(seen) => seen,
            Err(error) => return unread(error, &change.write),
        };
        match stands(plan, change, &live, source.as_ref(), &mark) {
            Stands::Still => {}
            Stands::Already(note) => return Tried::Succeeded { note },
            Stands::Changed(why) => return Tried::Failed { why },
        }
        let ask = match ask(&change.write, &live, source.as_ref(), &mark) {
            Ok(ask) => ask,
            Err(why) => return Tried::Failed { why },
        };
        let objects = match to(hands, &change.object.target, &ask).await {
            Ok(objects) => objects,
            Err(error) => return unread(error, &change.write),
        };
        match send(&objects, &change.object.target.name, ask, false).await {
            Ok(()) => return Tried::Succeeded { note: done(&change.write, &mark) },
            Err(failure) => match ended(&failure, &change.write) {
                Ended::Conflict => {}
                Ended::Exists => return observed(hands, plan, change, &mark).await,
                Ended::Tried(tried) => return tried,
            },
        }
    }
    Tried::Blocked { why: "others write to it all the time".to_owned() }
}

pub(super) async fn observe(hands: &Hands, plan: &Plan, step: usize, stamp: Timestamp) -> Tried {
    match plan.preview.changes.get(step) {
        Some(change) => observed(hands, plan, change, &mark(plan, stamp)).await,
        None => Tried::Unknown { why: format!("the plan has no step {step}") },
    }
}

async fn observed(hands: &Hands, plan: &Plan, change: &Change, mark: &Mark) -> Tried {
    if let Write::CreateJob { name, .. } = &change.write {
        return made(hands, change, &job_name(name, mark), mark).await;
    }
    let live = match hands.get(&change.object.target).await {
        Ok(live) => live,
        Err(error) => return unseen(&error, &change.write),
    };
    if live.uid() != change.object.uid {
        return if going(&change.write) {
            Tried::Succeeded { note: GONE.to_owned() }
        } else {
            Tried::Unknown { why: OTHER.to_owned() }
        };
    }
    happened(plan, change, &live, mark)
}

/// The dry run of a write: whether it would be taken.
pub(super) async fn rehearse(
    hands: &Hands,
    target: &Target,
    write: &Write,
    live: &Live,
    source: Option<&Live>,
    now: Timestamp,
) -> Result<(), ClusterError> {
    let mark = Mark { stamp: now, plan: "preview".to_owned() };
    let ask = ask(write, live, source, &mark).map_err(|message| ClusterError::Refused { code: 422, message })?;
    let objects = to(hands, target, &ask).await?;
    match send(&objects, &target.name, ask, true).await {
        Ok(()) => Ok(()),
        Err(Failure::Late) => Err(ClusterError::Late(super::WRITE_WITHIN)),
        Err(Failure::Answer(error)) => Err(ClusterError::from(error)),
    }
}

/// The collection a request goes to.
async fn to(hands: &Hands, target: &Target, ask: &Ask) -> Result<Api<DynamicObject>, ClusterError> {
    let sort = if matches!(ask, Ask::Create(_)) { Sort::Job } else { target.sort };
    hands.objects(&target.cluster, sort, &target.namespace).await
}

/// The object of a change, and what its write takes a template from.
async fn see(hands: &Hands, change: &Change) -> Result<(Live, Option<Live>), ClusterError> {
    let target = &change.object.target;
    let live = hands.get(target).await?;
    let source = match &change.write {
        Write::Template { source, .. } => {
            let sets = hands.others(&target.cluster, &REPLICA_SETS, &target.namespace).await?;
            match within(READ_WITHIN, sets.get(source)).await {
                Ok(set) => Some(Live(set)),
                Err(ClusterError::NotFound(_)) => None,
                Err(error) => return Err(error),
            }
        }
        _ => None,
    };
    Ok((live, source))
}

/// Nothing was sent, since the object could not be read.
fn unread(error: ClusterError, write: &Write) -> Tried {
    match error {
        ClusterError::NotFound(_) if going(write) => Tried::Succeeded { note: GONE.to_owned() },
        ClusterError::NotFound(_) => Tried::Failed { why: "it is no longer there".to_owned() },
        ClusterError::Forbidden(why) => Tried::Failed { why: format!("the cluster does not allow it: {why}") },
        ClusterError::Unknown { .. } => Tried::Failed { why: error.to_string() },
        other => Tried::Blocked { why: other.to_string() },
    }
}

/// Something may have been sent, and the object cannot be read.
fn unseen(error: &ClusterError, write: &Write) -> Tried {
    match error {
        ClusterError::NotFound(_) if going(write) => Tried::Succeeded { note: GONE.to_owned() },
        ClusterError::NotFound(_) => Tried::Unknown { why: "it is no longer there, so nothing tells".to_owned() },
        ClusterError::Forbidden(_) | ClusterError::Unknown { .. } => Tried::Unknown { why: error.to_string() },
        _ => Tried::Unclear,
    }
}

/// What the plan says the object was: the entry of what it rests on, when the change is to the plan's own target.
fn rests<'a>(plan: &'a Plan, change: &Change, name: &str) -> Option<&'a str> {
    (change.object.target == plan.target).then(|| plan.preview.rests_on.get(name).map(String::as_str)).flatten()
}

fn stands(plan: &Plan, change: &Change, live: &Live, source: Option<&Live>, mark: &Mark) -> Stands {
    if live.uid() != change.object.uid {
        return if going(&change.write) { Stands::Already(GONE.to_owned()) } else { Stands::Changed(OTHER.to_owned()) };
    }
    // A restart of somebody else's, later than ours was meant to be, is not ours.
    let ours = change.write != Write::Restart || restarted(live, mark);
    if let (Tried::Succeeded { note }, true) = (happened(plan, change, live, mark), ours) {
        return Stands::Already(note);
    }
    let changed = |what: &str| Stands::Changed(format!("{what} since it was approved"));
    let same_template = rests(plan, change, "template").is_none_or(|hash| hash == live.template_hash());
    match &change.write {
        Write::Restart | Write::Template { .. } if live.flag("/spec/paused") => changed("its rollout was paused"),
        Write::Restart | Write::Template { .. } if !same_template => changed("its pod template was changed"),
        Write::Template { hash, .. } => match source {
            Some(source) if source.template_hash() == *hash => Stands::Still,
            _ => Stands::Changed("the revision it was to go back to is no longer there".to_owned()),
        },
        Write::Replicas { from, .. } if live.replicas() != *from => {
            Stands::Changed(format!("it has {} replicas now, not {from}", live.replicas()))
        }
        Write::CreateJob { hash, .. } if fingerprint(&job_spec(live)) != *hash => changed("its template was changed"),
        Write::Operation { .. } | Write::Refresh { .. } | Write::Promote { .. } | Write::Abort { .. } => {
            match gitops::stands(plan, &change.write, live) {
                Ok(()) => Stands::Still,
                Err(why) => Stands::Changed(why),
            }
        }
        Write::Reconcile if live.flag("/spec/suspend") => changed("it was suspended"),
        Write::Dispatch { .. } => Stands::Changed(ELSEWHERE.to_owned()),
        Write::Restart
        | Write::Replicas { .. }
        | Write::Paused { .. }
        | Write::DeletePod
        | Write::Evict
        | Write::CreateJob { .. }
        | Write::Suspend { .. }
        | Write::Unschedulable { .. }
        | Write::Transfer(_)
        | Write::Reconcile => Stands::Still,
    }
}

/// Whether the object shows that the write took effect; [`Tried::Blocked`] when it shows that it did not.
fn happened(plan: &Plan, change: &Change, live: &Live, mark: &Mark) -> Tried {
    let yes = |note: &str| Tried::Succeeded { note: note.to_owned() };
    let no = || Tried::Blocked { why: "the cluster did not take it".to_owned() };
    let when = |so: bool| if so { yes(&done(&change.write, mark)) } else { no() };
    match &change.write {
        Write::Restart => match live.restarted_at() {
            Some(_) if restarted(live, mark) => yes(&done(&change.write, mark)),
            Some(at) if later(at, mark.stamp) => yes("somebody restarted it again since"),
            _ => no(),
        },
        Write::Replicas { from, to } => match live.replicas() {
            now if now == *to => yes(&done(&change.write, mark)),
            now if now == *from => no(),
            now => Tried::Unknown { why: format!("it has {now} replicas, neither {from} nor {to}") },
        },
        Write::Template { hash, .. } => {
            let now = live.template_hash();
            match rests(plan, change, "template") {
                _ if now == *hash => yes(&done(&change.write, mark)),
                Some(before) if before == now => no(),
                _ => Tried::Unknown { why: "its pod template is neither the one before nor the one wanted".to_owned() },
            }
        }
        Write::Paused { paused } => when(live.flag("/spec/paused") == *paused),
        Write::DeletePod | Write::Evict => when(live.deleting()),
        // Told by the Job itself, which is another object; nothing of a cluster is paid.
        Write::CreateJob { .. } | Write::Transfer(_) => no(),
        Write::Suspend { suspend } => when(live.flag("/spec/suspend") == *suspend),
        Write::Unschedulable { unschedulable } => when(live.flag("/spec/unschedulable") == *unschedulable),
        Write::Operation { .. }
        | Write::Refresh { .. }
        | Write::Promote { .. }
        | Write::Abort { .. }
        | Write::Reconcile => gitops::happened(plan, &change.write, live, mark),
        Write::Dispatch { .. } => Tried::Failed { why: ELSEWHERE.to_owned() },
    }
}

/// Whether the last restart is the one that `mark` stands for.
fn restarted(live: &Live, mark: &Mark) -> bool {
    live.restarted_at() == Some(mark.stamp.to_string().as_str()) && live.restarted_by() == Some(mark.plan.as_str())
}

fn later(at: &str, than: Timestamp) -> bool {
    at.parse::<jiff::Timestamp>().is_ok_and(|at| at.as_millisecond() > than.as_millis())
}

/// Whether the Job of this plan is there.
async fn made(hands: &Hands, change: &Change, name: &str, mark: &Mark) -> Tried {
    let target = &change.object.target;
    let jobs = match hands.objects(&target.cluster, Sort::Job, &target.namespace).await {
        Ok(jobs) => jobs,
        Err(error) => return unseen(&error, &change.write),
    };
    match within(READ_WITHIN, jobs.get(name)).await {
        Ok(job) if Live(job.clone()).labels().get(PLAN) == Some(&mark.plan) => {
            Tried::Succeeded { note: done(&change.write, mark) }
        }
        Ok(_) => Tried::Failed { why: format!("a Job named {name} is there already, made by somebody else") },
        Err(ClusterError::NotFound(_)) if hands.clock.now().since(mark.stamp) < JOB_LASTS => {
            Tried::Blocked { why: "the cluster did not take it".to_owned() }
        }
        Err(ClusterError::NotFound(_)) => Tried::Unknown {
            why: format!(
                "there is no Job {name}: it was not made, or it has run and was cleaned up; look at its events and logs"
            ),
        },
        Err(error) => unseen(&error, &change.write),
    }
}

/// The Job of a plan, by its label.
pub(super) async fn job_of(hands: &Hands, plan: &Plan) -> Result<Option<Live>, ClusterError> {
    let target = &plan.target;
    let jobs = hands.objects(&target.cluster, Sort::Job, &target.namespace).await?;
    let params = ListParams::default().labels(&format!("{PLAN}={}", plan.digest().short()));
    Ok(within(READ_WITHIN, jobs.list(&params)).await?.items.into_iter().map(Live).next())
}

fn done(write: &Write, mark: &Mark) -> String {
    match write {
        Write::Restart => "told to replace its pods".to_owned(),
        Write::Replicas { to, .. } => format!("set to {to} replicas"),
        Write::Template { revision, .. } => format!("set to the template of revision {revision}"),
        Write::Paused { paused: true } => "rollout paused".to_owned(),
        Write::Paused { paused: false } => "rollout resumed".to_owned(),
        Write::DeletePod => "told to go".to_owned(),
        Write::Evict => "evicted".to_owned(),
        Write::CreateJob { name, .. } => format!("made Job {}", job_name(name, mark)),
        Write::Suspend { suspend: true } => "suspended".to_owned(),
        Write::Suspend { suspend: false } => "resumed".to_owned(),
        Write::Unschedulable { unschedulable: true } => "cordoned".to_owned(),
        Write::Unschedulable { unschedulable: false } => "uncordoned".to_owned(),
        Write::Operation { .. } => "sync asked for".to_owned(),
        Write::Refresh { .. } => "refresh asked for".to_owned(),
        Write::Promote { .. } => "promoted".to_owned(),
        Write::Abort { abort: true } => "aborted".to_owned(),
        Write::Abort { abort: false } => "asked to try again".to_owned(),
        Write::Reconcile => "reconcile asked for".to_owned(),
        Write::Dispatch { .. } => ELSEWHERE.to_owned(),
        Write::Transfer(_) => "paid".to_owned(),
    }
}
