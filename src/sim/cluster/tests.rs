//! The local cluster held to a real client's expectations.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::authorization::v1::SelfSubjectRulesReview;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Event, Node, Pod, Secret};
use kube::api::{Api, DeleteParams, EvictParams, ListParams, LogParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, watcher};
use serde_json::json;
use tokio::sync::watch;

use super::*;
use crate::clock::Clock;

/// Stands still until it is moved.
#[derive(Clone, Debug)]
struct HandClock(Arc<watch::Sender<Timestamp>>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (mut time, until) = (self.0.subscribe(), self.now().plus(length));
        Box::pin(async move {
            let _ = time.wait_for(|now| *now >= until).await;
        })
    }
}

struct Bench {
    cluster: Handle,
    client: kube::Client,
    clock: HandClock,
}

impl Bench {
    async fn open() -> Self {
        let clock = HandClock(Arc::new(watch::Sender::new(Timestamp::from_secs(1_795_521_600))));
        let cluster = start(Config::by_hand(Arc::new(clock.clone()))).await.unwrap();
        let client = client(&cluster.kubeconfig("local")).await;
        Self { cluster, client, clock }
    }

    fn advance(&self, length: Duration) {
        self.clock.0.send_modify(|now| *now = now.plus(length));
        self.cluster.tick();
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), "feeds")
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), "feeds")
    }

    async fn pod_names(&self, app: &str) -> Vec<String> {
        let list = self.pods().list(&ListParams::default().labels(&format!("app={app}"))).await.unwrap();
        list.items.into_iter().map(|pod| pod.metadata.name.unwrap()).collect()
    }
}

async fn client(kubeconfig: &str) -> kube::Client {
    // Another test may have been first.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let file = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

fn status(error: kube::Error) -> (u16, String, String) {
    let kube::Error::Api(status) = error else { panic!("{error}") };
    (status.code, status.reason, status.message)
}

fn image(deployment: &Deployment) -> String {
    deployment.spec.template.spec.as_ref().unwrap().containers[0].image.clone().unwrap()
}

#[tokio::test]
async fn a_client_finds_out_what_there_is() {
    let bench = Bench::open().await;
    assert_eq!(bench.client.apiserver_version().await.unwrap().git_version, "v1.34.2");
    let groups = bench.client.list_api_groups().await.unwrap();
    assert!(groups.groups.iter().any(|group| group.name == "apps"));
    let apps = bench.client.list_api_group_resources("apps/v1").await.unwrap();
    assert!(apps.resources.iter().any(|it| it.name == "deployments/scale"));
    let unknown = bench.client.list_api_group_resources("cert-manager.io/v1").await.unwrap_err();
    assert_eq!(status(unknown).0, 404);

    let nodes = Api::<Node>::all(bench.client.clone()).list(&ListParams::default()).await.unwrap();
    assert_eq!(nodes.items.len(), 4);
    let hermes = bench.deployments().get("hermes").await.unwrap();
    assert_eq!(hermes.status.unwrap().ready_replicas, Some(3));
    let (code, reason, message) = status(bench.deployments().get("herms").await.unwrap_err());
    assert_eq!((code, reason.as_str(), message.as_str()), (404, "NotFound", "deployments.apps \"herms\" not found"));
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let bench = Bench::open().await;
    let stranger = client(&bench.cluster.kubeconfig("local").replace("local-cluster-token", "guessed")).await;
    assert_eq!(status(stranger.apiserver_version().await.unwrap_err()).0, 401);
}

#[tokio::test]
async fn a_list_comes_in_pages_and_an_old_page_token_has_expired() {
    let bench = Bench::open().await;
    let pods = Api::<Pod>::all(bench.client.clone());
    let all = pods.list(&ListParams::default()).await.unwrap().items.len();
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let mut params = ListParams::default().limit(4);
        params.continue_token = token;
        let page = pods.list(&params).await.unwrap();
        assert!(page.items.len() <= 4);
        names.extend(page.items.into_iter().map(|pod| (pod.metadata.namespace, pod.metadata.name)));
        token = page.metadata.continue_;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names.len(), all);
    assert!(names.is_sorted());

    let first = pods.list(&ListParams::default().limit(4)).await.unwrap();
    bench.cluster.edit("nodes", "", "worker-1", "test", |node| node["metadata"]["labels"]["x"] = "y".into());
    bench.cluster.compact();
    let mut params = ListParams::default().limit(4);
    params.continue_token = first.metadata.continue_;
    assert_eq!(status(pods.list(&params).await.unwrap_err()).0, 410);
}

