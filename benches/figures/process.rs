//! The process by itself: how soon it is ready, and how much memory it takes when nothing happens.

use std::time::Duration;

use tokio::runtime::Runtime;
use watchkeeper::config::sections::Mode;

use crate::bot::{Bot, processor_time};
use crate::world::World;
use crate::{spread, wait};

const STARTS: usize = 20;
const SETTLE: Duration = Duration::from_secs(30);

pub fn measure(runtime: &Runtime) {
    let world = World::open(runtime, 0);
    for kind in ["new", "existing"] {
        let mut millis: Vec<f64> = (0..STARTS)
            .map(|number| {
                let name = if kind == "new" { format!("start-{number}") } else { "start-0".to_owned() };
                let config = world.config(&name);
                Bot::spawn(&config).ready().as_secs_f64() * 1000.0
            })
            .collect();
        println!("cold start to ready, {kind} database: {}", spread("ms", &mut millis));
    }
    for mode in [Mode::Http, Mode::Socket] {
        let mut config = world.config("idle");
        config.slack.mode = mode;
        let bot = Bot::spawn(&config);
        bot.ready();
        let before = processor_time(bot.id());
        wait(SETTLE);
        let memory = bot.memory();
        let busy = (processor_time(bot.id()).saturating_sub(before)).as_secs_f64() / SETTLE.as_secs_f64() * 100.0;
        println!(
            "idle, {mode:?} mode, after {SETTLE:?}: {:.1} MB resident (peak {:.1}), {busy:.1} % of a core",
            memory.now, memory.peak
        );
    }
}
