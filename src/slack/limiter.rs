//! When a call may be made: Slack's tiers per method, one post a second per channel, and pauses that Slack asked for.
//!
//! Pure: the outbox asks before each call. Source: <https://docs.slack.dev/apis/web-api/rate-limits>, tiers as in
//! java-slack-sdk `metadata/web-api/rate_limit_tiers.json`.

use std::collections::HashMap;
use std::time::Duration;

use crate::core::ids::ChannelId;
use crate::core::time::Timestamp;

/// One call each `period`, and up to `burst` at once after a quiet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    period: Duration,
    burst: u32,
}

const fn per_minute(calls: u64, burst: u32) -> Rate {
    Rate { period: Duration::from_millis(60_000 / calls), burst }
}

const TIER_1: Rate = per_minute(1, 2);
const TIER_2: Rate = per_minute(20, 5);
const TIER_3: Rate = per_minute(50, 10);
const TIER_4: Rate = per_minute(100, 20);
/// "One message per second per channel, short bursts allowed."
const POSTS_PER_CHANNEL: Rate = Rate { period: Duration::from_secs(1), burst: 3 };
/// "Several hundred messages per minute" for the whole workspace: stay at the low end.
const POSTS: Rate = per_minute(240, 20);

/// Places remembered at once; a forgotten one may burst again, nothing worse.
const MAX_PLACES: usize = 4096;

/// The answer to "may I call now?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Yes, and the call is counted.
    Ready,
    /// Not before; nothing was counted.
    WaitUntil(Timestamp),
}

type Place = (&'static str, Option<ChannelId>);

/// Keeps the pace for one workspace. Memory is bounded; losing it (restart) costs at most one burst.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
    /// When each place's bucket is full again ("theoretical arrival time" of the generic cell rate algorithm).
    busy_until: HashMap<Place, Timestamp>,
    pauses: HashMap<Place, Pause>,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    since: Timestamp,
    until: Timestamp,
}

impl Limiter {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `method` may be called for `channel` at `now`.
    pub fn acquire(&mut self, method: &str, channel: Option<&ChannelId>, now: Timestamp) -> Turn {
        let buckets = buckets(method, channel);
        let mut open_at = now;
        for (place, rate) in &buckets {
            open_at = open_at.max(self.open_at(place, *rate, now));
        }
        for place in places(method, channel) {
            open_at = open_at.max(self.paused_until(&place, now));
        }
        if open_at > now {
            return Turn::WaitUntil(open_at);
        }
        for (place, rate) in buckets {
            let from = self.busy_until.get(&place).copied().unwrap_or(now).max(now);
            self.busy_until.insert(place, from.plus(rate.period));
        }
        self.forget(now);
        Turn::Ready
    }

    /// Slack answered 429: nothing more for this method in this channel (or anywhere, without one) for `retry_after`.
    pub fn pause(&mut self, method: &str, channel: Option<&ChannelId>, retry_after: Duration, now: Timestamp) {
        let place = (known(method).0, channel.cloned());
        let until = now.plus(retry_after).max(self.paused_until(&place, now));
        self.pauses.insert(place, Pause { since: now, until });
        self.forget(now);
    }

    fn open_at(&mut self, place: &Place, rate: Rate, now: Timestamp) -> Timestamp {
        let full_burst = rate.period.saturating_mul(rate.burst);
        let Some(busy_until) = self.busy_until.get_mut(place) else { return now };
        // Only a clock that went back puts it farther away than that.
        *busy_until = (*busy_until).min(now.plus(full_burst));
        busy_until.minus(full_burst.saturating_sub(rate.period))
    }

    fn paused_until(&mut self, place: &Place, now: Timestamp) -> Timestamp {
        let Some(pause) = self.pauses.get_mut(place) else { return now };
        // A clock that went back must not lengthen what Slack asked for.
        if now < pause.since {
            *pause = Pause { since: now, until: now.plus(pause.until.since(pause.since)) };
        }
        pause.until
    }

    fn forget(&mut self, now: Timestamp) {
        if self.pauses.len() > MAX_PLACES {
            self.pauses.retain(|_, pause| pause.until > now && now >= pause.since);
        }
        if self.busy_until.len() > MAX_PLACES {
            self.busy_until.retain(|_, busy_until| *busy_until > now);
        }
        if self.pauses.len() > MAX_PLACES {
            self.pauses.clear();
        }
        if self.busy_until.len() > MAX_PLACES {
            self.busy_until.clear();
        }
    }
}

/// Everything a call takes from.
fn buckets(method: &str, channel: Option<&ChannelId>) -> Vec<(Place, Rate)> {
    let (name, rate) = known(method);
    let mut buckets = vec![((name, None), rate)];
    if name == "chat.postMessage" && channel.is_some() {
        buckets.push(((name, channel.cloned()), POSTS_PER_CHANNEL));
    }
    buckets
}

fn places(method: &str, channel: Option<&ChannelId>) -> [Place; 2] {
    let (name, _) = known(method);
    [(name, None), (name, channel.cloned())]
}

