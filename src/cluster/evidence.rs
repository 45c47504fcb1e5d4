//! What is asked of a cluster when something is wrong: the last log lines of a container, and events.

use std::time::Duration;

use hyper::Request;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

use super::wire::{Fields, List, Said};
use super::{ClusterError, Clusters, within};
use crate::core::workload::{Event, Id};

const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// Lines are cut before they come: one of a megabyte helps nobody.
const LOG_BYTES: i64 = 16 << 10;
/// The API server gives events in no order that helps; of these the latest are kept.
const EVENTS: usize = 100;

impl Clusters {
    /// The last `lines` lines of a container's log; of the run before the present one when `previous`. As they are:
    /// whoever shows them hides the secrets in them first (`core::redact`).
    ///
    /// # Errors
    /// The cluster does not answer, the pod is gone, or `pods/log` is not allowed.
    pub async fn log_tail(
        &self,
        cluster: &str,
        (namespace, pod, container): (&str, &str, &str),
        previous: bool,
        lines: i64,
    ) -> Result<String, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client(cluster).await?, namespace);
        let params = LogParams {
            container: Some(container.to_owned()),
            previous,
            tail_lines: Some(lines),
            limit_bytes: Some(LOG_BYTES),
            ..LogParams::default()
        };
        within(ANSWERS_WITHIN, pods.logs(pod, &params)).await
    }

    /// Events about an object, the latest last.
    ///
    /// # Errors
    /// The cluster does not answer, or `events` is not allowed.
    pub async fn events(&self, cluster: &str, id: &Id) -> Result<Vec<Event>, ClusterError> {
        let client = self.client(cluster).await?;
        // Events about what has no namespace are in this one.
        let namespace = if id.namespace.is_empty() { "default" } else { &*id.namespace };
        let about = format!("involvedObject.kind={},involvedObject.name={}", id.kind, id.name);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("fieldSelector", &about)
            .append_pair("limit", &EVENTS.to_string())
            .finish();
        let request = Request::get(format!("/api/v1/namespaces/{namespace}/events?{query}")).body(Vec::new());
        let request = request.map_err(|error| ClusterError::Unreachable(error.to_string()))?;
        let Fields(answer) = within(ANSWERS_WITHIN, client.request::<Fields<Answer>>(request)).await?;
        let mut events: Vec<Event> = answer.items.0.iter().filter(|said| said.about(id)).map(Said::event).collect();
        events.sort_by_key(|event| event.at);
        Ok(events)
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Answer {
    items: List<Said>,
}
