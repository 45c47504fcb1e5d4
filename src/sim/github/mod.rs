//! A GitHub on loopback with one repository whose workflows can be dispatched, as its REST API documents it: a run starts
//! at whatever the branch is at then, and ends when told to.
//! Source: docs.github.com/rest/actions/workflows, /workflow-runs and /commits.

mod server;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use super::cluster::Hold;
use crate::clock::SharedClock;
use crate::core::time::Timestamp;

pub const REPOSITORY: &str = "acme/infra";
pub const WORKFLOW: &str = "deploy.yaml";
/// What `main` is at in the beginning.
pub const HEAD: &str = "4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40";
/// Whose token it is.
pub const LOGIN: &str = "watchkeeper-bot";

/// One run of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub id: u64,
    pub head_sha: String,
    pub actor: String,
    /// `queued`, `in_progress`, `completed`
    pub status: String,
    pub conclusion: Option<String>,
    pub title: String,
    pub inputs: BTreeMap<String, String>,
    pub created_at: Timestamp,
}

/// What goes wrong.
#[expect(clippy::struct_excessive_bools, reason = "switches that have nothing to do with one another")]
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// No requests are left: 403 with what is documented for it.
    pub limited: bool,
    /// An older Enterprise Server: answers 204, and refuses to be asked for the run.
    pub old: bool,
    /// The next dispatch is done, and its answer is lost.
    pub lose_answer: bool,
    /// Runs are not listed yet.
    pub unlisted: bool,
    /// The branch moves to this commit as a dispatch comes.
    pub moves_to: Option<String>,
    /// The next write is held.
    pub hold: Option<Hold>,
    /// Seconds that its clock is ahead.
    pub ahead: i64,
}

#[derive(Clone, Debug)]
struct Commit {
    sha: String,
    message: String,
}

#[derive(Debug)]
struct State {
    commits: BTreeMap<String, Commit>,
    workflow: Workflow,
    runs: Vec<Run>,
    faults: Faults,
    asked: Vec<String>,
    dispatched: usize,
    at_once: bool,
}

#[derive(Debug)]
struct Workflow {
    state: String,
    inputs: Vec<String>,
    /// The input that `run-name` shows.
    titled: Option<String>,
}

#[derive(Debug)]
struct GitHub {
    state: Mutex<State>,
    clock: SharedClock,
    token: String,
    /// Writes that were held so far.
    held: tokio::sync::watch::Sender<u64>,
}

impl GitHub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self, state: &State) -> Timestamp {
        Timestamp::from_secs(self.clock.now().as_secs() + state.faults.ahead)
    }
}

/// A GitHub that runs as long as this lives.
#[derive(Debug)]
pub struct Handle {
    github: Arc<GitHub>,
    address: SocketAddr,
    _stop: DropGuard,
}

/// Serves whoever shows `token`.
///
/// # Errors
/// No port is to be had.
pub async fn start(clock: SharedClock, token: &str) -> io::Result<Handle> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let head = Commit { sha: HEAD.to_owned(), message: "Fix the pusher\n\nIt hung.".to_owned() };
    let state = State {
        commits: BTreeMap::from([("main".to_owned(), head)]),
        workflow: Workflow {
            state: "active".to_owned(),
            inputs: ["network", "note", "sha", "request"].map(str::to_owned).into(),
            titled: Some("request".to_owned()),
        },
        runs: Vec::new(),
        faults: Faults::default(),
        asked: Vec::new(),
        dispatched: 0,
        at_once: false,
    };
    let github = Arc::new(GitHub {
        state: Mutex::new(state),
        clock,
        token: token.to_owned(),
        held: tokio::sync::watch::channel(0).0,
    });
    let stop = CancellationToken::new();
    tokio::spawn(server::serve(listener, Arc::clone(&github), stop.clone()));
    Ok(Handle { github, address, _stop: stop.drop_guard() })
}

impl Handle {
    /// What `actions.github.url` takes.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/api/v3", self.address)
    }

    /// The branch is at another commit.
    pub fn push(&self, reference: &str, sha: &str, message: &str) {
        let commit = Commit { sha: sha.to_owned(), message: message.to_owned() };
        self.github.state().commits.insert(reference.to_owned(), commit);
    }

    /// `active`, `disabled_manually`
    pub fn set_workflow(&self, state: &str) {
        state.clone_into(&mut self.github.state().workflow.state);
    }

    /// Somebody else's, or one of before.
    pub fn begin(&self, actor: &str, sha: &str) -> u64 {
        let mut state = self.github.state();
        let now = self.github.now(&state);
        state.begin(actor, sha, BTreeMap::new(), now)
    }

    /// The run goes on: `in_progress`, or with a conclusion it is over.
    pub fn go_on(&self, id: u64, status: &str, conclusion: Option<&str>) {
        let mut state = self.github.state();
        if let Some(run) = state.runs.iter_mut().find(|run| run.id == id) {
            status.clone_into(&mut run.status);
            run.conclusion = conclusion.map(str::to_owned);
        }
    }

    /// From now on every run succeeds as it begins.
    pub fn finish_at_once(&self) {
        self.github.state().at_once = true;
    }

    #[must_use]
    pub fn runs(&self) -> Vec<Run> {
        self.github.state().runs.clone()
    }

    /// How often a workflow was dispatched.
    #[must_use]
    pub fn dispatched(&self) -> usize {
        self.github.state().dispatched
    }

    /// Method and path of every request so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.github.state().asked.clone()
    }

    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.github.state().faults);
    }

    /// Writes that were held so far.
    #[must_use]
    pub fn held(&self) -> u64 {
        *self.github.held.borrow()
    }

    /// Until more writes than `before` were held.
    pub async fn until_held(&self, before: u64) {
        let mut held = self.github.held.subscribe();
        // The sender lives as long as this.
        let _more = held.wait_for(|held| *held > before).await;
    }
}

impl State {
    fn begin(&mut self, actor: &str, sha: &str, inputs: BTreeMap<String, String>, now: Timestamp) -> u64 {
        let id = 30_433_642 + self.runs.len() as u64;
        let title = self.workflow.titled.as_ref().and_then(|name| inputs.get(name));
        let title = title.map_or_else(|| "Deploy".to_owned(), |mark| format!("Deploy ({mark})"));
        self.runs.push(Run {
            id,
            head_sha: sha.to_owned(),
            actor: actor.to_owned(),
            status: if self.at_once { "completed" } else { "queued" }.to_owned(),
            conclusion: self.at_once.then(|| "success".to_owned()),
            title,
            inputs,
            created_at: now,
        });
        id
    }
}
