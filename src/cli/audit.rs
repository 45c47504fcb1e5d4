//! `watchkeeper audit`: who did what, and whether anything was removed or changed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::app::audit::{AUDIT_KEY, signer};
use crate::config::Config;
use crate::config::secrets::Environment;
use crate::core::audit::checkpoint::{Checkpoint, Public, Signer};
use crate::core::audit::{Entry, actor_text};
use crate::store::audit::{Cursor, Filter, Head, for_each, page, verify};
use crate::store::{Store, checkpoints};

use super::{Failure, read_store, say};

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Recomputes the whole chain. Exit code 1 when an entry is missing, altered or added, or a checkpoint is not genuine.
    Verify {
        /// A head noted earlier (`<seq>:<hash>`, as verify prints it): without any checkpoint, a chain cut short together
        /// with its head looks sound. May be given several times.
        #[arg(long = "checkpoint", value_name = "SEQ:HASH", value_parser = checkpoint)]
        noted: Vec<Head>,
        /// Signed checkpoints, one a line, as the bot writes them to `audit.file` and to Slack.
        #[arg(long = "checkpoints", value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The key that signed them; of WATCHKEEPER_AUDIT_KEY when not given. May be given several times, after a change
        /// of keys.
        #[arg(long = "public-key", value_name = "HEX")]
        keys: Vec<Public>,
    },
    /// Makes a key that signs checkpoints: the secret half to a file (for WATCHKEEPER_AUDIT_KEY_FILE), the public half to
    /// standard output.
    Keygen {
        /// Where the secret half goes; refused when something is there.
        #[arg(long, value_name = "FILE", default_value = "watchkeeper-audit.key")]
        out: PathBuf,
    },
    /// Prints the latest entries, newest first.
    Show {
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Only this action, e.g. `alert.acknowledged`.
        #[arg(long)]
        action: Option<String>,
        /// Only about this, e.g. `alert/17`.
        #[arg(long)]
        subject: Option<String>,
    },
    /// Writes every entry to standard output, oldest first.
    Export {
        #[arg(long, value_enum, default_value_t = Format::Jsonl)]
        format: Format,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    Jsonl,
    Csv,
}

fn checkpoint(text: &str) -> Result<Head, String> {
    let shape = || format!("`{text}` is not a checkpoint; write it like 42:9f86d081…");
    let (seq, hash) = text.split_once(':').ok_or_else(shape)?;
    let seq = seq.parse().map_err(|_| shape())?;
    let fine = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fine { Ok(Head { seq, hash: hash.to_ascii_lowercase() }) } else { Err(shape()) }
}

