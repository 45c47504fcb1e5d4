//! The API server's errors: a `Status` object with Kubernetes' own texts and reasons.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::kinds::Resource;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub code: u16,
    reason: &'static str,
    message: String,
    details: Value,
    retry_after: Option<u32>,
}

impl Refusal {
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: json!({}), retry_after: None }
    }

    pub fn not_found(resource: &Resource, name: &str) -> Self {
        let plural = if resource.group.is_empty() {
            resource.plural.to_owned()
        } else {
            format!("{}.{}", resource.plural, resource.group)
        };
        let details = json!({"name": name, "group": resource.group, "kind": resource.plural});
        Self { details, ..Self::new(404, "NotFound", format!("{plural} \"{name}\" not found")) }
    }

    pub fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub fn conflict(resource: &Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to \
             the latest version and try again",
            resource.plural
        );
        Self::new(409, "Conflict", message)
    }

    pub fn exists(resource: &Resource, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", resource.plural))
    }

    pub fn invalid(resource: &Resource, name: &str, why: &str) -> Self {
        Self::new(422, "Invalid", format!("{} \"{name}\" is invalid: {why}", resource.kind))
    }

    /// A continue token or a resource version from before the history that is kept.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub fn too_many(retry_after: u32) -> Self {
        let message = "Too many requests, please try again later.";
        Self { retry_after: Some(retry_after), ..Self::new(429, "TooManyRequests", message) }
    }

    /// An eviction that a disruption budget does not allow now.
    pub fn budget(name: &str, healthy: i64, needed: i64) -> Self {
        let cause = format!("The disruption budget {name} needs {needed} healthy pods and has {healthy} currently");
        let details = json!({"causes": [{"reason": "DisruptionBudget", "message": cause}]});
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        Self { details, ..Self::new(429, "TooManyRequests", message) }
    }

    pub fn body(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
            "reason": self.reason, "details": self.details, "code": self.code,
        })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body())).into_response();
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after));
        }
        response
    }
}
