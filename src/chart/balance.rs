//! A wallet's past and where it leads: the balance, its limits, and a dashed line to the moment it is empty.

use super::axis::{PriceAxis, TimeAxis};
use super::{
    Area, Chart, ChartError, LABEL_SIZE, PRICE, Sample, TROUBLE, Threshold, anchor, began, empty, font, framed,
    heading, label_style, limit, picture, samples,
};
use crate::core::time::Timestamp;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

/// An amount at a time, in whole coins.
pub type Point = (Timestamp, f64);

/// What is drawn of a wallet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Balance {
    /// In any order.
    pub points: Vec<Point>,
    /// From the last balance to where it leads.
    pub forecast: Option<[Point; 2]>,
    pub limits: Vec<Threshold>,
    /// What it holds now, in words.
    pub latest: String,
    /// When the alert began: everything after it is shaded.
    pub alert_at: Option<Timestamp>,
}

/// Draws `balance` as an 800×300 PNG.
///
/// # Errors
/// When the drawing or encoding library refuses; no input is known to make them.
pub fn balance_chart(balance: &Balance, title: &str) -> Result<Vec<u8>, ChartError> {
    font()?;
    picture(|area| draw(area, balance, title))
}

fn draw(area: &Area, balance: &Balance, title: &str) -> Result<(), ChartError> {
    heading(area, title, &balance.latest)?;
    let sample = |(at, price): &Point| Sample { at: *at, price: *price, conf: 0.0 };
    let points = samples::usable(&balance.points.iter().map(sample).collect::<Vec<_>>());
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return empty(area, "no balance was read yet");
    };
    let ends = balance.forecast.map_or(last.at, |[_, (at, _)]| at.max(last.at));
    let times = TimeAxis(samples::time_range(first.at, ends, &super::Marks::default()));
    let top = points.iter().map(|point| point.price).fold(0.0, f64::max);
    let near = |limit: &&Threshold| limit.price.is_finite() && limit.price > 0.0 && limit.price < top * 1.6;
    let top = balance.limits.iter().filter(near).map(|limit| limit.price).fold(top, f64::max);
    // A little room under the ground, where the mark for zero would run into the times.
    let top = (top * 1.15).max(1e-9);
    let amounts = PriceAxis(top * -0.06..top);
    let mut chart = framed(area, &times, &amounts, balance.alert_at)?;
    for threshold in balance.limits.iter().filter(near) {
        limit(&mut chart, &times, threshold)?;
    }
    let line = points.iter().map(|point| (point.at.as_millis(), point.price));
    let ground = [(last.at.as_millis(), 0.0), (first.at.as_millis(), 0.0)];
    chart.draw_series([Polygon::new(line.clone().chain(ground).collect::<Vec<_>>(), PRICE.mix(0.12))])?;
    chart.draw_series(LineSeries::new(line, PRICE.stroke_width(5)))?;
    if let Some(forecast) = balance.forecast {
        leads_to(&mut chart, &times, forecast)?;
    }
    if let Some(at) = balance.alert_at {
        began(&mut chart, &times, &amounts, at)?;
    }
    Ok(())
}

/// The dashed line, and when it reaches the ground.
fn leads_to(chart: &mut Chart, times: &TimeAxis, [from, to]: [Point; 2]) -> Result<(), ChartError> {
    let ends = [from, to].map(|(at, amount)| (at.as_millis(), amount));
    chart.draw_series(DashedLineSeries::new(ends, 14, 12, TROUBLE.stroke_width(5)))?;
    if to.1 <= 0.0 {
        let style = label_style(LABEL_SIZE * 4 / 5, TROUBLE).pos(anchor(HPos::Right, VPos::Bottom));
        let text = format!("empty {}", times.minute(ends[1].0));
        chart.draw_series([EmptyElement::at(ends[1]) + Text::new(text, (-8, -40), style)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_secs(1_796_000_000).plus(Duration::from_mins(minutes))
    }

    fn drawn(balance: &Balance) -> Vec<u8> {
        let bytes = balance_chart(balance, "pusher").unwrap();
        assert_eq!(&bytes[1..4], b"PNG");
        bytes
    }

    #[test]
    fn a_forecast_changes_the_picture() {
        let points: Vec<Point> = (0..120u8).map(|n| (at(u64::from(n) * 10), 12.0 - f64::from(n) * 0.07)).collect();
        let last = points[119];
        let limits = vec![Threshold { price: 5.0, label: "critical".to_owned() }];
        let without =
            Balance { points, limits, latest: "3.67 SOL · 8 h 40 min left".to_owned(), ..Balance::default() };
        let with = Balance { forecast: Some([last, (at(1800), 0.0)]), alert_at: Some(at(1000)), ..without.clone() };
        assert_ne!(drawn(&without), drawn(&with));
    }

    #[test]
    fn nothing_and_nonsense_are_drawn_too() {
        drawn(&Balance::default());
        let odd = [(at(0), f64::NAN), (at(0), f64::INFINITY), (at(1), 0.0)];
        drawn(&Balance { points: odd.to_vec(), ..Balance::default() });
        drawn(&Balance { points: vec![(at(0), 0.0), (at(1), 0.0)], ..Balance::default() });
    }
}
