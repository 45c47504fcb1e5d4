//! Questions about what another replica watches: it is asked through the database for what it knows of the shard, and what
//! it tells is looked at here like what is watched here, only that it is never judged. It is forgotten when nobody has asked
//! for a while, so that memory stays divided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::core::gitops::apps::AppsCopy;
use crate::core::shard::{Shard, Sort};
use crate::core::time::{Timestamp, spoken};
use crate::core::workload::Index;
use crate::store::views as store;
use crate::store::{StoreError, lease};

use super::Flow;
use super::pack::{Unreadable, pack, unpack};

/// What was told so lately answers the next question too.
const FRESH: Duration = Duration::from_secs(2);
/// Nobody has asked for so long: it is forgotten.
const KEPT: Duration = Duration::from_mins(5);
/// The database is looked at so often for an answer.
const LOOK: Duration = Duration::from_millis(50);

/// What a question is about.
#[derive(Clone, Copy, Debug)]
pub(in crate::flow) enum About<'a> {
    Feeds,
    /// All, or the one of this name.
    Clusters(Option<&'a str>),
    /// These, and not again so soon who was silent: nobody waits for an answer.
    Named(&'a BTreeSet<&'a str>),
}

impl About<'_> {
    fn is(self, shard: &Shard) -> bool {
        match (self, shard) {
            (Self::Feeds, shard) => shard.sort() == Sort::Feeds,
            (Self::Clusters(None), shard) => shard.sort() == Sort::Cluster,
            (Self::Clusters(Some(name)), Shard::Cluster(cluster)) => cluster.eq_ignore_ascii_case(name),
            (Self::Named(names), Shard::Cluster(cluster)) => names.contains(cluster.as_str()),
            (Self::Clusters(Some(_)) | Self::Named(_), Shard::Feeds { .. } | Shard::Chain(_)) => false,
        }
    }
}

/// What other replicas told.
#[derive(Debug, Default)]
pub(super) struct Views(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// As of when.
    known: BTreeMap<Shard, Timestamp>,
    /// Who watches these did not answer the last question, asked then.
    silent: BTreeMap<Shard, Timestamp>,
    asked_at: Option<Timestamp>,
}

impl Flow {
    /// Before a question is answered: asks the replicas that watch what it is about, and waits a little for their answers.
    pub(in crate::flow) async fn consult(&self, about: About<'_>) {
        self.consult_within(about, FRESH).await;
    }

    /// As [`Self::consult`]; what was told `fresh` ago is good enough.
    pub(in crate::flow) async fn consult_within(&self, about: About<'_>, fresh: Duration) {
        let Some(shards) = self.divides() else { return };
        let now = self.now();
        let elsewhere = |shard: &&Shard| about.is(shard) && !self.division.holds(shard, now);
        let wanted: Vec<&Shard> = {
            let mut told = self.views();
            told.asked_at = Some(now);
            let since = |at: Option<&Timestamp>| at.is_none_or(|at| now < *at || now.since(*at) >= fresh);
            let patient = matches!(about, About::Named(_));
            let asked = |shard: &Shard| patient.then(|| told.silent.get(shard)).flatten();
            let old = |shard: &&Shard| since(told.known.get(*shard)) && since(asked(shard));
            shards.all().iter().filter(elsewhere).filter(old).collect()
        };
        if wanted.is_empty() {
            return;
        }
        let names: BTreeMap<String, &Shard> = wanted.into_iter().map(|shard| (shard.to_string(), shard)).collect();
        let mut missing: Vec<String> = names.keys().cloned().collect();
        let asked = tokio::time::timeout(self.waits.others, self.await_views(&mut missing, &names, now)).await;
        if let Ok(Err(error)) = asked {
            tracing::warn!(error = %error, "answering without what other replicas watch: the database cannot be read");
        }
        let silent: Vec<&Shard> = missing.iter().filter_map(|name| names.get(name).copied()).collect();
        self.unanswered(&silent);
    }

    async fn await_views(
        &self,
        missing: &mut Vec<String>,
        names: &BTreeMap<String, &Shard>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut views = store::want(&self.store, missing, now.minus(FRESH), now).await?;
        loop {
            for (name, view) in views {
                missing.retain(|wanted| *wanted != name);
                let Some(shard) = names.get(&name) else { continue };
                if let Err(error) = self.paste(shard, &view) {
                    tracing::warn!(%shard, error = %error, "what another replica told cannot be read");
                }
            }
            if missing.is_empty() {
                return Ok(());
            }
            pause().await;
            views = store::published_since(&self.store, missing, now).await?;
        }
    }

