//! `watchkeeper audit`: who did what, and whether anything was removed or changed.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::config::Config;
use crate::config::secrets::Environment;
use crate::core::audit::{Entry, actor_text};
use crate::store::audit::{Cursor, Filter, Head, for_each, page, verify};

use super::{Failure, read_store, say};

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Recomputes the whole chain. Exit code 1 when an entry is missing, altered or added.
    Verify {
        /// A head noted earlier (`<seq>:<hash>`, as verify prints it): without one, a chain cut short together with
        /// its head looks sound. May be given several times.
        #[arg(long = "checkpoint", value_name = "SEQ:HASH", value_parser = checkpoint)]
        checkpoints: Vec<Head>,
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
    let store = read_store(config, env).await?;
    match command {
        AuditCommand::Verify { checkpoints } => {
            let report = verify(&store, &checkpoints).await?;
            if let Some(bad) = report.first_bad {
                say(&format!("BROKEN: entry {} {}; {} entries before it hold", bad.seq, bad.why, report.rows))?;
                return Ok(ExitCode::FAILURE);
            }
            say(&format!("{} entries hold; head {}:{}", report.rows, report.head.seq, report.head.hash))?;
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
