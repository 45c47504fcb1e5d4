//! Wallets: the list, one wallet, what came in, and who needs how much.

use std::time::Duration;

use super::kit::{self, Accent};
use super::pages::Page;
use super::words::{ago, bold, code, count, fitting, moment, plain, said, severity_emoji, what};
use crate::core::alert::Alert;
use crate::core::decimal::Decimal;
use crate::core::severity::Severity;
use crate::core::time::{Span, Timestamp, spoken};
use crate::core::wallet::Amount;
use crate::core::wallet::funding::{Funding, Need};
use crate::core::wallet::limits::Limits;
use crate::core::wallet::runway::Outlook;
use crate::core::wallet::verdicts::{amount_words, basis_words, left_words, worth_words};
use crate::slack::message::Message;

/// One wallet as it stands.
#[derive(Clone, Copy, Debug)]
pub struct WalletRow<'a> {
    pub name: &'a str,
    pub chain: &'a str,
    pub group: Option<&'a str>,
    pub symbol: &'a str,
    /// What it held when it was last read.
    pub amount: Option<Amount>,
    /// What one coin is worth in dollars.
    pub price: Option<Decimal>,
    pub outlook: &'a Outlook,
    /// The worst of what its rules say.
    pub level: Option<Severity>,
    /// Why its balance is not known at present.
    pub unknown: Option<&'a str>,
}

impl WalletRow<'_> {
    const fn emoji(&self) -> &'static str {
        match (self.level, self.unknown, self.amount) {
            (Some(severity), _, _) => severity_emoji(severity),
            (None, Some(_), _) | (None, None, None) => "⚪",
            (None, None, Some(_)) => "🟢",
        }
    }

    fn holds(&self) -> String {
        match self.amount {
            Some(amount) => said(&worth_words(amount, self.symbol, self.price), 90),
            None => "not read yet".to_owned(),
        }
    }

    fn lasts(&self) -> Option<String> {
        self.amount?;
        Some(match self.outlook {
            Outlook::Falling(runway) => format!("*{}* left", left_words(runway.left)),
            Outlook::Steady { .. } => "does not get less".to_owned(),
            Outlook::Unknown { .. } => "pace not known yet".to_owned(),
        })
    }

    fn line(&self) -> String {
        let told = [Some(self.holds()), self.lasts(), Some(said(self.chain, 30))];
        let told: Vec<_> = told.into_iter().flatten().collect();
        let unknown = self.unknown.map_or_else(String::new, |why| format!("\n      not known now: {}", said(why, 120)));
        format!("{} {}  {}{unknown}", self.emoji(), bold(&plain(self.name, 60)), told.join(" · "))
    }
}

/// What the answer to `/wk balance` is made from.
#[derive(Clone, Copy, Debug)]
pub struct WalletsView<'a> {
    /// All that the filter lets through, in the order to show.
    pub rows: &'a [WalletRow<'a>],
    pub filter: Option<&'a str>,
    /// From 1; one past the end shows the last page.
    pub page: u32,
}

/// As many as a phone scrolls through without losing the buttons.
const PAGE: usize = 16;

#[must_use]
pub fn wallets(view: &WalletsView) -> Message {
    let WalletsView { rows, filter, page } = view;
    let of = filter.map_or_else(String::new, |filter| format!(" matching {}", bold(filter)));
    if rows.is_empty() {
        let more = if filter.is_some() {
            "`/wk balance` lists all."
        } else {
            "Add some under `balances` in the configuration."
        };
        return kit::line(&format!("I watch no wallets{of}. {more}"));
    }
    let page = Page::of(rows, PAGE, *page);
    let low = rows.iter().filter(|row| row.level.is_some()).count();
    let low = if low == 0 { String::new() } else { format!(", *{low} low*") };
    let heading = format!("{}{of}{low}", count(rows.len(), "wallet"));
    let mut blocks = vec![kit::section(&format!("*Balances*  {heading}"))];
    let lines: Vec<_> = page.shown.iter().map(WalletRow::line).collect();
    blocks.extend(lines.chunks(PAGE / 2).map(|lines| kit::section(&lines.join("\n"))));
    let mut buttons = page.turns("balance", *filter);
    // The one that matters most is one press away.
    if let Some(first) = page.shown.first().filter(|row| row.level.is_some()) {
        let button = kit::run(&format!("Show {}", plain(first.name, 40)), format!("balance {}", first.name));
        buttons.extend(button.map(|button| kit::nth(button, 2).into()));
    }
    if !buttons.is_empty() {
        blocks.push(kit::row(buttons));
    }
    blocks.extend(page.place().map(|place| kit::context(&format!("{place}, the first to run dry on top"))));
    kit::message(&heading.replace('*', ""), &blocks, None)
}

