//! Under pressure: when messages wait for a channel, new groups that are not critical share one living message.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::core::engine::{Decision, Effect as Decided};
use crate::core::group::Attention;
use crate::core::ids::{ChannelId, GroupId};
use crate::core::severity::Severity;
use crate::slack::blocks::notes::{self, DigestItem};
use crate::store::jobs::Depth;
use crate::store::{StoreError, Tx, facts, messages};

use super::effect::{Effect, lane_of};
use super::render::Scene;
use super::{Flow, Timestamp};

/// Facts with this prefix hold a channel's digest.
pub(super) const DIGEST: &str = "digest:";

/// The groups that share a message, and the key it is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digest {
    key: String,
    groups: BTreeSet<GroupId>,
}

/// Every channel's digest, as committed.
pub(super) type Digests = BTreeMap<ChannelId, Digest>;

/// The digests of one decision: which groups go into one, and which digests look different afterwards.
pub(super) struct Gathering {
    digests: Digests,
    waiting: BTreeMap<String, u64>,
    digest_after: u64,
    /// Channels whose digest nobody has seen yet.
    unseen: BTreeSet<ChannelId>,
    touched: BTreeSet<ChannelId>,
}

impl Gathering {
    pub fn new(digests: Digests, unseen: BTreeSet<ChannelId>, depth: &Depth, digest_after: u64) -> Self {
        let waiting = depth.lanes.iter().map(|lane| (lane.lane.clone(), lane.queued)).collect();
        Self { digests, waiting, digest_after, unseen, touched: BTreeSet::new() }
    }

    /// Whether the group's news go into its channel's digest instead of a message of its own.
    pub fn takes(
        &mut self,
        scene: &Scene,
        id: &GroupId,
        channel: &ChannelId,
        attention: Attention,
        now: Timestamp,
    ) -> bool {
        let Some(group) = scene.group(id) else { return false };
        let known = self.digests.get_mut(channel);
        if let Some(digest) = known
            && digest.groups.contains(id)
        {
            self.touched.insert(channel.clone());
            // What got critical leaves the crowd and speaks for itself.
            return attention != Attention::Worse || !digest.groups.remove(id);
        }
        if attention != Attention::New || group.severity == Severity::Critical || group.delivery.history.len() > 1 {
            return false;
        }
        let waiting = self.waiting.entry(lane_of(channel)).or_default();
        if *waiting < self.digest_after {
            *waiting += 1;
            return false;
        }
        let open = |digest: &Digest| {
            digest.groups.iter().any(|id| scene.group(id).is_some_and(crate::core::group::Group::open))
        };
        let fresh = || Digest { key: format!("digest:{}", scene.flow.ids.next(now)), groups: BTreeSet::new() };
        let digest = self.digests.entry(channel.clone()).or_insert_with(fresh);
        // One that still waits takes what comes, also when all in it is over: Slack away for a day is one message more.
        if !open(digest) && !self.unseen.contains(channel) {
            *digest = fresh();
        }
        digest.groups.insert(id.clone());
        self.touched.insert(channel.clone());
        true
    }

    /// Whether the group has no message of its own.
    pub fn holds(&self, group: &GroupId) -> bool {
        self.digests.values().any(|digest| digest.groups.contains(group))
    }

    /// The digests that look different now.
    pub fn effects(&self, scene: &Scene) -> Vec<(Effect, i64)> {
        let touched = self.touched.iter().filter_map(|channel| Some((channel, self.digests.get(channel)?)));
        let show = |(channel, digest): (&ChannelId, &Digest)| {
            let mut groups: Vec<_> =
                digest.groups.iter().filter_map(|id| scene.group(id)).filter(|g| g.open()).collect();
            groups.sort_by_key(|group| (std::cmp::Reverse(group.severity), group.number));
            let members: Vec<_> = groups.iter().map(|group| scene.members(group)).collect();
            let items: Vec<DigestItem> =
                groups.iter().zip(&members).map(|(group, alerts)| DigestItem { group, alerts }).collect();
            let message = if items.is_empty() {
                notes::digest_over(digest.groups.len())
            } else {
                notes::digest(&items, scene.now)
            };
            let worst = groups.iter().map(|group| group.severity).max().unwrap_or(Severity::Info);
            let receiver = groups.first().and_then(|group| scene.receiver(group));
            let fallback = receiver.and_then(|receiver| receiver.fallback_channel);
            let show = Effect::Show { key: digest.key.clone(), channel: channel.clone(), fallback, message };
            (show, super::effect::priority(worst))
        };
        touched.map(show).collect()
    }

    /// To be committed with the decision, then kept by the flow.
    pub fn changed(self) -> Digests {
        let Self { mut digests, touched, .. } = self;
        digests.retain(|channel, _| touched.contains(channel));
        digests
    }
}

impl Flow {
    /// Whether the group's news go into a digest, so that it has no message of its own.
    pub(super) fn digested(&self, group: &GroupId) -> bool {
        self.digests().values().any(|digest| digest.groups.contains(group))
    }

    /// The channels whose digest has not been posted.
    pub(super) async fn unseen_digests(&self) -> Result<BTreeSet<ChannelId>, StoreError> {
        let mut unseen = BTreeSet::new();
        for (channel, digest) in self.digests() {
            if messages::get(&self.store, &digest.key).await?.is_none() {
                unseen.insert(channel);
            }
        }
        Ok(unseen)
    }

    /// Only a decision that brings up new groups can start a digest, so only then is the outbox asked.
    pub(super) fn may_flood(decision: &Decision) -> bool {
        decision.effects.iter().any(|effect| matches!(effect, Decided::Show { attention: Attention::New, .. }))
    }
}

pub(super) async fn save(tx: &mut Tx, changed: &Digests, now: Timestamp) -> Result<(), StoreError> {
    for (channel, digest) in changed {
        let value = serde_json::to_string(digest).unwrap_or_default();
        facts::put(tx, &format!("{DIGEST}{channel}"), &value, now).await?;
    }
    Ok(())
}

/// As a process left them.
pub(super) fn restored(rows: Vec<(String, String)>) -> Digests {
    let read = |(key, value): (String, String)| {
        Some((ChannelId::new(key.strip_prefix(DIGEST)?), serde_json::from_str(&value).ok()?))
    };
    rows.into_iter().filter_map(read).collect()
}
