//! What the API server's answer to a write means for its step.

use std::error::Error as _;
use std::io;

use kube::core::Status;

use super::CannotPlan;
use crate::cluster::ClusterError;
use crate::core::action::journal::Tried;
use crate::core::action::plan::Write;
use crate::core::action::target::Target;

/// How a write ended, when it was not done.
#[derive(Debug)]
pub(super) enum Ended {
    /// Somebody wrote in between: read again, compare, try again.
    Conflict,
    /// An object of that name is there already.
    Exists,
    Tried(Tried),
}

/// The error of a write that was sent, or was about to be.
pub(super) fn ended(error: &Failure, write: &Write) -> Ended {
    let status = match error {
        Failure::Answer(kube::Error::Api(status)) => status,
        Failure::Answer(other) if unsent(other) => {
            return Ended::Tried(Tried::Blocked { why: ClusterError::innermost(other) });
        }
        Failure::Answer(_) | Failure::Late => return Ended::Tried(Tried::Unclear),
    };
    Ended::Tried(match status.code {
        409 if status.reason == "AlreadyExists" => return Ended::Exists,
        409 | 422 if other_object(status) => Tried::Failed { why: OTHER.to_owned() },
        409 => return Ended::Conflict,
        404 if going(write) => Tried::Succeeded { note: GONE.to_owned() },
        404 => Tried::Failed { why: "it is no longer there".to_owned() },
        403 => Tried::Failed { why: format!("the cluster does not allow it: {}", words(status)) },
        401 => Tried::Blocked { why: format!("the credentials are not accepted: {}", words(status)) },
        429 => Tried::Blocked { why: held_back(status) },
        // "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        500 if *write == Write::Evict && status.message.contains("PodDisruptionBudget") => {
            Tried::Failed { why: words(status) }
        }
        408 | 500.. => Tried::Unclear,
        _ => Tried::Failed { why: words(status) },
    })
}

pub(super) const OTHER: &str = "another object has that name now; what was approved is no longer there";
pub(super) const GONE: &str = "it was gone already";

/// A write's error, or that no answer came in time.
#[derive(Debug)]
pub(super) enum Failure {
    Answer(kube::Error),
    Late,
}

/// Whether the write is done when its object is not there.
pub(super) const fn going(write: &Write) -> bool {
    matches!(write, Write::DeletePod | Write::Evict)
}

/// The API server says it about a precondition (`UID in precondition`) or, for a patch, about the field.
fn other_object(status: &Status) -> bool {
    let said = |text: &str| status.message.contains(text);
    said("UID in precondition") || said("uid mismatch") || (said("metadata.uid") && said("immutable"))
}

/// Whether nothing can have reached the API server.
fn unsent(error: &kube::Error) -> bool {
    if matches!(error, kube::Error::BuildRequest(_) | kube::Error::Auth(_) | kube::Error::TlsRequired) {
        return true;
    }
    let mut inner = error.source();
    while let Some(cause) = inner {
        if cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        inner = cause.source();
    }
    false
}

fn words(status: &Status) -> String {
    if status.message.is_empty() { status.reason.clone() } else { status.message.clone() }
}

/// A disruption budget names itself in the causes.
fn held_back(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let budget = causes.into_iter().find(|cause| cause.reason == "DisruptionBudget");
    budget.map_or_else(|| words(status), |cause| cause.message.clone())
}

/// What a refused dry run or an object that cannot be read means for whoever asked.
pub(super) fn cannot(error: ClusterError, target: &Target) -> CannotPlan {
    let cluster = target.cluster.clone();
    match error {
        ClusterError::Forbidden(message) => match missing_rule(&message) {
            Some(rule) => CannotPlan::Forbidden { cluster, rule },
            // An admission webhook's no is a 403 too.
            None => CannotPlan::NotPossible(format!("the cluster does not allow it: {message}")),
        },
        ClusterError::NotFound(_) => CannotPlan::NotFound { target: target.clone(), nearest: Vec::new() },
        ClusterError::Refused { code: 409, .. } => {
            CannotPlan::NotPossible(format!("{target} is being changed at this moment; ask again"))
        }
        ClusterError::Refused { code, message } if code < 500 => {
            CannotPlan::NotPossible(format!("the cluster refuses it: {message}"))
        }
        ClusterError::Unknown { cluster } => CannotPlan::NoCluster { cluster, known: Vec::new() },
        other => CannotPlan::Unreachable { cluster, why: other.to_string() },
    }
}

