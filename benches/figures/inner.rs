//! Parts by themselves, in this process: the chart, the detectors, the engine, the store.

use tokio::runtime::Runtime;
use watchkeeper::chart::{self, Marks};
use watchkeeper::clock::Ulids;
use watchkeeper::core::audit::Record;
use watchkeeper::core::decimal::Decimal;
use watchkeeper::core::detect::{Rules, Watch};
use watchkeeper::core::engine::{Engine, Input, Policy, Snapshot};
use watchkeeper::core::feed::{Feed, Observation, PriceUpdate};
use watchkeeper::core::ids::Actor;
use watchkeeper::core::label::Labels;
use watchkeeper::core::market::MarketHours;
use watchkeeper::core::severity::Severity;
use watchkeeper::core::signal::{Condition, Evidence, Signal};
use watchkeeper::core::time::{Span, Timestamp};
use watchkeeper::store::intake::{Intake, NewInput};
use watchkeeper::store::{Settings, Store, audit};

use crate::{spread, start};

const BEGAN: Timestamp = Timestamp::from_secs(1_795_521_600);

pub fn measure(runtime: &Runtime) {
    charts();
    detectors();
    engine();
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    runtime.block_on(store(&format!("sqlite:{}", directory.path().join("inner").display())));
}

fn charts() {
    let mut rng = fastrand::Rng::with_seed(7);
    let sample = |place: i64| chart::Sample {
        at: Timestamp::from_secs(BEGAN.as_secs() + place * 30),
        price: 150.0 + rng.f64(),
        conf: 0.1,
    };
    let samples: Vec<chart::Sample> = (0..120).map(sample).collect();
    let marks = Marks { incident_at: Some(samples[100].at), ..Marks::default() };
    let mut millis: Vec<f64> = (0..100)
        .map(|_| {
            let started = start();
            assert!(!chart::price_chart(&samples, "SOL/USD", &marks).unwrap().is_empty());
            started.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    println!("chart of an hour (120 samples) drawn and encoded: {}", spread("ms", &mut millis));
}

fn detectors() {
    const FEEDS: usize = 500;
    const ROUNDS: i64 = 2000;
    let feeds: Vec<Feed> = (0..FEEDS)
        .map(|number| Feed {
            id: format!("{number:064x}").parse().unwrap(),
            symbol: format!("Crypto.S{number:04}/USD"),
            asset_class: "crypto".to_owned(),
            description: String::new(),
            hours: MarketHours::Always,
        })
        .collect();
    let mut watch = Watch::new(Rules::default());
    let _none = watch.handle(&Observation::Catalogue { source: "hermes".to_owned(), feeds: feeds.clone() }, BEGAN);
    let mut rng = fastrand::Rng::with_seed(7);
    let mut signals = 0;
    let mut spent = std::time::Duration::ZERO;
    for round in 0..ROUNDS {
        let now = Timestamp::from_millis(BEGAN.as_millis() + round * 400);
        let prices: Vec<Observation> = feeds
            .iter()
            .map(|feed| {
                let price = Decimal::new(10_000_000_000 + rng.i64(-1_000_000..1_000_000), -8);
                let update = PriceUpdate { feed: feed.id, price, conf: Decimal::new(4_000_000, -8), publish_time: now };
                Observation::Price { source: "hermes".to_owned(), update }
            })
            .collect();
        let started = start();
        for price in &prices {
            signals += watch.handle(price, now).len();
        }
        spent += started.elapsed();
    }
    let prices = ROUNDS as f64 * FEEDS as f64;
    println!(
        "all rules on one price: {:.2} us (mean of {prices} over {FEEDS} feeds, {signals} signals)",
        spent.as_secs_f64() * 1e6 / prices
    );
}

fn engine() {
    let signal = |number: usize| {
        let labels: Labels = [
            ("alertname", "FeedStale".to_owned()),
            ("symbol", format!("Crypto.S{number:04}/USD")),
            ("feed", format!("{number:064x}")),
            ("asset_class", "crypto".to_owned()),
            ("source", "hermes".to_owned()),
        ]
        .into_iter()
        .collect();
        let evidence = Evidence {
            summary: format!("S{number:04}/USD has not updated for 95 s"),
            value: "95 s".to_owned(),
            threshold: "60 s".to_owned(),
            cause: None,
            ..Evidence::default()
        };
        let at_once = Span::from_secs(0);
        let condition = Condition::Active(evidence);
        Input::Signal(Signal {
            labels,
            severity: Severity::Warning,
            condition,
            pending_for: at_once,
            keep_firing_for: at_once,
        })
    };
    let ids = Ulids::from_seed(1);
    let (mut decided, mut applied) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        let mut engine = Engine::new(Policy::default(), Snapshot::default());
        let signals: Vec<Input> = (0..500).map(signal).collect();
        let started = start();
        let decision = engine.decide(signals, BEGAN, &ids);
        decided.push(started.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(decision.changes.alerts.len(), 500);
        let started = start();
        engine.apply(&decision.changes);
        applied.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    println!(
        "engine, 500 alerts begin at once: decide {}; apply {}",
        spread("ms", &mut decided),
        spread("ms", &mut applied)
    );
}

async fn store(url: &str) {
    let store = Store::connect(&Settings::new(url.to_owned())).await.unwrap();
    store.migrate().await.unwrap();
    for callers in [1, 16, 256] {
        let rate = receives_per_second(&store, callers).await;
        println!("inputs taken in by {callers} callers at once: {rate:.0}/s");
    }
    let record = Record {
        at: BEGAN,
        actor: Actor::System,
        action: "alert.fired".to_owned(),
        subject: "alert/17".to_owned(),
        detail: r#"{"symbol":"Crypto.SOL/USD","severity":"warning"}"#.to_owned(),
    };
    let batch = vec![record; 100];
    for _ in 0..500 {
        let mut tx = store.begin().await.unwrap();
        audit::append(&mut tx, &batch).await.unwrap();
        tx.commit().await.unwrap();
    }
    let started = start();
    let rows = audit::verify(&store, &[]).await.unwrap().rows;
    println!("audit verify: {:.0} entries/s ({rows} entries)", rows as f64 / started.elapsed().as_secs_f64());
}

async fn receives_per_second(store: &Store, callers: usize) -> f64 {
    const EACH: usize = 500;
    let intake = Intake::start(store.clone());
    let started = start();
    let calling = (0..callers).map(|caller| {
        let intake = intake.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                let key = format!("{callers}/{caller}/{number}");
                let (kind, payload) = ("event".to_owned(), "x".repeat(1500));
                intake.receive(NewInput { key, kind, payload, received_at: BEGAN, done: false }).await.unwrap();
            }
        })
    });
    for call in calling.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    (callers * EACH) as f64 / started.elapsed().as_secs_f64()
}
