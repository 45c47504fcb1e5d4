//! Solana's RPC client over our own HTTP: its own reads replies of any size, and sleeps as long as a node asks it to.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::Value;
use solana_client::api::client_error::{ErrorKind, Result};
use solana_client::api::request::{RpcError, RpcRequest, RpcResponseErrorData};
use solana_client::rpc_sender::{RpcSender, RpcTransportStats};

use crate::chain::http::{CallError, Http, RpcReply};

pub(super) struct Sender {
    http: Http,
    id: AtomicU64,
}

impl Sender {
    pub const fn new(http: Http) -> Self {
        Self { http, id: AtomicU64::new(0) }
    }

    async fn call(&self, request: RpcRequest, params: Value) -> Result<Value> {
        let body = request.build_request_json(self.id.fetch_add(1, Relaxed), params).to_string();
        let reply = self.http.post(body.into_bytes()).await.and_then(|reply| reply.json::<RpcReply>());
        reply.and_then(RpcReply::result).map_err(|error| match error {
            CallError::Refused { code, message } => {
                RpcError::RpcResponseError { code, message, data: RpcResponseErrorData::Empty }.into()
            }
            other => ErrorKind::Custom(other.to_string()).into(),
        })
    }
}

impl RpcSender for Sender {
    fn send<'a, 'b>(
        &'a self,
        request: RpcRequest,
        params: Value,
    ) -> Pin<Box<dyn Future<Output = Result<Value>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.call(request, params))
    }

    fn get_transport_stats(&self) -> RpcTransportStats {
        RpcTransportStats::default()
    }

    /// Asked for only to be printed, and it may carry a key.
    fn url(&self) -> String {
        String::new()
    }
}
