//! The members of a group, told briefly: one, a few, or the worst of hundreds.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use slack_morphism::prelude::SlackBlock;

use super::alert::{Standing, ping};
use super::kit;
use super::words::{bold, fenced, fitting, moment, rule_words, said, subject, what};
use crate::core::alert::{Alert, AlertState};
use crate::core::group::Group;
use crate::core::label::SEVERITY;
use crate::core::signal::{Detail, Evidence, Link};
use crate::core::time::Timestamp;

/// More lines than this and the buttons leave a phone's screen.
const LINES: usize = 5;

/// Members by state, worst first.
pub(super) struct Members<'a> {
    pub firing: Vec<&'a Alert>,
    pub resolved: Vec<&'a Alert>,
    /// Of several rules: each line then says which.
    mixed: bool,
    /// Of several severities.
    graded: bool,
}

impl<'a> Members<'a> {
    pub fn of(alerts: impl IntoIterator<Item = &'a Alert>) -> Self {
        let (mut firing, mut resolved) = (Vec::new(), Vec::new());
        for alert in alerts {
            match alert.state {
                AlertState::Pending { .. } => {}
                AlertState::Firing { .. } => firing.push(alert),
                AlertState::Resolved { .. } => resolved.push(alert),
            }
        }
        for members in [&mut firing, &mut resolved] {
            members.sort_by_cached_key(|alert| (Reverse(alert.severity), alert.since(), subject(&alert.labels)));
        }
        let mut members = Self { firing, resolved, mixed: false, graded: false };
        members.mixed = members.rules().len() > 1;
        members.graded = members.spoken_of().iter().map(|alert| alert.severity).collect::<BTreeSet<_>>().len() > 1;
        members
    }

    /// Those the message speaks of: the firing, or all when none is left.
    fn spoken_of(&self) -> &[&'a Alert] {
        if self.firing.is_empty() { &self.resolved } else { &self.firing }
    }

    pub fn resolved_at(&self) -> Option<Timestamp> {
        let at = |alert: &&Alert| match alert.state {
            AlertState::Pending { .. } | AlertState::Firing { .. } => None,
            AlertState::Resolved { resolved_at, .. } => Some(resolved_at),
        };
        self.resolved.iter().filter_map(at).max()
    }

    /// When the trouble began: the earliest of all members, also of those resolved since; the group's own opening when
    /// they have all begun anew.
    pub fn since(&self, group: &Group) -> Timestamp {
        let members = self.firing.iter().chain(&self.resolved).map(|alert| alert.since());
        members.min().map_or(group.opened_at, |since| since.min(group.opened_at))
    }

