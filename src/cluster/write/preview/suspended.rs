//! A change that Flux leaves alone for a while: what keeps the target is suspended before and resumed afterwards.

use super::super::CannotPlan;
use super::super::live::Live;
use super::super::step;
use super::{Look, read};
use crate::core::action::plan::{Change, Preview, Risk, Write};
use crate::core::action::target::{Sort, Target};
use crate::core::gitops::Kind;
use crate::core::gitops::manager::{Manager, Reverts};
use crate::core::time::Span;

pub(super) async fn around(look: &Look<'_>, inner: Preview, lasts: Span) -> Result<Preview, CannotPlan> {
    let not = |why: String| CannotPlan::NotPossible(why);
    let Some(Manager { by, reverts }) = look.live.kept_by(look.target) else {
        return Err(not("nothing keeps it, so there is nothing to suspend; ask for it directly".to_owned()));
    };
    if reverts == Reverts::Never {
        return Err(not(format!("{by} leaves this object alone, so there is nothing to suspend; ask for it directly")));
    }
    let (sort, namespace, name) = match by.declared() {
        Some((Kind::Kustomization, Some(namespace), name)) => (Sort::Kustomization, namespace, name),
        Some((Kind::HelmRelease, Some(namespace), name)) => (Sort::HelmRelease, namespace, name),
        Some((Kind::Application, ..)) => {
            return Err(not(format!(
                "{by} keeps it, and Argo CD has no suspension: whether it syncs by itself is declared with the application; \
                 change that there, or ask for it directly"
            )));
        }
        _ => return Err(not(format!("{by} keeps it, and nothing reconciles that by itself; ask for it directly"))),
    };
    let waits: u64 =
        inner.changes.iter().filter_map(|change| change.after).map(|after| after.duration().as_secs()).sum();
    let Some(rest) = lasts.duration().as_secs().checked_sub(waits).filter(|_| !lasts.duration().is_zero()) else {
        return Err(not(format!(
            "it goes back only after {}, so suspend it for at least as long",
            Span::from_secs(waits)
        )));
    };
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    let keeper = Target { cluster: look.target.cluster.clone(), namespace, sort, name };
    let live = read(look.hands, &keeper).await?;
    if live.flag("/spec/suspend") {
        return Err(not(format!("{by} is suspended already; ask for it directly")));
    }
    let first = change(&keeper, &live, true, None);
    let tried = step::rehearse(look.hands, &keeper, &first.write, &live, None, look.now).await;
    tried.map_err(|error| super::cannot(error, &keeper))?;
    Ok(wrapped(inner, first, change(&keeper, &live, false, Some(Span::from_secs(rest))), &by.to_string()))
}

fn wrapped(inner: Preview, first: Change, last: Change, by: &str) -> Preview {
    let mut preview = inner;
    preview.rests_on.insert(format!("reconciliation of {by}"), "not suspended".to_owned());
    preview.changes.insert(0, first);
    preview.changes.push(last);
    // Everything else that it keeps is left alone as well.
    preview.risk = preview.risk.max(Risk::R2);
    preview.warnings.push(format!("until it resumes, nothing that {by} keeps follows Git"));
    preview.warnings.push("when it resumes, what Git declares comes back".to_owned());
    preview
}

fn change(keeper: &Target, live: &Live, suspend: bool, after: Option<Span>) -> Change {
    let (old, new) = if suspend { ("reconciles", "suspended") } else { ("suspended", "reconciles") };
    Change {
        object: live.object(keeper.clone()),
        write: Write::Suspend { suspend },
        field: "reconciliation".to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        after,
        always: !suspend,
    }
}
