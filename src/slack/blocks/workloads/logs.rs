//! The end of a log, redacted.

use super::super::kit;
use super::super::words::{bold, count, fenced, said};
use crate::core::command::workload::Run;
use crate::core::time::Span;
use crate::slack::message::Message;

/// What the answer to `/wk logs` is made from.
#[derive(Clone, Debug)]
pub struct LogView<'a> {
    pub cluster: &'a str,
    pub namespace: &'a str,
    pub pod: &'a str,
    pub run: Run,
    pub since: Option<Span>,
    /// Redacted; the last lines of it are shown.
    pub text: &'a str,
    /// Secrets that were hidden in it.
    pub hidden: usize,
    pub whole: Whole,
    /// Other pods of the workload, each with the command that reads its log.
    pub others: Vec<(String, String)>,
    /// Why this pod was chosen among them: `CrashLoopBackOff`.
    pub chosen_for: Option<&'a str>,
}

/// Where all of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Here.
    Shown,
    /// In the reader's direct messages, as a file.
    Sent,
    /// It was too long to show, and could not be sent: why.
    NotSent(String),
}

/// What fits on a phone's screen or two.
const INLINE: usize = 2600;

#[must_use]
pub fn log(view: &LogView) -> Message {
    let LogView { cluster, namespace, pod, run, since, text, hidden, whole, others, chosen_for } = view;
    let run = match run {
        Run::Current => "Log",
        Run::Previous => "Log of the run before",
    };
    let since = since.map_or_else(String::new, |since| format!(", last {since}"));
    let why = chosen_for.map_or_else(String::new, |why| format!(" · {}", said(why, 60)));
    let heading = format!("{run} of {}{since}", bold(pod));
    let mut blocks = vec![kit::section(&format!("{heading}{why}"))];
    if text.trim().is_empty() {
        blocks.push(kit::section("_It has printed nothing in that time._"));
    } else {
        blocks.push(kit::section(&fenced(text, INLINE)));
    }
    let mut notes = Vec::new();
    match whole {
        Whole::Shown => {}
        Whole::Sent => notes.push(format!("all {} are in your direct messages", count(text.lines().count(), "line"))),
        Whole::NotSent(error) => notes.push(format!("the rest could not be sent to you: {}", said(error, 150))),
    }
    if *hidden > 0 {
        notes.push(format!("{} hidden", count(*hidden, "secret")));
    }
    notes.push(format!("{} · {}", said(namespace, 80), said(cluster, 60)));
    blocks.push(kit::context(&notes.join(" · ")));
    let buttons = others.iter().take(4).enumerate();
    let buttons: Vec<_> = buttons
        .filter_map(|(nth, (name, command))| Some(kit::nth(kit::run(name, command.clone())?, nth).into()))
        .collect();
    if !buttons.is_empty() {
        blocks.push(kit::row(buttons));
    }
    kit::message(&heading, &blocks, None)
}

/// There is no log to show; `error` is the cluster's answer.
#[must_use]
pub fn log_failed(pod: &str, cluster: &str, error: &str) -> Message {
    let hint = if error.contains("previous terminated container") {
        "It has not been restarted, so there is no run before this one."
    } else if error.contains("is waiting to start") {
        "It has not started yet; `/wk workload` says why."
    } else if error.contains("not allowed") {
        "`watchkeeper rbac` prints the role that allows it."
    } else {
        "Please try again in a moment."
    };
    let text = format!("⚠️ No log of {} in {}: {}\n{hint}", bold(pod), said(cluster, 60), said(error, 300));
    kit::line(&text)
}

/// Said at once, since reading takes a moment.
#[must_use]
pub fn reading(pod: &str) -> Message {
    kit::line(&format!("⏳ Reading the log of {} …", bold(pod)))
}
