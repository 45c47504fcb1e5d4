//! What containers print: plausible lines for the programs of a price feed, the same for the same moment.

use serde_json::Value;

use super::controllers::Kubelets;
use super::controllers::kubelet::{Ended, State};
use super::json::text;
use super::objects::stamp;
use super::refusal::Refusal;
use crate::core::time::Timestamp;

/// Lines kept of a run; a kubelet rotates its files too.
const KEPT: i64 = 5000;
/// A line every so many milliseconds.
const EVERY: i64 = 2000;

/// `GET …/log`'s parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub container: Option<String>,
    pub previous: bool,
    pub timestamps: bool,
    pub tail_lines: Option<usize>,
    pub since: Option<Timestamp>,
    pub limit_bytes: Option<usize>,
}

pub(super) fn read(kubelets: &Kubelets, pod: &Value, wanted: &Wanted, now: Timestamp) -> Result<String, Refusal> {
    let (name, container) = (text(pod, "/metadata/name"), text(pod, "/spec/containers/0/name"));
    if wanted.container.as_deref().is_some_and(|it| it != container) {
        let asked = wanted.container.as_deref().unwrap_or_default();
        return Err(Refusal::bad_request(format!("container {asked} is not valid for pod {name}")));
    }
    let Some(run) = kubelets.runs.get(text(pod, "/metadata/uid")) else {
        let message = format!("container \"{container}\" in pod \"{name}\" is waiting to start: ContainerCreating");
        return Err(Refusal::bad_request(message));
    };
    let no_previous =
        || Refusal::bad_request(format!("previous terminated container \"{container}\" in pod \"{name}\" not found"));
    let waits =
        |why| Refusal::bad_request(format!("container \"{container}\" in pod \"{name}\" is waiting to start: {why}"));
    let ended = match (&run.state, wanted.previous) {
        (State::Running { since }, false) => Ended { started: *since, finished: now, crash: None },
        (State::Running { .. }, true) | (State::BackOff { .. }, _) => run.last.clone().ok_or_else(no_previous)?,
        (State::Completed(ended), false) => ended.clone(),
        (State::Completed(_) | State::Creating { .. } | State::Unpullable { .. }, true) => return Err(no_previous()),
        (State::Creating { .. }, false) => return Err(waits("ContainerCreating")),
        (State::Unpullable { .. }, false) => return Err(waits("trying and failing to pull image")),
    };
    let mut lines = lines(text(pod, "/metadata/labels/app"), &ended);
    if let Some(since) = wanted.since {
        lines.retain(|(at, _)| *at >= since);
    }
    let skip = wanted.tail_lines.map_or(0, |tail| lines.len().saturating_sub(tail));
    let mut out = String::new();
    for (at, line) in lines.iter().skip(skip) {
        if wanted.timestamps {
            out.push_str(&stamp(*at));
            out.push(' ');
        }
        out.push_str(line);
        out.push('\n');
    }
    if let Some(limit) = wanted.limit_bytes {
        out.truncate(out.floor_char_boundary(limit));
    }
    Ok(out)
}

fn lines(app: &str, run: &Ended) -> Vec<(Timestamp, String)> {
    let mut lines: Vec<(Timestamp, String)> =
        opening(app).iter().map(|line| (run.started, format!("{} {line}", stamp(run.started)))).collect();
    let (from, to) = (run.started.as_millis() / EVERY + 1, run.finished.as_millis() / EVERY);
    for at in from.max(to - KEPT)..=to {
        let when = Timestamp::from_millis(at * EVERY);
        lines.push((when, format!("{} {}", stamp(when), working(app, at))));
    }
    for line in run.crash.iter().flat_map(|crash| &crash.lines) {
        lines.push((run.finished, format!("{} {line}", stamp(run.finished))));
    }
    lines
}

fn opening(app: &str) -> Vec<&'static str> {
    let mut lines = vec!["INFO starting, build 2026.11.3"];
    lines.extend(match app {
        "hermes" => [
            "INFO hermes::state: waiting for the first accumulator message",
            "INFO hermes::api: listening on 0.0.0.0:4000",
        ]
        .as_slice(),
        "keeper" => [
            "INFO keeper: 43 feeds, threshold 0.5 %, heartbeat 60 s",
            "INFO keeper: wallet 7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU",
        ]
        .as_slice(),
        app if app.starts_with("price-pusher") => {
            ["INFO pusher: 43 feeds from wss://hermes.feeds.svc/ws", "INFO pusher: deviation 0.5 %, heartbeat 60 s"]
                .as_slice()
        }
        _ => ["INFO ready"].as_slice(),
    });
    lines
}

fn working(app: &str, at: i64) -> String {
    const FEEDS: [&str; 6] = ["BTC/USD", "ETH/USD", "SOL/USD", "AVAX/USD", "LINK/USD", "XRP/USD"];
    let n = at.unsigned_abs();
    let feed = FEEDS[usize::try_from(n % 6).unwrap_or(0)];
    let millis = 20 + n * 7 % 90;
    match app {
        "hermes" => {
            format!("INFO hermes::state: slot {} complete, 43 updates in {millis} ms", 350_000_000 + n % 10_000_000)
        }
        "keeper" => format!("INFO keeper: checked {feed}, nothing to do ({millis} ms)"),
        app if app.starts_with("price-pusher") => {
            if n.is_multiple_of(29) {
                format!("WARN pusher: {feed} confirmation slow: {} ms", 900 + millis)
            } else {
                format!("INFO pusher: pushed {feed} in {millis} ms")
            }
        }
        _ => format!("INFO tick {}", n % 100_000),
    }
}
