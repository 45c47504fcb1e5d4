//! What is done to objects of a real API server: its validation, its dry runs, its preconditions, its RBAC.

use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use watchkeeper::cluster::write::Hands;
use watchkeeper::cluster::{Access, Clusters, Settings};
use watchkeeper::core::action::approval::Approved;
use watchkeeper::core::action::found::{CannotPlan, Settled};
use watchkeeper::core::action::journal::Tried;
use watchkeeper::core::action::kind::{Action, Kind};
use watchkeeper::core::action::plan::{Plan, Preview, Write};
use watchkeeper::core::action::rbac;
use watchkeeper::core::action::target::Target;
use watchkeeper::core::time::Timestamp;

use crate::support::TestClock;
use crate::support::approval::approved;
use crate::support::kube::{ACTOR, ADMIN, Kube};

const STAMP: Timestamp = Timestamp::from_secs(1_800_000_000);

struct Story {
    kube: Kube,
    hands: Hands,
}

impl Story {
    async fn begin(user: &str) -> Self {
        let kube = Kube::namespace().await;
        let settings = Settings {
            name: "prod".into(),
            access: Access::Kubeconfig { path: kube.kubeconfig(user), context: None },
            include: Vec::new(),
            exclude: Vec::new(),
            owner_label: "team".to_owned(),
            kinds: Vec::new(),
            logs: false,
            events: false,
        };
        // As the server's, by which it stamps what it makes.
        let clock = TestClock::new();
        Self { hands: Hands::new(Clusters::new(vec![settings]), clock), kube }
    }

    /// `Deployment/hermes` in the story's namespace.
    fn target(&self, name: &str) -> Target {
        let place = if name.starts_with("Node/") { "prod".to_owned() } else { format!("prod/{}", self.kube.namespace) };
        format!("{place}/{name}").parse().unwrap()
    }

    async fn preview(&self, action: &Action, target: &str) -> Result<Preview, CannotPlan> {
        self.hands.preview(action, &self.target(target), STAMP).await
    }

    async fn plan(&self, action: Action, target: &str) -> Approved<Plan> {
        let preview = self.preview(&action, target).await.unwrap();
        approved(action, self.target(target), preview)
    }

    /// Does all of it, twice: the second time changes nothing.
    async fn done(&self, action: Action, target: &str) -> Approved<Plan> {
        let plan = self.plan(action, target).await;
        for step in 0..plan.preview.changes.len() {
            self.succeeds(&plan, step).await;
            self.succeeds(&plan, step).await;
            let seen = self.hands.observe(&plan, step, STAMP).await;
            assert!(matches!(seen, Tried::Succeeded { .. }), "{seen:?}");
        }
        plan
    }

    async fn succeeds(&self, plan: &Approved<Plan>, step: usize) {
        let tried = self.hands.carry_out(plan, step, STAMP).await;
        assert!(matches!(tried, Tried::Succeeded { .. }), "{step}: {tried:?}");
    }

    async fn get(&self, api_version: &str, kind: &str, name: &str) -> Value {
        let object = self.kube.api(api_version, kind).await.get(name).await.unwrap();
        serde_json::to_value(object).unwrap()
    }

    async fn deployment(&self, image: &str) -> DynamicObject {
        self.kube
            .create(&json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hermes"},
                "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "hermes"}}, "template": template(image)},
            }))
            .await
    }

    async fn deployments(&self) -> Api<DynamicObject> {
        self.kube.api("apps/v1", "Deployment").await
    }
}

fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "hermes"}},
        "spec": {"containers": [{"name": "hermes", "image": image, "env": [{"name": "KEY", "value": image}]}]},
    })
}

