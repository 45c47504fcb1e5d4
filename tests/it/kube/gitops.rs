//! What Git declares, as the tools' objects in a real API server say it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchkeeper::config::Config;
use watchkeeper::config::clusters::{Cluster, Namespaces};
use watchkeeper::core::detect::RuleConfig;
use watchkeeper::core::gitops::Kind;
use watchkeeper::core::gitops::apps::{Apps, Event};
use watchkeeper::core::time::Span;

use crate::support::kube::{ADMIN, Kube, WATCHER};
use crate::support::{Bot, Database};

const APPLICATION: (&str, &str, &str) = ("argoproj.io/v1alpha1", "Application", "applications");
const ROLLOUT: (&str, &str, &str) = ("argoproj.io/v1alpha1", "Rollout", "rollouts");
const KUSTOMIZATION: (&str, &str, &str) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "kustomizations");
const REPOSITORY: (&str, &str, &str) = ("source.toolkit.fluxcd.io/v1", "GitRepository", "gitrepositories");
const SHA: &str = "4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40";

/// A bot that follows the story's namespace.
struct Followed {
    bot: Bot,
    kube: Kube,
    news: mpsc::Receiver<Event>,
    stop: CancellationToken,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Followed {
    async fn start(kube: Kube, user: &str) -> Self {
        let cluster = Cluster {
            namespaces: Namespaces { include: vec![kube.namespace.clone()], exclude: Vec::new() },
            ..Cluster::by_kubeconfig("prod", kube.kubeconfig(user))
        };
        let soon = RuleConfig { pending_for: Some(Span::from_secs(5)), ..RuleConfig::default() };
        let configure = |config: &mut Config| {
            config.clusters = vec![cluster];
            config.gitops.sync_failed = RuleConfig { keep_firing_for: Some(Span::from_secs(5)), ..soon.clone() };
            config.gitops.source_failed = RuleConfig { pending_for: Some(Span::from_secs(2)), ..soon };
        };
        let bot = Bot::with(Database::sqlite(), configure).await;
        let (out, news) = mpsc::channel(256);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        bot.flow.clusters.watch_gitops(&out, &bot.flow.clock, 7, &tasks, &stop);
        Self { bot, kube, news, stop }
    }

    /// Takes news in, and moves time while none comes, until `done`.
    async fn until(&mut self, what: &str, done: impl Fn(&Apps) -> bool) {
        let waited = async {
            while !self.bot.flow.with_apps(&done) {
                match tokio::time::timeout(Duration::from_millis(5), self.news.recv()).await {
                    Ok(event) => self.bot.flow.observe_gitops(vec![event.unwrap()]),
                    Err(_) => self.bot.clock.advance(Duration::from_millis(200)),
                }
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), waited).await.is_ok();
        assert!(waited, "{what}: {}", self.bot.flow.with_apps(|apps| format!("{apps:#?}")));
    }

    async fn knows(&mut self, name: &str) {
        self.until(name, |apps| apps.views().any(|view| view.app.id.name == name)).await;
    }

    async fn ask(&self, line: &str) -> String {
        self.bot.type_in("alice", line).await
    }
}

fn application(name: &str, status: &Value) -> Value {
    json!({
        "apiVersion": APPLICATION.0, "kind": APPLICATION.1,
        "metadata": {"name": name, "labels": {"team": "oracle"}},
        "spec": {
            "project": "default", "destination": {"namespace": "prices"},
            "source": {"repoURL": "https://github.com/pyth/infra.git", "path": "apps/prices", "targetRevision": "main"},
        },
        "status": status,
    })
}

fn synced() -> Value {
    json!({
        "sync": {"status": "Synced", "revision": SHA}, "health": {"status": "Healthy"},
        "summary": {"images": ["ghcr.io/pyth/hermes:v0.10.1"]},
    })
}

fn broken(message: &str) -> Value {
    json!({
        "sync": {"status": "OutOfSync", "revision": SHA}, "health": {"status": "Healthy"},
        "operationState": {"phase": "Failed", "message": message},
    })
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn an_application_that_cannot_sync_becomes_a_message_with_its_cause_until_it_can() {
    let kube = Kube::namespace().await;
    kube.define(&[APPLICATION]).await;
    kube.create(&application("prices", &broken("spec.selector: field is immutable"))).await;
    let mut story = Followed::start(kube, ADMIN).await;
    story.knows("prices").await;
    story.bot.advance(20).await;
    let message = story.bot.alerts().concat();
    for part in ["prices in prod", "spec.selector: field is immutable", "oracle", "Commit 4f2c1ab"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let applications = story.kube.api(APPLICATION.0, APPLICATION.1).await;
    let mended = json!({"sync": {"status": "Synced"}, "operationState": {"phase": "Succeeded"}});
    story.kube.set_status(&applications, "prices", &mended).await;
    story.until("mended", |apps| apps.list(Some("healthy")).len() == 1).await;
    story.bot.advance(20).await;
    assert!(story.bot.alerts().concat().contains("Resolved"), "{:?}", story.bot.alerts());
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn apps_of_all_tools_are_listed_worst_first_and_shown_one_by_one() {
    let kube = Kube::namespace().await;
    kube.define(&[APPLICATION, ROLLOUT, KUSTOMIZATION]).await;
    kube.create(&application("prices", &synced())).await;
    kube.create(&application("hermes", &json!({"sync": "what", "health": [1, 2]}))).await;
    kube.create(&json!({
        "apiVersion": ROLLOUT.0, "kind": ROLLOUT.1, "metadata": {"name": "fortuna"},
        "spec": {"strategy": {"canary": {"steps": [{"setWeight": 20}]}}},
        "status": {"phase": "Degraded", "message": "RolloutAborted: errors", "abort": true},
    }))
    .await;
    let kustomization = json!({
        "apiVersion": KUSTOMIZATION.0, "kind": KUSTOMIZATION.1, "metadata": {"name": "base"},
        "spec": {"suspend": true},
    });
    kube.create(&kustomization).await;
    let mut story = Followed::start(kube, ADMIN).await;
    for name in ["prices", "hermes", "fortuna", "base"] {
        story.knows(name).await;
    }
    let list = story.ask("/wk apps").await;
    let places: Vec<_> = ["fortuna", "base", "hermes", "prices"].map(|name| list.find(name).unwrap()).into();
    assert!(places.is_sorted(), "{list}");
    let card = story.ask("/wk app prices").await;
    for part in ["in sync", "healthy", "ghcr.io/pyth/hermes:v0.10.1", "github.com/pyth/infra", "4f2c1ab"] {
        assert!(card.contains(part), "{part}: {card}");
    }
    assert!(story.ask("/wk app base").await.contains("Suspended"), "who suspended it is in its field managers");
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn a_source_that_fails_is_one_alert_and_not_one_for_everything_made_from_it() {
    let kube = Kube::namespace().await;
    kube.define(&[KUSTOMIZATION, REPOSITORY]).await;
    let conditions = |reason: &str, message: &str| {
        json!({"conditions": [{
            "type": "Ready", "status": "False", "reason": reason, "message": message,
            "lastTransitionTime": "2026-11-29T10:00:00Z",
        }]})
    };
    let repository = json!({
        "apiVersion": REPOSITORY.0, "kind": REPOSITORY.1, "metadata": {"name": "infra"},
        "spec": {"url": "https://github.com/pyth/infra"},
        "status": conditions("GitOperationFailed", "authentication required"),
    });
    kube.create(&repository).await;
    for name in ["prices", "hermes"] {
        let made = json!({
            "apiVersion": KUSTOMIZATION.0, "kind": KUSTOMIZATION.1, "metadata": {"name": name},
            "spec": {"sourceRef": {"kind": "GitRepository", "name": "infra"}},
            "status": conditions("ArtifactFailed", "Source artifact not found"),
        });
        kube.create(&made).await;
    }
    let mut story = Followed::start(kube, ADMIN).await;
    for name in ["infra", "prices", "hermes"] {
        story.knows(name).await;
    }
    story.bot.advance(30).await;
    let alerts = story.bot.alerts();
    assert!(alerts.len() == 1 && alerts[0].contains("authentication required"), "{alerts:#?}");
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn what_the_bot_may_not_read_is_said_and_no_empty_list_is_taken_for_a_good_one() {
    let kube = Kube::namespace().await;
    kube.define(&[APPLICATION]).await;
    let mut story = Followed::start(kube, WATCHER).await;
    let refused = |apps: &Apps| apps.blind_spots().any(|(scope, _)| scope.kind == Kind::Application);
    story.until("refused", refused).await;
    let answer = story.ask("/wk apps").await;
    assert!(answer.contains("may not read") && answer.contains("Application"), "{answer}");
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn a_tool_that_is_installed_later_is_noticed() {
    let kube = Kube::namespace().await;
    let mut story = Followed::start(kube, ADMIN).await;
    let release = ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "helmreleases");
    story.kube.define(&[release]).await;
    let object = json!({"apiVersion": release.0, "kind": release.1, "metadata": {"name": "redis"}, "spec": {}});
    story.kube.create(&object).await;
    story.knows("redis").await;
    let releases = story.kube.api(release.0, release.1).await;
    releases.delete("redis", &kube::api::DeleteParams::default()).await.unwrap();
    story.until("gone", |apps| apps.named("redis").is_empty()).await;
}
