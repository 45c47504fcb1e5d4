//! Back to an earlier template of a Deployment.

use kube::api::ListParams;

use super::super::live::{CAUSE, Live, REVISION, plural};
use super::super::{CannotPlan, READ_WITHIN, REPLICA_SETS, differences};
use super::workload::{rests_on, under_way};
use super::{Draft, Look};
use crate::cluster::within;
use crate::core::action::kind::Action;
use crate::core::action::plan::{Blast, Preview, Risk, Undo, Write};
use crate::core::time::spoken;

pub(super) async fn rollback(look: &Look<'_>, revision: Option<i64>) -> Result<Draft, CannotPlan> {
    let live = &look.live;
    if live.flag("/spec/paused") {
        return Err(CannotPlan::NotPossible("its rollout is paused; resume it first".to_owned()));
    }
    let sets = look.hands.others(&look.target.cluster, &REPLICA_SETS, &look.target.namespace).await;
    let sets = sets.map_err(|error| look.cannot(error))?;
    let sets = within(READ_WITHIN, sets.list(&ListParams::default())).await.map_err(|error| look.cannot(error))?;
    let mine = sets.items.into_iter().map(Live).filter(|set| set.owned_by(live.uid()));
    let mut kept: Vec<(i64, Live)> = mine.filter_map(|set| Some((number(&set)?, set))).collect();
    kept.sort_by_key(|(number, _)| *number);
    let now = kept.iter().rev().find(|(_, set)| set.template_hash() == live.template_hash()).map(|(number, _)| *number);
    let now = now.or_else(|| number(live));
    let wanted = match revision {
        Some(revision) => Some(revision),
        None => kept.iter().rev().map(|(number, _)| *number).find(|number| Some(*number) != now),
    };
    let numbers: Vec<String> = kept.iter().map(|(number, _)| number.to_string()).collect();
    let Some(wanted) = wanted else {
        return Err(CannotPlan::NotPossible("no earlier revision of it is kept".to_owned()));
    };
    let Some((_, set)) = kept.iter().find(|(number, _)| *number == wanted) else {
        let why = format!("revision {wanted} of it is not kept; there are: {}", numbers.join(", "));
        return Err(CannotPlan::NotPossible(why));
    };
    if set.template_hash() == live.template_hash() {
        return Err(CannotPlan::NothingToDo(format!("revision {wanted} is what it runs")));
    }
    let found = differences::between(&live.template(), &set.template());
    let (field, old, new) = differences::words(&found);
    let write = Write::Template { revision: wanted, source: set.name().to_owned(), hash: set.template_hash() };
    let (budgets, _) = look.budgets().await?;
    let mut rests_on = rests_on(live);
    rests_on.extend(now.map(|now| ("revision".to_owned(), now.to_string())));
    let mut warnings = under_way(live, look.target.sort);
    let made = set.created_at().map(|at| format!("first rolled out {} ago", spoken(look.now.since(at))));
    let cause = set.annotation(CAUSE).map(|cause| format!("given reason: {cause}"));
    let about: Vec<String> = made.into_iter().chain(cause).collect();
    if !about.is_empty() {
        warnings.push(format!("revision {wanted}: {}", about.join("; ")));
    }
    let preview = Preview {
        changes: vec![look.change(write, &field, old, new)],
        rests_on,
        risk: Risk::R2,
        blast: Blast {
            pods: format!("{}, replaced a few at a time", plural(live.replicas() as usize, "pod")),
            budgets,
        },
        warnings,
        undo: match now {
            Some(now) => Undo::By { action: Action::Rollback { revision: Some(now) } },
            None => Undo::None { why: "its present template has no revision".to_owned() },
        },
    };
    Ok(Draft { preview, first: None, source: Some(set.clone()) })
}

fn number(object: &Live) -> Option<i64> {
    object.annotation(REVISION)?.parse().ok()
}
