//! alloy's transport over our own HTTP: its own reads replies of any size.

use std::task::{Context, Poll};

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use tower_service::Service;

use crate::chain::http::{CallError, Http};

#[derive(Clone)]
pub(super) struct Transport(pub Http);

impl Service<RequestPacket> for Transport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let Self(http) = self.clone();
        Box::pin(async move {
            let body = packet.serialize().map_err(TransportError::ser_err)?;
            let reply = http.post(body.get().as_bytes().to_vec()).await.map_err(TransportErrorKind::custom)?;
            reply.json().map_err(TransportErrorKind::custom)
        })
    }
}

/// One line of what went wrong.
pub(super) fn call_error(error: &TransportError) -> CallError {
    match error {
        TransportError::ErrorResp(payload) => CallError::Refused {
            code: payload.code,
            message: payload.message.lines().next().unwrap_or_default().chars().take(200).collect(),
        },
        TransportError::Transport(TransportErrorKind::Custom(error)) => match error.downcast_ref::<CallError>() {
            Some(error) => error.clone(),
            None => CallError::Transport(error.to_string()),
        },
        TransportError::DeserError { err, .. } => CallError::Malformed(err.to_string()),
        other => CallError::Malformed(other.to_string().lines().next().unwrap_or_default().chars().take(200).collect()),
    }
}
