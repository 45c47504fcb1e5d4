//! What Git declares is asked about before it is changed: where it belongs, and what else can be done.

use slack_morphism::prelude::SlackBlock;

use super::super::gitops::origin;
use super::super::kit;
use super::super::words::{bold, code, said};
use crate::core::action::kind::Kind;
use crate::core::action::target::Target;
use crate::core::gitops::apps::View;
use crate::core::gitops::manager::{By, Manager, Reverts};
use crate::slack::message::Message;

/// A change that something would undo.
#[derive(Clone, Copy, Debug)]
pub struct InGit<'a> {
    pub kind: Kind,
    pub target: &'a Target,
    pub keeper: &'a Manager,
    /// What declares the target, when it is known.
    pub app: Option<View<'a>>,
}

/// Whether what keeps an object can be suspended here.
pub(super) const fn suspends(keeper: &Manager) -> bool {
    matches!(keeper.by, By::Kustomization { .. } | By::HelmRelease { .. })
}

/// Nothing is done before it is said which way. `suspend` and `direct` are the commands that say so.
#[must_use]
pub fn which_way(view: &InGit, suspend: &str, direct: &str) -> Message {
    let InGit { kind, target, keeper, .. } = view;
    let becomes = match keeper.reverts {
        Reverts::Soon => "undoes it within minutes",
        Reverts::AtSync => "undoes it with the next sync, at once if it heals itself",
        Reverts::AtUpgrade => "undoes it with the next upgrade",
        Reverts::Never => "leaves it alone",
    };
    let heading = format!(
        "{} of {} is not asked for yet: {} keeps it and {becomes}. Which way?",
        code(kind.as_str()),
        bold(&target.words()),
        bold(&keeper.by.to_string())
    );
    let mut blocks = vec![kit::section(&heading)];
    blocks.extend(place(view));
    let choice = |text: &str, button: &str, command: &str, nth| {
        let button = kit::run(button, command.to_owned()).map(|button| kit::nth(button, nth));
        kit::section_with(&format!("{text}\n{}", code(&format!("/wk {command}"))), button)
    };
    if suspends(keeper) {
        blocks.push(choice("*For a while*: suspend it, and let Git come back after that", "For 1h", suspend, 0));
    } else {
        blocks.push(kit::section(&format!("*For a while* cannot be offered: {}", unsuspendable(keeper))));
    }
    blocks.push(choice("*All the same*: directly, until it is undone", "Directly", direct, 1));
    kit::message(&heading, &blocks, None)
}

/// It is changed in Git, and nothing was done here.
#[must_use]
pub fn in_git(view: &InGit) -> Message {
    let InGit { target, keeper, .. } = view;
    let heading =
        format!("Nothing was done: {} is declared by {}.", bold(&target.words()), bold(&keeper.by.to_string()));
    let mut blocks = vec![kit::section(&heading)];
    blocks.extend(place(view));
    kit::message(&heading, &blocks, None)
}

/// Why there is no end that could be kept.
const fn unsuspendable(keeper: &Manager) -> &'static str {
    match &keeper.by {
        By::Application { .. } => {
            "Argo CD has no suspension. Whether an application syncs by itself is declared with it; change that there first."
        }
        _ => "nothing reconciles it by itself, so it stays until the next upgrade.",
    }
}

/// Repository, path and branch, and the commit that is applied.
fn place(view: &InGit) -> Option<SlackBlock> {
    let app = view.app.as_ref()?;
    let origin = origin(app)?;
    let revision = app.app.revision.as_ref().map(|revision| format!(", applied {}", said(&revision.short(), 80)));
    let text = format!("*In Git*: change it there, with a pull request\n{origin}{}", revision.unwrap_or_default());
    let commit = app.commit().and_then(|commit| kit::link("Open the commit", &commit, 2));
    Some(kit::section_with(&text, commit))
}
