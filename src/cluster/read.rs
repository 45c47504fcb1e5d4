//! What is asked of a cluster once, when somebody wants to know: logs, events, revisions, who keeps an object, and what
//! the bot is allowed to do.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, ReplicaSet};
use k8s_openapi::api::authorization::v1::SelfSubjectRulesReview;
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, Time};
use kube::api::{Api, ApiResource, DynamicObject, ListParams, LogParams, PostParams};
use kube::core::GroupVersionKind;

use super::selector::selects;
use super::{ClusterError, Clusters, within};
use crate::core::gitops::manager::{Manager, Marks, manager};
use crate::core::rbac::Rule;
use crate::core::time::Timestamp;
use crate::core::workload::Kind;
use crate::core::workload::policy::Budget;

/// A person waits for it.
const WITHIN: Duration = Duration::from_secs(8);
/// Of a namespace's warnings, those that can matter to one workload are among the newest.
const EVENTS: u32 = 500;
const REVISIONS: u32 = 200;

/// Which lines of which container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery<'a> {
    pub namespace: &'a str,
    pub pod: &'a str,
    /// The only one, or the default one, when absent.
    pub container: Option<&'a str>,
    pub previous: bool,
    pub since: Option<Duration>,
    /// The last so many lines.
    pub tail: i64,
    /// No more bytes than this; the API server cuts at the end.
    pub bytes: i64,
}

/// A warning the cluster recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// `Pod`, `Deployment` …
    pub kind: String,
    pub name: String,
    pub reason: String,
    pub message: String,
    pub count: i32,
    /// By the cluster's clock.
    pub last_at: Option<Timestamp>,
}

/// One template a workload had or has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    pub number: i64,
    pub images: Vec<String>,
    /// When it was first rolled out, by the cluster's clock.
    pub created_at: Option<Timestamp>,
    /// `kubernetes.io/change-cause`
    pub cause: Option<String>,
    /// Pods it has now, where the cluster counts them.
    pub pods: Option<i32>,
}

const CAUSE: &str = "kubernetes.io/change-cause";
const DEPLOYMENT_REVISION: &str = "deployment.kubernetes.io/revision";

impl Clusters {
    /// The end of a container's log, as it is: not redacted.
    ///
    /// # Errors
    /// The cluster's answer when there is no log: the container waits, has no run before this, or is gone.
    pub async fn log(&self, cluster: &str, query: &LogQuery<'_>) -> Result<String, ClusterError> {
        let client = self.client(cluster).await?;
        let params = LogParams {
            container: query.container.map(str::to_owned),
            previous: query.previous,
            since_seconds: query.since.and_then(|it| i64::try_from(it.as_secs().max(1)).ok()),
            tail_lines: Some(query.tail),
            limit_bytes: Some(query.bytes),
            ..LogParams::default()
        };
        within(
            WITHIN,
            Api::<k8s_openapi::api::core::v1::Pod>::namespaced(client, query.namespace).logs(query.pod, &params),
        )
        .await
    }

    /// The warnings of a namespace, newest first.
    ///
    /// # Errors
    /// They could not be read.
    pub async fn warnings(&self, cluster: &str, namespace: &str) -> Result<Vec<Warning>, ClusterError> {
        let events: Api<Event> = Api::namespaced(self.client(cluster).await?, namespace);
        let params = ListParams::default().fields("type=Warning").limit(EVENTS);
        let list = within(WITHIN, events.list(&params)).await?;
        let mut warnings: Vec<Warning> = list.items.into_iter().map(warning).collect();
        warnings.sort_by_key(|it| std::cmp::Reverse(it.last_at));
        Ok(warnings)
    }

