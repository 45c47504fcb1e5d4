//! What one cluster runs, as far as the rules, the cards and the search for causes need it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::apps::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use super::batch::{CronJob, Job};
use super::names::Names;
use super::node::Node;
use super::object::{Kept, Meta, Object};
use super::pod::Pod;
use super::policy::{Certificate, HorizontalPodAutoscaler, PersistentVolumeClaim, PodDisruptionBudget};
use super::sync::{self, Reach, Scope, Status, Sync};
use super::table::Table;
use super::{Kind, Name, News};
use crate::core::time::Timestamp;

/// One cluster's objects, and whether they can be believed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Index {
    nodes: Table<Node>,
    pods: Table<Pod>,
    deployments: Table<Deployment>,
    replica_sets: Table<ReplicaSet>,
    stateful_sets: Table<StatefulSet>,
    daemon_sets: Table<DaemonSet>,
    jobs: Table<Job>,
    cron_jobs: Table<CronJob>,
    autoscalers: Table<HorizontalPodAutoscaler>,
    budgets: Table<PodDisruptionBudget>,
    claims: Table<PersistentVolumeClaim>,
    certificates: Table<Certificate>,
    #[serde(skip)]
    names: Names,
    reach: Reach,
    #[serde(with = "pairs")]
    watches: BTreeMap<Scope, Watching>,
    /// Objects that could not be read, by kind.
    unreadable: BTreeMap<Kind, u64>,
    /// Shared texts are looked through again when there are this many.
    #[serde(skip)]
    prune_at: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watching {
    sync: Sync,
    /// Counts the listings of this watch.
    listing: u32,
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub kind: Kind,
    /// Empty for cluster-scoped kinds.
    pub namespace: Name,
    pub name: Name,
}

impl Id {
    #[must_use]
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }

    #[must_use]
    pub fn of(kind: Kind, meta: &Meta) -> Self {
        Self { kind, namespace: Name::clone(&meta.namespace), name: Name::clone(&meta.name) }
    }
}

/// Runs `$do` with the table of `$kind` as `$table`.
macro_rules! with_table {
    ($index:expr, $kind:expr, $table:ident => $do:expr) => {
        match $kind {
            Kind::Node => {
                let $table = &mut $index.nodes;
                $do
            }
            Kind::Pod => {
                let $table = &mut $index.pods;
                $do
            }
            Kind::Deployment => {
                let $table = &mut $index.deployments;
                $do
            }
            Kind::ReplicaSet => {
                let $table = &mut $index.replica_sets;
                $do
            }
            Kind::StatefulSet => {
                let $table = &mut $index.stateful_sets;
                $do
            }
            Kind::DaemonSet => {
                let $table = &mut $index.daemon_sets;
                $do
            }
            Kind::Job => {
                let $table = &mut $index.jobs;
                $do
            }
            Kind::CronJob => {
                let $table = &mut $index.cron_jobs;
                $do
            }
            Kind::HorizontalPodAutoscaler => {
                let $table = &mut $index.autoscalers;
                $do
            }
            Kind::PodDisruptionBudget => {
                let $table = &mut $index.budgets;
                $do
            }
            Kind::PersistentVolumeClaim => {
                let $table = &mut $index.claims;
                $do
            }
            Kind::Certificate => {
                let $table = &mut $index.certificates;
                $do
            }
        }
    };
}

/// Reading access to each kind's table.
macro_rules! tables {
    ($($all:ident, $within:ident, $one:ident: $kind:ty = $field:ident;)*) => {
        impl Index {
            $(
                pub fn $all(&self) -> impl Iterator<Item = &$kind> {
                    self.$field.iter()
                }

                pub fn $within(&self, namespace: &str) -> impl Iterator<Item = &$kind> {
                    self.$field.in_namespace(namespace)
                }

                #[must_use]
                pub fn $one(&self, namespace: &str, name: &str) -> Option<&$kind> {
                    self.$field.get(namespace, name)
                }
            )*
        }
    };
}

tables! {
    pods, pods_in, pod: Pod = pods;
    deployments, deployments_in, deployment: Deployment = deployments;
    replica_sets, replica_sets_in, replica_set: ReplicaSet = replica_sets;
    stateful_sets, stateful_sets_in, stateful_set: StatefulSet = stateful_sets;
    daemon_sets, daemon_sets_in, daemon_set: DaemonSet = daemon_sets;
    jobs, jobs_in, job: Job = jobs;
    cron_jobs, cron_jobs_in, cron_job: CronJob = cron_jobs;
    autoscalers, autoscalers_in, autoscaler: HorizontalPodAutoscaler = autoscalers;
    budgets, budgets_in, budget: PodDisruptionBudget = budgets;
    claims, claims_in, claim: PersistentVolumeClaim = claims;
    certificates, certificates_in, certificate: Certificate = certificates;
}

