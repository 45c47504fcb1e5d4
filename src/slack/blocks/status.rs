//! How watchkeeper itself is doing.

use std::time::Duration;

use super::kit;
use super::words::{ago, code, count, moment, said};
use crate::core::feed::SourceStatus;
use crate::core::time::{Timestamp, spoken};
use crate::core::workload::{Status, Trouble};
use crate::slack::message::Message;

/// What the answer to `/wk status` is made from.
#[derive(Clone, Copy, Debug)]
pub struct StatusView<'a> {
    pub version: &'a str,
    pub started_at: Timestamp,
    pub now: Timestamp,
    pub sources: &'a [SourceLine<'a>],
    pub clusters: &'a [ClusterLine<'a>],
    pub alerts: AlertCounts,
    pub outbox: Outbox<'a>,
    pub store: StoreLine<'a>,
    pub lease: LeaseLine<'a>,
    pub slack: SlackLink<'a>,
    /// One a chain.
    pub balances: &'a [BalanceLine<'a>],
    /// Who watches what, when that is divided.
    pub replicas: &'a [ReplicaLine<'a>],
    /// What nobody watches of what is divided.
    pub unwatched: Option<&'a str>,
}

/// What one of several replicas watches.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaLine<'a> {
    pub holder: &'a str,
    /// The one that answers.
    pub this: bool,
    /// `5 of 16 parts of the feeds, cluster eu`
    pub watches: &'a str,
}

/// How a chain's last round went.
#[derive(Clone, Copy, Debug)]
pub struct BalanceLine<'a> {
    pub chain: &'a str,
    pub wallets: usize,
    /// Of them, those of which nothing is known.
    pub unknown: usize,
    pub endpoints: usize,
    /// Of them, those that agree.
    pub agreed: usize,
    /// `None` before the first round.
    pub last_round: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
pub struct SourceLine<'a> {
    pub name: &'a str,
    /// `None` until it said anything.
    pub status: Option<&'a SourceStatus>,
    pub feeds: usize,
    /// Feeds whose market is open and that give nothing new.
    pub silent: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct ClusterLine<'a> {
    pub name: &'a str,
    pub status: &'a Status,
    /// As `/version` gives it; empty until it is known.
    pub version: &'a str,
    pub nodes: usize,
    pub pods: usize,
    /// The cluster's clock less ours.
    pub skew_millis: i64,
}

/// Open alert groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlertCounts {
    pub open: usize,
    pub unacknowledged: usize,
    pub silenced: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Outbox<'a> {
    pub waiting: u64,
    /// When the oldest that waits was put there.
    pub oldest: Option<Timestamp>,
    pub dead: u64,
    /// The latest few that were given up.
    pub dead_letters: &'a [DeadLetter<'a>],
}

/// Something that will not be delivered any more.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetter<'a> {
    /// `post to C123`
    pub what: &'a str,
    pub error: &'a str,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug)]
pub struct StoreLine<'a> {
    /// `SQLite`, `Postgres`
    pub kind: &'a str,
    /// How long it took to answer, or why it did not.
    pub answer: Result<Duration, &'a str>,
}

/// Who watches the feeds.
#[derive(Clone, Copy, Debug)]
pub enum LeaseLine<'a> {
    /// This process, and there is no other.
    Single,
    Ours {
        term: i64,
    },
    Theirs {
        holder: &'a str,
    },
    Nobody,
}

/// How Slack reaches us.
#[derive(Clone, Copy, Debug)]
pub enum SlackLink<'a> {
    Http { last_request_at: Option<Timestamp> },
    Socket { connections: usize, since: Option<Timestamp> },
    Down { since: Timestamp, error: &'a str },
}

#[must_use]
pub fn status(view: &StatusView) -> Message {
    let StatusView { version, started_at, now, .. } = view;
    let lines = [
        source_lines(view),
        cluster_lines(view),
        balance_lines(view),
        vec![slack_line(view), store_line(view), lease_line(view)],
        replica_lines(view),
        outbox_lines(view),
    ];
    let lines: Vec<Line> = lines.into_iter().flatten().collect();
    let wrong = lines.iter().filter(|line| !line.well).count();
    let verdict = match wrong {
        0 if view.alerts.open == 0 => "✅ All well".to_owned(),
        0 => "✅ The watch works".to_owned(),
        1 => "⚠️ 1 thing needs a look".to_owned(),
        _ => format!("⚠️ {wrong} things need a look"),
    };
    let texts: Vec<_> = lines.iter().map(Line::shown).collect();
    let about = format!("watchkeeper {} · up {}", said(version, 40), spoken(now.since(*started_at)));
    let mut blocks = vec![kit::section(&format!("*{verdict}*\n{}", alerts_line(view)))];
    blocks.extend(texts.chunks(8).map(|lines| kit::section(&lines.join("\n"))));
    blocks.push(kit::context(&about));
    kit::message(&format!("{verdict} · {about}"), &blocks, None)
}