/// What the answer to `/wk balance <name>` is made from.
#[derive(Clone, Copy, Debug)]
pub struct WalletCard<'a> {
    pub row: WalletRow<'a>,
    pub limits: &'a Limits,
    /// When it was last read.
    pub read_at: Option<Timestamp>,
    /// When, and how much.
    pub last_top_up: Option<(Timestamp, Amount)>,
    /// What was spent in how long a time, at most thirty days.
    pub spent: Option<(Duration, Amount)>,
    pub address: &'a str,
    pub explorer: Option<&'a str>,
    /// Its alerts that are not resolved, each with the number of its group when it has one.
    pub alerts: &'a [(Option<u64>, &'a Alert)],
    /// Slack file id of an uploaded chart.
    pub chart: Option<&'a str>,
    pub now: Timestamp,
}

#[must_use]
pub fn wallet(view: &WalletCard) -> Message {
    let WalletCard { row, now, .. } = view;
    let heading = format!("{} {}", row.emoji(), plain(row.name, 80));
    let mut blocks = vec![kit::header(&heading), kit::fields(&facts(view))];
    if let Some(why) = row.unknown {
        blocks.push(kit::section(&format!("⚪ *Not known now*: {}", said(why, 300))));
    }
    let alerts: Vec<_> = view.alerts.iter().take(4).map(|(number, alert)| alert_line(*number, alert, *now)).collect();
    if !alerts.is_empty() {
        blocks.push(kit::section(&alerts.join("\n")));
    }
    blocks.extend(
        view.chart.map(|file| kit::picture(file, &format!("Balance of {} with its forecast", plain(row.name, 80)))),
    );
    let page = view.explorer.and_then(|url| kit::link("Explorer", url, 0));
    blocks.extend(page.map(|button| kit::row(vec![button.into()])));
    let about: Vec<_> = [Some(row.chain), row.group].into_iter().flatten().map(|text| said(text, 80)).collect();
    blocks.push(kit::contexts(&[about.join(" · "), code(view.address)]));
    let lasts = row.lasts().map_or_else(String::new, |lasts| format!(", {}", lasts.replace('*', "")));
    kit::message(&format!("{} {}: {}{lasts}", row.emoji(), said(row.name, 80), row.holds()), &blocks, None)
}

fn facts(view: &WalletCard) -> Vec<(&'static str, String)> {
    let WalletCard { row, limits, read_at, last_top_up, spent, now, .. } = view;
    let words = |amount: Amount| said(&amount_words(amount, row.symbol), 60);
    let mut facts = vec![("Balance", format!("*{}*", row.holds()))];
    match (row.outlook, row.amount) {
        (_, None) => {}
        (Outlook::Falling(runway), Some(amount)) => {
            let at_most = runway.at_most.filter(|at_most| *at_most > runway.left + runway.left / 10);
            let at_most =
                at_most.map_or_else(String::new, |at_most| format!(" (at its usual pace {})", left_words(at_most)));
            let dry = if runway.left < Duration::from_hours(30 * 24) {
                format!(", until {}", moment(now.plus(runway.left), *now))
            } else {
                String::new()
            };
            facts.push(("Runway", format!("*{}*{dry}{at_most}\n{}", left_words(runway.left), basis_words(runway))));
            let per_day = Amount::new(runway.per_day, amount.decimals()).map_or_else(|_| "—".to_owned(), words);
            facts.push(("Spends", format!("{per_day} a day")));
        }
        (Outlook::Steady { seen }, Some(_)) => {
            facts.push(("Runway", format!("has not got less for {}", spoken(*seen))));
        }
        (Outlook::Unknown { .. }, Some(_)) => facts.push(("Runway", "too little seen yet".to_owned())),
    }
    if let Some((length, amount)) = spent {
        facts.push(("Spent", format!("{} in {}", words(*amount), spoken(*length))));
    }
    facts.push((
        "Last top-up",
        match last_top_up {
            Some((at, added)) => format!("{}, {}", words(*added), ago(*at, *now)),
            None => "none seen".to_owned(),
        },
    ));
    let level = |emoji: &str, amount: Option<Amount>, runway: Option<Span>| {
        let parts = [amount.map(words), runway.map(|span| spoken(span.duration()))];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{emoji} {}", parts.join(" or ")))
    };
    let levels = [
        level(severity_emoji(Severity::Warning), limits.amount.warning, limits.runway.warning),
        level(severity_emoji(Severity::Critical), limits.amount.critical, limits.runway.critical),
    ];
    let levels: Vec<_> = levels.into_iter().flatten().collect();
    facts.push(("Alerts at", if levels.is_empty() { "no limit".to_owned() } else { levels.join("\n") }));
    facts.extend(read_at.map(|at| ("Read", ago(at, *now))));
    facts
}

