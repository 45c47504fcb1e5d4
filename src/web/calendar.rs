//! Somebody's shifts as a calendar, under an address that only they know.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::flow::Flow;

/// `/calendar/<token>.ics`; an unknown token is nothing, like any other address.
pub(super) async fn take(State(flow): State<Arc<Flow>>, Path(file): Path<String>) -> Response {
    let Some(token) = file.strip_suffix(".ics") else { return StatusCode::NOT_FOUND.into_response() };
    match flow.calendar(token).await {
        Ok(Some(text)) => {
            let mut response = text.into_response();
            let kind = HeaderValue::from_static("text/calendar; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            flow.metrics.store_failed();
            tracing::warn!(error = %error, "a calendar could not be made");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
