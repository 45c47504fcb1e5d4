//! Price charts as PNG: the price, its confidence band, the thresholds and the moment trouble began.

mod axis;
mod balance;
mod samples;
pub mod series;

use std::ops::Range;
use std::sync::LazyLock;

use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use crate::core::time::Timestamp;
use axis::{PriceAxis, TimeAxis};

pub use balance::{Balance, balance_chart};

/// One point of the price line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub at: Timestamp,
    pub price: f64,
    /// Half-width of the confidence interval, in the price's unit.
    pub conf: f64,
}

/// What is drawn besides the prices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks {
    /// Horizontal lines, drawn when they lie near the prices; one far away would flatten the price line.
    pub thresholds: Vec<Threshold>,
    /// When the incident began: everything after it is shaded.
    pub incident_at: Option<Timestamp>,
    /// The right end of the time axis, when later than the last sample: a stale feed shows as empty space.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    pub price: f64,
    pub label: String,
}

/// Why there is no chart. The message goes out without one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    #[error("the chart could not be drawn: {0}")]
    Draw(String),
    #[error("the chart could not be encoded as PNG: {0}")]
    Encode(String),
}

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for ChartError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self::Draw(error.to_string())
    }
}

const WIDTH: u32 = 800;
const HEIGHT: u32 = 300;
/// Drawn this much larger and averaged down: plotters' bitmaps have hard edges.
const OVERSAMPLING: u32 = 2;

/// In drawn (oversampled) pixels. A phone shows the picture at less than half its width.
const LABEL_SIZE: u32 = 44;
const TITLE_SIZE: u32 = 52;

const FONT: &str = "DejaVu Sans";
const TEXT: RGBColor = RGBColor(0x1d, 0x1c, 0x1d);
const QUIET: RGBColor = RGBColor(0x61, 0x60, 0x61);
const GRID: RGBColor = RGBColor(0xe4, 0xe4, 0xe4);
const PRICE: RGBColor = RGBColor(0x12, 0x64, 0xa3);
const LIMIT: RGBColor = RGBColor(0x8a, 0x5a, 0x00);
const TROUBLE: RGBColor = RGBColor(0xa3, 0x02, 0x00);

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, BitMapBackend<'b>, Cartesian2d<TimeAxis, PriceAxis>>;

/// Draws `samples` (any order, any values) as an 800×300 PNG.
///
/// # Errors
/// When the drawing or encoding library refuses; no input is known to make them.
pub fn price_chart(samples: &[Sample], title: &str, marks: &Marks) -> Result<Vec<u8>, ChartError> {
    font()?;
    picture(|area| draw(area, &samples::usable(samples), title, marks))
}

