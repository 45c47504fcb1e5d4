//! One wallet: its readings in, its alerts out.

use std::time::Duration;

use super::setup::{Arrival, Heard, Kept, Watched};
use super::{BALANCE_LOW, IN_MEMORY, Prices, RUNWAY_SHORT, over, signal};
use crate::core::label::Labels;
use crate::core::severity::Severity;
use crate::core::signal::{Condition, Signal};
use crate::core::time::Timestamp;
use crate::core::wallet::history::{History, Point, TopUp};
use crate::core::wallet::packed::Packed;
use crate::core::wallet::runway::{Outlook, outlook};
use crate::core::wallet::{Amount, Reading, verdicts};

/// A balance that does not change is stored this often.
const STORE_EVERY: Duration = Duration::from_mins(15);

/// One wallet and what is known of it.
#[derive(Clone, Debug)]
pub struct Wallet {
    pub(super) watched: Watched,
    pub(super) past: Packed,
    pub(super) decimals: Option<u8>,
    pub(super) position: u64,
    pub(super) outlook: Outlook,
    pub(super) low: Option<Severity>,
    pub(super) short: Option<Severity>,
    /// Why the last round says nothing about it.
    pub(super) unknown: Option<String>,
    pub(super) stored: Option<Point>,
}

impl Wallet {
    pub(super) fn new(watched: Watched) -> Self {
        Self {
            watched,
            past: Packed::default(),
            decimals: None,
            position: 0,
            outlook: Outlook::Unknown { seen: Duration::ZERO },
            low: None,
            short: None,
            unknown: None,
            stored: None,
        }
    }

    #[must_use]
    pub const fn watched(&self) -> &Watched {
        &self.watched
    }

    #[must_use]
    pub fn name(&self) -> &str {
        self.watched.account.key.as_str()
    }

    /// About the last eight days.
    #[must_use]
    pub fn history(&self) -> History {
        self.past.history()
    }

    /// The newest of [`Self::history`].
    #[must_use]
    pub const fn last(&self) -> Option<Point> {
        self.past.last()
    }

    #[must_use]
    pub const fn outlook(&self) -> &Outlook {
        &self.outlook
    }

    /// What it held when it was last read.
    #[must_use]
    pub fn amount(&self) -> Option<Amount> {
        self.of_units(self.last()?.units)
    }

    /// Base units as an amount of this wallet's asset.
    #[must_use]
    pub fn of_units(&self, units: u128) -> Option<Amount> {
        Amount::new(units, self.decimals?).ok()
    }

    /// Why its balance is not known at present.
    #[must_use]
    pub fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    /// The worst of what its rules say.
    #[must_use]
    pub fn level(&self) -> Option<Severity> {
        self.low.max(self.short)
    }

    /// The labels of the alerts it can have.
    #[must_use]
    pub fn alert_labels(&self) -> [Labels; 2] {
        [BALANCE_LOW, RUNWAY_SHORT].map(|rule| self.watched.labels(rule))
    }

    /// Says why when the reading cannot be used.
    pub(super) fn take(
        &mut self,
        reading: &Reading,
        prices: Prices<'_>,
        now: Timestamp,
        heard: &mut Heard,
    ) -> Option<String> {
        let Reading { amount, position, observed_at, .. } = reading;
        if self.decimals.is_some_and(|known| known != amount.decimals()) {
            return Some(format!("it is counted with {} decimals now; is it another token?", amount.decimals()));
        }
        self.decimals = Some(amount.decimals());
        let (mut history, before) = (self.history(), self.last());
        let point = Point { at: *observed_at, units: amount.units() };
        if !history.push(point) {
            return None;
        }
        self.position = *position;
        history.thin(IN_MEMORY, now);
        self.past = Packed::of(&history);
        self.outlook = outlook(&history);
        let usual = history.usual_fall();
        if let Some(top_up) = before.and_then(|before| TopUp::between(before, point, usual)) {
            heard.arrivals.push(Arrival { account: self.watched.account.key.clone(), top_up });
        }
        let news = self.stored.is_none_or(|stored| {
            stored.units != point.units || point.at.since(stored.at) >= STORE_EVERY || point.at < stored.at
        });
        if news {
            self.stored = Some(point);
            let wallet = self.watched.identity();
            heard.keep.push(Kept { wallet, at: point.at, amount: *amount, position: *position });
        }
        self.judge(*amount, prices, &mut heard.signals);
        None
    }

    fn judge(&mut self, amount: Amount, prices: Prices<'_>, out: &mut Vec<Signal>) {
        let limits = self.watched.limits;
        let worth = self.watched.price.as_deref().and_then(prices);
        // An empty wallet is the end of whatever limit there is.
        let low = if amount.is_zero() && limits.any() {
            Some((Severity::Critical, None))
        } else {
            limits.by_amount(amount, self.low).map(|(severity, limit)| (severity, Some(limit)))
        };
        self.low = low.map(|(severity, _)| severity);
        let condition = low.map(|(_, limit)| Condition::Active(verdicts::low(self, amount, limit, worth)));
        out.push(signal(self.watched.labels(BALANCE_LOW), self.low, condition));
        let short = match self.outlook {
            Outlook::Unknown { .. } => return,
            // The money that is gone was said above.
            _ if amount.is_zero() => None,
            Outlook::Steady { .. } => None,
            Outlook::Falling(runway) => {
                // Too little was seen to begin an alert, or to end one.
                if !runway.believable() && limits.by_runway(runway.left, self.short).is_some() {
                    return;
                }
                limits.by_runway(runway.left, self.short).map(|found| (found, runway))
            }
        };
        self.short = short.map(|((severity, _), _)| severity);
        let condition =
            short.map(|((_, limit), runway)| Condition::Active(verdicts::short(self, amount, &runway, limit, worth)));
        out.push(signal(self.watched.labels(RUNWAY_SHORT), self.short, condition));
    }

    /// The ends of its alerts.
    pub(super) fn end(&self) -> Vec<Signal> {
        let active = [(BALANCE_LOW, self.low), (RUNWAY_SHORT, self.short)];
        active
            .into_iter()
            .filter(|(_, level)| level.is_some())
            .map(|(rule, _)| over(self.watched.labels(rule)))
            .collect()
    }
}