async fn next(
    events: &mut (impl futures_util::Stream<Item = Result<watcher::Event<Deployment>, watcher::Error>> + Unpin),
) -> Result<watcher::Event<Deployment>, watcher::Error> {
    tokio::time::timeout(Duration::from_secs(20), events.next()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_watch_lists_then_follows_and_starts_over_when_its_past_is_gone() {
    let bench = Bench::open().await;
    for config in [watcher::Config::default().page_size(2), watcher::Config::default().streaming_lists()] {
        let mut events = Box::pin(watcher(bench.deployments(), config));
        let mut listed = Vec::new();
        loop {
            match next(&mut events).await.unwrap() {
                watcher::Event::InitApply(it) => listed.push(it.metadata.name.unwrap()),
                watcher::Event::InitDone => break,
                watcher::Event::Init => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(listed, ["hermes", "keeper", "price-pusher-evm", "price-pusher-solana"]);
        bench.cluster.edit("deployments", "feeds", "keeper", "test", |it| it["metadata"]["labels"]["a"] = "1".into());
        let watcher::Event::Apply(changed) = next(&mut events).await.unwrap() else { panic!() };
        assert_eq!(changed.metadata.name.as_deref(), Some("keeper"));

        // Cut, and everything that happened meanwhile is forgotten.
        bench.cluster.cut_watches();
        bench.cluster.edit("deployments", "feeds", "keeper", "test", |it| it["metadata"]["labels"]["b"] = "2".into());
        bench.cluster.compact();
        let error = next(&mut events).await.unwrap_err();
        assert!(error.to_string().contains("too old resource version"), "{error}");
        assert!(matches!(next(&mut events).await.unwrap(), watcher::Event::Init));
        bench
            .cluster
            .edit("deployments", "feeds", "keeper", "test", |it| it["metadata"]["labels"] = json!({"app": "keeper"}));
    }
}

#[tokio::test]
async fn a_restart_replaces_every_pod() {
    let bench = Bench::open().await;
    let before = bench.pod_names("hermes").await;
    assert_eq!(before.len(), 3);
    let patch = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-29T12:00:00Z"}}}}});
    let params = PatchParams { field_manager: Some("watchkeeper".to_owned()), ..PatchParams::default() };
    let dry = PatchParams { dry_run: true, ..params.clone() };
    bench.deployments().patch("hermes", &dry, &Patch::Strategic(&patch)).await.unwrap();
    assert_eq!(bench.pod_names("hermes").await, before, "a dry run");

    bench.deployments().patch("hermes", &params, &Patch::Strategic(&patch)).await.unwrap();
    let after = bench.pod_names("hermes").await;
    assert_eq!(after.len(), 3);
    assert!(before.iter().all(|name| !after.contains(name)), "{before:?} {after:?}");
    let hermes = bench.deployments().get("hermes").await.unwrap();
    assert_eq!(hermes.metadata.annotations.unwrap()["deployment.kubernetes.io/revision"], "4");
    assert!(hermes.metadata.managed_fields.unwrap().iter().any(|it| it.manager.as_deref() == Some("watchkeeper")));
}

#[tokio::test]
async fn a_stale_resource_version_is_a_conflict() {
    let bench = Bench::open().await;
    let hermes = bench.deployments().get("hermes").await.unwrap();
    let version = hermes.metadata.resource_version.unwrap();
    let patch = json!({"metadata": {"resourceVersion": version, "labels": {"x": "1"}}});
    bench.deployments().patch("hermes", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    let error = bench.deployments().patch("hermes", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap_err();
    assert_eq!(status(error).0, 409);
}

#[tokio::test]
async fn scaling_changes_the_number_of_pods_within_the_autoscalers_bounds() {
    let bench = Bench::open().await;
    let scale = |replicas: i32| json!({"spec": {"replicas": replicas}});
    let params = PatchParams::default();
    let asked = bench.deployments().patch_scale("price-pusher-evm", &params, &Patch::Merge(scale(4))).await.unwrap();
    assert_eq!(asked.spec.unwrap().replicas, Some(4));
    assert_eq!(bench.pod_names("price-pusher-evm").await.len(), 4);
    bench.deployments().patch_scale("hermes", &params, &Patch::Merge(scale(1))).await.unwrap();
    assert_eq!(bench.pod_names("hermes").await.len(), 3, "minReplicas");
    let error = bench.deployments().patch_scale("keeper", &params, &Patch::Merge(scale(-1))).await.unwrap_err();
    assert_eq!(status(error).0, 422);
}

#[tokio::test]
async fn rolling_back_makes_the_old_template_the_newest_revision() {
    let bench = Bench::open().await;
    let sets = Api::<ReplicaSet>::namespaced(bench.client.clone(), "feeds");
    let sets = sets.list(&ListParams::default().labels("app=hermes")).await.unwrap().items;
    let revision =
        |set: &ReplicaSet| set.metadata.annotations.as_ref().unwrap()["deployment.kubernetes.io/revision"].clone();
    let mut revisions: Vec<_> = sets.iter().map(revision).collect();
    revisions.sort();
    assert_eq!(revisions, ["1", "2", "3"]);
    let second = sets.into_iter().find(|set| revision(set) == "2").unwrap();
    let mut template = serde_json::to_value(second.spec.template).unwrap();
    template["metadata"]["labels"].as_object_mut().unwrap().remove("pod-template-hash");
    let patch = json!([{"op": "replace", "path": "/spec/template", "value": template}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch).unwrap());
    bench.deployments().patch("hermes", &PatchParams::default(), &patch).await.unwrap();
    let hermes = bench.deployments().get("hermes").await.unwrap();
    assert_eq!(image(&hermes), "ghcr.io/acme/hermes:v0.10.3");
    assert_eq!(hermes.metadata.annotations.unwrap()["deployment.kubernetes.io/revision"], "4");
    assert_eq!(hermes.status.unwrap().updated_replicas, Some(3));
}

#[tokio::test]
async fn a_disruption_budget_blocks_the_eviction_that_would_break_it() {
    let bench = Bench::open().await;
    let names = bench.pod_names("hermes").await;
    let dry =
        EvictParams { post_options: PostParams { dry_run: true, ..PostParams::default() }, ..EvictParams::default() };
    bench.pods().evict(&names[0], &dry).await.unwrap();
    assert_eq!(bench.pod_names("hermes").await, names);
    bench.pods().evict(&names[0], &EvictParams::default()).await.unwrap();
    assert_eq!(bench.pod_names("hermes").await.len(), 3, "it was replaced");
    bench.cluster.edit("poddisruptionbudgets", "feeds", "hermes", "test", |it| it["spec"]["minAvailable"] = 3.into());
    let (code, reason, message) = status(bench.pods().evict(&names[1], &EvictParams::default()).await.unwrap_err());
    assert_eq!((code, reason.as_str()), (429, "TooManyRequests"));
    assert!(message.contains("disruption budget"), "{message}");
    bench.pods().delete(&names[1], &DeleteParams::default()).await.unwrap();
    assert!(!bench.pod_names("hermes").await.contains(&names[1]));
}

fn crash() -> Crash {
    Crash { exit_code: 137, reason: "OOMKilled".to_owned(), lines: vec!["the end".to_owned()] }
}

#[tokio::test]
async fn a_crash_loop_backs_off_counts_restarts_and_keeps_the_log_of_the_run_before() {
    let bench = Bench::open().await;
    let name = bench.pod_names("keeper").await.remove(0);
    let previous = LogParams { previous: true, ..LogParams::default() };
    let (code, _, message) = status(bench.pods().logs(&name, &previous).await.unwrap_err());
    assert!(code == 400 && message.contains("previous terminated container \"keeper\""), "{message}");

    bench.cluster.crash("feeds", "keeper", crash());
    bench.advance(Duration::from_secs(10));
    let pod = bench.pods().get(&name).await.unwrap();
    let status = pod.status.unwrap().container_statuses.unwrap().remove(0);
    assert_eq!((status.restart_count, status.ready), (1, false));
    assert_eq!(status.state.unwrap().waiting.unwrap().reason.as_deref(), Some("CrashLoopBackOff"));
    assert_eq!(status.last_state.unwrap().terminated.unwrap().exit_code, 137);
    let tail = LogParams { previous: true, tail_lines: Some(1), ..LogParams::default() };
    assert!(bench.pods().logs(&name, &tail).await.unwrap().ends_with("the end\n"));
    let events = Api::<Event>::namespaced(bench.client.clone(), "feeds");
    let about = ListParams::default().fields(&format!("involvedObject.name={name}"));
    let events = events.list(&about).await.unwrap().items;
    assert!(events.iter().any(|event| event.reason.as_deref() == Some("BackOff") && event.count.unwrap_or(0) >= 1));

    bench.cluster.heal("feeds", "keeper");
    assert_eq!(bench.deployments().get("keeper").await.unwrap().status.unwrap().ready_replicas, Some(1));
}

#[tokio::test]
async fn logs_are_cut_as_asked() {
    let bench = Bench::open().await;
    let name = bench.pod_names("hermes").await.remove(0);
    let logs = |params: LogParams| {
        let pods = bench.pods();
        let name = name.clone();
        async move { pods.logs(&name, &params).await.unwrap() }
    };
    let ten = logs(LogParams { tail_lines: Some(10), ..LogParams::default() }).await;
    assert_eq!(ten.lines().count(), 10);
    let minute = logs(LogParams { since_seconds: Some(60), ..LogParams::default() }).await;
    assert!((28..=32).contains(&minute.lines().count()), "{minute}");
    assert_eq!(logs(LogParams { limit_bytes: Some(100), ..LogParams::default() }).await.len(), 100);
}

#[tokio::test]
async fn a_rollout_of_an_image_nobody_pushed_is_stuck_while_the_old_pods_serve() {
    let bench = Bench::open().await;
    bench.cluster.lose_image("ghcr.io/acme/hermes:nope");
    bench.cluster.set_image("feeds", "hermes", "ghcr.io/acme/hermes:nope", "ci-deployer");
    bench.advance(Duration::from_secs(61));
    let status = bench.deployments().get("hermes").await.unwrap().status.unwrap();
    assert_eq!((status.ready_replicas, status.updated_replicas), (Some(3), Some(1)));
    let progressing =
        status.conditions.unwrap().into_iter().find(|it| it.type_.as_deref() == Some("Progressing")).unwrap();
    assert_eq!(progressing.reason.as_deref(), Some("ProgressDeadlineExceeded"));
    let pods = bench.pods().list(&ListParams::default().labels("app=hermes")).await.unwrap().items;
    let waiting = pods.iter().filter_map(|pod| {
        pod.status.as_ref()?.container_statuses.as_ref()?[0].state.as_ref()?.waiting.as_ref()?.reason.clone()
    });
    assert_eq!(waiting.collect::<Vec<_>>(), ["ImagePullBackOff"]);
}

#[tokio::test]
async fn pods_of_a_node_that_went_away_are_not_ready_and_cordoned_nodes_get_none() {
    let bench = Bench::open().await;
    bench.cluster.set_node_up("worker-2", false);
    let lost = bench.cluster.objects("pods").into_iter().filter(|pod| pod["spec"]["nodeName"] == "worker-2");
    assert!(lost.inspect(|pod| assert!(!controllers::is_ready(pod))).count() > 1);
    bench.cluster.set_node_up("worker-2", true);
    assert!(
        bench
            .cluster
            .objects("pods")
            .iter()
            .filter(|pod| pod["status"]["phase"] == "Running")
            .all(controllers::is_ready)
    );

    let cordon = json!({"spec": {"unschedulable": true}});
    Api::<Node>::all(bench.client.clone())
        .patch("worker-1", &PatchParams::default(), &Patch::Strategic(cordon))
        .await
        .unwrap();
    let patch = json!({"spec": {"replicas": 12}});
    bench.deployments().patch_scale("keeper", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    let keepers = bench.pods().list(&ListParams::default().labels("app=keeper")).await.unwrap().items;
    let fresh =
        keepers.iter().filter(|pod| pod.spec.as_ref().unwrap().node_name.as_deref() == Some("worker-1")).count();
    assert!(keepers.len() == 12 && fresh <= 1);
}

#[tokio::test]
async fn a_cron_job_runs_on_time_or_when_made_by_hand() {
    let bench = Bench::open().await;
    bench.advance(Duration::from_mins(10));
    let jobs = Api::<Job>::namespaced(bench.client.clone(), "feeds");
    let scheduled = jobs.list(&ListParams::default()).await.unwrap().items;
    assert!(!scheduled.is_empty() && scheduled.iter().all(|job| job.status.as_ref().unwrap().succeeded == Some(1)));
    let cron = Api::<CronJob>::namespaced(bench.client.clone(), "feeds").get("report-publishers").await.unwrap();
    let spec = cron.spec.job_template.spec;
    let by_hand: Job =
        serde_json::from_value(json!({"metadata": {"generateName": "report-publishers-manual-"}, "spec": spec}))
            .unwrap();
    let made = jobs.create(&PostParams::default(), &by_hand).await.unwrap();
    let made = jobs.get(made.metadata.name.as_deref().unwrap()).await.unwrap();
    assert_eq!(made.status.unwrap().succeeded, Some(1));
}

#[tokio::test]
async fn a_role_limits_what_the_token_may_do_and_says_so_when_asked() {
    let bench = Bench::open().await;
    bench.cluster.set_role(vec![Rule::new(&[""], &["pods"], &["get", "list"])]);
    bench.pods().list(&ListParams::default()).await.unwrap();
    let (code, _, message) = status(bench.deployments().list(&ListParams::default()).await.unwrap_err());
    assert_eq!(code, 403);
    assert_eq!(
        message,
        "deployments is forbidden: User \"system:serviceaccount:watchkeeper:watchkeeper\" cannot list resource \
         \"deployments\" in API group \"apps\" in the namespace \"feeds\""
    );
    let review: SelfSubjectRulesReview = serde_json::from_value(json!({"spec": {"namespace": "feeds"}})).unwrap();
    let answer =
        Api::<SelfSubjectRulesReview>::all(bench.client.clone()).create(&PostParams::default(), &review).await.unwrap();
    let rules = answer.status.unwrap().resource_rules;
    assert_eq!(rules[0].resources.as_deref(), Some(["pods".to_owned()].as_slice()));
}

#[tokio::test]
async fn secrets_are_never_given_out_and_whoever_asks_is_seen() {
    let bench = Bench::open().await;
    let secrets = Api::<Secret>::all(bench.client.clone()).list(&ListParams::default()).await.unwrap_err();
    assert_eq!(status(secrets).0, 403);
    assert_eq!(bench.cluster.asked(), [Asked { verb: "list", resource: "secrets".to_owned() }]);
}

#[tokio::test]
async fn the_way_to_the_server_fails_as_told() {
    let bench = Bench::open().await;
    bench.cluster.faults(|faults| faults.next("pods", 1, Failure::TooMany { retry_after: 3 }));
    assert_eq!(status(bench.pods().list(&ListParams::default()).await.unwrap_err()).0, 429);
    bench.cluster.faults(|faults| faults.every("pods", Failure::Status(503)));
    assert_eq!(status(bench.pods().list(&ListParams::default()).await.unwrap_err()).0, 503);
    bench.deployments().list(&ListParams::default()).await.unwrap();
    bench.cluster.faults(Faults::clear);
    bench.cluster.faults(|faults| faults.next("*", 1, Failure::Disconnect));
    assert!(!matches!(bench.pods().list(&ListParams::default()).await.unwrap_err(), kube::Error::Api(_)));
    bench.pods().list(&ListParams::default()).await.unwrap();
    bench.cluster.outage(true);
    assert!(!matches!(bench.pods().list(&ListParams::default()).await.unwrap_err(), kube::Error::Api(_)));
    bench.cluster.outage(false);
    bench.pods().list(&ListParams::default()).await.unwrap();
}
