//! From configuration to wired parts; whatever is missing is named together with how to get it.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

use crate::chain;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::config::secrets::{BadSecret, Environment};
use crate::config::sections::Mode;
use crate::config::sources::HermesSource;
use crate::core::audit::Record;
use crate::core::ids::{Actor, Ids};
use crate::feeds::hermes::{self, Hermes, Wanted};
use crate::flow::look::Link;
use crate::flow::{Extra, Flow, Parts, Settings, StepError, Waits};
use crate::metrics::Metrics;
use crate::slack::api::{ApiSettings, SetupError, WebApi};
use crate::slack::signature::{EmptySecret, Verifier};
use crate::slack::socket::SocketStatus;
use crate::store::{self, Backend, Store, StoreError, jobs};

use super::audit::{BadKey, Checkpoints};
use super::liveness::HeartbeatUrl;
use super::{App, SourceCounters};

/// What the outside gives a bot besides its configuration.
pub struct Wiring {
    pub config: Config,
    pub environment: Environment,
    pub clock: SharedClock,
    pub ids: Arc<dyn Ids>,
    /// For jitter.
    pub seed: u64,
    pub waits: Waits,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0} is not set; {1}")]
    Missing(&'static str, &'static str),
    #[error(transparent)]
    Secret(#[from] BadSecret),
    #[error(transparent)]
    Signing(#[from] EmptySecret),
    #[error(transparent)]
    Slack(#[from] SetupError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot listen on {address}: {error}")]
    Listen { address: std::net::SocketAddr, error: std::io::Error },
    #[error("the source `{source_name}` cannot be set up: {error}")]
    Source { source_name: String, error: String },
    #[error(
        "the Alertmanager `{name}` cannot post: {variable} is not set; give its bearer token there, or the path of a file that holds it in {variable}_FILE"
    )]
    Sender { name: String, variable: String },
    #[error("`prometheus.server` cannot be used: {0}")]
    Prometheus(String),
    #[error("`actions.github` cannot be used: {0}")]
    GitHub(String),
    #[error("the paging service `{service}` cannot be set up: {error}")]
    Paging { service: String, error: String },
    #[error("a schedule cannot be fetched: {error}")]
    Schedule { error: String },
    #[error("the chain `{chain}` cannot be read: {error}")]
    Chain { chain: String, error: String },
    #[error("the hot wallet `{wallet}` cannot pay: {error}")]
    HotWallet { wallet: String, error: String },
    #[error(
        "`replicas.divide` wants Postgres: a SQLite database has one process, which has nobody to divide the watch with; set DATABASE_URL or database.url to a postgres:// address, or leave `replicas.divide` out"
    )]
    Undivided,
    #[error(transparent)]
    AuditKey(BadKey),
    #[error("the first audit entry could not be written: {0}")]
    Audit(#[from] StepError),
}

