use proptest::prelude::*;

use super::*;

fn walk(count: i64, price: f64, wobble: f64) -> Vec<Sample> {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut price = price;
    (0..count)
        .map(|second| {
            price += (rng.f64() - 0.5) * wobble;
            Sample { at: Timestamp::from_secs(1_796_000_000 + second * 5), price, conf: wobble * (0.5 + rng.f64()) }
        })
        .collect()
}

fn dimensions(png: &[u8]) -> (u32, u32) {
    let reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    (reader.info().width, reader.info().height)
}

#[test]
fn a_chart_is_a_small_png_of_the_promised_size() {
    let png = price_chart(&walk(360, 152.3, 0.08), "SOL/USD", &Marks::default()).unwrap();
    assert_eq!(dimensions(&png), (WIDTH, HEIGHT));
    assert!(png.len() < 60_000, "{} bytes", png.len());
}

#[test]
fn no_one_and_flat_samples_are_charts_too() {
    let flat = vec![Sample { at: Timestamp::from_secs(5), price: 1.0, conf: 0.0 }; 3];
    for samples in [&[][..], &flat[..1], &flat] {
        assert!(price_chart(samples, "SOL/USD", &Marks::default()).is_ok());
    }
}

#[test]
fn the_incident_changes_the_picture() {
    let samples = walk(60, 152.3, 0.08);
    let marks = Marks { incident_at: Some(samples[40].at), ..Marks::default() };
    let quiet = price_chart(&samples, "SOL/USD", &Marks::default()).unwrap();
    assert_ne!(price_chart(&samples, "SOL/USD", &marks).unwrap(), quiet);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_numbers_at_all_can_be_drawn(
        values in prop::collection::vec((any::<i64>(), any::<f64>(), any::<f64>()), 0..6),
        limit in any::<f64>(),
        incident in any::<i64>(),
        title in any::<String>(),
    ) {
        let samples: Vec<_> = values
            .into_iter()
            .map(|(at, price, conf)| Sample { at: Timestamp::from_millis(at), price, conf })
            .collect();
        let marks = Marks {
            thresholds: vec![Threshold { price: limit, label: title.clone() }],
            incident_at: Some(Timestamp::from_millis(incident)),
            until: Some(Timestamp::from_millis(incident)),
        };
        prop_assert!(price_chart(&samples, &title, &marks).is_ok());
    }
}
