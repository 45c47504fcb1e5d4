//! Jobs, and the CronJobs that make them.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::json::{flag, list, number, put, text};
use super::super::kinds::{CRON_JOBS, JOBS, PODS};
use super::super::objects::{Objects, read_stamp, stamp};
use super::{condition, delete_pod, event, owned, owner_reference, pod_of, with_condition, write_status};
use crate::core::time::Timestamp;

const BY: &str = "kube-controller-manager";

pub(super) fn jobs(objects: &mut Objects, now: Timestamp) {
    for mut job in objects.snapshot("jobs") {
        if condition(&job, "Complete").is_some() || condition(&job, "Failed").is_some() {
            continue;
        }
        if flag(&job, "/spec/suspend") {
            continue;
        }
        let name = text(&job, "/metadata/name").to_owned();
        let pods = owned(objects, "pods", &job);
        let phase = |wanted: &str| pods.iter().filter(|pod| text(pod, "/status/phase") == wanted).count();
        let (succeeded, failed) = (phase("Succeeded"), phase("Failed"));
        let limit = number(&job, "/spec/backoffLimit").and_then(|it| usize::try_from(it).ok()).unwrap_or(6);
        if job.pointer("/status/startTime").is_none() {
            put(&mut job, &["status", "startTime"], stamp(now).into());
        }
        let active = pods.len() - succeeded - failed;
        put(&mut job, &["status", "active"], active.into());
        put(&mut job, &["status", "succeeded"], succeeded.into());
        put(&mut job, &["status", "failed"], failed.into());
        if succeeded > 0 {
            put(&mut job, &["status", "completionTime"], stamp(now).into());
            with_condition(
                &mut job,
                "Complete",
                "True",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
                now,
            );
        } else if failed > limit {
            let message = "Job has reached the specified backoff limit";
            with_condition(&mut job, "Failed", "True", "BackoffLimitExceeded", message, now);
            event(objects, &job, "Warning", "BackoffLimitExceeded", message, now);
        } else if active == 0 {
            let labels = [("batch.kubernetes.io/job-name", name.as_str()), ("job-name", name.as_str())];
            // Names are generated and do not meet.
            let _made = objects.create(PODS, pod_of(&job, None, &labels), BY, now);
            put(&mut job, &["status", "active"], 1.into());
        }
        write_status(objects, JOBS, job, now);
    }
}

/// Only schedules of the form `*/n * * * *` run by themselves here.
fn every(schedule: &str) -> Option<Duration> {
    let minutes: u64 = schedule.strip_prefix("*/")?.strip_suffix(" * * * *")?.parse().ok()?;
    (minutes > 0).then(|| Duration::from_mins(minutes))
}

pub(super) fn cron_jobs(objects: &mut Objects, now: Timestamp) {
    for mut cron in objects.snapshot("cronjobs") {
        let due = every(text(&cron, "/spec/schedule")).filter(|_| !flag(&cron, "/spec/suspend")).and_then(|every| {
            let length = i64::try_from(every.as_millis()).ok()?;
            Some(Timestamp::from_millis(now.as_millis().div_euclid(length) * length))
        });
        let last = read_stamp(text(&cron, "/status/lastScheduleTime"));
        let created = read_stamp(text(&cron, "/metadata/creationTimestamp")).unwrap_or(now);
        if let Some(due) = due.filter(|due| *due > created && last.is_none_or(|last| *due > last)) {
            let name = format!("{}-{}", text(&cron, "/metadata/name"), due.as_secs() / 60);
            // One that is there was made by hand, and counts.
            if let Ok(job) = objects.create(JOBS, job_of(&cron, &name), BY, now) {
                let message = format!("Created job {}", text(&job, "/metadata/name"));
                event(objects, &cron, "Normal", "SuccessfulCreate", &message, now);
            }
            put(&mut cron, &["status", "lastScheduleTime"], stamp(due).into());
        }
        let mut jobs = owned(objects, "jobs", &cron);
        jobs.sort_by_key(|job| std::cmp::Reverse(read_stamp(text(job, "/metadata/creationTimestamp"))));
        let over = |job: &&Value| !list(job, "/status/conditions").is_empty();
        let active: Vec<Value> = jobs
            .iter()
            .filter(|job| !over(job))
            .map(|job| json!({"kind": "Job", "name": job["metadata"]["name"], "namespace": job["metadata"]["namespace"], "uid": job["metadata"]["uid"]}))
            .collect();
        if active.is_empty() {
            super::super::json::remove(&mut cron, &["status", "active"]);
        } else {
            put(&mut cron, &["status", "active"], active.into());
        }
        if let Some(done) = jobs.iter().find(|job| condition(job, "Complete").is_some()) {
            put(&mut cron, &["status", "lastSuccessfulTime"], done["status"]["completionTime"].clone());
        }
        write_status(objects, CRON_JOBS, cron, now);
        for job in jobs.iter().filter(over).skip(3) {
            for pod in owned(objects, "pods", job) {
                delete_pod(objects, &pod, now);
            }
            objects.delete(JOBS, text(job, "/metadata/namespace"), text(job, "/metadata/name"));
        }
    }
}

fn job_of(cron: &Value, name: &str) -> Value {
    let template = &cron["spec"]["jobTemplate"];
    json!({
        "metadata": {
            "namespace": cron["metadata"]["namespace"], "name": name, "labels": template["metadata"]["labels"],
            "ownerReferences": owner_reference(cron),
        },
        "spec": template["spec"],
        "status": {},
    })
}
