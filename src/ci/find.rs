//! The run of a dispatch whose answer was lost.

use super::client::{CallError, Client};
use super::{Dispatch, Run, started};
use crate::core::action::journal::Tried;
use crate::core::time::Timestamp;

/// More runs than a workflow begins within the time that is looked at.
const PAGE: &str = "50";

/// With a mark the run is known by its title; without one, by what it runs, when it was created and whose token began it.
pub(super) async fn find(client: &Client, dispatch: &Dispatch<'_>, stamp: Timestamp, now: Timestamp) -> Tried {
    let (repository, workflow) = (dispatch.repository, dispatch.workflow);
    let query = [("event", "workflow_dispatch"), ("per_page", PAGE)];
    let (runs, date) = match client.runs(repository, workflow, &query).await {
        Ok(found) => found,
        Err(CallError::Refused { message, .. }) => return Tried::Unknown { why: message },
        Err(CallError::Later(_) | CallError::Unclear(_)) => return Tried::Unclear,
    };
    let since = theirs(stamp, now, date);
    let mut ours: Vec<&Run> = runs.iter().filter(|run| created(run).is_some_and(|at| at >= since)).collect();
    if dispatch.correlation.is_some() {
        ours.retain(|run| run.display_title.as_deref().is_some_and(|title| title.contains(dispatch.mark)));
    } else {
        let Ok(login) = client.login().await else { return Tried::Unclear };
        ours.retain(|run| run.head_sha == dispatch.sha);
        ours.retain(|run| login.is_none() || run.actor.as_ref().map(|actor| &actor.login) == login.as_ref());
    }
    match ours.as_slice() {
        [] => Tried::Unclear,
        [run] => started(run.id, &run.html_url),
        several => Tried::Unknown {
            why: format!(
                "the answer was lost, and {} runs may be it: {}",
                several.len(),
                several.iter().take(3).map(|run| run.html_url.as_str()).collect::<Vec<_>>().join(" ")
            ),
        },
    }
}

/// An instant of ours by GitHub's clock, which counts in whole seconds.
fn theirs(stamp: Timestamp, now: Timestamp, date: Option<Timestamp>) -> Timestamp {
    let (now, there) = (now.as_secs(), date.map_or(now.as_secs(), Timestamp::as_secs));
    Timestamp::from_secs(stamp.as_secs() + (there - now) - 1)
}

pub(super) fn created(run: &Run) -> Option<Timestamp> {
    let at: jiff::Timestamp = run.created_at.parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}