    /// Where to go on reading about what fires, each place once.
    pub fn links(&self) -> Vec<&'a Link> {
        let mut links: Vec<&Link> = Vec::new();
        for link in self.firing.iter().flat_map(|alert| &alert.evidence.links) {
            if !links.contains(&link) {
                links.push(link);
            }
        }
        links
    }

    pub fn rules(&self) -> BTreeSet<&'a str> {
        self.spoken_of().iter().map(|alert| alert.name()).collect()
    }

    /// What the group's chart shows.
    pub fn chart(&self) -> &'static str {
        let of_wallet = self.spoken_of().iter().any(|alert| alert.labels.get("account").is_some());
        if of_wallet { "Balance chart" } else { "Price chart" }
    }

    /// `SOL/USD, BTC/USD, ETH/USD and 497 more`; not escaped.
    pub fn subjects(&self, most: usize) -> String {
        let mut names: Vec<String> = Vec::new();
        for name in self.spoken_of().iter().map(|alert| subject(&alert.labels)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let more = names.len().saturating_sub(most);
        let shown = names.get(..most).unwrap_or(&names).join(", ");
        if more == 0 { shown } else { format!("{shown} and {more} more") }
    }

    /// What is wrong, for a header; not escaped.
    pub fn headline(&self) -> String {
        match self.spoken_of() {
            [] => "alert without members".to_owned(),
            [only] => what(only),
            members => {
                let rules = self.rules().into_iter().map(rule_words).collect::<Vec<_>>().join(", ");
                let subjects = self.subjects(3);
                if self.mixed {
                    format!("{} alerts ({rules}): {subjects}", members.len())
                } else {
                    format!("{rules} × {}: {subjects}", members.len())
                }
            }
        }
    }

    /// As a notification says it: with the limit, when the sentence does not name it already.
    pub fn headline_with_limit(&self) -> String {
        match self.spoken_of() {
            [only] if !only.evidence.threshold.is_empty() && !what(only).contains(&only.evidence.threshold) => {
                format!("{} (limit {})", what(only), only.evidence.threshold)
            }
            _ => self.headline(),
        }
    }

    /// One member in one line; when it began only if that was well after `since`, the beginning of it all.
    pub fn line(&self, alert: &Alert, since: Timestamp, now: Timestamp) -> String {
        const LATER: Duration = Duration::from_mins(1);
        let Evidence { value, threshold, .. } = &alert.evidence;
        let rule = if self.mixed { said(&rule_words(alert.name()), 60) } else { String::new() };
        let limit = if threshold.is_empty() { String::new() } else { format!("(limit {})", said(threshold, 60)) };
        let joined = alert.since().since(since) >= LATER;
        let since = if joined { format!("· since {}", moment(alert.since(), now)) } else { String::new() };
        // Two alerts of another system may differ in their severity alone.
        let graded = self.graded && alert.labels.get(SEVERITY).is_some();
        let grade = if graded { alert.severity.to_string() } else { String::new() };
        let parts = [format!("• {}", bold(&subject(&alert.labels))), rule, grade, said(value, 60), limit, since];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Value against limit and likely cause; a resolved group no longer needs them.
pub(super) fn facts(members: &Members, standing: &Standing, since: Timestamp, now: Timestamp) -> Vec<SlackBlock> {
    match standing {
        Standing::Resolved { .. } => return Vec::new(),
        Standing::Firing | Standing::Acknowledged(_) | Standing::Silenced { .. } => {}
    }
    let mut blocks = Vec::new();
    match members.firing[..] {
        [] => {}
        [only] => blocks.extend(measured(only)),
        ref several => {
            let lines = several.iter().map(|alert| members.line(alert, since, now));
            let (mut lines, more) = fitting(lines, LINES, kit::SECTION_TEXT - 100);
            if more > 0 {
                lines.push(format!("_… and {more} more_"));
            }
            blocks.push(kit::section(&lines.join("\n")));
        }
    }
    blocks.extend(cause(members).map(|cause| kit::section(&cause)));
    blocks.extend(details(members));
    blocks
}

fn measured(alert: &Alert) -> Option<SlackBlock> {
    let pairs = [("Measured", &alert.evidence.value), ("Limit", &alert.evidence.threshold)];
    let mut told: Vec<_> =
        pairs.into_iter().filter(|(_, text)| !text.is_empty()).map(|(label, text)| (label, said(text, 200))).collect();
    told.extend(alert.evidence.owner.as_deref().map(|owner| ("Owner", owned_by(owner))));
    (!told.is_empty()).then(|| kit::fields(&told))
}

fn owned_by(owner: &str) -> String {
    ping(owner).unwrap_or_else(|| said(owner, 100))
}

/// What the worst member that has details brings along; a phone has room for two.
fn details(members: &Members) -> Vec<SlackBlock> {
    let with = members.firing.iter().find(|alert| !alert.evidence.details.is_empty());
    let details = with.map(|alert| alert.evidence.details.as_slice()).unwrap_or_default();
    let block = |detail: &Detail| {
        let of = if members.firing.len() > 1 { with.map(|alert| subject(&alert.labels)) } else { None };
        let of = of.map(|of| format!(" of {}", said(&of, 100))).unwrap_or_default();
        kit::section(&format!("*{}{of}*\n{}", said(&detail.title, 60), fenced(&detail.text, 700)))
    };
    details.iter().filter(|detail| !detail.text.trim().is_empty()).take(2).map(block).collect()
}

/// The cause of the worst member that has one, and whose it is when members differ.
fn cause(members: &Members) -> Option<String> {
    let causes: Vec<_> =
        members.firing.iter().filter_map(|alert| alert.evidence.cause.as_deref().map(|cause| (cause, alert))).collect();
    let (cause, alert) = causes.first()?;
    let shared = causes.len() == members.firing.len() && causes.iter().all(|(other, _)| other == cause);
    let of = if shared { String::new() } else { format!(" of {}", said(&subject(&alert.labels), 100)) };
    Some(format!("*Likely cause{of}*\n{}", said(cause, 500)))
}
