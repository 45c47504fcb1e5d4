//! Apps for the tests of this module and of what shows them.

use super::apps::Scope;
use super::revision::Revision;
use super::{App, AppId, Automation, Health, Kind, Origin, Since, Sync};

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
