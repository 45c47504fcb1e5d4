//! Run a Job now or again; suspend and resume a CronJob.

use std::collections::BTreeMap;

use super::super::CannotPlan;
use super::super::asks::job_spec;
use super::super::live::plural;
use super::{Draft, Look};
use crate::core::action::digest::fingerprint;
use crate::core::action::kind::Action;
use crate::core::action::plan::{Blast, Preview, Risk, Undo, Write};
use crate::core::action::target::Sort;

pub(super) fn run(look: &Look) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    let mut warnings = Vec::new();
    let mut rests_on = BTreeMap::new();
    if look.target.sort == Sort::Job {
        let holds = |name: &str| live.condition(name).is_some_and(|(status, ..)| status == "True");
        if holds("Complete") || holds("SuccessCriteriaMet") {
            return Err(CannotPlan::NothingToDo("it has done its work".to_owned()));
        }
        if !holds("Failed") {
            return Err(CannotPlan::NotPossible("it has not failed; it may still do its work".to_owned()));
        }
        if live.flag("/spec/manualSelector") {
            return Err(CannotPlan::NotPossible(
                "it chooses its pods by hand (manualSelector), so a second would take them".to_owned(),
            ));
        }
        rests_on.insert("state".to_owned(), "failed".to_owned());
    } else {
        let active = live.list("/status/active").len();
        if active > 0 {
            let policy = live.text("/spec/concurrencyPolicy");
            let but =
                if policy == "Forbid" { "; its schedule allows only one (Forbid), this does not ask" } else { "" };
            warnings.push(format!("{} of it is running{but}", plural(active, "Job")));
        }
        if live.flag("/spec/suspend") {
            warnings.push("it is suspended; this runs all the same, once".to_owned());
        }
    }
    let made = job_spec(live);
    let hash = fingerprint(&made);
    rests_on.insert("template".to_owned(), hash.clone());
    let containers = made.pointer("/spec/template/spec/containers").and_then(serde_json::Value::as_array);
    let images: Vec<&str> = containers.into_iter().flatten().filter_map(|it| it["image"].as_str()).collect();
    let new = format!("one from {} {}, with {}", look.target.sort, live.name(), images.join(", "));
    let pods = made.pointer("/spec/parallelism").and_then(serde_json::Value::as_u64).unwrap_or(1);
    Ok(Draft::of(Preview {
        changes: vec![look.change(Write::CreateJob { name: live.name().to_owned(), hash }, "Job", "none", new)],
        rests_on,
        risk: Risk::R1,
        blast: Blast {
            pods: format!("{} more", plural(usize::try_from(pods).unwrap_or(1), "pod")),
            budgets: Vec::new(),
        },
        warnings,
        undo: Undo::None { why: "what a Job has done stays done".to_owned() },
    }))
}

pub(super) fn suspend(look: &Look, suspend: bool) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    if live.flag("/spec/suspend") == suspend {
        let is = if suspend { "suspended already" } else { "not suspended" };
        return Err(CannotPlan::NothingToDo(format!("it is {is}")));
    }
    let schedule = format!("runs at {}", live.text("/spec/schedule"));
    let active = live.list("/status/active").len();
    let mut warnings = Vec::new();
    let (old, new, undo) = if suspend {
        if active > 0 {
            warnings.push(format!("{} of it is running and goes on", plural(active, "Job")));
        }
        (schedule, "suspended".to_owned(), Action::ResumeCronjob)
    } else {
        // Kubernetes counts runs missed while suspended, as far back as the deadline says.
        if live.number("/spec/startingDeadlineSeconds").is_none() {
            warnings.push("a run that was missed meanwhile may be made up for at once".to_owned());
        }
        ("suspended".to_owned(), schedule, Action::SuspendCronjob)
    };
    Ok(Draft::of(Preview {
        changes: vec![look.change(Write::Suspend { suspend }, "schedule", old, new)],
        rests_on: BTreeMap::from([("suspended".to_owned(), (!suspend).to_string())]),
        risk: Risk::R1,
        blast: Blast { pods: "none".to_owned(), budgets: Vec::new() },
        warnings,
        undo: Undo::By { action: undo },
    }))
}
