//! What a report is made from: alerts, silences, actions, overrides, apps, wallets, feeds, certificates and notes, as they
//! stand now and as they were since the shift began.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use crate::core::action::request::{Request, State};
use crate::core::alert::Alert;
use crate::core::engine::Engine;
use crate::core::group::{Group, GroupState};
use crate::core::handoff::{
    AlertLine, Deed, FeedLine, Numbers, Report, RequestLine, RequestState, SilenceLine, Temporary, Upcoming,
    WalletLine, What, noise,
};
use crate::core::label::{Labels, Matcher};
use crate::core::oncall::Schedule;
use crate::core::severity::Severity;
use crate::core::silence::Silence;
use crate::core::time::{Span, Timestamp};
use crate::core::wallet::verdicts::amount_words;
use crate::core::wallet::watch::Wallet;
use crate::store::audit::Of;
use crate::store::{StoreError, actions, alerts, audit, handoffs};

use super::super::divide::views::About;
use super::Flow;

/// Groups of one shift that are looked at; more is a storm, and counted well enough.
const GROUPS: u32 = 5000;
const STEPS: u32 = 2000;
const DEEDS: u32 = 300;
/// Requests that are looked through for unknown outcomes.
const REQUESTS: u32 = 100;
/// Wallets without an alert that are shown, the first to run dry.
const WALLETS: usize = 5;
/// A wallet that lasts longer is nobody's business this week.
const RUNS_DRY: Duration = Duration::from_hours(14 * 24);
/// A certificate is renewed long before; one that still has so little left was not.
const EXPIRES: Duration = Duration::from_hours(14 * 24);
/// What comes within the next shift counts, and at least within a day.
const AHEAD: Duration = Duration::from_hours(24);
const AHEAD_AT_MOST: Duration = Duration::from_hours(7 * 24);

/// Told elsewhere in the report, or no change of anything.
const NO_DEEDS: [&str; 6] = ["alert.", "command.denied", "logs.read", "handoff.", "incident.", "input."];

