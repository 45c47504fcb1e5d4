//! GitHub Actions: a workflow is run at the commit that was approved, once, and watched to its end.
//! Source: docs.github.com/rest/actions/workflows and /workflow-runs.
//!
//! A dispatch names a branch or tag, not a commit. So the commit is compared before, and the run is compared after: one
//! that took another commit is cancelled. A dispatch whose answer was lost is never sent again; its run is looked for.

mod client;
mod find;
mod preview;
mod watch;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::clock::SharedClock;
use crate::core::action::approval::Approved;
use crate::core::action::found::{CannotPlan, Settled};
use crate::core::action::journal::{Journal, Started, Tried};
use crate::core::action::plan::{Plan, Preview, Write};
use crate::core::action::workflow::Workflow;
use crate::core::time::Timestamp;

pub use client::CallError;
use client::Client;

/// How long a dispatched run takes to be listed, at the most.
pub const LISTED_WITHIN: Duration = Duration::from_mins(1);
/// GitHub ends a job after this long.
pub const LONGEST_RUN: Duration = Duration::from_hours(6);

/// Where GitHub is, and who the bot is there.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server.
    pub url: Url,
    pub token: SecretString,
}

/// Runs workflows. Without settings it refuses to.
#[derive(Clone, Debug)]
pub struct Hands {
    client: Option<Client>,
    clock: SharedClock,
    /// What was seen of runs lately, by their id, and when.
    seen: Arc<Mutex<HashMap<String, (Timestamp, Settled)>>>,
}

/// A dispatch as a plan has it.
#[derive(Clone, Copy)]
struct Dispatch<'a> {
    repository: &'a str,
    reference: &'a str,
    sha: &'a str,
    inputs: &'a BTreeMap<String, String>,
    correlation: Option<&'a str>,
    /// GitHub's id of the workflow.
    workflow: &'a str,
    /// What the input `correlation` takes.
    mark: &'a str,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
    html_url: String,
    #[serde(rename = "commit")]
    text: CommitText,
    author: Option<Account>,
}

#[derive(Deserialize)]
struct CommitText {
    message: String,
    author: Option<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    name: String,
}

#[derive(Deserialize)]
struct Account {
    login: String,
}

/// A workflow as GitHub has it.
#[derive(Deserialize)]
struct File {
    id: u64,
    state: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Run {
    id: u64,
    head_sha: String,
    status: Option<String>,
    conclusion: Option<String>,
    html_url: String,
    created_at: String,
    display_title: Option<String>,
    actor: Option<Actor>,
}

#[derive(Clone, Debug, Deserialize)]
struct Actor {
    login: String,
}

#[derive(Deserialize)]
struct Runs {
    workflow_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Begun {
    workflow_run_id: u64,
    html_url: String,
}

impl Hands {
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(settings: Option<Settings>, clock: SharedClock) -> Result<Self, reqwest::Error> {
        let client = settings.map(Client::new).transpose()?;
        Ok(Self { client, clock, seen: Arc::default() })
    }

