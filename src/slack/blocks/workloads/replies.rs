//! Answers to names that name nothing, or too much.

use super::super::kit;
use super::super::words::{bold, code, count, said};
use crate::slack::message::Message;

/// No cluster is configured, or none that the bot may watch.
#[must_use]
pub fn no_clusters() -> Message {
    kit::line(
        "I watch no cluster. Name one under `clusters:` in the configuration, with a kubeconfig or `in_cluster: true`; \
         `watchkeeper rbac` prints the role it needs.",
    )
}

#[must_use]
pub fn no_such_cluster(asked: &str, known: &[&str]) -> Message {
    let known: Vec<_> = known.iter().take(8).map(|name| code(name)).collect();
    kit::line(&format!("I watch no cluster called {}. I watch: {}.", bold(asked), known.join(", ")))
}

/// `nearest` is the name most like it.
#[must_use]
pub fn no_such_workload(asked: &str, verb: &str, nearest: Option<&str>) -> Message {
    let text = format!("No workload or pod is called {}.", bold(asked));
    let Some(nearest) = nearest else {
        return kit::line(&format!("{text} `/wk pods` lists what runs, `/wk cluster` how it is."));
    };
    let text = format!("{text}\nDid you mean {}?", code(nearest));
    let button = kit::run("Yes, show it", format!("{verb} {nearest}"));
    kit::message(&text, &[kit::section_with(&text, button)], None)
}

/// One of several that a name may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `Deployment`
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub cluster: String,
    /// The command that asks for exactly this one.
    pub command: String,
}

/// More than these are narrowed down by typing.
const SHOWN: usize = 8;

#[must_use]
pub fn which_workload(asked: &str, candidates: &[Candidate]) -> Message {
    let heading = format!("{} fits {}. Which one?", bold(asked), count(candidates.len(), "workload"));
    let mut blocks = vec![kit::section(&heading)];
    blocks.extend(candidates.iter().take(SHOWN).enumerate().map(|(nth, it)| {
        let Candidate { kind, namespace, name, cluster, command } = it;
        let text = format!(
            "{}  {} in {} · {}",
            bold(name),
            said(&kind.to_lowercase(), 40),
            said(namespace, 80),
            said(cluster, 60)
        );
        kit::section_with(&text, kit::run("This one", command.clone()).map(|button| kit::nth(button, nth)))
    }));
    if candidates.len() > SHOWN {
        let more = candidates.len() - SHOWN;
        blocks.push(kit::context(&format!("and {more} more; add a namespace with `-n` or a cluster with `-c`")));
    }
    kit::message(&heading, &blocks, None)
}

/// The cluster was asked and did not say; `error` is outside text.
#[must_use]
pub fn not_answering(cluster: &str, what: &str, error: &str) -> Message {
    kit::line(&format!("⚠️ {} did not give {}: {}", bold(cluster), said(what, 80), said(error, 300)))
}