impl Index {
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.get("", name)
    }

    /// The pods that this controller or what it controls has: a Deployment's through its ReplicaSets, a CronJob's
    /// through its Jobs.
    pub fn pods_of(&self, id: &Id) -> impl Iterator<Item = &Pod> {
        self.pods_in(&id.namespace).filter(|pod| {
            let at = |top: Option<(Kind, &str)>| top.is_some_and(|(kind, name)| kind == id.kind && name == &*id.name);
            at(direct(&pod.meta)) || at(self.workload(&pod.meta))
        })
    }

    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = &Pod> {
        self.pods().filter(move |pod| pod.node.as_deref() == Some(node))
    }

    /// What an object belongs to in the end: a pod to its Deployment, StatefulSet, DaemonSet, CronJob or Job. `None`
    /// when nothing that is watched controls it.
    #[must_use]
    pub fn workload<'a>(&'a self, meta: &'a Meta) -> Option<(Kind, &'a str)> {
        let (kind, name) = direct(meta)?;
        let above = match kind {
            Kind::ReplicaSet => self.replica_set(&meta.namespace, name).map(|set| &set.meta),
            Kind::Job => self.job(&meta.namespace, name).map(|job| &job.meta),
            _ => None,
        };
        above.and_then(direct).or(Some((kind, name)))
    }

    /// Whose it is: its own label, or that of what it belongs to.
    #[must_use]
    pub fn owner<'a>(&'a self, meta: &'a Meta) -> Option<&'a str> {
        meta.owner.as_deref().or_else(|| {
            let (kind, name) = self.workload(meta)?;
            self.meta(kind, &meta.namespace, name)?.owner.as_deref()
        })
    }

    /// Any object's meta data.
    #[must_use]
    pub fn meta(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Meta> {
        fn meta<'a, T: Kept>(table: &'a Table<T>, namespace: &str, name: &str) -> Option<&'a Meta> {
            table.get(namespace, name).map(Kept::meta)
        }
        match kind {
            Kind::Node => meta(&self.nodes, namespace, name),
            Kind::Pod => meta(&self.pods, namespace, name),
            Kind::Deployment => meta(&self.deployments, namespace, name),
            Kind::ReplicaSet => meta(&self.replica_sets, namespace, name),
            Kind::StatefulSet => meta(&self.stateful_sets, namespace, name),
            Kind::DaemonSet => meta(&self.daemon_sets, namespace, name),
            Kind::Job => meta(&self.jobs, namespace, name),
            Kind::CronJob => meta(&self.cron_jobs, namespace, name),
            Kind::HorizontalPodAutoscaler => meta(&self.autoscalers, namespace, name),
            Kind::PodDisruptionBudget => meta(&self.budgets, namespace, name),
            Kind::PersistentVolumeClaim => meta(&self.claims, namespace, name),
            Kind::Certificate => meta(&self.certificates, namespace, name),
        }
    }

    /// How many objects of each kind there are.
    #[must_use]
    pub fn counts(&self) -> [(Kind, usize); 12] {
        Kind::ALL.map(|kind| {
            let count = match kind {
                Kind::Node => self.nodes.len(),
                Kind::Pod => self.pods.len(),
                Kind::Deployment => self.deployments.len(),
                Kind::ReplicaSet => self.replica_sets.len(),
                Kind::StatefulSet => self.stateful_sets.len(),
                Kind::DaemonSet => self.daemon_sets.len(),
                Kind::Job => self.jobs.len(),
                Kind::CronJob => self.cron_jobs.len(),
                Kind::HorizontalPodAutoscaler => self.autoscalers.len(),
                Kind::PodDisruptionBudget => self.budgets.len(),
                Kind::PersistentVolumeClaim => self.claims.len(),
                Kind::Certificate => self.certificates.len(),
            };
            (kind, count)
        })
    }

    /// Objects of each kind that came and could not be read.
    #[must_use]
    pub const fn unreadable(&self) -> &BTreeMap<Kind, u64> {
        &self.unreadable
    }

    #[must_use]
    pub const fn reach(&self) -> &Reach {
        &self.reach
    }

    #[must_use]
    pub fn status(&self) -> Status {
        sync::status(&self.reach, self.watches.iter().map(|(scope, watching)| (scope, &watching.sync)))
    }

    /// Whether everything of this kind that the index holds is what the cluster has now.
    #[must_use]
    pub fn live(&self, kind: Kind) -> bool {
        let mut watches = self.watches.iter().filter(|(scope, _)| scope.kind == kind).peekable();
        let reached = matches!(self.reach, Reach::Up { .. });
        reached && watches.peek().is_some() && watches.all(|(_, w)| matches!(w.sync, Sync::Live { .. }))
    }

    /// Takes news in. Gives the objects that are there, changed or gone because of it.
    pub fn apply(&mut self, news: News, now: Timestamp) -> Vec<Id> {
        match news {
            News::Reached { version, skew_millis } => {
                let since = match self.reach {
                    Reach::Up { since, .. } => since,
                    Reach::Unknown | Reach::Down { .. } => now,
                };
                self.reach = Reach::Up { since, version, skew_millis };
            }
            News::Unreached { error } => {
                let since = match self.reach {
                    Reach::Down { since, .. } => since,
                    Reach::Unknown | Reach::Up { .. } => now,
                };
                self.reach = Reach::Down { since, error };
            }
            News::Listing(scope) => {
                let listing = self.watches.get(&scope).map_or(0, |watching| watching.listing);
                let watching = Watching { sync: Sync::Listing, listing: listing.wrapping_add(1) };
                self.watches.insert(scope, watching);
            }
            News::Applied(scope, object) => return vec![self.put(&scope, *object, now)],
            News::Deleted(id) => {
                with_table!(self, id.kind, table => drop(table.remove(&id.namespace, &id.name)));
                return vec![id];
            }
            News::Live(scope) => return self.settle(&scope, now),
            News::Lost { scope, error } => {
                let since = match self.sync(&scope) {
                    Some(Sync::Lost { since, .. }) => *since,
                    _ => now,
                };
                self.set(scope, Sync::Lost { since, error });
            }
            News::Forbidden { scope, error } => {
                let since = match self.sync(&scope) {
                    Some(Sync::Forbidden { since, .. }) => *since,
                    _ => now,
                };
                self.set(scope, Sync::Forbidden { since, error });
            }
            News::Absent(scope) => self.set(scope, Sync::Absent),
            News::Unreadable { scope } => *self.unreadable.entry(scope.kind).or_default() += 1,
        }
        Vec::new()
    }

    /// How one watch stands; `None` before its first word.
    #[must_use]
    pub fn sync(&self, scope: &Scope) -> Option<&Sync> {
        self.watches.get(scope).map(|watching| &watching.sync)
    }

    fn set(&mut self, scope: Scope, sync: Sync) {
        self.watches.entry(scope).or_insert(Watching { sync: Sync::Listing, listing: 0 }).sync = sync;
    }

    fn put(&mut self, scope: &Scope, object: Object, now: Timestamp) -> Id {
        let listing = self.watches.get(scope).map_or(0, |watching| watching.listing);
        let names = &mut self.names;
        let id = Id::of(object.kind(), object.meta());
        match object {
            Object::Node(object) => self.nodes.put(object, listing, names, now),
            Object::Pod(object) => self.pods.put(object, listing, names, now),
            Object::Deployment(object) => self.deployments.put(object, listing, names, now),
            Object::ReplicaSet(object) => self.replica_sets.put(object, listing, names, now),
            Object::StatefulSet(object) => self.stateful_sets.put(object, listing, names, now),
            Object::DaemonSet(object) => self.daemon_sets.put(object, listing, names, now),
            Object::Job(object) => self.jobs.put(object, listing, names, now),
            Object::CronJob(object) => self.cron_jobs.put(object, listing, names, now),
            Object::HorizontalPodAutoscaler(object) => self.autoscalers.put(object, listing, names, now),
            Object::PodDisruptionBudget(object) => self.budgets.put(object, listing, names, now),
            Object::PersistentVolumeClaim(object) => self.claims.put(object, listing, names, now),
            Object::Certificate(object) => self.certificates.put(object, listing, names, now),
        }
        if self.names.count() > self.prune_at {
            self.names.prune();
            self.prune_at = self.names.count() * 2 + 1024;
        }
        id
    }

    /// The listing is complete: what it did not bring is gone.
    fn settle(&mut self, scope: &Scope, now: Timestamp) -> Vec<Id> {
        let Some(watching) = self.watches.get_mut(scope) else { return Vec::new() };
        let listing = watching.listing;
        if !matches!(watching.sync, Sync::Live { .. }) {
            watching.sync = Sync::Live { since: now };
        }
        let kind = scope.kind;
        let gone = with_table!(self, kind, table => table.sweep(scope.namespace.as_deref(), listing));
        gone.into_iter().map(|(namespace, name)| Id { kind, namespace, name }).collect()
    }
}

/// The controller of an object, when its kind is watched.
fn direct(meta: &Meta) -> Option<(Kind, &str)> {
    let controller = meta.controller.as_ref()?;
    Some((Kind::named(&controller.kind)?, &controller.name))
}

/// A map whose keys are no texts, as pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
