//! Everything there is to hand over in one shift, from the real parts of the bot; and the shift after it beside that.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use watchkeeper::clock::Clock;
use watchkeeper::cluster::Update;
use watchkeeper::core::feed::{Feed, Observation};
use watchkeeper::core::handoff::Section;
use watchkeeper::core::market::MarketHours;
use watchkeeper::core::time::{Span, Timestamp};
use watchkeeper::core::workload::policy::Certificate;
use watchkeeper::core::workload::{Kind, Meta, News, Object, Scope, Uid};
use watchkeeper::sim::cluster::Hold;
use watchkeeper::sim::wallets;

use super::super::balances::{KEEPER, SOL, balances};
use super::super::support::acting::Acting;
use super::super::support::bot::feed;
use super::super::support::{Database, TestClock};
use super::{answerable, at, last, look, policy, press, shown};

const EVERY: [&str; 3] = ["Crypto.BTC/USD", "Crypto.ETH/USD", "Crypto.SOL/USD"];

fn time(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

/// A cluster that may be acted on, and a chain with one wallet, on a clock of its own that goes along.
struct Place {
    acting: Acting,
    chains: wallets::Handle,
    clock: Arc<TestClock>,
}

impl Place {
    async fn new() -> Self {
        let clock = TestClock::new();
        let chains = wallets::start(0, clock.clone(), None).await.unwrap();
        chains.set(KEEPER, 10 * SOL, 0);
        let acting = Acting::with(Database::sqlite(), |config| {
            config.oncall.schedules = serde_json::from_value(json!([
                {
                    "name": "primary", "channel": "C0OPS", "handoff": {"policy": "watch"},
                    "layers": [{"users": ["U0ALICE", "U0BOB"], "start": "2026-01-06", "hand_over": "12:40"}],
                },
                {"name": "secondary", "layers": [{"users": ["U0DAVE"], "start": "2026-01-05"}]},
            ]))
            .unwrap();
            config.escalation.policies = vec![policy()];
            config.incidents.own_channel = false;
            config.balances = balances(&chains);
            config.balances.accounts.truncate(1);
            config.balances.accounts[0].critical.amount = Some("0.5".to_owned());
            config.alerting.flap.changes = 3;
            config.alerting.flap.hold = Span::from_secs(7200);
        })
        .await;
        look(&acting.bot).await;
        Self { acting, chains, clock }
    }

    /// To this time, in one leap, also for the chain.
    async fn at(&self, text: &str) {
        self.clock.advance(time(text).since(self.clock.now()));
        at(&self.acting.bot, text).await;
    }
}

/// A firing, a resolution and a firing again, which is flapping; and one that a silence hides.
async fn noise(acting: &Acting) {
    let bot = &acting.bot;
    bot.stop("Crypto.SOL/USD");
    bot.advance(150).await;
    bot.go_on("Crypto.SOL/USD");
    bot.advance(150).await;
    bot.stop("Crypto.SOL/USD");
    bot.advance(150).await;
    acting.type_in("alice", "/wk silence ETH/USD 30h upgrade of the publisher").await;
    bot.stop("Crypto.ETH/USD");
    bot.advance(150).await;
}

/// What Flux keeps is changed for a while.
async fn suspended(acting: &mut Acting) {
    let object = json!({
        "metadata": {"name": "keeper", "namespace": "flux-system"},
        "spec": {"interval": "10m", "path": "./keeper", "sourceRef": {"kind": "GitRepository", "name": "infra"}},
    });
    acting.cluster.create("kustomizations", object, "story");
    acting.ask("alice", "scale keeper 3 --suspend 2h").await;
    for user in ["bob", "carol"] {
        acting.press(user, 1, "Approve").await;
    }
    acting.act().await;
    acting.until_told("alice", "/wk handoff primary temporary", "flux-system/keeper").await;
}

/// One that waits, one of which nobody knows whether it happened; then nothing more.
async fn operations(acting: &Acting) {
    acting.ask("alice", "restart price-pusher-solana").await;

    acting.ask("alice", "scale price-pusher-evm 3").await;
    acting.press("bob", 3, "Approve").await;
    let (flow, before) = (Arc::clone(&acting.bot.flow), acting.cluster.held());
    acting.cluster.hold_next_write(Hold::After);
    let driving = tokio::spawn(async move { while flow.drive_actions().await.unwrap() > 0 {} });
    tokio::time::timeout(Duration::from_secs(20), acting.cluster.until_held(before)).await.expect("it writes");
    driving.abort();
    let _aborted = driving.await;
    acting.cluster.outage(true);
    acting.bot.flow.drive_actions().await.unwrap();
    acting.bot.advance(11).await;
    acting.bot.flow.drive_actions().await.unwrap();
    acting.cluster.outage(false);
    assert_eq!(acting.state(3).await, "unknown");
    acting.type_in("carol", "/wk freeze the launch").await;
}

async fn world(Place { acting, chains, .. }: &Place) {
    let bot = &acting.bot;
    chains.set(KEEPER, SOL / 10, 0);
    let closes = MarketHours::Catalogue { open: true, next_open: None, next_close: Some(time("2026-11-24T21:00:00Z")) };
    let equity = Feed { hours: closes, ..feed("Equity.US.AAPL/USD") };
    let feeds = EVERY.iter().map(|symbol| feed(symbol)).chain([equity]).collect();
    bot.flow.observe(&[Observation::Catalogue { source: "hermes".to_owned(), feeds }]).await;
    let meta = Meta {
        namespace: "feeds".into(),
        name: "hermes-tls".into(),
        uid: Uid::of("1"),
        created_at: None,
        generation: 1,
        deleting_since: None,
        controller: None,
        owner: None,
        touched: None,
    };
    let not_after = Some(time("2026-11-29T12:00:00Z"));
    let certificate = Certificate { meta, not_after, renewal_at: None, trouble: None };
    let news = News::Applied(Scope::all(Kind::Certificate), Box::new(Object::Certificate(certificate)));
    bot.flow.observe_clusters(vec![Update { cluster: "prod".into(), news }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shift_has_everything_in_it_and_the_next_is_held_against_it() {
    let mut place = Place::new().await;
    suspended(&mut place.acting).await;
    let acting = &place.acting;
    acting.type_in("alice", "/wk incident Hermes lags").await;
    acting.type_in("alice", "/wk incident 1 resolve a slow node was replaced").await;
    acting.type_in("alice", "/wk incident SOL/USD is stale").await;
    acting.type_in("alice", "/wk incident 2 next fail over to Frankfurt").await;
    acting.type_in("alice", "/wk note primary the Frankfurt node is slow").await;
    acting.type_in("dave", "/wk override secondary @carol now for 5h").await;
    noise(acting).await;
    operations(acting).await;
    world(&place).await;
    place.at("2026-11-24T12:40:00Z").await;

    let mut text = shown(&acting.bot);
    for section in Section::ALL {
        let part = acting.type_in("alice", &format!("/wk handoff 1 {}", section.word())).await;
        let _ = write!(text, "\n\n=== {}\n{part}", section.word());
    }
    for part in [
        "SOL/USD is stale",
        "fail over to Frankfurt",
        "hides ",
        "is flapping",
        "nobody knows what came of it",
        "waits for approval",
        "goes back by itself at",
        "resumes by itself at",
        "No action begins since",
        "*carol* has *secondary* by an override",
        "*keeper* on solana",
        "equity markets close",
        "*feeds/hermes-tls* in prod expires",
        "incident 1, Hermes lags: resolved",
        "action 3, Scale prod/feeds/Deployment/price-pusher-evm: unknown",
        "the Frankfurt node is slow",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    insta::assert_snapshot!("handoff_parts", text);

    press(&acting.bot, "alice", "Accept").await;
    assert_eq!(answerable(&acting.bot, "primary"), ["U0ALICE"]);
    acting.bot.heal();
    place.at("2026-12-01T12:10:00Z").await;
    place.at("2026-12-01T12:40:00Z").await;
    let next = last(&acting.bot);
    assert!(next.contains(" in 7 d the shift before)"), "{next}");
    insta::assert_snapshot!(
        "handoff_beside",
        next.lines().filter(|line| line.contains("alerts: ")).collect::<String>()
    );
}
