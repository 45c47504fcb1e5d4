//! The figures of docs/BENCHMARKS.md, measured on the release binary as a process of its own; the local world runs in
//! this one. `scripts/bench [ack|aged|alerts|audit|chains|clusters|process|inner|whole ...]` runs it and prints the tables.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement stops at the first surprise, and prints")]
#![expect(clippy::cast_precision_loss, reason = "counts of a measurement are far below 2^52")]

mod ack;
mod aged;
mod alerts;
mod audit;
mod bot;
mod chains;
mod clusters;
mod inner;
#[path = "../../tests/it/support/nodes.rs"]
#[expect(dead_code, reason = "the proxy is for the stories")]
mod nodes;
mod process;
mod soak;
mod whole;
mod world;

use std::time::{Duration, Instant};

type Scenario = (&'static str, fn(&tokio::runtime::Runtime));

const SCENARIOS: [Scenario; 10] = [
    ("inner", inner::measure),
    ("audit", audit::measure),
    ("aged", aged::measure),
    ("clusters", clusters::measure),
    ("process", process::measure),
    ("ack", ack::measure),
    ("alerts", alerts::measure),
    ("chains", chains::measure),
    ("whole", whole::measure),
    ("soak", soak::measure),
];
/// Too long for a run of everything.
const BY_NAME_ONLY: &str = "soak";

fn main() {
    // cargo itself adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let _first_in_this_process = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for (name, measure) in SCENARIOS {
        if (wanted.is_empty() && name != BY_NAME_ONLY) || wanted.iter().any(|one| one == name) {
            println!("\n## {name}\n");
            measure(&runtime);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn start() -> Instant {
    Instant::now()
}

fn wait(length: Duration) {
    std::thread::sleep(length);
}

/// The value below which `percent` of all lie (nearest rank).
fn percentile(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let share = values.len() as f64 * percent / 100.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank among a few hundred values")]
    let rank = (share.ceil() as usize).clamp(1, values.len());
    values[rank - 1]
}

fn spread(unit: &str, values: &mut [f64]) -> String {
    let [p50, p99, max] = [50.0, 99.0, 100.0].map(|percent| percentile(values, percent));
    format!("median {p50:.1} {unit}, p99 {p99:.1} {unit}, worst {max:.1} {unit}, of {}", values.len())
}
