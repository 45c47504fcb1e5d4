//! What goes wrong by itself in the demo, and when it heals.

use std::sync::Arc;
use std::time::Duration;

use super::market::{Market, UnknownSymbol};
use crate::sim::script::{Scene, Script};

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Incident {
    Stale,
    /// The published price is this many times the true one.
    DecimalSlip(f64),
    /// The confidence interval is this many times as wide as usual.
    Wide(f64),
    /// The market itself moves by this many percent.
    Jump(f64),
    /// Nothing answers; concerns every feed.
    Outage,
}

/// An incident of one feed; an outage concerns all, whatever the symbol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trouble {
    pub symbol: &'static str,
    pub incident: Incident,
}

/// One of each kind, the first after 20 s, everything healed again before it starts over after ten minutes.
#[must_use]
pub fn demo() -> Script<Trouble> {
    let secs = Duration::from_secs;
    let scene = |at, lasts, symbol, incident| {
        let incident = Trouble { symbol, incident };
        Scene { at: secs(at), lasts: secs(lasts), incident }
    };
    Script {
        scenes: vec![
            scene(20, 90, "SOL/USD", Incident::Stale),
            scene(80, 75, "AVAX/USD", Incident::Wide(60.0)),
            scene(150, 60, "DOGE/USD", Incident::DecimalSlip(10.0)),
            scene(240, 0, "LINK/USD", Incident::Jump(-9.0)),
            scene(320, 75, "", Incident::Outage),
            scene(450, 60, "XRP/USD", Incident::Stale),
        ],
        length: secs(600),
    }
}

/// Plays the script over and over, on the market's clock.
pub(super) async fn play(market: Arc<Market>, script: Script<Trouble>) {
    let turn = |trouble, begins| {
        if let Err(error) = turn(&market, trouble, begins) {
            tracing::warn!("{error}");
        }
    };
    script.play(market.clock.clone(), turn).await;
}

fn turn(market: &Market, trouble: Trouble, begins: bool) -> Result<(), UnknownSymbol> {
    let Trouble { symbol, incident } = trouble;
    match (incident, begins) {
        (Incident::Outage, begins) => {
            market.outage(begins);
            Ok(())
        }
        (Incident::Jump(_), false) => Ok(()),
        (Incident::Stale | Incident::DecimalSlip(_) | Incident::Wide(_), false) => market.heal(symbol),
        (Incident::Stale, true) => market.stale(symbol),
        (Incident::DecimalSlip(factor), true) => market.decimal_slip(symbol, factor),
        (Incident::Wide(factor), true) => market.wide(symbol, factor),
        (Incident::Jump(percent), true) => market.jump(symbol, percent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_heals_everything_before_it_starts_over() {
        let script = demo();
        let timeline = script.timeline();
        assert_eq!(timeline.first().unwrap().0, Duration::from_secs(20));
        assert!(timeline.last().unwrap().0 < script.length);
        let market = Market::new(super::super::listing::world(), Arc::new(crate::clock::SystemClock::new(1)), 1);
        assert!(timeline.into_iter().all(|(_, trouble, begins)| turn(&market, trouble, begins).is_ok()));
    }
}
