//! What goes wrong by itself in the demo, and when it heals.

use std::sync::Arc;
use std::time::Duration;

use super::market::{Market, UnknownSymbol};

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

/// An incident with its time, counted from the start of a run of the script.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scene {
    pub at: Duration,
    pub lasts: Duration,
    /// Ignored by an outage.
    pub symbol: &'static str,
    pub incident: Incident,
}

/// Scenes that repeat every `length`.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub scenes: Vec<Scene>,
    pub length: Duration,
}

impl Script {
    /// One of each kind, the first after 20 s, everything healed again before it starts over after ten minutes.
    #[must_use]
    pub fn demo() -> Self {
        let secs = Duration::from_secs;
        let scene = |at, lasts, symbol, incident| Scene { at: secs(at), lasts: secs(lasts), symbol, incident };
        Self {
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

    /// Every beginning and end in order of time.
    fn timeline(&self) -> Vec<(Duration, Scene, bool)> {
        let both = |scene: &Scene| [(scene.at, *scene, true), (scene.at + scene.lasts, *scene, false)];
        let mut timeline: Vec<_> = self.scenes.iter().flat_map(both).collect();
        timeline.sort_by_key(|(at, _, begins)| (*at, !*begins));
        timeline
    }
}

/// Plays the script over and over, on the market's clock.
pub(super) async fn play(market: Arc<Market>, script: Script) {
    loop {
        let mut played = Duration::ZERO;
        for (at, scene, begins) in script.timeline() {
            market.clock.sleep(at.saturating_sub(played)).await;
            played = at;
            if let Err(error) = turn(&market, scene, begins) {
                tracing::warn!("{error}");
            }
        }
        market.clock.sleep(script.length.saturating_sub(played)).await;
    }
}

fn turn(market: &Market, scene: Scene, begins: bool) -> Result<(), UnknownSymbol> {
    match (scene.incident, begins) {
        (Incident::Outage, begins) => {
            market.outage(begins);
            Ok(())
        }
        (Incident::Jump(_), false) => Ok(()),
        (Incident::Stale | Incident::DecimalSlip(_) | Incident::Wide(_), false) => market.heal(scene.symbol),
        (Incident::Stale, true) => market.stale(scene.symbol),
        (Incident::DecimalSlip(factor), true) => market.decimal_slip(scene.symbol, factor),
        (Incident::Wide(factor), true) => market.wide(scene.symbol, factor),
        (Incident::Jump(percent), true) => market.jump(scene.symbol, percent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_heals_everything_before_it_starts_over() {
        let script = Script::demo();
        let timeline = script.timeline();
        assert_eq!(timeline.first().unwrap().0, Duration::from_secs(20));
        assert!(timeline.last().unwrap().0 < script.length);
        let market = Market::new(super::super::listing::world(), Arc::new(crate::clock::SystemClock::new(1)), 1);
        assert!(timeline.into_iter().all(|(_, scene, begins)| turn(&market, scene, begins).is_ok()));
    }
}
