//! A run on its way to its end.

use std::sync::PoisonError;
use std::time::Duration;

use serde_json::json;

use super::client::{CallError, Client};
use super::{Dispatch, Hands, Run, short};
use crate::core::action::found::Settled;

/// How often a run is asked about: GitHub allows 5,000 requests an hour, and runs last for hours.
const EVERY: Duration = Duration::from_secs(10);

pub(super) async fn settled(hands: &Hands, client: &Client, dispatch: &Dispatch<'_>, id: &str) -> Settled {
    let now = hands.clock.now();
    let lately = hands.seen.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
    if let Some((at, seen)) = lately.filter(|(at, _)| now.since(*at) < EVERY)
        && at <= now
    {
        return seen;
    }
    let settled = match client.run(dispatch.repository, id).await {
        Ok(run) if run.head_sha != dispatch.sha => stop(client, dispatch, &run).await,
        Ok(run) => judged(&run),
        // It is listed a moment after it was begun.
        Err(error) => Settled::Progress { text: format!("the run cannot be looked at now: {error}") },
    };
    let mut seen = hands.seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.retain(|_, (at, _)| now.since(*at) < EVERY);
    if matches!(settled, Settled::Progress { .. }) {
        seen.insert(id.to_owned(), (now, settled.clone()));
    }
    settled
}

fn judged(run: &Run) -> Settled {
    let page = &run.html_url;
    match (run.status.as_deref(), run.conclusion.as_deref()) {
        (Some("completed"), Some("success" | "neutral")) => {
            Settled::Done { note: format!("the run succeeded: {page}") }
        }
        (Some("completed"), conclusion) => {
            let conclusion = conclusion.unwrap_or("unknown").replace('_', " ");
            Settled::Failed { why: format!("the run ended as {conclusion}: {page}") }
        }
        (status, _) => Settled::Progress { text: status.unwrap_or("queued").replace('_', " ") },
    }
}

/// The branch moved between the last look and the dispatch.
async fn stop(client: &Client, dispatch: &Dispatch<'_>, run: &Run) -> Settled {
    let (was, is, page) = (short(dispatch.sha), short(&run.head_sha), &run.html_url);
    let what = format!("the run took {is}, and {was} was approved");
    let id = run.id.to_string();
    let path = ["actions", "runs", id.as_str(), "cancel"];
    let why = match client.post(dispatch.repository, &path, &json!({})).await {
        Ok(_) => format!("{what}; it was told to stop: {page}"),
        Err(CallError::Refused { code: 409, .. }) => format!("{what}; it was over before it could be stopped: {page}"),
        Err(error) => format!("{what}, and it could not be stopped ({error}); stop it now: {page}"),
    };
    Settled::Failed { why }
}
