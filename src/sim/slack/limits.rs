//! Slack's rate limits: calls a minute by tier, and one message a second in each channel, with room for a short burst.
//! <https://docs.slack.dev/apis/web-api/rate-limits>

use std::collections::HashMap;

use crate::core::time::Timestamp;

/// How often a method may be called in a workspace by one app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    One,
    Two,
    Three,
    Four,
    /// chat.postMessage: by channel.
    Posting,
    Unlimited,
}

/// Slack allows "short bursts" above one message a second without saying how short.
const POSTING_BURST: i64 = 5;

#[derive(Debug, Default)]
pub struct Limits {
    buckets: HashMap<String, Bucket>,
}

/// Tokens in thousandths, so that a refill needs no fractions.
#[derive(Debug)]
struct Bucket {
    milli_tokens: i64,
    refilled_at: Timestamp,
}

impl Limits {
    /// Takes one call from the allowance, or says after how many seconds to try again.
    pub fn admit(&mut self, method: &str, channel: Option<&str>, tier: Tier, now: Timestamp) -> Result<(), u64> {
        let (burst, per_minute) = match tier {
            Tier::One => (3, 1),
            Tier::Two => (20, 20),
            Tier::Three => (50, 50),
            Tier::Four => (100, 100),
            Tier::Posting => (POSTING_BURST, 60),
            Tier::Unlimited => return Ok(()),
        };
        let key = match (tier, channel) {
            (Tier::Posting, Some(channel)) => format!("{method} {channel}"),
            _ => method.to_owned(),
        };
        let fresh = || Bucket { milli_tokens: burst * 1000, refilled_at: now };
        let bucket = self.buckets.entry(key).or_insert_with(fresh);
        let passed = i64::try_from(now.since(bucket.refilled_at).as_millis()).unwrap_or(i64::MAX);
        let refill = passed.saturating_mul(per_minute) / 60;
        // A refill of nothing must not use up the time that led to it.
        if refill > 0 {
            bucket.milli_tokens = bucket.milli_tokens.saturating_add(refill).min(burst * 1000);
            bucket.refilled_at = now;
        }
        if bucket.milli_tokens >= 1000 {
            bucket.milli_tokens -= 1000;
            return Ok(());
        }
        let missing = 1000 - bucket.milli_tokens;
        let wait_millis = missing.saturating_mul(60) / per_minute;
        Err(u64::try_from(wait_millis.div_euclid(1000) + 1).unwrap_or(1))
    }
}
