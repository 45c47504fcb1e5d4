//! What cost attention and gave nothing back: alerts that come again and again, or go before anybody looks.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::numbers::{first_message, interruptions, median};
use crate::core::group::Group;
use crate::core::label::{ALERTNAME, Labels};
use crate::core::time::{Span, Timestamp};

/// Groups with the same labels in one shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {
    pub labels: Labels,
    /// How often it fired.
    pub fired: usize,
    /// How often it asked for attention, all in all.
    pub notifications: usize,
    /// How often it went by itself before anybody acknowledged.
    pub unattended: usize,
    pub flapping: bool,
}

/// One rule over a longer time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The alerts' name.
    pub name: String,
    pub fired: usize,
    pub notifications: usize,
    pub acknowledged: usize,
    pub unattended: usize,
    /// Half of those that ended lasted less.
    pub lasted: Span,
    pub suggestion: Option<Suggestion>,
}

/// What would make a rule quieter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suggestion {
    /// Most go by themselves, soon: fire later.
    FireLater,
    /// Nobody ever attends to it: tell fewer people, or nobody.
    NobodyCares,
    /// It is reminded of again and again.
    RemindLess,
    /// It comes back all the time: hold it open longer, or mend the cause.
    KeepFiring,
}

/// What fired more than once, or was never attended to; the most tiresome first. `flapping` are the labels of groups that
/// flap now.
#[must_use]
pub fn noise(groups: &[Group], flapping: &[Labels], from: Timestamp, to: Timestamp) -> Vec<Noise> {
    let within = |at: Timestamp| from <= at && at < to;
    let mut found: BTreeMap<Labels, Noise> = BTreeMap::new();
    for group in groups {
        let Some(first) = first_message(group) else { continue };
        let noise = found.entry(group.labels.clone()).or_insert_with(|| Noise {
            labels: group.labels.clone(),
            fired: 0,
            notifications: 0,
            unattended: 0,
            flapping: flapping.contains(&group.labels),
        });
        noise.fired += usize::from(within(first));
        noise.notifications += interruptions(group).filter(|at| within(*at)).count();
        noise.unattended += usize::from(gone_by_itself(group, &within));
    }
    let tiresome = |noise: &Noise| noise.flapping || noise.notifications > 1 || noise.unattended > 0;
    let mut found: Vec<Noise> = found.into_values().filter(tiresome).collect();
    found.sort_by_key(|noise| std::cmp::Reverse((noise.flapping, noise.notifications, noise.unattended)));
    found
}

/// Every rule that fired in `[from, to)`, the loudest first.
#[must_use]
pub fn rules(groups: &[Group], from: Timestamp, to: Timestamp) -> Vec<Rule> {
    let within = |at: Timestamp| from <= at && at < to;
    let mut found: BTreeMap<&str, (Rule, Vec<Duration>)> = BTreeMap::new();
    for group in groups {
        let Some(first) = first_message(group) else { continue };
        let name = group.labels.get(ALERTNAME).unwrap_or_default();
        let (rule, lasted) = found.entry(name).or_insert_with(|| {
            let rule = Rule {
                name: name.to_owned(),
                fired: 0,
                notifications: 0,
                acknowledged: 0,
                unattended: 0,
                lasted: Span::default(),
                suggestion: None,
            };
            (rule, Vec::new())
        });
        rule.fired += usize::from(within(first));
        rule.notifications += interruptions(group).filter(|at| within(*at)).count();
        rule.acknowledged += usize::from(group.acknowledged.as_ref().is_some_and(|ack| within(ack.at)));
        rule.unattended += usize::from(gone_by_itself(group, &within));
        lasted.extend(group.closed_at().filter(|at| within(*at)).map(|at| at.since(first)));
    }
    let finished = found.into_values().map(|(rule, mut lasted)| {
        let rule = Rule { lasted: Span::from(median(&mut lasted)), ..rule };
        Rule { suggestion: suggestion(&rule), ..rule }
    });
    let mut rules: Vec<Rule> = finished.filter(|rule| rule.notifications > 0).collect();
    rules.sort_by_key(|rule| std::cmp::Reverse((rule.notifications, rule.fired)));
    rules
}

fn gone_by_itself(group: &Group, within: &impl Fn(Timestamp) -> bool) -> bool {
    group.acknowledged.is_none() && group.closed_at().is_some_and(within)
}

/// A rule that fired once or twice is no pattern.
fn suggestion(rule: &Rule) -> Option<Suggestion> {
    const PATTERN: usize = 3;
    const SOON: Duration = Duration::from_mins(10);
    let most = |count: usize| count * 5 >= rule.fired * 4;
    if rule.notifications < PATTERN {
        return None;
    }
    if rule.fired >= PATTERN && most(rule.unattended) && rule.lasted.duration() < SOON {
        return Some(Suggestion::FireLater);
    }
    if rule.acknowledged == 0 {
        return Some(Suggestion::NobodyCares);
    }
    if rule.notifications > 2 * rule.fired.max(1) {
        return Some(Suggestion::RemindLess);
    }
    (rule.fired >= 2 * PATTERN).then_some(Suggestion::KeepFiring)
}

#[cfg(test)]
mod tests {
    use super::super::numbers::testing::{at, group};
    use super::*;
    use crate::core::group::{Attention, Notification};

    #[test]
    fn what_comes_again_or_goes_by_itself_is_noise_and_what_was_attended_to_once_is_not() {
        let groups = [
            group(1, "FeedStale", 1, None, Some(4)),
            group(2, "FeedStale", 9, None, Some(12)),
            group(3, "FeedDeviation", 10, Some(11), Some(30)),
            group(4, "RunwayShort", 20, None, Some(25)),
            group(5, "FeedSourceDown", 30, Some(31), None),
        ];
        let found = noise(&groups, &[groups[4].labels.clone()], at(0), at(60));
        let said: Vec<_> = found
            .iter()
            .map(|noise| (noise.labels.get(ALERTNAME).unwrap(), noise.fired, noise.unattended, noise.flapping))
            .collect();
        assert_eq!(said, [("FeedSourceDown", 1, 0, true), ("FeedStale", 2, 2, false), ("RunwayShort", 1, 1, false)]);
    }

    #[test]
    fn each_kind_of_noise_has_its_own_advice() {
        let again = |times: i64, every: i64, ack: Option<i64>, length: i64| -> Vec<Group> {
            let one = |n: i64| {
                let opened = n * every;
                group(n.unsigned_abs(), "R", opened, ack.map(|after| opened + after), Some(opened + length))
            };
            (0..times).map(one).collect()
        };
        let advice = |groups: &[Group]| rules(groups, at(0), at(100_000)).first().and_then(|rule| rule.suggestion);
        assert_eq!(advice(&again(2, 30, None, 3)), None, "no pattern");
        assert_eq!(advice(&again(5, 30, None, 3)), Some(Suggestion::FireLater));
        assert_eq!(advice(&again(5, 300, None, 200)), Some(Suggestion::NobodyCares));
        assert_eq!(advice(&again(6, 300, Some(2), 40)), Some(Suggestion::KeepFiring));
        assert_eq!(advice(&again(4, 300, Some(2), 40)), None, "somebody attends to each");
        let mut reminded = group(1, "R", 0, Some(900), Some(1000));
        let repeat = |mins| Notification { at: at(mins), attention: Attention::Repeat };
        reminded.delivery.history.extend([repeat(240), repeat(480), repeat(720)]);
        assert_eq!(advice(&[reminded]), Some(Suggestion::RemindLess));
    }
}