fn pod(name: &str, node: &str, owner: Option<&DynamicObject>) -> Value {
    let owners: Vec<Value> = owner
        .iter()
        .map(|it| {
            let (name, uid) = (&it.metadata.name, &it.metadata.uid);
            json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": uid, "controller": true})
        })
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "hermes"}, "ownerReferences": owners},
        "spec": {"nodeName": node, "containers": [{"name": "hermes", "image": "hermes:1"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn a_preview_leaves_no_trace_and_a_restart_is_one_change_however_often_it_is_sent() {
    let story = Story::begin(ADMIN).await;
    let made = story.deployment("hermes:1").await;
    story.preview(&Action::Restart, "Deployment/hermes").await.unwrap();
    let after = story.get("apps/v1", "Deployment", "hermes").await;
    assert_eq!(after["metadata"]["resourceVersion"].as_str(), made.metadata.resource_version.as_deref());
    story.done(Action::Restart, "Deployment/hermes").await;
    let after = story.get("apps/v1", "Deployment", "hermes").await;
    assert_eq!(after["metadata"]["generation"], 2);
    let annotations = &after["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(annotations["kubectl.kubernetes.io/restartedAt"], STAMP.to_string());
    let managers = after["metadata"]["managedFields"].as_array().unwrap();
    assert!(managers.iter().any(|it| it["manager"] == "watchkeeper"), "{managers:?}");
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn what_a_controller_writes_meanwhile_is_no_conflict_and_what_a_person_writes_is() {
    let story = Story::begin(ADMIN).await;
    story.deployment("hermes:1").await;
    let plan = story.plan(Action::Restart, "Deployment/hermes").await;
    let deployments = story.deployments().await;
    story.kube.set_status(&deployments, "hermes", &json!({"observedGeneration": 1, "replicas": 3})).await;
    story.succeeds(&plan, 0).await;
    let plan = story.plan(Action::Restart, "Deployment/hermes").await;
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "hermes", "image": "hermes:2"}]}}}});
    deployments.patch("hermes", &PatchParams::default(), &Patch::Strategic(image)).await.unwrap();
    let tried = story.hands.carry_out(&plan, 0, STAMP.plus(Duration::from_secs(1))).await;
    assert_eq!(tried, Tried::Failed { why: "its pod template was changed since it was approved".to_owned() });
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn the_server_itself_refuses_a_write_with_an_old_version_or_anothers_uid() {
    let story = Story::begin(ADMIN).await;
    let made = story.deployment("hermes:1").await;
    let deployments = story.deployments().await;
    story.kube.set_status(&deployments, "hermes", &json!({"observedGeneration": 1})).await;
    let code = async |meta: Value| {
        let patch = Patch::Merge(json!({"metadata": meta, "spec": {"paused": true}}));
        match deployments.patch("hermes", &PatchParams::default(), &patch).await.unwrap_err() {
            kube::Error::Api(status) => status.code,
            other => panic!("{other}"),
        }
    };
    let old = made.metadata.resource_version.unwrap();
    assert_eq!(code(json!({"resourceVersion": old})).await, 409);
    let other = "11111111-2222-3333-4444-555555555555";
    assert!([409, 422].contains(&code(json!({"uid": other})).await));
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn an_object_that_was_made_anew_is_not_the_one_that_was_approved() {
    let story = Story::begin(ADMIN).await;
    story.deployment("hermes:1").await;
    let plan = story.plan(Action::PauseRollout, "Deployment/hermes").await;
    story.deployments().await.delete("hermes", &DeleteParams::default()).await.unwrap();
    let gone = story.hands.carry_out(&plan, 0, STAMP).await;
    assert_eq!(gone, Tried::Failed { why: "it is no longer there".to_owned() });
    story.deployment("hermes:1").await;
    let other = story.hands.carry_out(&plan, 0, STAMP).await;
    assert!(matches!(&other, Tried::Failed { why } if why.contains("another object")), "{other:?}");
    assert!(story.get("apps/v1", "Deployment", "hermes").await["spec"].get("paused").is_none());
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn scaling_writes_the_scale_alone_and_goes_back_by_its_second_step() {
    let story = Story::begin(ADMIN).await;
    story.deployment("hermes:1").await;
    let back_after = Some("1h".parse().unwrap());
    let plan = story.plan(Action::Scale { replicas: 5, back_after }, "Deployment/hermes").await;
    for (step, replicas) in [(0, 5), (1, 3)] {
        story.succeeds(&plan, step).await;
        assert_eq!(story.get("apps/v1", "Deployment", "hermes").await["spec"]["replicas"], replicas);
    }
    assert!(matches!(story.hands.settled(&plan).await, Settled::Failed { .. }), "it is back, and no longer at five");
    let refused = story.preview(&Action::Scale { replicas: 3, back_after: None }, "Deployment/hermes").await;
    assert!(matches!(refused, Err(CannotPlan::NothingToDo(_))), "{refused:?}");
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn a_rollback_makes_the_template_exactly_what_it_was() {
    let story = Story::begin(ADMIN).await;
    let deployment = story.deployment("hermes:2").await;
    for (revision, image) in [("1", "hermes:1"), ("2", "hermes:2")] {
        let mut template = template(image);
        template["metadata"]["labels"]["pod-template-hash"] = revision.into();
        if revision == "1" {
            template["spec"]["nodeSelector"] = json!({"disk": "ssd"});
        }
        let owner = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "hermes", "uid": deployment.metadata.uid,
            "controller": true,
        });
        story
            .kube
            .create(&json!({
                "apiVersion": "apps/v1", "kind": "ReplicaSet",
                "metadata": {
                    "name": format!("hermes-{revision}"), "ownerReferences": [owner],
                    "annotations": {"deployment.kubernetes.io/revision": revision, "kubernetes.io/change-cause": "first"},
                },
                "spec": {
                    "replicas": 0, "template": template,
                    "selector": {"matchLabels": {"app": "hermes", "pod-template-hash": revision}},
                },
            }))
            .await;
    }
    let plan = story.done(Action::Rollback { revision: None }, "Deployment/hermes").await;
    let change = &plan.preview.changes[0];
    assert!(change.old.contains("image of hermes: hermes:2") && change.new.contains("image of hermes: hermes:1"));
    assert!(
        change.new.contains("variable KEY of hermes: as then") && change.new.contains("nodeSelector"),
        "{change:?}"
    );
    let after = story.get("apps/v1", "Deployment", "hermes").await;
    let wanted = story.get("apps/v1", "ReplicaSet", "hermes-1").await;
    assert_eq!(after["spec"]["template"]["spec"], wanted["spec"]["template"]["spec"]);
    assert!(after["spec"]["template"]["metadata"]["labels"].get("pod-template-hash").is_none());
    assert_eq!(after["metadata"]["annotations"]["kubernetes.io/change-cause"], "first");
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn jobs_that_are_made_are_valid_belong_to_their_cron_job_and_are_made_once() {
    let story = Story::begin(ADMIN).await;
    let pod = json!({"spec": {"containers": [{"name": "x", "image": "reports:1"}], "restartPolicy": "Never"}});
    story
        .kube
        .create(&json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "report"},
            "spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"backoffLimit": 0, "template": pod}}},
        }))
        .await;
    let plan = story.done(Action::RunJob, "CronJob/report").await;
    let name = format!("report-{}", plan.digest().short());
    let job = story.get("batch/v1", "Job", &name).await;
    assert_eq!(job["metadata"]["ownerReferences"][0]["name"], "report");
    assert!(matches!(story.hands.settled(&plan).await, Settled::Progress { .. }));
    let jobs = story.kube.api("batch/v1", "Job").await;
    let failed = json!({
        "startTime": "2026-11-29T10:00:00Z", "failed": 1,
        "conditions": [
            {"type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": "2026-11-29T10:00:00Z"},
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": "2026-11-29T10:00:00Z"},
        ],
    });
    story.kube.set_status(&jobs, &name, &failed).await;
    assert!(matches!(story.hands.settled(&plan).await, Settled::Failed { .. }));
    let again = story.done(Action::RunJob, &format!("Job/{name}")).await;
    let made = jobs.list(&kube::api::ListParams::default()).await.unwrap().items;
    assert_eq!(made.len(), 2, "the one that failed, and one more");
    assert_ne!(again.digest(), plan.digest());
    story.done(Action::SuspendCronjob, "CronJob/report").await;
    story.done(Action::ResumeCronjob, "CronJob/report").await;
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn a_drain_waits_for_the_budget_and_evicts_the_very_pods_that_were_shown() {
    let story = Story::begin(ADMIN).await;
    let node = format!("node-of-{}", story.kube.namespace);
    story.kube.create(&json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})).await;
    let set = story
        .kube
        .create(&json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "hermes"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "hermes"}}, "template": template("hermes:1")},
        }))
        .await;
    story.kube.create(&pod("hermes-a", &node, Some(&set))).await;
    let budget = |allowed: i32| {
        json!({
            "disruptionsAllowed": allowed, "currentHealthy": 1 + allowed, "desiredHealthy": 1, "expectedPods": 1, "observedGeneration": 1,
        })
    };
    story
        .kube
        .create(&json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "hermes"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "hermes"}}}, "status": budget(0),
        }))
        .await;
    let target = format!("Node/{node}");
    let plan = story.plan(Action::Drain { delete_empty_dir: false }, &target).await;
    assert!(matches!(plan.preview.changes.as_slice(), [cordon, pod]
        if cordon.write == Write::Unschedulable { unschedulable: true } && pod.write == Write::Evict));
    assert!(
        plan.preview.warnings.iter().any(|it| it.contains("none of 1 may be down now")),
        "{:?}",
        plan.preview.warnings
    );
    story.succeeds(&plan, 0).await;
    let held = story.hands.carry_out(&plan, 1, STAMP).await;
    assert!(matches!(&held, Tried::Blocked { why } if why.contains("disruption budget hermes")), "{held:?}");
    let budgets = story.kube.api("policy/v1", "PodDisruptionBudget").await;
    story.kube.set_status(&budgets, "hermes", &budget(1)).await;
    story.succeeds(&plan, 1).await;
    assert!(matches!(story.hands.settled(&plan).await, Settled::Progress { .. }), "no kubelet lets it go here");
    let pods = story.kube.api("v1", "Pod").await;
    let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    pods.delete("hermes-a", &at_once).await.unwrap();
    assert!(matches!(story.hands.settled(&plan).await, Settled::Done { .. }));
    // Its successor of the same name is another pod.
    story.kube.create(&pod("hermes-a", &node, Some(&set))).await;
    story.succeeds(&plan, 1).await;
    assert!(story.get("v1", "Pod", "hermes-a").await["metadata"].get("deletionTimestamp").is_none());
    story.done(Action::Uncordon, &target).await;
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn a_pod_is_deleted_only_while_it_is_the_one_that_was_shown() {
    let story = Story::begin(ADMIN).await;
    let set = story
        .kube
        .create(&json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "hermes"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "hermes"}}, "template": template("hermes:1")},
        }))
        .await;
    story.kube.create(&pod("hermes-a", "somewhere", Some(&set))).await;
    let plan = story.plan(Action::DeletePod, "Pod/hermes-a").await;
    let before = story.get("v1", "Pod", "hermes-a").await;
    assert!(before["metadata"].get("deletionTimestamp").is_none(), "the dry run deleted nothing");
    story.succeeds(&plan, 0).await;
    assert!(story.get("v1", "Pod", "hermes-a").await["metadata"]["deletionTimestamp"].is_string());
}

