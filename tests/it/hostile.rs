//! Whoever reaches the HTTP port may send anything, or next to nothing: the bot neither falls over nor keeps people waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use watchkeeper::clock::{Clock, SystemClock};
use watchkeeper::slack::manifest::REQUEST_PATH;

use super::fire::long_form;
use super::support::Database;
use super::support::process::until_answers;
use super::support::writing::{self, Told, Writer};

const GARBAGE: usize = 10_000;
/// Sent at the same time.
const AT_ONCE: usize = 32;
/// What a process may grow by for it, in KiB: room for everything that is under way, and not for what has been.
const ROOM: u64 = 48 << 10;
/// More than the process may have files open.
const SLOW: usize = 1500;
const FILES: &str = "--nofile=1024:1024";
/// Every answer comes long before that.
const LIMIT: Duration = Duration::from_secs(30);

fn bytes(random: &mut fastrand::Rng, most: usize) -> Vec<u8> {
    (0..random.usize(1..most)).map(|_| random.u8(..)).collect()
}

/// A request with this head and body, that ends the connection.
fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{method} {path} HTTP/1.1\r\nhost: bot\r\nconnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

/// The nth piece of garbage: what it is and its bytes.
fn garbage(n: usize, random: &mut fastrand::Rng) -> (&'static str, Vec<u8>) {
    let json =
        json!({"type": "event_callback", "event_id": format!("Ev{n}"), "event": {"type": "app_mention"}}).to_string();
    let cut = &json.as_bytes()[..random.usize(0..json.len())];
    let length = |body: &[u8]| format!("content-length: {}\r\n", body.len());
    let paths = [
        REQUEST_PATH,
        "/readyz",
        "/healthz",
        "/calendar/x.ics",
        "/webhooks/alertmanager/x",
        "/",
        "/..%2f..%2fetc",
        "*",
    ];
    let path = paths[random.usize(..paths.len())];
    match n % 10 {
        0 => ("random bytes", bytes(random, 4096)),
        1 => {
            let methods = ["GET", "PUT", "DELETE", "TRACE", "CONNECT", "OPTIONS", "BREW", "post"];
            ("a wrong method", request(methods[random.usize(..methods.len())], REQUEST_PATH, "", b""))
        }
        2 => {
            let name = |i: usize| format!("x-{i}: {}\r\n", "y".repeat(1000));
            let headers: String = (0..random.usize(10..300)).map(name).collect();
            ("huge headers", request("POST", path, &headers, b""))
        }
        3 => ("JSON cut short", request("POST", REQUEST_PATH, &length(cut), cut)),
        4 => {
            let kinds = [
                "application/xml",
                "multipart/form-data",
                "text/plain; charset=\"",
                "application/json; charset=utf-7",
                "\u{1}",
            ];
            let headers =
                format!("content-type: {}\r\n{}", kinds[random.usize(..kinds.len())], length(json.as_bytes()));
            ("a wrong content type", request("POST", path, &headers, json.as_bytes()))
        }
        5 => {
            let lies = ["-1", "18446744073709551616", "1e9", "5, 6", "0x10", ""];
            let headers = format!("content-length: {}\r\n", lies[random.usize(..lies.len())]);
            ("a length that is none", request("POST", REQUEST_PATH, &headers, json.as_bytes()))
        }
        6 => {
            let chunks = ["zz\r\nabc\r\n0\r\n\r\n", "ffffffffffffffff\r\nabc", "3\r\nabcdef\r\n0\r\n\r\n", "0;x=\r\n"];
            let body = chunks[random.usize(..chunks.len())].as_bytes();
            ("broken chunks", request("POST", REQUEST_PATH, "transfer-encoding: chunked\r\n", body))
        }
        7 => ("a length that never comes", request("POST", REQUEST_PATH, "content-length: 1000000\r\n", cut)),
        8 => {
            let body = bytes(random, 2048);
            let headers = format!(
                "x-slack-signature: v0={}\r\nx-slack-request-timestamp: {}\r\n{}",
                "0".repeat(random.usize(0..200)),
                random.i64(..),
                length(&body)
            );
            ("a signature that is none", request("POST", REQUEST_PATH, &headers, &body))
        }
        _ => {
            let long = format!("/{}", "a%00/../".repeat(random.usize(1..2000)));
            ("a long path", request("GET", &long, "", b""))
        }
    }
}

