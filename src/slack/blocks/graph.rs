//! Graphs of named queries: the figures beside the picture, and why there is none.

use super::kit;
use super::words::{bold, code, fitting, said};
use crate::core::graph::{Graph, Unfit};
use crate::core::time::Span;
use crate::slack::message::Message;

/// One line of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What tells it from the others; empty when it is the only one.
    pub name: String,
    pub colour: &'static str,
    pub last: f64,
    pub min: f64,
    pub max: f64,
}

/// What a picture shows, for those who cannot see it, or see it small.
#[must_use]
pub fn figures(title: &str, range: Span, lines: &[Line], left_out: usize) -> String {
    let texts = lines.iter().map(|line| {
        let Line { name, colour, last, min, max } = line;
        let name = if name.is_empty() { String::new() } else { format!("{} ({colour}): ", code(name)) };
        format!("• {name}last {}, min {}, max {}", number(*last), number(*min), number(*max))
    });
    let (mut shown, more) = fitting(texts, 10, 2500);
    if lines.is_empty() {
        shown.push("Nothing in this window.".to_owned());
    }
    if more + left_out > 0 {
        shown.push(format!("_… and {} more_", more + left_out));
    }
    format!("{} over {range}\n{}", bold(title), shown.join("\n"))
}

/// Four digits that count, without a tail of zeros.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    let digits = match size {
        size if size >= 1000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 1.0 => 3,
        _ => 5,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[must_use]
pub fn drawing(title: &str) -> Message {
    kit::line(&format!("📈 Drawing {} …", bold(title)))
}

/// The graphs there are.
#[must_use]
pub fn list(graphs: &[Graph]) -> Message {
    if graphs.is_empty() {
        return kit::line("There are no graphs: `prometheus.graphs` names none.");
    }
    let line = |graph: &Graph| {
        let words = [graph.name.clone()].into_iter();
        let words = words.chain(graph.parameters().into_iter().map(|name| format!("{name}=…")));
        let command = words.collect::<Vec<_>>().join(" ");
        let what = graph.title.as_ref().map(|title| format!("  {}", said(title, 100))).unwrap_or_default();
        format!("{}{what}", code(&format!("/wk graph {command}")))
    };
    let (lines, more) = fitting(graphs.iter().map(line), 30, kit::SECTION_TEXT - 100);
    let more = if more == 0 { String::new() } else { format!("\nand {more} more") };
    kit::line(&format!("{}{more}", lines.join("\n")))
}

#[must_use]
pub fn no_such_graph(asked: &str, graphs: &[Graph]) -> Message {
    let names: Vec<_> = graphs.iter().take(20).map(|graph| code(&graph.name)).collect();
    let there =
        if names.is_empty() { "There are none.".to_owned() } else { format!("There are: {}.", names.join(", ")) };
    kit::line(&format!("There is no graph called {}. {there}", bold(asked)))
}

#[must_use]
pub fn unfit(graph: &Graph, why: &Unfit) -> Message {
    kit::line(&format!("{} {}.", bold(&graph.name), said(&why.to_string(), 300)))
}

/// `why` in one sentence, perhaps Prometheus' own.
#[must_use]
pub fn failed(title: &str, why: &str) -> Message {
    kit::line(&format!("📈 No picture of {}. {}", bold(title), said(why, 500)))
}