    /// What running `workflow` with the inputs that were `asked` for would do now.
    ///
    /// # Errors
    /// There is nothing to plan; the error says why, in words.
    pub async fn preview(
        &self,
        workflow: &Workflow,
        asked: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<Preview, CannotPlan> {
        preview::preview(self.client()?, workflow, asked, now).await
    }

    /// Whether the token works, and GitHub has the workflow and what it runs on: the commit that would be run.
    ///
    /// # Errors
    /// As [`Self::preview`].
    pub async fn check(&self, workflow: &Workflow) -> Result<String, CannotPlan> {
        preview::file(self.client()?, workflow).await?;
        preview::commit(self.client()?, workflow).await.map(|commit| commit.sha)
    }

    /// Dispatches, once.
    pub async fn carry_out(&self, plan: &Approved<Plan>, step: usize) -> Tried {
        let mark = plan.digest().short().to_owned();
        let (Ok(client), Some(dispatch)) = (self.client(), dispatch(plan, step, &mark)) else { return nothing() };
        let now = match client.commit(dispatch.repository, dispatch.reference).await {
            Ok(commit) => commit.sha,
            Err(CallError::Refused { message, .. }) => return Tried::Failed { why: message },
            Err(error) => return Tried::Blocked { why: error.to_string() },
        };
        if now != dispatch.sha {
            let (reference, was, is) = (dispatch.reference, short(dispatch.sha), short(&now));
            return Tried::Failed { why: format!("{reference} is at {is} now, and {was} was approved") };
        }
        let mut inputs = dispatch.inputs.clone();
        inputs.extend(dispatch.correlation.map(|name| (name.to_owned(), mark.clone())));
        let path = ["actions", "workflows", dispatch.workflow, "dispatches"];
        let mut body = json!({ "ref": dispatch.reference, "inputs": inputs, "return_run_details": true });
        let mut answer = client.post(dispatch.repository, &path, &body).await;
        // An older Enterprise Server refuses a field it does not know, and has done nothing then.
        if matches!(&answer, Err(CallError::Refused { message, .. }) if message.contains("return_run_details")) {
            body.as_object_mut().map(|body| body.remove("return_run_details"));
            answer = client.post(dispatch.repository, &path, &body).await;
        }
        match answer.map(|reply| reply.read::<Begun>()) {
            Ok(Ok(Begun { workflow_run_id, html_url })) => started(workflow_run_id, &html_url),
            // Taken, and which run it is was not said: it is looked for.
            Ok(Err(_)) | Err(CallError::Unclear(_)) => Tried::Unclear,
            Err(CallError::Refused { message, .. }) => Tried::Failed { why: message },
            Err(CallError::Later(why)) => Tried::Blocked { why },
        }
    }

    /// Looks for the run of a dispatch whose answer was lost; sends nothing. [`Tried::Unclear`] while there is none.
    pub async fn observe(&self, plan: &Approved<Plan>, step: usize, stamp: Timestamp) -> Tried {
        let mark = plan.digest().short().to_owned();
        let (Ok(client), Some(dispatch)) = (self.client(), dispatch(plan, step, &mark)) else { return nothing() };
        find::find(client, &dispatch, stamp, self.clock.now()).await
    }

    /// How the run is. One that took another commit than was approved is cancelled.
    pub async fn settled(&self, plan: &Approved<Plan>, journal: &Journal) -> Settled {
        let mark = plan.digest().short().to_owned();
        let (Ok(client), Some(dispatch)) = (self.client(), dispatch(plan, 0, &mark)) else {
            return Settled::Failed {
                why: "GitHub is not configured any more, so the run cannot be watched".to_owned(),
            };
        };
        let Some(run) = journal.started() else {
            return Settled::Failed { why: "which run it is was not written down".to_owned() };
        };
        watch::settled(self, client, &dispatch, &run.name).await
    }

    fn client(&self) -> Result<&Client, CannotPlan> {
        let missing = || CannotPlan::NotPossible("`actions.github` is not configured".to_owned());
        self.client.as_ref().ok_or_else(missing)
    }
}

fn dispatch<'a>(plan: &'a Plan, step: usize, mark: &'a str) -> Option<Dispatch<'a>> {
    let change = plan.preview.changes.get(step)?;
    let Write::Dispatch { repository, reference, sha, inputs, correlation, page: _ } = &change.write else {
        return None;
    };
    let (workflow, correlation) = (change.object.uid.as_str(), correlation.as_deref());
    Some(Dispatch { repository, reference, sha, inputs, correlation, workflow, mark })
}

fn nothing() -> Tried {
    Tried::Failed { why: "GitHub is not configured any more".to_owned() }
}

fn started(id: u64, page: &str) -> Tried {
    let what = Started { name: id.to_string(), page: page.to_owned() };
    Tried::Started { note: format!("run {id} began"), what }
}

/// A commit by its first digits.
/// What GitHub answers with, for `fuzz/`.
#[cfg(fuzzing)]
pub fn read_anything(bytes: &[u8]) {
    let runs = serde_json::from_slice(bytes).map(|Runs { workflow_runs }| workflow_runs).unwrap_or_default();
    let _times: Vec<Option<Timestamp>> = runs.iter().map(find::created).collect();
    if let Ok(commit) = serde_json::from_slice::<Commit>(bytes) {
        let _notes = preview::notes(&commit, &runs, Timestamp::from_secs(1_796_000_000));
        let _short = short(&commit.sha);
    }
    let _file = serde_json::from_slice::<File>(bytes);
    let _begun = serde_json::from_slice::<Begun>(bytes);
}

fn short(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}