/// What never ends by itself; the rest is answered although it keeps the connection open.
const ENDLESS: [&str; 4] = ["random bytes", "huge headers", "broken chunks", "a length that never comes"];

/// Sends it and gives the status; 0 when there was none.
async fn throw(address: &str, what: &str, bytes: &[u8]) -> u16 {
    let thrown = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The far end may hang up before it has read everything.
        let _written = stream.write_all(bytes).await;
        if ENDLESS.contains(&what) {
            let _no_more = stream.shutdown().await;
        }
        let mut answer = Vec::new();
        let _broke_off = stream.read_to_end(&mut answer).await;
        let status =
            answer.strip_prefix(b"HTTP/1.1 ").and_then(|rest| std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok());
        status.unwrap_or(0)
    };
    tokio::time::timeout(LIMIT, thrown).await.expect("it is answered or hung up on")
}

/// The most memory a process had so far, in KiB.
fn high_water(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_of_garbage_cost_no_panic_no_memory_and_nobody_an_answer() {
    let database = Database::sqlite();
    let place = writing::place(&database.url).await;
    let writer = Writer::new(&place);
    let mut bot = place.start(&["serve"]);
    let address = bot.address().await;
    let url = writing::url(&address);
    until_answers(&format!("http://{address}/readyz"), |status, _| status == 200).await;

    let mut random = fastrand::Rng::with_seed(17);
    let all = long_form("WATCHKEEPER_FIRE_GARBAGE").unwrap_or(GARBAGE);
    let mut answered: BTreeMap<(&str, u16), usize> = BTreeMap::new();
    let mut before = 0;
    for round in 0..10 {
        let batch: Vec<_> = (0..all / 10).map(|n| garbage(n, &mut random)).collect();
        let thrown = stream::iter(&batch).map(|(what, bytes)| {
            let address = &address;
            async move { (*what, throw(address, what, bytes).await) }
        });
        let mut thrown = thrown.buffer_unordered(AT_ONCE);
        while let Some(answer) = thrown.next().await {
            *answered.entry(answer).or_default() += 1;
        }
        assert_eq!(writer.ask(&url).await, Told::Yes, "after {answered:?}");
        if round == 0 {
            before = high_water(bot.id());
        }
    }
    let grown = high_water(bot.id()) - before;
    eprintln!("{all} requests of garbage: {grown} KiB more, answers {answered:#?}");
    let wrong = |what: &str, status: u16| status >= 500 || status == 0 && !ENDLESS.contains(&what);
    let wrong: Vec<_> = answered.iter().filter(|((what, status), _)| wrong(what, *status)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(grown < ROOM, "it grew by {grown} KiB");
    let said = bot.said_by_now().join("\n");
    assert!(!said.contains("panicked"), "{said}");
    writer.verdict(&database.url).await.must_hold();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifteen_hundred_connections_that_send_a_byte_a_second_keep_nobody_out() {
    let mine = std::process::id().to_string();
    let raised = std::process::Command::new("prlimit").args(["--pid", &mine, "--nofile=4096:"]).status().unwrap();
    assert!(raised.success(), "the test needs more files open itself");
    let database = Database::sqlite();
    let place = writing::place(&database.url).await;
    let writer = Writer::new(&place);
    let mut bot = place.start_as(&["prlimit", FILES], &["serve"]);
    let address = bot.address().await;
    let (url, ready) = (writing::url(&address), format!("http://{address}/readyz"));
    until_answers(&ready, |status, _| status == 200).await;

    // Most never get past their head, the others never past their body.
    let begin = |n: usize| {
        let head =
            request("POST", REQUEST_PATH, if n.is_multiple_of(8) { "content-length: 9999\r\n" } else { "" }, b"");
        let shown = if n.is_multiple_of(8) { head.len() } else { head.len() - 4 };
        let address = &address;
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let _hung_up = stream.write_all(&head[..shown]).await;
            stream
        }
    };
    let mut slow: Vec<TcpStream> = join_all((0..SLOW).map(begin)).await;
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    for second in 0..4 {
        seconds.tick().await;
        for stream in &mut slow {
            let _hung_up = stream.write_all(b"x").await;
        }
        assert_eq!(writer.ask(&url).await, Told::Yes, "in second {second}, with {SLOW} slow connections");
        // Somebody new, as a load balancer would be.
        assert_eq!(Writer::new(&place).ask(&url).await, Told::Yes, "in second {second}");
        assert_eq!(until_answers(&ready, |_, _| true).await.0, 200);
    }
}

/// Sends a head that promises `length` bytes and then as many as the far end takes, without hanging up.
async fn promise(address: &str, path: &str, headers: &str, length: usize, sent: usize) -> TcpStream {
    let head = request("POST", path, &format!("{headers}content-length: {length}\r\n"), b"");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&head).await.unwrap();
    let body = vec![b'x'; sent];
    let _refused_or_taken = tokio::time::timeout(Duration::from_secs(2), stream.write_all(&body)).await;
    stream
}

async fn status(stream: &mut TcpStream) -> u16 {
    let mut answer = [0; 12];
    match tokio::time::timeout(Duration::from_secs(2), stream.read_exact(&mut answer)).await {
        Ok(Ok(_)) => std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap(),
        Ok(Err(_)) | Err(_) => 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_fills_the_memory_with_bodies_that_are_not_known_to_be_anybodys() {
    let database = Database::sqlite();
    let mut place = writing::place(&database.url).await;
    let usual = std::fs::read_to_string(place.dir.path().join("watchkeeper.yaml")).unwrap();
    place.configure(&format!("{usual}prometheus: {{alertmanagers: [{{name: am, token_env: AM_TOKEN}}]}}\n"));
    place.secrets.push(("AM_TOKEN".to_owned(), "of-the-sender".to_owned()));
    let writer = Writer::new(&place);
    let mut bot = place.start(&["serve"]);
    let address = bot.address().await;
    let url = writing::url(&address);
    until_answers(&format!("http://{address}/readyz"), |status, _| status == 200).await;

    // Not a byte of a body is waited for where the head tells enough.
    let alertmanager = "/webhooks/alertmanager/am";
    let now = SystemClock::new(1).now().as_secs();
    let signed =
        |at: i64, digest: &str| format!("x-slack-request-timestamp: {at}\r\nx-slack-signature: v0={digest}\r\n");
    for (path, headers, length, expected) in [
        (alertmanager, String::new(), 8 << 20, 401),
        (alertmanager, "authorization: Bearer wrong\r\n".to_owned(), 8 << 20, 401),
        (alertmanager, "authorization: Bearer of-the-sender\r\n".to_owned(), 9 << 20, 413),
        (REQUEST_PATH, String::new(), 1 << 20, 401),
        (REQUEST_PATH, signed(now - 3600, &"0".repeat(64)), 1 << 20, 401),
        (REQUEST_PATH, signed(now, "no hex"), 1 << 20, 401),
        (REQUEST_PATH, signed(now, &"0".repeat(64)), 2 << 20, 413),
    ] {
        let mut stream = promise(&address, path, &headers, length, 0).await;
        assert_eq!(status(&mut stream).await, expected, "{path} {headers}");
    }

    assert_eq!(writer.ask(&url).await, Told::Yes);
    let before = high_water(bot.id());
    let forged = signed(now, &"0".repeat(64));
    let one = (1 << 20) - 1;
    let crowd = join_all((0..200).map(|n| {
        let (path, headers) = if n % 2 == 0 { (REQUEST_PATH, forged.as_str()) } else { (alertmanager, "") };
        promise(&address, path, headers, one + 1, one)
    }));
    let mut crowd = crowd.await;
    assert_eq!(writer.ask(&url).await, Told::Yes, "among {} large bodies", crowd.len());
    let grown = high_water(bot.id()) - before;
    let answers = join_all(crowd.iter_mut().map(status)).await;
    let (waiting, full) = (answers.iter().filter(|it| **it == 0).count(), answers.contains(&503));
    eprintln!("{grown} KiB more for {} bodies, {waiting} of them kept", answers.len());
    // Kept as they came they are 200 MiB.
    assert!(grown < 2 * ROOM && full, "it grew by {grown} KiB: {answers:?}");
    drop(crowd);
    assert_eq!(writer.ask(&url).await, Told::Yes);
    writer.verdict(&database.url).await.must_hold();
}
