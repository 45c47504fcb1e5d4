//! Cordon, uncordon, drain.

use std::collections::BTreeMap;

use super::super::CannotPlan;
use super::super::drain::{Sorted, sorted};
use super::super::live::{Live, plural};
use super::super::pods::{budget_words, covering, finished, named, ready};
use super::super::step::rehearse;
use super::{Draft, Look};
use crate::cluster::ClusterError;
use crate::core::action::kind::Action;
use crate::core::action::plan::{Blast, Change, Preview, Risk, Undo, Write};
use crate::core::action::target::{Sort, Target};

pub(super) async fn cordon(look: &Look<'_>, unschedulable: bool) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    if live.flag("/spec/unschedulable") == unschedulable {
        let is = if unschedulable { "cordoned already" } else { "not cordoned" };
        return Err(CannotPlan::NothingToDo(format!("it is {is}")));
    }
    let pods = look.hands.pods_on(&look.target.cluster, live.name()).await.map_err(|error| look.cannot(error))?;
    let running = pods.iter().filter(|pod| !finished(pod)).count();
    let (old, new, undo) = if unschedulable {
        ("takes new pods", "cordoned", Action::Uncordon)
    } else {
        ("cordoned", "takes new pods", Action::Cordon)
    };
    // kubernetes-mixin's KubeNodeNotReady leaves cordoned nodes out.
    let blind = "a node that is cordoned is left out of the alert KubeNodeNotReady".to_owned();
    let down = (!ready(live)).then(|| "the node is not ready".to_owned());
    Ok(Draft::of(Preview {
        changes: vec![look.change(Write::Unschedulable { unschedulable }, "scheduling", old, new)],
        rests_on: BTreeMap::from([("cordoned".to_owned(), (!unschedulable).to_string())]),
        risk: if unschedulable { Risk::R2 } else { Risk::R1 },
        blast: Blast { pods: format!("{} on it stay where they are", plural(running, "pod")), budgets: Vec::new() },
        warnings: unschedulable.then_some(blind).into_iter().chain(down).collect(),
        undo: Undo::By { action: undo },
    }))
}

pub(super) async fn drain(look: &Look<'_>, delete_empty_dir: bool) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    let cluster = &look.target.cluster;
    let pods = look.hands.pods_on(cluster, live.name()).await.map_err(|error| look.cannot(error))?;
    let Sorted { evicted, stay, leaving, unmanaged, scratch, scratch_lost } = sorted(&pods, delete_empty_dir);
    if !unmanaged.is_empty() {
        let why = format!("nothing would make these again, so the node is not drained: {}", named(&unmanaged));
        return Err(CannotPlan::NotPossible(why));
    }
    if !scratch.is_empty() {
        let why = format!(
            "these keep data in an emptyDir, which a drain deletes; ask for that if it may go: {}",
            named(&scratch)
        );
        return Err(CannotPlan::NotPossible(why));
    }
    let cordoned = live.flag("/spec/unschedulable");
    if cordoned && evicted.is_empty() {
        return Err(CannotPlan::NothingToDo("it is cordoned, and no pod on it has to go".to_owned()));
    }
    let cordon = look.change(Write::Unschedulable { unschedulable: true }, "scheduling", "takes new pods", "cordoned");
    let mut changes: Vec<Change> = (!cordoned).then_some(cordon).into_iter().collect();
    changes.extend(evicted.iter().map(|pod| eviction(cluster, pod)));
    let budgets = look.hands.budgets(cluster, "").await.map_err(|error| look.cannot(error))?;
    let mut over: Vec<&Live> = Vec::new();
    for pod in &evicted {
        let new = covering(&budgets, pod.namespace(), pod.labels());
        let new: Vec<&Live> = new.filter(|budget| !over.iter().any(|it| it.uid() == budget.uid())).collect();
        over.extend(new);
    }
    let mut warnings = Vec::new();
    let held = over.iter().filter(|budget| budget.number("/status/disruptionsAllowed") == Some(0));
    for budget in held {
        warnings.push(format!("{}: evictions wait for it, for ten minutes each at most", budget_words(budget)));
    }
    for (pods, words) in [
        (&stay, "stay, being a DaemonSet's or the kubelet's own"),
        (&leaving, "are on their way out already"),
        (&scratch_lost, "lose what they keep in an emptyDir"),
    ] {
        if !pods.is_empty() {
            warnings.push(format!("{words}: {}", named(pods)));
        }
    }
    // The first write may be the cordon; that an eviction is allowed is found out here.
    if let (false, Some(pod)) = (cordoned, evicted.first()) {
        let target = pod_target(cluster, pod);
        match rehearse(look.hands, &target, &Write::Evict, pod, None, look.now).await {
            Ok(()) | Err(ClusterError::Busy { .. } | ClusterError::NotFound(_)) => {}
            Err(error) => return Err(look.cannot(error)),
        }
    }
    let preview = Preview {
        changes,
        rests_on: BTreeMap::from([("cordoned".to_owned(), cordoned.to_string())]),
        risk: Risk::R2,
        blast: Blast {
            pods: if evicted.is_empty() {
                "no pod has to go".to_owned()
            } else {
                format!("evicts {}", named(&evicted))
            },
            budgets: over
                .into_iter()
                .map(|budget| format!("{}/{}", budget.namespace(), budget_words(budget)))
                .collect(),
        },
        warnings,
        undo: if cordoned {
            Undo::None { why: "it was cordoned before, and its pods run elsewhere now".to_owned() }
        } else {
            Undo::By { action: Action::Uncordon }
        },
    };
    let first = cordoned.then(|| evicted.first().map(|pod| (*pod).clone())).flatten();
    Ok(Draft { preview, first, source: None })
}

fn pod_target(cluster: &str, pod: &Live) -> Target {
    Target {
        cluster: cluster.to_owned(),
        namespace: pod.namespace().to_owned(),
        sort: Sort::Pod,
        name: pod.name().to_owned(),
    }
}

fn eviction(cluster: &str, pod: &Live) -> Change {
    Change {
        object: pod.object(pod_target(cluster, pod)),
        write: Write::Evict,
        field: "pod".to_owned(),
        old: format!("{}/{}", pod.namespace(), pod.name()),
        new: "evicted".to_owned(),
        after: None,
        always: false,
    }
}
