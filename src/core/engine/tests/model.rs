//! Random sequences against a deliberately naive model, which goes second by second and remembers everything.

use proptest::prelude::*;

use super::*;
use crate::core::engine::mute::MuteInterval;

const WAIT: i64 = 10;
const INTERVAL: i64 = 60;
const REPEAT: i64 = 120;
const FLAPS: usize = 4;
const FLAP_WINDOW: i64 = 200;
const FLAP_HOLD: i64 = 100;
/// The second route is quiet in this part of the run, in seconds from the start.
const MUTED: std::ops::Range<i64> = 240..420;

/// Two names times three symbols; each has its own `for` and `keep_firing_for`.
const KINDS: [(&str, &str, i64, i64); 6] = [
    ("Stale", "A", 0, 0),
    ("Stale", "B", 20, 0),
    ("Stale", "C", 0, 15),
    ("Down", "A", 0, 0),
    ("Down", "B", 5, 30),
    ("Wide", "C", 30, 0),
];

fn labels(kind: usize) -> Labels {
    let (name, symbol, ..) = KINDS[kind];
    Labels::default().with(ALERTNAME, name).with("symbol", symbol)
}

fn policy() -> Policy {
    let span = |secs: i64| Span::from_secs(u64::try_from(secs).unwrap());
    let mut policy = Policy::default();
    policy.root.group_wait = Some(span(WAIT));
    policy.root.group_interval = Some(span(INTERVAL));
    policy.root.repeat_interval = Some(span(REPEAT));
    policy.root.routes = vec![Route {
        matchers: vec![Matcher::equal("symbol", "C")],
        receiver: Some("c".to_owned()),
        group_by: Some(vec!["symbol".to_owned()]),
        mute_time_intervals: vec!["quiet".to_owned()],
        ..Route::default()
    }];
    let quiet = "- times: [{start_time: '08:04', end_time: '08:07'}]";
    policy.mute_time_intervals.insert("quiet".to_owned(), serde_saphyr::from_str::<MuteInterval>(quiet).unwrap());
    policy.inhibit = vec![InhibitRule {
        source_matchers: vec![Matcher::equal(ALERTNAME, "Down")],
        target_matchers: vec![Matcher::equal(ALERTNAME, "Stale")],
        equal: vec!["symbol".to_owned()],
    }];
    policy.flap =
        FlapPolicy { changes: u32::try_from(FLAPS).unwrap(), window: span(FLAP_WINDOW), hold: span(FLAP_HOLD) };
    policy.resolved_retention = span(300);
    policy
}