const DEFINED: [(&str, &str, &str); 3] = [
    ("argoproj.io/v1alpha1", "Application", "applications"),
    ("argoproj.io/v1alpha1", "Rollout", "rollouts"),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "kustomizations"),
];

/// An application out of sync, an update at a pause, a reconciliation.
async fn declare(story: &Story) {
    story.kube.define(&DEFINED).await;
    let source = json!({"repoURL": "https://github.com/acme/infra", "path": "prices", "targetRevision": "main"});
    let status = json!({
        "sync": {"status": "OutOfSync", "revision": "4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40"}, "health": {"status": "Healthy"},
        "history": [{"id": 1, "revision": "aa", "source": source}, {"id": 2, "revision": "bb", "source": source}],
        "resources": [{"kind": "Deployment", "namespace": "feeds", "name": "hermes", "status": "OutOfSync"}],
    });
    story
        .kube
        .create(&json!({
            "apiVersion": DEFINED[0].0, "kind": DEFINED[0].1, "metadata": {"name": "prices"},
            "spec": {"project": "default", "source": source}, "status": status,
        }))
        .await;
    story
        .kube
        .create(&json!({
            "apiVersion": DEFINED[1].0, "kind": DEFINED[1].1, "metadata": {"name": "fortuna"},
            "spec": {"replicas": 1, "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}}},
            "status": {
                "currentPodHash": "new", "stableRS": "old", "phase": "Paused", "currentStepIndex": 1,
                "pauseConditions": [{"reason": "CanaryPauseStep"}],
            },
        }))
        .await;
    story
        .kube
        .create(&json!({
            "apiVersion": DEFINED[2].0, "kind": DEFINED[2].1, "metadata": {"name": "base"},
            "spec": {"interval": "10m"},
        }))
        .await;
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn the_tools_find_in_their_objects_what_they_were_asked_for() {
    let story = Story::begin(ADMIN).await;
    declare(&story).await;
    let plan = story.done(Action::Sync { prune: false }, "Application/prices").await;
    let operation = story.get(DEFINED[0].0, DEFINED[0].1, "prices").await["operation"].clone();
    assert_eq!(operation["sync"]["revision"], "4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40");
    assert_eq!(operation["info"][0]["value"], plan.digest().short());
    assert!(matches!(story.hands.settled(&plan).await, Settled::Progress { .. }), "no Argo CD takes it here");
    let other = story.preview(&Action::RollbackApp { id: None }, "Application/prices").await.unwrap_err();
    assert!(other.to_string().contains("another operation waits"), "{other}");
    story.done(Action::Refresh { hard: true }, "Application/prices").await;
    story.done(Action::Promote { full: false }, "Rollout/fortuna").await;
    let rollout = story.get(DEFINED[1].0, DEFINED[1].1, "fortuna").await;
    assert!(
        rollout["status"].get("pauseConditions").is_none() && rollout["status"]["currentStepIndex"] == 1,
        "{rollout}"
    );
    story.done(Action::Abort, "Rollout/fortuna").await;
    story.done(Action::Retry, "Rollout/fortuna").await;
    story.done(Action::Reconcile, "Kustomization/base").await;
    let base = story.get(DEFINED[2].0, DEFINED[2].1, "base").await;
    assert_eq!(base["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"], STAMP.to_string());
    story.done(Action::SuspendReconcile { back_after: None }, "Kustomization/base").await;
    story.done(Action::ResumeReconcile, "Kustomization/base").await;
}

/// Lets [`ACTOR`] do what these rules say, everywhere.
async fn grant(story: &Story, kind: Kind, writes: bool) {
    let rules: Vec<Value> = rbac::rules(kind)
        .iter()
        .map(|rule| {
            let verbs: Vec<_> = rule.verbs.iter().filter(|verb| writes || ["get", "list"].contains(*verb)).collect();
            json!({"apiGroups": [rule.group], "resources": rule.resources, "verbs": verbs})
        })
        .collect();
    let rules: Vec<Value> = rules.into_iter().filter(|rule| rule["verbs"] != json!([])).collect();
    let held = story.kube.api("rbac.authorization.k8s.io/v1", "ClusterRole").await;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "actor"}, "rules": rules,
    });
    held.patch("actor", &PatchParams::apply("story").force(), &Patch::Apply(&role)).await.unwrap();
    let bindings = story.kube.api("rbac.authorization.k8s.io/v1", "ClusterRoleBinding").await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "actor"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "actor"},
        "subjects": [{"kind": "User", "name": ACTOR, "apiGroup": "rbac.authorization.k8s.io"}],
    });
    bindings.patch("actor", &PatchParams::apply("story").force(), &Patch::Apply(&binding)).await.unwrap();
}

