//! All clusters under watch: news in, signals out.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Active, Enquiry};
use super::rules::{RuleName, Rules};
use super::{Id, Index, Kind, Name, News, Object};
use crate::core::label::{ALERTNAME, Labels};
use crate::core::severity::Severity;
use crate::core::signal::{Condition, Detail, Signal};
use crate::core::time::Timestamp;

/// Every configured cluster, in the configuration's order.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    clusters: Vec<Cluster>,
}

/// What configuration says about a cluster's alerts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub rules: Rules,
    /// Value of the owner label → Slack user or user group id.
    pub owners: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: Name,
    pub index: Index,
    pub(super) settings: Settings,
    /// What holds now, by the object it is about.
    pub(super) active: BTreeMap<Id, Vec<Active>>,
    pub(super) outage: Option<Active>,
    /// Objects that changed since they were last looked at.
    pub(super) changed: BTreeSet<Id>,
    /// When everything was last looked at.
    pub(super) swept_at: Option<Timestamp>,
    /// By another replica, otherwise: what is known of it here is what that one told, and is not judged.
    pub(super) watched: bool,
}

impl Clusters {
    #[must_use]
    pub fn new(clusters: impl IntoIterator<Item = (Name, Settings)>) -> Self {
        let cluster = |(name, settings)| Cluster::new(name, settings, true);
        Self { clusters: clusters.into_iter().map(cluster).collect() }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Cluster> {
        self.clusters.iter()
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| &*cluster.name == name)
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|cluster| &*cluster.name == name)
    }

    /// Whether the cluster is watched here from now on. What was known of it is forgotten, and nothing is said about it.
    pub fn set_watched(&mut self, name: &str, watched: bool) {
        if let Some(cluster) = self.get_mut(name) {
            *cluster = Cluster::new(Name::clone(&cluster.name), std::mem::take(&mut cluster.settings), watched);
        }
    }

    /// What another replica, which watches the cluster, knows of it; nothing any more when there is none.
    pub fn paste(&mut self, name: &str, index: Option<Index>) {
        if let Some(cluster) = self.get_mut(name).filter(|cluster| !cluster.watched) {
            cluster.index = index.unwrap_or_default();
        }
    }

    /// Who watches the cluster does not answer: what is known of it is as old as that, and is said to be.
    pub fn unanswered(&mut self, name: &str, why: &str, now: Timestamp) {
        if let Some(cluster) = self.get_mut(name).filter(|cluster| !cluster.watched) {
            cluster.index.apply(News::Unreached { error: why.to_owned() }, now);
        }
    }

    /// New rules and owners, from the next look on.
    pub fn set_settings(&mut self, settings: impl IntoIterator<Item = (Name, Settings)>) {
        for (name, settings) in settings {
            if let Some(cluster) = self.get_mut(&name) {
                (cluster.settings, cluster.swept_at) = (settings, None);
            }
        }
    }

    /// Takes news of one cluster in; news of one that is not configured is left out.
    pub fn apply(&mut self, cluster: &str, news: News, now: Timestamp) {
        let Some(cluster) = self.get_mut(cluster).filter(|cluster| cluster.watched) else { return };
        // What an eviction means is told of the node.
        let evicting = match &news {
            News::Applied(_, object) => match &**object {
                Object::Pod(pod) => pod.evicted().and(pod.node.as_ref()).map(|node| Id::new(Kind::Node, "", node)),
                _ => None,
            },
            _ => None,
        };
        cluster.changed.extend(evicting);
        cluster.changed.extend(cluster.index.apply(news, now));
    }

    /// Looks at what changed, and now and then at everything. Gives a signal where a condition begins, ends, or is told
    /// in other words; those that go on are said again with every look at everything.
    pub fn judge(&mut self, now: Timestamp) -> Vec<Signal> {
        let mut out = Vec::new();
        for cluster in self.clusters.iter_mut().filter(|cluster| cluster.watched) {
            cluster.judge(now, &mut out);
        }
        out
    }

    /// Alerts that were open when the bot last stopped: they go on, and end when their condition is found gone. Gives the
    /// ends of those whose cluster is no longer watched. Labels that are not a cluster rule's are left alone.
    pub fn resume(&mut self, open: impl IntoIterator<Item = (Labels, Severity, Timestamp)>) -> Vec<Signal> {
        let mut ended = Vec::new();
        for (labels, severity, since) in open {
            let Some(rule) = labels.get(ALERTNAME).and_then(RuleName::named) else { continue };
            let Some(name) = labels.get("cluster").map(ToOwned::to_owned) else { continue };
            match self.get_mut(&name) {
                Some(cluster) if cluster.watched => cluster.resume(rule, labels, severity, since),
                Some(_) => {}
                None => ended.push(super::judge::signal(
                    labels,
                    severity,
                    Rules::default().settings(rule),
                    Condition::Inactive,
                )),
            }
        }
        ended
    }

    /// What to ask the clusters about alerts that fire or are about to: a few for each rule, the rest reads the same.
    pub fn enquiries(&mut self, now: Timestamp) -> Vec<Enquiry> {
        let watched = self.clusters.iter_mut().filter(|cluster| cluster.watched);
        watched.flat_map(|cluster| cluster.enquiries(now)).collect()
    }

    /// What came of an enquiry; shown from the next look on.
    pub fn answer(&mut self, enquiry: &Enquiry, details: Vec<Detail>) {
        if let Some(cluster) = self.get_mut(&enquiry.cluster) {
            cluster.answer(enquiry, details);
        }
    }
}

impl Cluster {
    fn new(name: Name, settings: Settings, watched: bool) -> Self {
        Self {
            name,
            index: Index::default(),
            settings,
            active: BTreeMap::new(),
            outage: None,
            changed: BTreeSet::new(),
            swept_at: None,
            watched,
        }
    }

    /// Whether it is watched here.
    #[must_use]
    pub const fn watched(&self) -> bool {
        self.watched
    }
}
