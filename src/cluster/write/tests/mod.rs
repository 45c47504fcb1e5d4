//! Every kind of action against the local cluster: planned, carried out, repeated, observed, settled, and taken back.

mod gitops;
mod nodes;
mod trouble;
mod workloads;

use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::clock::Clock;
use crate::cluster::{Access, Settings};
use crate::core::action::approval::{Gate, Release, release, under_way};
use crate::core::action::kind::Kind;
use crate::core::action::plan::Undo;
use crate::core::action::policy::{Policy, Roster};
use crate::core::action::request::Draft;
use crate::core::action::testing;
use crate::core::ids::RequestId;
use crate::core::time::Span;
use crate::sim::cluster::{self, Handle};

/// Monday 08:00 UTC, between two runs of the CronJob.
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_795_521_660);

/// Stands still.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
}

pub(super) struct Bench {
    pub sim: Handle,
    pub hands: Hands,
    _files: tempfile::TempDir,
}

impl Bench {
    pub async fn open() -> Self {
        // Another test may have been first.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let sim = cluster::start(cluster::Config::by_hand(std::sync::Arc::new(Still))).await.unwrap();
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join("kubeconfig");
        sim.write_kubeconfig("local", &path).unwrap();
        let settings = Settings {
            name: "prod".into(),
            access: Access::Kubeconfig { path, context: None },
            include: Vec::new(),
            exclude: Vec::new(),
            owner_label: "team".to_owned(),
            kinds: Vec::new(),
            logs: false,
            events: false,
        };
        let hands = Hands::new(Clusters::new(vec![settings]), std::sync::Arc::new(Still));
        Self { sim, hands, _files: files }
    }

    pub async fn preview(&self, action: &Action, target: &str) -> Result<Preview, CannotPlan> {
        self.hands.preview(action, &target.parse().unwrap(), NOW).await
    }

    /// Why there is no plan.
    pub async fn refused(&self, action: &Action, target: &str) -> String {
        self.preview(action, target).await.unwrap_err().to_string()
    }

    pub async fn plan(&self, action: Action, target: &str) -> Approved<Plan> {
        let preview = self.preview(&action, target).await.unwrap();
        approved(action, target, preview)
    }

    /// Plans and does all of it, and expects every step to succeed and to settle.
    pub async fn done(&self, action: Action, target: &str) -> Approved<Plan> {
        let plan = self.plan(action, target).await;
        for step in 0..plan.preview.changes.len() {
            let tried = self.hands.carry_out(&plan, step, NOW).await;
            assert!(matches!(tried, Tried::Succeeded { .. }), "{step}: {tried:?}");
        }
        self.settles(&plan).await;
        plan
    }

    pub async fn settles(&self, plan: &Approved<Plan>) -> String {
        self.sim.tick();
        match self.hands.settled(plan).await {
            Settled::Done { note } => note,
            other => panic!("{other:?}"),
        }
    }

    /// The undo, as another action on the same target.
    pub async fn undo(&self, plan: &Plan) {
        let Undo::By { action } = plan.preview.undo.clone() else { panic!("{:?}", plan.preview.undo) };
        self.done(action, &plan.target.to_string()).await;
    }

    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Value {
        self.sim.object(plural, namespace, name).unwrap()
    }

    /// Names of pods with this label `app`.
    pub fn pods(&self, app: &str) -> Vec<String> {
        let pods = self.sim.objects("pods").into_iter().filter(|pod| pod["metadata"]["labels"]["app"] == app);
        pods.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// As if Bob had said yes to what Ann asked for, and it had begun.
pub(super) fn approved(action: Action, target: &str, preview: Preview) -> Approved<Plan> {
    let mut rule = testing::rule();
    (rule.actions, rule.namespaces, rule.kinds) = (Kind::ALL.to_vec(), vec!["*".to_owned()], Vec::new());
    (rule.quorum, rule.on_call) = (Some(1), Some(false));
    let policy = Policy { rules: vec![rule], ..testing::policy() };
    let roster: Roster = testing::roster();
    let plan = Plan { action, target: target.parse().unwrap(), preview, policy: policy.version(), ..testing::plan() };
    let draft = Draft { id: RequestId::new("01REQ"), plan: plan.clone(), asked: testing::asked() };
    let (now, digest) = (testing::NOW, plan.digest());
    let request = draft.open(7).approve(&testing::person("U0BOB"), &digest, &policy, &roster, now).unwrap();
    let gate = Gate { policy: &policy, roster: &roster, freeze: None, begun: &[], now };
    let Release::Go(request) = release(request, plan, &gate) else { panic!() };
    under_way(&request).unwrap()
}

pub(super) fn scale(replicas: u32) -> Action {
    Action::Scale { replicas, back_after: None }
}

pub(super) fn hour() -> Span {
    Span::from_secs(3600)
}

pub(super) fn succeeded(tried: &Tried) -> bool {
    matches!(tried, Tried::Succeeded { .. })
}
