//! The database in trouble under the real process: connections that break in mid-commit, a server that is away, a disk that is
//! full. Nothing acknowledged is lost or done twice, nobody is told that all is well, and it goes on by itself.

use std::time::Duration;

use watchkeeper::sim::slack::Failure;
use watchkeeper::store::{Settings, Store, alerts, inbox};

use super::fire::long_form;
use super::support::process::{Place, Running, until_answers};
use super::support::wire::Wire;
use super::support::writing::{self, Told, Writer};
use super::support::{Bot, Database};

/// How often connections are cut under load.
const CUTS: usize = 12;
const WRITERS: usize = 4;

async fn pause(millis: u64) {
    let _it_is_over = tokio::time::timeout(Duration::from_millis(millis), std::future::pending::<()>()).await;
}

/// Writes from several hands until told to stop.
struct Load {
    stop: tokio_util::sync::CancellationToken,
    writers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn begin(writer: &Writer, url: &str) -> Self {
        let stop = tokio_util::sync::CancellationToken::new();
        let write = |_| {
            let (writer, url, stop) = (writer.clone(), url.to_owned(), stop.clone());
            tokio::spawn(async move {
                while !stop.is_cancelled() {
                    writer.ask(&url).await;
                    // People, not a benchmark: each silence stays.
                    pause(20).await;
                }
            })
        };
        Self { writers: (0..WRITERS).map(write).collect(), stop }
    }

