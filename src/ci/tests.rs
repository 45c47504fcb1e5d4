//! Against a GitHub on loopback.

use std::pin::Pin;
use std::sync::Mutex;

use super::*;
use crate::clock::Clock;
use crate::core::action::kind::Action;
use crate::core::action::plan::Risk;
use crate::core::action::testing::{NOW, begun};
use crate::core::action::workflow::Input;
use crate::sim::github::{self, HEAD, Handle, LOGIN, REPOSITORY, WORKFLOW};

const OTHER: &str = "a0b1c2d3e4f5061728394a5b6c7d8e9f00112233";

#[derive(Debug)]
struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
}

struct Bench {
    sim: Handle,
    hands: Hands,
    clock: Arc<Hand>,
    workflow: Workflow,
}

impl Bench {
    async fn open() -> Self {
        let clock = Arc::new(Hand(Mutex::new(NOW)));
        let sim = github::start(clock.clone(), "ghp_secret").await.unwrap();
        let settings = Settings { url: sim.url().parse().unwrap(), token: "ghp_secret".into() };
        let hands = Hands::new(Some(settings), clock.clone()).unwrap();
        let workflow = Workflow {
            name: "deploy-pusher".to_owned(),
            repository: REPOSITORY.to_owned(),
            workflow: WORKFLOW.to_owned(),
            reference: "main".to_owned(),
            inputs: [("note".to_owned(), "by watchkeeper".to_owned())].into(),
            ask: vec![Input { name: "network".to_owned(), values: vec!["mainnet".to_owned(), "testnet".to_owned()] }],
            sha_input: Some("sha".to_owned()),
            correlation_input: Some("request".to_owned()),
        };
        Self { sim, hands, clock, workflow }
    }

    fn pass(&self, secs: u64) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.plus(Duration::from_secs(secs));
    }

    async fn refused(&self, asked: &[(&str, &str)]) -> String {
        self.hands.preview(&self.workflow, &pairs(asked), NOW).await.unwrap_err().to_string()
    }

    async fn plan(&self) -> (Approved<Plan>, Journal) {
        let asked = pairs(&[("network", "testnet")]);
        let preview = self.hands.preview(&self.workflow, &asked, NOW).await.unwrap();
        let (plan, request) = begun(Action::Dispatch { inputs: asked }, self.workflow.target(), preview);
        (plan, request.state.journal().unwrap().clone())
    }

    /// Dispatched, and written down so.
    async fn dispatched(&self) -> (Approved<Plan>, Journal, u64) {
        let (plan, mut journal) = self.plan().await;
        let tried = self.hands.carry_out(&plan, 0).await;
        journal.intend(0, NOW);
        journal.attempt(0, None, NOW);
        journal.settle(0, tried, NOW);
        let id = journal.started().expect("it says which run it is").name.parse().unwrap();
        (plan, journal, id)
    }

    async fn settled(&self, plan: &Approved<Plan>, journal: &Journal) -> Settled {
        self.pass(10);
        self.hands.settled(plan, journal).await
    }
}

