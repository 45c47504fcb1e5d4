//! The lines of a report, each made of one thing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::action::request::{Request, State};
use crate::core::action::target::Target;
use crate::core::alert::Alert;
use crate::core::engine::Engine;
use crate::core::gitops::AppId;
use crate::core::group::{Group, GroupState};
use crate::core::handoff::{AlertLine, Deed, RequestLine, RequestState, SilenceLine, Upcoming, WalletLine, What};
use crate::core::ids::Actor;
use crate::core::label::{Labels, Matcher};
use crate::core::severity::Severity;
use crate::core::silence::Silence;
use crate::core::time::{Span, Timestamp};
use crate::core::wallet::verdicts::amount_words;
use crate::core::wallet::watch::Wallet;

/// Wallets without an alert that are shown.
const WALLETS: usize = 5;

/// Open groups of which somebody hears.
pub(super) fn open_alerts(engine: &Engine, now: Timestamp) -> Vec<AlertLine> {
    let silences = engine.silences(now);
    let posted = engine.open_groups().filter(|group| matches!(group.state, GroupState::Notified { .. }));
    let heard = |group: &&Group| {
        let members = engine.members(group);
        members.iter().any(|alert| alert.firing() && !silences.iter().any(|silence| silence.silences(*alert, now)))
    };
    posted.filter(heard).map(|group| alert_line(engine, group)).collect()
}

fn alert_line(engine: &Engine, group: &Group) -> AlertLine {
    let members = engine.members(group);
    let firing: Vec<&Alert> = members.iter().copied().filter(|alert| alert.firing()).collect();
    let worst = firing.iter().max_by_key(|alert| (alert.severity, std::cmp::Reverse(alert.since())));
    let since = firing.iter().map(|alert| alert.since()).min();
    AlertLine {
        number: group.number,
        severity: group.severity,
        labels: worst.map_or_else(|| group.labels.clone(), |alert| alert.labels.clone()),
        summary: worst.map(|alert| alert.evidence.summary.clone()).unwrap_or_default(),
        alerts: firing.len(),
        since: since.unwrap_or(group.opened_at),
        acknowledged: group.acknowledged.as_ref().map(|ack| ack.by.clone()),
        flapping: firing.iter().any(|alert| alert.flapping_since.is_some()),
    }
}

pub(super) fn flapping(engine: &Engine) -> Vec<Labels> {
    let flaps = |group: &&Group| engine.members(group).iter().any(|alert| alert.flapping_since.is_some());
    engine.groups().filter(flaps).map(|group| group.labels.clone()).collect()
}

pub(super) fn silence_line(engine: &Engine, silence: &Silence, now: Timestamp) -> SilenceLine {
    let hidden = engine.alerts().filter(|alert| alert.firing() && silence.silences(*alert, now));
    let severities: Vec<Severity> = hidden.map(|alert| alert.severity).collect();
    SilenceLine {
        number: silence.number,
        matchers: silence.matchers.iter().map(Matcher::to_string).collect(),
        ends_at: silence.ends_at,
        by: silence.created_by.clone(),
        comment: silence.comment.clone(),
        firing: severities.len(),
        worst: severities.into_iter().max(),
    }
}

pub(super) fn request_line(request: &Request) -> RequestLine {
    let state = match request.state {
        State::Unknown { .. } => RequestState::Unknown,
        State::Open { .. } => RequestState::Open,
        _ => RequestState::Running,
    };
    RequestLine {
        number: request.number,
        action: request.plan.action.kind().words().to_owned(),
        target: request.plan.target.to_string(),
        by: request.asked.by.user.clone(),
        at: request.asked.at,
        state,
        until: request.holds_until(),
    }
}

/// What came of an action, or how far it is.
pub(super) fn outcome(request: &Request) -> Deed {
    let at = match &request.state {
        State::Open { .. } => request.asked.at,
        State::Executing { started_at, .. } => *started_at,
        State::Approved { at, .. }
        | State::Succeeded { at, .. }
        | State::Failed { at, .. }
        | State::Unknown { at, .. }
        | State::Stale { at, .. }
        | State::Rejected { at, .. }
        | State::Withdrawn { at }
        | State::Expired { at }
        | State::Cancelled { at, .. } => *at,
    };
    let by = &request.asked.by;
    Deed {
        at,
        by: Actor::Person { user: by.user.clone(), team: Some(by.team.clone()) },
        action: format!("action.{}", request.state.as_str()),
        subject: format!("action/{}", request.number),
        about: Some(format!("{} {}", request.plan.action.kind().words(), request.plan.target)),
    }
}

