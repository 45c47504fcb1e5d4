//! The command line: every command against the real binary, each mistake with its fix and exit code.

use std::sync::Arc;

use serde_json::Value;
use sqlx::{ConnectOptions as _, Executor as _};
use watchkeeper::clock::SystemClock;
use watchkeeper::core::audit::Record;
use watchkeeper::core::audit::checkpoint::{Checkpoint, Signer};
use watchkeeper::core::ids::Actor;
use watchkeeper::core::time::Timestamp;
use watchkeeper::core::wallet::ChainKind;
use watchkeeper::sim::wallets::{self, Fault};
use watchkeeper::store::{Settings, Store, audit};

use super::support::Database;
use super::support::process::{Place, until_answers};

#[tokio::test(flavor = "multi_thread")]
async fn check_config_names_file_line_and_key() {
    let place = Place::new().await;
    assert_eq!(place.run(&["check-config"]).await, (0, "watchkeeper.yaml is fine\n".to_owned()));
    place.configure(&place.usual().replace("channel: C0ALERTS", "chanel: C0ALERTS"));
    let (code, said) = place.run(&["check-config"]).await;
    assert_eq!(code, 1);
    assert_eq!(
        said,
        "watchkeeper.yaml:10: receivers[0].chanel: is not a key that belongs here; did you mean `channel`?\n"
    );
    let (code, said) = place.run(&["check-config", "--config", "other.yaml"]).await;
    assert_eq!(code, 1);
    assert!(said.starts_with("other.yaml: cannot be read"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_config_warns_of_times_without_anybody_and_is_content() {
    let place = Place::new().await;
    let schedule = "oncall:\n  schedules:\n    - name: office\n      layers:\n        - users: [U0ALICE]\n          start: 2020-01-06\n          restrictions: [{weekdays: ['monday:friday']}]\n";
    place.configure(&format!("{}\n{schedule}", place.usual()));
    let (code, said) = place.run(&["check-config"]).await;
    let warnings: Vec<_> = said.lines().filter(|line| line.starts_with("warning: watchkeeper.yaml:")).collect();
    assert_eq!((code, warnings.len()), (0, 2), "{said}");
    assert!(warnings[0].contains("nobody is told when a time without anybody comes in `office`"), "{said}");
    assert!(warnings[1].contains("nobody is on call in `office` from"), "{said}");
    assert!(said.ends_with("watchkeeper.yaml is fine\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_is_fine_for_the_binary_too() {
    let place = Place::new().await;
    place.configure(include_str!("../../watchkeeper.sample.yaml"));
    assert_eq!(place.run(&["check-config"]).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_fits_the_mode() {
    let place = Place::new().await;
    let (code, said) = place.run(&["manifest"]).await;
    let manifest: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &manifest["settings"]["socket_mode_enabled"]), (0, &Value::Bool(true)));

    place.configure(&place.usual().replace("slack:", "slack:\n  mode: http\n  public_url: https://wk.example.com"));
    let (_, said) = place.run(&["manifest"]).await;
    let manifest: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(manifest["settings"]["event_subscriptions"]["request_url"], "https://wk.example.com/slack/events");

    place.configure(&place.usual().replace("slack:", "slack:\n  mode: http"));
    let (code, said) = place.run(&["manifest"]).await;
    assert_eq!((code, said.contains("slack.public_url is not set")), (1, true), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_and_version_need_no_configuration() {
    let place = Place::new().await;
    std::fs::remove_file(place.dir.path().join("watchkeeper.yaml")).unwrap();
    let (code, said) = place.run(&["schema"]).await;
    assert_eq!(code, 0);
    assert!(serde_json::from_str::<Value>(&said).unwrap()["properties"]["receivers"].is_object());
    let (code, said) = place.run(&["version"]).await;
    assert_eq!((code, said), (0, format!("watchkeeper {}\n", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_makes_the_database_and_may_be_run_again() {
    let place = Place::new().await;
    for _ in 0..2 {
        let (code, said) = place.run(&["migrate"]).await;
        assert_eq!((code, said.starts_with("the database is up to date: schema ")), (0, true), "{said}");
    }
    place.configure(&place.usual().replace("wk.sqlite", "missing/wk.sqlite"));
    let (code, said) = place.run(&["migrate"]).await;
    assert_eq!((code, said.contains("the directory must exist and be writable")), (1, true), "{said}");
}

/// A database with three audit entries.
async fn audited() -> Place {
    let place = Place::new().await;
    let url = format!("sqlite:{}", place.dir.path().join("wk.sqlite").display());
    let store = Store::connect(&Settings::new(url)).await.unwrap();
    store.migrate().await.unwrap();
    let record = |subject: &str| Record {
        at: Timestamp::from_secs(1_795_521_600),
        actor: Actor::System,
        action: "alert.acknowledged".to_owned(),
        subject: subject.to_owned(),
        detail: r#"{"by":"U0ALICE"}"#.to_owned(),
    };
    let mut tx = store.begin().await.unwrap();
    audit::append(&mut tx, &["alert/1", "alert/2", "alert/3"].map(record)).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_shown_exported_and_verified() {
    let place = audited().await;
    let (code, said) = place.run(&["audit", "verify"]).await;
    assert_eq!((code, said.starts_with("3 entries hold; head 3:")), (0, true), "{said}");
    let head = said.trim().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(place.run(&["audit", "verify", "--checkpoint", &head]).await.0, 0);

    let (_, said) = place.run(&["audit", "show", "--limit", "2"]).await;
    let subjects: Vec<_> = said.lines().map(|line| line.split("  ").nth(5).unwrap_or(line)).collect();
    assert_eq!(said.lines().count(), 2, "{subjects:?}");
    assert!(said.contains("alert/3") && !said.contains("alert/1"), "{said}");

    let (_, said) = place.run(&["audit", "export"]).await;
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!((&last["seq"], &last["detail"]["by"]), (&Value::from(3), &Value::from("U0ALICE")));
    let (_, said) = place.run(&["audit", "export", "--format", "csv"]).await;
    assert_eq!(said.lines().count(), 4, "{said}");
}

async fn tamper(place: &Place, sql: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.dir.path().join("wk.sqlite"));
    let mut connection = options.connect().await.unwrap();
    connection.execute("DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete").await.unwrap();
    connection.execute(sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_and_a_removed_entry_are_named() {
    let place = audited().await;
    tamper(&place, "UPDATE audit SET detail = '{\"by\":\"U0BOB\"}' WHERE seq = 2").await;
    let (code, said) = place.run(&["audit", "verify"]).await;
    assert_eq!((code, said.as_str()), (1, "BROKEN: entry 2 was altered\n1 entries before entry 2 hold\n"));

    let place = audited().await;
    tamper(&place, "DELETE FROM audit WHERE seq = 2").await;
    let (code, said) = place.run(&["audit", "verify"]).await;
    assert_eq!((code, said.contains("entry 2 is missing")), (1, true), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_checkpoints_in_a_file_find_what_was_cut_off_and_a_forged_one_is_named() {
    let place = audited().await;
    let (code, said) = place.run(&["audit", "keygen", "--out", "audit.key"]).await;
    let public =
        said.split("public key: ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default().to_owned();
    assert_eq!((code, public.len()), (0, 64), "{said}");
    assert_ne!(place.run(&["audit", "keygen", "--out", "audit.key"]).await.0, 0, "a key is not overwritten");
    let secret = std::fs::read_to_string(place.dir.path().join("audit.key")).unwrap();
    let signer = Signer::from_secret(&secret).unwrap();
    let (_, said) = place.run(&["audit", "verify"]).await;
    let (seq, hash) = said.trim().rsplit(' ').next().unwrap().split_once(':').unwrap();
    let genuine = signer.sign(seq.parse().unwrap(), hash, Timestamp::from_secs(1_800_000_000));
    let file = |checkpoint: &Checkpoint| {
        let line = serde_json::to_string(checkpoint).unwrap() + "\n";
        std::fs::write(place.dir.path().join("checkpoints.jsonl"), line).unwrap();
    };
    let verify = ["audit", "verify", "--checkpoints", "checkpoints.jsonl", "--public-key", &public];
    file(&genuine);
    let (code, said) = place.run(&verify).await;
    assert_eq!((code, said.starts_with("3 entries hold, as 1 checkpoints say")), (0, true), "{said}");
    file(&Checkpoint { hash: "0".repeat(64), ..genuine.clone() });
    let (code, said) = place.run(&verify).await;
    assert_eq!((code, said.contains("FORGED: the checkpoint at 3 in checkpoints.jsonl")), (1, true), "{said}");
    tamper(
        &place,
        "DELETE FROM audit WHERE seq = 3; UPDATE audit_head SET seq = 2, hash = (SELECT hash FROM audit WHERE seq = 2)",
    )
    .await;
    file(&genuine);
    let (code, said) = place.run(&verify).await;
    assert_eq!((code, said.contains("entry 3 is not what an earlier checkpoint noted")), (1, true), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_cut_short_with_its_head_is_found_by_a_checkpoint() {
    let place = audited().await;
    let (_, said) = place.run(&["audit", "verify"]).await;
    let noted = said.trim().rsplit(' ').next().unwrap().to_owned();
    tamper(
        &place,
        "DELETE FROM audit WHERE seq = 3; UPDATE audit_head SET seq = 2, hash = (SELECT hash FROM audit WHERE seq = 2)",
    )
    .await;
    assert_eq!(place.run(&["audit", "verify"]).await.0, 0, "nothing in the database tells");
    let (code, said) = place.run(&["audit", "verify", "--checkpoint", &noted]).await;
    assert_eq!((code, said.contains("entry 3 is not what an earlier checkpoint noted")), (1, true), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_all_well() {
    let place = Place::new().await;
    let (code, said) = place.run(&["doctor"]).await;
    assert_eq!(code, 0, "{said}");
    for line in [
        "  ok    bot token: U0WATCHBOT in Watchkeeper Labs",
        "  ok    every scope that is needed is granted",
        "  ok    this machine's clock agrees with Slack's",
        "  ok    #feeds-alerts: the bot is a member",
        "  ok    app token: Socket Mode opens",
        "  ok    SQLite answers; its schema will be brought up to date at the next start",
        "  ok    hermes: 127.0.0.1 lists 43 feeds",
        "all 7 checks are well",
    ] {
        assert!(said.contains(line), "`{line}` is missing in:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_compares_clocks_with_a_postgres() {
    let Some(database) = Database::postgres() else { return };
    let place = Place::new().await;
    let own = format!("sqlite:{}", place.dir.path().join("wk.sqlite").display());
    place.configure(&place.usual().replace(&own, &database.url));
    let (code, said) = place.run(&["doctor"]).await;
    assert_eq!((code, said.contains("  ok    this machine's clock agrees with the database's")), (0, true), "{said}");
}

/// What doctor says is wrong, and that it fails for it.
async fn wrong(place: &Place) -> String {
    let (code, said) = place.run(&["doctor"]).await;
    assert_eq!(code, 1, "{said}");
    let wrong = said.lines().skip_while(|line| !line.contains("WRONG")).take(2);
    wrong.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_how_to_mend_slack() {
    let place = Place::with(|app| app.scopes.retain(|scope| scope != "files:write")).await;
    let said = wrong(&place).await;
    assert!(said.contains("scope files:write is not granted: attach price charts"), "{said}");
    assert!(said.contains("fix: add it under OAuth & Permissions"), "{said}");

    let place = Place::with(|app| app.for_organization = true).await;
    let said = wrong(&place).await;
    assert!(
        said.contains("installed for a whole organization") && said.contains("fix: install it into the one workspace"),
        "{said}"
    );

    let mut place = Place::new().await;
    place.configure(&place.usual().replace("C0ALERTS", "C0RANDOM"));
    let said = wrong(&place).await;
    assert!(said.contains("the bot is not in #random\n        fix: type `/invite @watchkeeper` there"), "{said}");

    place.configure(&place.usual());
    place.secrets = vec![
        ("SLACK_BOT_TOKEN".to_owned(), "xoxb-of-another-app".to_owned()),
        ("SLACK_APP_TOKEN".to_owned(), "xapp-1-local-app-token".to_owned()),
    ];
    let said = wrong(&place).await;
    assert!(said.contains("bot token: Slack refused: invalid_auth\n        fix: install the app"), "{said}");

    place.secrets.remove(0);
    let said = wrong(&place).await;
    assert!(said.contains("SLACK_BOT_TOKEN is not set\n        fix: copy it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_people_on_call_whom_slack_does_not_know() {
    let place = Place::new().await;
    let with = |users: &str| {
        let layer = format!("{{users: [{users}], start: 2026-01-05}}");
        format!("{}\noncall: {{schedules: [{{name: primary, layers: [{layer}]}}]}}\n", place.usual())
    };
    let (known, unknown) = (with("U0ALICE, bob@example.com"), with("U0NOBODY, U0ALICE"));
    place.configure(&known);
    let (code, said) = place.run(&["doctor"]).await;
    assert_eq!((code, said.contains("2 of 2 people on call")), (0, true), "{said}");
    place.configure(&unknown);
    let said = wrong(&place).await;
    assert!(said.contains("Slack knows nobody called U0NOBODY"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_how_to_mend_a_source_and_a_database() {
    let place = Place::new().await;
    // Port 1 is nobody's.
    place.configure(&place.usual().replace(place.hermes.base_url().as_str(), "http://127.0.0.1:1/"));
    let said = wrong(&place).await;
    assert!(said.contains("hermes: 127.0.0.1: ") && said.contains("fix: check the address"), "{said}");

    place.configure(&place.usual().replace("wk.sqlite", "missing/wk.sqlite"));
    let said = wrong(&place).await;
    assert!(said.contains("missing/wk.sqlite.lock") && said.contains("fix: check database.url"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_asks_every_endpoint_of_a_chain() {
    const PUSHER: &str = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM";
    let place = Place::new().await;
    let chains = wallets::start(0, Arc::new(SystemClock::new(1)), None).await.unwrap();
    chains.set(PUSHER, 5_000_000_000, 0);
    let endpoint = |(nth, url): (usize, &url::Url)| format!("{{name: node-{nth}, url: '{url}'}}");
    let endpoints: Vec<String> = chains.endpoints(ChainKind::Solana).iter().enumerate().map(endpoint).collect();
    place.configure(&format!(
        "{}\nbalances:\n  chains: [{{name: solana, kind: solana, identity: {}, endpoints: [{}]}}]\n  \
         accounts: [{{name: pusher, chain: solana, address: {PUSHER}}}]\n",
        place.usual(),
        wallets::SOLANA,
        endpoints.join(", ")
    ));
    let (code, said) = place.run(&["doctor"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ok    solana: node-2 answers"), "{said}");
    assert!(said.contains("ok    solana: 1 of 1 balances are known"), "{said}");
    chains.set_fault(ChainKind::Solana, 1, Fault::WrongChain);
    let said = wrong(&place).await;
    assert!(said.contains("solana: node-1 is a node of chain") && said.contains("or correct `identity`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_becomes_ready_and_ends_cleanly() {
    let place = Place::new().await;
    let mut bot = place.start(&["serve"]);
    let address = bot.address().await;
    let (_, body) = until_answers(&format!("http://{address}/readyz"), |status, _| status == 200).await;
    assert!(body.contains(r#""ready":true"#), "{body}");
    until_answers(&format!("http://{address}/healthz"), |status, body| status == 200 && body == "alive\n").await;

    let (code, said) = place.run(&["serve"]).await;
    assert_eq!((code, said.contains("another watchkeeper process uses this SQLite database")), (1, true), "{said}");
    let (_, said) = place.run(&["doctor"]).await;
    assert!(said.contains("SQLite, in use by a running bot"), "{said}");
    assert_eq!(place.run(&["audit", "verify"]).await.0, 0, "the log can be read beside a running bot");

    bot.signal("TERM");
    bot.says("\"stopped\"").await;
    assert_eq!(bot.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_is_taken_over_and_a_wrong_one_is_not() {
    let place = Place::new().await;
    let mut bot = place.start(&["serve"]);
    bot.address().await;
    let loads = || async { place.run(&["audit", "show", "--action", "config.loaded"]).await.1.lines().count() };
    assert_eq!(loads().await, 1);

    place.configure(&format!("{}rules: {{silent_after: 20s}}\n", place.usual()));
    bot.signal("HUP");
    bot.says("configuration reloaded").await;
    assert_eq!(loads().await, 2);

    place.configure(&place.usual().replace("receivers", "recievers"));
    bot.signal("HUP");
    bot.says("watchkeeper.yaml:8: recievers: is not a key that belongs here; did you mean `receivers`?").await;
    bot.says("the one before stays in force").await;

    place.configure(&place.usual().replace("filter: info", "filter: warn"));
    bot.signal("HUP");
    let said = bot.says("at the next start only").await;
    assert!(said.contains("log"), "{said}");
    bot.says("configuration reloaded").await;
    assert_eq!(loads().await, 3, "the wrong one was never in force");
    bot.signal("TERM");
    assert_eq!(bot.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_says_what_is_missing() {
    let mut place = Place::new().await;
    place.secrets.remove(1);
    let (code, said) = place.run(&["serve"]).await;
    assert_eq!(
        (code, said.contains("SLACK_APP_TOKEN is not set; socket mode needs an app-level token")),
        (1, true),
        "{said}"
    );
    place.secrets[0].1 = "xoxe.xoxb-1-rotating".to_owned();
    place.secrets.push(("SLACK_APP_TOKEN".to_owned(), "xapp-1".to_owned()));
    let (code, said) = place.run(&["serve"]).await;
    assert_eq!((code, said.contains("SLACK_BOT_TOKEN holds a token that rotates")), (1, true), "{said}");
    assert!(!said.contains("1-rotating"), "{said}");
    place.secrets.clear();
    let (code, said) = place.run(&["serve"]).await;
    assert_eq!((code, said.contains("SLACK_BOT_TOKEN is not set; copy the Bot User OAuth Token")), (1, true), "{said}");
}
