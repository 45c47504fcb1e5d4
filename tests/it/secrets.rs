//! Secrets are planted everywhere the bot takes them, everything around it fails, and none of them is in what it says, keeps
//! or shows, at the loudest log level of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::process::{Place, Running, until_answers};

/// By the variable that brings it. What a secret begins with tells nothing.
fn plant(place: &mut Place, dead: &str) -> BTreeMap<String, String> {
    for (name, value) in [
        ("HERMES_TOKEN", "planted-hermes-4f1c"),
        ("AM_TOKEN", "planted-alertmanager-9b07"),
        ("PD_KEY", "planted-pagerduty-77aa"),
        ("HOOK_SECRET", "planted-webhook-5d2e"),
        ("PROM_TOKEN", "planted-prometheus-c9c3"),
    ] {
        place.secrets.push((name.to_owned(), value.to_owned()));
    }
    let [heartbeat, calendar, rpc] = ["heartbeat", "calendar", "rpc"].map(|what| format!("{dead}/planted-{what}-e31f"));
    for (name, value) in [("HEARTBEAT_URL", heartbeat), ("CALENDAR_URL", calendar), ("RPC_URL", rpc)] {
        place.secrets.push((name.to_owned(), value));
    }
    place.secrets.push(("WATCHKEEPER_AUDIT_KEY".to_owned(), "07".repeat(32)));
    let of_address = |value: &String| value.rsplit('/').next().unwrap().to_owned();
    place.secrets.iter().map(|(name, value)| (name.clone(), of_address(value))).collect()
}

fn configuration(place: &Place, dead: &str) -> String {
    let sources = format!("sources:\n  - endpoints: [\"{}\", \"{dead}\"]", place.hermes.base_url());
    let usual = place.usual().replace(&format!("sources:\n  - endpoints: [\"{}\"]", place.hermes.base_url()), &sources);
    assert!(usual.contains(dead), "{usual}");
    let usual = usual.replace("filter: info", "filter: \"debug,watchkeeper=trace\"");
    let usual = usual.replace("metrics_listen: null", "metrics_listen: \"127.0.0.1:0\"");
    format!(
        "{usual}heartbeat: {{every: 10s}}\naudit: {{file: checkpoints.jsonl}}\n\
         prometheus:\n  server: {{url: \"{dead}\", token_env: PROM_TOKEN}}\n  alertmanagers: [{{name: am, token_env: AM_TOKEN}}]\n\
         \x20 graphs: [{{name: lag, query: up}}]\n\
         paging:\n  pagerduty: [{{name: pd, routing_key_env: PD_KEY, url: \"{dead}\"}}]\n\
         \x20 webhooks: [{{name: hook, secret_env: HOOK_SECRET, url: \"{dead}\"}}]\n\
         escalation:\n  policies:\n    - name: all\n      after: 0s\n      steps: [{{targets: [{{pagerduty: pd}}, {{webhook: hook}}]}}]\n\
         \x20 rules: [{{policy: all}}]\n\
         oncall:\n  schedules: [{{name: primary, ical: {{url_env: CALENDAR_URL}}}}]\n\
         balances:\n  chains: [{{name: base, kind: evm, identity: \"8453\", every: 5s, endpoints: [{{name: one, url_env: RPC_URL}}]}}]\n\
         \x20 accounts: [{{name: pusher, chain: base, address: \"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\"}}]\n"
    )
}

async fn make_trouble(place: &Place, address: &str) -> String {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let alert = json!({"version": "4", "status": "firing", "alerts": [{
        "status": "firing", "startsAt": "2026-11-24T12:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "a",
        "labels": {"alertname": "Planted", "severity": "critical"}, "annotations": {"summary": "it burns"},
    }]});
    let hook = format!("http://{address}/webhooks/alertmanager/am");
    for token in ["wrong", "planted-alertmanager-9b07"] {
        let sent = client.post(&hook).bearer_auth(token).body(alert.to_string()).send().await.unwrap();
        assert_eq!(sent.status().is_success(), token != "wrong");
    }
    let mut pages = String::new();
    for line in ["/wk status", "/wk oncall", "/wk balance", "/wk graph lag", "/wk alerts", "/wk nonsense"] {
        pages.push_str(&place.slack.slash("alice", "feeds-alerts", line).await.to_string());
    }
    for page in ["/healthz", "/readyz", "/metrics", "/", "/webhooks/alertmanager/am"] {
        pages.push_str(&client.get(format!("http://{address}{page}")).send().await.unwrap().text().await.unwrap());
    }
    pages
}

/// Every file below, as it is on disk.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_planted_secret_is_in_a_log_a_page_a_message_or_the_database() {
    // Nobody listens there, and whoever connects is refused at once.
    let dead = "http://127.0.0.1:9";
    let mut place = Place::new().await;
    let planted = plant(&mut place, dead);
    place.configure(&configuration(&place, dead));
    let mut bot: Running = place.start(&["serve"]);
    let address = bot.address().await;
    until_answers(&format!("http://{address}/healthz"), |status, _| status == 200).await;
    let pages = make_trouble(&place, &address).await;
    // They were used, and what they were used for failed.
    for what in ["a paging service failed", "the heartbeat did not arrive", r#""chain":"base""#] {
        bot.says(what).await;
    }
    let (_, doctor) = place.run(&["doctor"]).await;
    let log = bot.terminated().await;
    let said: Vec<Value> = ["chat.postMessage", "chat.update", "chat.postEphemeral", "views.publish"]
        .into_iter()
        .flat_map(|method| place.slack.calls(method))
        .map(|call| call.args)
        .collect();
    let mut seen = vec![
        ("the log".to_owned(), log.into_bytes()),
        ("a page or an answer".to_owned(), pages.into_bytes()),
        ("what doctor says".to_owned(), doctor.into_bytes()),
        ("a message".to_owned(), Value::from(said).to_string().into_bytes()),
    ];
    assert!(seen.iter().all(|(_, bytes)| bytes.len() > 10), "there is something to look at");
    files(place.dir.path(), &mut seen);
    assert!(seen.iter().any(|(place, bytes)| place.ends_with("wk.sqlite") && bytes.len() > 4096), "the database too");
    for (place, bytes) in &seen {
        for (name, secret) in &planted {
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{name} is in {place}");
        }
    }
}
