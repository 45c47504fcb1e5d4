//! One feed of the local world: a price that wanders, what was last published of it, and what is wrong with it.

use std::sync::Arc;

use super::listing::Listing;
use crate::core::decimal::Decimal;
use crate::core::time::Timestamp;

/// What an incident does to a feed until it is healed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Faults {
    pub stale: bool,
    pub price_factor: f64,
    pub conf_factor: f64,
}

impl Faults {
    pub const NONE: Self = Self { stale: false, price_factor: 1.0, conf_factor: 1.0 };
}

#[derive(Clone, Copy, Debug)]
struct Published {
    price: i64,
    conf: i64,
    ema: i64,
    publish_time: i64,
    prev_publish_time: i64,
}

#[derive(Debug)]
pub(super) struct Quote {
    pub listing: Listing,
    pub faults: Faults,
    /// Known to the catalogue, but not to the price endpoints.
    pub delisted: bool,
    /// The price as it is, before any fault.
    level: i64,
    /// What the level is drawn back to.
    home: i64,
    last: Published,
    json: Arc<str>,
}

impl Quote {
    pub fn new(listing: Listing, now: Timestamp, slot: u64) -> Self {
        let level = listing.level;
        let conf = parts_per_million(level, listing.conf_ppm);
        let at = now.as_secs();
        let last = Published { price: level, conf, ema: level, publish_time: at, prev_publish_time: at };
        let json = Arc::from("");
        let mut quote = Self { listing, faults: Faults::NONE, delisted: false, level, home: level, last, json };
        quote.write(slot);
        quote
    }

    pub fn true_price(&self) -> Decimal {
        Decimal::new(self.level, self.listing.expo)
    }

    /// The parsed half of an update as JSON.
    pub fn json(&self) -> &Arc<str> {
        &self.json
    }

    pub fn is_open(&self, now: Timestamp) -> bool {
        self.listing.schedule.as_ref().is_none_or(|(_, schedule)| schedule.is_open(now))
    }

    /// One round: the price wanders, and is published unless the market is closed or the feed is stale.
    pub fn step(&mut self, now: Timestamp, slot: u64, rng: &mut fastrand::Rng) {
        if !self.is_open(now) {
            return;
        }
        let Listing { conf_ppm, move_ppm, .. } = self.listing;
        let moved = parts_per_million(self.level, rng.i64(-move_ppm..=move_ppm));
        // Drawn home a little, so that a demo left alone overnight still shows believable prices.
        let drawn = (self.home - self.level) / 500;
        self.level = self.level.saturating_add(moved).saturating_add(drawn).max(1);
        let breathing = conf_ppm + rng.i64(-conf_ppm / 4..=conf_ppm / 4);
        if self.faults.stale {
            return;
        }
        let price = scaled(self.level, self.faults.price_factor);
        let conf = scaled(parts_per_million(price, breathing), self.faults.conf_factor).max(1);
        self.publish(price, conf, now.as_secs(), slot);
    }

    /// Publishes exactly this, whatever the faults.
    pub fn publish(&mut self, price: i64, conf: i64, publish_time: i64, slot: u64) {
        let ema = self.last.ema.saturating_add((price - self.last.ema) / 100);
        self.last = Published { price, conf, ema, publish_time, prev_publish_time: self.last.publish_time };
        self.write(slot);
    }

    /// The market itself moves by `percent`; this is no fault and does not heal.
    pub fn jump(&mut self, percent: f64) {
        self.level = scaled(self.level, 1.0 + percent / 100.0).max(1);
        self.home = self.level;
    }

    /// `value` in this feed's exponent; digits beyond it are cut off.
    pub fn mantissa(&self, value: Decimal) -> i64 {
        let shift = value.expo.saturating_sub(self.listing.expo);
        let power = 10i64.checked_pow(shift.unsigned_abs()).unwrap_or(i64::MAX);
        if shift >= 0 { value.mantissa.saturating_mul(power) } else { value.mantissa / power }
    }

    fn write(&mut self, slot: u64) {
        let Listing { id, expo, .. } = self.listing;
        let Published { price, conf, ema, publish_time, prev_publish_time } = self.last;
        self.json = format!(
            r#"{{"id":"{id}","price":{{"price":"{price}","conf":"{conf}","expo":{expo},"publish_time":{publish_time}}},"ema_price":{{"price":"{ema}","conf":"{conf}","expo":{expo},"publish_time":{publish_time}}},"metadata":{{"slot":{slot},"proof_available_time":{},"prev_publish_time":{prev_publish_time}}}}}"#,
            publish_time.saturating_add(1),
        )
        .into();
    }
}

fn parts_per_million(value: i64, ppm: i64) -> i64 {
    i64::try_from(i128::from(value) * i128::from(ppm) / 1_000_000).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "incidents are rough on purpose")]
fn scaled(value: i64, factor: f64) -> i64 {
    if (factor - 1.0).abs() < f64::EPSILON { value } else { (value as f64 * factor).round() as i64 }
}
