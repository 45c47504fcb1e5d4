//! Rounds in, alerts out, as somebody on call would tell them.

use super::*;
use crate::core::severity::Severity::{Critical, Warning};
use crate::core::signal::Evidence;
use crate::core::wallet::limits::{Levels, Limits};
use crate::core::wallet::{Address, Amount, Asset, Balance, ChainKind, Why};

const START: i64 = 1_800_000_000;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(START + secs)
}

fn sol(text: &str) -> Amount {
    Amount::parse(text, 9).unwrap()
}

fn watched(name: &str, chain: &str) -> Watched {
    let text = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM";
    let address = Address::parse(ChainKind::Solana, text).unwrap();
    Watched {
        account: Account { key: AccountKey::new(name), address, asset: Asset::Native },
        chain: chain.to_owned(),
        symbol: "SOL".to_owned(),
        group: Some("pusher".to_owned()),
        labels: BTreeMap::new(),
        owner: Some("U0OWNER".to_owned()),
        limits: Limits {
            amount: Levels { warning: Some(sol("1")), critical: Some(sol("0.5")) },
            runway: Levels { warning: Some(Span::from_secs(48 * 3600)), critical: Some(Span::from_secs(12 * 3600)) },
        },
        explorer: Some(format!("https://solscan.io/account/{text}")),
        price: Some("Crypto.SOL/USD".to_owned()),
    }
}

fn setup(names: &[&str]) -> Setup {
    let chain = Chain { name: "solana".to_owned(), kind: ChainKind::Solana, patience: Span::from_secs(300) };
    Setup { chains: vec![chain], wallets: names.iter().map(|name| watched(name, "solana")).collect() }
}

fn wallets(names: &[&str]) -> Wallets {
    let mut wallets = Wallets::default();
    assert!(wallets.configure(setup(names)).is_empty());
    wallets
}

/// A round in which every wallet holds what it is said to hold; `None`: nothing is known of it.
fn round(secs: i64, held: &[(&str, Option<Amount>)]) -> Round {
    let outcome = |(name, amount): &(&str, Option<Amount>)| {
        let account = AccountKey::new(*name);
        let outcome = match amount {
            Some(amount) => {
                let position = secs.unsigned_abs();
                RoundOutcome::Ok(Reading { account: account.clone(), amount: *amount, position, observed_at: at(secs) })
            }
            None => RoundOutcome::Unreliable { why: Why::TooFew { answered: 1, needed: 2 }, endpoints: Vec::new() },
        };
        (account, outcome)
    };
    let endpoints = ["helius", "triton"].map(|name| (name.to_owned(), EndpointVerdict::Agreed));
    Round { accounts: held.iter().map(outcome).collect(), endpoints: endpoints.into_iter().collect() }
}

fn price(symbol: &str) -> Option<Decimal> {
    (symbol == "Crypto.SOL/USD").then(|| "143.2".parse().unwrap())
}

fn see(wallets: &mut Wallets, secs: i64, held: &[(&str, Option<Amount>)]) -> Heard {
    wallets.round("solana", &round(secs, held), &price, at(secs))
}

/// What fires, as `rule account severity`.
fn active(heard: &Heard) -> Vec<String> {
    let line = |signal: &Signal| {
        let name = |label: &str| signal.labels.get(label).unwrap_or_default().to_owned();
        let what = if name("account").is_empty() { name("chain") } else { name("account") };
        matches!(signal.condition, Condition::Active(_))
            .then(|| format!("{} {what} {}", name(ALERTNAME), signal.severity))
    };
    heard.signals.iter().filter_map(line).collect()
}

