//! Which object somebody means, looked up in what the clusters are known to have. Wallets are looked up in [`super::pay`].

use crate::core::action::kind::{Action, Kind};
use crate::core::action::target::{Sort, Target};
use crate::core::action::workflow::Workflow;
use crate::core::command::action::{Git, Request, Wish, switch};
use crate::core::command::workload::Wanted;
use crate::core::gitops::AppId;
use crate::core::gitops::apps::Apps;
use crate::core::workload::find::{Found, Within, find};
use crate::core::workload::{self, Clusters};
use crate::slack::blocks::action as blocks;
use crate::slack::blocks::gitops as app_blocks;
use crate::slack::blocks::workloads as workload_blocks;
use crate::slack::message::Message;

use super::super::Flow;
use super::super::workloads::{chosen, known};

impl Flow {
    /// The one object that is meant, or an answer that asks which.
    pub(super) fn action_target(&self, request: &Request) -> Result<Target, Message> {
        let kind = request.action.kind();
        if kind == Kind::Dispatch {
            return self.workflow(&request.of.name);
        }
        if kind.sorts() == [Sort::Wallet] {
            return self.paid_wallet(request);
        }
        if self.clusters.is_empty() {
            return Err(workload_blocks::no_clusters());
        }
        let name = &request.of.name;
        if let Ok(target) = name.parse::<Target>() {
            return self.whole_target(kind, target);
        }
        let declared = kind.sorts().iter().any(|sort| sort.declared().is_some());
        let found = if declared {
            self.with_apps(|apps| self::declared(apps, kind, &request.of))
        } else {
            self.running(kind, &request.of)
        }?;
        match found.as_slice() {
            [one] => Ok(one.clone()),
            several => Err(blocks::which_target(name, kind, several, &rest_of(request))),
        }
    }

    /// A workflow is named exactly, as configuration does or in full.
    fn workflow(&self, name: &str) -> Result<Target, Message> {
        let settings = self.settings();
        let all = settings.actions.workflows.iter().map(Workflow::target);
        let mut found = all.filter(|target| target.name.eq_ignore_ascii_case(name) || target.to_string() == name);
        let known = || settings.actions.workflows.iter().map(|workflow| workflow.name.as_str()).collect::<Vec<_>>();
        found.next().ok_or_else(|| blocks::no_such_workflow(name, &known()))
    }

    fn running(&self, kind: Kind, wanted: &Wanted) -> Result<Vec<Target>, Message> {
        let place = &wanted.place;
        self.with_clusters(|clusters| {
            known(clusters, place.cluster.as_deref())?;
            if kind.sorts() == [Sort::Node] {
                return nodes(clusters, wanted);
            }
            if kind.sorts() == [Sort::Pod] {
                return pods(clusters, wanted);
            }
            workloads(clusters, kind, wanted)
        })
    }

    fn whole_target(&self, kind: Kind, target: Target) -> Result<Target, Message> {
        self.with_clusters(|clusters| known(clusters, Some(&target.cluster)))?;
        if kind.sorts().contains(&target.sort) {
            Ok(target)
        } else {
            Err(blocks::wrong_kind(kind, &format!("the {} {}", target.sort, target.name)))
        }
    }
}

/// What was typed behind the name, so that a choice asks for the same.
pub(super) fn rest_of(request: &Request) -> String {
    let way = match request.git {
        Some(Git::Direct) => " --direct".to_owned(),
        Some(Git::Suspend(lasts)) => format!(" --suspend {lasts}"),
        Some(Git::PullRequest) | None => String::new(),
    };
    let action = if let Wish::Whole(action) = &request.action { Some(action) } else { None };
    rest(action, &way, request.break_glass, &request.reason)
}

/// What is typed behind the target's name; `way` are the flags about Git.
pub(super) fn rest(action: Option<&Action>, way: &str, break_glass: bool, reason: &str) -> String {
    let mut rest = action.map(|action| parameters(action.inner())).unwrap_or_default();
    rest.push_str(way);
    if break_glass {
        rest.push_str(" --break-glass");
    }
    if !reason.is_empty() {
        rest.push(' ');
        rest.push_str(reason);
    }
    rest
}

fn parameters(action: &Action) -> String {
    match action {
        Action::Scale { replicas, back_after } => {
            let back = back_after.map_or_else(String::new, |back| format!(" for {back}"));
            format!(" {replicas}{back}")
        }
        Action::Rollback { revision: Some(number) } | Action::RollbackApp { id: Some(number) } => {
            format!(" to {number}")
        }
        Action::TopUp { amount } => format!(" {amount}"),
        Action::SuspendReconcile { back_after: Some(back) } => format!(" for {back}"),
        Action::Drain { delete_empty_dir: true }
        | Action::Sync { prune: true }
        | Action::Refresh { hard: true }
        | Action::Promote { full: true } => switch(action.kind()).map_or_else(String::new, |word| format!(" --{word}")),
        _ => String::new(),
    }
}