/// `… cannot patch resource "deployments/scale" in API group "apps" …` → `apps deployments/scale: patch`
fn missing_rule(message: &str) -> Option<String> {
    let (_, rest) = message.split_once(" cannot ")?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once('"')?;
    let (_, rest) = rest.split_once("in API group \"")?;
    let (group, _) = rest.split_once('"')?;
    let group = if group.is_empty() { "core" } else { group };
    Some(format!("{group} {resource}: {verb}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, reason: &str, message: &str) -> Failure {
        Failure::Answer(kube::Error::Api(Status::failure(message, reason).with_code(code).boxed()))
    }

    fn tried(failure: &Failure, write: &Write) -> Tried {
        match ended(failure, write) {
            Ended::Tried(tried) => tried,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_may_have_happened_is_never_called_failed() {
        for code in [408, 500, 502, 503, 504, 599] {
            assert_eq!(
                tried(&api(code, "InternalError", "etcdserver: request timed out"), &Write::Restart),
                Tried::Unclear
            );
        }
        assert_eq!(tried(&Failure::Late, &Write::Restart), Tried::Unclear);
        let cut = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(tried(&Failure::Answer(kube::Error::ReadEvents(cut)), &Write::Restart), Tried::Unclear);
    }

    #[test]
    fn what_did_not_reach_the_server_is_tried_again() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let tried = tried(&Failure::Answer(kube::Error::ReadEvents(refused)), &Write::Restart);
        assert!(matches!(tried, Tried::Blocked { .. }), "{tried:?}");
    }

    #[test]
    fn a_refusal_is_a_failure_and_what_holds_it_back_is_not() {
        let of = |code, reason, message| tried(&api(code, reason, message), &Write::Restart);
        assert!(matches!(of(403, "Forbidden", "no"), Tried::Failed { .. }));
        assert!(matches!(of(422, "Invalid", "spec.replicas"), Tried::Failed { .. }));
        assert!(matches!(of(404, "NotFound", "gone"), Tried::Failed { .. }));
        assert!(matches!(of(429, "TooManyRequests", "later"), Tried::Blocked { .. }));
        assert!(matches!(of(401, "Unauthorized", "token"), Tried::Blocked { .. }));
        assert!(matches!(
            ended(&api(409, "Conflict", "the object has been modified"), &Write::Restart),
            Ended::Conflict
        ));
        assert!(matches!(ended(&api(409, "AlreadyExists", "x"), &Write::Restart), Ended::Exists));
    }

    #[test]
    fn another_object_of_the_same_name_is_a_failure_and_no_conflict() {
        let precondition = "Precondition failed: UID in precondition: a, UID in object meta: b";
        let field = "Deployment.apps \"x\" is invalid: metadata.uid: Invalid value: \"a\": field is immutable";
        for failure in [api(409, "Conflict", precondition), api(422, "Invalid", field)] {
            assert_eq!(tried(&failure, &Write::Restart), Tried::Failed { why: OTHER.to_owned() });
        }
    }

    #[test]
    fn an_eviction_says_which_budget_holds_it_back() {
        let text = r#"{"kind":"Status","status":"Failure","code":429,"reason":"TooManyRequests",
            "message":"Cannot evict pod as it would violate the pod's disruption budget.",
            "details":{"causes":[{"reason":"DisruptionBudget","message":"The disruption budget hermes needs 2 healthy pods and has 2 currently"}]}}"#;
        let status: Status = serde_json::from_str(text).unwrap();
        let held = tried(&Failure::Answer(kube::Error::Api(status.boxed())), &Write::Evict);
        assert!(matches!(&held, Tried::Blocked { why } if why.contains("budget hermes needs 2")), "{held:?}");
        let two = api(
            500,
            "InternalError",
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        );
        assert!(matches!(tried(&two, &Write::Evict), Tried::Failed { .. }));
        assert!(matches!(tried(&api(404, "NotFound", ""), &Write::Evict), Tried::Succeeded { .. }));
    }

    #[test]
    fn a_missing_right_is_named_as_a_rule() {
        let message = "deployments.apps \"x\" is forbidden: User \"u\" cannot patch resource \"deployments/scale\" in API \
                       group \"apps\" in the namespace \"feeds\"";
        assert_eq!(missing_rule(message).as_deref(), Some("apps deployments/scale: patch"));
        let core = "pods is forbidden: User \"u\" cannot list resource \"pods\" in API group \"\" at the cluster scope";
        assert_eq!(missing_rule(core).as_deref(), Some("core pods: list"));
        assert_eq!(missing_rule("admission webhook \"x\" denied the request: no"), None);
    }
}
