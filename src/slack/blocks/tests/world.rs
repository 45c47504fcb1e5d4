//! Every message there is, made from given outside texts.

mod instants;
mod pages;
mod status;
mod wallets;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::super::alert::{AlertView, Member, details, living};
use super::super::feed::{FeedCard, FeedCondition, FeedRow, FeedsView, feed, feeds};
use super::super::home::{HomeView, home};
use super::super::lists::{AlertItem, AlertsView, SilencesView, alerts, silences};
use super::super::modals::{self, Covered, SilenceForm, silence_form};
use super::super::notes::{DigestItem, NoteView, SilenceEndingView, digest, digest_over, moved, note, silence_ending};
use super::super::people::People;
use super::super::status::SourceLine;
use super::super::why::{Check, Posted, WhyView, why, why_quiet};
use super::super::{help, replies};
use super::oncall;
use crate::core::access::Denied;
use crate::core::alert::{Alert, AlertState};
use crate::core::command::{Verb, Which, parse};
use crate::core::decimal::Decimal;
use crate::core::engine::{
    AlertExplanation, Explanation, GroupExplanation, Inhibitor, Note, Outcome, Refusal, RouteTaken, Suppression,
};
use crate::core::feed::{Feed, PriceUpdate, ReferencePrice, SourceStatus};
use crate::core::group::{Acknowledgement, Attention, Group, GroupState, Notification};
use crate::core::ids::{Actor, ChannelId, GroupId, SilenceId, UserId};
use crate::core::label::{ALERTNAME, Matcher};
use crate::core::market::MarketHours;
use crate::core::oncall::{Origin, Shift};
use crate::core::severity::Severity;
use crate::core::signal::{Detail, Evidence, Link};
use crate::core::silence::{Silence, SilencePhase};
use crate::core::time::{Span, Timestamp};

/// Texts that come from outside.
pub struct Outside {
    pub symbol: String,
    pub summary: String,
    pub value: String,
    pub threshold: String,
    pub cause: String,
    pub comment: String,
    pub name: String,
    pub error: String,
}

impl Outside {
    pub fn of(texts: &[String]) -> Self {
        let text = |index: usize| texts.get(index).cloned().unwrap_or_default();
        Self {
            symbol: text(0),
            summary: text(1),
            value: text(2),
            threshold: text(3),
            cause: text(4),
            comment: text(5),
            name: text(6),
            error: text(7),
        }
    }

    pub fn ordinary() -> Self {
        let texts = [
            "Crypto.SOL/USD",
            "SOL/USD has not updated for 95 s",
            "95 s",
            "60 s",
            "3 of 40 feeds of hermes are late",
            "deploy of the publisher",
            "Ann Lee",
            "connection refused",
        ];
        Self::of(&texts.map(str::to_owned))
    }

    pub fn empty() -> Self {
        Self::of(&[])
    }

    pub fn endless(text: &str) -> Self {
        Self::of(&vec![text.repeat(6000 / text.len()); 8])
    }
}

pub use instants::{after, before};

pub const NOW: Timestamp = Timestamp::from_secs(1_796_000_000);

fn ann() -> Actor {
    Actor::Person { user: UserId::new("U0ANN"), team: None }
}

pub fn firing(outside: &Outside, index: usize) -> Alert {
    let symbol = match index {
        0 => outside.symbol.clone(),
        1 => "Crypto.BTC/USD".to_owned(),
        2 => "FX.EUR/USD".to_owned(),
        _ => format!("Crypto.C{index}/USD"),
    };
    let evidence = Evidence {
        summary: outside.summary.clone(),
        value: outside.value.clone(),
        threshold: outside.threshold.clone(),
        cause: Some(outside.cause.clone()).filter(|cause| !cause.is_empty()),
        ..Evidence::default()
    };
    Alert {
        labels: [(ALERTNAME, "FeedStale".to_owned()), ("symbol", symbol)].into_iter().collect(),
        severity: if index == 1 { Severity::Critical } else { Severity::Warning },
        evidence,
        state: AlertState::Firing { since: before(95), fired_at: before(60), clearing_since: None },
        pending_for: Span::from_secs(30),
        keep_firing_for: Span::from_secs(60),
        transitions: Vec::new(),
        flapping_since: None,
        previous: None,
    }
}

