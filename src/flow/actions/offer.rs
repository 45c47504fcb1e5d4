//! Actions that an alert's card offers: those that fit and that the policy lets somebody ask for.

use crate::core::action::offer::{Offer, offers};
use crate::core::action::target::{Sort, Target};
use crate::slack::blocks::alert::Member;

use super::super::Flow;

impl Flow {
    pub(in crate::flow) fn action_offers(&self, members: &[Member]) -> Vec<Offer> {
        let settings = self.settings();
        if !settings.actions.enabled {
            return Vec::new();
        }
        let mut found: Vec<Offer> = self.with_clusters(|clusters| {
            let firing = members.iter().map(|member| member.alert).filter(|alert| alert.firing());
            let owner = |cluster: &str, namespace: &str, pod: &str| {
                let index = &clusters.get(cluster)?.index;
                let (kind, name) = index.workload(&index.pod(namespace, pod)?.meta)?;
                Some((kind, name.to_owned()))
            };
            firing.flat_map(|alert| offers(&alert.labels, owner)).collect()
        });
        let payable = |target: &Target| target.sort != Sort::Wallet || self.hot_wallet(target).is_ok();
        let allowed = |offer: &Offer| {
            settings.actions.policy.rule_for(offer.kind, &offer.target).is_ok() && payable(&offer.target)
        };
        found.retain(allowed);
        let mut seen: Vec<Offer> = Vec::new();
        found.retain(|offer| {
            let first = !seen.contains(offer);
            seen.push(offer.clone());
            first
        });
        found
    }
}