impl App {
    /// Opens the store, takes the lease when it is free, binds the ports. Nothing runs yet.
    pub async fn start(wiring: Wiring) -> Result<Self, StartError> {
        // Only the first in a process counts; tests start several bots.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let Wiring { config, environment, clock, ids, seed, waits } = wiring;
        let listener = bind(config.http.listen).await?;
        let metrics_listener = match config.http.metrics_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let store = open_store(&config, &environment).await?;
        let (api, verifier) = slack(&config, &environment)?;
        let (sources, counters) = sources(&config, &environment, &clock, seed)?;
        let shards = super::shards::divided(&config);
        if shards.is_some() && store.backend() == Backend::Sqlite {
            return Err(StartError::Undivided);
        }
        let now = clock.now();
        let link = match config.slack.mode {
            Mode::Http => Link::Http { last_request_at: None },
            Mode::Socket => Link::Down { since: now, error: "not connected yet".to_owned() },
        };
        let holder = Flow::holder_name(store.backend(), ids.as_ref(), now);
        jobs::abandon(&store, &holder).await?;
        let clusters = super::clusters::connections(&config);
        let ci = super::actions::ci(&config, &environment, &clock)?;
        let metrics = Arc::new(Metrics::default());
        let chains = super::balances::chains(&config, &environment, &clock, &metrics)?;
        let purses = super::actions::purses(&config, &environment).into_iter().collect::<Result<_, _>>();
        let purses = purses.map_err(|(wallet, error)| StartError::HotWallet { wallet, error })?;
        let loops = super::balances::loops(&config, &chains);
        let payers = chain::write::Hands::new(chains.all, purses, &chains.hosts);
        for purse in payers.purses() {
            let address = purse.key.address();
            tracing::info!(wallet = purse.name, chain = purse.chain, %address, "a hot wallet can pay");
            if config.balances.chain(&purse.chain).is_some_and(|chain| chain.endpoints.len() < 2) {
                tracing::warn!(chain = purse.chain, "one endpoint alone says what came of payments; name another");
            }
        }
        let flow = Flow::new(Parts {
            clock,
            ids,
            store,
            metrics,
            api,
            holder,
            seed,
            settings: settings(&config),
            rules: config.rules.clone(),
            policy: policy(&config),
            link,
            paging: super::paging::services(&config, &environment)?,
            apps: super::gitops::apps(&config, &clusters),
            clusters,
            ci,
            payers,
            cluster_settings: super::clusters::rules(&config),
            prometheus: super::prometheus::client(&config, &environment)?,
            alertmanagers: super::prometheus::alertmanagers(&config, &environment)?,
            waits,
            shards,
        });
        let flow = Arc::new(flow);
        super::balances::watch(&flow, &config).await;
        flow.keep_lease().await?;
        flow.recall_home().await?;
        let schedules = super::oncall::sources(&config, &environment)?;
        flow.refresh_on_call().await?;
        super::oncall::restore(&flow, &schedules).await?;
        flow.refresh_handoffs().await?;
        flow.commit_extra(Extra { records: vec![loaded(&config, &flow)], ..Extra::default() }).await?;
        let senders = super::prometheus::senders(&config, &environment)?;
        let heartbeat = HeartbeatUrl::of(&config, &environment)?;
        let checkpoints = Checkpoints::of(&config, &environment)?.map(Arc::new);
        let socket_status = Arc::new(SocketStatus::default());
        Ok(Self {
            flow,
            config,
            listener,
            metrics_listener,
            verifier,
            senders,
            sources,
            counters,
            socket_status,
            heartbeat,
            checkpoints,
            schedules,
            chains: loops,
            seed,
        })
    }
}

async fn bind(address: std::net::SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, error })
}

/// Opens the database that `config` or the environment names, and brings its schema up to date.
pub async fn open_store(config: &Config, environment: &Environment) -> Result<Store, StartError> {
    let store = Store::connect(&store_settings(config, environment)?).await?;
    store.migrate().await?;
    Ok(store)
}

/// Which database `config` or the environment names.
pub fn store_settings(config: &Config, environment: &Environment) -> Result<store::Settings, BadSecret> {
    let url = environment.secret("DATABASE_URL")?;
    Ok(store::Settings::new(url.unwrap_or_else(|| SecretString::from(config.database.url.clone()))))
}

fn slack(config: &Config, environment: &Environment) -> Result<(WebApi, Option<Verifier>), StartError> {
    let bot_token = environment.secret("SLACK_BOT_TOKEN")?.ok_or(StartError::Missing(
        "SLACK_BOT_TOKEN",
        "copy the Bot User OAuth Token (xoxb-…) from the app's OAuth & Permissions page",
    ))?;
    let mut settings = ApiSettings { base_url: config.slack.api_url.clone(), ..ApiSettings::new(bot_token) };
    let verifier = match config.slack.mode {
        Mode::Socket => {
            settings.app_token = Some(environment.secret("SLACK_APP_TOKEN")?.ok_or(StartError::Missing(
                "SLACK_APP_TOKEN",
                "socket mode needs an app-level token (xapp-…) with connections:write, from Basic Information",
            ))?);
            None
        }
        Mode::Http => {
            let secret = environment.secret("SLACK_SIGNING_SECRET")?.ok_or(StartError::Missing(
                "SLACK_SIGNING_SECRET",
                "http mode needs the signing secret from the app's Basic Information page",
            ))?;
            Some(Verifier::new(&secret)?)
        }
    };
    Ok((WebApi::new(&settings)?, verifier))
}

