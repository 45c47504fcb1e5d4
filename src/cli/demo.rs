//! `watchkeeper demo`: the bot in a world of its own. A Slack workspace with a web page, Hermes and exchanges start on
//! loopback, and the bot is configured for them exactly as an operator would configure it for the real ones.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::app::{Waits, Wiring};
use crate::clock::{SharedClock, SystemClock, Ulids};
use crate::config::actions::Actions;
use crate::config::balances::{Account, Balances, Chain, Common, Endpoint, Limit};
use crate::config::clusters::Cluster;
use crate::config::oncall::OnCall;
use crate::config::secrets::Environment;
use crate::config::sections::{Http, Mode, Slack};
use crate::config::sources::{HermesSource, References, Selection, Venue};
use crate::config::{Config, sections::Database};
use crate::core::action::kind::Kind;
use crate::core::action::plan::Risk;
use crate::core::action::policy::{Rule, Who};
use crate::core::command::catalogue;
use crate::core::detect::{Overrides, RuleConfig, Rules};
use crate::core::engine::Policy;
use crate::core::engine::mute::TimeOfDay;
use crate::core::escalation::{self, Escalation, Step, Target};
use crate::core::handoff;
use crate::core::ids::{ChannelId, UserGroupId, UserId};
use crate::core::oncall::{Layer, Person, Restriction, Schedule, StartDate};
use crate::core::receiver::Receiver;
use crate::core::time::{Span, Timestamp};
use crate::core::wallet::ChainKind;
use crate::core::workload::rules::RuleName;
use crate::feeds::reference::VenueKind;
use crate::sim::{cluster, hermes, slack, venues, wallets};
use crate::slack::manifest::{self, Features, REQUEST_PATH, Transport};
use crate::telemetry::{self, LogFormat};

use super::{Failure, say, serve};

