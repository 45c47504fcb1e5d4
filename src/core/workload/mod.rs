//! What runs in the clusters, in a slim form: pure values, fed by `cluster`'s watches.
//!
//! [`Index`] is one cluster: `index.pods()`, `index.deployment("prices", "hermes")`, `index.workload(&pod.meta)` (which
//! Deployment a pod belongs to), `index.pods_of(&id)`, `index.owner(&meta)` (the value of the owner label). It keeps only
//! what rules, cards and causes need; whoever changes an object reads it again from the API server first.
//! [`Clusters`] is all of them; the use cases look at it with `flow.with_clusters(|clusters| …)`.
//!
//! `index.status()` says whether to believe it: [`Status::Connecting`], [`Status::Healthy`], [`Status::Degraded`] with
//! what is not watched. `index.live(kind)` is true while everything of that kind is as the API server has it.

pub mod apps;
pub mod batch;
mod cause;
mod clusters;
mod event;
pub mod find;
pub mod health;
mod index;
mod judge;
mod kind;
mod names;
pub mod node;
mod object;
pub mod pod;
pub mod policy;
pub mod problems;
pub mod rules;
mod sync;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_people;

pub use clusters::{Cluster, Clusters, Settings};
pub use event::Event;
pub use index::{Id, Index};
pub use judge::Enquiry;
pub use kind::Kind;
pub use object::{Controller, Image, Meta, Name, Object, Touch, Uid};
pub use sync::{Reach, Scope, Status, Sync, Trouble};

/// What a watch tells the index, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The API server answers.
    Reached {
        version: String,
        skew_millis: i64,
    },
    /// It does not.
    Unreached {
        error: String,
    },
    /// Everything in scope is about to be listed, as [`News::Applied`].
    Listing(Scope),
    /// There now, in this form.
    Applied(Scope, Box<Object>),
    Deleted(Id),
    /// The listing is complete, or the watch goes on: from here on the index is up to date.
    Live(Scope),
    /// The watch broke; it is tried again.
    Lost {
        scope: Scope,
        error: String,
    },
    /// RBAC does not allow it.
    Forbidden {
        scope: Scope,
        error: String,
    },
    /// The cluster does not have the kind.
    Absent(Scope),
    /// An object came that could not be made out; it is left out.
    Unreadable {
        scope: Scope,
    },
}
