//! One feed as it is now, and the list of feeds.

use std::time::Duration;

use super::kit;
use super::pages::Page;
use super::words::{ago, bold, code, count, moment, plain, said, severity_emoji, what};
use crate::core::alert::Alert;
use crate::core::decimal::Decimal;
use crate::core::feed::{Feed, PriceUpdate, ReferencePrice};
use crate::core::severity::Severity;
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// What the answer to `/wk feed` is made from.
#[derive(Clone, Copy, Debug)]
pub struct FeedCard<'a> {
    pub feed: &'a Feed,
    /// The source it comes from.
    pub source: &'a str,
    pub latest: Option<PriceUpdate>,
    /// From this age on it counts as stale.
    pub stale_limit: Duration,
    pub references: &'a [ReferencePrice],
    /// Of the references that are fresh enough to count.
    pub median: Option<Decimal>,
    /// Its alerts that are not resolved, each with the number of its group when it has one.
    pub alerts: &'a [(Option<u64>, &'a Alert)],
    /// Slack file id of an uploaded chart.
    pub chart: Option<&'a str>,
    pub now: Timestamp,
}

#[must_use]
pub fn feed(view: &FeedCard) -> Message {
    let FeedCard { feed, latest, now, .. } = view;
    let condition = condition(view);
    let symbol = plain(feed.short_symbol(), 80);
    let heading = format!("{} {symbol}", condition.emoji());
    let mut blocks = vec![kit::header(&heading), kit::fields(&facts(view))];
    let alerts: Vec<_> = view.alerts.iter().map(|(number, alert)| alert_line(*number, alert, *now)).collect();
    if !alerts.is_empty() {
        blocks.push(kit::section(&alerts[..alerts.len().min(8)].join("\n")));
    }
    blocks.extend(references(view).map(|text| kit::section(&text)));
    blocks.extend(view.chart.map(|file| kit::picture(file, &format!("Price chart of {symbol}"))));
    let about = [feed.symbol.as_str(), &feed.asset_class, &feed.description, view.source];
    let about: Vec<_> = about.into_iter().filter(|text| !text.is_empty()).map(|text| said(text, 120)).collect();
    blocks.push(kit::contexts(&[about.join(" · "), code(&feed.id.to_string())]));
    let price = latest.map_or_else(|| "no price yet".to_owned(), |latest| latest.price.to_string());
    kit::message(&format!("{} {}: {price}", condition.emoji(), said(feed.short_symbol(), 80)), &blocks, None)
}

fn condition(view: &FeedCard) -> FeedCondition {
    let worst = view.alerts.iter().filter(|(_, alert)| alert.firing()).map(|(_, alert)| alert.severity).max();
    match (worst, view.latest) {
        (Some(severity), _) => FeedCondition::Alerting(severity),
        (None, _) if !view.feed.hours.is_open(view.now) => FeedCondition::Closed,
        (None, None) => FeedCondition::NoPrice,
        (None, Some(_)) => FeedCondition::Good,
    }
}

/// With what to keep in mind about the answer.
#[must_use]
pub fn doubtful(mut answer: Message, doubt: &str) -> Message {
    let doubt = format!("⚠️ {}", said(doubt, 300));
    answer.text = format!("{} {doubt}", answer.text);
    answer.blocks.extend(kit::values(&[kit::context(&doubt)], 1));
    answer
}

fn facts(view: &FeedCard) -> Vec<(&'static str, String)> {
    let FeedCard { feed, latest, stale_limit, median, now, .. } = view;
    let mut facts = Vec::new();
    match latest {
        Some(PriceUpdate { price, conf, publish_time, .. }) => {
            facts.push(("Price", format!("*{price}*")));
            let bps = conf.bps_of(*price).map_or_else(String::new, |bps| format!(" ({bps} bps)"));
            facts.push(("Confidence", format!("± {}{bps}", conf.rounded(4))));
            let limit = span(*stale_limit);
            facts.push(("Published", format!("{} (stale from {limit})", ago(*publish_time, *now))));
        }
        None => facts.push(("Price", "none yet".to_owned())),
    }
    let change = feed.hours.next_change(*now).map(|at| moment(at, *now));
    facts.push((
        "Market",
        match (feed.hours.is_open(*now), change) {
            (true, None) => "open".to_owned(),
            (true, Some(at)) => format!("open until {at}"),
            (false, None) => "closed".to_owned(),
            (false, Some(at)) => format!("🌙 closed, opens {at}"),
        },
    ));
    if let (Some(latest), Some(median)) = (latest, median) {
        let bps = latest.price.distance_bps(*median).map_or_else(String::new, |bps| format!(" ({bps} bps away)"));
        facts.push(("Reference median", format!("{}{bps}", median.rounded(9))));
    }
    facts
}