impl Flow {
    /// What there is to hand over of a shift that began at `from`. The coming one ends at `until`, if that is known.
    pub(super) async fn shift_report(
        &self,
        schedule: &Schedule,
        from: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<Report, StoreError> {
        let now = self.now();
        self.follow().await;
        self.consult(About::Feeds).await;
        self.consult(About::Clusters(None)).await;
        self.follow_wallets().await;
        let groups = alerts::during(&self.store, from, now, GROUPS).await?;
        let pages = audit::during(&self.store, Of::Action("alert.escalated"), (from, now), STEPS).await?.len();
        let before = match handoffs::latest(&self.store, &schedule.name).await? {
            Some(last) => handoffs::report(&self.store, &last.handoff.id).await?.map(|report| report.numbers),
            None => None,
        };
        let requests = self.requests().await?;
        let done = self.deeds(from, now).await?;
        let incidents = self.open_incidents().await?;
        let notes = handoffs::notes(&self.store, &schedule.name).await?;
        self.know_all(notes.iter().map(|note| note.by.clone()).collect()).await;
        let (alerts, silences, flapping) = self.with_engine(|engine, _, now| {
            let lines = open_alerts(engine, now);
            let silences = engine.silences(now).into_iter().filter(|silence| silence.active(now));
            (lines, silences.map(|silence| silence_line(engine, silence, now)).collect(), flapping(engine))
        });
        let report = Report {
            from,
            to: now,
            until,
            incidents,
            alerts,
            silences,
            noise: noise(&groups, &flapping, from, now),
            requests,
            done,
            temporary: self.temporary(now),
            wallets: self.wallet_lines(),
            feeds: self.feed_lines(),
            upcoming: self.upcoming(schedule, until, now).await,
            notes,
            numbers: Numbers::of(&groups, pages, from, now),
            before,
        };
        Ok(report.sorted())
    }

    async fn requests(&self) -> Result<Vec<RequestLine>, StoreError> {
        let live = actions::live(&self.store).await?;
        let latest = actions::latest(&self.store, REQUESTS).await?;
        let unknown = latest.into_iter().filter(|stored| matches!(stored.request.state, State::Unknown { .. }));
        Ok(live.into_iter().chain(unknown).map(|stored| request_line(&stored.request)).collect())
    }

    async fn deeds(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Deed>, StoreError> {
        let mut entries = audit::during(&self.store, Of::People, (from, to), DEEDS).await?;
        entries.extend(audit::during(&self.store, Of::Action("config.loaded"), (from, to), 20).await?);
        let records = entries.into_iter().map(|entry| entry.record);
        let counts = |action: &str| !NO_DEEDS.iter().any(|no| action.starts_with(no));
        let deed = |record: crate::core::audit::Record| Deed {
            at: record.at,
            by: record.actor,
            action: record.action,
            subject: record.subject,
        };
        Ok(records.filter(|record| counts(&record.action)).map(deed).collect())
    }

    fn temporary(&self, now: Timestamp) -> Vec<Temporary> {
        let overrides = self.overrides_at(now).into_iter();
        let overrides =
            overrides.map(|(schedule, over)| Temporary::Override { schedule, user: over.user, until: over.to });
        let suspended = self.with_apps(|apps| {
            let suspended = apps.views().filter_map(|view| {
                let suspended = view.app.suspended.as_ref()?;
                let id = &view.app.id;
                Some(Temporary::Suspended {
                    kind: id.kind.to_string(),
                    app: format!("{}/{}", id.namespace, id.name),
                    cluster: id.cluster.clone(),
                    since: suspended.since,
                    by: suspended.by.clone(),
                })
            });
            suspended.collect::<Vec<_>>()
        });
        overrides.chain(suspended).collect()
    }

    /// Those in trouble or unknown, and a few of the others that run dry first.
    fn wallet_lines(&self) -> Vec<WalletLine> {
        let held = self.held();
        let (needy, fine): (Vec<&Wallet>, Vec<&Wallet>) =
            held.wallets().wallets().partition(|wallet| wallet.level().is_some() || wallet.unknown().is_some());
        let left = |wallet: &&Wallet| Some(wallet.outlook().runway()?.left).filter(|left| *left < RUNS_DRY);
        let mut soon: Vec<_> = fine.into_iter().filter_map(|wallet| Some((left(&wallet)?, wallet))).collect();
        soon.sort_by_key(|(left, wallet)| (*left, wallet.name().to_owned()));
        let soon = soon.into_iter().take(WALLETS).map(|(_, wallet)| wallet);
        needy.into_iter().chain(soon).map(wallet_line).collect()
    }

    fn feed_lines(&self) -> Vec<FeedLine> {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let worst = |view: &crate::core::detect::FeedView| view.active().max_by_key(|active| active.severity);
        let out = watch.feeds().filter_map(|view| {
            let active = worst(&view)?;
            Some(FeedLine {
                symbol: view.feed().short_symbol().to_owned(),
                rule: active.rule.as_str().to_owned(),
                severity: active.severity,
                since: active.since,
            })
        });
        out.collect()
    }

    async fn upcoming(&self, schedule: &Schedule, until: Option<Timestamp>, now: Timestamp) -> Vec<Upcoming> {
        let horizon = until.unwrap_or(now).max(now.plus(AHEAD)).min(now.plus(AHEAD_AT_MOST));
        let mut markets: BTreeMap<(Timestamp, String, bool), usize> = BTreeMap::new();
        {
            let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            for view in watch.feeds() {
                if let Some(at) = view.market_changes_at().filter(|at| now < *at && *at < horizon) {
                    *markets.entry((at, view.feed().asset_class.clone(), !view.market_open())).or_default() += 1;
                }
            }
        }
        let markets = markets.into_iter();
        let markets =
            markets.map(|((at, class, opens), feeds)| Upcoming { at, what: What::Market { class, opens, feeds } });
        let certificates = self.with_clusters(|clusters| {
            let of = |cluster: &crate::core::workload::Cluster| {
                let name = cluster.name.to_string();
                let expiring = cluster.index.certificates().filter_map(move |certificate| {
                    let at = certificate.not_after.filter(|at| *at < now.plus(EXPIRES))?;
                    let (namespace, own) = (certificate.meta.namespace.to_string(), certificate.meta.name.to_string());
                    Some(Upcoming { at, what: What::Certificate { cluster: name.clone(), namespace, name: own } })
                });
                expiring.collect::<Vec<_>>()
            };
            clusters.iter().flat_map(of).collect::<Vec<_>>()
        });
        let gaps = self.with_roster(&schedule.name, |roster| roster.gaps(now, horizon)).unwrap_or_default().into_iter();
        let gaps = gaps.filter(|gap| gap.from > now).map(|gap| {
            let what = What::Gap { schedule: schedule.name.clone(), until: gap.to };
            Upcoming { at: gap.from, what }
        });
        let planned = self.planned(now, horizon).await;
        markets.chain(certificates).chain(gaps).chain(planned).collect()
    }
}

/// Open groups of which somebody hears.
fn open_alerts(engine: &Engine, now: Timestamp) -> Vec<AlertLine> {
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

fn flapping(engine: &Engine) -> Vec<Labels> {
    let flaps = |group: &&Group| engine.members(group).iter().any(|alert| alert.flapping_since.is_some());
    engine.groups().filter(flaps).map(|group| group.labels.clone()).collect()
}

fn silence_line(engine: &Engine, silence: &Silence, now: Timestamp) -> SilenceLine {
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

fn request_line(request: &Request) -> RequestLine {
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
    }
}

fn wallet_line(wallet: &Wallet) -> WalletLine {
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