/// Exactly first, then by a part of the name.
fn nodes(clusters: &Clusters, wanted: &Wanted) -> Result<Vec<Target>, Message> {
    let mut all = Vec::new();
    for cluster in chosen(clusters, wanted.place.cluster.as_deref()) {
        all.extend(cluster.index.nodes().map(|node| Target {
            cluster: cluster.name.to_string(),
            namespace: String::new(),
            sort: Sort::Node,
            name: node.meta.name.to_string(),
        }));
    }
    let name = wanted.name.rsplit('/').next().unwrap_or(&wanted.name).to_lowercase();
    let exact: Vec<Target> = all.iter().filter(|it| it.name.to_lowercase() == name).cloned().collect();
    let found = if exact.is_empty() {
        all.into_iter().filter(|it| it.name.to_lowercase().contains(&name)).collect()
    } else {
        exact
    };
    if found.is_empty() { Err(blocks::no_such_target("node", &wanted.name)) } else { Ok(found) }
}

/// A pod is named exactly: a part of a name would be another pod tomorrow.
fn pods(clusters: &Clusters, wanted: &Wanted) -> Result<Vec<Target>, Message> {
    let (prefix, name) =
        wanted.name.split_once('/').map_or((None, wanted.name.as_str()), |(it, name)| (Some(it), name));
    let prefix = prefix.filter(|prefix| Sort::named(prefix) != Some(Sort::Pod));
    let namespace = wanted.place.namespace.as_deref().or(prefix);
    let mut found = Vec::new();
    for cluster in chosen(clusters, wanted.place.cluster.as_deref()) {
        let named = cluster.index.pods().filter(|pod| pod.meta.name.eq_ignore_ascii_case(name));
        let named = named.filter(|pod| namespace.is_none_or(|it| pod.meta.namespace.eq_ignore_ascii_case(it)));
        found.extend(named.map(|pod| Target {
            cluster: cluster.name.to_string(),
            namespace: pod.meta.namespace.to_string(),
            sort: Sort::Pod,
            name: pod.meta.name.to_string(),
        }));
    }
    if found.is_empty() { Err(blocks::no_such_target("pod", &wanted.name)) } else { Ok(found) }
}

fn workloads(clusters: &Clusters, kind: Kind, wanted: &Wanted) -> Result<Vec<Target>, Message> {
    let place = &wanted.place;
    let within = Within { cluster: place.cluster.as_deref(), namespace: place.namespace.as_deref() };
    let found = match find(clusters, &wanted.name, within) {
        Found::One(one) => vec![one],
        Found::Several(several) => several,
        Found::Nothing { nearest } => {
            return Err(workload_blocks::no_such_workload(&wanted.name, kind.as_str(), nearest.as_deref()));
        }
    };
    let fits: Vec<Target> =
        found.iter().filter_map(|it| target(it).filter(|it| kind.sorts().contains(&it.sort))).collect();
    match (fits.is_empty(), found.first()) {
        (true, Some(first)) => {
            let what = format!("the {} {}", first.id.kind.as_str(), first.id.name);
            Err(blocks::wrong_kind(kind, &what))
        }
        _ => Ok(fits),
    }
}

/// What Argo CD, Argo Rollouts and Flux keep, named as `/wk app` takes it.
fn declared(apps: &Apps, kind: Kind, wanted: &Wanted) -> Result<Vec<Target>, Message> {
    let here = |id: &AppId| {
        let same =
            |asked: &Option<String>, its: &str| asked.as_ref().is_none_or(|asked| asked.eq_ignore_ascii_case(its));
        same(&wanted.place.cluster, &id.cluster) && same(&wanted.place.namespace, &id.namespace)
    };
    let named = apps.named(&wanted.name);
    let found: Vec<&AppId> = named.iter().map(|view| &view.app.id).filter(|id| here(id)).collect();
    let sort_of = |id: &AppId| Sort::ALL.into_iter().find(|sort| sort.declared() == Some(id.kind));
    let targets = found.iter().filter_map(|id| {
        let sort = sort_of(id).filter(|sort| kind.sorts().contains(sort))?;
        let AppId { cluster, namespace, name, .. } = (*id).clone();
        Some(Target { cluster, namespace, sort, name })
    });
    let targets: Vec<Target> = targets.collect();
    match (targets.is_empty(), found.first()) {
        (false, _) => Ok(targets),
        (true, Some(id)) => Err(blocks::wrong_kind(kind, &format!("the {} {}", id.kind.as_str(), id.name))),
        (true, None) => Err(app_blocks::no_such_app(&wanted.name)),
    }
}

fn target(found: &workload::find::Target) -> Option<Target> {
    Some(Target {
        cluster: found.cluster.to_string(),
        namespace: found.id.namespace.to_string(),
        sort: Sort::named(found.id.kind.as_str())?,
        name: found.id.name.to_string(),
    })
}
