//! What replicas divide among themselves: the feeds in parts, the clusters and the chains, each of them a shard that one
//! replica watches. Who is to have which is worked out in [`share`].
//!
//! Feeds are divided by their id and not by their source: parts are then of one size however many feeds each source has,
//! and a feed that two sources list is watched once, as by a single process.

mod share;

use std::collections::BTreeSet;
use std::fmt;

use super::detect;
use super::feed::FeedId;
use super::gitops;
use super::label::{ALERTNAME, Labels};
use super::wallet;
use super::workload;

pub use share::{Change, change};

/// What one replica watches as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shard {
    /// The feeds whose id falls into this one of so many parts, from every source.
    Feeds { part: u32, of: u32 },
    /// Everything about a cluster: workloads, GitOps objects, what is asked about its alerts.
    Cluster(String),
    /// The wallets of a chain.
    Chain(String),
}

/// The sorts of shards; each is divided for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Feeds,
    Cluster,
    Chain,
}

impl Sort {
    pub const ALL: [Self; 3] = [Self::Feeds, Self::Cluster, Self::Chain];

    /// As in the metric's `kind` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feeds => "feeds",
            Self::Cluster => "cluster",
            Self::Chain => "chain",
        }
    }
}

impl Shard {
    #[must_use]
    pub const fn sort(&self) -> Sort {
        match self {
            Self::Feeds { .. } => Sort::Feeds,
            Self::Cluster(_) => Sort::Cluster,
            Self::Chain(_) => Sort::Chain,
        }
    }
}

impl fmt::Display for Shard {
    /// Its name as a lease. How many parts there are is in it: a part of eight is not a part of sixteen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feeds { part, of } => write!(f, "feeds/{part}of{of}"),
            Self::Cluster(name) => write!(f, "cluster/{name}"),
            Self::Chain(name) => write!(f, "chain/{name}"),
        }
    }
}

/// Those parts of the feeds that one replica follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    of: u32,
    mine: BTreeSet<u32>,
}

impl Parts {
    /// All feeds: nothing is divided.
    #[must_use]
    pub fn all() -> Self {
        Self { of: 1, mine: BTreeSet::from([0]) }
    }

    #[must_use]
    pub const fn none() -> Self {
        Self { of: 1, mine: BTreeSet::new() }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mine.is_empty()
    }

    #[must_use]
    pub fn contains(&self, feed: &FeedId) -> bool {
        part(feed, self.of).is_some_and(|part| self.mine.contains(&part))
    }
}

fn part(feed: &FeedId, of: u32) -> Option<u32> {
    u32::try_from(feed.spread().checked_rem(u64::from(of))?).ok()
}

/// Everything there is to divide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shards {
    all: BTreeSet<Shard>,
    parts: u32,
}

impl Shards {
    /// `parts` of the feeds (none when there are no sources), and one for each cluster and chain.
    #[must_use]
    pub fn new(parts: u32, clusters: &[String], chains: &[String]) -> Self {
        let feeds = (0..parts).map(|part| Shard::Feeds { part, of: parts });
        let clusters = clusters.iter().cloned().map(Shard::Cluster);
        let all = feeds.chain(clusters).chain(chains.iter().cloned().map(Shard::Chain)).collect();
        Self { all, parts }
    }

    #[must_use]
    pub const fn all(&self) -> &BTreeSet<Shard> {
        &self.all
    }

    /// The part that a feed falls into; `None` when there are no feeds.
    #[must_use]
    pub fn of_feed(&self, feed: &FeedId) -> Option<Shard> {
        Some(Shard::Feeds { part: part(feed, self.parts)?, of: self.parts })
    }

    /// The parts of the feeds among `held`.
    #[must_use]
    pub fn parts(&self, held: &BTreeSet<Shard>) -> Parts {
        let mine = held.iter().filter_map(|shard| match shard {
            Shard::Feeds { part, of } if *of == self.parts => Some(*part),
            Shard::Feeds { .. } | Shard::Cluster(_) | Shard::Chain(_) => None,
        });
        Parts { of: self.parts, mine: mine.collect() }
    }

    /// The part whose holder speaks of the sources as such.
    #[must_use]
    pub fn of_sources(&self) -> Option<Shard> {
        (self.parts > 0).then_some(Shard::Feeds { part: 0, of: self.parts })
    }

    /// The shard whose rules an alert is of. `None`: it is nobody's in particular, as that of a sender outside or of what is
    /// no longer configured.
    #[must_use]
    pub fn of_alert(&self, labels: &Labels) -> Option<Shard> {
        let label = |name: &str| labels.get(name).map(ToOwned::to_owned);
        let name = labels.get(ALERTNAME)?;
        let shard = if let Some(rule) = detect::RuleName::named(name) {
            match rule {
                detect::RuleName::FeedSourceDown => self.of_sources(),
                _ => self.of_feed(&labels.get("feed")?.parse().ok()?),
            }
        } else if workload::rules::RuleName::named(name).is_some() || gitops::rules::RuleName::of(labels).is_some() {
            label("cluster").map(Shard::Cluster)
        } else if wallet::watch::RULES.contains(&name) {
            label("chain").map(Shard::Chain)
        } else {
            None
        };
        shard.filter(|shard| self.all.contains(shard))
    }

