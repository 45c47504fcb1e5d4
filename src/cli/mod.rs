//! The command line.

mod audit;
mod backup;
mod chains;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod hot_wallets;
mod outbox;
mod policy;
mod rbac;
mod serve;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::app::{StartError, Waits, Wiring, open_store, store_settings};
use crate::clock::{Clock, SystemClock, Ulids};
use crate::config::secrets::Environment;
use crate::config::sections::Mode;
use crate::config::{self, Config};
use crate::slack::manifest::{self, Features, Transport};
use crate::telemetry;

/// Slack-native ChatOps for teams that keep price feeds and the services behind them alive.
#[derive(Parser)]
#[command(name = "watchkeeper", version, about, max_term_width = 100)]
struct Arguments {
    /// The configuration file.
    #[arg(long, short, global = true, env = "WATCHKEEPER_CONFIG", default_value = "watchkeeper.yaml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the bot.
    Serve,
    /// Runs the bot in a local world of its own: a Slack in the browser, price feeds, incidents. No account needed.
    #[cfg(feature = "demo")]
    Demo(demo::DemoArguments),
    /// Reads the configuration and says what is wrong with it: file, line, key and what to do.
    CheckConfig,
    /// Checks token, scopes, channels, database, sources, clusters and clock, and says how to mend each.
    Doctor,
    /// Prints the Slack app manifest for what is configured (JSON; Slack's manifest editor takes it).
    Manifest,
    /// Prints the role to grant in a cluster, no more than what is configured needs (YAML for `kubectl apply`).
    Rbac(rbac::RbacArguments),
    /// Says who may do what with `actions`: explain.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Prints the JSON Schema of the configuration file, for editors.
    Schema,
    /// Brings the database's schema up to date and exits.
    Migrate,
    /// Copies a SQLite database as it is at one moment, also beside a running bot. Postgres has `pg_dump`.
    Backup {
        /// Where the copy goes, a file that is not there yet; `-` is standard output.
        #[arg(value_name = "FILE", default_value = "-")]
        to: PathBuf,
    },
    /// Reads the audit log: verify, show, export.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// What waits to go out to Slack, and what was given up: list, revive.
    #[command(subcommand)]
    Outbox(outbox::OutboxCommand),
    /// Prints the version.
    Version,
}

/// What went wrong, in words for the terminal.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start: {error}")),
    };
    match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(error) => complain(&with_causes(error.as_ref())),
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let file = arguments.config;
    match arguments.command {
        Command::Serve => {
            let config = load(&file)?;
            start_logging(&config)?;
            Box::pin(serve::serve(wiring(config), Some(file))).await?;
        }
        #[cfg(feature = "demo")]
        Command::Demo(options) => Box::pin(demo::demo(options)).await?,
        Command::CheckConfig => {
            let config = load(&file)?;
            let text = std::fs::read_to_string(&file)?;
            for warning in config::warnings(&file, &text, &config, now()) {
                say(&format!("warning: {warning}"))?;
            }
            say(&format!("{} is fine", file.display()))?;
        }
        Command::Doctor => return doctor::doctor(&load(&file)?, &Environment::of_process()).await,
        Command::Manifest => say(&serde_json::to_string_pretty(&manifest::manifest(&features(&load(&file)?)?))?)?,
        Command::Rbac(arguments) => rbac::rbac(&load(&file)?, &arguments)?,
        Command::Policy(command) => policy::run(&command, &load(&file)?)?,
        Command::Schema => say(&serde_json::to_string_pretty(&config::schema())?)?,
        Command::Migrate => {
            let store = open_store(&load(&file)?, &Environment::of_process()).await?;
            say(&format!("the database is up to date: schema {}", store.schema().await?.found))?;
        }
        Command::Backup { to } => backup::backup(&load(&file)?, &Environment::of_process(), &to).await?,
        Command::Audit(command) => return audit::run(command, &load(&file)?, &Environment::of_process()).await,
        Command::Outbox(command) => return outbox::run(command, &load(&file)?, &Environment::of_process()).await,
        Command::Version => say(concat!("watchkeeper ", env!("CARGO_PKG_VERSION")))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn load(file: &std::path::Path) -> Result<Config, Failure> {
    config::load(file).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        lines.join("\n").into()
    })
}

fn start_logging(config: &Config) -> Result<(), Failure> {
    let filter = Environment::of_process().plain("RUST_LOG").unwrap_or_else(|| config.log.filter.clone());
    Ok(telemetry::start(config.log.format, &filter)?)
}

fn wiring(config: Config) -> Wiring {
    Wiring {
        config,
        environment: Environment::of_process(),
        clock: Arc::new(SystemClock::new(1)),
        ids: Arc::new(Ulids::random()),
        seed: fastrand::u64(..),
        waits: Waits::default(),
    }
}

/// What the Slack app needs for `config`.
fn features(config: &Config) -> Result<Features, Failure> {
    let transport = match (config.slack.mode, &config.slack.public_url) {
        (Mode::Socket, _) => Transport::SocketMode,
        (Mode::Http, Some(public_url)) => Transport::Http { public_url: public_url.clone() },
        (Mode::Http, None) => {
            return Err("slack.public_url is not set; http mode needs it for the manifest's request URL".into());
        }
    };
    let actions = !config.actions.policy().groups().is_empty();
    Ok(Features {
        on_call: !config.oncall.schedules.is_empty(),
        incidents: config.incidents.own_channel,
        actions,
        ..Features::all(transport)
    })
}

/// A line on standard output. A reader that went away (`| head`) is no error of ours.
fn say(line: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// An error and what caused it, unless it was said already.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes
        .map(ToString::to_string)
        .fold(error.to_string(), |said, cause| if said.ends_with(&cause) { said } else { format!("{said}: {cause}") })
}

fn complain(message: &str) -> ExitCode {
    let _nowhere_left_to_say_it = writeln!(io::stderr(), "{message}");
    ExitCode::FAILURE
}

/// A database for reading only, beside a bot that may be running.
async fn read_store(config: &Config, environment: &Environment) -> Result<crate::store::Store, StartError> {
    Ok(crate::store::Store::connect_read_only(&store_settings(config, environment)?).await?)
}

fn now() -> crate::core::time::Timestamp {
    SystemClock::new(1).now()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
