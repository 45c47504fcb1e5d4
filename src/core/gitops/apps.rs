//! All apps of all clusters as they were last seen, and what can be asked about them.

mod divide;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::revision::Revision;
use super::rules::{self, GitOps, Said};
use super::{App, AppId, Health, Kind, Standing, Suspended, Sync};
use crate::core::label::Labels;
use crate::core::severity::Severity;
use crate::core::signal::Signal;
use crate::core::time::Timestamp;

pub use divide::AppsCopy;

/// What a cluster tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// All there are.
    Listed {
        scope: Scope,
        apps: Vec<App>,
    },
    Changed(Box<App>),
    Gone(AppId),
    Reach {
        scope: Scope,
        reach: Reach,
    },
}

/// What is listed and followed as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    pub cluster: String,
    pub kind: Kind,
    /// All when absent.
    pub namespace: Option<String>,
}

/// Whether a scope can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// Not listed yet.
    Unknown,
    /// Its tool is not installed there.
    Absent,
    /// The bot may not read it.
    Denied { message: String },
    /// What was listed is followed.
    Watched,
    /// It was followed, and now the cluster does not answer.
    Lost { message: String },
}

/// All apps, with what was told about them.
#[derive(Debug, Default)]
pub struct Apps {
    pub(super) rules: GitOps,
    known: BTreeMap<AppId, App>,
    reach: BTreeMap<Scope, Reach>,
    pub(super) said: BTreeMap<Labels, Said>,
    /// Clusters that another replica watches: what is known of them here is what that one told.
    elsewhere: BTreeSet<String>,
}

/// An app with what fetches its manifests.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub app: &'a App,
    /// Flux: the source it is made from, if it is known.
    pub source: Option<&'a App>,
}

impl Event {
    fn cluster(&self) -> &str {
        match self {
            Self::Listed { scope, .. } | Self::Reach { scope, .. } => &scope.cluster,
            Self::Changed(app) => &app.id.cluster,
            Self::Gone(id) => &id.cluster,
        }
    }
}

impl Scope {
    fn holds(&self, id: &AppId) -> bool {
        let Self { cluster, kind, namespace } = self;
        *cluster == id.cluster && *kind == id.kind && namespace.as_ref().is_none_or(|name| *name == id.namespace)
    }
}

impl Apps {
    /// `scopes` are all there will be: what was said about others is over.
    #[must_use]
    pub fn new(rules: GitOps, scopes: impl IntoIterator<Item = Scope>) -> Self {
        let reach = scopes.into_iter().map(|scope| (scope, Reach::Unknown)).collect();
        Self { rules, reach, ..Self::default() }
    }

    #[must_use]
    pub const fn rules(&self) -> &GitOps {
        &self.rules
    }

    /// New rules hold from the next tick on.
    pub fn set_rules(&mut self, rules: GitOps) {
        self.rules = rules;
    }

    /// Alerts that were active when the process before ended, so that their end is said as well. Others are left alone.
    pub fn resume(&mut self, open: impl IntoIterator<Item = (Labels, Severity)>) {
        for (labels, severity) in open {
            if rules::RuleName::of(&labels).is_some() {
                self.said.insert(labels, Said { at: None, severity });
            }
        }
    }

    pub fn handle(&mut self, event: Event, now: Timestamp) {
        if self.elsewhere.contains(event.cluster()) {
            return;
        }
        match event {
            Event::Listed { scope, apps } => {
                let there: BTreeSet<AppId> = apps.iter().map(|app| app.id.clone()).collect();
                self.known.retain(|id, _| !scope.holds(id) || there.contains(id));
                for app in apps {
                    self.put(app, now);
                }
                self.reach.insert(scope, Reach::Watched);
            }
            Event::Changed(app) => self.put(*app, now),
            Event::Gone(id) => {
                self.known.remove(&id);
            }
            Event::Reach { scope, reach } => {
                if reach == Reach::Absent {
                    self.known.retain(|id, _| !scope.holds(id));
                }
                self.reach.insert(scope, reach);
            }
        }
    }