/// One of each kind of object is enough for one of each kind of action.
fn example(kind: Kind, node: &str) -> (Action, String) {
    let (action, target) = match kind {
        Kind::Restart => (Action::Restart, "Deployment/hermes"),
        Kind::Scale => (Action::Scale { replicas: 7, back_after: None }, "Deployment/hermes"),
        Kind::Rollback => (Action::Rollback { revision: None }, "Deployment/hermes"),
        Kind::PauseRollout => (Action::PauseRollout, "Deployment/hermes"),
        Kind::ResumeRollout => (Action::ResumeRollout, "Deployment/hermes"),
        Kind::DeletePod => (Action::DeletePod, "Pod/hermes-a"),
        Kind::RunJob => (Action::RunJob, "CronJob/report"),
        Kind::SuspendCronjob => (Action::SuspendCronjob, "CronJob/report"),
        Kind::ResumeCronjob => (Action::ResumeCronjob, "CronJob/report"),
        Kind::Cordon => (Action::Cordon, node),
        Kind::Uncordon => (Action::Uncordon, node),
        Kind::Drain => (Action::Drain { delete_empty_dir: false }, node),
        Kind::Sync => (Action::Sync { prune: false }, "Application/prices"),
        Kind::Refresh => (Action::Refresh { hard: false }, "Application/prices"),
        Kind::RollbackApp => (Action::RollbackApp { id: None }, "Application/prices"),
        Kind::Promote => (Action::Promote { full: false }, "Rollout/fortuna"),
        Kind::Abort => (Action::Abort, "Rollout/fortuna"),
        Kind::Retry => (Action::Retry, "Rollout/fortuna"),
        Kind::Reconcile => (Action::Reconcile, "Kustomization/base"),
        Kind::SuspendReconcile => (Action::SuspendReconcile { back_after: None }, "Kustomization/base"),
        Kind::ResumeReconcile => (Action::ResumeReconcile, "Kustomization/base"),
        Kind::Dispatch => panic!("it is in no cluster"),
        Kind::TopUp => unreachable!("not in a cluster"),
    };
    (action, target.to_owned())
}

