//! Jobs and CronJobs.

use serde::Deserialize;

use super::leaf::{Flag, Int, List, Text, When};
use super::{About, Condition, Wire, brief};
use crate::core::workload::batch::{CronJob, Job, JobEnd};
use crate::core::workload::{Kind, Meta, Object};

#[derive(Clone, Debug)]
pub struct Jobs;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct JobSpec {
    suspend: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobStatus {
    active: Int,
    succeeded: Int,
    failed: Int,
    start_time: When,
    conditions: List<Condition>,
}

impl Wire for Jobs {
    const KIND: Kind = Kind::Job;
    const GROUP: &'static str = "batch";
    const VERSION: &'static str = "v1";
    type Spec = JobSpec;
    type Status = JobStatus;

    fn object(meta: Meta, _: &About, spec: JobSpec, status: JobStatus) -> Object {
        let failed = status.conditions.named("Failed").filter(|condition| condition.status.0 == "True");
        let end = match failed {
            Some(condition) => Some(JobEnd::Failed {
                reason: condition.reason.0.as_str().into(),
                message: brief(&condition.message.0),
            }),
            None => status.conditions.holds("Complete").then_some(JobEnd::Complete),
        };
        Object::Job(Job {
            meta,
            active: status.active.count(),
            succeeded: status.succeeded.count(),
            failed: status.failed.count(),
            suspended: spec.suspend.0,
            started_at: status.start_time.0,
            end,
        })
    }
}

#[derive(Clone, Debug)]
pub struct CronJobs;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CronJobSpec {
    schedule: Text,
    suspend: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CronJobStatus {
    active: List<Active>,
    last_schedule_time: When,
    last_successful_time: When,
}

/// A reference; only how many there are counts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Active {}

impl Wire for CronJobs {
    const KIND: Kind = Kind::CronJob;
    const GROUP: &'static str = "batch";
    const VERSION: &'static str = "v1";
    type Spec = CronJobSpec;
    type Status = CronJobStatus;

    fn object(meta: Meta, _: &About, spec: CronJobSpec, status: CronJobStatus) -> Object {
        Object::CronJob(CronJob {
            meta,
            schedule: spec.schedule.0.as_str().into(),
            suspended: spec.suspend.0,
            active: status.active.0.len(),
            last_scheduled_at: status.last_schedule_time.0,
            last_successful_at: status.last_successful_time.0,
        })
    }
}