    async fn end(self) {
        self.stop.cancel();
        for writer in self.writers {
            writer.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_breaks_off_in_mid_commit_and_goes_away_loses_nothing_and_is_back_by_itself() {
    let Some(database) = Database::postgres() else { return };
    let wire = Wire::lay().await;
    let place = writing::place(&wire.lead_to(&database.url)).await;
    let writer = Writer::new(&place);
    let mut bot = place.start(&["serve"]);
    let address = bot.address().await;
    let ready = format!("http://{address}/readyz");
    until_answers(&ready, |status, _| status == 200).await;

    let load = Load::begin(&writer, &writing::url(&address));
    let mut random = fastrand::Rng::with_seed(5);
    let cuts = long_form("WATCHKEEPER_FIRE_CUTS").unwrap_or(CUTS);
    for cut in 0..cuts {
        pause(random.u64(20..200)).await;
        match cut % 3 {
            0 => wire.cut(),
            1 => wire.cut_a_commit().await,
            _ => {
                wire.refuse().await;
                pause(random.u64(20..400)).await;
                wire.open().await;
            }
        }
    }
    load.end().await;

    // Away for long: that is said, people are told, and nobody has to restart anything.
    wire.refuse().await;
    let red = until_answers(&ready, |status, _| status == 503).await.1;
    assert!(red.contains("store"), "{red}");
    assert_eq!(writer.ask(&writing::url(&address)).await, Told::No);
    wire.open().await;
    until_answers(&ready, |status, _| status == 200).await;
    until_done(&writer, &address).await;

    let verdict = writer.verdict(&database.url).await;
    eprintln!("postgres: {cuts} times broken, a third of them in mid-commit: {verdict}");
    verdict.must_hold();
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_answer_of_postgres_is_lost_nobody_is_told_that_nothing_was_recorded_and_finds_it_done() {
    let Some(database) = Database::postgres() else { return };
    let wire = Wire::lay().await;
    let bot = Bot::with(database, |config| config.database.url = wire.lead_to(&config.database.url)).await;
    let mut refused = 0;
    for nth in 1.. {
        wire.lose_answer(nth);
        let line = format!("/wk silence feed=n{nth} 1h n{nth}");
        let said = bot.slack.slash("alice", "feeds-alerts", &line).await.to_string();
        if !wire.lost_it() {
            eprintln!("each of {} answers was lost, {refused} people were turned away", nth - 1);
            assert!(nth > 5, "a silence asks the database more often than that");
            return;
        }
        // What was stored and not done is swept up.
        bot.clock.advance(Duration::from_secs(6));
        bot.lead().await;
        bot.settle().await;
        let silences = alerts::load(&bot.flow.store).await.unwrap().silences;
        let done = silences.iter().filter(|silence| silence.comment == format!("n{nth}")).count();
        let told_no = said.contains("cannot reach my database");
        assert_eq!(done, usize::from(!told_no), "answer {nth} was lost; told: {said}");
        refused += u32::from(told_no);
    }
}

/// What was committed without an answer is not in memory; what is heard next is held against the store, not against that.
#[tokio::test(flavor = "multi_thread")]
async fn whichever_answer_of_postgres_is_lost_while_alerts_begin_and_end_none_is_lost_and_none_stays() {
    let Some(database) = Database::postgres() else { return };
    let wire = Wire::lay().await;
    let bot = Bot::with(database, |config| {
        config.database.url = wire.lead_to(&config.database.url);
        config.prometheus.alertmanagers = vec![super::notified::sender(None)];
    })
    .await;
    let at = "2026-11-24T12:00:00Z";
    let mut tried = 0;
    for nth in 1.. {
        let pod = format!("pod-{nth}");
        wire.lose_answer(nth);
        // Told that it was not taken, a sender sends it again.
        for status in ["firing", "resolved"] {
            for _ in 0..4 {
                let news = super::notified::alert(status, &pod, at);
                if super::notified::post_at(
                    bot.address,
                    "cluster-a",
                    "AM_TOKEN",
                    super::notified::notification(&[news]).to_string(),
                )
                .await
                    == 200
                {
                    break;
                }
            }
        }
        let over = !wire.lost_it();
        bot.clock.advance(Duration::from_secs(6));
        bot.lead().await;
        bot.settle().await;
        bot.advance(12).await;
        let stays: Vec<_> =
            alerts::load(&bot.flow.store).await.unwrap().alerts.into_iter().filter(|alert| !alert.resolved()).collect();
        assert!(stays.is_empty(), "answer {nth} was lost, and this never ends: {stays:#?}");
        tried = nth;
        if over {
            break;
        }
    }
    assert!(tried > 8, "an alert that begins and ends asks the database more often than {tried} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orchestrator_that_ends_it_hears_that_at_once_and_requests_are_served_a_moment_longer() {
    let Some(database) = Database::postgres() else { return };
    let place = writing::place(&database.url).await;
    let writer = Writer::new(&place);
    let mut bot = place.start(&["serve"]);
    let address = bot.address().await;
    until_done(&writer, &address).await;
    bot.signal("TERM");
    let ready = format!("http://{address}/readyz");
    let red = until_answers(&ready, |status, _| status == 503).await.1;
    assert!(red.contains("asked to stop"), "{red}");
    // Routed here before everybody had heard of it.
    for _ in 0..10 {
        assert_eq!(writer.ask(&writing::url(&address)).await, Told::Yes);
        pause(100).await;
    }
    let said = bot.terminated().await;
    assert!(said.contains("stopped") && !said.contains("not everything was finished"), "{said}");
    let verdict = writer.verdict(&database.url).await;
    verdict.must_hold();
    assert_eq!(verdict.turned_away, 0, "{verdict}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_while_slack_is_away_makes_strangers_of_nobody() {
    let database = Database::sqlite();
    let place = writing::place(&database.url).await;
    let writer = Writer::new(&place);
    let mut bot = place.start(&["serve"]);
    until_done(&writer, &bot.address().await).await;
    bot.signal("KILL");
    place.slack.faults(|faults| {
        faults.next("*", u32::MAX, Failure::Status(503));
    });
    let mut bot = place.start(&["serve"]);
    assert_eq!(writer.ask(&writing::url(&bot.address().await)).await, Told::Yes);
    writer.verdict(&database.url).await.must_hold();
}

/// Somebody asks until it is done.
async fn until_done(writer: &Writer, address: &str) {
    for _ in 0..200 {
        if writer.ask(&writing::url(address)).await == Told::Yes {
            return;
        }
        pause(100).await;
    }
    panic!("it does not take inputs again");
}

/// A bot whose database lies on a file system of a few megabytes that only it sees. Needs root.
fn on_a_small_disk(place: &Place) -> Running {
    let disk = place.dir.path().join("disk");
    std::fs::create_dir_all(&disk).unwrap();
    let mount = format!("mount -t tmpfs -o size=4m tmpfs {} && exec \"$@\"", disk.display());
    place.start_as(&["unshare", "-m", "sh", "-c", &mount, "sh"], &["serve"])
}

/// The database as it is when all that was stored is worked on; its own place cannot be opened by name from here.
async fn copied(bot: &Running, disk: &str, place: &Place) -> String {
    let to = place.dir.path().join("copy");
    for _ in 0..100 {
        let _earlier = std::fs::remove_dir_all(&to);
        std::fs::create_dir(&to).unwrap();
        bot.signal("STOP");
        for file in ["wk.sqlite", "wk.sqlite-wal"] {
            std::fs::copy(format!("{disk}/{file}"), to.join(file)).unwrap();
        }
        bot.signal("CONT");
        let url = format!("sqlite:{}", to.join("wk.sqlite").display());
        let store = Store::connect_read_only(&Settings::new(url.clone())).await.unwrap();
        if inbox::counts(&store).await.unwrap().waiting == 0 {
            return url;
        }
        store.close().await;
        pause(200).await;
    }
    panic!("what was stored is not worked on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "mounts a file system, for which it must be root: run scripts/test"]
async fn a_full_disk_is_said_and_nothing_is_lost_and_it_goes_on_when_there_is_space() {
    let place = writing::place("sqlite:disk/wk.sqlite").await;
    let writer = Writer::new(&place);
    let mut bot = on_a_small_disk(&place);
    let address = bot.address().await;
    let (ready, url) = (format!("http://{address}/readyz"), writing::url(&address));
    until_answers(&ready, |status, _| status == 200).await;
    let disk = format!("/proc/{}/root{}", bot.id(), place.dir.path().join("disk").display());
    let filler = format!("{disk}/filler");

    for round in 0..3 {
        for _ in 0..10 {
            assert_eq!(writer.ask(&url).await, Told::Yes, "round {round}");
        }
        // What SQLite has set aside for its log is used up first; then somebody is told, and readiness is red.
        std::fs::write(&filler, vec![0; 8 << 20]).expect_err("the disk is full");
        let load = Load::begin(&writer, &url);
        let red = until_answers(&ready, |status, _| status == 503).await.1;
        assert!(red.contains("full"), "{red}");
        load.end().await;
        assert_eq!(writer.ask(&url).await, Told::No);
        assert_eq!(until_answers(&format!("http://{address}/healthz"), |_, _| true).await.0, 200);

        std::fs::remove_file(&filler).unwrap();
        until_answers(&ready, |status, _| status == 200).await;
        until_done(&writer, &address).await;
    }
    let verdict = writer.verdict(&copied(&bot, &disk, &place).await).await;
    eprintln!("sqlite on a full disk, three times: {verdict}");
    verdict.must_hold();
    assert!(verdict.turned_away >= 3, "{verdict}");
}
