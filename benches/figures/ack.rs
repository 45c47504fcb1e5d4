//! A signed slash command and its acknowledgement: ours, after the durable commit, beside Bolt for JavaScript and for
//! Python, which store nothing. All verify every request and give the same answer; wrk asks each in turn.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use sqlx::{Connection, Row};
use tokio::runtime::Runtime;
use watchkeeper::sim::slack::AppConfig;
use watchkeeper::sim::slack::deliver::Kind;
use watchkeeper::slack::manifest::REQUEST_PATH;

use crate::bot::{Bot, processor_time};
use crate::percentile;
use crate::world::World;

const ROUNDS: usize = 5;
const SECONDS: usize = 8;
const CONNECTIONS: usize = 16;
/// More than anyone here answers in a round.
const REQUESTS: usize = 40_000 * SECONDS;

/// What wrk says of a round.
struct Round {
    requests: f64,
    per_second: f64,
    p50: f64,
    p99: f64,
    /// Processor time of the server for one request.
    micros: f64,
}

pub fn measure(runtime: &Runtime) {
    let world = World::open(runtime, 0);
    let config = world.config("ack");
    let bot = Bot::spawn(&config);
    bot.ready();
    let file = world.directory.path().join("requests");
    let length = sign(&world, &file, 1);
    let our_answer = try_one(bot.address, &file, length);
    let answer = world.directory.path().join("answer.json");
    std::fs::write(&answer, our_answer.body.to_string()).unwrap();
    let mut rivals: Vec<Rival> =
        BOLTS.iter().filter_map(|(name, runs, app)| Rival::start(name, runs, app, &answer)).collect();
    for rival in &mut rivals {
        let theirs = try_one(rival.address, &file, length);
        assert_eq!(theirs.body, our_answer.body, "{} answers differently", rival.name);
        rival.answer_bytes = theirs.bytes;
    }

    let (mut ours, mut asked) = (Vec::new(), 1.0);
    for round in 0..ROUNDS {
        sign(&world, &file, REQUESTS);
        for rival in &mut rivals {
            rival.rounds.push(attack(rival.address, rival.child.id(), &file, length, rival.answer_bytes));
            say(round, rival.name, &rival.rounds);
        }
        ours.push(attack(bot.address, bot.id(), &file, length, our_answer.bytes));
        asked += ours.last().map_or(0.0, |round| round.requests);
        say(round, "watchkeeper", &ours);
    }
    let answered = bot.metric(r#"watchkeeper_inputs_total{kind="slash_command",outcome="answered"}"#);
    let memory = bot.memory();
    drop(bot);
    let rows = rows(runtime, &config.database.url);
    println!("requests counted by wrk: {asked}; answered: {answered}; rows in the database: {rows}");
    // wrk does not count what is under way when its time is over.
    let under_way = (CONNECTIONS * ROUNDS) as f64;
    assert!((asked..=asked + under_way).contains(&(rows as f64)), "not every request is in the database");
    println!("memory after this: {:.1} MB resident (peak {:.1})", memory.now, memory.peak);
    let median =
        |rounds: &[Round], of: fn(&Round) -> f64| percentile(&mut rounds.iter().map(of).collect::<Vec<_>>(), 50.0);
    println!("\n| server | requests/s | p50 | p99 | processor time each |\n|---|---|---|---|---|");
    let theirs = rivals.iter().map(|rival| (rival.name, &rival.rounds));
    for (name, rounds) in [("watchkeeper serve", &ours)].into_iter().chain(theirs) {
        let [rate, p50, p99, micros] =
            [|r: &Round| r.per_second, |r: &Round| r.p50, |r: &Round| r.p99, |r: &Round| r.micros]
                .map(|of| median(rounds, of));
        println!("| {name} | {rate:.0} | {p50:.2} ms | {p99:.2} ms | {micros:.0} us |");
    }
    for rival in &rivals {
        let ratio = median(&ours, |r| r.per_second) / median(&rival.rounds, |r| r.per_second);
        println!("\nratio of the medians to {}: {ratio:.2}", rival.name);
    }
}

fn say(round: usize, name: &str, rounds: &[Round]) {
    let Some(Round { per_second, p50, p99, micros, .. }) = rounds.last() else { return };
    println!(
        "round {}: {name}: {per_second:.0} requests/s, p50 {p50:.2} ms, p99 {p99:.2} ms, {micros:.0} us of processor each",
        round + 1
    );
}

/// Writes `count` signed requests, each with a trigger of its own and all of one length, which it gives.
fn sign(world: &World, file: &Path, count: usize) -> usize {
    let now = world.clock.now();
    let mut out = BufWriter::new(File::create(file).unwrap());
    let mut length = 0;
    for number in 0..count {
        let payload = json!({
            "token": "gIkuvaNzQIHg97ATvDxqgjtO", "team_id": "T0WKLABS", "team_domain": "watchkeeper-labs",
            "channel_id": "C0ALERTS", "channel_name": "feeds-alerts", "user_id": "U0ALICE", "user_name": "alice",
            "command": "/wk", "text": "help", "api_app_id": "A0WATCHKEEP", "is_enterprise_install": "false",
            "response_url": "https://hooks.slack.com/commands/T0WKLABS/6012345678901/Zx9QmJ3vT5nKq7LwY2bR8cDf",
            "trigger_id": format!("6012345678901.{:013}.{number:032x}", now.as_millis()),
        });
        let request = world.slack.signed_request(Kind::Command, &payload, now.as_secs());
        let text = format!(
            "POST {REQUEST_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n\
             Accept: application/json,*/*\r\nContent-Type: {}\r\nX-Slack-Request-Timestamp: {}\r\n\
             X-Slack-Signature: {}\r\nContent-Length: {}\r\n\r\n{}",
            request.content_type,
            request.timestamp,
            request.signature,
            request.body.len(),
            request.body
        );
        assert!(length == 0 || length == text.len());
        length = text.len();
        out.write_all(text.as_bytes()).unwrap();
    }
    out.flush().unwrap();
    length
}

struct Answer {
    body: Value,
    /// Of the whole response.
    bytes: f64,
}

fn try_one(address: SocketAddr, file: &Path, length: usize) -> Answer {
    let mut request = vec![0; length];
    File::open(file).unwrap().read_exact(&mut request).unwrap();
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    stream.get_mut().write_all(&request).unwrap();
    let (mut head, mut announced, mut chunked) = (0, 0, false);
    loop {
        let mut line = String::new();
        head += stream.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if head == line.len() + 2 {
            assert!(line.starts_with("http/1.1 200"), "{line}");
        }
        if let Some(length) = line.strip_prefix("content-length:") {
            announced = length.trim().parse().unwrap();
        }
        chunked |= line == "transfer-encoding: chunked";
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; announced];
    stream.read_exact(&mut body).unwrap();
    let mut bytes = head + announced;
    while chunked {
        let mut line = String::new();
        bytes += stream.read_line(&mut line).unwrap();
        let size = usize::from_str_radix(line.trim(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).unwrap();
        bytes += chunk.len();
        body.extend(&chunk[..size]);
        chunked = size > 0;
    }
    Answer { body: serde_json::from_slice(&body).unwrap(), bytes: bytes as f64 }
}

/// One round. Every answer was a 200 of the full length: a duplicate's would be empty.
fn attack(address: SocketAddr, server: u32, file: &Path, length: usize, answer_bytes: f64) -> Round {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/wrk.lua");
    let busy = processor_time(server);
    let output = Command::new("wrk")
        .args([
            "-t1",
            &format!("-c{CONNECTIONS}"),
            &format!("-d{SECONDS}s"),
            "-s",
            script,
            &format!("http://{address}"),
        ])
        .arg("--")
        .arg(file)
        .arg(length.to_string())
        .output()
        .unwrap_or_else(|error| panic!("wrk: {error}; apt-get install wrk"));
    let busy = processor_time(server).saturating_sub(busy);
    let text = String::from_utf8_lossy(&output.stdout);
    let Some(result) = text.lines().find_map(|line| line.strip_prefix("RESULT ")) else {
        panic!("{text}{}", String::from_utf8_lossy(&output.stderr));
    };
    let result: Value = serde_json::from_str(result).unwrap();
    let number = |name: &str| result[name].as_f64().unwrap();
    assert!(number("bad") == 0.0, "not every answer was 200: {result}");
    let off = number("bytes") / number("requests") / answer_bytes - 1.0;
    assert!(off.abs() < 0.002, "not every answer was the answer: {result}");
    Round {
        requests: number("requests"),
        per_second: number("requests") / number("micros") * 1e6,
        p50: number("p50") / 1000.0,
        p99: number("p99") / 1000.0,
        micros: busy.as_secs_f64() * 1e6 / number("requests"),
    }
}

fn rows(runtime: &Runtime, url: &str) -> i64 {
    sqlx::any::install_default_drivers();
    runtime.block_on(async {
        let mut database = sqlx::AnyConnection::connect(url).await.unwrap();
        let count = "SELECT COUNT(*) FROM inbox WHERE finished_at IS NOT NULL";
        sqlx::query(count).fetch_one(&mut database).await.unwrap().get(0)
    })
}

/// Another server that answers the same, and how it did.
struct Rival {
    name: &'static str,
    child: Child,
    address: SocketAddr,
    answer_bytes: f64,
    rounds: Vec<Round>,
}

/// Each with its interpreter, ours if it is installed there, and its app.
const BOLTS: [(&str, &str, &str); 2] =
    [("Bolt for JavaScript", "node", "app.js"), ("Bolt for Python", "venv/bin/python", "app.py")];

impl Rival {
    /// `None`, and said so, when tests/bolt/setup has not installed it.
    fn start(name: &'static str, interpreter: &str, app: &str, answer: &Path) -> Option<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let installed = root.join(".cache/bolt");
        if !installed.join("installed").exists() {
            println!("{name} is not installed: run tests/bolt/setup (scripts/bench does); measuring without it");
            return None;
        }
        let own = installed.join(interpreter);
        let interpreter = if own.exists() { own } else { PathBuf::from(interpreter) };
        let mut child = Command::new(interpreter)
            .arg(root.join("benches/bolt").join(app))
            .env("NODE_PATH", installed.join("node_modules"))
            .env("NODE_ENV", "production")
            .env("SIGNING_SECRET", AppConfig::default().signing_secret)
            .env("ANSWER", answer)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], line.trim().parse().unwrap()));
        Some(Self { name, child, address, answer_bytes: 0.0, rounds: Vec::new() })
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}
