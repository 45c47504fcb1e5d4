//! What runs to an end: Jobs, and the CronJobs that make them.

use serde::{Deserialize, Serialize};

use super::names::Names;
use super::object::{Kept, Meta, Name, kept_meta};
use crate::core::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub meta: Meta,
    pub active: i32,
    pub succeeded: i32,
    pub failed: i32,
    pub suspended: bool,
    /// By the cluster's clock.
    pub started_at: Option<Timestamp>,
    pub end: Option<JobEnd>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobEnd {
    Complete,
    /// `BackoffLimitExceeded`, `DeadlineExceeded` …
    Failed {
        reason: Name,
        message: Box<str>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronJob {
    pub meta: Meta,
    pub schedule: Name,
    pub suspended: bool,
    /// Jobs of it that run now.
    pub active: usize,
    pub last_scheduled_at: Option<Timestamp>,
    pub last_successful_at: Option<Timestamp>,
}

impl Kept for Job {
    kept_meta!();

    fn intern(&mut self, names: &mut Names) {
        if let Some(JobEnd::Failed { reason, .. }) = &mut self.end {
            names.share(reason);
        }
    }
}

impl Kept for CronJob {
    kept_meta!();

    fn intern(&mut self, names: &mut Names) {
        names.share(&mut self.schedule);
    }
}
