//! Keeps one connection up: opens it, renews it before Slack closes it, opens it again when it is lost.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Signal};
use super::{Shared, Stopped};
use crate::slack::api::ApiError;

/// A connection that lived this long was a good one, so the next failure is a first one again.
const STEADY: Duration = Duration::from_mins(1);

/// Why there is no connection.
enum OpenError {
    ForGood(Stopped),
    ForNow { reason: String, at_least: Duration },
}

pub(super) async fn keep(shared: Arc<Shared>, index: u32, stop: CancellationToken) -> Result<(), Stopped> {
    let mut failures = 0;
    // Slack closes what was opened together at about the same time, on replicas that were started together too.
    let mut wait = shared.settings.stagger.saturating_mul(index);
    if index > 0 {
        wait += shared.settings.stagger.mul_f64(fastrand::f64());
    }
    let mut retiring: Option<Connection> = None;
    loop {
        let next = async {
            shared.clock.sleep(wait).await;
            open(&shared).await
        };
        let opened = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            opened = next => Some(opened),
        };
        let mut connection = match opened {
            Some(Ok(connection)) => connection,
            Some(Err(OpenError::ForNow { reason, at_least })) => {
                shared.status.fails(Some(&reason));
                wait = shared.settings.backoff.wait(failures, fastrand::f64()).max(at_least);
                failures = failures.saturating_add(1);
                tracing::warn!("could not open a Socket Mode connection, next try in {wait:?}: {reason}");
                continue;
            }
            Some(Err(OpenError::ForGood(stopped))) => {
                shared.status.fails(None);
                return Err(stopped);
            }
            None => {
                if let Some(old) = retiring {
                    old.retire().await;
                }
                return Ok(());
            }
        };
        // The new one has said hello; now the old one may go.
        if let Some(old) = retiring.take() {
            shared.work.spawn(old.retire());
        }
        let opened_at = shared.clock.now();
        let signal = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            signal = connection.signal() => Some(signal),
        };
        if shared.clock.now().since(opened_at) >= STEADY {
            failures = 0;
        }
        let backoff = shared.settings.backoff.wait(failures, fastrand::f64());
        wait = match signal {
            None => {
                connection.retire().await;
                return Ok(());
            }
            Some(Signal::LinkDisabled) => return Err(Stopped::LinkDisabled),
            Some(Signal::Lost(reason)) => {
                shared.status.lost();
                shared.status.fails(Some(&reason));
                tracing::warn!("lost a Socket Mode connection: {reason}");
                backoff
            }
            Some(Signal::TooMany) => {
                tracing::warn!("Slack has too many connections of this app; is it running somewhere else as well?");
                shared.work.spawn(connection.retire());
                shared.settings.backoff.cap
            }
            // A second hello is harmless; treated like the others it can at worst renew the connection.
            Some(Signal::Hello | Signal::Renew) => {
                retiring = Some(connection);
                if failures == 0 { Duration::ZERO } else { backoff }
            }
        };
        failures = failures.saturating_add(1);
    }
}

/// A connection that has heard Slack's hello.
async fn open(shared: &Arc<Shared>) -> Result<Connection, OpenError> {
    let url = shared.api.apps_connections_open().await.map_err(refused)?;
    let limit = shared.settings.open_timeout;
    let socket = match tokio::time::timeout(limit, super::connection::dial(&url)).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(reason)) => return Err(for_now(reason)),
        Err(_) => return Err(for_now("the websocket handshake timed out")),
    };
    let mut connection = Connection::serve(Arc::clone(shared), socket);
    match tokio::time::timeout(limit, connection.signal()).await {
        Ok(Signal::Hello) => Ok(connection),
        Ok(Signal::LinkDisabled) => Err(OpenError::ForGood(Stopped::LinkDisabled)),
        Ok(Signal::TooMany) => {
            let reason = "Slack has too many connections of this app".to_owned();
            Err(OpenError::ForNow { reason, at_least: shared.settings.backoff.cap })
        }
        Ok(Signal::Renew) => Err(for_now("Slack closed it at once")),
        Ok(Signal::Lost(reason)) => Err(for_now(reason)),
        Err(_) => Err(for_now("Slack said no hello")),
    }
}

fn for_now(reason: impl Into<String>) -> OpenError {
    OpenError::ForNow { reason: reason.into(), at_least: Duration::ZERO }
}

fn refused(error: ApiError) -> OpenError {
    let hopeless = ["not_allowed_token_type", "missing_scope", "invalid_app", "app_not_found"];
    if error.auth_lost() || error.code().is_some_and(|code| hopeless.contains(&code)) {
        return OpenError::ForGood(Stopped::Token(error));
    }
    match error {
        ApiError::RateLimited { retry_after } => OpenError::ForNow { reason: error.to_string(), at_least: retry_after },
        ApiError::NotSent { .. } | ApiError::Unknown { .. } | ApiError::Refused { .. } => for_now(error.to_string()),
    }
}