    /// A workload's revisions, newest first; none for kinds that have none.
    ///
    /// # Errors
    /// They could not be read.
    pub async fn revisions(
        &self,
        cluster: &str,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<Revision>, ClusterError> {
        let client = self.client(cluster).await?;
        let params = ListParams::default().limit(REVISIONS);
        let mine = |meta: &ObjectMeta| {
            let owners = meta.owner_references.as_deref().unwrap_or_default();
            owners.iter().any(|owner| owner.kind == kind.as_str() && owner.name == name)
        };
        let mut revisions: Vec<Revision> = match kind {
            Kind::Deployment => {
                let sets = within(WITHIN, Api::<ReplicaSet>::namespaced(client, namespace).list(&params)).await?;
                sets.items.into_iter().filter(|set| mine(&set.metadata)).filter_map(of_replica_set).collect()
            }
            Kind::StatefulSet | Kind::DaemonSet => {
                let list = Api::<ControllerRevision>::namespaced(client, namespace);
                let list = within(WITHIN, list.list(&params)).await?;
                list.items.into_iter().filter(|it| mine(&it.metadata)).map(of_controller_revision).collect()
            }
            _ => Vec::new(),
        };
        revisions.sort_by_key(|it| std::cmp::Reverse(it.number));
        Ok(revisions)
    }

    /// The labels and annotations of a workload.
    ///
    /// # Errors
    /// They could not be read.
    pub async fn manager(
        &self,
        cluster: &str,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Manager>, ClusterError> {
        let (group, objects) = self.objects(cluster, kind, namespace).await?;
        let meta = within(WITHIN, objects.get_metadata(name)).await?.metadata;
        let managed_by = |fields: ManagedFieldsEntry| fields.manager;
        Ok(manager(&Marks {
            group,
            kind: kind.as_str(),
            namespace,
            name,
            labels: &meta.labels.unwrap_or_default(),
            annotations: &meta.annotations.unwrap_or_default(),
            field_managers: &meta.managed_fields.into_iter().flatten().filter_map(managed_by).collect::<Vec<_>>(),
        }))
    }

    /// The disruption budgets over a workload's pods, by the labels its pods get.
    ///
    /// # Errors
    /// They could not be read.
    pub async fn budgets(
        &self,
        cluster: &str,
        kind: Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<Budget>, ClusterError> {
        let (_, objects) = self.objects(cluster, kind, namespace).await?;
        let budgets: Api<PodDisruptionBudget> = Api::namespaced(self.client(cluster).await?, namespace);
        let everything = ListParams::default();
        let asked = tokio::try_join!(within(WITHIN, objects.get(name)), within(WITHIN, budgets.list(&everything)));
        let (object, budgets) = asked?;
        let labels = pod_labels(kind, object);
        let covers = |budget: &PodDisruptionBudget| {
            let selector = budget.spec.as_ref().and_then(|spec| serde_json::to_value(&spec.selector).ok());
            selector.is_some_and(|selector| selects(&selector, &labels))
        };
        Ok(budgets.items.into_iter().filter(covers).filter_map(counted).collect())
    }

    /// The API of a kind in a namespace, and its group.
    async fn objects(
        &self,
        cluster: &str,
        kind: Kind,
        namespace: &str,
    ) -> Result<(&'static str, Api<DynamicObject>), ClusterError> {
        let (group, version) = match kind {
            Kind::Job | Kind::CronJob => ("batch", "v1"),
            Kind::Pod | Kind::Node => ("", "v1"),
            _ => ("apps", "v1"),
        };
        let gvk = GroupVersionKind::gvk(group, version, kind.as_str());
        let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural());
        Ok((group, Api::namespaced_with(self.client(cluster).await?, namespace, &resource)))
    }

    /// What the bot's credentials may do in a namespace, as the API server counts it.
    ///
    /// # Errors
    /// It could not be asked.
    pub async fn permissions(&self, cluster: &str, namespace: &str) -> Result<Vec<Rule>, ClusterError> {
        let client = self.client(cluster).await?;
        let review = SelfSubjectRulesReview {
            spec: k8s_openapi::api::authorization::v1::SelfSubjectRulesReviewSpec {
                namespace: Some(namespace.to_owned()),
            },
            ..SelfSubjectRulesReview::default()
        };
        let reviews: Api<SelfSubjectRulesReview> = Api::all(client);
        let answer = within(WITHIN, reviews.create(&PostParams::default(), &review)).await?;
        let rules = answer.status.map(|status| status.resource_rules).unwrap_or_default();
        let rule = |rule: k8s_openapi::api::authorization::v1::ResourceRule| Rule {
            groups: rule.api_groups.unwrap_or_default(),
            resources: rule.resources.unwrap_or_default(),
            names: rule.resource_names.unwrap_or_default(),
            verbs: rule.verbs,
        };
        Ok(rules.into_iter().map(rule).collect())
    }
}

/// The labels of the pods that `object` is or makes.
fn pod_labels(kind: Kind, object: DynamicObject) -> BTreeMap<String, String> {
    let template = match kind {
        Kind::Pod => return object.metadata.labels.unwrap_or_default(),
        Kind::CronJob => "/spec/jobTemplate/spec/template/metadata/labels",
        _ => "/spec/template/metadata/labels",
    };
    let labels = object.data.pointer(template).cloned().unwrap_or_default();
    serde_json::from_value(labels).unwrap_or_default()
}

/// `None` until its controller has counted.
fn counted(budget: PodDisruptionBudget) -> Option<Budget> {
    let status = budget.status?;
    Some(Budget {
        name: budget.metadata.name.unwrap_or_default(),
        healthy: status.current_healthy?,
        needed: status.desired_healthy?,
        allowed: status.disruptions_allowed?,
    })
}

fn at(time: Option<Time>) -> Option<Timestamp> {
    time.map(|time| Timestamp::from_millis(time.0.as_millisecond()))
}

fn warning(event: Event) -> Warning {
    let micro = event.event_time.map(|time| Timestamp::from_millis(time.0.as_millisecond()));
    let series = event.series.as_ref();
    Warning {
        kind: event.involved_object.kind.unwrap_or_default(),
        name: event.involved_object.name.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
        count: series.and_then(|it| it.count).or(event.count).unwrap_or(1),
        last_at: at(event.last_timestamp).or(micro).or_else(|| at(event.metadata.creation_timestamp)),
    }
}

fn of_replica_set(set: ReplicaSet) -> Option<Revision> {
    let annotations = set.metadata.annotations.unwrap_or_default();
    let spec = set.spec.template?.spec?;
    Some(Revision {
        number: annotations.get(DEPLOYMENT_REVISION)?.parse().ok()?,
        images: spec.containers.into_iter().filter_map(|it| it.image).collect(),
        created_at: at(set.metadata.creation_timestamp),
        cause: annotations.get(CAUSE).cloned(),
        pods: set.status.map(|status| status.replicas),
    })
}

fn of_controller_revision(it: ControllerRevision) -> Revision {
    let data = it.data.0;
    let containers = data.pointer("/spec/template/spec/containers").and_then(serde_json::Value::as_array);
    let image = |container: &serde_json::Value| container["image"].as_str().map(str::to_owned);
    Revision {
        number: it.revision.unwrap_or(0),
        images: containers.into_iter().flatten().filter_map(image).collect(),
        created_at: at(it.metadata.creation_timestamp),
        cause: it.metadata.annotations.as_ref().and_then(|it| it.get(CAUSE).cloned()),
        pods: None,
    }
}