#[derive(Clone, Debug)]
enum Step {
    On { kind: usize, severity: Severity, value: u8 },
    Off { kind: usize },
    Acknowledge(usize),
    Unacknowledge(usize),
    Silence { symbol: &'static str, delay: u64, length: u64 },
    Unsilence(usize),
    Wait(u64),
    Jump(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let severity = prop_oneof![Just(Severity::Warning), Just(Severity::Critical)];
    prop_oneof![
        6 => (0..KINDS.len(), severity, 0..3u8).prop_map(|(kind, severity, value)| Step::On { kind, severity, value }),
        5 => (0..KINDS.len()).prop_map(|kind| Step::Off { kind }),
        1 => (0..3usize).prop_map(Step::Acknowledge),
        1 => (0..3usize).prop_map(Step::Unacknowledge),
        1 => (prop_oneof![Just("A"), Just("B"), Just("C")], 0..40u64, 1..200u64)
            .prop_map(|(symbol, delay, length)| Step::Silence { symbol, delay, length }),
        1 => (0..3usize).prop_map(Step::Unsilence),
        6 => (1..90u64).prop_map(Step::Wait),
    ]
}

fn jumping() -> impl Strategy<Value = Step> {
    prop_oneof![6 => step(), 1 => (-4000..4000i64).prop_map(Step::Jump)]
}

/// The live engine, and one that comes up from the store again before everything it does.
struct Twins {
    live: World,
    reborn: World,
}

impl Twins {
    fn new() -> Self {
        Self { live: World::new(policy()), reborn: World::new(policy()) }
    }

    fn decide(&mut self, inputs: Vec<Input>) -> Vec<Effect> {
        self.reborn.engine = self.reborn.restarted();
        assert_eq!(self.live.engine.next_deadline(), self.reborn.engine.next_deadline());
        self.reborn.now = self.live.now;
        let effects = self.live.decide(inputs.clone());
        assert_eq!(effects, self.reborn.decide(inputs), "a restart changed what happens");
        assert_eq!(self.live.stored, self.reborn.stored);
        effects
    }

    /// One tick when something is due, and a look that must change nothing when not.
    fn tick(&mut self) -> Vec<Effect> {
        if self.live.engine.next_deadline().is_some_and(|at| at <= self.live.now) {
            return self.decide(vec![Input::Tick]);
        }
        let idle = self.live.engine.decide(vec![Input::Tick], self.live.now, &self.live.ids);
        assert!(idle.changes.is_empty() && idle.effects.is_empty(), "changed before its deadline: {idle:?}");
        Vec::new()
    }

    fn input(&self, step: &Step) -> Option<Input> {
        let group = |n: usize| self.live.engine.open_groups().nth(n).map(|group| group.id.clone());
        let by = ada();
        Some(match step {
            Step::On { kind, severity, value } => {
                let (.., pending, keep) = KINDS[*kind];
                let condition = Condition::Active(Evidence { value: value.to_string(), ..Evidence::default() });
                let span = |secs: i64| Span::from_secs(u64::try_from(secs).unwrap());
                let (pending_for, keep_firing_for) = (span(pending), span(keep));
                Input::Signal(Signal { condition, pending_for, keep_firing_for, ..on(labels(*kind), *severity) })
            }
            Step::Off { kind } => Input::Signal(off(labels(*kind))),
            Step::Acknowledge(n) => Input::Acknowledge { group: group(*n)?, by, comment: String::new() },
            Step::Unacknowledge(n) => Input::Unacknowledge { group: group(*n)?, by },
            Step::Silence { symbol, delay, length } => {
                let starts_at = self.live.now.plus(std::time::Duration::from_secs(*delay));
                let ends_at = starts_at.plus(std::time::Duration::from_secs(*length));
                let matchers = vec![Matcher::equal("symbol", *symbol)];
                Input::Silence { matchers, starts_at: Some(starts_at), ends_at, by, comment: String::new() }
            }
            Step::Unsilence(n) => {
                let silence = self.live.engine.silences(self.live.now).get(*n)?.id.clone();
                Input::Unsilence { silence, by }
            }
            Step::Wait(_) | Step::Jump(_) => return None,
        })
    }
}

/// One alert as the model sees it.
#[derive(Default)]
struct Kind {
    active_since: Option<i64>,
    cleared_at: Option<i64>,
    firing: bool,
    severity: Option<Severity>,
    changes: Vec<i64>,
    flapping: bool,
    untold: Untold,
}

/// Whether readers know that it fires.
#[derive(Clone, Copy, Default)]
enum Untold {
    /// It does not, or nobody is to hear of it.
    #[default]
    No,
    Since(i64),
    Told,
}

/// Times in seconds from the start.
#[derive(Default)]
struct Model {
    kinds: [Kind; KINDS.len()],
    /// Symbol, start, end.
    silences: Vec<(String, i64, i64)>,
    last_loud: BTreeMap<GroupId, i64>,
}

impl Model {
    fn signal(&mut self, kind: usize, active: bool, now: i64) {
        let alert = &mut self.kinds[kind];
        if active == alert.active_since.is_some() {
            return;
        }
        alert.active_since = active.then_some(now);
        alert.cleared_at = (!active).then_some(now);
        if alert.firing && alert.flapping {
            alert.changes.push(now);
        }
    }

    /// Brings every alert up to the second.
    fn advance(&mut self, now: i64) {
        for (alert, (.., pending, keep)) in self.kinds.iter_mut().zip(KINDS) {
            if alert.flapping && alert.changes.last().is_none_or(|last| last + FLAP_HOLD <= now) {
                alert.flapping = false;
                alert.changes.clear();
            }
            let fires = !alert.firing && alert.active_since.is_some_and(|since| since + pending <= now);
            let cleared = alert.cleared_at.is_some_and(|at| at + keep <= now);
            let resolves = alert.firing && !alert.flapping && cleared;
            if fires || resolves {
                alert.changes.push(now);
                let recent = alert.changes.iter().filter(|at| **at > now - FLAP_WINDOW).count();
                alert.flapping = recent >= FLAPS;
                alert.firing = fires || alert.flapping;
            }
        }
    }

    fn suppressed(&self, kind: usize, now: i64) -> bool {
        let (name, symbol, ..) = KINDS[kind];
        let silenced = self.silences.iter().any(|(of, start, end)| of == symbol && (*start..*end).contains(&now));
        let source = |other: usize| self.kinds[other].firing && KINDS[other].0 == "Down" && KINDS[other].1 == symbol;
        silenced || (name == "Stale" && (0..KINDS.len()).any(source))
    }

    fn heard(&self, kind: usize, now: i64) -> bool {
        self.kinds[kind].firing && !self.suppressed(kind, now)
    }

    fn muted(kind: usize, now: i64) -> bool {
        KINDS[kind].1 == "C" && MUTED.contains(&now)
    }

    /// Holds the engine's effects against what may and must be said.
    fn judge(&mut self, world: &World, effects: &[Effect], now: i64) {
        let firing = |kind: usize| world.engine.alert(labels(kind).fingerprint()).is_some_and(Alert::firing);
        for (kind, expected) in self.kinds.iter().enumerate() {
            assert_eq!(firing(kind), expected.firing, "{:?} at {now} s", KINDS[kind]);
        }
        let mut shown = Vec::new();
        for effect in effects {
            let Effect::Show { group, attention, lane } = effect else { continue };
            assert!(!shown.contains(group), "shown twice in one decision");
            shown.push(group.clone());
            let group = world.engine.group(group).unwrap();
            let members: Vec<_> =
                (0..KINDS.len()).filter(|kind| group.alerts.contains(&labels(*kind).fingerprint())).collect();
            if *attention != Attention::Quiet {
                assert!(members.iter().any(|kind| self.heard(*kind, now)), "{attention:?} with nobody to speak of");
                assert!(!members.iter().any(|kind| Self::muted(*kind, now)), "{attention:?} while muted");
                let worst = members
                    .iter()
                    .filter(|kind| self.heard(**kind, now))
                    .filter_map(|kind| self.kinds[*kind].severity)
                    .max();
                assert!(Some(*lane) >= worst, "{worst:?} in the lane of {lane}");
                let last = self.last_loud.insert(group.id.clone(), now);
                assert!(
                    *attention != Attention::Repeat || group.acknowledged.is_none(),
                    "repeated though acknowledged"
                );
                assert!(
                    *attention != Attention::Repeat || last.is_some_and(|last| now - last >= REPEAT),
                    "repeated early"
                );
            }
            // A quiet edit shows all members, but only a flush announces them.
            for kind in members.into_iter().filter(|kind| group.delivery.shown.contains(&labels(*kind).fingerprint())) {
                self.kinds[kind].untold = Untold::Told;
            }
        }
        for kind in 0..KINDS.len() {
            let (heard, muted) = (self.heard(kind, now), Self::muted(kind, now));
            self.kinds[kind].wait(heard, muted, now);
        }
    }
}

impl Kind {
    fn wait(&mut self, heard: bool, muted: bool, now: i64) {
        self.untold = match self.untold {
            _ if !heard => Untold::No,
            Untold::No => Untold::Since(now),
            Untold::Since(_) if muted => Untold::Since(now),
            Untold::Since(since) if now - since > WAIT + INTERVAL => {
                panic!("not told within group_wait and group_interval")
            }
            untold => untold,
        };
    }
}

fn run(steps: Vec<Step>) {
    let mut twins = Twins::new();
    let mut model = Model::default();
    let seconds = |world: &World| world.now.as_secs() - START;
    for step in steps {
        let wait = if let Step::Wait(secs) = step { secs } else { 0 };
        if let Some(input) = twins.input(&step) {
            let now = seconds(&twins.live);
            match &step {
                Step::On { kind, severity, .. } => {
                    model.kinds[*kind].severity = Some(*severity);
                    model.signal(*kind, true, now);
                }
                Step::Off { kind } => model.signal(*kind, false, now),
                Step::Silence { symbol, delay, length } => {
                    let start = now + i64::try_from(*delay).unwrap();
                    model.silences.push(((*symbol).to_owned(), start, start + i64::try_from(*length).unwrap()));
                }
                Step::Unsilence(n) => {
                    let ahead = model.silences.iter_mut().filter(|(.., end)| *end > now);
                    ahead.skip(*n).take(1).for_each(|(_, start, end)| (*start, *end) = (now, now));
                }
                Step::Acknowledge(_) | Step::Unacknowledge(_) | Step::Wait(_) | Step::Jump(_) => {}
            }
            model.advance(now);
            let effects = twins.decide(vec![input]);
            model.judge(&twins.live, &effects, now);
        }
        for _ in 0..wait {
            twins.live.now = twins.live.now.plus(std::time::Duration::from_secs(1));
            let effects = twins.tick();
            let now = seconds(&twins.live);
            model.advance(now);
            model.judge(&twins.live, &effects, now);
        }
    }
}

fn run_with_jumps(steps: Vec<Step>) {
    let mut twins = Twins::new();
    let pass = |twins: &mut Twins, secs: u64| {
        for _ in 0..secs {
            twins.live.now = twins.live.now.plus(std::time::Duration::from_secs(1));
            twins.tick();
        }
    };
    for step in steps {
        match step {
            Step::Wait(secs) => pass(&mut twins, secs),
            Step::Jump(secs) => {
                twins.live.now = Timestamp::from_secs(twins.live.now.as_secs() + secs);
                twins.decide(vec![Input::Tick]);
            }
            step => {
                if let Some(input) = twins.input(&step) {
                    twins.decide(vec![input]);
                }
            }
        }
    }
    // Past the muted minutes and every silence, nothing that fires is left untold.
    let morning = Timestamp::from_secs(START + 86_400);
    twins.live.now = twins.live.now.max(morning);
    twins.decide(vec![Input::Tick]);
    pass(&mut twins, 100);
    let engine = &twins.live.engine;
    for alert in engine.alerts().filter(|alert| alert.firing() && !engine.suppression(alert).suppressed()) {
        let told = engine.groups_of(alert.fingerprint()).all(|g| g.delivery.shown.contains(&alert.fingerprint()));
        assert!(told && engine.groups_of(alert.fingerprint()).next().is_some(), "{} was lost", alert.labels);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_what_a_naive_model_allows_and_demands(steps in prop::collection::vec(step(), 1..60)) {
        run(steps);
    }

    #[test]
    fn jumping_clocks_and_restarts_lose_nothing(steps in prop::collection::vec(jumping(), 1..50)) {
        run_with_jumps(steps);
    }
}
