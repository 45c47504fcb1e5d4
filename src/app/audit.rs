//! Checkpoints of the audit log: at intervals and when the bot stops, to the database, a file and a channel.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::config::secrets::{BadSecret, Environment};
use crate::core::audit::checkpoint::{Checkpoint, InvalidKey, Signer};
use crate::core::ids::ChannelId;
use crate::flow::Flow;
use crate::store::{StoreError, checkpoints};

use super::StartError;
use super::loops::every;

/// The variable that holds the secret key, or with `_FILE` behind it names its file.
pub const AUDIT_KEY: &str = "WATCHKEEPER_AUDIT_KEY";

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadKey {
    #[error(transparent)]
    Secret(#[from] BadSecret),
    #[error("{AUDIT_KEY} {0}")]
    Invalid(#[from] InvalidKey),
}

/// The key of the environment, if there is one.
///
/// # Errors
/// It cannot be read, or is none.
pub fn signer(environment: &Environment) -> Result<Option<Signer>, BadKey> {
    let secret = environment.secret(AUDIT_KEY)?;
    Ok(secret.map(|secret| Signer::from_secret(secret.expose_secret())).transpose()?)
}

/// Who signs, how often, and where it goes.
#[derive(Debug)]
pub(super) struct Checkpoints {
    signer: Signer,
    every: Duration,
    channel: Option<ChannelId>,
    file: Option<PathBuf>,
}

impl Checkpoints {
    pub fn of(config: &Config, environment: &Environment) -> Result<Option<Self>, StartError> {
        let audit = &config.audit;
        match signer(environment).map_err(StartError::AuditKey)? {
            None if audit.published() => Err(StartError::Missing(
                AUDIT_KEY,
                "`audit` wants signed checkpoints; `watchkeeper audit keygen` makes a key",
            )),
            None => Ok(None),
            Some(signer) => Ok(Some(Self {
                signer,
                every: audit.every.duration(),
                channel: audit.channel.clone(),
                file: audit.file.clone(),
            })),
        }
    }

    /// Signs where the log stands, unless nothing was recorded since the last time, and puts what is due into the file.
    pub async fn take(&self, flow: &Flow) {
        match flow.checkpoint(&self.signer, self.channel.as_ref()).await {
            Ok(Some(checkpoint)) => {
                flow.metrics.audit_checkpoint("signed");
                tracing::info!(seq = checkpoint.seq, key = checkpoint.key, "audit checkpoint");
            }
            Ok(None) => {}
            Err(error) => {
                flow.metrics.audit_checkpoint("failed");
                tracing::error!(error = %error, "no audit checkpoint could be made");
            }
        }
        // Whoever decides writes: two replicas do not share a file.
        if let (Some(file), Some(_)) = (&self.file, flow.lease())
            && let Err(error) = filed(flow, file).await
        {
            let file = file.display();
            tracing::error!(error = %error, %file, "audit checkpoints could not be written; tried again next time");
        }
    }
}

pub(super) fn spawn(
    flow: &Arc<Flow>,
    checkpoints: Option<Arc<Checkpoints>>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let Some(checkpoints) = checkpoints else { return };
    let length = checkpoints.every;
    let take = move |flow: Arc<Flow>| {
        let checkpoints = Arc::clone(&checkpoints);
        async move { checkpoints.take(&flow).await }
    };
    tasks.spawn(every(flow, length, stop.clone(), take));
}

/// Why the file does not have them.
#[derive(Debug, thiserror::Error)]
enum Unfiled {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Appends what the file does not have yet. One that was appended and not noted as such is appended again, which harms
/// nothing.
async fn filed(flow: &Flow, file: &Path) -> Result<(), Unfiled> {
    let due = checkpoints::unfiled(&flow.store).await?;
    let Some(last) = due.last().map(|checkpoint| checkpoint.seq) else { return Ok(()) };
    let file = file.to_owned();
    let written = tokio::task::spawn_blocking(move || append(&file, &due));
    written.await.map_err(std::io::Error::other)??;
    checkpoints::filed(&flow.store, last, flow.now()).await?;
    Ok(())
}

fn append(file: &Path, due: &[Checkpoint]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(file)?;
    let mut lines = String::new();
    if torn(&mut file)? {
        lines.push('\n');
    }
    for checkpoint in due {
        lines.push_str(&serde_json::to_string(checkpoint)?);
        lines.push('\n');
    }
    file.write_all(lines.as_bytes())?;
    file.sync_all()
}

/// Whether the last line was broken off.
fn torn(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::Timestamp;

    #[test]
    fn lines_are_appended_whole_also_after_one_that_was_broken_off() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let noted = |seq| Signer::from_seed([7; 32]).sign(seq, &"ab".repeat(32), Timestamp::from_secs(1));
        append(file.path(), &[noted(1), noted(2)]).unwrap();
        OpenOptions::new().append(true).open(file.path()).unwrap().write_all(b"{\"seq\":3,").unwrap();
        append(file.path(), &[noted(4)]).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let read: Vec<Option<i64>> =
            text.lines().map(|line| serde_json::from_str::<Checkpoint>(line).ok().map(|it| it.seq)).collect();
        assert_eq!(read, [Some(1), Some(2), None, Some(4)]);
    }

    #[test]
    fn a_wrong_key_is_named_by_its_variable_and_not_shown() {
        let environment = Environment::from_pairs([(AUDIT_KEY.to_owned(), "hidden".to_owned())]);
        let error = signer(&environment).unwrap_err().to_string();
        assert!(error.starts_with("WATCHKEEPER_AUDIT_KEY is no audit key") && !error.contains("hidden"), "{error}");
        assert!(signer(&Environment::default()).unwrap().is_none());
    }
}
