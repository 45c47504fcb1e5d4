//! Who manages an object of a cluster, told from its labels, annotations and field managers: what Argo CD, Flux or Helm
//! apply is theirs, and a direct change to it does not last.
//! Sources: Argo CD, "Resource Tracking"; Flux, "Kustomization" and "HelmRelease"; Helm, "Labels and Annotations".

use std::collections::BTreeMap;
use std::fmt;

use super::Kind;

const ARGO_TRACKING: &str = "argocd.argoproj.io/tracking-id";
const ARGO_INSTANCE: &str = "argocd.argoproj.io/instance";
const INSTANCE: &str = "app.kubernetes.io/instance";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const HELM_RELEASE: &str = "meta.helm.sh/release-name";
const HELM_NAMESPACE: &str = "meta.helm.sh/release-namespace";
/// Flux leaves an object alone that says so.
const FLUX_RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
const FLUX_APPLY: &str = "kustomize.toolkit.fluxcd.io/ssa";

/// The parts of an object that tell who manages it.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    /// API group; empty for the core group.
    pub group: &'a str,
    pub kind: &'a str,
    /// Empty for what has none.
    pub namespace: &'a str,
    pub name: &'a str,
    pub labels: &'a BTreeMap<String, String>,
    pub annotations: &'a BTreeMap<String, String>,
    /// `metadata.managedFields[].manager`
    pub field_managers: &'a [String],
}

/// What applies an object, and what it does to a direct change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    pub by: By,
    pub reverts: Reverts,
}

/// What applies an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// An Argo CD Application; its namespace is told only for one outside Argo CD's own.
    Application { namespace: Option<String>, name: String },
    /// A Flux Kustomization.
    Kustomization { namespace: String, name: String },
    /// A Flux HelmRelease.
    HelmRelease { namespace: String, name: String },
    /// A release that somebody installs with Helm.
    Helm { namespace: String, release: String },
}

/// When a direct change is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reverts {
    /// Whenever the tool reconciles next, within minutes.
    Soon,
    /// With the next sync; at once if the application heals itself.
    AtSync,
    /// With the next upgrade of the release; within minutes if drift is corrected.
    AtUpgrade,
    /// The object tells its tool to leave it alone.
    Never,
}

impl By {
    /// The declaring object, as the list of apps knows it; Helm alone has none.
    #[must_use]
    pub fn declared(&self) -> Option<(Kind, Option<&str>, &str)> {
        match self {
            Self::Application { namespace, name } => Some((Kind::Application, namespace.as_deref(), name)),
            Self::Kustomization { namespace, name } => Some((Kind::Kustomization, Some(namespace), name)),
            Self::HelmRelease { namespace, name } => Some((Kind::HelmRelease, Some(namespace), name)),
            Self::Helm { .. } => None,
        }
    }
}

/// `Argo CD application payments`; not escaped.
impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application { namespace: None, name } => write!(f, "Argo CD application {name}"),
            Self::Application { namespace: Some(namespace), name } => {
                write!(f, "Argo CD application {namespace}/{name}")
            }
            Self::Kustomization { namespace, name } => write!(f, "Flux Kustomization {namespace}/{name}"),
            Self::HelmRelease { namespace, name } => write!(f, "Flux HelmRelease {namespace}/{name}"),
            Self::Helm { namespace, release } => write!(f, "Helm release {namespace}/{release}"),
        }
    }
}

/// Who manages the object; `None` when nothing says that anybody does. Ask it about the object that is declared (the
/// Deployment, not its Pod): what a controller makes out of it carries no marks. To show it: `slack::blocks::gitops::managed`.
#[must_use]
pub fn manager(marks: &Marks) -> Option<Manager> {
    let by = tracked(marks).or_else(|| flux(marks)).or_else(|| argo_label(marks)).or_else(|| helm(marks))?;
    let left_alone = annotation(marks, FLUX_RECONCILE) == Some("disabled")
        || matches!(annotation(marks, FLUX_APPLY), Some("IfNotPresent" | "Ignore"));
    let reverts = match by {
        By::Kustomization { .. } if left_alone => Reverts::Never,
        By::Kustomization { .. } => Reverts::Soon,
        By::Application { .. } => Reverts::AtSync,
        By::HelmRelease { .. } | By::Helm { .. } => Reverts::AtUpgrade,
    };
    Some(Manager { by, reverts })
}

fn label<'a>(marks: &Marks<'a>, name: &str) -> Option<&'a str> {
    marks.labels.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

fn annotation<'a>(marks: &Marks<'a>, name: &str) -> Option<&'a str> {
    marks.annotations.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// `<application>:<group>/<kind>:<namespace>/<name>`. Controllers copy annotations to what they make, so it counts only on
/// the object it names.
fn tracked(marks: &Marks) -> Option<By> {
    let mut parts = annotation(marks, ARGO_TRACKING)?.splitn(3, ':');
    let (application, kind, object) = (parts.next()?, parts.next()?, parts.next()?);
    let (group, kind) = kind.split_once('/')?;
    let (namespace, name) = object.split_once('/')?;
    let same_place = marks.namespace.is_empty() || namespace == marks.namespace;
    let itself = group == marks.group && kind == marks.kind && name == marks.name && same_place;
    itself.then(|| application_named(application))
}