pub(super) async fn run(command: AuditCommand, config: &Config, env: &Environment) -> Result<ExitCode, Failure> {
    if let AuditCommand::Keygen { out } = &command {
        return keygen(out);
    }
    let store = read_store(config, env).await?;
    match command {
        AuditCommand::Keygen { .. } => {}
        AuditCommand::Verify { noted, files, keys } => {
            let mut signed = files.iter().map(|file| of_file(file)).collect::<Result<Vec<_>, _>>()?.concat();
            // The database's own are believed no more than the rest of it: only with a signature that holds.
            let own = checkpoints::all(&store).await?;
            signed.extend(own.into_iter().map(|checkpoint| ("the database".to_owned(), checkpoint)));
            return sound(&store, noted, &signed, keys, env).await;
        }
        AuditCommand::Show { limit, action, subject } => {
            let filter = Filter { action, subject, ..Filter::default() };
            for entry in page(&store, &filter, Cursor::Before(i64::MAX), limit).await? {
                say(&line(&entry))?;
            }
        }
        AuditCommand::Export { format } => {
            if matches!(format, Format::Csv) {
                say("seq,at,actor,action,subject,detail,prev,hash")?;
            }
            for_each(&store, &Filter::default(), |entry| {
                say(&match format {
                    Format::Jsonl => jsonl(&entry),
                    Format::Csv => csv(&entry),
                })?;
                Ok::<(), Failure>(())
            })
            .await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Verifies the chain against what was noted, and says what it finds.
async fn sound(
    store: &Store,
    mut noted: Vec<Head>,
    signed: &[(String, Checkpoint)],
    mut keys: Vec<Public>,
    env: &Environment,
) -> Result<ExitCode, Failure> {
    if keys.is_empty() {
        keys.extend(signer(env)?.map(|signer| signer.public()));
    }
    let mut wrong = 0;
    if keys.is_empty() && !signed.is_empty() {
        let count = signed.len();
        say(&format!("{count} signed checkpoints are not looked at: give the key that signed them with --public-key"))?;
    } else {
        for (place, checkpoint) in signed {
            if keys.iter().any(|key| key.signed(checkpoint)) {
                noted.push(Head { seq: checkpoint.seq, hash: checkpoint.hash.clone() });
            } else {
                wrong += 1;
                say(&format!("FORGED: the checkpoint at {} in {place} is not signed by that key", checkpoint.seq))?;
            }
        }
    }
    let report = verify(store, &noted).await?;
    for bad in &report.bad {
        say(&format!("BROKEN: {bad}"))?;
    }
    if report.more > 0 {
        say(&format!("BROKEN: {} more", report.more))?;
    }
    if let Some(bad) = report.first_bad() {
        say(&format!("{} entries before entry {} hold", report.rows, bad.seq))?;
        return Ok(ExitCode::FAILURE);
    }
    let against = match noted.iter().map(|head| head.seq).max() {
        Some(last) => format!(", as {} checkpoints say (the last of entry {last})", noted.len()),
        None => String::new(),
    };
    say(&format!("{} entries hold{against}; head {}:{}", report.rows, report.head.seq, report.head.hash))?;
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The checkpoints in a file, with its name.
fn of_file(file: &Path) -> Result<Vec<(String, Checkpoint)>, Failure> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let read = |(number, line): (usize, &str)| match serde_json::from_str(line) {
        Ok(checkpoint) => Ok((name.clone(), checkpoint)),
        Err(error) => Err(format!("{name}, line {}: no checkpoint: {error}", number + 1).into()),
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(read).collect()
}

fn keygen(out: &Path) -> Result<ExitCode, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| format!("the system gives no random bytes: {error}"))?;
    let failed = |error: std::io::Error| format!("{} cannot be written: {error}", out.display());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(out).and_then(|mut file| writeln!(file, "{}", hex::encode(seed))).map_err(failed)?;
    let public = Signer::from_seed(seed).public();
    say(&format!("secret key: {} (set {AUDIT_KEY}_FILE to its path)", out.display()))?;
    say(&format!(
        "public key: {public} (id {}; keep it away from the database, for `audit verify --public-key`)",
        public.id()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn line(entry: &Entry) -> String {
    let record = &entry.record;
    format!(
        "{:>6}  {}  {}  {}  {}  {}",
        entry.seq, record.at, record.actor, record.action, record.subject, record.detail
    )
}

fn jsonl(entry: &Entry) -> String {
    let record = &entry.record;
    json!({
        "seq": entry.seq,
        "at": record.at.to_string(),
        "at_ms": record.at,
        "actor": record.actor,
        "action": record.action,
        "subject": record.subject,
        "detail": serde_json::from_str::<serde_json::Value>(&record.detail).unwrap_or_else(|_| json!(record.detail)),
        "prev": entry.prev,
        "hash": entry.hash,
    })
    .to_string()
}

/// RFC 4180; a cell that a spreadsheet would take for a formula is quoted away from it.
fn csv(entry: &Entry) -> String {
    let record = &entry.record;
    let cells = [
        entry.seq.to_string(),
        record.at.to_string(),
        actor_text(&record.actor),
        record.action.clone(),
        record.subject.clone(),
        record.detail.clone(),
        entry.prev.clone(),
        entry.hash.clone(),
    ];
    let quoted = cells.map(|cell| {
        let safe = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell };
        if safe.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
    });
    quoted.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::audit::{GENESIS, Record};
    use crate::core::ids::Actor;
    use crate::core::time::Timestamp;

    fn entry(subject: &str) -> Entry {
        let record = Record {
            at: Timestamp::from_secs(1),
            actor: Actor::System,
            action: "a".to_owned(),
            subject: subject.to_owned(),
            detail: r#"{"x":"1,2"}"#.to_owned(),
        };
        Entry { seq: 1, record, prev: GENESIS.to_owned(), hash: GENESIS.to_owned() }
    }

    #[test]
    fn csv_cells_neither_break_the_row_nor_run_as_formulas() {
        let row = csv(&entry("=cmd()"));
        assert!(row.contains(",'=cmd(),"), "{row}");
        assert!(row.contains(r#","{""x"":""1,2""}","#), "{row}");
    }

    #[test]
    fn a_jsonl_line_is_one_json_object() {
        let line = jsonl(&entry("alert/1\nx"));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["detail"]["x"], "1,2");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn a_checkpoint_reads_as_verify_prints_it() {
        assert_eq!(checkpoint(&format!("7:{GENESIS}")).unwrap(), Head { seq: 7, hash: GENESIS.to_owned() });
        assert!(checkpoint("7").unwrap_err().contains("write it like"));
        assert!(checkpoint("x:12").is_err());
    }
}