/// In an order in which each makes the next possible.
const ORDER: [Kind; 21] = [
    Kind::Restart,
    Kind::Scale,
    Kind::Rollback,
    Kind::PauseRollout,
    Kind::ResumeRollout,
    Kind::RunJob,
    Kind::SuspendCronjob,
    Kind::ResumeCronjob,
    Kind::Cordon,
    Kind::Uncordon,
    Kind::Drain,
    Kind::DeletePod,
    Kind::Refresh,
    Kind::RollbackApp,
    Kind::Sync,
    Kind::Promote,
    Kind::Abort,
    Kind::Retry,
    Kind::Reconcile,
    Kind::SuspendReconcile,
    Kind::ResumeReconcile,
];

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn every_action_is_possible_with_the_rules_that_are_printed_for_it_and_with_no_fewer() {
    let story = Story::begin(ACTOR).await;
    let node = format!("node-of-{}", story.kube.namespace);
    story.kube.create(&json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})).await;
    let deployment = story.deployment("hermes:2").await;
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "hermes", "uid": deployment.metadata.uid, "controller": true,
    });
    let set = story
        .kube
        .create(&json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": "hermes-1", "ownerReferences": [owner], "annotations": {"deployment.kubernetes.io/revision": "1"},
            },
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "hermes"}}, "template": template("hermes:1")},
        }))
        .await;
    for name in ["hermes-a", "hermes-b"] {
        let place = if name == "hermes-b" { &node } else { "somewhere" };
        story.kube.create(&pod(name, place, Some(&set))).await;
    }
    let job = json!({"spec": {"containers": [{"name": "x", "image": "reports:1"}], "restartPolicy": "Never"}});
    story
        .kube
        .create(&json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "report"},
            "spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": job}}},
        }))
        .await;
    declare(&story).await;
    let node = format!("Node/{node}");
    for kind in ORDER {
        let (action, target) = example(kind, &node);
        grant(&story, kind, false).await;
        // What was granted is known to the server a moment later.
        let refused = until(
            || story.preview(&action, &target),
            |it| matches!(it, Err(CannotPlan::Forbidden { rule, .. }) if ["patch", "create", "delete"].iter().any(|verb| rule.ends_with(verb))),
        );
        refused.await;
        grant(&story, kind, true).await;
        until(|| story.preview(&action, &target), Result::is_ok).await;
        let plan = story.plan(action, &target).await;
        for step in 0..plan.preview.changes.len() {
            story.succeeds(&plan, step).await;
        }
        let settled = story.hands.settled(&plan).await;
        assert!(!matches!(settled, Settled::Failed { .. }), "{kind:?}: {settled:?}");
        if kind == Kind::RollbackApp {
            // As Argo CD takes it up.
            let applications = story.kube.api(DEFINED[0].0, DEFINED[0].1).await;
            let taken = Patch::Merge(json!({"operation": null}));
            applications.patch("prices", &PatchParams::default(), &taken).await.unwrap();
        }
    }
}

async fn until<T: std::fmt::Debug, F: Future<Output = T>>(look: impl Fn() -> F, so: impl Fn(&T) -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let mut seen = None;
    for _ in 0..200 {
        looks.tick().await;
        let now = look().await;
        if so(&now) {
            return;
        }
        seen = Some(now);
    }
    panic!("it stays {seen:?}");
}
