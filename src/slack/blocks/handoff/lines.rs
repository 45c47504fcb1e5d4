//! One entry of a report in a line or two.

use std::time::Duration;

use super::super::incident::listed;
use super::super::people::People;
use super::super::words::{ago, bold, code, count, escape, moment, plain, rule_words, said, severity_emoji, subject};
use crate::core::handoff::{
    AlertLine, Deed, FeedLine, Noise, Note, Report, RequestLine, RequestState, Section, SilenceLine, Temporary,
    Upcoming, WalletLine, What,
};
use crate::core::ids::{Actor, UserId};
use crate::core::label::ALERTNAME;
use crate::core::time::{Timestamp, spoken};

/// An entry of a report; nothing when there is none of that index.
pub(super) fn line(report: &Report, section: Section, index: usize, people: &People, now: Timestamp) -> Option<String> {
    match section {
        Section::Incidents => report.incidents.get(index).map(|incident| listed(incident, people, now)),
        Section::Alerts => report.alerts.get(index).map(|line| alert(line, people, now)),
        Section::Requests => report.requests.get(index).map(|line| request(line, people, now)),
        Section::Notes => report.notes.get(index).map(|line| note(line, people, now)),
        Section::Silences => report.silences.get(index).map(|line| silence(line, people, now)),
        Section::Temporary => report.temporary.get(index).map(|line| temporary(line, people, now)),
        Section::Wallets => report.wallets.get(index).map(wallet),
        Section::Feeds => report.feeds.get(index).map(|line| feed(line, now)),
        Section::Noise => report.noise.get(index).map(noise),
        Section::Upcoming => report.upcoming.get(index).map(|line| upcoming(line, now)),
        Section::Done => report.done.get(index).map(|line| deed(line, people, now)),
    }
}

pub(super) fn name(user: &UserId, people: &People) -> String {
    people.name(&Actor::Person { user: user.clone(), team: None })
}

fn alert(line: &AlertLine, people: &People, now: Timestamp) -> String {
    let AlertLine { number, severity, labels, summary, alerts, since, acknowledged, flapping } = line;
    let what = if *alerts == 1 && !summary.is_empty() {
        said(summary, 160)
    } else {
        let rule = rule_words(labels.get(ALERTNAME).unwrap_or_default());
        said(&format!("{rule} × {alerts}: {}", subject(labels)), 160)
    };
    let on_it = match acknowledged {
        Some(by) => format!("👀 {}", people.name(by)),
        None => "nobody is on it".to_owned(),
    };
    let flapping = if *flapping { " · 〰️ flapping" } else { "" };
    let emoji = severity_emoji(*severity);
    format!("{emoji} *#{number}* {what}\nfor {} · {on_it}{flapping}", spoken(now.since(*since)))
}

fn request(line: &RequestLine, people: &People, now: Timestamp) -> String {
    let RequestLine { number, action, target, by, at, state, until } = line;
    let back = until.map(|until| format!("done for now, goes back by itself at {}", moment(until, now)));
    let (emoji, state) = match (state, back) {
        (RequestState::Unknown, _) => ("❓", "nobody knows what came of it".to_owned()),
        (RequestState::Open, _) => ("✋", "waits for approval".to_owned()),
        (RequestState::Running, Some(back)) => ("⏳", back),
        (RequestState::Running, None) => ("⚙️", "is under way".to_owned()),
    };
    let what = format!("{} {}", said(action, 60), said(target, 120));
    format!("{emoji} *Action {number}* {what}\n{state} · {} asked {}", name(by, people), ago(*at, now))
}

fn note(entry: &Note, people: &People, now: Timestamp) -> String {
    let Note { id: _, at, by, text, link } = entry;
    let link = link.as_deref().and_then(address).map(|url| format!(" · <{url}|message>")).unwrap_or_default();
    format!("📝 {}\n{} at {}{link}", said(text, 300), name(by, people), moment(*at, now))
}

/// An address as link markup takes it; `None` for what could end the markup.
fn address(text: &str) -> Option<String> {
    let web = text.starts_with("https://") || text.starts_with("http://");
    let fits = web && text.len() < 300 && !text.contains(['<', '>', '|', ' ']);
    fits.then(|| escape(text))
}

fn silence(line: &SilenceLine, people: &People, now: Timestamp) -> String {
    let SilenceLine { number, matchers, ends_at, by, comment, firing, worst } = line;
    let hides = match (firing, worst) {
        (0, _) | (_, None) => "nothing it covers is firing".to_owned(),
        (firing, Some(worst)) => format!("hides {} {}", severity_emoji(*worst), count(*firing, "firing alert")),
    };
    let comment = if comment.trim().is_empty() { String::new() } else { format!(": {}", said(comment, 120)) };
    let matchers = code(&plain(&matchers.join(", "), 120));
    let ends = format!("ends at {} ({})", moment(*ends_at, now), spoken(ends_at.since(now)));
    format!("🔕 *Silence {number}* {matchers} {ends}\n{hides} · by {}{comment}", people.name(by))
}

