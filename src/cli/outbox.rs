//! `watchkeeper outbox`: what waits to go out, and the dead letters a person decides about.

use std::process::ExitCode;

use clap::Subcommand;

use crate::app::store_settings;
use crate::config::Config;
use crate::config::secrets::Environment;
use crate::core::ids::JobId;
use crate::store::{Store, jobs};

use super::{Failure, now, read_store, say};

#[derive(Subcommand)]
pub(super) enum OutboxCommand {
    /// Lists what waits, by lane, and the dead letters with why they were given up.
    List,
    /// Queues a dead letter again; a running bot finds it within a second.
    Revive {
        /// The id that `list` shows.
        id: String,
    },
}

pub(super) async fn run(command: OutboxCommand, config: &Config, env: &Environment) -> Result<ExitCode, Failure> {
    match command {
        OutboxCommand::List => {
            let store = read_store(config, env).await?;
            let depth = jobs::depth(&store).await?;
            say(&format!("{} waiting, {} dead", depth.queued(), depth.dead))?;
            for lane in depth.lanes {
                // The lane of a response URL is the URL: whoever reads it could answer in the bot's name.
                let name = lane.lane.split_once(":http").map_or(lane.lane.as_str(), |(kind, _)| kind);
                say(&format!("  {name}: {} since {}", lane.queued, lane.oldest))?;
            }
            for dead in jobs::dead(&store, 100).await? {
                say(&format!(
                    "  dead {}: {} after {} attempts at {}: {}",
                    dead.id, dead.kind, dead.attempts, dead.died_at, dead.error
                ))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        OutboxCommand::Revive { id } => {
            let store = Store::connect_beside(&store_settings(config, env)?).await?;
            let mut tx = store.begin().await?;
            let revived = jobs::revive(&mut tx, &JobId::new(id.clone()), now()).await?;
            tx.commit().await?;
            if !revived {
                return Err(
                    format!("there is no dead letter {id}; `watchkeeper outbox list` shows those there are").into()
                );
            }
            say(&format!("{id} is queued again"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
