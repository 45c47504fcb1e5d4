//! The whole bot for an hour, with something to do all the time: does it grow, do its tasks end?
//!
//! Runs only when asked for by name; `WATCHKEEPER_SOAK_MINUTES` makes it shorter (no less than 20) or longer.

use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;
use watchkeeper::config::sections::Mode;

use crate::bot::Bot;
use crate::clusters::{ApiServer, PODS, pod};
use crate::wait;
use crate::whole::{Nodes, watching};
use crate::world::World;

const FEEDS: usize = 500;
/// Charts, histories and pools fill meanwhile.
const WARM_UP: usize = 15;
const STEP: Duration = Duration::from_secs(5);
const STEPS_A_MINUTE: usize = 12;
/// Every step so many pods change.
const CHANGES: usize = 50;

#[derive(Clone, Copy)]
struct Sample {
    megabytes: f64,
    tasks: u64,
    files: usize,
    threads: usize,
}

pub fn measure(runtime: &Runtime) {
    let minutes = std::env::vars().find(|(name, _)| name == "WATCHKEEPER_SOAK_MINUTES");
    let minutes: usize = minutes.map_or(60, |(_, value)| value.parse().unwrap());
    let world = World::open(runtime, FEEDS);
    let server = runtime.block_on(crate::clusters::server_of_pods());
    let nodes = Nodes::start(runtime);
    let mut config = watching(&world, &server, &nodes, "soak");
    config.slack.mode = Mode::Socket;
    runtime.block_on(crate::whole::past(&config, world.clock.now()));
    let bot = Bot::spawn(&config);
    bot.ready();
    let mut samples = Vec::new();
    for minute in 0..minutes {
        for step in 0..STEPS_A_MINUTE {
            busy(runtime, &world, &server, minute * STEPS_A_MINUTE + step);
            wait(STEP);
        }
        let sample = sample(&bot);
        if minute % 5 == 4 {
            let Sample { megabytes, tasks, files, threads } = sample;
            println!(
                "minute {}: {megabytes:.1} MB, {tasks} tasks, {threads} threads, {files} open files; {} posts, {} edits",
                minute + 1,
                world.slack.calls("chat.postMessage").len(),
                world.slack.calls("chat.update").len()
            );
        }
        samples.push(sample);
    }
    let watched = samples.split_off(WARM_UP);
    // Single samples swing with what is under way: the first tenth is held against the last.
    let part = (watched.len() / 10).max(1);
    let mean = |samples: &[Sample], of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / samples.len() as f64;
    let (first, last) = (&watched[..part], &watched[watched.len() - part..]);
    let drift = |of: fn(&Sample) -> f64| (mean(last, of) / mean(first, of) - 1.0) * 100.0;
    println!(
        "after {WARM_UP} min of warm-up, over {} min: memory {:+.1} %, tasks {:+.1} %, open files {:+.1} %",
        watched.len(),
        drift(|sample| sample.megabytes),
        drift(|sample| sample.tasks as f64),
        drift(|sample| sample.files as f64)
    );
}

/// A question every step, pods that fail and recover, and now and then a price that jumps.
fn busy(runtime: &Runtime, world: &World, server: &ApiServer, step: usize) {
    let asked = ["/wk price S0001/USD", "/wk status", "/wk balance", "/wk pods", "/wk alerts", "/wk cluster"];
    let _seen = runtime.block_on(world.slack.slash("alice", "C0ALERTS", asked[step % asked.len()]));
    let phase = if (step / 2).is_multiple_of(2) { "Failed" } else { "Running" };
    for nth in 0..CHANGES {
        server.put("pods", pod((step / 4 * CHANGES + nth) % PODS, phase));
    }
    if step.is_multiple_of(6) {
        world.hermes.jump(&format!("S{:04}/USD", step % FEEDS), 12.0).unwrap();
    }
    if step.is_multiple_of(60) {
        server.put("nodes", json!({"metadata": {"name": "node-000", "uid": "n0"}}));
    }
}

fn sample(bot: &Bot) -> Sample {
    let count = |what: &str| std::fs::read_dir(format!("/proc/{}/{what}", bot.id())).unwrap().count();
    Sample {
        megabytes: bot.memory().now,
        tasks: bot.metric("watchkeeper_tasks"),
        files: count("fd"),
        threads: count("task"),
    }
}