fn pairs(asked: &[(&str, &str)]) -> BTreeMap<String, String> {
    asked.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_plan_says_which_commit_is_run_with_what_and_how_the_last_run_ended() {
    let bench = Bench::open().await;
    let before = bench.sim.begin("ann", OTHER);
    bench.sim.go_on(before, "completed", Some("failure"));
    bench.pass(3600);
    bench.sim.begin("ann", OTHER);
    let now = bench.clock.now();
    let preview = bench.hands.preview(&bench.workflow, &pairs(&[("network", "testnet")]), now).await.unwrap();
    let change = &preview.changes[0];
    assert_eq!(change.field, "run of deploy.yaml in acme/infra");
    assert_eq!(change.new, "at 4f2c1ab09d of main, network=testnet, note=by watchkeeper");
    assert_eq!(preview.risk, Risk::R2);
    let notes = preview.warnings.join("\n");
    assert!(notes.contains("commit 4f2c1ab09d by ann: Fix the pusher"), "{notes}");
    assert!(notes.contains("the last run: failure at a0b1c2d3e4, begun 1 h ago"), "{notes}");
    assert!(notes.contains("a run of it is under way"), "{notes}");
}

#[tokio::test]
async fn another_commit_is_another_plan_and_another_run_is_not() {
    let bench = Bench::open().await;
    let digest = async || bench.plan().await.0.digest();
    let first = digest().await;
    bench.sim.begin("ann", HEAD);
    assert_eq!(digest().await, first);
    bench.sim.push("main", OTHER, "Another");
    assert_ne!(digest().await, first);
}

#[tokio::test]
async fn what_cannot_be_run_is_said_before_anybody_approves_it() {
    let bench = Bench::open().await;
    assert_eq!(bench.refused(&[("network", "x")]).await, "`network` cannot be `x`; it can be: mainnet, testnet");
    bench.sim.set_workflow("disabled_manually");
    assert!(bench.refused(&[]).await.contains("is disabled manually in GitHub"));
    bench.sim.faults(|faults| faults.limited = true);
    let limited = bench.hands.preview(&bench.workflow, &pairs(&[]), NOW).await.unwrap_err();
    assert!(
        matches!(limited, CannotPlan::Unreachable { .. }) && limited.to_string().contains("rate limit"),
        "{limited}"
    );
    let missing = Bench::open().await;
    for workflow in [
        Workflow { workflow: "gone.yaml".to_owned(), ..missing.workflow.clone() },
        Workflow { reference: "gone".to_owned(), ..missing.workflow.clone() },
    ] {
        let refused = missing.hands.check(&workflow).await.unwrap_err().to_string();
        assert!(refused.contains("gone"), "{refused}");
    }
    assert_eq!(missing.hands.check(&missing.workflow).await.unwrap(), HEAD);
    let nobody = Hands::new(None, missing.clock.clone()).unwrap();
    assert!(nobody.check(&missing.workflow).await.unwrap_err().to_string().contains("is not configured"));
}

#[tokio::test]
async fn a_token_that_is_refused_is_shown_to_nobody() {
    let bench = Bench::open().await;
    let settings = Settings { url: bench.sim.url().parse().unwrap(), token: "ghp_wrong".into() };
    let hands = Hands::new(Some(settings), bench.clock.clone()).unwrap();
    let refused = hands.check(&bench.workflow).await.unwrap_err().to_string();
    assert_eq!(refused, "github cannot be asked now: GitHub answered 401: Bad credentials");
    assert!(!format!("{hands:?}").contains("ghp_wrong"), "{hands:?}");
}

#[tokio::test]
async fn a_run_is_dispatched_with_its_commit_and_its_mark_and_watched_to_its_end() {
    let bench = Bench::open().await;
    let (plan, journal, id) = bench.dispatched().await;
    let run = bench.sim.runs().remove(0);
    let mark = plan.digest().short().to_owned();
    assert_eq!(
        run.inputs,
        pairs(&[("network", "testnet"), ("note", "by watchkeeper"), ("request", &mark), ("sha", HEAD)])
    );
    let seen = async |status, conclusion| {
        bench.sim.go_on(id, status, conclusion);
        bench.settled(&plan, &journal).await
    };
    assert_eq!(seen("queued", None).await, Settled::Progress { text: "queued".to_owned() });
    assert_eq!(seen("in_progress", None).await, Settled::Progress { text: "in progress".to_owned() });
    let page = format!("https://github.com/acme/infra/actions/runs/{id}");
    let failed = Settled::Failed { why: format!("the run ended as timed out: {page}") };
    assert_eq!(seen("completed", Some("timed_out")).await, failed);
    let done = Settled::Done { note: format!("the run succeeded: {page}") };
    assert_eq!(seen("completed", Some("success")).await, done);
}

#[tokio::test]
async fn a_run_is_asked_about_every_ten_seconds_and_not_every_second() {
    let bench = Bench::open().await;
    let (plan, journal, _) = bench.dispatched().await;
    let before = bench.sim.asked().len();
    for _ in 0..30 {
        bench.pass(1);
        bench.hands.settled(&plan, &journal).await;
    }
    assert_eq!(bench.sim.asked().len() - before, 3);
}

#[tokio::test]
async fn a_branch_that_moved_is_not_run_and_a_run_of_another_commit_is_stopped() {
    let bench = Bench::open().await;
    let (plan, _) = bench.plan().await;
    bench.sim.push("main", OTHER, "Another");
    let tried = bench.hands.carry_out(&plan, 0).await;
    assert!(matches!(&tried, Tried::Failed { why } if why.contains("is at a0b1c2d3e4 now")), "{tried:?}");
    assert_eq!(bench.sim.dispatched(), 0);
    bench.sim.push("main", HEAD, "Fix");
    // It moves after we have looked.
    bench.sim.faults(|faults| faults.moves_to = Some(OTHER.to_owned()));
    let (plan, journal, _) = bench.dispatched().await;
    let settled = bench.settled(&plan, &journal).await;
    assert!(matches!(&settled, Settled::Failed { why } if why.contains("it was told to stop")), "{settled:?}");
    assert_eq!(bench.sim.runs()[0].conclusion.as_deref(), Some("cancelled"));
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_and_never_sent_again() {
    for mark in [true, false] {
        let mut bench = Bench::open().await;
        // GitHub's clock counts, not ours.
        bench.sim.faults(|faults| (faults.lose_answer, faults.unlisted, faults.ahead) = (true, true, -300));
        bench.workflow.correlation_input = bench.workflow.correlation_input.filter(|_| mark);
        bench.pass(7200);
        // Of the same commit and the same token, but long before.
        bench.sim.begin(LOGIN, HEAD);
        bench.pass(60);
        let (plan, _) = bench.plan().await;
        let stamp = bench.clock.now();
        bench.sim.begin("ann", HEAD);
        assert_eq!(bench.hands.carry_out(&plan, 0).await, Tried::Unclear);
        assert_eq!(bench.hands.observe(&plan, 0, stamp).await, Tried::Unclear, "it is not listed yet");
        bench.sim.faults(|faults| faults.unlisted = false);
        let found = bench.hands.observe(&plan, 0, stamp).await;
        let id = bench.sim.runs().last().unwrap().id;
        assert!(matches!(&found, Tried::Started { what, .. } if what.name == id.to_string()), "{found:?}");
        assert_eq!(bench.sim.dispatched(), 1);
        bench.sim.begin(LOGIN, HEAD);
        let again = bench.hands.observe(&plan, 0, stamp).await;
        if mark {
            assert_eq!(again, found, "its mark tells it from any other");
        } else {
            assert!(matches!(&again, Tried::Unknown { why } if why.contains("2 runs may be it")), "{again:?}");
        }
    }
}

#[tokio::test]
async fn an_older_server_does_not_say_which_run_it_is_so_it_is_looked_for() {
    let bench = Bench::open().await;
    bench.sim.faults(|faults| faults.old = true);
    let (plan, _) = bench.plan().await;
    assert_eq!(bench.hands.carry_out(&plan, 0).await, Tried::Unclear);
    assert!(matches!(bench.hands.observe(&plan, 0, NOW).await, Tried::Started { .. }));
    assert_eq!(bench.sim.dispatched(), 1);
}

#[tokio::test]
async fn a_refusal_is_told_from_what_may_be_tried_later() {
    let mut bench = Bench::open().await;
    let (plan, _) = bench.plan().await;
    bench.sim.faults(|faults| faults.limited = true);
    let tried = bench.hands.carry_out(&plan, 0).await;
    assert!(matches!(&tried, Tried::Blocked { why } if why.contains("rate limit")), "{tried:?}");
    bench.sim.faults(|faults| faults.limited = false);
    bench.workflow.inputs = pairs(&[("strange", "x")]);
    let (plan, _) = bench.plan().await;
    let tried = bench.hands.carry_out(&plan, 0).await;
    assert!(matches!(&tried, Tried::Failed { why } if why.contains("422: Unexpected inputs provided")), "{tried:?}");
    assert_eq!(bench.sim.dispatched(), 0);
}
