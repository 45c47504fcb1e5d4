//! On call: what the configuration, people's overrides and fetched calendars say together.
//!
//! For others: [`Flow::on_call`] and [`Flow::next_handover`] answer from memory, at once, whatever the schedule is made
//! of; a name that is no schedule has nobody.

mod ask;
mod calendar;
mod change;
mod feed;
mod form;
mod keep;
mod plans;
mod swap;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::core::cron::Cron;
use crate::core::ids::{ChannelId, UserGroupId, UserId};
use crate::core::oncall::{Directory, Override, Person, Roster, Schedule, Standing};
use crate::core::time::Timestamp;
use crate::store::{Backend, StoreError, oncall};

use super::Flow;
use feed::Imported;
pub(super) use form::ours;
use keep::Group;

/// What configuration says about schedules.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub schedules: Vec<Schedule>,
    /// Names that calendars and PagerDuty use.
    pub people: BTreeMap<String, Person>,
    /// A gap is announced this long before it.
    pub warn_gaps: Duration,
    /// Where the bot is reached from outside, for calendars; without a slash at the end.
    pub calendar_url: Option<String>,
    /// The names of calendars of what is planned.
    pub calendars: Vec<String>,
    /// When and where the week is summed up.
    pub digest: Option<(Cron, ChannelId)>,
}

/// What is known besides the configuration; kept in step with the store and with Slack.
#[derive(Debug, Default)]
pub(super) struct Desk {
    overrides: RwLock<BTreeMap<String, Vec<Override>>>,
    /// How often they changed here.
    changes: AtomicU64,
    imported: RwLock<BTreeMap<String, Imported>>,
    directory: RwLock<Directory>,
    groups: Mutex<BTreeMap<UserGroupId, Group>>,
}

/// Overrides that ended longer ago than this matter to nobody.
const PAST: Duration = Duration::from_hours(7 * 24);

impl Flow {
    /// Who is on call in `schedule` at `at`, for whoever pages or pings them. Empty: nobody, or no such schedule.
    #[must_use]
    pub fn on_call(&self, schedule: &str, at: Timestamp) -> Vec<UserId> {
        self.with_roster(schedule, |roster| roster.at(at).on_call).unwrap_or_default()
    }

    /// When other people are on call in `schedule` than now, and who they are then (empty: nobody). `None`: not within 75
    /// days.
    #[must_use]
    pub fn next_handover(&self, schedule: &str) -> Option<(Timestamp, Vec<UserId>)> {
        self.with_roster(schedule, |roster| roster.next_hand_over(self.now())).flatten()
    }

    /// Every schedule there is, in the order of the configuration.
    #[must_use]
    pub fn schedules(&self) -> Vec<Schedule> {
        self.settings().oncall.schedules.clone()
    }

    /// `None` when there is no such schedule.
    pub(super) fn with_roster<T>(&self, schedule: &str, look: impl FnOnce(&Roster) -> T) -> Option<T> {
        let settings = self.settings();
        let schedule = settings.oncall.schedules.iter().find(|known| known.name == schedule)?;
        let overrides = self.desk.overrides.read().unwrap_or_else(PoisonError::into_inner);
        let imported = self.desk.imported.read().unwrap_or_else(PoisonError::into_inner);
        let directory = self.desk.directory.read().unwrap_or_else(PoisonError::into_inner);
        let roster = Roster {
            layers: &schedule.layers,
            imported: imported.get(&schedule.name).map(|imported| imported.entries.as_slice()).unwrap_or_default(),
            overrides: overrides.get(&schedule.name).map(Vec::as_slice).unwrap_or_default(),
            directory: &directory,
        };
        Some(look(&roster))
    }

    /// Whether the shifts of a schedule that is kept elsewhere were ever read.
    fn has_shifts(&self, schedule: &str) -> bool {
        let imported = self.desk.imported.read().unwrap_or_else(PoisonError::into_inner);
        imported.get(schedule).is_some_and(Imported::read)
    }

    /// Whether it is known who has a schedule's watch now, or that nobody has: its shifts were read, and everybody who might
    /// have it was looked up. Not so right after the first start.
    pub(super) fn knows_watch(&self, schedule: &str) -> bool {
        let now = self.now();
        self.read_already(schedule)
            && self.with_roster(schedule, |roster| {
                let skipped = roster.at(now).skipped.into_iter();
                skipped.filter(|skip| skip.why == Standing::Unknown).all(|skip| roster.directory.knows(&skip.person))
            }) != Some(false)
    }

    /// As [`Self::knows_watch`], for everybody whom a schedule names.
    fn knows_everybody(&self, schedule: &Schedule) -> bool {
        self.read_already(&schedule.name)
            && self.with_roster(&schedule.name, |roster| {
                let imported = roster.imported.iter().map(|entry| &entry.person);
                schedule.people().chain(imported).all(|person| roster.directory.knows(person))
            }) != Some(false)
    }

    fn read_already(&self, schedule: &str) -> bool {
        let settings = self.settings();
        let imported = settings.oncall.schedules.iter().any(|known| known.name == schedule && known.imported());
        !imported || self.has_shifts(schedule)
    }

    /// The overrides that hold at `at`, with their schedules.
    pub(super) fn overrides_at(&self, at: Timestamp) -> Vec<(String, Override)> {
        let overrides = self.desk.overrides.read().unwrap_or_else(PoisonError::into_inner);
        let of = |(schedule, overrides): (&String, &Vec<Override>)| {
            let holding = overrides.iter().filter(|over| over.from <= at && at < over.to);
            holding.map(|over| (schedule.clone(), over.clone())).collect::<Vec<_>>()
        };
        overrides.iter().flat_map(of).collect()
    }

    /// Takes over what this or another replica has stored.
    ///
    /// # Errors
    /// The store did not answer; what was known stays.
    pub async fn refresh_on_call(&self) -> Result<(), StoreError> {
        if self.settings().oncall.schedules.is_empty() {
            return Ok(());
        }
        loop {
            let before = self.desk.changes.load(Ordering::Acquire);
            let read = oncall::overrides(&self.store, self.now().minus(PAST)).await?;
            let mut overrides = self.desk.overrides.write().unwrap_or_else(PoisonError::into_inner);
            // What was committed meanwhile may not be in it.
            if self.desk.changes.load(Ordering::Acquire) == before {
                *overrides = read;
                return Ok(());
            }
        }
    }

    /// Before somebody is called, or told who is: another replica may have taken an override or an acceptance a moment ago.
    pub(super) async fn recall_watch(&self) {
        if self.store.backend() == Backend::Sqlite {
            return;
        }
        let recalled = async {
            self.refresh_on_call().await?;
            self.refresh_handoffs().await
        };
        if let Err(error) = recalled.await {
            tracing::warn!(error = %error, "who is on call is as it was: the database does not answer");
        }
    }
}
