//! One workload's card and its revisions: the index for what is so now, the cluster for warnings, revisions and marks.

use std::time::Duration;

use crate::cluster::read::Warning;
use crate::core::redact::redact;
use crate::core::time::Timestamp;
use crate::core::workload::find::Target;
use crate::core::workload::health::{clock, complaint, health, images, owner};
use crate::core::workload::pod::Pod;
use crate::core::workload::{Cluster, Id, Index, Kind};
use crate::slack::blocks::workloads::{
    self as blocks, Autoscaling, CardView, Restarts, RevisionLine, RolloutView, WarningLine,
};
use crate::slack::message::Message;

use super::Flow;
use super::workloads::{doubt, typed};

/// Warnings older than this tell of another day.
const RECENT: Duration = Duration::from_hours(6);

impl Flow {
    pub(super) async fn workload_card(&self, target: &Target) -> Message {
        let Target { cluster, id, .. } = target;
        let (warnings, manager, budgets) = tokio::join!(
            tokio::time::timeout(self.waits.look, self.clusters.warnings(cluster, &id.namespace)),
            tokio::time::timeout(self.waits.look, self.clusters.manager(cluster, id.kind, &id.namespace, &id.name)),
            tokio::time::timeout(self.waits.look, self.clusters.budgets(cluster, id.kind, &id.namespace, &id.name)),
        );
        let warnings = match warnings {
            Ok(Ok(warnings)) => Ok(warnings),
            Ok(Err(error)) => Err(redact(&error.to_string())),
            Err(_) => Err("the cluster takes too long to answer".to_owned()),
        };
        let manager = manager.ok().and_then(Result::ok).flatten();
        let budgets = budgets.ok().and_then(Result::ok).unwrap_or_default();
        let now = self.now();
        let typed = typed(target);
        self.with_clusters(|clusters| {
            let Some(found) = clusters.get(cluster) else { return blocks::no_clusters() };
            let index = &found.index;
            let Some(health) = health(index, id) else {
                return blocks::no_such_workload(&id.name, "workload", None);
            };
            let pods: Vec<&Pod> = index.pods_of(id).collect();
            let mut complaints: Vec<String> = pods.iter().filter_map(|pod| complaint(pod)).collect();
            complaints.sort();
            complaints.dedup();
            let meta = index.meta(id.kind, &id.namespace, &id.name);
            let touched = meta.and_then(|meta| meta.touched.as_ref());
            let schedule = index.cron_job(&id.namespace, &id.name).filter(|_| id.kind == Kind::CronJob);
            let here = clock(index, now);
            blocks::card(&CardView {
                cluster,
                kind: id.kind.as_str(),
                namespace: &id.namespace,
                name: &id.name,
                health,
                schedule: schedule.map(|it| (&*it.schedule, it.suspended)),
                images: images(index, id).iter().map(|it| &*it.image).collect(),
                revision: index
                    .deployment(&id.namespace, &id.name)
                    .filter(|_| id.kind == Kind::Deployment)
                    .and_then(|it| it.revision),
                complaints,
                restarts: restarts(&pods),
                autoscaling: autoscaling(index, id),
                budgets,
                owner: owner(index, id),
                touched: touched.map(|it| (&*it.by, it.at)),
                manager,
                warnings: warnings.map(|all| mine(&all, found, id, &pods, here)),
                typed: &typed,
                doubts: &doubt(clusters, cluster),
                now: here,
            })
        })
    }

    pub(super) async fn rollout_list(&self, target: &Target) -> Message {
        let Target { cluster, id, .. } = target;
        let revisions = match self.clusters.revisions(cluster, id.kind, &id.namespace, &id.name).await {
            Ok(revisions) => revisions,
            Err(error) => return blocks::not_answering(cluster, "the revisions", &redact(&error.to_string())),
        };
        let revisions: Vec<RevisionLine> = revisions
            .into_iter()
            .map(|it| RevisionLine {
                number: it.number,
                images: it.images,
                created_at: it.created_at,
                cause: it.cause.map(|cause| redact(&cause)),
                pods: it.pods,
            })
            .collect();
        let now = self.now();
        let typed = typed(target);
        self.with_clusters(|clusters| {
            let Some(found) = clusters.get(cluster) else { return blocks::no_clusters() };
            let Some(health) = health(&found.index, id) else {
                return blocks::no_such_workload(&id.name, "rollout", None);
            };
            blocks::rollout(&RolloutView {
                cluster,
                kind: id.kind.as_str(),
                namespace: &id.namespace,
                name: &id.name,
                health,
                revisions: &revisions,
                typed: &typed,
                doubts: &doubt(clusters, cluster),
                now: clock(&found.index, now),
            })
        })
    }
}

fn restarts(pods: &[&Pod]) -> Restarts {
    let exits = pods.iter().flat_map(|pod| &pod.containers).filter_map(|container| container.last_exit());
    let last = exits.filter(|exit| exit.code != 0).max_by_key(|exit| exit.finished_at);
    Restarts {
        count: pods.iter().map(|pod| pod.restarts()).fold(0, u32::saturating_add),
        last_exit: last.map(|exit| format!("{} {}", exit.code, exit.reason)),
        last_at: last.and_then(|exit| exit.finished_at),
    }
}

fn autoscaling(index: &Index, id: &Id) -> Option<Autoscaling> {
    let mine = |hpa: &&crate::core::workload::policy::HorizontalPodAutoscaler| {
        &*hpa.target.kind == id.kind.as_str() && hpa.target.name == id.name
    };
    let hpa = index.autoscalers_in(&id.namespace).find(mine)?;
    Some(Autoscaling { min: hpa.min, max: hpa.max, current: hpa.current })
}

/// The warnings about the workload, its pods and what makes them.
fn mine(all: &[Warning], cluster: &Cluster, id: &Id, pods: &[&Pod], now: Timestamp) -> Vec<WarningLine> {
    let about = |it: &&Warning| {
        let own = it.kind == id.kind.as_str() && it.name == *id.name;
        let of_pod = it.kind == "Pod" && pods.iter().any(|pod| *pod.meta.name == *it.name);
        let between = cluster.index.replica_set(&id.namespace, &it.name).filter(|_| it.kind == "ReplicaSet");
        let of_set = between.is_some_and(|set| cluster.index.workload(&set.meta) == Some((id.kind, &*id.name)));
        (own || of_pod || of_set) && it.last_at.is_none_or(|at| now.since(at) < RECENT)
    };
    let line = |it: &Warning| WarningLine {
        reason: it.reason.clone(),
        message: redact(&it.message),
        count: it.count,
        last_at: it.last_at,
    };
    let mut lines: Vec<WarningLine> = Vec::new();
    for warning in all.iter().filter(about) {
        // The same of each pod is one line.
        match lines.iter_mut().find(|known| known.reason == warning.reason) {
            Some(known) => known.count = known.count.saturating_add(warning.count),
            None => lines.push(line(warning)),
        }
    }
    lines
}