struct Line {
    well: bool,
    text: String,
}

impl Line {
    fn good(text: String) -> Self {
        Self { well: true, text }
    }

    fn bad(text: String) -> Self {
        Self { well: false, text }
    }

    fn shown(&self) -> String {
        format!("{} {}", if self.well { "🟢" } else { "🔴" }, self.text)
    }
}

fn alerts_line(view: &StatusView) -> String {
    let AlertCounts { open, unacknowledged, silenced } = view.alerts;
    let feeds: usize = view.sources.iter().map(|source| source.feeds).sum();
    let here = if view.replicas.is_empty() { "" } else { " watched here" };
    let feeds = format!("{}{here}", count(feeds, "feed"));
    if open == 0 {
        return format!("{feeds}, no open alert");
    }
    format!("{feeds}, *{}* ({unacknowledged} unacknowledged, {silenced} silenced)", count(open, "open alert"))
}

fn source_lines(view: &StatusView) -> Vec<Line> {
    const SHOWN: usize = 10;
    if view.sources.is_empty() && !view.clusters.is_empty() {
        return Vec::new();
    }
    if view.sources.is_empty() {
        return vec![Line::bad("*Sources*  none is configured".to_owned())];
    }
    let line = |source: &SourceLine| {
        let SourceLine { name, status, feeds, silent } = source;
        let name = format!("*Source {}*", said(name, 60));
        let silent = if *silent == 0 { String::new() } else { format!(", {silent} silent") };
        match status {
            Some(SourceStatus::Up { since, endpoint }) => Line::good(format!(
                "{name}  {}{silent} · connected to {} since {}",
                count(*feeds, "feed"),
                code(endpoint),
                moment(*since, view.now)
            )),
            Some(SourceStatus::Down { since, error }) => {
                Line::bad(format!("{name}  down since {}: {}", moment(*since, view.now), said(error, 200)))
            }
            None => Line::bad(format!("{name}  has not said anything yet")),
        }
    };
    let mut lines: Vec<_> = view.sources.iter().take(SHOWN).map(line).collect();
    if let Some(more) = view.sources.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(Line::good(format!("and {more} more")));
    }
    lines
}

fn cluster_lines(view: &StatusView) -> Vec<Line> {
    const SHOWN: usize = 10;
    /// More than this and times in objects mislead.
    const SKEWED: u64 = 60_000;
    let line = |cluster: &ClusterLine| {
        let ClusterLine { name, status, version, nodes, pods, skew_millis } = cluster;
        let name = format!("*Cluster {}*", said(name, 60));
        let runs = format!("{}, {}", count(*nodes, "node"), count(*pods, "pod"));
        match status {
            Status::Connecting => Line::good(format!("{name}  connecting, {runs} so far")),
            Status::Healthy { .. } if skew_millis.unsigned_abs() > SKEWED => {
                let by = spoken(Duration::from_millis(skew_millis.unsigned_abs()));
                let which = if *skew_millis > 0 { "ahead of" } else { "behind" };
                Line::bad(format!("{name}  {runs} · its clock is {by} {which} ours"))
            }
            Status::Healthy { since } => {
                let version = if version.is_empty() { String::new() } else { format!(" · {}", code(version)) };
                Line::good(format!("{name}  {runs}{version} · watched since {}", moment(*since, view.now)))
            }
            Status::Degraded { what: Trouble::Unreachable, since, error } => {
                Line::bad(format!("{name}  unreachable since {}: {}", moment(*since, view.now), said(error, 200)))
            }
            Status::Degraded { what: Trouble::Kinds(kinds), since, error } => {
                let kinds: Vec<_> = kinds.iter().take(3).map(|kind| kind.plural()).collect();
                let (kinds, since) = (kinds.join(", "), moment(*since, view.now));
                Line::bad(format!("{name}  {runs} · {kinds} not watched since {since}: {}", said(error, 200)))
            }
        }
    };
    let mut lines: Vec<_> = view.clusters.iter().take(SHOWN).map(line).collect();
    if let Some(more) = view.clusters.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(Line::good(format!("and {more} more")));
    }
    lines
}

