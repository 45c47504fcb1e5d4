//! Pods and their containers.

use std::time::Duration;

use super::{Finding, RuleName, Scene};
use crate::core::label::Labels;
use crate::core::workload::pod::{Container, OOM_KILLED, Phase, Pod, Scheduling};
use crate::core::workload::{Id, Kind, Name, cause};

/// A container counts as crash looping for this long after it was last seen waiting to be restarted.
const BACKOFF_SEEN: Duration = Duration::from_mins(5);
/// A container that was killed is news for this long.
const KILLED_LATELY: Duration = Duration::from_mins(15);

impl Scene<'_> {
    pub(super) fn pod(&self, pod: &Pod, out: &mut Vec<Finding>) {
        for container in &pod.containers {
            self.crash_loop(pod, container, out);
            self.waiting(pod, container, out);
            self.oom_killed(pod, container, out);
        }
        self.not_ready(pod, out);
    }

    fn pod_labels(&self, rule: RuleName, pod: &Pod) -> Labels {
        let labels = self.labels(rule, &Id::of(Kind::Pod, &pod.meta));
        match &pod.node {
            Some(node) => labels.with("node", &**node),
            None => labels,
        }
    }

    fn of_container(&self, rule: RuleName, pod: &Pod, container: &Container, told: [String; 3]) -> Finding {
        let [summary, value, threshold] = told;
        let causes = [cause::exit(container), cause::changed(self.index, Kind::Pod, &pod.meta, self.now)];
        let previous = container.restarts > 0;
        Finding {
            rule,
            labels: self.pod_labels(rule, pod).with("container", container.name()),
            at_least: None,
            summary,
            value,
            threshold,
            cause: cause::joined(causes),
            log: Some((Name::clone(&container.spec.container), previous)),
        }
    }

    fn crash_loop(&self, pod: &Pod, container: &Container, out: &mut Vec<Finding>) {
        let lately = container.seen().backoff_at.is_some_and(|at| self.now.since(at) <= BACKOFF_SEEN);
        if !container.in_crash_loop() && !lately {
            return;
        }
        let summary = format!("{} crash loops: container {}", path(pod), container.name());
        let value = format!("{} restarts", container.restarts);
        out.push(self.of_container(RuleName::KubePodCrashLooping, pod, container, [summary, value, String::new()]));
    }

    fn waiting(&self, pod: &Pod, container: &Container, out: &mut Vec<Finding>) {
        let Some((reason, message)) = container.waiting() else { return };
        if container.in_crash_loop() || reason.is_empty() {
            return;
        }
        let mut say = |rule, summary: String| {
            let told = [summary, reason.to_owned(), String::new()];
            let mut finding = self.of_container(rule, pod, container, told);
            finding.log = None;
            let said = Some(message.to_owned()).filter(|message| !message.is_empty());
            finding.cause = cause::joined([said, finding.cause.take()]);
            out.push(finding);
        };
        let pulls = matches!(
            reason,
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError"
        );
        if pulls {
            let summary = format!("{} cannot pull the image {}", path(pod), container.image());
            say(RuleName::KubeImagePullFailing, summary);
        }
        let summary = format!("{} waits: container {} ({reason})", path(pod), container.name());
        say(RuleName::KubeContainerWaiting, summary);
    }

    fn oom_killed(&self, pod: &Pod, container: &Container, out: &mut Vec<Finding>) {
        let Some(exit) = container.last_exit().filter(|exit| &*exit.reason == OOM_KILLED) else { return };
        let at = container.seen().exit_at.or(exit.finished_at);
        if at.is_some_and(|at| self.now.since(at) <= KILLED_LATELY) {
            let summary = format!("{} ran out of memory: container {}", path(pod), container.name());
            let value = format!("{} restarts", container.restarts);
            let told = [summary, value, "its memory limit".to_owned()];
            out.push(self.of_container(RuleName::KubeContainerOomKilled, pod, container, told));
        }
    }

    fn not_ready(&self, pod: &Pod, out: &mut Vec<Finding>) {
        let of_job = pod.meta.controller.as_ref().is_some_and(|controller| &*controller.kind == "Job");
        let unready = match pod.phase {
            Phase::Pending | Phase::Unknown => true,
            Phase::Running => !pod.ready,
            Phase::Succeeded | Phase::Failed => false,
        };
        if of_job || !unready || pod.scheduling == Scheduling::Gated {
            return;
        }
        let rule = RuleName::KubePodNotReady;
        let why = match &pod.scheduling {
            Scheduling::Unschedulable(message) => Some(format!("no node takes it: {message}")),
            Scheduling::Scheduled | Scheduling::Gated => pod.containers.iter().find_map(|container| {
                let (reason, _) = container.waiting()?;
                Some(format!("container {} waits: {reason}", container.name()))
            }),
        };
        let value = match pod.phase {
            Phase::Pending => "pending",
            Phase::Unknown => "phase unknown",
            Phase::Running | Phase::Succeeded | Phase::Failed => "running, not ready",
        };
        let failing = pod.containers.iter().find(|container| !container.ready && container.last_exit().is_some());
        let log = failing.map(|container| (Name::clone(&container.spec.container), container.restarts > 0));
        let exit = failing.and_then(cause::exit);
        out.push(Finding {
            rule,
            labels: self.pod_labels(rule, pod),
            at_least: None,
            summary: format!("{} is not ready", path(pod)),
            value: value.to_owned(),
            threshold: String::new(),
            cause: cause::joined([why, exit, cause::changed(self.index, Kind::Pod, &pod.meta, self.now)]),
            log,
        });
    }
}

fn path(pod: &Pod) -> String {
    format!("{}/{}", pod.meta.namespace, pod.meta.name)
}
