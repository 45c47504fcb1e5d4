//! `watchkeeper doctor`: asks every outside part whether it would work, and says how to mend what does not.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::app::{StartError, alertmanagers, github_settings, hermes_settings, prometheus_client, store_settings};
use crate::clock::{Clock, SharedClock, SystemClock};
use crate::config::Config;
use crate::config::secrets::Environment;
use crate::config::sections::Mode;
use crate::core::escalation::Target;
use crate::core::ids::ChannelId;
use crate::core::oncall::{Person, Schedule};
use crate::core::time::Timestamp;
use crate::feeds::hermes;
use crate::slack::api::{ApiSettings, Identity, Standing, WebApi};
use crate::slack::manifest;
use crate::store::{Fit, Schema, Store, StoreError};

use super::{Failure, chains, features, hot_wallets, rbac, say};

/// Slack refuses signatures five minutes apart; a minute is already a sign of a clock that nobody sets.
const CLOCK_MAY_DIFFER: Duration = Duration::from_mins(1);
/// A lease lives eight seconds and is renewed every three.
const DATABASE_MAY_DIFFER: Duration = Duration::from_secs(2);
const SOURCE_ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// What was found out, printed as it comes.
#[derive(Default)]
pub(super) struct Findings {
    good: usize,
    wrong: usize,
}

impl Findings {
    pub(super) fn good(&mut self, what: &str) -> std::io::Result<()> {
        self.good += 1;
        say(&format!("  ok    {what}"))
    }

    pub(super) fn bad(&mut self, what: &str, fix: &str) -> std::io::Result<()> {
        self.wrong += 1;
        say(&format!("  WRONG {what}\n        fix: {fix}"))
    }
}