fn temporary(line: &Temporary, people: &People, now: Timestamp) -> String {
    match line {
        Temporary::Override { schedule, user, until } => {
            format!("🔁 {} has {} by an override until {}", name(user, people), bold(schedule), moment(*until, now))
        }
        Temporary::Frozen { by, since, reason } => {
            let why = if reason.trim().is_empty() { String::new() } else { format!(": {}", said(reason, 120)) };
            format!("🧊 No action begins since {}, no end set · by {}{why}", moment(*since, now), people.name(by))
        }
        Temporary::Suspended { kind, app, cluster, since, by, until } => {
            let until = match until {
                Some(at) => format!(", resumes by itself at {} ({})", moment(*at, now), spoken(at.since(now))),
                None => ", no end set".to_owned(),
            };
            let since = since.map(|at| format!(" since {}", moment(at, now))).unwrap_or_default();
            let by = by.as_deref().map(|by| format!(" by {}", said(by, 60))).unwrap_or_default();
            let (app, cluster) = (bold(&plain(app, 80)), said(cluster, 60));
            format!("⏸️ {} {app} in {cluster} is suspended{since}{by}{until}", said(kind, 30))
        }
    }
}

fn wallet(line: &WalletLine) -> String {
    let WalletLine { name, chain, holds, left, level, unknown } = line;
    let emoji = level.map_or("💰", severity_emoji);
    let what = match (unknown, left) {
        (Some(why), _) => format!("not known: {}", said(why, 120)),
        (None, Some(left)) => format!("{}, lasts {}", said(holds, 60), spoken(left.duration())),
        (None, None) => said(holds, 60),
    };
    format!("{emoji} {} on {}: {what}", bold(&plain(name, 80)), said(chain, 40))
}

fn feed(line: &FeedLine, now: Timestamp) -> String {
    let FeedLine { symbol, rule, severity, since } = line;
    let emoji = severity_emoji(*severity);
    format!("{emoji} {}: {} for {}", bold(&plain(symbol, 80)), said(&rule_words(rule), 60), spoken(now.since(*since)))
}

fn noise(line: &Noise) -> String {
    let Noise { labels, fired, notifications, unattended, flapping } = line;
    let rule = rule_words(labels.get(ALERTNAME).unwrap_or_default());
    let what = said(&subject(labels), 100);
    let mut parts = vec![format!("fired {}", times(*fired)), format!("asked for attention {}", times(*notifications))];
    if *unattended > 0 {
        parts.push(format!("went by itself {}", times(*unattended)));
    }
    if *flapping {
        parts.push("is flapping".to_owned());
    }
    format!("〰️ {} {what}: {}", bold(&plain(&rule, 60)), parts.join(", "))
}

pub(super) fn times(number: usize) -> String {
    match number {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

fn upcoming(line: &Upcoming, now: Timestamp) -> String {
    const SOON: Duration = Duration::from_hours(48);
    let left = line.at.since(now);
    let when = match moment(line.at, now) {
        at if line.at <= now => format!("since {at}"),
        at if left < SOON => format!("{at}, in {}", spoken(left)),
        at => at,
    };
    let what = match &line.what {
        What::Market { class, opens, feeds } => {
            let turn = if *opens { "open" } else { "close" };
            format!("{} markets {turn} ({})", said(class, 40), count(*feeds, "feed"))
        }
        What::Certificate { cluster, namespace, name } => {
            let name = bold(&plain(&format!("{namespace}/{name}"), 80));
            format!("the certificate {name} in {} expires", said(cluster, 60))
        }
        What::Planned { calendar, title, until } => {
            let lasts = spoken(until.since(line.at));
            format!("{} ({}, for {lasts})", bold(&plain(title, 80)), said(calendar, 40))
        }
        What::Gap { schedule, until } => {
            format!("⚠️ nobody has {} until {}", bold(schedule), moment(*until, now))
        }
    };
    format!("🗓️ {when}: {what}")
}

/// `silence/3` and `silence.created` become `silence 3: created`; what it is about in words goes before the verb.
fn deed(line: &Deed, people: &People, now: Timestamp) -> String {
    let Deed { at, by, action, subject, about } = line;
    let subject = said(&subject.replace('/', " "), 80);
    let about = about.as_deref().map(|about| format!(", {}", said(about, 160))).unwrap_or_default();
    let verb = action.split_once('.').map_or(action.as_str(), |(_, verb)| verb).replace(['.', '_'], " ");
    format!("{} {} · {subject}{about}: {}", moment(*at, now), people.name(by), said(&verb, 60))
}