fn balance_lines(view: &StatusView) -> Vec<Line> {
    const SHOWN: usize = 8;
    let line = |balances: &BalanceLine| {
        let BalanceLine { chain, wallets, unknown, endpoints, agreed, last_round } = balances;
        let name = format!("*Balances {}*  {}", said(chain, 40), count(*wallets, "wallet"));
        match last_round {
            None => Line::bad(format!("{name}, not read yet")),
            Some(at) if *unknown > 0 => Line::bad(format!("{name}, {unknown} not known · read {}", ago(*at, view.now))),
            Some(at) if agreed < endpoints => {
                Line::bad(format!("{name} · {agreed} of {endpoints} endpoints agree · read {}", ago(*at, view.now)))
            }
            Some(at) => Line::good(format!("{name} · {} · read {}", count(*endpoints, "endpoint"), ago(*at, view.now))),
        }
    };
    let mut lines: Vec<_> = view.balances.iter().map(line).collect();
    // What is wrong is shown, however many chains are well.
    lines.sort_by_key(|line| line.well);
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    if more > 0 {
        lines.push(Line::good(format!("*Balances*  and {}", count(more, "more chain"))));
    }
    lines
}

fn slack_line(view: &StatusView) -> Line {
    match view.slack {
        SlackLink::Http { last_request_at: Some(at) } => {
            Line::good(format!("*Slack*  HTTP, last request {}", ago(at, view.now)))
        }
        SlackLink::Http { last_request_at: None } => Line::good("*Slack*  HTTP, no request yet".to_owned()),
        SlackLink::Socket { connections: 0, .. } => Line::bad("*Slack*  Socket Mode, not connected".to_owned()),
        SlackLink::Socket { connections, since } => {
            let since = since.map_or_else(String::new, |since| format!(" since {}", moment(since, view.now)));
            Line::good(format!("*Slack*  Socket Mode, {}{since}", count(connections, "connection")))
        }
        SlackLink::Down { since, error } => {
            Line::bad(format!("*Slack*  down since {}: {}", moment(since, view.now), said(error, 200)))
        }
    }
}

fn store_line(view: &StatusView) -> Line {
    let kind = said(view.store.kind, 40);
    match view.store.answer {
        Ok(took) => Line::good(format!("*Store*  {kind}, answered in {} ms", took.as_millis())),
        Err(error) => Line::bad(format!("*Store*  {kind}, does not answer: {}", said(error, 200))),
    }
}

fn lease_line(view: &StatusView) -> Line {
    match view.lease {
        LeaseLine::Single => Line::good("*Watch*  this process alone".to_owned()),
        LeaseLine::Ours { term } => Line::good(format!("*Watch*  this process leads (term {term})")),
        LeaseLine::Theirs { holder } => Line::good(format!("*Watch*  led by {}", code(holder))),
        LeaseLine::Nobody => Line::bad("*Watch*  nobody leads: no alert can fire".to_owned()),
    }
}

fn replica_lines(view: &StatusView) -> Vec<Line> {
    const SHOWN: usize = 12;
    let line = |replica: &ReplicaLine| {
        let ReplicaLine { holder, this, watches } = replica;
        let who = if *this { "this process".to_owned() } else { code(holder) };
        Line::good(format!("*Shards*  {who} watches {}", said(watches, 300)))
    };
    let mut lines: Vec<Line> = view.replicas.iter().take(SHOWN).map(line).collect();
    if let Some(more) = view.replicas.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(Line::good(format!("*Shards*  and {}", count(more, "more replica"))));
    }
    if let Some(unwatched) = view.unwatched {
        lines.push(Line::bad(format!("*Shards*  nobody watches {}", said(unwatched, 300))));
    }
    lines
}

fn outbox_lines(view: &StatusView) -> Vec<Line> {
    /// Waiting longer than this, a message is late for whoever needs it.
    const LATE: Duration = Duration::from_mins(1);
    let Outbox { waiting, oldest, dead, dead_letters } = view.outbox;
    let mut lines = vec![match oldest {
        Some(at) if view.now.since(at) > LATE => {
            Line::bad(format!("*Outbox*  {waiting} waiting, the oldest since {}", moment(at, view.now)))
        }
        Some(_) | None => Line::good(format!("*Outbox*  {waiting} waiting")),
    }];
    if dead > 0 {
        let letters = dead_letters.iter().take(3).map(|letter| {
            let DeadLetter { what, error, at } = letter;
            format!("\n      • {} {}: {}", said(what, 100), ago(*at, view.now), said(error, 200))
        });
        let not_delivered = if dead == 1 { "message was".to_owned() } else { "messages were".to_owned() };
        lines
            .push(Line::bad(format!("*Dead letters*  {dead} {not_delivered} given up{}", letters.collect::<String>())));
    }
    lines
}