fn sources(
    config: &Config,
    environment: &Environment,
    clock: &SharedClock,
    seed: u64,
) -> Result<(Vec<Hermes>, SourceCounters), StartError> {
    let counters: SourceCounters = config.sources.iter().map(|source| (source.name.clone(), Arc::default())).collect();
    let make = |(source, (_, counters)): (&HermesSource, &(String, Arc<hermes::Counters>))| {
        let name = || source.name.clone();
        let failed = |error: String| StartError::Source { source_name: name(), error };
        let settings = hermes_settings(source, environment).map_err(failed)?;
        Hermes::new(settings, clock.clone(), seed, Arc::clone(counters)).map_err(|error| failed(error.to_string()))
    };
    let sources = config.sources.iter().zip(&counters).map(make).collect::<Result<_, _>>()?;
    Ok((sources, counters))
}

/// A source as its client takes it.
///
/// # Errors
/// A secret that is given twice or cannot be read, or an address that is none.
pub fn hermes_settings(source: &HermesSource, environment: &Environment) -> Result<hermes::Settings, String> {
    let endpoints: Result<Vec<Url>, _> = source.endpoints.iter().map(|text| Url::parse(text)).collect();
    let endpoints = endpoints.map_err(|error| error.to_string())?;
    let mut settings = hermes::Settings::new(&source.name, endpoints);
    settings.token_env.clone_from(&source.token_env);
    settings.token = environment.secret(&source.token_env).map_err(|error| error.to_string())?;
    settings.wanted = Wanted {
        ids: source.feeds.ids.clone(),
        symbols: source.feeds.symbols.clone(),
        asset_classes: source.feeds.asset_classes.clone(),
    };
    Ok(settings)
}

/// What the use cases take from the configuration.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        receivers: config.receivers.iter().map(|receiver| (receiver.name.clone(), receiver.clone())).collect(),
        access: config.access.clone(),
        oncall: super::oncall::settings(config),
        actions: super::actions::settings(config),
        incidents: config.incidents.clone(),
        late_after: config.slack.late_after.duration(),
        digest_after: config.slack.digest_after,
        escalation: config.escalation.clone(),
        externals: super::prometheus::externals(config),
        sources: config.sources.iter().map(|source| source.name.clone()).collect(),
        silencers: super::prometheus::silencers(config),
        graphs: config.prometheus.graphs.clone(),
    }
}

/// The alerting policy, with the built-in inhibitions: a source that is down is one alert, not one per feed or app.
pub(super) fn policy(config: &Config) -> crate::core::engine::Policy {
    let mut policy = config.alerting.clone();
    policy.inhibit.extend(crate::core::detect::default_inhibitions());
    if !config.clusters.is_empty() {
        policy.inhibit.extend(crate::core::workload::rules::default_inhibitions());
    }
    policy.inhibit.extend(crate::core::wallet::watch::default_inhibitions());
    policy.inhibit.extend(crate::core::gitops::rules::default_inhibitions());
    policy
}

/// The audit record of a configuration: its hash, so that it can be told which one was in force.
pub(super) fn loaded(config: &Config, flow: &Flow) -> Record {
    use sha2::{Digest, Sha256};
    let text = serde_json::to_string(config).unwrap_or_default();
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    Record {
        at: flow.now(),
        actor: Actor::System,
        action: "config.loaded".to_owned(),
        subject: "config".to_owned(),
        detail: json!({ "sha256": hash, "version": env!("CARGO_PKG_VERSION") }).to_string(),
    }
}
