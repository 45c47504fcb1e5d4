//! Reading a log: allowed to responders, on record, done by the worker, shown redacted.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cluster::read::LogQuery;
use crate::core::audit::Record;
use crate::core::command::workload::{Run, Wanted};
use crate::core::ids::UserId;
use crate::core::redact::{Redacted, redact, redacted};
use crate::core::time::Span;
use crate::core::workload::find::Target;
use crate::core::workload::health::{complaint, rank};
use crate::core::workload::pod::Pod;
use crate::core::workload::{Id, Kind};
use crate::slack::api::{Share, Upload};
use crate::slack::blocks::workloads::{self as blocks, LogView, Whole};
use crate::slack::message::Message;

use super::Flow;
use super::act::{Caller, Plan};
use super::workloads::typed;

/// Lines read when no time is given, and at most.
const TAIL: i64 = 400;
const MOST_LINES: i64 = 5000;
/// What a log may bring at most, and what the API server is asked for.
const MOST_BYTES: i64 = 512 * 1024;
/// From so many lines on, all of them go into a file.
const INLINE_LINES: usize = 25;

/// One log to read, decided and ready to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRequest {
    pub cluster: String,
    pub namespace: String,
    pub pod: String,
    /// The one that matters, when the pod has several.
    pub container: Option<String>,
    pub previous: bool,
    pub since: Option<Span>,
    /// Other pods of the same workload, each with the command that reads its log.
    pub others: Vec<(String, String)>,
    pub chosen_for: Option<String>,
    /// Who asked: what is too long to show goes to them alone.
    pub user: UserId,
}

impl Flow {
    pub(super) fn plan_logs(&self, of: &Wanted, run: Run, since: Option<Span>, caller: &Caller) -> Plan {
        let flags = match (run, since) {
            (Run::Current, None) => String::new(),
            (Run::Current, Some(since)) => format!("--since {since} "),
            (Run::Previous, None) => "--previous ".to_owned(),
            (Run::Previous, Some(since)) => format!("--previous --since {since} "),
        };
        let verb = format!("logs {flags}");
        let target = match self.target(of, verb.trim_end()) {
            Ok(target) => target,
            Err(message) => return Plan::Answer(message),
        };
        let Some(request) = self.log_request(&target, run, since, &verb, caller) else {
            return Plan::Answer(blocks::no_such_workload(&target.id.name, "logs", None));
        };
        let record = Record {
            at: self.now(),
            actor: caller.actor(),
            action: "logs.read".to_owned(),
            subject: format!("{}/{}/{}", request.cluster, request.namespace, request.pod),
            detail: json!({
                "container": request.container, "previous": request.previous,
                "since": request.since.map(|since| since.to_string()), "workload": typed(&target),
            })
            .to_string(),
        };
        let now = blocks::reading(&request.pod);
        Plan::ReadLog { request: Box::new(request), record, now }
    }

    /// The pod whose log tells most: the one named, or the one that is worst off.
    fn log_request(
        &self,
        target: &Target,
        run: Run,
        since: Option<Span>,
        verb: &str,
        caller: &Caller,
    ) -> Option<LogRequest> {
        let Target { cluster, id, pod: named } = target;
        self.with_clusters(|clusters| {
            let index = &clusters.get(cluster)?.index;
            let mut pods: Vec<&Pod> = match id.kind {
                Kind::Pod => index.pod(&id.namespace, &id.name).into_iter().collect(),
                _ => index.pods_of(id).collect(),
            };
            let ended = |pod: &Pod| pod.restarts() > 0;
            pods.sort_by_key(|pod| {
                let lacks_previous = run == Run::Previous && !ended(pod);
                (lacks_previous, rank(pod), std::cmp::Reverse(pod.restarts()), std::cmp::Reverse(pod.meta.created_at))
            });
            let chosen = match named {
                Some(named) => pods.iter().copied().find(|pod| pod.meta.name == *named)?,
                None => pods.first().copied()?,
            };
            let others = pods.iter().filter(|pod| pod.meta.name != chosen.meta.name).map(|pod| {
                let command = typed(&Target { pod: Some(pod.meta.name.clone()), ..target.clone() });
                (pod.meta.name.to_string(), format!("{verb}{command}"))
            });
            Some(LogRequest {
                cluster: cluster.to_string(),
                namespace: id.namespace.to_string(),
                pod: chosen.meta.name.to_string(),
                container: container(chosen, id),
                previous: run == Run::Previous,
                since,
                others: others.take(4).collect(),
                chosen_for: complaint(chosen).filter(|_| named.is_none()),
                user: caller.user.clone(),
            })
        })
    }

    /// Reads it and gives the answer; a whole log that is too long for it goes to whoever asked, as a file.
    pub(super) async fn read_log(&self, request: &LogRequest) -> Message {
        let LogRequest { cluster, namespace, pod, container, previous, since, others, chosen_for, user } = request;
        let query = LogQuery {
            namespace,
            pod,
            container: container.as_deref(),
            previous: *previous,
            since: since.map(Span::duration),
            tail: if since.is_some() { MOST_LINES } else { TAIL },
            bytes: MOST_BYTES,
        };
        let text = match self.clusters.log(cluster, &query).await {
            Ok(text) => text,
            Err(error) => return blocks::log_failed(pod, cluster, &redact(&error.to_string())),
        };
        let Redacted { text, hidden } = redacted(&text);
        let whole = if text.lines().count() <= INLINE_LINES {
            Whole::Shown
        } else {
            self.send_log(user, pod, &text).await.map_or_else(Whole::NotSent, |()| Whole::Sent)
        };
        blocks::log(&LogView {
            cluster,
            namespace,
            pod,
            run: if *previous { Run::Previous } else { Run::Current },
            since: *since,
            text: &text,
            hidden,
            whole,
            others: others.clone(),
            chosen_for: chosen_for.as_deref(),
        })
    }

    /// A log is for one reader: it goes into their direct messages, not into the channel.
    async fn send_log(&self, user: &UserId, pod: &str, text: &str) -> Result<(), String> {
        let channel = self.api.conversations_open(user).await.map_err(|error| error.to_string())?;
        let upload = Upload {
            filename: format!("{pod}.log"),
            title: format!("{pod}.log"),
            alt_text: format!("Log of {pod}"),
            bytes: text.as_bytes().to_vec(),
        };
        let share = Share { channel, thread_ts: None, comment: None };
        self.api.upload_file(&upload, Some(&share)).await.map(drop).map_err(|error| error.to_string())
    }
}

/// The container that matters: one that complains, else the one named like the workload, else the first.
fn container(pod: &Pod, id: &Id) -> Option<String> {
    let own = || pod.containers.iter().filter(|container| !container.init);
    if own().count() < 2 {
        return None;
    }
    let unwell = own().find(|container| !container.ready);
    let chosen = unwell.or_else(|| own().find(|it| *it.spec.container == *id.name)).or_else(|| own().next())?;
    Some(chosen.name().to_owned())
}
