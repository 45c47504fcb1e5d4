//! Slack's requests: looked at by their heads before anything is read, bounded, verified on the exact bytes, parsed, taken in, acknowledged inside three seconds.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::flow::Flow;
use crate::flow::receive::Ack;
use crate::slack::inbound::parse_http;
use crate::slack::signature::{Claim, Refusal, Verifier};

use super::body::{Room, Unread};
use super::seats::Seat;

/// Slack waits three seconds; the rest is for the way back.
const ACK_WITHIN: Duration = Duration::from_millis(2500);

#[derive(Clone)]
pub(super) struct Door {
    pub flow: Arc<Flow>,
    pub verifier: Verifier,
    pub room: Room,
    pub body_limit: usize,
}

pub(super) async fn take(
    State(Door { flow, verifier, room, body_limit }): State<Door>,
    seat: Option<Extension<Arc<Seat>>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let came_at = flow.now();
    let claim = match Claim::of(&headers, came_at) {
        Ok(claim) => claim,
        Err(refused) => return unsigned(&flow, &refused),
    };
    let body = match room.read(&headers, body, body_limit).await {
        Ok(body) => body,
        Err(unread) => {
            flow.metrics.refused(if unread == Unread::Full { "busy" } else { "body" });
            return refusal(unread.status(), "the body is too large or broke off, or too many came at once");
        }
    };
    if let Err(refused) = verifier.verify(&claim, &body.bytes) {
        return unsigned(&flow, &refused);
    }
    let _at_work = seat.map(|Extension(seat)| seat.work());
    flow.heard_from_slack(came_at);
    let delivery = parse_http(&headers, &body.bytes);
    drop(body);
    let ack = Arc::clone(&flow).take(delivery, ACK_WITHIN).await;
    flow.metrics.acked(flow.now().since(came_at));
    response(ack)
}

fn unsigned(flow: &Flow, refused: &Refusal) -> Response {
    flow.metrics.refused("signature");
    tracing::warn!(reason = %refused, "refused a request that Slack did not sign for us");
    refusal(StatusCode::UNAUTHORIZED, "the signature is not Slack's")
}

fn response(ack: Ack) -> Response {
    match ack {
        Ack::Empty => Response::new(Body::empty()),
        Ack::Body(body) => {
            let mut response = Response::new(Body::from(body.into_text()));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Ack::Unstored => refusal(StatusCode::SERVICE_UNAVAILABLE, "nothing was stored; deliver it again"),
    }
}

fn refusal(status: StatusCode, why: &'static str) -> Response {
    let mut response = Response::new(Body::from(why));
    *response.status_mut() = status;
    response
}