    /// What it says of the time is kept while the state stays: tools move it with every try.
    fn put(&mut self, mut app: App, now: Timestamp) {
        let before = self.known.get(&app.id);
        let kept = |same: bool, before: Option<Timestamp>, told: Option<Timestamp>| {
            before.filter(|_| same).or(told.filter(|told| *told <= now)).or(Some(now))
        };
        let same_sync = before.is_some_and(|before| same_variant(before.sync.as_ref(), app.sync.as_ref()));
        let same_health = before.is_some_and(|before| same_health(&before.health, &app.health));
        app.since.sync = kept(same_sync, before.and_then(|before| before.since.sync), app.since.sync);
        app.since.health = kept(same_health, before.and_then(|before| before.since.health), app.since.health);
        if let Some(Suspended { since, .. }) = &mut app.suspended {
            let suspended = before.and_then(|before| before.suspended.as_ref());
            *since = kept(suspended.is_some(), suspended.and_then(|suspended| suspended.since), *since);
        }
        self.known.insert(app.id.clone(), app);
    }

    #[must_use]
    pub fn view<'a>(&'a self, app: &'a App) -> View<'a> {
        View { app, source: app.source.as_ref().and_then(|source| self.known.get(source)) }
    }

    pub fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.known.values().map(|app| self.view(app))
    }

    /// Where something keeps the bot from seeing what there is.
    pub fn blind_spots(&self) -> impl Iterator<Item = (&Scope, &Reach)> {
        self.reach.iter().filter(|(_, reach)| matches!(reach, Reach::Denied { .. } | Reach::Lost { .. }))
    }

    /// Whether any cluster is watched.
    #[must_use]
    pub fn any_cluster(&self) -> bool {
        !self.reach.is_empty()
    }

    /// Whether some cluster has, or may have, one of the tools.
    #[must_use]
    pub fn any_tool(&self) -> bool {
        self.reach.values().any(|reach| *reach != Reach::Absent)
    }

    /// Whether an app that is not known is not there: where it would be, everything is known or there can be none.
    pub(super) fn knows_all(&self, id: &AppId) -> bool {
        let known = |(_, reach): (&Scope, &Reach)| matches!(reach, Reach::Watched | Reach::Absent);
        self.reach.iter().filter(|(scope, _)| scope.holds(id)).all(known)
    }

    /// Signals for what begins, goes on or ends. To be called every few seconds.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Signal> {
        rules::tick(self, now)
    }

    /// The apps that `text` names: by name, or by parts with slashes before it (cluster, kind, namespace), else by a piece
    /// of the name. Sources give way to what is made of them.
    #[must_use]
    pub fn named(&self, text: &str) -> Vec<View<'_>> {
        let text = text.to_lowercase();
        let mut parts: Vec<&str> = text.split('/').map(str::trim).collect();
        let last = parts.pop().unwrap_or_default();
        let fits = |app: &App, exact: bool| {
            let AppId { cluster, kind, namespace, name } = &app.id;
            let own = [cluster.to_lowercase(), kind.as_str().to_lowercase(), namespace.to_lowercase()];
            let name = name.to_lowercase();
            (if exact { name == last } else { name.contains(last) })
                && parts.iter().all(|part| own.iter().any(|own| own == part))
        };
        for exact in [true, false] {
            let mut found: Vec<View> = self.views().filter(|view| fits(view.app, exact)).collect();
            if found.iter().any(|view| !view.app.id.kind.is_source()) {
                found.retain(|view| !view.app.id.kind.is_source());
            }
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// What the list shows, the worst first. Without a filter, sources only where they are in trouble.
    #[must_use]
    pub fn list(&self, filter: Option<&str>) -> Vec<View<'_>> {
        let filter = filter.map(str::to_lowercase);
        let fits = |view: &View| match &filter {
            None => !view.app.id.kind.is_source() || view.standing() < Standing::Working,
            Some(filter) => {
                let AppId { cluster, kind, namespace, name } = &view.app.id;
                let texts = [cluster, kind.as_str(), kind.tool(), namespace, name, view.standing().word()];
                texts.iter().any(|text| text.to_lowercase().contains(filter))
            }
        };
        let mut found: Vec<View> = self.views().filter(fits).collect();
        found.sort_by(|a, b| a.standing().cmp(&b.standing()).then_with(|| a.app.id.name.cmp(&b.app.id.name)));
        found
    }
}

