use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { floor_bps: 300, hold: Duration::from_mins(1), negative_prices: false, moves: true };

/// A feed with one price a second, whose returns have heavy tails (Student's t with three degrees of freedom).
struct Tape {
    rng: fastrand::Rng,
    jump: Jump,
    ln: f64,
    now: Timestamp,
}

impl Tape {
    fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            jump: Jump::default(),
            ln: 143.2f64.ln(),
            now: Timestamp::from_secs(0),
        }
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.rng.f64()).sum::<f64>() - 6.0
    }

    /// One second and one ordinary return of about `scale` on.
    fn walk(&mut self, scale: f64) {
        let chi: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.ln += scale * self.normal() / (chi / 3.0).sqrt().max(0.05);
        self.now = self.now.plus(Duration::from_secs(1));
    }

    #[expect(clippy::cast_possible_truncation, reason = "test prices are small")]
    fn publish(&mut self, factor: f64) -> bool {
        let price = Decimal::new((self.ln.exp() * factor * 1e8).round() as i64, -8);
        self.jump.observe(price, self.now, self.now, LIMITS)
    }

    fn walked(seed: u64, prices: u32) -> Self {
        let mut tape = Self::new(seed);
        for _ in 0..prices {
            tape.walk(0.0002);
            tape.publish(1.0);
        }
        tape
    }

    fn kind(&mut self) -> Option<Kind> {
        self.jump.showing(self.now, LIMITS.hold).map(|shown| shown.kind)
    }
}

#[test]
fn ordinary_noise_over_20_000_prices_is_hardly_ever_a_jump() {
    for seed in 0..5 {
        let mut tape = Tape::new(seed);
        let jumps = (0..20_000).filter(|_| {
            tape.walk(0.0005);
            tape.publish(1.0)
        });
        let jumps = jumps.count();
        assert!(jumps <= 2, "seed {seed}: {jumps}");
    }
}

#[test]
fn a_small_step_of_a_volatile_feed_is_no_jump() {
    let mut tape = Tape::new(1);
    for _ in 0..500 {
        tape.walk(0.01);
        tape.publish(1.0);
    }
    tape.jump.shown = None;
    assert!(!tape.publish(1.05));
}

#[test]
fn a_slip_is_told_with_its_factor_until_the_price_is_back() {
    let mut tape = Tape::walked(7, 100);
    tape.walk(0.0);
    assert!(tape.publish(100.0));
    assert_eq!(tape.kind(), Some(Kind::Slip(2)));
    for _ in 0..90 {
        tape.walk(0.0);
        assert!(!tape.publish(100.0));
    }
    assert_eq!(tape.kind(), Some(Kind::Slip(2)), "still off");
    tape.walk(0.0);
    assert!(!tape.publish(1.0));
    let evidence = tape.jump.shown.unwrap().evidence("SOL/USD", None);
    assert_eq!(evidence.cause.unwrap(), "decimal slip (x100), back after 1 min 31 s");
    assert!(evidence.summary.starts_with("SOL/USD slipped x100: 14"), "{}", evidence.summary);
    tape.now = tape.now.plus(Duration::from_mins(1));
    assert_eq!(tape.kind(), None);
}

#[test]
fn a_jump_spread_over_quick_updates_is_one() {
    let mut tape = Tape::walked(3, 100);
    for _ in 0..4 {
        tape.ln += 0.02;
        tape.now = tape.now.plus(Duration::from_secs(1));
        tape.publish(1.0);
    }
    assert_eq!(tape.kind(), Some(Kind::Move));
}

#[test]
fn a_price_of_zero_or_less_is_told_at_once_where_it_cannot_be() {
    let mut tape = Tape::walked(3, 2);
    assert!(tape.jump.observe(Decimal::new(0, -8), tape.now, tape.now, LIMITS));
    assert_eq!(tape.kind(), Some(Kind::NotPositive));
    let mut rates = Tape::walked(3, 2);
    let legal = Limits { negative_prices: true, ..LIMITS };
    assert!(!rates.jump.observe(Decimal::new(-5, -1), rates.now, rates.now, legal));
    assert_eq!(rates.kind(), None);
}

#[test]
fn a_clock_that_went_back_does_not_stretch_a_jump() {
    let mut tape = Tape::walked(7, 100);
    tape.publish(100.0);
    tape.now = tape.now.minus(Duration::from_hours(1));
    assert!(tape.kind().is_some());
    tape.now = tape.now.plus(Duration::from_mins(1));
    assert!(tape.kind().is_none());
}

proptest! {
    #[test]
    fn a_slip_of_any_power_is_caught_by_its_first_price(
        seed: u64, warm in 50u32..300, power in 1i32..=6, down: bool, noise in -0.05f64..0.05,
    ) {
        let mut tape = Tape::walked(seed, warm);
        tape.walk(0.0);
        // Down to a millionth, a price of 143.2 still has digits left.
        let power = if down { -power } else { power };
        prop_assert!(tape.publish(10f64.powi(power) * noise.exp()));
        prop_assert_eq!(tape.kind(), Some(Kind::Slip(power)));
    }

    #[test]
    fn the_scale_follows_the_mean_absolute_return(seed: u64, scale in 0.0002f64..0.005) {
        let mut tape = Tape::new(seed);
        let mut sizes = Vec::new();
        for _ in 0..400 {
            let before = tape.ln;
            tape.ln += scale * tape.normal();
            tape.now = tape.now.plus(Duration::from_secs(1));
            tape.publish(1.0);
            sizes.push((tape.ln - before).abs());
        }
        let recent = &sizes[sizes.len() - 256..];
        let mean = recent.iter().sum::<f64>() / 256.0;
        prop_assert!((0.6..1.67).contains(&(tape.jump.scale / mean)), "{} {mean}", tape.jump.scale);
    }
}
