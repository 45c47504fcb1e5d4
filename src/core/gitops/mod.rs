//! What Git declares and clusters run, in one shape for Argo CD, Flux and Argo Rollouts: in sync or not, healthy or not,
//! suspended or not, since when and why. [`apps`] keeps it, [`rules`] judges it, [`manager`] tells whose an object is.

pub mod apps;
pub mod manager;
pub mod revision;
pub mod rules;
#[cfg(test)]
pub mod testing;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use revision::Revision;

/// What kind of object declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Argo CD.
    Application,
    /// Flux.
    Kustomization,
    /// Flux.
    HelmRelease,
    /// Argo Rollouts; it stands in for a Deployment.
    Rollout,
    /// This and the rest: where Flux gets manifests and charts from.
    GitRepository,
    OciRepository,
    HelmRepository,
    HelmChart,
    Bucket,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Application,
        Self::Kustomization,
        Self::HelmRelease,
        Self::Rollout,
        Self::GitRepository,
        Self::OciRepository,
        Self::HelmRepository,
        Self::HelmChart,
        Self::Bucket,
    ];

    /// As in the object's `kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::Rollout => "Rollout",
            Self::GitRepository => "GitRepository",
            Self::OciRepository => "OCIRepository",
            Self::HelmRepository => "HelmRepository",
            Self::HelmChart => "HelmChart",
            Self::Bucket => "Bucket",
        }
    }

    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }

    #[must_use]
    pub const fn is_source(self) -> bool {
        match self {
            Self::Application | Self::Kustomization | Self::HelmRelease | Self::Rollout => false,
            Self::GitRepository | Self::OciRepository | Self::HelmRepository | Self::HelmChart | Self::Bucket => true,
        }
    }

    /// The API group it is in.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Application | Self::Rollout => "argoproj.io",
            Self::Kustomization => "kustomize.toolkit.fluxcd.io",
            Self::HelmRelease => "helm.toolkit.fluxcd.io",
            Self::GitRepository | Self::OciRepository | Self::HelmRepository | Self::HelmChart | Self::Bucket => {
                "source.toolkit.fluxcd.io"
            }
        }
    }

    /// As RBAC names it.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Application => "applications",
            Self::Kustomization => "kustomizations",
            Self::HelmRelease => "helmreleases",
            Self::Rollout => "rollouts",
            Self::GitRepository => "gitrepositories",
            Self::OciRepository => "ocirepositories",
            Self::HelmRepository => "helmrepositories",
            Self::HelmChart => "helmcharts",
            Self::Bucket => "buckets",
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn tool(self) -> &'static str {
        match self {
            Self::Application => "Argo CD",
            Self::Rollout => "Argo Rollouts",
            Self::Kustomization
            | Self::HelmRelease
            | Self::GitRepository
            | Self::OciRepository
            | Self::HelmRepository
            | Self::HelmChart
            | Self::Bucket => "Flux",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which object it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AppId {
    /// The cluster's name in the configuration.
    pub cluster: String,
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
}

/// One object that declares what runs: small, read from the object itself. Texts come from the cluster, cut to a few lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    pub id: AppId,
    /// `None` for a rollout, which says how to change and not to what.
    pub sync: Option<Sync>,
    pub health: Health,
    /// Since when sync and health are as they are.
    pub since: Since,
    pub suspended: Option<Suspended>,
    pub automation: Automation,
    /// Where its manifests are.
    pub origin: Option<Origin>,
    /// Flux: the object that fetches them.
    pub source: Option<AppId>,
    /// What is applied or, for a source, was fetched.
    pub revision: Option<Revision>,
    /// Canary steps.
    pub steps: Option<Steps>,
    pub operation: Option<Operation>,
    /// What its tool says about it, as conditions.
    pub notes: Vec<Note>,
    /// Its resources that are not as they should be; cut to a few.
    pub resources: Vec<Resource>,
    pub images: Vec<String>,
    /// Whom it belongs to: a Slack id or a name.
    pub owner: Option<String>,
}

/// What is applied, held against what is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sync {
    Synced,
    /// The tool is at work on it.
    Syncing {
        message: String,
    },
    OutOfSync {
        message: String,
    },
    /// The tool tried and could not.
    Failed {
        /// Its word for it: `ComparisonError`, `BuildFailed`.
        reason: String,
        message: String,
    },
    /// The tool has not said.
    Unknown {
        message: String,
    },
}

