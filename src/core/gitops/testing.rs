//! Apps for the tests of this module and of what shows them.

use super::apps::{Apps, Event, Scope};
use super::revision::Revision;
use super::rules::GitOps;
use super::{App, AppId, Automation, Health, Kind, Origin, Since, Sync};
use crate::core::time::Timestamp;

pub const SHA: &str = "4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40";

pub fn id(kind: Kind, name: &str) -> AppId {
    AppId { cluster: "eu".to_owned(), kind, namespace: "flux-system".to_owned(), name: name.to_owned() }
}

/// All of a kind in the cluster `eu`.
pub fn scope(kind: Kind) -> Scope {
    Scope { cluster: "eu".to_owned(), kind, namespace: None }
}

/// In sync and healthy, at a commit of a repository on GitHub.
pub fn app(kind: Kind, name: &str) -> App {
    App {
        id: id(kind, name),
        sync: (kind != Kind::Rollout).then_some(Sync::Synced),
        health: Health::Healthy,
        since: Since::default(),
        suspended: None,
        automation: Automation::Automatic,
        origin: Some(Origin {
            repository: "https://github.com/pyth/infra".to_owned(),
            path: Some("apps/prices".to_owned()),
            follows: Some("main".to_owned()),
        }),
        source: None,
        revision: Revision::parse(SHA),
        steps: None,
        operation: None,
        notes: Vec::new(),
        resources: Vec::new(),
        images: Vec::new(),
        owner: None,
    }
}

pub fn failed(message: &str) -> Sync {
    Sync::Failed { reason: "ReconciliationFailed".to_owned(), message: message.to_owned() }
}

pub const NOW: Timestamp = Timestamp::from_secs(1_796_000_000);

pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(NOW.as_secs() + secs)
}

/// Everything that was listed of all kinds at [`NOW`].
pub fn apps(all: &[App]) -> Apps {
    let mut apps = Apps::new(GitOps::default(), Kind::ALL.map(scope));
    for kind in Kind::ALL {
        let apps_of = all.iter().filter(|app| app.id.kind == kind).cloned().collect();
        apps.handle(Event::Listed { scope: scope(kind), apps: apps_of }, NOW);
    }
    apps
}
