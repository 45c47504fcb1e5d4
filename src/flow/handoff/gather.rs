//! What a report is made from: alerts, silences, actions, overrides, apps, wallets, feeds, certificates and notes, as they
//! stand now and as they were since the shift began.

use std::sync::PoisonError;
use std::time::Duration;

use crate::core::gitops::AppId;
use crate::core::handoff::{
    Before, Deed, FeedLine, Numbers, Report, RequestLine, Temporary, Upcoming, WalletLine, What, noise, shift_before,
};
use crate::core::ids::Actor;
use crate::core::incident::{self, Incident};
use crate::core::oncall::Schedule;
use crate::core::time::{Span, Timestamp};
use crate::core::wallet::watch::Wallet;
use crate::store::actions::Stored;
use crate::store::audit::Of;
use crate::store::{StoreError, actions, alerts, audit, handoffs};

use super::super::divide::views::About;
use super::Flow;
use super::lines::{driest, flapping, markets, open_alerts, outcome, request_line, resumes, silence_line, wallet_line};

/// Groups of one shift that are looked at; more is a storm, and counted well enough.
const GROUPS: u32 = 5000;
const STEPS: u32 = 2000;
const DEEDS: u32 = 300;
/// Shifts before this one that it might be held against.
const EARLIER: u32 = 10;
/// What nobody found out about for so long is handed over no more.
const STILL_UNKNOWN: Duration = Duration::from_hours(30 * 24);
/// A wallet that lasts longer is nobody's business this week.
const RUNS_DRY: Duration = Duration::from_hours(14 * 24);
/// A certificate is renewed long before; one that still has so little left was not.
const EXPIRES: Duration = Duration::from_hours(14 * 24);
/// What comes within the next shift counts, and at least within a day.
const AHEAD: Duration = Duration::from_hours(24);
const AHEAD_AT_MOST: Duration = Duration::from_hours(7 * 24);

/// Told elsewhere in the report, or no change of anything. What came of actions is told by their requests.
const NO_DEEDS: [&str; 7] = ["alert.", "action.", "command.denied", "logs.read", "handoff.", "incident.", "input."];

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
        let before = self.before(schedule, now.since(from)).await?;
        let live = actions::live(&self.store).await?;
        let requests = self.requests(&live, now).await?;
        let of_shift = self.incidents_between(from, now).await?;
        let done = self.deeds(&of_shift, from, now).await?;
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
            temporary: self.temporary(&live, now).await?,
            wallets: self.wallet_lines(),
            feeds: self.feed_lines(),
            upcoming: self.upcoming(schedule, until, now).await,
            notes,
            numbers: Numbers::of(&groups, pages, from, now).with_incidents(&of_shift, from, now),
            before,
        };
        Ok(report.sorted())
    }

    /// The figures of the last shift like this one; times without anybody are none.
    async fn before(&self, schedule: &Schedule, length: Duration) -> Result<Option<Before>, StoreError> {
        let earlier = handoffs::latest(&self.store, &schedule.name, EARLIER).await?.into_iter();
        let watched = earlier.filter(|(handoff, _)| !(handoff.outgoing.is_empty() && handoff.staying.is_empty()));
        let figures = watched
            .map(|(_, report)| Before { numbers: report.numbers, lasted: Span::from(report.to.since(report.from)) });
        Ok(shift_before(length, figures))
    }

    async fn requests(&self, live: &[Stored], now: Timestamp) -> Result<Vec<RequestLine>, StoreError> {
        let unknown = actions::unknown(&self.store, now.minus(STILL_UNKNOWN)).await?;
        Ok(live.iter().chain(&unknown).map(|stored| request_line(&stored.request)).collect())
    }

    /// What people changed, what came of actions, and which incidents are over.
    async fn deeds(&self, incidents: &[Incident], from: Timestamp, to: Timestamp) -> Result<Vec<Deed>, StoreError> {
        let mut entries = audit::during(&self.store, Of::People { but: &NO_DEEDS }, (from, to), DEEDS).await?;
        entries.extend(audit::during(&self.store, Of::Action("config.loaded"), (from, to), 20).await?);
        let changed = entries.into_iter().map(|entry| {
            let record = entry.record;
            Deed { at: record.at, by: record.actor, action: record.action, subject: record.subject, about: None }
        });
        let acted = actions::during(&self.store, from, to).await?;
        let acted = acted.iter().map(|stored| outcome(&stored.request));
        let over = incidents.iter().filter_map(|found| resolved(found).filter(|deed| from <= deed.at && deed.at < to));
        Ok(changed.chain(acted).chain(over).collect())
    }

    /// A freeze first, as it stops everybody.
    async fn temporary(&self, live: &[Stored], now: Timestamp) -> Result<Vec<Temporary>, StoreError> {
        let frozen = self.frozen().await?;
        let frozen = frozen.map(|freeze| Temporary::Frozen { by: freeze.by, since: freeze.at, reason: freeze.reason });
        let overrides = self.overrides_at(now).into_iter();
        let overrides =
            overrides.map(|(schedule, over)| Temporary::Override { schedule, user: over.user, until: over.to });
        let until = |app: &AppId| live.iter().find_map(|stored| resumes(&stored.request, app));
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
                    until: until(id),
                })
            });
            suspended.collect::<Vec<_>>()
        });
        Ok(frozen.into_iter().chain(overrides).chain(suspended).collect())
    }

    /// Those in trouble or unknown, and a few of the others that run dry first.
    fn wallet_lines(&self) -> Vec<WalletLine> {
        let held = self.held();
        let (needy, fine): (Vec<&Wallet>, Vec<&Wallet>) =
            held.wallets().wallets().partition(|wallet| wallet.level().is_some() || wallet.unknown().is_some());
        let left = |wallet: &&Wallet| Some(wallet.outlook().runway()?.left).filter(|left| *left < RUNS_DRY);
        let soon =
            driest(fine.into_iter().filter_map(|wallet| Some((left(&wallet)?, wallet.name().to_owned(), wallet))));
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
        let markets = {
            let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            let change = |view: crate::core::detect::FeedView| {
                Some((view.market_changes_at()?, view.feed().asset_class.clone(), !view.market_open()))
            };
            markets(watch.feeds().filter_map(change), now, horizon)
        };
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
        markets.into_iter().chain(certificates).chain(gaps).chain(planned).collect()
    }
}

fn resolved(incident: &Incident) -> Option<Deed> {
    let incident::State::Resolved { by, at, .. } = &incident.state else { return None };
    Some(Deed {
        at: *at,
        by: Actor::Person { user: by.clone(), team: None },
        action: "incident.resolved".to_owned(),
        subject: format!("incident/{}", incident.number),
        about: Some(incident.title.clone()),
    })
}
