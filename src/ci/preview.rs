//! What running a workflow would do now.

use std::collections::BTreeMap;

use super::client::{CallError, Client};
use super::{Commit, File, Run, short};
use crate::core::action::found::CannotPlan;
use crate::core::action::plan::{Blast, Change, Object, Preview, Risk, Undo, Write};
use crate::core::action::workflow::{GITHUB, Workflow};
use crate::core::time::{Timestamp, spoken};

/// Runs that are looked at for what the card says of the past.
const LATELY: &str = "10";

pub(super) async fn preview(
    client: &Client,
    workflow: &Workflow,
    asked: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Preview, CannotPlan> {
    let Workflow { repository, workflow: name, reference, correlation_input, .. } = workflow;
    let file = file(client, workflow).await?;
    let commit = commit(client, workflow).await?;
    let id = file.id.to_string();
    let (runs, _) = client.runs(repository, &id, &[("per_page", LATELY)]).await.map_err(|error| unreachable(&error))?;
    let inputs = workflow.inputs(asked, &commit.sha).map_err(CannotPlan::NotPossible)?;
    let shown = inputs.iter().filter(|(input, _)| Some(*input) != workflow.sha_input.as_ref());
    let shown: Vec<String> = shown.map(|(input, value)| format!("{input}={value}")).collect();
    let with = if shown.is_empty() { String::new() } else { format!(", {}", shown.join(", ")) };
    let sha = commit.sha.clone();
    let rests_on =
        BTreeMap::from([(format!("commit of {reference}"), sha.clone()), ("workflow".to_owned(), id.clone())]);
    Ok(Preview {
        changes: vec![Change {
            object: Object { target: workflow.target(), uid: id, resource_version: String::new() },
            field: format!("run of {name} in {repository}"),
            old: String::new(),
            new: format!("at {} of {reference}{with}", short(&sha)),
            write: Write::Dispatch {
                repository: repository.clone(),
                reference: reference.clone(),
                sha,
                inputs,
                correlation: correlation_input.clone(),
                page: commit.html_url.clone(),
            },
            after: None,
            always: false,
        }],
        rests_on,
        // What a workflow does is not known here; a rule may ask for less.
        risk: Risk::R2,
        blast: Blast { pods: "whatever the workflow does".to_owned(), budgets: Vec::new() },
        warnings: notes(&commit, &runs, now),
        undo: Undo::None { why: "a run cannot be taken back; run what undoes it".to_owned() },
    })
}

/// The workflow, if it can be run.
pub(super) async fn file(client: &Client, workflow: &Workflow) -> Result<File, CannotPlan> {
    let Workflow { repository, workflow: name, .. } = workflow;
    let reply = client.get(repository, &["actions", "workflows", name], &[]).await;
    let file: File = reply.and_then(|reply| reply.read()).map_err(|error| match error {
        CallError::Refused { code: 404, .. } => CannotPlan::NotPossible(format!(
            "GitHub shows no workflow {name} in {repository}: it is not there, or the token may not see it"
        )),
        error => unreachable(&error),
    })?;
    if file.state == "active" {
        return Ok(file);
    }
    let state = file.state.replace('_', " ");
    Err(CannotPlan::NotPossible(format!("the workflow {name} is {state} in GitHub; enable it there first")))
}

/// What it would run.
pub(super) async fn commit(client: &Client, workflow: &Workflow) -> Result<Commit, CannotPlan> {
    let Workflow { repository, reference, .. } = workflow;
    client.commit(repository, reference).await.map_err(|error| match error {
        // 422 is its word for a commit that it cannot make out.
        CallError::Refused { code: 404 | 422, .. } => {
            CannotPlan::NotPossible(format!("{repository} has no branch or tag {reference}, as far as the token shows"))
        }
        error => unreachable(&error),
    })
}

fn unreachable(error: &CallError) -> CannotPlan {
    CannotPlan::Unreachable { cluster: GITHUB.to_owned(), why: error.to_string() }
}

/// Whose commit it is and what it says, and how the workflow went lately.
pub(super) fn notes(commit: &Commit, runs: &[Run], now: Timestamp) -> Vec<String> {
    let login = commit.author.as_ref().map(|author| author.login.as_str());
    let name = login.or_else(|| commit.text.author.as_ref().map(|author| author.name.as_str()));
    let title = commit.text.message.lines().next().unwrap_or_default();
    let title: String = title.chars().take(120).collect();
    let by = name.map_or_else(String::new, |name| format!(" by {name}"));
    let mut notes = vec![format!("commit {}{by}: {title}", short(&commit.sha))];
    let (over, under_way): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(|run| run.conclusion.is_some());
    notes.extend(over.first().map(|run| {
        let at = run.created_at.parse::<jiff::Timestamp>().ok().map(|at| Timestamp::from_millis(at.as_millisecond()));
        let ago = at.map_or_else(String::new, |at| format!(", begun {} ago", spoken(now.since(at))));
        let conclusion = run.conclusion.as_deref().unwrap_or_default().replace('_', " ");
        format!("the last run: {conclusion} at {}{ago}", short(&run.head_sha))
    }));
    notes.extend(under_way.first().map(|run| format!("a run of it is under way: {}", run.html_url)));
    notes
}