fn picture(draw: impl FnOnce(&Area) -> Result<(), ChartError>) -> Result<Vec<u8>, ChartError> {
    let (width, height) = (WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING);
    let mut pixels = vec![0; (width * height * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        area.fill(&WHITE)?;
        draw(&area)?;
        area.present()?;
    }
    encode(&averaged(&pixels))
}

fn font() -> Result<(), ChartError> {
    static REGISTERED: LazyLock<bool> = LazyLock::new(|| {
        let font = include_bytes!("../../assets/DejaVuSans-subset.ttf");
        register_font(FONT, FontStyle::Normal, font).is_ok()
    });
    if *REGISTERED { Ok(()) } else { Err(ChartError::Draw("the built-in font is not readable".to_owned())) }
}

fn draw(area: &Area, samples: &[Sample], title: &str, marks: &Marks) -> Result<(), ChartError> {
    if let (Some(first), Some(last)) = (samples.first(), samples.last()) {
        return draw_prices(area, samples, title, marks, samples::time_range(first.at, last.at, marks));
    }
    heading(area, title, "")?;
    empty(area, "no prices in this window")
}

/// In place of a chart: why there is nothing to draw.
fn empty(area: &Area, why: &'static str) -> Result<(), ChartError> {
    let (width, height) = area.dim_in_pixel();
    let style = label_style(LABEL_SIZE, QUIET).pos(anchor(HPos::Center, VPos::Center));
    area.draw(&Text::new(why, pixel(width / 2, height / 2), style))?;
    Ok(())
}

/// The chart before its lines: room for a heading, labels and grid; everything after `since` shaded.
fn framed<'a, 'b>(
    area: &'a Area<'b>,
    times: &TimeAxis,
    values: &PriceAxis,
    since: Option<Timestamp>,
) -> Result<Chart<'a, 'b>, ChartError> {
    let label_width = LABEL_SIZE * 3 / 5 * u32::try_from(values.widest_label()).unwrap_or(0) + 16;
    let mut chart = ChartBuilder::on(area)
        .margin_top(96)
        .margin_right(24)
        .margin_bottom(4)
        .set_label_area_size(LabelAreaPosition::Left, label_width)
        .set_label_area_size(LabelAreaPosition::Bottom, 64)
        .build_cartesian_2d(times.clone(), values.clone())?;
    if let Some(at) = since {
        shade(&mut chart, times, values, at)?;
    }
    grid(&mut chart, times, values)?;
    area.draw(&Text::new("UTC", pixel(20, HEIGHT * OVERSAMPLING - 60), label_style(LABEL_SIZE, QUIET)))?;
    Ok(chart)
}

fn draw_prices(
    area: &Area,
    samples: &[Sample],
    title: &str,
    marks: &Marks,
    times: Range<i64>,
) -> Result<(), ChartError> {
    let prices = PriceAxis(samples::price_range(samples, marks));
    let times = TimeAxis(times);
    let latest = samples.last().map_or_else(String::new, |sample| {
        let digits = (prices.0.end - prices.0.start) / 100.0;
        format!("{} ± {}", axis::number(sample.price, digits), axis::number(sample.conf, digits))
    });
    heading(area, title, &latest)?;
    let mut chart = framed(area, &times, &prices, marks.incident_at)?;
    for threshold in marks.thresholds.iter().filter(|threshold| prices.0.contains(&threshold.price)) {
        limit(&mut chart, &times, threshold)?;
    }
    for run in samples::runs(samples) {
        line(&mut chart, run)?;
    }
    if let Some(at) = marks.incident_at {
        began(&mut chart, &times, &prices, at)?;
    }
    Ok(())
}

fn heading(area: &Area, title: &str, latest: &str) -> Result<(), ChartError> {
    let (width, _) = area.dim_in_pixel();
    let fits = if latest.is_empty() { 56 } else { 34 };
    let title: String = if title.chars().count() > fits {
        title.chars().take(fits - 1).chain(['…']).collect()
    } else {
        title.to_owned()
    };
    area.draw(&Text::new(title, pixel(20, 14), label_style(TITLE_SIZE, TEXT)))?;
    let style = label_style(LABEL_SIZE, PRICE).pos(anchor(HPos::Right, VPos::Top));
    area.draw(&Text::new(latest.to_owned(), pixel(width - 24, 20), style))?;
    Ok(())
}

fn grid(chart: &mut Chart, times: &TimeAxis, prices: &PriceAxis) -> Result<(), ChartError> {
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(2))
        .axis_style(QUIET.stroke_width(2))
        .x_label_formatter(&|at| times.label(*at))
        .y_label_formatter(&|price| prices.label(*price))
        .x_label_style(label_style(LABEL_SIZE, QUIET))
        .y_label_style(label_style(LABEL_SIZE, QUIET))
        .draw()?;
    Ok(())
}

/// Everything from the start of the incident to the right end.
fn shade(chart: &mut Chart, times: &TimeAxis, prices: &PriceAxis, at: Timestamp) -> Result<(), ChartError> {
    let from = at.as_millis().max(times.0.start);
    if from < times.0.end {
        let corners = [(from, prices.0.end), (times.0.end, prices.0.start)];
        chart.draw_series([Rectangle::new(corners, TROUBLE.mix(0.08).filled())])?;
    }
    Ok(())
}

