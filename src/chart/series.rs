//! Several lines in one picture: what a query found.

use plotters::prelude::*;

use super::axis::{PriceAxis, TimeAxis};
use super::{Area, ChartError, Marks, Sample, empty, font, framed, heading, picture, samples};
use crate::core::time::Timestamp;

/// Told apart by people who do not see every colour, as far as ten can be (Tableau's ten).
const COLOURS: [RGBColor; 10] = [
    RGBColor(0x4e, 0x79, 0xa7),
    RGBColor(0xf2, 0x8e, 0x2b),
    RGBColor(0xe1, 0x57, 0x59),
    RGBColor(0x76, 0xb7, 0xb2),
    RGBColor(0x59, 0xa1, 0x4f),
    RGBColor(0xed, 0xc9, 0x48),
    RGBColor(0xb0, 0x7a, 0xa1),
    RGBColor(0xff, 0x9d, 0xa7),
    RGBColor(0x9c, 0x75, 0x5f),
    RGBColor(0xba, 0xb0, 0xac),
];

/// The colour of the `nth` line, as a word for those who read the figures beside the picture.
#[must_use]
pub const fn colour_name(nth: usize) -> &'static str {
    const NAMES: [&str; 10] = ["blue", "orange", "red", "teal", "green", "yellow", "purple", "pink", "brown", "grey"];
    NAMES[nth % NAMES.len()]
}

/// Draws `lines` (any order, any values) as an 800×300 PNG.
///
/// # Errors
/// When the drawing or encoding library refuses; no input is known to make them.
pub fn series_chart(lines: &[Vec<(Timestamp, f64)>], title: &str) -> Result<Vec<u8>, ChartError> {
    font()?;
    picture(|area| draw(area, lines, title))
}

fn draw(area: &Area, lines: &[Vec<(Timestamp, f64)>], title: &str) -> Result<(), ChartError> {
    heading(area, title, "")?;
    let sample = |(at, value): &(Timestamp, f64)| Sample { at: *at, price: *value, conf: 0.0 };
    let lines: Vec<Vec<Sample>> =
        lines.iter().map(|line| samples::usable(&line.iter().map(sample).collect::<Vec<_>>())).collect();
    let all: Vec<Sample> = lines.iter().flatten().copied().collect();
    let (first, last) = (all.iter().map(|one| one.at).min(), all.iter().map(|one| one.at).max());
    let (Some(first), Some(last)) = (first, last) else {
        return empty(area, "nothing in this window");
    };
    let marks = Marks::default();
    let values = PriceAxis(samples::price_range(&all, &marks));
    let times = TimeAxis(samples::time_range(first, last, &marks));
    let mut chart = framed(area, &times, &values, None)?;
    for (nth, line) in lines.iter().enumerate() {
        let colour = COLOURS[nth % COLOURS.len()];
        for run in samples::runs(line) {
            let points: Vec<_> = run.iter().map(|one| (one.at.as_millis(), one.price)).collect();
            if let [only] = points[..] {
                chart.draw_series([Circle::new(only, 8, colour.filled())])?;
            }
            chart.draw_series(LineSeries::new(points, colour.stroke_width(4)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(from: i64, value: f64) -> Vec<(Timestamp, f64)> {
        let point = |minute: i32| (Timestamp::from_secs(from + i64::from(minute) * 60), value + f64::from(minute % 7));
        (0..60).map(point).collect()
    }

    /// Width and height as the PNG says, and how many different colours are in it.
    fn seen(png: &[u8]) -> (u32, u32, usize) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let colours: std::collections::BTreeSet<_> = pixels.chunks_exact(3).map(<[u8]>::to_vec).collect();
        (info.width, info.height, colours.len())
    }

    #[test]
    fn several_lines_are_one_picture_and_nothing_is_one_too() {
        let two = seen(&series_chart(&[line(1_796_000_000, 10.0), line(1_796_000_000, 40.0)], "Lag").unwrap());
        assert_eq!((two.0, two.1), (800, 300));
        let none = seen(&series_chart(&[], "Lag").unwrap());
        assert!(two.2 > none.2, "{two:?} {none:?}");
        let odd = vec![(Timestamp::from_secs(0), f64::NAN), (Timestamp::from_secs(1), 1e300)];
        assert!(series_chart(&[odd, vec![(Timestamp::from_secs(5), 1.0)]], "Odd").is_ok());
    }
}