/// With everything that evidence can bring along.
fn told(alert: &Alert, outside: &Outside) -> Alert {
    let detail = |title: &str, text: &str| Detail { title: title.to_owned(), text: text.to_owned() };
    let link = |label: &str, url: &str| Link { label: label.to_owned(), url: url.to_owned() };
    let evidence = Evidence {
        owner: Some("U0OWNER".to_owned()),
        details: vec![
            detail("Last log lines", "connecting to hermes\npanic: connection refused <!channel>"),
            detail(&outside.name, &outside.error),
        ],
        links: vec![link("Runbook", "https://example.com/runbook"), link(&outside.name, &outside.error)],
        ..alert.evidence.clone()
    };
    Alert { evidence, ..alert.clone() }
}

fn resolved(mut alert: Alert) -> Alert {
    alert.state = AlertState::Resolved { since: before(1100), fired_at: before(1060), resolved_at: before(80) };
    alert
}

fn group(alerts: &[Alert]) -> Group {
    Group {
        id: GroupId::new("01JD0000000000000000000017"),
        number: 17,
        receiver: "oncall".to_owned(),
        labels: [(ALERTNAME, "FeedStale")].into_iter().collect(),
        alerts: alerts.iter().map(Alert::fingerprint).collect::<BTreeSet<_>>(),
        severity: alerts.iter().map(|alert| alert.severity).max().unwrap_or(Severity::Warning),
        opened_at: before(60),
        acknowledged: None,
        state: GroupState::Notified {
            first_at: before(50),
            last_at: before(50),
            repeat_at: after(9999),
            flush_at: None,
        },
        delivery: crate::core::group::Delivery::default(),
    }
}

fn acknowledged(mut group: Group) -> Group {
    group.acknowledged = Some(Acknowledgement { by: ann(), at: before(20) });
    group
}

fn closed(mut group: Group) -> Group {
    group.state = GroupState::Closed { first_notified_at: Some(before(1000)), closed_at: before(70) };
    group
}

fn silence(outside: &Outside) -> Silence {
    Silence {
        id: SilenceId::new("01JS"),
        number: 3,
        matchers: vec![Matcher::equal("symbol", outside.symbol.clone())],
        starts_at: before(300),
        ends_at: after(3300),
        created_by: ann(),
        created_at: before(300),
        comment: outside.comment.clone(),
        warned_at: None,
        expired_by: None,
        phase: SilencePhase::Active,
    }
}

fn sol(outside: &Outside, hours: MarketHours) -> Feed {
    Feed {
        id: "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d".parse().unwrap(),
        symbol: outside.symbol.clone(),
        asset_class: "crypto".to_owned(),
        description: "SOLANA / US DOLLAR".to_owned(),
        hours,
    }
}

/// All messages and views by name, the groups in them with so many members.
pub fn messages(outside: &Outside, members: usize) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    all.extend(living_messages(outside, members));
    all.extend(note_messages(outside, members));
    all.extend(feed_messages(outside, members));
    all.extend(super::gitops::messages(outside, members));
    all.extend(list_messages(outside, members));
    all.extend(why_messages(outside, members));
    all.extend(status::messages(outside));
    all.extend(pages::graph_messages(outside));
    all.extend(pages::page_messages(outside, members));
    all.extend(pages::escalating_messages(outside, members));
    all.extend(reply_messages(outside));
    all.extend(super::workloads::workload_messages(outside, members));
    all.extend(oncall::messages(outside, members));
    all.extend(super::action::messages(outside, members));
    all.extend(super::handoff::messages(outside, members));
    all.extend(super::incident::messages(outside, members));
    all.extend(wallets::messages(outside, members));
    all.into_iter()
        .map(|(name, message)| (name, serde_json::to_value(message).unwrap()))
        .chain(views(outside, members))
        .collect()
}