    /// Tells replicas with the same shards from others: those of another configuration have no share in these.
    #[must_use]
    pub fn signature(&self) -> String {
        let names: Labels = self.all.iter().map(|shard| (shard.to_string(), "")).collect();
        names.fingerprint().to_string()
    }
}

/// `5 of 16 parts of the feeds, cluster eu, chain solana`
#[must_use]
pub fn spoken(shards: &BTreeSet<Shard>) -> String {
    let parts: Vec<u32> =
        shards.iter().filter_map(|shard| if let Shard::Feeds { of, .. } = shard { Some(*of) } else { None }).collect();
    let feeds = parts.first().map(|of| format!("{} of {of} parts of the feeds", parts.len()));
    let others = shards.iter().filter_map(|shard| match shard {
        Shard::Feeds { .. } => None,
        Shard::Cluster(name) => Some(format!("cluster {name}")),
        Shard::Chain(name) => Some(format!("chain {name}")),
    });
    let all: Vec<String> = feeds.into_iter().chain(others).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards() -> Shards {
        Shards::new(4, &["eu".to_owned()], &["solana".to_owned()])
    }

    fn feed(nth: u8) -> FeedId {
        hex::encode([nth; 32]).parse().unwrap()
    }

    fn alert(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().copied().collect()
    }

    #[test]
    fn shards_have_names_that_tell_parts_of_another_division_apart() {
        let names: Vec<String> = shards().all().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["feeds/0of4", "feeds/1of4", "feeds/2of4", "feeds/3of4", "cluster/eu", "chain/solana"]);
        let other = Shards::new(8, &["eu".to_owned()], &["solana".to_owned()]);
        assert_ne!(shards().signature(), other.signature());
        assert_eq!(shards().signature(), shards().signature());
    }

    #[test]
    fn what_a_replica_watches_is_said_in_few_words() {
        let mut held = shards().all().clone();
        held.remove(&Shard::Feeds { part: 1, of: 4 });
        assert_eq!(spoken(&held), "3 of 4 parts of the feeds, cluster eu, chain solana");
        assert_eq!(spoken(&BTreeSet::new()), "nothing");
    }

    #[test]
    fn feeds_spread_over_all_parts() {
        let shards = Shards::new(8, &[], &[]);
        let mut counts = [0; 8];
        for nth in 0..4000u32 {
            let id = format!("{nth:064x}").parse().unwrap();
            let Some(Shard::Feeds { part, .. }) = shards.of_feed(&id) else { panic!("{nth} has no part") };
            counts[part as usize] += 1;
        }
        assert!(counts.iter().all(|count| (400..=600).contains(count)), "{counts:?}");
        assert_eq!(Shards::default().of_feed(&feed(1)), None);
    }

    #[test]
    fn the_parts_that_are_held_have_their_feeds_and_no_others() {
        let shards = Shards::new(4, &[], &[]);
        let own = feed(1);
        let held = shards.of_feed(&own).into_iter().collect();
        let other = (2..100).map(feed).find(|other| shards.of_feed(other) != shards.of_feed(&own)).unwrap();
        let parts = shards.parts(&held);
        assert_eq!((parts.contains(&own), parts.contains(&other), parts.is_empty()), (true, false, false));
        assert!(Parts::all().contains(&own) && !Parts::none().contains(&own) && Parts::none().is_empty());
    }

    #[test]
    fn an_alert_belongs_to_the_shard_whose_rule_it_is_of() {
        let (shards, id) = (shards(), feed(7).to_string());
        let of = |pairs: &[(&str, &str)]| shards.of_alert(&alert(pairs));
        assert_eq!(of(&[(ALERTNAME, "FeedStale"), ("feed", &id)]), shards.of_feed(&feed(7)));
        assert_eq!(of(&[(ALERTNAME, "FeedSourceDown"), ("source", "pyth")]), shards.of_sources());
        let eu = Some(Shard::Cluster("eu".to_owned()));
        assert_eq!(of(&[(ALERTNAME, "KubeNodeNotReady"), ("cluster", "eu")]), eu);
        assert_eq!(of(&[(ALERTNAME, "GitOpsDegraded"), ("cluster", "eu")]), eu);
        assert_eq!(of(&[(ALERTNAME, "BalanceLow"), ("chain", "solana")]), Some(Shard::Chain("solana".to_owned())));
    }

    #[test]
    fn what_is_not_configured_or_from_outside_is_nobodys() {
        let of = |pairs: &[(&str, &str)]| shards().of_alert(&alert(pairs));
        assert_eq!(of(&[(ALERTNAME, "KubeNodeNotReady"), ("cluster", "gone")]), None);
        assert_eq!(of(&[(ALERTNAME, "DiskFull"), ("cluster", "eu")]), None);
        assert_eq!(of(&[(ALERTNAME, "FeedStale"), ("feed", "nonsense")]), None);
        assert_eq!(of(&[]), None);
    }
}
