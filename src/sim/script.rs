//! Incidents of the demo: what goes wrong by itself, when, and when it heals.

use std::time::Duration;

use crate::clock::SharedClock;

/// An incident with its time, counted from the start of a run of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene<I> {
    pub at: Duration,
    pub lasts: Duration,
    pub incident: I,
}

/// Scenes that repeat every `length`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script<I> {
    pub scenes: Vec<Scene<I>>,
    pub length: Duration,
}

impl<I: Copy> Script<I> {
    /// Every beginning (true) and end in order of time.
    pub(super) fn timeline(&self) -> Vec<(Duration, I, bool)> {
        let both =
            |scene: &Scene<I>| [(scene.at, scene.incident, true), (scene.at + scene.lasts, scene.incident, false)];
        let mut timeline: Vec<_> = self.scenes.iter().flat_map(both).collect();
        timeline.sort_by_key(|(at, _, begins)| (*at, !*begins));
        timeline
    }

    /// Plays it over and over on `clock`; `turn` makes each incident begin and end.
    pub(super) async fn play(self, clock: SharedClock, mut turn: impl FnMut(I, bool)) {
        loop {
            let mut played = Duration::ZERO;
            for (at, incident, begins) in self.timeline() {
                clock.sleep(at.saturating_sub(played)).await;
                played = at;
                turn(incident, begins);
            }
            clock.sleep(self.length.saturating_sub(played)).await;
        }
    }
}