pub(super) fn alert_line(number: Option<u64>, alert: &Alert, now: Timestamp) -> String {
    let number = number.map_or_else(String::new, |number| format!("*#{number}* "));
    let waiting = if alert.firing() { "" } else { " (pending)" };
    let emoji = severity_emoji(alert.severity);
    format!("{emoji} {number}{}{waiting} · since {}", said(&what(alert), 200), moment(alert.since(), now))
}

fn references(view: &FeedCard) -> Option<String> {
    let each = view.references.iter().take(8).map(|reference| {
        let ReferencePrice { venue, price, observed_at, .. } = reference;
        format!("{} {} ({})", said(venue, 40), price.rounded(9), ago(*observed_at, view.now))
    });
    let each: Vec<_> = each.collect();
    (!each.is_empty()).then(|| format!("*References*  {}", each.join(" · ")))
}

/// Learned limits are often below a second.
fn span(length: Duration) -> String {
    if length < Duration::from_secs(2) { format!("{} ms", length.as_millis()) } else { spoken(length) }
}

/// One feed in the list.
#[derive(Clone, Copy, Debug)]
pub struct FeedRow<'a> {
    /// Full symbol.
    pub symbol: &'a str,
    pub price: Option<Decimal>,
    pub conf_bps: Option<u64>,
    pub publish_time: Option<Timestamp>,
    pub condition: FeedCondition,
}

/// How a feed is, in one word; ordered from the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeedCondition {
    Good,
    Closed,
    NoPrice,
    Alerting(Severity),
}

impl FeedCondition {
    const fn emoji(self) -> &'static str {
        match self {
            Self::Good => "🟢",
            Self::Closed => "🌙",
            Self::NoPrice => "⚪",
            Self::Alerting(severity) => severity_emoji(severity),
        }
    }
}

/// What the answer to `/wk feeds` is made from.
#[derive(Clone, Copy, Debug)]
pub struct FeedsView<'a> {
    /// All that the filter lets through, in the order to show.
    pub rows: &'a [FeedRow<'a>],
    pub filter: Option<&'a str>,
    /// From 1; one past the end shows the last page.
    pub page: u32,
    pub now: Timestamp,
}

/// As many as a phone scrolls through without losing the buttons.
const PAGE: usize = 20;

#[must_use]
pub fn feeds(view: &FeedsView) -> Message {
    let FeedsView { rows, filter, page, now } = view;
    let of = filter.map_or_else(String::new, |filter| format!(" matching {}", bold(filter)));
    if rows.is_empty() {
        return kit::line(&format!("I watch no feeds{of}. `/wk feeds` lists all."));
    }
    let page = Page::of(rows, PAGE, *page);
    let lines: Vec<_> = page.shown.iter().map(|row| line(row, *now)).collect();
    let heading = format!("{}{of}", count(rows.len(), "feed"));
    let mut blocks = vec![kit::section(&format!("*Feeds*  {heading}"))];
    // Two sections: one of long symbols would pass the limit of a section.
    blocks.extend(lines.chunks(PAGE / 2).map(|lines| kit::section(&lines.join("\n"))));
    let buttons = page.turns("feeds", *filter);
    if !buttons.is_empty() {
        blocks.push(kit::row(buttons));
    }
    blocks.extend(page.place().map(|place| kit::context(&place)));
    kit::message(&heading, &blocks, None)
}

fn line(row: &FeedRow, now: Timestamp) -> String {
    let FeedRow { symbol, price, conf_bps, publish_time, condition } = row;
    let parts = [
        price.map(|price| price.rounded(8).to_string()),
        conf_bps.map(|bps| format!("± {bps} bps")),
        publish_time.map(|at| format!("· {}", ago(at, now))),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let told = if parts.is_empty() { "no price yet".to_owned() } else { parts.join(" ") };
    format!("{} {}  {told}", condition.emoji(), bold(&plain(symbol, 60)))
}