    /// Puts what was told where answers look. What is watched here by now stays as it is.
    fn paste(&self, shard: &Shard, view: &store::View) -> Result<(), Unreadable> {
        let Some(shards) = self.divides() else { return Ok(()) };
        match shard {
            Shard::Feeds { .. } => {
                let told = unpack(&view.body)?;
                let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
                watch.paste(|feed| shards.of_feed(feed).as_ref() == Some(shard), told, self.now());
            }
            Shard::Cluster(name) => {
                let (index, apps): (Index, AppsCopy) = unpack(&view.body)?;
                self.workloads.lock().unwrap_or_else(PoisonError::into_inner).paste(name, Some(index));
                self.apps.lock().unwrap_or_else(PoisonError::into_inner).paste(name, Some(apps));
            }
            Shard::Chain(_) => {}
        }
        let mut told = self.views();
        told.known.insert(shard.clone(), view.published_at.min(self.now()));
        told.silent.remove(shard);
        Ok(())
    }

    /// What is known of these is as old as it is, and answers say so.
    fn unanswered(&self, silent: &[&Shard]) {
        const WHY: &str = "another replica watches it and did not answer in time";
        let now = self.now();
        for shard in silent {
            tracing::warn!(%shard, "nobody told in time what is known of it; answering with what was known before");
            if let Shard::Cluster(name) = shard {
                self.workloads.lock().unwrap_or_else(PoisonError::into_inner).unanswered(name, WHY, now);
                self.apps.lock().unwrap_or_else(PoisonError::into_inner).unanswered(name, WHY);
            }
        }
        self.views().silent.extend(silent.iter().map(|shard| ((*shard).clone(), now)));
    }

    /// What to keep in mind about an answer about feeds; `None`: nothing.
    pub(in crate::flow) fn feeds_doubt(&self) -> Option<String> {
        let now = self.now();
        let told = self.views();
        let silent = told.silent.keys().filter(|shard| shard.sort() == Sort::Feeds && !self.division.holds(shard, now));
        let known: Vec<Option<Timestamp>> = silent.map(|shard| told.known.get(shard).copied()).collect();
        let oldest = known.iter().copied().min()?;
        let what = match oldest {
            None => "they are missing here".to_owned(),
            Some(at) => format!("they are shown as of {} ago", spoken(now.since(at))),
        };
        Some(format!("Other replicas watch some of the feeds and did not answer in time: {what}."))
    }

    /// Forgets what was told when nobody has asked for a while.
    pub(in crate::flow) fn forget_views(&self) {
        let Some(shards) = self.divides() else { return };
        let now = self.now();
        {
            let mut told = self.views();
            if told.asked_at.is_none_or(|at| at <= now && now.since(at) < KEPT) {
                return;
            }
            *told = Told::default();
        }
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).drop_copies();
        for shard in shards.all() {
            if let Shard::Cluster(name) = shard {
                self.workloads.lock().unwrap_or_else(PoisonError::into_inner).paste(name, None);
                self.apps.lock().unwrap_or_else(PoisonError::into_inner).paste(name, None);
            }
        }
    }

    /// Tells what is known of shards that are watched here and that others asked about; gives how many. To be called a few times
    /// a second.
    ///
    /// # Errors
    /// The store did not answer; who asked does without.
    pub async fn publish_views(&self) -> Result<usize, StoreError> {
        let held = self.division.held();
        if held.is_empty() {
            return Ok(0);
        }
        let mut published = 0;
        for (name, wanted_at) in store::wanted(&self.store).await? {
            let Some((shard, lease)) = held.iter().find(|(shard, _)| shard.to_string() == name) else { continue };
            let Some(body) = self.view_of(shard).await else { continue };
            let now = self.now();
            let mut tx = self.store.begin().await?;
            match lease::check(&mut tx, lease, now).await {
                Err(StoreError::Lost { .. }) => continue,
                checked => checked?,
            }
            // By the clock of who asked it is an answer to that question.
            store::publish(&mut tx, &name, &body, now.max(wanted_at)).await?;
            tx.commit().await?;
            published += 1;
        }
        Ok(published)
    }

    /// What is known of a shard, packed.
    async fn view_of(&self, shard: &Shard) -> Option<String> {
        let shards = self.divides()?;
        let json = match shard {
            Shard::Feeds { .. } => {
                let copy = {
                    let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
                    watch.copy(|feed| shards.of_feed(feed).as_ref() == Some(shard))
                };
                serde_json::to_vec(&copy)
            }
            Shard::Cluster(name) => {
                let apps = self.with_apps(|apps| apps.copy(name));
                let json = |index: &Index| serde_json::to_vec(&(index, apps));
                self.with_clusters(|clusters| clusters.get(name).map(|cluster| json(&cluster.index)))?
            }
            Shard::Chain(_) => return None,
        };
        // Large ones take a while: not on a thread that others wait for.
        let packed = tokio::task::spawn_blocking(move || json.ok().and_then(|json| pack(&json).ok())).await;
        packed.ok().flatten()
    }

    fn views(&self) -> std::sync::MutexGuard<'_, Told> {
        self.division.views.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::disallowed_methods, reason = "people wait in real time")]
async fn pause() {
    tokio::time::sleep(LOOK).await;
}