fn evidence<'a>(heard: &'a Heard, rule: &str) -> &'a Evidence {
    let found = heard.signals.iter().find_map(|signal| match &signal.condition {
        Condition::Active(evidence) if signal.labels.get(ALERTNAME) == Some(rule) => Some(evidence),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{rule} is not active: {heard:?}"))
}

/// `hours` of spending half a SOL an hour, read every ten minutes; ends with `last`.
fn drain(wallets: &mut Wallets, hours: i64, last: &str) -> Heard {
    let mut heard = Heard::default();
    for step in 0..=hours * 6 {
        let more = u128::from((hours * 6 - step).unsigned_abs()) * 83_333_333;
        let amount = Amount::new(sol(last).units() + more, 9).unwrap();
        heard = see(wallets, step * 600, &[("pusher", Some(amount))]);
    }
    heard
}

#[test]
fn a_wallet_that_gets_empty_is_told_with_its_pace_its_worth_and_where_to_look() {
    let mut wallets = wallets(&["pusher"]);
    let heard = drain(&mut wallets, 20, "0.42");
    assert_eq!(active(&heard), ["BalanceLow pusher critical", "RunwayShort pusher critical"]);
    let low = evidence(&heard, BALANCE_LOW);
    assert_eq!(low.summary, "pusher holds only 0.42 SOL (≈ $60.14)");
    assert_eq!((low.value.as_str(), low.threshold.as_str()), ("0.42 SOL (≈ $60.14)", "0.5 SOL"));
    assert_eq!(low.owner.as_deref(), Some("U0OWNER"));
    assert!(low.links[0].url.starts_with("https://solscan.io/account/9WzDX"));
    let short = evidence(&heard, RUNWAY_SHORT);
    assert_eq!(short.summary, "pusher runs dry in about 50 min 24 s");
    assert_eq!(
        short.cause.as_deref(),
        Some("it spends 11.9999 SOL a day, about 50 min 24 s left (medium confidence, seen over 20 h)")
    );
    assert_eq!(short.threshold, "12 h");
}

#[test]
fn an_alert_ends_when_the_wallet_is_clearly_better_and_the_top_up_is_noted() {
    let mut wallets = wallets(&["pusher"]);
    drain(&mut wallets, 20, "0.42");
    let still = see(&mut wallets, 20 * 3600 + 60, &[("pusher", Some(sol("0.44")))]);
    assert!(active(&still).contains(&"BalanceLow pusher critical".to_owned()), "income is no top-up");
    assert!(still.arrivals.is_empty());
    let topped_up = see(&mut wallets, 20 * 3600 + 120, &[("pusher", Some(sol("500.44")))]);
    assert_eq!(active(&topped_up), Vec::<String>::new());
    assert_eq!(topped_up.arrivals.len(), 1);
    assert_eq!(topped_up.arrivals[0].top_up.added, sol("500").units());
    let wallet = wallets.wallet(&AccountKey::new("pusher")).unwrap();
    assert_eq!((wallet.level(), wallet.history().last_top_up().unwrap().at), (None, at(20 * 3600 + 120)));
}

#[test]
fn an_rpc_that_fails_is_one_alert_and_says_nothing_about_wallets() {
    let names: Vec<String> = (0..30).map(|n| format!("pusher-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut wallets = wallets(&names);
    let held: Vec<_> = names.iter().map(|name| (*name, Some(sol("0.2")))).collect();
    assert_eq!(active(&see(&mut wallets, 0, &held)).len(), 30);
    let lost: Vec<_> = names.iter().map(|name| (*name, None)).collect();
    let mut failed = round(60, &lost);
    failed.endpoints.insert("helius".to_owned(), EndpointVerdict::Failed { error: "timed out".to_owned() });
    failed.endpoints.insert("triton".to_owned(), EndpointVerdict::Lagging { by: 900 });
    let heard = wallets.round("solana", &failed, &price, at(60));
    assert_eq!(active(&heard), ["BalanceUnreliable solana warning"]);
    assert_eq!(heard.signals.len(), 2, "nothing is said about wallets, not even that they are well");
    let evidence = evidence(&heard, BALANCE_UNRELIABLE);
    assert_eq!(evidence.cause.as_deref(), Some("helius: timed out; triton is 900 slots behind"));
    assert_eq!(evidence.value, "30 of 30 wallets unknown");
    assert_eq!(wallets.wallet(&AccountKey::new("pusher-1")).unwrap().level(), Some(Critical));
}

#[test]
fn an_endpoint_that_lies_is_named_while_the_others_are_believed() {
    let mut wallets = wallets(&["pusher"]);
    let mut lied = round(0, &[("pusher", Some(sol("9")))]);
    let balance = |amount: &str| Balance { amount: sol(amount), position: 7 };
    let said = super::super::round::Contradiction {
        account: AccountKey::new("pusher"),
        said: balance("900"),
        others: balance("9"),
    };
    lied.endpoints.insert("helius".to_owned(), EndpointVerdict::Lying { said });
    let heard = wallets.round("solana", &lied, &price, at(0));
    assert_eq!(active(&heard), ["RpcDegraded solana warning"]);
    let evidence = evidence(&heard, RPC_DEGRADED);
    assert_eq!(evidence.summary, "helius tells other balances on solana than the rest");
    assert_eq!(evidence.cause.as_deref(), Some("helius lies: 900 for pusher, the others say 9"));
}

#[test]
fn a_few_minutes_of_data_wake_nobody_for_tomorrow() {
    let mut wallets = wallets(&["pusher"]);
    let mut heard = Heard::default();
    for minute in 0..10i64 {
        let amount =
            Amount::new(sol("20").units() - u128::from(minute.unsigned_abs()) * sol("0.05").units(), 9).unwrap();
        heard = see(&mut wallets, minute * 60, &[("pusher", Some(amount))]);
    }
    assert_eq!(active(&heard), Vec::<String>::new(), "six hours left by ten minutes of data");
}

#[test]
fn an_empty_wallet_is_critical_whatever_its_limits() {
    let mut only_time = setup(&["pusher"]);
    only_time.wallets[0].limits.amount = Levels::default();
    let mut wallets = Wallets::default();
    wallets.configure(only_time);
    let heard = see(&mut wallets, 0, &[("pusher", Some(sol("0")))]);
    assert_eq!(active(&heard), ["BalanceLow pusher critical"]);
    assert_eq!(evidence(&heard, BALANCE_LOW).summary, "pusher is empty");
}

#[test]
fn a_price_that_is_missing_changes_nothing_but_the_dollars() {
    let mut wallets = wallets(&["pusher"]);
    let heard = wallets.round("solana", &round(0, &[("pusher", Some(sol("0.42")))]), &|_| None, at(0));
    assert_eq!(evidence(&heard, BALANCE_LOW).summary, "pusher holds only 0.42 SOL");
}

#[test]
fn what_changed_is_stored_and_what_did_not_is_stored_now_and_then() {
    let mut wallets = wallets(&["pusher"]);
    let mut stored = Vec::new();
    for minute in 0..40 {
        let amount = if minute < 35 { sol("5") } else { sol("4.9") };
        let heard = see(&mut wallets, minute * 60, &[("pusher", Some(amount))]);
        stored.extend(heard.keep.iter().map(|_| minute));
    }
    assert_eq!(stored, [0, 15, 30, 35]);
}

#[test]
fn a_restart_goes_on_where_the_last_process_stopped() {
    let mut before = wallets(&["pusher"]);
    let mut rows: Vec<Kept> = Vec::new();
    for step in 0..=120 {
        let amount = Amount::new(sol("0.42").units() + (120 - step) * 83_333_333, 9).unwrap();
        rows.extend(see(&mut before, i64::try_from(step).unwrap() * 600, &[("pusher", Some(amount))]).keep);
    }
    let mut after = wallets(&["pusher"]);
    after.restore(BTreeMap::from([(watched("pusher", "solana").identity(), rows)]));
    let key = AccountKey::new("pusher");
    assert_eq!(after.wallet(&key).unwrap().outlook(), before.wallet(&key).unwrap().outlook());
    assert_eq!(after.readings("solana"), before.readings("solana"));
    let live = [(watched("pusher", "solana").labels(RUNWAY_SHORT), Critical)];
    assert!(after.resume(live.iter().map(|(labels, severity)| (labels, *severity))).is_empty());
    assert_eq!(after.wallet(&key).unwrap().level(), Some(Critical));
}

#[test]
fn alerts_of_wallets_that_are_no_longer_watched_end() {
    let mut wallets = wallets(&["pusher", "keeper"]);
    see(&mut wallets, 0, &[("pusher", Some(sol("0.1"))), ("keeper", Some(sol("0.1")))]);
    let gone = watched("long-gone", "solana").labels(BALANCE_LOW);
    let ended = wallets.resume([(&gone, Warning)]);
    assert_eq!(ended.len(), 1);
    let ended = wallets.configure(setup(&["keeper"]));
    let names: Vec<_> = ended.iter().filter_map(|signal| signal.labels.get("account")).collect();
    assert_eq!(names, ["pusher"]);
    assert!(ended.iter().all(|signal| signal.condition == Condition::Inactive));
    let none = wallets.configure(Setup::default());
    assert!(none.iter().any(|signal| signal.labels.get(ALERTNAME) == Some(BALANCE_UNRELIABLE)));
}

#[test]
fn another_address_under_the_same_name_has_no_past() {
    let mut wallets = wallets(&["pusher"]);
    drain(&mut wallets, 20, "0.42");
    let mut moved = setup(&["pusher"]);
    moved.wallets[0].account.address =
        Address::parse(ChainKind::Solana, "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA").unwrap();
    assert_eq!(wallets.configure(moved).len(), 2, "both of its alerts end");
    assert_eq!(wallets.wallet(&AccountKey::new("pusher")).unwrap().amount(), None);
}