#[derive(Args)]
pub(super) struct DemoArguments {
    /// Port of the page.
    #[arg(long, default_value_t = 4747)]
    port: u16,
    /// The same seed gives the same prices and incidents.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many times as fast time runs.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60))]
    speed: u32,
    /// Where to keep the database; a temporary directory, removed at the end, when not given.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// How the workspace reaches the bot.
    #[arg(long, value_enum, default_value_t = Transported::Socket)]
    mode: Transported,
    /// Quiet: no scripted incidents.
    #[arg(long)]
    calm: bool,
    /// Log lines of the bot, in RUST_LOG syntax.
    #[arg(long, default_value = "warn")]
    log: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transported {
    Socket,
    Http,
}

/// What the local cluster is called in commands.
const CLUSTER: &str = "local";
const BOT_TOKEN: &str = "xoxb-local-world";
const APP_TOKEN: &str = "xapp-local-world";
const SIGNING_SECRET: &str = "local-world-signing-secret";

pub(super) async fn demo(options: DemoArguments) -> Result<(), Failure> {
    telemetry::start(LogFormat::Text, &options.log)?;
    let clock: SharedClock = Arc::new(SystemClock::new(options.speed));
    let mut hermes = hermes::Config::demo(clock.clone(), options.seed);
    if options.calm {
        hermes.script = None;
    }
    let hermes = hermes::start(hermes).await?;
    let venues = venues::start(0, hermes.market()).await?;
    let mut small = cluster::Config::demo(clock.clone());
    if options.calm {
        small.script = None;
    }
    let small = cluster::start(small).await?;
    let script = if options.calm { wallets::Script::Calm } else { wallets::Script::RunsDry };
    let wallets = wallets::start(0, clock.clone(), Some(script)).await?;
    let workspace = slack::start(workspace(&options, &clock)).await?;

    let directory = Directory::of(options.dir)?;
    let kubeconfig = directory.path().join("kubeconfig");
    small.write_kubeconfig(CLUSTER, &kubeconfig)?;
    let listen = free_address()?;
    let mode = if options.mode == Transported::Socket { Mode::Socket } else { Mode::Http };
    let config = Config {
        slack: Slack {
            mode,
            api_url: workspace.api_url(),
            public_url: Some(format!("http://{listen}")),
            ..Slack::default()
        },
        http: Http { listen, metrics_listen: Some(free_address()?), ..Http::default() },
        database: Database {
            url: format!("sqlite:{}", directory.path().join("watchkeeper.sqlite").display()),
            ..Database::default()
        },
        sources: vec![HermesSource {
            name: "hermes".to_owned(),
            endpoints: vec![hermes.base_url().to_string()],
            token_env: "HERMES_TOKEN".to_owned(),
            feeds: Selection::default(),
        }],
        references: references(&venues),
        clusters: vec![watched(kubeconfig)],
        rules: rules(),
        alerting: alerting(),
        oncall: oncall(clock.now()),
        escalation: escalation(),
        actions: actions(),
        balances: balances(&wallets),
        receivers: vec![Receiver {
            name: "default".to_owned(),
            channel: ChannelId::new("C0ALERTS"),
            fallback_channel: Some(ChannelId::new("C0OPS")),
            mention: std::collections::BTreeMap::new(),
        }],
        ..Config::default()
    };
    match mode {
        Mode::Socket => workspace
            .install(app(mode, listen))
            .await
            .map_err(|error| format!("the local workspace refused the app: {error}"))?,
        // Slack asks the request URL for its challenge, which is there once the bot listens.
        Mode::Http => drop(tokio::spawn(install_once_it_answers(workspace.clone(), listen, clock.clone()))),
    }
    let environment = Environment::from_pairs(
        [("SLACK_BOT_TOKEN", BOT_TOKEN), ("SLACK_APP_TOKEN", APP_TOKEN), ("SLACK_SIGNING_SECRET", SIGNING_SECRET)]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let wiring = Wiring {
        config,
        environment,
        clock,
        ids: Arc::new(Ulids::random()),
        seed: options.seed,
        waits: Waits::default(),
    };
    say(&format!("watchkeeper demo: open {}", workspace.url()))?;
    if !options.calm {
        say("the first incident comes within a minute in #feeds-alerts; try /wk help there; Ctrl-C ends it")?;
        say(
            "three minutes after the start (sooner with --speed) Alice takes over the watch in #ops: press Accept there",
        )?;
        say(&format!("soon a wallet runs dry too; curl -X POST {} tops it up", wallets.top_up_url()))?;
    }
    Box::pin(serve::serve(wiring, None)).await
}

async fn install_once_it_answers(workspace: slack::Workspace, listen: SocketAddr, clock: SharedClock) {
    while workspace.install(app(Mode::Http, listen)).await.is_err() {
        clock.sleep(std::time::Duration::from_millis(200)).await;
    }
}

fn workspace(options: &DemoArguments, clock: &SharedClock) -> slack::Config {
    let speed = options.speed;
    let config = slack::Config::new(clock.clone());
    // What Slack limits in seconds of ours must not shrink when the world's clock runs fast.
    let timing = slack::Timing {
        trigger_life: slack::Timing::default().trigger_life * speed,
        socket_life: slack::Timing::default().socket_life * speed,
        ..slack::Timing::default()
    };
    slack::Config { port: options.port, seed: options.seed, timing, ..config }
}

/// The app as Slack knows it after somebody pasted our manifest.
fn app(mode: Mode, listen: SocketAddr) -> slack::AppConfig {
    let bot_url = format!("http://{listen}");
    let transport = match mode {
        Mode::Socket => Transport::SocketMode,
        Mode::Http => Transport::Http { public_url: bot_url.clone() },
    };
    let features = Features::all(transport);
    let url = format!("{bot_url}{REQUEST_PATH}");
    let delivery = match mode {
        Mode::Socket => slack::Delivery::SocketMode,
        Mode::Http => {
            slack::Delivery::Http { events_url: url.clone(), commands_url: url.clone(), interactivity_url: url }
        }
    };
    let command = slack::Command {
        name: features.command.clone(),
        description: "Ask watchkeeper".to_owned(),
        usage_hint: "help | status | feed <symbol> | alerts …".to_owned(),
        completions: catalogue()
            .iter()
            .map(|topic| format!("{} {} — {}", topic.name, topic.usage, topic.what))
            .collect(),
    };
    slack::AppConfig {
        app_id: "A0WATCH".to_owned(),
        name: "watchkeeper".to_owned(),
        bot_user: "U0WATCH".to_owned(),
        bot_id: "B0WATCH".to_owned(),
        bot_token: BOT_TOKEN.to_owned(),
        app_token: APP_TOKEN.to_owned(),
        signing_secret: SIGNING_SECRET.to_owned(),
        scopes: manifest::scopes(&features).into_iter().map(|scope| scope.name.to_owned()).collect(),
        events: manifest::events(&features).into_iter().map(str::to_owned).collect(),
        commands: vec![command],
        shortcuts: shortcuts(&features),
        delivery,
        for_organization: false,
    }
}

fn shortcuts(features: &Features) -> Vec<slack::Shortcut> {
    let offered = manifest::shortcuts(features).into_iter();
    offered.map(|(name, id, _)| slack::Shortcut { name: name.to_owned(), callback_id: id.to_owned() }).collect()
}

/// How long after the start the watch changes hands.
const FIRST_HANDOFF: std::time::Duration = std::time::Duration::from_mins(3);

/// Alice and Bob take turns of an hour, and Alice's next begins soon; Dave comes along on weekdays. The group `@oncall`
/// follows them, and Carol is told when nobody accepts.
fn oncall(now: Timestamp) -> OnCall {
    let next = jiff::Timestamp::from_millisecond(now.plus(FIRST_HANDOFF).as_millis()).unwrap_or_default();
    let next = jiff::tz::TimeZone::UTC.to_datetime(next);
    let minutes = i16::from(next.hour()) * 60 + i16::from(next.minute());
    // A day is an even number of turns, so that the next is the first person's.
    let yesterday = next.date().yesterday().unwrap_or(jiff::civil::date(2026, 1, 5));
    let layer = |users: &[&str], zone: &str, restrictions: Vec<Restriction>| Layer {
        users: users.iter().map(|user| Person::Slack(UserId::new(*user))).collect(),
        shift_length: Span::from_secs(7 * 86_400),
        start: StartDate(jiff::civil::date(2026, 1, 5)),
        hand_over: TimeOfDay::from_minutes(9 * 60),
        time_zone: zone.parse().unwrap_or_default(),
        restrictions,
    };
    let turns = Layer {
        shift_length: Span::from_secs(3600),
        start: StartDate(yesterday),
        hand_over: TimeOfDay::from_minutes(minutes),
        ..layer(&["U0ALICE", "U0BOB"], "UTC", Vec::new())
    };
    let days = Restriction {
        weekdays: "monday:friday".parse().into_iter().collect(),
        start_time: TimeOfDay::from_minutes(9 * 60),
        end_time: TimeOfDay::from_minutes(17 * 60),
    };
    let schedule = |name: &str, layers, user_group: Option<&str>| Schedule {
        name: name.to_owned(),
        layers,
        ical: None,
        pagerduty: None,
        time_zone: None,
        channel: Some(ChannelId::new("C0OPS")),
        handoff: None,
        user_group: user_group.map(UserGroupId::new),
    };
    let quick = handoff::Settings {
        remind: Span::from_secs(120),
        accept_within: Span::from_secs(300),
        policy: Some(WATCH.to_owned()),
        ..handoff::Settings::default()
    };
    let primary = Schedule { handoff: Some(quick), ..schedule("primary", vec![turns], Some("S0ONCALL")) };
    let secondary =
        vec![layer(&["U0BOB", "U0CAROL"], "Europe/Paris", Vec::new()), layer(&["U0DAVE"], "Europe/Warsaw", vec![days])];
    OnCall { schedules: vec![primary, schedule("secondary", secondary, None)], ..OnCall::default() }
}

/// The policy for a watch that nobody accepts.
const WATCH: &str = "watch";

fn escalation() -> Escalation {
    let carol = Step { targets: vec![Target::User(UserId::new("U0CAROL"))], wait: Span::from_secs(300) };
    let policy = escalation::Policy { name: WATCH.to_owned(), after: Span::default(), steps: vec![carol], repeat: 0 };
    Escalation { policies: vec![policy], rules: Vec::new() }
}

/// Alice and Dave ask, Bob and Carol approve; whoever is on call counts as well.
fn actions() -> Actions {
    let people = |users: &[&str]| -> Vec<Who> {
        users.iter().map(|user| Who::User { team: None, user: UserId::new(*user) }).collect()
    };
    let rule = |name: &str, actions: Vec<Kind>, risk: Option<Risk>| Rule {
        name: name.to_owned(),
        actions,
        request: vec![Who::Everyone],
        approve: people(&["U0ALICE", "U0BOB", "U0CAROL"]),
        risk,
        ..Rule::default()
    };
    let nodes = [Kind::Cordon, Kind::Uncordon, Kind::Drain];
    let rest = Kind::ALL.into_iter().filter(|kind| !nodes.contains(kind) && *kind != Kind::TopUp).collect();
    Actions {
        enabled: true,
        channel: Some(ChannelId::new("C0OPS")),
        rules: vec![
            rule("nodes", nodes.to_vec(), Some(Risk::R2)),
            // Two people approve, so that a newcomer sees both.
            Rule { quorum: Some(2), ..rule("services", rest, None) },
        ],
        break_glass: vec![Who::OnCall],
        unfreeze: people(&["U0BOB", "U0CAROL"]),
        ..Actions::default()
    }
}

fn references(venues: &venues::Handle) -> References {
    let at = |kind| Venue { enabled: true, url: Some(venues.base_url(kind).to_string()) };
    References {
        symbols: ["BTC", "ETH", "SOL", "DOGE", "AVAX", "LINK", "XRP"].map(|base| format!("Crypto.{base}/USD")).into(),
        every: Span::from_secs(5),
        coinbase: at(VenueKind::Coinbase),
        kraken: at(VenueKind::Kraken),
        binance: at(VenueKind::Binance),
        coingecko: at(VenueKind::Coingecko),
    }
}

/// Its incidents last for minutes: what a team would wait a quarter of an hour for is told within half a minute here.
fn watched(kubeconfig: PathBuf) -> Cluster {
    let soon = |rule| {
        let (pending_for, keep_firing_for) = (Some(Span::from_secs(25)), Some(Span::from_secs(15)));
        (rule, RuleConfig { pending_for, keep_firing_for, ..RuleConfig::default() })
    };
    let rules = [RuleName::KubePodCrashLooping, RuleName::KubeImagePullFailing, RuleName::KubeNodeNotReady];
    Cluster { rules: rules.map(soon).into(), ..Cluster::by_kubeconfig(CLUSTER, kubeconfig) }
}

/// Two local chains, and a keeper whose money lasts for minutes.
fn balances(world: &wallets::Handle) -> Balances {
    let chain = |name: &str, kind: ChainKind, identity: String, price: &str| Chain {
        name: name.to_owned(),
        kind,
        endpoints: world.endpoints(kind).iter().zip(["alpha", "beta", "gamma"]).map(endpoint).collect(),
        identity,
        native: true,
        explorer: None,
        symbol: None,
        decimals: None,
        price: Some(price.to_owned()),
        every: Span::from_secs(5),
        unreliable_after: Span::from_secs(30),
    };
    let limit = |minutes: u64| Limit { runway: Some(Span::from_secs(minutes * 60)), ..Limit::default() };
    let quick = Common { warning: limit(15), critical: limit(10), ..Common::default() };
    let usual = Common { warning: limit(3 * 24 * 60), critical: limit(12 * 60), ..Common::default() };
    Balances {
        chains: vec![
            chain("solana", ChainKind::Solana, wallets::SOLANA.to_owned(), "Crypto.SOL/USD"),
            chain("base", ChainKind::Evm, wallets::EVM.to_string(), "Crypto.ETH/USD"),
        ],
        groups: [("keeper", quick), ("pusher", usual.clone()), ("fee payer", usual)]
            .map(|(name, group)| (name.to_owned(), group))
            .into(),
        accounts: wallets::DEMO.iter().map(account).collect(),
        summary: None,
    }
}

fn endpoint((url, name): (&url::Url, &str)) -> Endpoint {
    Endpoint { name: Some(name.to_owned()), url: Some(url.to_string()), url_env: None }
}

fn account(purse: &wallets::Purse) -> Account {
    Account::native(purse.name, purse.chain, purse.address, Some(purse.group))
}

/// A newcomer does not wait two minutes to see what a stale feed looks like.
fn rules() -> Rules {
    let quick =
        Overrides { stale_min: Some(Span::from_secs(8)), stale_max: Some(Span::from_secs(20)), ..Overrides::default() };
    Rules { classes: std::collections::BTreeMap::from([("crypto".to_owned(), quick)]), ..Rules::default() }
}

fn alerting() -> Policy {
    let mut policy = Policy::default();
    policy.root.group_wait = Some(Span::from_secs(3));
    policy
}

/// A loopback address nobody listens on right now.
fn free_address() -> std::io::Result<SocketAddr> {
    std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// Where the demo keeps its database.
enum Directory {
    Given(PathBuf),
    Temporary(PathBuf),
}

impl Directory {
    fn of(given: Option<PathBuf>) -> std::io::Result<Self> {
        let name = || format!("watchkeeper-demo-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let directory = given.map_or_else(|| Self::Temporary(std::env::temp_dir().join(name())), Self::Given);
        std::fs::create_dir_all(directory.path())?;
        Ok(directory)
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Given(path) | Self::Temporary(path) => path,
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Self::Temporary(path) = self {
            // A directory that cannot be removed is the operating system's to clean up.
            let _left_behind = std::fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::oncall::{Directory, Roster};

    #[test]
    fn alice_comes_in_within_three_minutes_whenever_it_starts() {
        for text in [
            "2026-11-30T12:00:00Z",
            "2026-11-30T12:00:59Z",
            "2026-11-30T23:56:30Z",
            "2026-11-30T23:57:00Z",
            "2026-11-30T23:59:59Z",
            "2026-12-01T00:00:00Z",
            "2026-02-28T23:58:01Z",
            "2028-02-29T23:57:30Z",
            "2026-12-31T23:58:00Z",
        ] {
            let now = Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
            let on_call = oncall(now);
            let primary = &on_call.schedules[0];
            let directory = Directory::trusting(&on_call.schedules);
            let roster = Roster { layers: &primary.layers, imported: &[], overrides: &[], directory: &directory };
            assert_eq!(roster.at(now).on_call, [UserId::new("U0BOB")], "{text}: somebody hands over");
            let (at, people) = roster.next_hand_over(now).unwrap();
            assert_eq!(people, [UserId::new("U0ALICE")], "{text}");
            let wait = at.since(now).as_secs();
            assert!((120..=180).contains(&wait), "{text}: after {wait} s");
            let policy = primary.handoff.as_ref().and_then(|handoff| handoff.policy.as_deref()).unwrap();
            assert!(escalation().policy(policy).is_some(), "somebody is told when nobody accepts");
        }
    }
}
