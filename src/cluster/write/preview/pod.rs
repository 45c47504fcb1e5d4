//! Delete one pod, so that its controller makes another.

use std::collections::BTreeMap;

use kube::api::ListParams;

use super::super::live::Live;
use super::super::pods::{budget_words, covering, mirror, ready};
use super::super::{CannotPlan, PODS, READ_WITHIN};
use super::{Draft, Look};
use crate::cluster::within;
use crate::core::action::plan::{Blast, Preview, Risk, Undo, Write};

pub(super) async fn delete(look: &Look<'_>) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    if mirror(live) {
        let why = "it is the kubelet's own (a static pod): deleting it changes nothing";
        return Err(CannotPlan::NotPossible(why.to_owned()));
    }
    let Some(owner) = live.controller() else {
        return Err(CannotPlan::NotPossible("nothing would make it again, and what is in it would be lost".to_owned()));
    };
    let all = look.hands.others(&look.target.cluster, &PODS, &look.target.namespace).await;
    let all = all.map_err(|error| look.cannot(error))?;
    let all = within(READ_WITHIN, all.list(&ListParams::default())).await;
    let all: Vec<Live> = all.map_err(|error| look.cannot(error))?.items.into_iter().map(Live).collect();
    let siblings: Vec<&Live> = all.iter().filter(|pod| pod.owned_by(&owner.uid) && pod.uid() != live.uid()).collect();
    let up = siblings.iter().filter(|pod| ready(pod)).count();
    let budgets = look.hands.budgets(&look.target.cluster, &look.target.namespace).await;
    let budgets = budgets.map_err(|error| look.cannot(error))?;
    let over: Vec<&Live> = covering(&budgets, &look.target.namespace, live.labels()).collect();
    let held = over.iter().any(|budget| budget.number("/status/disruptionsAllowed") == Some(0));
    let mut warnings = Vec::new();
    if held && ready(live) {
        warnings.push("a disruption budget allows no pod to go now; deleting does not ask it".to_owned());
    }
    if ready(live) && up == 0 {
        warnings.push("no other pod of it is ready".to_owned());
    }
    let risk = if ready(live) && (up == 0 || held) { Risk::R2 } else { Risk::R1 };
    let rests_on = BTreeMap::from([("owner".to_owned(), format!("{} {}", owner.kind, owner.name))]);
    let new = format!("deleted; {} {} makes another", owner.kind, owner.name);
    Ok(Draft::of(Preview {
        changes: vec![look.change(Write::DeletePod, "pod", live.name(), new)],
        rests_on,
        risk,
        blast: Blast {
            pods: format!("1 pod; {up} of the {} others of {} {} are ready", siblings.len(), owner.kind, owner.name),
            budgets: over.into_iter().map(budget_words).collect(),
        },
        warnings,
        undo: Undo::None { why: "its controller makes another; this one is gone".to_owned() },
    }))
}