impl View<'_> {
    /// The revision that its source has fetched and it has not applied.
    #[must_use]
    pub fn behind(&self) -> Option<&Revision> {
        if self.app.id.kind != Kind::Kustomization || self.app.sync != Some(Sync::Synced) {
            return None;
        }
        let fetched = self.source?.revision.as_ref()?;
        let applied = self.app.revision.as_ref()?;
        (!fetched.same(applied)).then_some(fetched)
    }

    #[must_use]
    pub fn standing(&self) -> Standing {
        match self.app.standing() {
            Standing::Good if self.behind().is_some() => Standing::OutOfSync,
            standing => standing,
        }
    }

    /// Since when it stands as it does.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        let since = self.app.since;
        match self.standing() {
            Standing::Failed | Standing::OutOfSync | Standing::Unknown => since.sync,
            Standing::Suspended => self.app.suspended.as_ref().map_or(since.health, |suspended| suspended.since),
            Standing::Working if matches!(self.app.sync, Some(Sync::Syncing { .. })) => since.sync,
            Standing::Degraded | Standing::Working | Standing::Good => since.health,
        }
    }

    /// The repository its revision is in; may hold a secret.
    #[must_use]
    pub fn repository(&self) -> Option<&str> {
        let of = |app: &'_ App| app.origin.is_some();
        let from = if of(self.app) { Some(self.app) } else { self.source };
        from?.origin.as_ref().map(|origin| origin.repository.as_str()).filter(|repository| !repository.is_empty())
    }

    /// Where a browser shows the commit that is applied.
    #[must_use]
    pub fn commit(&self) -> Option<String> {
        self.app.revision.as_ref()?.link(self.repository()?)
    }
}

fn same_variant(one: Option<&Sync>, other: Option<&Sync>) -> bool {
    one.map(std::mem::discriminant) == other.map(std::mem::discriminant)
}