/// Applications outside Argo CD's own namespace are written `<namespace>_<name>`; neither part can hold an underscore.
fn application_named(text: &str) -> By {
    match text.split_once('_') {
        Some((namespace, name)) => By::Application { namespace: Some(namespace.to_owned()), name: name.to_owned() },
        None => By::Application { namespace: None, name: text.to_owned() },
    }
}

fn flux(marks: &Marks) -> Option<By> {
    let of = |group: &str| {
        let part = |part: &str| label(marks, &format!("{group}.toolkit.fluxcd.io/{part}")).map(str::to_owned);
        Some((part("namespace")?, part("name")?))
    };
    of("kustomize")
        .map(|(namespace, name)| By::Kustomization { namespace, name })
        .or_else(|| of("helm").map(|(namespace, name)| By::HelmRelease { namespace, name }))
}

/// Argo CD can track by label alone. Helm charts set the same label, so it counts only where Argo CD wrote to the object.
fn argo_label(marks: &Marks) -> Option<By> {
    if let Some(application) = label(marks, ARGO_INSTANCE) {
        return Some(application_named(application));
    }
    let applied = marks.field_managers.iter().any(|manager| manager.starts_with("argocd"));
    label(marks, INSTANCE).filter(|_| applied).map(application_named)
}

fn helm(marks: &Marks) -> Option<By> {
    let release = annotation(marks, HELM_RELEASE).filter(|_| label(marks, MANAGED_BY) == Some("Helm"))?;
    let namespace = annotation(marks, HELM_NAMESPACE).unwrap_or(marks.namespace);
    Some(By::Helm { namespace: namespace.to_owned(), release: release.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(labels: &[(&str, &str)], annotations: &[(&str, &str)], managers: &[&str]) -> Option<(String, Reverts)> {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let (labels, annotations) = (map(labels), map(annotations));
        let field_managers: Vec<_> = managers.iter().map(|manager| (*manager).to_owned()).collect();
        let found = manager(&Marks {
            group: "apps",
            kind: "Deployment",
            namespace: "prices",
            name: "hermes",
            labels: &labels,
            annotations: &annotations,
            field_managers: &field_managers,
        });
        found.map(|manager| (manager.by.to_string(), manager.reverts))
    }

    fn said(text: &str, reverts: Reverts) -> (String, Reverts) {
        (text.to_owned(), reverts)
    }

    #[test]
    fn an_argo_application_is_known_by_its_tracking_annotation() {
        let tracked = |id: &str| of(&[], &[(ARGO_TRACKING, id)], &[]);
        let by = |text| Some(said(text, Reverts::AtSync));
        assert_eq!(tracked("oracle:apps/Deployment:prices/hermes"), by("Argo CD application oracle"));
        assert_eq!(tracked("team-a_oracle:apps/Deployment:prices/hermes"), by("Argo CD application team-a/oracle"));
    }

    #[test]
    fn an_annotation_that_was_copied_from_another_object_does_not_count() {
        for id in [
            "oracle:apps/StatefulSet:prices/hermes",
            "oracle:apps/Deployment:prices/other",
            "oracle:apps/Deployment:elsewhere/hermes",
            "oracle:extensions/Deployment:prices/hermes",
            "oracle",
            "::/",
        ] {
            assert_eq!(of(&[], &[(ARGO_TRACKING, id)], &[]), None, "{id}");
        }
    }

    #[test]
    fn the_instance_label_is_argos_only_where_argo_wrote() {
        let instance = [(INSTANCE, "oracle")];
        assert_eq!(of(&instance, &[], &["helm"]), None);
        let found = of(&instance, &[], &["kubectl", "argocd-controller"]);
        assert_eq!(found, Some(said("Argo CD application oracle", Reverts::AtSync)));
    }

    #[test]
    fn flux_marks_what_its_kustomizations_and_releases_apply() {
        let kustomize =
            [("kustomize.toolkit.fluxcd.io/name", "apps"), ("kustomize.toolkit.fluxcd.io/namespace", "flux-system")];
        assert_eq!(of(&kustomize, &[], &[]), Some(said("Flux Kustomization flux-system/apps", Reverts::Soon)));
        let off = of(&kustomize, &[(FLUX_RECONCILE, "disabled")], &[]);
        assert_eq!(off, Some(said("Flux Kustomization flux-system/apps", Reverts::Never)));
        let helm = [
            ("helm.toolkit.fluxcd.io/name", "redis"),
            ("helm.toolkit.fluxcd.io/namespace", "prices"),
            (MANAGED_BY, "Helm"),
        ];
        let released = [(HELM_RELEASE, "redis"), (HELM_NAMESPACE, "prices")];
        assert_eq!(of(&helm, &released, &[]), Some(said("Flux HelmRelease prices/redis", Reverts::AtUpgrade)));
    }

    #[test]
    fn a_release_of_helm_alone_is_helms() {
        let released = [(HELM_RELEASE, "redis"), (HELM_NAMESPACE, "prices")];
        let found = of(&[(MANAGED_BY, "Helm")], &released, &["helm"]);
        assert_eq!(found, Some(said("Helm release prices/redis", Reverts::AtUpgrade)));
        assert_eq!(of(&[], &released, &["helm"]), None, "an annotation that was left behind");
    }

    #[test]
    fn what_nobody_marked_is_nobodys() {
        assert_eq!(of(&[("app", "hermes"), ("kustomize.toolkit.fluxcd.io/name", "apps")], &[], &["kubectl"]), None);
    }
}