fn alert_line(number: Option<u64>, alert: &Alert, now: Timestamp) -> String {
    let number = number.map_or_else(String::new, |number| format!("*#{number}* "));
    let emoji = severity_emoji(alert.severity);
    format!("{emoji} {number}{} · since {}", said(&what(alert), 200), moment(alert.since(), now))
}

/// Nothing is called that; `alike` may have been meant.
#[must_use]
pub fn no_such_wallet(text: &str, alike: &[&str]) -> Message {
    let alike: Vec<_> = alike.iter().take(5).map(|name| code(name)).collect();
    let meant = if alike.is_empty() { String::new() } else { format!(" Did you mean {}?", alike.join(", ")) };
    kit::line(&format!("I watch no wallet matching {}.{meant} `/wk balance` lists all.", bold(text)))
}

/// A line in an alert's thread: money came in.
#[must_use]
pub fn topped_up(name: &str, symbol: &str, added: Amount, holds: Amount) -> Message {
    let words = |amount| said(&amount_words(amount, symbol), 60);
    kit::line(&format!("💰 {} got {}, holds {} now", bold(name), words(added), words(holds)))
}

/// What the funding summary is made from.
#[derive(Clone, Copy, Debug)]
pub struct FundingView<'a> {
    pub funding: &'a Funding,
    /// How long every wallet shall last.
    pub reach: Duration,
    pub now: Timestamp,
}

#[must_use]
pub fn funding(view: &FundingView) -> Message {
    let FundingView { funding, reach, now } = view;
    let reach = spoken(*reach);
    let needs = funding.needs.len();
    let heading = match needs {
        0 => format!("✅ Every wallet lasts for {reach}"),
        1 => format!("💰 1 wallet needs money to last for {reach}"),
        _ => format!("💰 {needs} wallets need money to last for {reach}"),
    };
    let mut blocks = vec![kit::header(&heading)];
    for of_chain in funding.needs.chunk_by(|a, b| (&a.chain, &a.symbol) == (&b.chain, &b.symbol)).take(20) {
        blocks.push(kit::section(&chain_lines(of_chain)));
    }
    let mut rest = vec![format!("{} long enough", count(funding.fine, "wallet"))];
    if !funding.unknown.is_empty() {
        let names = funding.unknown.iter().map(|name| said(name.as_str(), 60));
        let (names, more) = fitting(names, 12, 800);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        rest.push(format!("⚪ not known: {}{more}", names.join(", ")));
    }
    rest.push(format!("as of {}", moment(*now, *now)));
    blocks.push(kit::contexts(&rest));
    blocks.push(kit::row(
        vec![kit::run("All balances", "balance".to_owned()).map(Into::into)].into_iter().flatten().collect(),
    ));
    kit::message(&heading, &blocks, (needs == 0).then_some(Accent::Resolved))
}

/// One chain's needs, each group in its own lines, and what they come to.
fn chain_lines(needs: &[Need]) -> String {
    const LINES: usize = 12;
    let Some(first) = needs.first() else { return String::new() };
    let sum = needs.iter().skip(1).try_fold(first.missing, |sum, need| sum.checked_add(need.missing));
    let worth = needs.iter().try_fold(0u128, |sum, need| sum.checked_add(need.worth?.0));
    let worth = worth.map(|cents| format!(" (≈ {})", crate::core::wallet::worth::Dollars(cents))).unwrap_or_default();
    let sum = sum.map_or_else(String::new, |sum| said(&amount_words(sum, &first.symbol), 60));
    let line = |need: &Need| {
        let group = need.group.as_ref().map_or_else(String::new, |group| format!(" · {}", said(group, 40)));
        format!(
            "• {} needs *{}*: holds {}, {} left{group}",
            bold(need.account.as_str()),
            said(&amount_words(need.missing, &need.symbol), 60),
            said(&amount_words(need.holds, &need.symbol), 60),
            left_words(need.left),
        )
    };
    let (mut lines, more) = fitting(needs.iter().map(line), LINES, kit::SECTION_TEXT - 300);
    if more > 0 {
        lines.push(format!("_… and {more} more: `/wk balance {}`_", said(&first.chain, 30)));
    }
    format!("{}  {sum}{worth}\n{}", bold(&first.chain), lines.join("\n"))
}
