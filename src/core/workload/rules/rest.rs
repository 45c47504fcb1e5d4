//! Jobs, autoscalers, disruption budgets, volume claims, certificates.

use std::time::Duration;

use super::{Finding, RuleName, Scene};
use crate::core::severity::Severity;
use crate::core::time::spoken;
use crate::core::workload::batch::{Job, JobEnd};
use crate::core::workload::policy::{
    Certificate, ClaimPhase, HorizontalPodAutoscaler, PersistentVolumeClaim, PodDisruptionBudget,
};
use crate::core::workload::{Id, Kind, Meta, cause};

const QUIET: Duration = Duration::from_mins(15);

impl Scene<'_> {
    pub(super) fn job(&self, job: &Job, out: &mut Vec<Finding>) {
        let id = Id::of(Kind::Job, &job.meta);
        let limit = self.limits.job_duration;
        if let Some(started_at) = job.started_at
            && job.active > 0
            && self.now.since(started_at) > limit.duration()
        {
            let summary = format!("job {} runs longer than {limit}", path(&job.meta));
            let value = format!("since {}", cause::clock(started_at));
            out.push(self.finding(RuleName::KubeJobNotCompleted, &id, summary, value, limit.to_string()));
        }
        if let Some(JobEnd::Failed { reason, message }) = &job.end {
            let summary = format!("job {} failed", path(&job.meta));
            let value = format!("{} failed pods", job.failed);
            let mut finding = self.finding(RuleName::KubeJobFailed, &id, summary, value, String::new());
            let said = if message.is_empty() { reason.to_string() } else { format!("{reason}: {message}") };
            finding.cause = cause::joined([cause::pods(self.index, &id), Some(said).filter(|said| !said.is_empty())]);
            out.push(finding);
        }
    }

    pub(super) fn autoscaler(&self, hpa: &HorizontalPodAutoscaler, out: &mut Vec<Finding>) {
        let HorizontalPodAutoscaler { meta, target, min, max, current, desired, progressed_at } = hpa;
        let id = Id::of(Kind::HorizontalPodAutoscaler, meta);
        let quiet = progressed_at.is_none_or(|at| self.now.since(at) > QUIET);
        if desired != current && current > min && current < max && quiet {
            let summary = format!("{} has {current} of {desired} replicas", path(meta));
            let (value, wanted) = (format!("{current} replicas"), format!("{desired} desired"));
            out.push(self.finding(RuleName::KubeHpaReplicasMismatch, &id, summary, value, wanted));
        }
        if current == max && max != min {
            let summary = format!("{} is at its maximum of {max} replicas", path(meta));
            let mut finding =
                self.finding(RuleName::KubeHpaMaxedOut, &id, summary, format!("{current}"), format!("{max} at most"));
            finding.cause = cause::joined([Some(format!("it scales {} {}", target.kind, target.name)), finding.cause]);
            out.push(finding);
        }
    }

    pub(super) fn budget(&self, budget: &PodDisruptionBudget, out: &mut Vec<Finding>) {
        let PodDisruptionBudget { meta, desired_healthy, current_healthy, .. } = budget;
        if desired_healthy > current_healthy {
            let id = Id::of(Kind::PodDisruptionBudget, meta);
            let summary = format!("{} has too few healthy pods", path(meta));
            let (value, wanted) = (format!("{current_healthy} healthy"), format!("{desired_healthy} wanted"));
            out.push(self.finding(RuleName::KubePdbNotEnoughHealthyPods, &id, summary, value, wanted));
        }
    }

    pub(super) fn claim(&self, claim: &PersistentVolumeClaim, out: &mut Vec<Finding>) {
        let (at_least, what) = match claim.phase {
            ClaimPhase::Pending => (None, "has no volume"),
            ClaimPhase::Lost => (Some(Severity::Critical), "has lost its volume"),
            ClaimPhase::Bound | ClaimPhase::Unknown => return,
        };
        let id = Id::of(Kind::PersistentVolumeClaim, &claim.meta);
        let summary = format!("volume claim {} {what}", path(&claim.meta));
        let value = if at_least.is_some() { "lost" } else { "pending" };
        let rule = RuleName::KubePersistentVolumeClaimPending;
        let finding = self.finding(rule, &id, summary, value.to_owned(), "bound".to_owned());
        let class = claim.storage_class.as_ref().map(|class| format!("storage class {class}"));
        out.push(Finding { at_least, cause: class, ..finding });
    }

    pub(super) fn certificate(&self, certificate: &Certificate, out: &mut Vec<Finding>) {
        let Some(not_after) = certificate.not_after else { return };
        let left = not_after.since(self.now);
        if left >= self.limits.certificate_warning.duration() {
            return;
        }
        let id = Id::of(Kind::Certificate, &certificate.meta);
        let over = not_after <= self.now;
        let name = path(&certificate.meta);
        let summary = if over {
            format!("certificate {name} has expired")
        } else {
            format!("certificate {name} ends {}", cause::clock(not_after))
        };
        // In days: a value that changes all the time would be an edit all the time.
        let days = Duration::from_hours(left.as_secs() / 86_400 * 24);
        let value = if over { "expired".to_owned() } else { format!("more than {} left", spoken(days)) };
        let limit = format!("{} left", self.limits.certificate_warning);
        let rule = RuleName::CertManagerCertExpirySoon;
        let finding = self.finding(rule, &id, summary, value, limit);
        let critical = left < self.limits.certificate_critical.duration();
        let due = certificate.renewal_at.filter(|at| *at < self.now);
        let due = due.map(|at| format!("cert-manager meant to renew it {}", cause::clock(at)));
        out.push(Finding {
            at_least: critical.then_some(Severity::Critical),
            cause: cause::joined([certificate.trouble.as_deref().map(ToOwned::to_owned), due]),
            ..finding
        });
    }
}

fn path(meta: &Meta) -> String {
    format!("{}/{}", meta.namespace, meta.name)
}