/// Whether what is applied works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    Healthy,
    Progressing { message: String },
    Paused { message: String },
    Degraded { message: String },
    Missing,
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    pub sync: Option<Timestamp>,
    pub health: Option<Timestamp>,
}

/// Its tool was told to leave it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    pub since: Option<Timestamp>,
    /// The field manager that wrote so: `flux`, `kubectl-edit`.
    pub by: Option<String>,
}

/// Whether new revisions and drift are dealt with unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Automation {
    /// Somebody presses Sync.
    Manual,
    /// New revisions are applied.
    Automatic,
    /// Direct changes are undone as well.
    SelfHealing,
}

/// Where manifests or a chart are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// As written, maybe with a secret in it: show [`revision::shown_address`] of it.
    pub repository: String,
    /// Path or chart in it.
    pub path: Option<String>,
    /// Branch, tag or version range that is followed.
    pub follows: Option<String>,
}

/// How far a canary is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// From 0.
    pub current: u32,
    pub count: u32,
    /// Percent of the traffic.
    pub weight: Option<u32>,
    pub aborted: bool,
}

/// What the tool did last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its word for the outcome: `Succeeded`, `Failed`, `Running`, `deployed`.
    pub phase: String,
    pub message: String,
    /// When it ended or, when it has not, began.
    pub at: Option<Timestamp>,
    /// Who asked for it; `None` when nobody did.
    pub by: Option<String>,
    pub revision: Option<Revision>,
}

/// A condition that tells something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// `ComparisonError`, `Ready: ArtifactFailed`
    pub name: String,
    pub message: String,
    pub bad: bool,
    pub since: Option<Timestamp>,
}

/// An object that it declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Problem {
    OutOfSync,
    /// It is in the cluster and no longer in Git.
    ToPrune,
    /// `Degraded: exceeded its progress deadline`
    Unhealthy(String),
    /// The last sync could not apply it.
    NotApplied(String),
}

impl fmt::Display for Resource {
    /// `Deployment prices/hermes: out of sync`; not escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name, problem } = self;
        let slash = if namespace.is_empty() { "" } else { "/" };
        write!(f, "{kind} {namespace}{slash}{name}: ")?;
        match problem {
            Problem::OutOfSync => f.write_str("out of sync"),
            Problem::ToPrune => f.write_str("no longer in Git"),
            Problem::Unhealthy(what) | Problem::NotApplied(what) => f.write_str(what),
        }
    }
}

/// How bad it is, in the order of the list: the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Standing {
    Failed,
    Degraded,
    OutOfSync,
    Suspended,
    Working,
    Unknown,
    Good,
}

impl App {
    #[must_use]
    pub const fn standing(&self) -> Standing {
        match (&self.sync, &self.health) {
            (Some(Sync::Failed { .. }), _) => Standing::Failed,
            (_, Health::Degraded { .. } | Health::Missing) => Standing::Degraded,
            _ if self.suspended.is_some() => Standing::Suspended,
            (Some(Sync::OutOfSync { .. }), _) => Standing::OutOfSync,
            (_, Health::Paused { .. }) => Standing::Suspended,
            (Some(Sync::Syncing { .. }), _) | (_, Health::Progressing { .. }) => Standing::Working,
            (Some(Sync::Unknown { .. }), _) | (None, Health::Unknown) => Standing::Unknown,
            (Some(Sync::Synced), Health::Healthy | Health::Unknown) | (None, Health::Healthy) => Standing::Good,
        }
    }

    /// What its tool says is wrong, in its own words: the most telling there is.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        let sync = match &self.sync {
            Some(
                Sync::Failed { message, .. }
                | Sync::OutOfSync { message }
                | Sync::Syncing { message }
                | Sync::Unknown { message },
            ) => message.as_str(),
            Some(Sync::Synced) | None => "",
        };
        let health = match &self.health {
            Health::Degraded { message } | Health::Paused { message } | Health::Progressing { message } => message,
            Health::Healthy | Health::Missing | Health::Unknown => "",
        };
        let ill = matches!(self.health, Health::Degraded { .. }) && !matches!(self.sync, Some(Sync::Failed { .. }));
        let said = if ill || sync.is_empty() { health } else { sync };
        let unwell = || self.resources.iter().find(|resource| matches!(resource.problem, Problem::Unhealthy(_)));
        let noted = || self.notes.iter().find(|note| note.bad && !note.message.is_empty());
        Some(said.to_owned())
            .filter(|said| !said.is_empty())
            .or_else(|| unwell().map(ToString::to_string))
            .or_else(|| noted().map(|note| note.message.clone()))
    }
}