/// The method's name and rate. Unknown methods share the strictest common tier.
fn known(method: &str) -> (&'static str, Rate) {
    const METHODS: [(&str, Rate); 20] = [
        ("chat.postMessage", POSTS),
        ("chat.update", TIER_3),
        ("chat.postEphemeral", TIER_4),
        ("chat.delete", TIER_3),
        ("reactions.add", TIER_3),
        ("views.open", TIER_4),
        ("views.push", TIER_4),
        ("views.update", TIER_4),
        ("views.publish", TIER_4),
        ("conversations.history", TIER_3),
        ("conversations.replies", TIER_3),
        ("conversations.info", TIER_3),
        ("conversations.open", TIER_3),
        ("conversations.invite", TIER_3),
        ("conversations.create", TIER_2),
        ("users.info", TIER_4),
        ("files.getUploadURLExternal", TIER_4),
        ("files.completeUploadExternal", TIER_4),
        ("apps.connections.open", TIER_1),
        // Response URLs have a count (five) instead of a pace; this only keeps a loop of ours in bounds.
        ("response_url", TIER_4),
    ];
    METHODS.into_iter().find(|(name, _)| *name == method).unwrap_or(("other", TIER_2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn channel(name: &str) -> ChannelId {
        ChannelId::new(name)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + millis)
    }

    fn post(limiter: &mut Limiter, name: &str, millis: i64) -> Turn {
        limiter.acquire("chat.postMessage", Some(&channel(name)), at(millis))
    }

    #[test]
    fn a_channel_takes_a_short_burst_and_then_one_post_a_second() {
        let mut limiter = Limiter::new();
        for _ in 0..3 {
            assert_eq!(post(&mut limiter, "C1", 0), Turn::Ready);
        }
        assert_eq!(post(&mut limiter, "C1", 0), Turn::WaitUntil(at(1000)));
        assert_eq!(post(&mut limiter, "C1", 1000), Turn::Ready);
        assert_eq!(post(&mut limiter, "C1", 1999), Turn::WaitUntil(at(2000)));
    }

    #[test]
    fn a_busy_channel_does_not_hold_up_another() {
        let mut limiter = Limiter::new();
        while post(&mut limiter, "C1", 0) == Turn::Ready {}
        assert_eq!(post(&mut limiter, "C2", 0), Turn::Ready);
    }

    #[test]
    fn all_channels_together_stay_below_the_workspace_limit() {
        let mut limiter = Limiter::new();
        let posted = |n: &i64| post(&mut limiter, &format!("C{n}"), n * 10) == Turn::Ready;
        let in_a_minute = (0..6000).filter(posted).count();
        assert!((200..=261).contains(&in_a_minute), "{in_a_minute}");
    }

    #[test]
    fn retry_after_pauses_that_method_in_that_channel_only() {
        let mut limiter = Limiter::new();
        limiter.pause("chat.postMessage", Some(&channel("C1")), Duration::from_secs(30), at(0));
        assert_eq!(post(&mut limiter, "C1", 29_999), Turn::WaitUntil(at(30_000)));
        assert_eq!(post(&mut limiter, "C2", 0), Turn::Ready);
        assert_eq!(limiter.acquire("chat.update", Some(&channel("C1")), at(0)), Turn::Ready);
        assert_eq!(post(&mut limiter, "C1", 30_000), Turn::Ready);
    }

    #[test]
    fn a_pause_without_a_channel_is_for_all_of_them_and_a_shorter_one_does_not_end_it() {
        let mut limiter = Limiter::new();
        limiter.pause("chat.postMessage", None, Duration::from_secs(30), at(0));
        limiter.pause("chat.postMessage", None, Duration::from_secs(1), at(10));
        assert_eq!(post(&mut limiter, "C1", 5000), Turn::WaitUntil(at(30_000)));
    }

    #[test]
    fn a_clock_that_goes_back_an_hour_lengthens_no_wait() {
        let mut limiter = Limiter::new();
        while post(&mut limiter, "C1", 3_600_000) == Turn::Ready {}
        limiter.pause("chat.update", None, Duration::from_secs(30), at(3_600_000));
        assert_eq!(post(&mut limiter, "C1", 0), Turn::WaitUntil(at(1000)));
        assert_eq!(post(&mut limiter, "C1", 1000), Turn::Ready);
        assert_eq!(limiter.acquire("chat.update", None, at(0)), Turn::WaitUntil(at(30_000)));
        assert_eq!(limiter.acquire("chat.update", None, at(30_000)), Turn::Ready);
    }

    #[test]
    fn a_flood_of_channels_is_forgotten_again() {
        let mut limiter = Limiter::new();
        for n in 0..20_000_i64 {
            let _ = post(&mut limiter, &format!("C{n}"), n * 1000);
            limiter.pause("chat.update", Some(&channel(&format!("C{n}"))), Duration::from_hours(100), at(n * 1000));
        }
        assert!(limiter.busy_until.len() <= MAX_PLACES + 2 && limiter.pauses.len() <= MAX_PLACES + 2);
    }

    proptest! {
        #[test]
        fn whoever_waits_as_told_gets_a_turn_or_a_later_time(gaps in prop::collection::vec(0i64..700, 1..60)) {
            let mut limiter = Limiter::new();
            let mut now = 0;
            for gap in gaps {
                now += gap;
                if let Turn::WaitUntil(until) = post(&mut limiter, "C1", now) {
                    prop_assert!(until > at(now));
                    now = until.as_millis() - at(0).as_millis();
                    prop_assert_eq!(post(&mut limiter, "C1", now), Turn::Ready);
                }
            }
        }
    }
}
