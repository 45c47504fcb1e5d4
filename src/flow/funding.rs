//! The funding summary: on its schedule, who needs how much. Each due time is posted once, also across restarts: when it
//! is next due is stored in the transaction that posts it.

use std::time::Duration;

use crate::core::cron::Cron;
use crate::core::severity::Severity;
use crate::core::time::Timestamp;
use crate::core::wallet::funding::Funding;
use crate::slack::blocks::balance::{FundingView, funding};
use crate::store::facts;

use super::Flow;
use super::effect::{Effect, priority};
use super::step::{StepError, fenced};

/// When to post, where, and how long wallets shall last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub schedule: Cron,
    pub receiver: String,
    pub reach: Duration,
}

/// Due then, by that schedule.
const NEXT: &str = "funding.next";

impl Flow {
    /// Posts the summary when it is due. True: it was.
    ///
    /// # Errors
    /// Nothing was posted; the next look tries again.
    pub async fn post_funding(&self) -> Result<bool, StepError> {
        let Some(plan) = self.held().summary.clone() else { return Ok(false) };
        let Some(lease) = self.lease() else { return Ok(false) };
        let now = self.now();
        let due = facts::get(&self.store, NEXT).await?.and_then(|text| due(&text, &plan.schedule));
        if due.is_some_and(|at| at > now) {
            return Ok(false);
        }
        self.follow_wallets().await;
        let settings = self.settings();
        let receiver = settings.receivers.get(&plan.receiver).or_else(|| settings.receivers.values().next());
        let post = due.and(receiver).map(|receiver| Effect::Post {
            channel: receiver.channel.clone(),
            thread_ts: None,
            fallback: receiver.fallback_channel.clone(),
            message: self.funding_message(plan.reach, now),
        });
        let mut tx = self.store.begin().await?;
        fenced(&mut tx, &lease, now).await?;
        facts::put(&mut tx, NEXT, &next_due(&plan.schedule, now), now).await?;
        if let Some(effect) = &post {
            self.enqueue(&mut tx, effect, priority(Severity::Info), now).await?;
        }
        tx.commit().await?;
        if post.is_some() {
            self.outbox_bell.notify_one();
        }
        Ok(post.is_some())
    }

    fn funding_message(&self, reach: Duration, now: Timestamp) -> crate::slack::message::Message {
        let found = Funding::of(self.held().wallets(), reach, &|symbol| self.dollars(symbol));
        funding(&FundingView { funding: &found, reach, now })
    }
}

/// When a schedule is next due, as it is stored: `<milliseconds> <schedule>`.
pub(super) fn next_due(schedule: &Cron, now: Timestamp) -> String {
    // One that never comes again is looked at tomorrow.
    let next = schedule.next_after(now).unwrap_or_else(|| now.plus(Duration::from_hours(24)));
    format!("{} {schedule}", next.as_millis())
}

/// `None` when it was written for another schedule: that one's due times are none of ours.
pub(super) fn due(text: &str, schedule: &Cron) -> Option<Timestamp> {
    let (at, written) = text.split_once(' ')?;
    (written == schedule.to_string()).then(|| at.parse().ok().map(Timestamp::from_millis))?
}