pub(super) async fn doctor(config: &Config, env: &Environment) -> Result<ExitCode, Failure> {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let mut findings = Findings::default();
    say("Slack")?;
    match api(config, env) {
        Ok(api) => {
            if let Some(identity) = token(&api, config, &mut findings).await? {
                clock(&identity, &mut findings)?;
                channels(&api, config, &mut findings).await?;
                people(&api, config, &identity, &mut findings).await?;
            }
            socket(&api, config, &mut findings).await?;
        }
        Err((what, fix)) => findings.bad(&what, &fix)?,
    }
    say("Database")?;
    database(config, env, &mut findings).await?;
    say("Sources")?;
    sources(config, env, &mut findings).await?;
    if !config.balances.chains.is_empty() {
        say("Chains")?;
        chains::check(config, env, &mut findings).await?;
    }
    if !config.clusters.is_empty() {
        say("Clusters")?;
        rbac::check(config, &mut findings).await?;
    }
    let asked = config.prometheus.alertmanagers.iter().any(|one| one.url.is_some());
    if config.prometheus.server.is_some() || asked {
        say("Prometheus")?;
        prometheus(config, env, &mut findings).await?;
    }
    if !config.actions.workflows.is_empty() {
        say("GitHub")?;
        workflows(config, env, &mut findings).await?;
    }
    if config.actions.enabled && !config.actions.hot_wallets.is_empty() {
        say("Hot wallets")?;
        hot_wallets::check(config, env, &mut findings).await?;
    }
    if findings.wrong == 0 {
        say(&format!("all {} checks are well", findings.good))?;
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{} to mend, {} well", findings.wrong, findings.good))?;
    Ok(ExitCode::FAILURE)
}

fn api(config: &Config, env: &Environment) -> Result<WebApi, (String, String)> {
    let secret = |name: &str| env.secret(name).map_err(|error| (error.to_string(), "see .env.example".to_owned()));
    let page = "copy it from the Slack app's settings, see .env.example";
    let need = |name: &str| -> Result<SecretString, (String, String)> {
        secret(name)?.ok_or_else(|| (format!("{name} is not set"), page.to_owned()))
    };
    let mut settings =
        ApiSettings { base_url: config.slack.api_url.clone(), ..ApiSettings::new(need("SLACK_BOT_TOKEN")?) };
    match config.slack.mode {
        Mode::Socket => settings.app_token = Some(need("SLACK_APP_TOKEN")?),
        Mode::Http => drop(need("SLACK_SIGNING_SECRET")?),
    }
    WebApi::new(&settings).map_err(|error| (error.to_string(), page.to_owned()))
}

async fn token(api: &WebApi, config: &Config, findings: &mut Findings) -> Result<Option<Identity>, Failure> {
    let identity = match api.auth_test().await {
        Ok(identity) => identity,
        Err(error) => {
            let fix = if error.auth_lost() {
                "install the app to the workspace again and set SLACK_BOT_TOKEN to the new token"
            } else {
                "check the network to Slack (proxy, firewall, DNS) and slack.api_url"
            };
            findings.bad(&format!("bot token: {error}"), fix)?;
            return Ok(None);
        }
    };
    let team = identity.team_name.as_deref().unwrap_or(identity.team.as_str());
    findings.good(&format!("bot token: {} in {team}", identity.bot_user))?;
    if identity.is_enterprise_install {
        findings.bad(
            "the app is installed for a whole organization; rights go by workspace, so the bot takes nobody there for a colleague",
            "install it into the one workspace it is for (its manifest leaves org deployment off)",
        )?;
    }
    match features(config) {
        Ok(features) => {
            let missing = manifest::missing_scopes(&features, &identity.scopes);
            for scope in &missing {
                findings.bad(
                    &format!("scope {} is not granted: {}", scope.name, scope.reason),
                    "add it under OAuth & Permissions (or paste `watchkeeper manifest`), then reinstall the app",
                )?;
            }
            if missing.is_empty() {
                findings.good("every scope that is needed is granted")?;
            }
        }
        Err(error) => findings.bad(&error.to_string(), "set it in the configuration file")?,
    }
    Ok(Some(identity))
}

fn clock(identity: &Identity, findings: &mut Findings) -> Result<(), Failure> {
    let Some(theirs) = identity.server_time else { return Ok(()) };
    let fix = "let NTP set the clock; at 300 s Slack's requests are refused";
    clocks("Slack", theirs, CLOCK_MAY_DIFFER, fix, findings)
}

/// Whether this machine's clock agrees with somebody's, read just now, but for `most`.
fn clocks(whose: &str, theirs: Timestamp, most: Duration, fix: &str, findings: &mut Findings) -> Result<(), Failure> {
    let ours = SystemClock::new(1).now();
    let apart = ours.since(theirs).max(theirs.since(ours));
    if apart > most {
        findings.bad(&format!("this machine's clock is {} s from {whose}'s", apart.as_secs()), fix)?;
    } else {
        findings.good(&format!("this machine's clock agrees with {whose}'s"))?;
    }
    Ok(())
}

async fn channels(api: &WebApi, config: &Config, findings: &mut Findings) -> Result<(), Failure> {
    let receivers = config.receivers.iter().flat_map(|r| [Some(&r.channel), r.fallback_channel.as_ref()]).flatten();
    let approvals = config.actions.channel.as_ref().filter(|_| config.actions.enabled);
    let others = config.canary.as_ref().map(|canary| &canary.channel).into_iter().chain(approvals);
    let mut wanted: Vec<&ChannelId> = receivers.chain(others).collect();
    wanted.sort();
    wanted.dedup();
    for channel in wanted {
        match api.conversations_info(channel).await {
            Ok(found) => {
                let name = found.name.map_or_else(|| channel.to_string(), |name| format!("#{name}"));
                if found.is_archived {
                    findings.bad(&format!("{name} is archived"), "unarchive it, or name another channel")?;
                } else if found.is_member {
                    findings.good(&format!("{name}: the bot is a member"))?;
                } else {
                    findings.bad(&format!("the bot is not in {name}"), "type `/invite @watchkeeper` there")?;
                }
            }
            Err(error) => {
                let fix = match error.code() {
                    Some("missing_scope") => "grant the scopes named above first",
                    _ => "compare the id with the channel's details in Slack; invite the bot if it is private",
                };
                findings.bad(&format!("channel {channel}: {error}"), fix)?;
            }
        }
    }
    Ok(())
}

/// Everybody in schedules and escalation policies: one who left, or was mistyped, is called by nobody.
async fn people(api: &WebApi, config: &Config, identity: &Identity, findings: &mut Findings) -> Result<(), Failure> {
    let in_schedules = config.oncall.schedules.iter().flat_map(Schedule::people).chain(config.oncall.people.values());
    let targets = config.escalation.policies.iter().flat_map(|policy| &policy.steps).flat_map(|step| &step.targets);
    let told = targets.filter_map(|target| match target {
        Target::User(user) => Some(Person::Slack(user.clone())),
        _ => None,
    });
    // Names stand for somebody in `oncall.people`, who is looked at there.
    let wanted: BTreeSet<Person> =
        in_schedules.cloned().chain(told).filter(|person| !matches!(person, Person::Name(_))).collect();
    let mut fine = 0;
    for person in &wanted {
        let found = match person {
            Person::Slack(user) => api.users_info(user).await,
            Person::Email(address) => api.users_lookup_by_email(address).await,
            Person::Name(_) => continue,
        };
        let fix = "put somebody else into the schedule or policy that names them";
        match found {
            Ok(found) => match found.standing {
                Standing::Deactivated => findings.bad(&format!("{person} is deactivated in Slack"), fix)?,
                Standing::Bot => findings.bad(&format!("{person} is a bot"), fix)?,
                Standing::Stranger | Standing::Member | Standing::Guest
                    if found.elsewhere(&identity.team, identity.enterprise.as_ref()) =>
                {
                    findings.bad(&format!("{person} is of another organisation"), fix)?;
                }
                Standing::Stranger | Standing::Member => fine += 1,
                Standing::Guest => findings.bad(
                    &format!("{person} is a guest, who may not be in the channels alerts go to"),
                    "make them a member, or check by hand that they are in those channels",
                )?,
            },
            Err(error) if matches!(error.code(), Some("user_not_found" | "users_not_found")) => findings.bad(
                &format!("Slack knows nobody called {person}"),
                "copy the user id (U…) from the person's profile, or correct the address",
            )?,
            Err(error) => findings.bad(&format!("{person}: {error}"), "grant the scopes named above first")?,
        }
    }
    if fine > 0 {
        findings.good(&format!("{fine} of {} people on call or in escalation policies are members", wanted.len()))?;
    }
    Ok(())
}

async fn socket(api: &WebApi, config: &Config, findings: &mut Findings) -> Result<(), Failure> {
    if config.slack.mode == Mode::Http {
        return Ok(());
    }
    match api.apps_connections_open().await {
        Ok(_) => findings.good("app token: Socket Mode opens")?,
        Err(error) => {
            let fix = "switch Socket Mode on, and give the app-level token (xapp-…) the scope connections:write";
            findings.bad(&format!("app token: {error}"), fix)?;
        }
    }
    Ok(())
}

async fn database(config: &Config, env: &Environment, findings: &mut Findings) -> Result<(), Failure> {
    let opened = match store_settings(config, env) {
        Ok(settings) => Store::connect(&settings).await,
        Err(error) => return Ok(findings.bad(&error.to_string(), "see .env.example")?),
    };
    match opened {
        Ok(store) => {
            schema(&store, findings).await?;
            database_clock(&store, findings).await?;
            store.close().await;
        }
        // A running bot holds the lock; that it runs is proof enough that it opens.
        Err(StoreError::Locked { .. }) => {
            findings.good("SQLite, in use by a running bot")?;
        }
        Err(error) => {
            let fix = "check database.url or DATABASE_URL, that the server runs, and that the directory can be written";
            findings.bad(&error.to_string(), fix)?;
        }
    }
    Ok(())
}

/// Looks only: the schema is brought up to date by a start or by `migrate`.
async fn schema(store: &Store, findings: &mut Findings) -> Result<(), Failure> {
    let backend = store.backend();
    let schema = match store.schema().await {
        Ok(schema) => schema,
        Err(error) => return Ok(findings.bad(&error.to_string(), "check what the database's user may do")?),
    };
    let Schema { found, known, .. } = schema;
    match schema.fit() {
        Fit::Current => findings.good(&format!("{backend} answers, its schema is up to date"))?,
        Fit::Older => {
            findings.good(&format!("{backend} answers; its schema will be brought up to date at the next start"))?;
        }
        Fit::Widened => findings.good(&format!(
            "{backend} answers; a newer watchkeeper has added to its schema ({found}, this binary knows {known}), which does no harm"
        ))?,
        Fit::TooNew => findings.bad(
            &format!("{backend}: its schema {found} is newer than this binary knows ({known}) and can work with"),
            "run the newer watchkeeper, or restore the backup from before the upgrade",
        )?,
    }
    Ok(())
}

/// Replicas keep their leases each by its own clock.
async fn database_clock(store: &Store, findings: &mut Findings) -> Result<(), Failure> {
    let Ok(Some(shared)) = store.clock().await else { return Ok(()) };
    let fix = "let NTP set both: replicas whose clocks differ take the lease from one another";
    clocks("the database", shared, DATABASE_MAY_DIFFER, fix, findings)
}

/// Whether queries and silences would be taken.
async fn prometheus(config: &Config, env: &Environment, findings: &mut Findings) -> Result<(), Failure> {
    let clients = || Ok::<_, StartError>((prometheus_client(config, env)?, alertmanagers(config, env)?));
    let (client, alertmanagers) = match clients() {
        Ok(clients) => clients,
        Err(error) => return Ok(findings.bad(&error.to_string(), "see .env.example")?),
    };
    let fix = "check its address, the network to it and the token it wants";
    if let Some(server) = &config.prometheus.server {
        match client.answers().await {
            Ok(()) => findings.good(&format!("{} answers queries", server.url))?,
            Err(error) => findings.bad(&format!("{}: {error}", server.url), fix)?,
        }
    }
    for one in config.prometheus.alertmanagers.iter().filter(|one| one.url.is_some()) {
        match alertmanagers.version(&one.name).await {
            Ok(version) => findings.good(&format!("Alertmanager {} answers, version {version}", one.name))?,
            Err(error) => findings.bad(&format!("Alertmanager {} {error}", one.name), fix)?,
        }
    }
    Ok(())
}

/// Whether the token works, and every workflow is there and can be run.
async fn workflows(config: &Config, env: &Environment, findings: &mut Findings) -> Result<(), Failure> {
    let clock: SharedClock = Arc::new(SystemClock::new(1));
    let hands = match github_settings(config, env).transpose() {
        Ok(settings) => crate::ci::Hands::new(settings, clock)?,
        Err(error) => return Ok(findings.bad(&error, "see .env.example")?),
    };
    for workflow in &config.actions.workflows {
        let name = format!("{}: {} in {}", workflow.name, workflow.workflow, workflow.repository);
        match hands.check(workflow).await {
            Ok(_) => findings.good(&format!("{name} at {} can be run", workflow.reference))?,
            Err(error) => findings.bad(
                &format!("{}: {error}", workflow.name),
                "compare it with the repository; the token needs Actions read and write and Contents read there",
            )?,
        }
    }
    Ok(())
}

async fn sources(config: &Config, env: &Environment, findings: &mut Findings) -> Result<(), Failure> {
    if config.sources.is_empty() {
        findings.bad("no source is configured, so no feed is watched", "add one under `sources`")?;
    }
    let clock: SharedClock = Arc::new(SystemClock::new(1));
    for source in &config.sources {
        let settings = match hermes_settings(source, env) {
            Ok(settings) => settings,
            Err(error) => {
                findings.bad(&format!("{}: {error}", source.name), "see .env.example")?;
                continue;
            }
        };
        for (endpoint, answer) in hermes::probe(&settings, &clock, SOURCE_ANSWERS_WITHIN).await {
            match answer {
                Ok(feeds) => findings.good(&format!("{}: {endpoint} lists {feeds} feeds", source.name))?,
                Err(error) => {
                    let fix = format!("check the address, the network to it and the key in {}", source.token_env);
                    findings.bad(&format!("{}: {endpoint}: {error}", source.name), &fix)?;
                }
            }
        }
    }
    Ok(())
}
