//! Those who post alerts: their tokens, and the end of what they no longer speak of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::config::Config;
use crate::config::secrets::Environment;
use crate::flow::Flow;
use crate::prometheus::{Address, Alertmanagers, Client, Server};
use crate::web::notified::Senders;

use super::StartError;
use super::loops::every;

/// How late the end of what nobody speaks of may be.
const LOOK: Duration = Duration::from_secs(15);

pub(super) fn senders(config: &Config, environment: &Environment) -> Result<Senders, StartError> {
    let mut senders = Vec::new();
    for one in &config.prometheus.alertmanagers {
        let token = environment.secret(&one.token_env)?.filter(|token| !token.expose_secret().trim().is_empty());
        let missing = || StartError::Sender { name: one.name.clone(), variable: one.token_env.clone() };
        senders.push((one.name.clone(), token.ok_or_else(missing)?));
    }
    Ok(Senders(senders))
}

/// Where graphs come from.
pub(crate) fn client(config: &Config, environment: &Environment) -> Result<Client, StartError> {
    let failed = |error: String| StartError::Prometheus(error);
    let server = match &config.prometheus.server {
        None => None,
        Some(server) => {
            let url = Url::parse(&server.url).map_err(|error| failed(error.to_string()))?;
            let token = server.token_env.as_deref().map(|name| token(environment, name)).transpose()?;
            Some(Server { url, token })
        }
    };
    Client::new(server).map_err(|error| failed(error.to_string()))
}

/// A bearer token to send.
fn token(environment: &Environment, name: &str) -> Result<SecretString, StartError> {
    let missing = || StartError::Prometheus(format!("{name} is not set; give the bearer token there"));
    environment.secret(name)?.ok_or_else(missing)
}

/// Where silences hold, too.
pub(crate) fn alertmanagers(config: &Config, environment: &Environment) -> Result<Alertmanagers, StartError> {
    let mut addresses = BTreeMap::new();
    for one in &config.prometheus.alertmanagers {
        if let Some(url) = &one.url {
            let url = Url::parse(url).map_err(|error| StartError::Prometheus(error.to_string()))?;
            let token = one.url_token_env.as_deref().map(|name| token(environment, name)).transpose()?;
            addresses.insert(one.name.clone(), Address { url, token });
        }
    }
    Alertmanagers::new(addresses).map_err(|error| StartError::Prometheus(error.to_string()))
}

pub(super) fn silencers(config: &Config) -> BTreeSet<String> {
    let with_address = config.prometheus.alertmanagers.iter().filter(|one| one.url.is_some());
    with_address.map(|one| one.name.clone()).collect()
}

/// After how much silence whose alerts end.
pub(super) fn externals(config: &Config) -> BTreeMap<String, Duration> {
    let limit = |one: &crate::config::prometheus::Alertmanager| (one.name.clone(), one.resolve_after.duration());
    config.prometheus.alertmanagers.iter().map(limit).collect()
}

pub(super) fn spawn(flow: &Arc<Flow>, tasks: &TaskTracker, stop: &CancellationToken) {
    tasks.spawn(every(flow, LOOK, stop.clone(), |flow: Arc<Flow>| async move { flow.end_silent().await }));
}
