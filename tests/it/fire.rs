//! Under fire: the real process is killed over and over while people write to it. A short form runs with the tests; the long
//! one is `WATCHKEEPER_FIRE_KILLS=1000 cargo test --test it fire:: -- --nocapture`, and its figures are in docs/RELIABILITY.md.

use std::time::Duration;

use super::support::Database;
use super::support::writing::{self, Writer};

const KILLS: usize = 6;
const WRITERS: usize = 4;
/// Alerts of others among it.
const ALERTS: usize = 60;
/// So many of them are pressed under at once.
const HANDFUL: usize = 5;
/// What one of them asks for in one life of the process: silences stay, and every start reads them.
const REQUESTS: usize = 8;

/// How much of it, when the long form is asked for.
pub fn long_form(name: &str) -> Option<usize> {
    let set = std::env::vars().find(|(known, _)| known == name);
    set.map(|(_, count)| count.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_over_and_over_nothing_acknowledged_is_lost_or_done_twice_on_sqlite() {
    under_kills(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_over_and_over_nothing_acknowledged_is_lost_or_done_twice_on_postgres() {
    if let Some(database) = Database::postgres() {
        under_kills(database).await;
    }
}

/// Anywhere: while it starts to serve, under load, between two commits.
fn moment(random: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(random.u64(20..400))
}

async fn under_kills(database: Database) {
    let place = writing::place_that_is_told(&database.url).await;
    let writer = Writer::new(&place);
    let mut random = fastrand::Rng::with_seed(7);
    let kills = long_form("WATCHKEEPER_FIRE_KILLS").unwrap_or(KILLS);
    for kill in 1..=kills {
        let mut bot = place.start(&["serve"]);
        let address = bot.address().await;
        let url = writing::url(&address);
        let mut writers: Vec<_> =
            (0..WRITERS).map(|_| tokio::spawn(writer.clone().write(url.clone(), REQUESTS))).collect();
        // A channel takes a message a second, so not in every life of the long form.
        if kill.is_multiple_of(kills.div_ceil(ALERTS)) {
            writers.push(tokio::spawn(writer.clone().tell_of_one(address)));
        }
        writers.push(tokio::spawn(writer.clone().press_one(url)));
        let _it_is_over = tokio::time::timeout(moment(&mut random), std::future::pending::<()>()).await;
        bot.signal("KILL");
        for writer in writers {
            writer.await.unwrap();
        }
        if kill.is_multiple_of(100) {
            eprintln!("{kill} kills");
        }
    }
    let mut bot = place.start(&["serve"]);
    let address = bot.address().await;
    writer.clone().tell_of_one(address.clone()).await;
    let said = writer.said().await;
    assert!(!said.is_empty(), "no alert was taken in");
    assert!(said.values().all(|times| *times == 1), "said more than once: {said:?}");
    // One at least is pressed under; under the others in handfuls, and it dies among each.
    writer.clone().press_one(writing::url(&address)).await;
    for _ in 0..said.len().div_ceil(HANDFUL) {
        drop(bot);
        bot = place.start(&["serve"]);
        let url = writing::url(&bot.address().await);
        let pressing: Vec<_> = (0..HANDFUL).map(|_| tokio::spawn(writer.clone().press_one(url.clone()))).collect();
        let _it_is_over = tokio::time::timeout(moment(&mut random), std::future::pending::<()>()).await;
        bot.signal("KILL");
        for press in pressing {
            press.await.unwrap();
        }
    }
    drop(bot);
    let bot = place.start(&["serve"]);
    let verdict = writer.verdict(&database.url).await;
    let presses = writer.presses_done_once(&database.url).await;
    assert!(presses > 0, "no press was taken");
    drop(bot);
    let kind = database.url.split(':').next().unwrap_or_default();
    let alerts = said.len();
    eprintln!("{kind}: {kills} kills, {verdict}; {alerts} alerts, each said once; {presses} presses, each done once");
    verdict.must_hold();
}