/// When a request lets its tool take care of an app again that it suspended.
pub(super) fn resumes(request: &Request, app: &AppId) -> Option<Timestamp> {
    let at = request.holds_until()?;
    let it = |target: &Target| {
        target.sort.declared() == Some(app.kind)
            && (&target.cluster, &target.namespace, &target.name) == (&app.cluster, &app.namespace, &app.name)
    };
    request.plan.preview.changes.iter().any(|change| it(&change.object.target)).then_some(at)
}

/// Of wallets, each with the time it lasts and its name, those that run dry first.
pub(super) fn driest<T>(wallets: impl IntoIterator<Item = (Duration, String, T)>) -> Vec<T> {
    let mut soon: Vec<_> = wallets.into_iter().collect();
    soon.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    soon.into_iter().take(WALLETS).map(|(_, _, wallet)| wallet).collect()
}

/// Of feeds, each with when its market changes, its class, and whether that opens: one line for those that go together.
pub(super) fn markets(
    changes: impl IntoIterator<Item = (Timestamp, String, bool)>,
    now: Timestamp,
    horizon: Timestamp,
) -> Vec<Upcoming> {
    let mut together: BTreeMap<(Timestamp, String, bool), usize> = BTreeMap::new();
    for change in changes.into_iter().filter(|(at, ..)| now < *at && *at < horizon) {
        *together.entry(change).or_default() += 1;
    }
    let line = |((at, class, opens), feeds)| Upcoming { at, what: What::Market { class, opens, feeds } };
    together.into_iter().map(line).collect()
}

pub(super) fn wallet_line(wallet: &Wallet) -> WalletLine {
    let symbol = &wallet.watched().symbol;
    WalletLine {
        name: wallet.name().to_owned(),
        chain: wallet.watched().chain.clone(),
        holds: wallet.amount().map(|amount| amount_words(amount, symbol)).unwrap_or_default(),
        left: wallet.outlook().runway().map(|runway| Span::from(runway.left)),
        level: wallet.level(),
        unknown: wallet.unknown().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::action::journal::Journal;
    use crate::core::action::request::Proof;
    use crate::core::action::testing::request;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn feeds_whose_markets_change_together_are_one_line_and_what_is_far_off_is_none() {
        let change = |secs, class: &str, opens| (at(secs), class.to_owned(), opens);
        let changes = [
            change(100, "equity", false),
            change(100, "equity", false),
            change(100, "fx", false),
            change(300, "equity", true),
            change(10, "equity", false),
            change(500, "metal", true),
        ];
        let said: Vec<String> = markets(changes, at(10), at(500))
            .iter()
            .map(|line| match &line.what {
                What::Market { class, opens, feeds } => format!("{} {class} {opens} {feeds}", line.at.as_secs()),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(said, ["100 equity false 2", "100 fx false 1", "300 equity true 1"]);
    }

    #[test]
    fn of_wallets_without_trouble_a_few_that_run_dry_first_are_shown() {
        let wallets = (0..8).map(|n| (Duration::from_hours(10 - n / 2), format!("w{}", 9 - n), n));
        assert_eq!(driest(wallets), [7, 6, 5, 4, 3]);
    }

    #[test]
    fn what_came_of_an_action_says_what_it_was_done_to() {
        let Deed { action, subject, about, .. } = outcome(&request());
        assert_eq!((action.as_str(), subject.as_str()), ("action.open", "action/7"));
        assert!(about.unwrap().ends_with("prod/feeds/Deployment/pusher"));
        let (proof, journal) = (Proof::Quorum { approvals: Vec::new() }, Journal::of(&request().plan));
        let why = "no answer".to_owned();
        let state = State::Unknown { proof, journal, started_at: at(50), at: at(60), why };
        let over = outcome(&Request { state, ..request() });
        assert_eq!((over.at, over.action.as_str()), (at(60), "action.unknown"));
    }
}