pub type Named = Vec<(&'static str, crate::slack::message::Message)>;

pub fn people(outside: &Outside) -> People {
    [(UserId::new("U0ANN"), outside.name.clone())].into_iter().collect()
}

fn living_messages(outside: &Outside, members: usize) -> Named {
    let people = people(outside);
    let alerts: Vec<_> = (0..members).map(|index| firing(outside, index)).collect();
    let over: Vec<_> = alerts.iter().cloned().map(resolved).collect();
    let silence = silence(outside);
    let loud: Vec<_> = alerts.iter().map(Member::loud).collect();
    let quiet: Vec<_> = loud.iter().map(|member| Member { silenced_by: Some(&silence), ..*member }).collect();
    let mut mixed = loud.clone();
    let flapping: Vec<_> =
        alerts.iter().cloned().map(|alert| Alert { flapping_since: Some(before(30)), ..alert }).collect();
    if let Some(first) = mixed.first_mut() {
        *first = Member { alert: &flapping[0], silenced_by: Some(&silence), inhibited: true };
    }
    let over: Vec<_> = over.iter().map(Member::loud).collect();
    let open = group(&alerts);
    let (taken, ended) = (acknowledged(open.clone()), closed(open.clone()));
    let view = AlertView {
        group: &open,
        members: &loud,
        people: &people,
        now: NOW,
        chart: None,
        mention: None,
        ring_owners: false,
        escalation: None,
        offers: &[],
    };
    let first = alerts.first().map(|alert| told(alert, outside));
    let telling: Vec<_> = first.iter().chain(alerts.get(1)).map(Member::loud).collect();
    vec![
        ("living_firing", living(&AlertView { chart: Some("F0CHART"), ..view })),
        ("living_told", living(&AlertView { members: &telling, ring_owners: true, ..view })),
        ("living_ping", living(&AlertView { mention: Some("here"), ..view })),
        ("living_offers", living(&AlertView { offers: &super::action::offers(outside), ..view })),
        ("living_acknowledged", living(&AlertView { group: &taken, ..view })),
        ("living_silenced", living(&AlertView { group: &taken, members: &quiet, ..view })),
        ("living_partly", living(&AlertView { members: &mixed, ..view })),
        ("living_resolved", living(&AlertView { group: &acknowledged(ended), members: &over, ..view })),
        ("details", details(&view)),
    ]
}

fn note_messages(outside: &Outside, members: usize) -> Named {
    let people = people(outside);
    let alerts: Vec<_> = (0..members).map(|index| firing(outside, index)).collect();
    let alert_refs: Vec<_> = alerts.iter().collect();
    let silence = silence(outside);
    let id = || SilenceId::new("01JS");
    let line = |line: &Note, mention| {
        let alert = alerts.first();
        note(&NoteView { note: line, alert, people: &people, now: NOW, mention })
    };
    let worse = Note::Worse { severity: Severity::Critical, unacknowledged: Some(ann()) };
    let silenced =
        Note::Silenced { silence: id(), number: 3, by: ann(), until: after(3600), comment: outside.comment.clone() };
    let open = group(&alerts);
    let item = DigestItem { group: &open, alerts: &alert_refs };
    let ending = SilenceEndingView { silence: &silence, firing: &alert_refs, people: &people, now: NOW };
    vec![
        ("note_opened", line(&Note::Opened { members: 1 }, None)),
        ("note_joined", line(&Note::Joined { members: 3 }, None)),
        ("note_left", line(&Note::Left { members: 2 }, None)),
        ("note_worse", line(&worse, Some("here"))),
        ("note_repeated", line(&Note::Repeated { firing_for: Span::from_secs(4 * 3600) }, None)),
        ("note_acknowledged", line(&Note::Acknowledged { by: ann(), comment: String::new() }, None)),
        ("note_acknowledged_with", line(&Note::Acknowledged { by: ann(), comment: outside.comment.clone() }, None)),
        ("note_unacknowledged", line(&Note::Unacknowledged { by: ann() }, None)),
        ("note_silenced", line(&silenced, None)),
        ("note_unsilenced", line(&Note::Unsilenced { silence: id(), number: 3, by: Some(ann()) }, None)),
        ("note_silence_over", line(&Note::Unsilenced { silence: id(), number: 3, by: None }, None)),
        ("note_flapping", line(&Note::Flapping { alert: firing(outside, 0).fingerprint() }, None)),
        ("note_steady", line(&Note::Steady { alert: firing(outside, 0).fingerprint() }, None)),
        ("note_resolved", line(&Note::Resolved { duration: Span::from_secs(1020) }, None)),
        ("digest", digest(&[item; 40], NOW)),
        ("silence_ending", silence_ending(&ending)),
        ("moved", moved(&ChannelId::new("C0ALERTS"), &outside.error)),
        ("digest over", digest_over(3)),
    ]
}

fn feed_messages(outside: &Outside, members: usize) -> Named {
    let alerts: Vec<_> = (0..members).map(|index| firing(outside, index)).collect();
    let numbered: Vec<_> = alerts.iter().map(|alert| (Some(17), alert)).collect();
    let price = Decimal::new(15_230_512_345, -8);
    let venues = ["coinbase", "kraken", outside.name.as_str()];
    let open = sol(outside, MarketHours::Always);
    let hours = MarketHours::Catalogue { open: false, next_open: Some(after(7200)), next_close: None };
    let shut = sol(outside, hours);
    let references = venues.map(|venue| ReferencePrice {
        feed: open.id,
        venue: venue.to_owned(),
        price: Decimal::new(15_229, -2),
        observed_at: before(4),
    });
    let conf = Decimal::new(4_512_345, -8);
    let latest = PriceUpdate { feed: open.id, price, conf, publish_time: before(95) };
    let card = FeedCard {
        feed: &open,
        source: "hermes",
        latest: Some(latest),
        stale_limit: Duration::from_mins(1),
        references: &references,
        median: Some(Decimal::new(15_229, -2)),
        alerts: &numbered,
        chart: Some("F0CHART"),
        now: NOW,
    };
    let row = FeedRow {
        symbol: &open.symbol,
        price: Some(price),
        conf_bps: Some(3),
        publish_time: Some(before(2)),
        condition: FeedCondition::Good,
    };
    let mut rows = vec![row; 45];
    rows[0].condition = FeedCondition::Alerting(Severity::Critical);
    rows[1] = FeedRow { price: None, conf_bps: None, publish_time: None, condition: FeedCondition::NoPrice, ..row };
    let list = FeedsView { rows: &rows, filter: Some(&outside.name), page: 2, now: NOW };
    vec![
        ("feed_alerting", feed(&card)),
        ("feed_closed", feed(&FeedCard { feed: &shut, alerts: &[], chart: None, ..card })),
        (
            "feed_without_price",
            feed(&FeedCard { latest: None, median: None, references: &[], alerts: &[], chart: None, ..card }),
        ),
        ("feeds_first", feeds(&FeedsView { filter: None, page: 1, ..list })),
        ("feeds_middle", feeds(&list)),
        ("feeds_last", feeds(&FeedsView { page: u32::MAX, ..list })),
        ("feeds_none", feeds(&FeedsView { rows: &[], ..list })),
    ]
}

fn list_messages(outside: &Outside, members: usize) -> Named {
    let people = people(outside);
    let alerts_of: Vec<_> = (0..members).map(|index| firing(outside, index)).collect();
    let over: Vec<_> = alerts_of.iter().cloned().map(resolved).collect();
    let (refs, over): (Vec<_>, Vec<_>) = (alerts_of.iter().collect(), over.iter().collect());
    let (open, silence) = (group(&alerts_of), silence(outside));
    let (taken, ended) = (acknowledged(open.clone()), closed(open.clone()));
    let permalink = Some("https://example.slack.com/archives/C0ALERTS/p1796000000000100");
    let item = AlertItem { group: &open, alerts: &refs, silenced: false, permalink };
    let mut items = vec![
        item,
        AlertItem { group: &taken, silenced: true, permalink: Some(&outside.error), ..item },
        AlertItem { group: &ended, alerts: &over, permalink: None, ..item },
    ];
    let containing = Which::Containing(outside.name.clone());
    let view = AlertsView { items: &items, which: &Which::All, people: &people, now: NOW };
    let few = alerts(&view);
    let none = alerts(&AlertsView { items: &[], which: &containing, ..view });
    items.extend([item; 40]);
    let many = alerts(&AlertsView { items: &items, which: &Which::Open, people: &people, now: NOW });
    let list = |silences_of: &[&Silence]| silences(&SilencesView { silences: silences_of, people: &people, now: NOW });
    vec![
        ("alerts", few),
        ("alerts_none", none),
        ("alerts_many", many),
        ("silences", list(&[&silence])),
        ("silences_many", list(&[&silence; 60])),
        ("silences_none", list(&[])),
    ]
}

fn why_messages(outside: &Outside, members: usize) -> Named {
    let people = people(outside);
    let (silence, by) = (silence(outside), firing(outside, 1));
    let route = RouteTaken {
        path: vec!["{}".to_owned(), format!("{{symbol={:?}}}", outside.symbol)],
        receiver: outside.name.clone(),
        group_by: vec![ALERTNAME.to_owned()],
        grouping: [(ALERTNAME, "FeedStale")].into_iter().collect(),
    };
    let explain = |alert: Alert, held: bool| AlertExplanation {
        alert,
        routes: vec![route.clone()],
        suppression: Suppression {
            silenced_by: if held { vec![silence.id.clone(); 9] } else { vec![] },
            inhibited_by: held.then(|| Inhibitor { rule: 0, alert: by.fingerprint() }),
        },
        next_at: Some(after(40)),
    };
    let alerts: Vec<_> = (0..members).map(|index| explain(firing(outside, index), index == 0)).collect();
    let members: Vec<_> = alerts.iter().map(|explained| explained.alert.clone()).collect();
    let mut group = acknowledged(group(&members));
    group.receiver.clone_from(&outside.name);
    group.labels.set("symbol", outside.symbol.clone());
    group.delivery.history = vec![Notification { at: before(50), attention: Attention::New }];
    let explained = GroupExplanation {
        group,
        group_wait: Span::from_secs(10),
        group_interval: Span::from_secs(60),
        repeat_interval: Span::from_secs(4 * 3600),
        muted_by: None,
        next_at: Some(after(9000)),
    };
    let muted = GroupExplanation { muted_by: Some(outside.comment.clone()), ..explained.clone() };
    let told = Explanation { alerts, groups: vec![explained, muted] };
    let pending = Alert { state: AlertState::Pending { since: before(20) }, ..firing(outside, 0) };
    let untold = Explanation { alerts: vec![explain(pending, false)], groups: vec![] };
    let view = WhyView {
        explanation: &told,
        silences: &[&silence],
        inhibitors: &[&by],
        posted: Some(Posted::Dead { error: &outside.error }),
        escalation: None,
        people: &people,
        now: NOW,
    };
    let check = Check { rule: "FeedStale", value: &outside.value, limit: &outside.threshold };
    vec![
        ("why", why(&view)),
        ("why_pending", why(&WhyView { explanation: &untold, ..view })),
        ("why_quiet", why_quiet(&outside.symbol, &[check; 5])),
    ]
}

fn reply_messages(outside: &Outside) -> Named {
    let people = people(outside);
    let refused = |refusal: &Refusal| replies::refused(refusal, &people, NOW);
    let done = |outcome: &Outcome| replies::done(outcome, Some(after(3600)), NOW);
    let unreadable = |text: &str| parse(text).err().map(|error| replies::unreadable(&error)).unwrap_or_default();
    let symbol = outside.symbol.as_str();
    let id = GroupId::new("01J");
    vec![
        ("help", help::help(None)),
        ("help_silence", help::help(Some(Verb::Silence))),
        ("unreadable_word", unreadable("fed SOL/USD")),
        ("unreadable_unknown", unreadable(&format!("xyzzy{}", outside.comment.replace('/', "")))),
        ("unreadable_argument", unreadable(&format!("silence 17 x{}", outside.comment))),
        ("unreadable_symbol", unreadable(&format!("a/{}", outside.comment))),
        ("no_such_feed", replies::no_such_feed(symbol, &[])),
        ("no_such_feed_but", replies::no_such_feed("soll", &[symbol, "Crypto.SOL/BTC", &outside.name])),
        ("which_feed", replies::which_feed("sol", &[symbol, "Crypto.SOL/BTC", &outside.name])),
        ("no_such_alert", replies::no_such_alert(99)),
        ("no_such_silence", replies::no_such_silence(99)),
        ("denied_stranger", replies::denied(&Denied::Stranger)),
        ("denied_not_responder", replies::denied(&Denied::NotResponder)),
        ("denied_home_unknown", replies::denied(&Denied::HomeUnknown)),
        ("refused_gone", refused(&Refusal::NoSuchGroup(id))),
        ("refused_late_click", refused(&Refusal::Closed { number: 17, at: before(70) })),
        ("refused_twice", refused(&Refusal::AlreadyAcknowledged { number: 17, by: ann(), at: before(20) })),
        ("refused_not_acknowledged", refused(&Refusal::NotAcknowledged { number: 17 })),
        ("refused_no_silence", refused(&Refusal::NoSuchSilence(SilenceId::new("01JS")))),
        ("refused_silence_ended", refused(&Refusal::SilenceEnded { number: 3, at: before(70) })),
        ("refused_too_early", refused(&Refusal::EndsTooEarly)),
        ("refused_everything", refused(&Refusal::MatchesEverything)),
        ("done_acknowledged", done(&Outcome::Acknowledged { number: 17 })),
        ("done_unacknowledged", done(&Outcome::Unacknowledged { number: 17 })),
        ("done_silenced", done(&Outcome::Silenced { silence: SilenceId::new("01JS"), number: 3, firing: 2 })),
        ("done_unsilenced", done(&Outcome::Unsilenced { number: 3, firing: 1 })),
        ("unknown_button", replies::unknown_button()),
        ("too_late", replies::too_late(before(900), NOW)),
        ("working", replies::working(&outside.comment)),
        ("failed", replies::failed("01JREF")),
        ("unavailable", replies::unavailable()),
    ]
}

fn views(outside: &Outside, members: usize) -> Vec<(&'static str, Value)> {
    let people = people(outside);
    let alerts: Vec<_> = (0..members).map(|index| firing(outside, index)).collect();
    let refs: Vec<_> = alerts.iter().collect();
    let (open, silence) = (group(&alerts), silence(outside));
    let (taken, ended) = (acknowledged(open.clone()), closed(open.clone()));
    let item = AlertItem { group: &open, alerts: &refs, silenced: false, permalink: None };
    let up = SourceStatus::Up { since: before(5000), endpoint: String::new() };
    let source = SourceLine { name: &outside.name, status: Some(&up), feeds: 40, silent: 1 };
    let taken = AlertItem { group: &taken, ..item };
    let quiet =
        HomeView { open: &[], resolved: &[], silences: &[], shifts: &[], sources: &[], people: &people, now: NOW };
    let shift = Shift { people: Vec::new(), origin: Origin::Layer(0), from: before(60), to: after(86_400) };
    let busy = HomeView {
        open: &[taken, item],
        resolved: &[AlertItem { group: &ended, ..item }],
        silences: &[&silence],
        shifts: &[(outside.name.clone(), shift)],
        sources: &[source],
        ..quiet
    };
    let full = HomeView {
        open: &[item; 30].into_iter().chain([taken; 30]).collect::<Vec<_>>(),
        resolved: &[item; 30],
        silences: &[&silence; 30],
        sources: &[source; 30],
        ..quiet
    };
    let (group, matchers, length) = (Some(&open.id), silence.matchers.as_slice(), Span::from_secs(3600));
    let form = SilenceForm { group, matchers, firing: 2, first: &[], length, comment: "", outside: &[] };
    let first = vec![outside.name.clone(); 5];
    let covered = |count: usize| Covered { count, first: first.iter().take(count).cloned().collect() };
    let there = [(outside.name.clone(), Some(covered(7))), ("b".to_owned(), None), ("c".to_owned(), Some(covered(1)))];
    [
        ("home_quiet", home(&quiet)),
        ("home", home(&busy)),
        ("home_full", home(&full)),
        ("modal_loading", modals::loading()),
        ("modal_silence", silence_form(&form)),
        ("modal_silence_outside", silence_form(&SilenceForm { outside: &there, firing: 9, first: &first, ..form })),
        ("modal_closed", modals::closed(&outside.error)),
    ]
    .into_iter()
    .map(|(name, view)| (name, view.0))
    .chain(oncall::forms(outside, members))
    .chain(super::action::forms(outside))
    .chain(super::handoff::forms(outside))
    .chain(super::incident::forms(outside))
    .collect()
}