fn same_health(one: &Health, other: &Health) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, SHA, app, apps, at, failed, id, scope};
    use super::*;

    fn names(views: &[View]) -> Vec<String> {
        views.iter().map(|view| format!("{}/{}", view.app.id.kind, view.app.id.name)).collect()
    }

    #[test]
    fn the_time_of_a_state_is_when_it_began_although_tools_move_it_with_every_try() {
        let mut broken = app(Kind::Kustomization, "prices");
        broken.sync = Some(failed("first"));
        broken.since.sync = Some(at(-600));
        let mut apps = apps(std::slice::from_ref(&broken));
        broken.sync = Some(failed("second"));
        broken.since.sync = Some(at(60));
        apps.handle(Event::Changed(Box::new(broken.clone())), at(61));
        assert_eq!(apps.views().next().unwrap().since(), Some(at(-600)));
        broken.sync = Some(Sync::Synced);
        apps.handle(Event::Changed(Box::new(broken)), at(62));
        assert_eq!(apps.views().next().unwrap().app.since.sync, Some(at(60)));
    }

    #[test]
    fn a_time_that_lies_ahead_is_not_believed() {
        let mut broken = app(Kind::Application, "prices");
        broken.since.sync = Some(at(3600));
        assert_eq!(apps(&[broken]).views().next().unwrap().app.since.sync, Some(NOW));
    }

    #[test]
    fn what_is_not_listed_any_more_is_gone() {
        let mut apps = apps(&[app(Kind::Application, "one"), app(Kind::Application, "two"), app(Kind::Rollout, "one")]);
        let left = vec![app(Kind::Application, "two")];
        apps.handle(Event::Listed { scope: scope(Kind::Application), apps: left }, NOW);
        assert_eq!(names(&apps.list(None)), ["Rollout/one", "Application/two"]);
        let reach = Event::Reach { scope: scope(Kind::Rollout), reach: Reach::Absent };
        apps.handle(reach, NOW);
        assert_eq!(names(&apps.list(None)), ["Application/two"]);
    }

    #[test]
    fn an_app_is_found_by_its_name_alone_or_with_what_tells_it_from_its_namesakes() {
        let mut other = app(Kind::Application, "prices");
        other.id.namespace = "argocd".to_owned();
        let apps = apps(&[app(Kind::Kustomization, "prices"), other, app(Kind::GitRepository, "prices")]);
        assert_eq!(names(&apps.named("Prices")), ["Application/prices", "Kustomization/prices"]);
        assert_eq!(names(&apps.named("argocd/prices")), ["Application/prices"]);
        assert_eq!(names(&apps.named("eu/kustomization/flux-system/prices")), ["Kustomization/prices"]);
        assert_eq!(names(&apps.named("gitrepository/prices")), ["GitRepository/prices"]);
        assert_eq!(names(&apps.named("rice")), ["Application/prices", "Kustomization/prices"]);
        assert!(apps.named("us/prices").is_empty());
    }

    #[test]
    fn the_list_has_the_worst_first_and_sources_only_in_trouble_or_when_asked_for() {
        let with = |mut app: App, sync: Sync| {
            app.sync = Some(sync);
            app
        };
        let mut weak = app(Kind::HelmRelease, "redis");
        weak.health = Health::Degraded { message: "not ready".to_owned() };
        let apps = apps(&[
            app(Kind::Application, "alright"),
            with(app(Kind::Application, "drifted"), Sync::OutOfSync { message: String::new() }),
            with(app(Kind::GitRepository, "gone"), failed("not found")),
            weak,
            app(Kind::Bucket, "charts"),
        ]);
        let all = ["GitRepository/gone", "HelmRelease/redis", "Application/drifted", "Application/alright"];
        assert_eq!(names(&apps.list(None)), all);
        assert_eq!(names(&apps.list(Some("bucket"))), ["Bucket/charts"]);
        assert_eq!(names(&apps.list(Some("out of sync"))), ["Application/drifted"]);
        assert_eq!(names(&apps.list(Some("argo"))), ["Application/drifted", "Application/alright"]);
    }

    #[test]
    fn a_kustomization_that_has_not_applied_what_its_source_fetched_is_behind() {
        let mut source = app(Kind::GitRepository, "infra");
        source.revision = Revision::parse("main@sha1:00112233445566778899aabbccddeeff00112233");
        let mut prices = app(Kind::Kustomization, "prices");
        prices.source = Some(id(Kind::GitRepository, "infra"));
        prices.origin = None;
        let apps = apps(&[source, prices]);
        let [view] = apps.named("prices")[..] else { panic!("one") };
        assert_eq!(view.standing(), Standing::OutOfSync);
        assert_eq!(view.behind().unwrap().short(), "main 0011223");
        assert_eq!(view.commit(), Some(format!("https://github.com/pyth/infra/commit/{SHA}")), "from its source");
    }

    #[test]
    fn only_where_something_is_in_the_way_is_the_bot_blind() {
        let mut apps = apps(&[]);
        let mut reach = |kind, reach| apps.handle(Event::Reach { scope: scope(kind), reach }, NOW);
        reach(Kind::Rollout, Reach::Absent);
        reach(Kind::Application, Reach::Denied { message: "forbidden".to_owned() });
        let blind: Vec<_> = apps.blind_spots().map(|(scope, _)| scope.kind).collect();
        assert_eq!(blind, [Kind::Application]);
    }
}