/// The line where the incident began, over everything else; nothing when that lies outside the picture.
fn began(chart: &mut Chart, times: &TimeAxis, prices: &PriceAxis, at: Timestamp) -> Result<(), ChartError> {
    let at = at.as_millis();
    if !times.0.contains(&at) {
        return Ok(());
    }
    let top = (at, prices.0.end);
    chart.draw_series([PathElement::new([top, (at, prices.0.start)], TROUBLE.stroke_width(4))])?;
    // The label goes to the side that has room for it.
    let in_right_half = at.saturating_sub(times.0.start) > times.0.end.saturating_sub(at);
    let (side, shift) = if in_right_half { (HPos::Right, -14) } else { (HPos::Left, 14) };
    let style = label_style(LABEL_SIZE * 4 / 5, TROUBLE).pos(anchor(side, VPos::Top));
    let label = EmptyElement::at(top) + Text::new(format!("since {}", times.minute(at)), (shift, 6), style);
    chart.draw_series([label])?;
    Ok(())
}

fn limit(chart: &mut Chart, times: &TimeAxis, threshold: &Threshold) -> Result<(), ChartError> {
    let ends = [(times.0.start, threshold.price), (times.0.end, threshold.price)];
    chart.draw_series(DashedLineSeries::new(ends, 16, 12, LIMIT.stroke_width(4)))?;
    let style = label_style(LABEL_SIZE * 4 / 5, LIMIT).pos(anchor(HPos::Left, VPos::Bottom));
    let label = EmptyElement::at(ends[0]) + Text::new(threshold.label.clone(), (12, -4), style);
    chart.draw_series([label])?;
    Ok(())
}

/// The confidence band and the price of a stretch without gaps.
fn line(chart: &mut Chart, run: &[Sample]) -> Result<(), ChartError> {
    let point = |sample: &Sample, price: f64| (sample.at.as_millis(), price);
    let upper = run.iter().map(|sample| point(sample, sample.price + sample.conf));
    let lower = run.iter().rev().map(|sample| point(sample, sample.price - sample.conf));
    chart.draw_series([Polygon::new(upper.chain(lower).collect::<Vec<_>>(), PRICE.mix(0.18))])?;
    let prices: Vec<_> = run.iter().map(|sample| point(sample, sample.price)).collect();
    if let [only] = prices[..] {
        chart.draw_series([Circle::new(only, 8, PRICE.filled())])?;
    }
    chart.draw_series(LineSeries::new(prices, PRICE.stroke_width(5)))?;
    Ok(())
}

fn label_style(size: u32, colour: RGBColor) -> TextStyle<'static> {
    (FONT, size).into_font().color(&colour)
}

const fn anchor(h_pos: HPos, v_pos: VPos) -> Pos {
    Pos { h_pos, v_pos }
}

fn pixel(x: u32, y: u32) -> (i32, i32) {
    (i32::try_from(x).unwrap_or(0), i32::try_from(y).unwrap_or(0))
}

/// Each pixel of the result is the mean of the `OVERSAMPLING`² drawn ones.
fn averaged(drawn: &[u8]) -> Vec<u8> {
    let (scale, row) = (OVERSAMPLING as usize, (WIDTH * OVERSAMPLING * 3) as usize);
    let mut out = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
    for rows in drawn.chunks_exact(row * scale) {
        for x in 0..WIDTH as usize {
            for channel in 0..3 {
                let under = (0..scale * scale)
                    .filter_map(|nth| rows.get(nth / scale * row + (x * scale + nth % scale) * 3 + channel));
                let sum: usize = under.map(|value| usize::from(*value)).sum();
                out.push(u8::try_from(sum / (scale * scale)).unwrap_or(u8::MAX));
            }
        }
    }
    out
}

fn encode(pixels: &[u8]) -> Result<Vec<u8>, ChartError> {
    let failed = |error: png::EncodingError| ChartError::Encode(error.to_string());
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
