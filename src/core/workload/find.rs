//! Which workload somebody means.

use super::{Cluster, Clusters, Id, Index, Kind, Meta, Name};

/// One workload in one cluster; `pod` when one of its pods was named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    pub cluster: Name,
    pub id: Id,
    pub pod: Option<Name>,
}

/// What a name comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    One(Target),
    /// Sorted by cluster, kind and name.
    Several(Vec<Target>),
    /// `nearest` is the name most like it, when one is.
    Nothing {
        nearest: Option<String>,
    },
}

/// Where to look; everywhere when not said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Within<'a> {
    pub cluster: Option<&'a str>,
    pub namespace: Option<&'a str>,
}

/// Kinds that people call workloads.
pub const WORKLOADS: [Kind; 5] = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::CronJob, Kind::Job];

/// More slips than this is another word.
const SLIPS: usize = 3;

/// Looks a name up: exactly first, then as a pod's, then as a part of a name. `deployment/hermes` names the kind,
/// `feeds/hermes` the namespace.
#[must_use]
pub fn find(clusters: &Clusters, name: &str, within: Within) -> Found {
    let (prefix, bare) = name.split_once('/').map_or((None, name), |(prefix, name)| (Some(prefix), name));
    let kind = prefix.and_then(kind_named);
    let namespace = within.namespace.or(prefix.filter(|_| kind.is_none()));
    let here = |cluster: &&Cluster| within.cluster.is_none_or(|name| cluster.name.eq_ignore_ascii_case(name));
    let mut all = Vec::new();
    for cluster in clusters.iter().filter(here) {
        let fits = |id: &Id| {
            kind.is_none_or(|kind| kind == id.kind) && namespace.is_none_or(|it| id.namespace.eq_ignore_ascii_case(it))
        };
        let ids = workloads(&cluster.index).filter(fits);
        all.extend(ids.map(|id| Target { cluster: Name::clone(&cluster.name), id, pod: None }));
    }
    let exact = all.iter().filter(|target| target.id.name.eq_ignore_ascii_case(bare)).cloned().collect();
    if let Some(found) = some(exact) {
        return found;
    }
    let mut pods = Vec::new();
    for cluster in clusters.iter().filter(here) {
        let named = cluster.index.pods().filter(|pod| pod.meta.name.eq_ignore_ascii_case(bare));
        let there = named.filter(|pod| namespace.is_none_or(|it| pod.meta.namespace.eq_ignore_ascii_case(it)));
        pods.extend(there.map(|pod| of_pod(cluster, &pod.meta)));
    }
    if let Some(found) = some(pods) {
        return found;
    }
    let part = bare.to_lowercase();
    let parts = all.iter().filter(|target| target.id.name.to_lowercase().contains(&part)).cloned().collect();
    some(parts).unwrap_or_else(|| Found::Nothing { nearest: nearest(&part, &all) })
}

fn some(mut targets: Vec<Target>) -> Option<Found> {
    targets.sort();
    match targets.len() {
        0 => None,
        1 => targets.pop().map(Found::One),
        _ => Some(Found::Several(targets)),
    }
}

/// Every workload of a cluster; Jobs that a CronJob made count as its.
pub fn workloads(index: &Index) -> impl Iterator<Item = Id> {
    let jobs = index.jobs().filter(|job| job.meta.controller.is_none());
    let of = |kind, meta: &Meta| Id::of(kind, meta);
    let deployments = index.deployments().map(move |it| of(Kind::Deployment, &it.meta));
    let sets = index.stateful_sets().map(move |it| of(Kind::StatefulSet, &it.meta));
    let daemons = index.daemon_sets().map(move |it| of(Kind::DaemonSet, &it.meta));
    let crons = index.cron_jobs().map(move |it| of(Kind::CronJob, &it.meta));
    deployments.chain(sets).chain(daemons).chain(crons).chain(jobs.map(move |it| of(Kind::Job, &it.meta)))
}

fn of_pod(cluster: &Cluster, meta: &Meta) -> Target {
    let id = match cluster.index.workload(meta) {
        Some((kind, name)) => Id::new(kind, &meta.namespace, name),
        None => Id::of(Kind::Pod, meta),
    };
    Target { cluster: Name::clone(&cluster.name), id, pod: Some(Name::clone(&meta.name)) }
}

fn kind_named(word: &str) -> Option<Kind> {
    match word.to_lowercase().as_str() {
        "deployment" | "deployments" | "deploy" => Some(Kind::Deployment),
        "statefulset" | "statefulsets" | "sts" => Some(Kind::StatefulSet),
        "daemonset" | "daemonsets" | "ds" => Some(Kind::DaemonSet),
        "cronjob" | "cronjobs" | "cj" => Some(Kind::CronJob),
        "job" | "jobs" => Some(Kind::Job),
        _ => None,
    }
}

fn nearest(word: &str, all: &[Target]) -> Option<String> {
    let distance = |target: &&Target| strsim::osa_distance(word, &target.id.name.to_lowercase());
    let best = all.iter().min_by_key(distance)?;
    let allowed = SLIPS.min(word.chars().count() / 2);
    (distance(&best) <= allowed).then(|| best.id.name.to_string())
}
