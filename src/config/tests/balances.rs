//! Mistakes about wallets, as their author reads them.

use super::{check, said};

const CHAINS: &str = "balances:
  chains:
    - {name: solana, kind: solana, endpoints: [{url: 'https://a.example'}], identity: g}
    - {name: base, kind: evm, endpoints: [{url_env: BASE_URL}], identity: \"8453\"}
";

fn with(accounts: &str) -> String {
    format!("{CHAINS}{accounts}")
}

fn checked(mistakes: &[(&str, &str)]) {
    for (text, expected) in mistakes {
        assert_eq!(said(&with(text)), *expected, "for:\n{text}");
    }
}

const SOL: &str = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM";

#[test]
fn a_bad_address_is_refused_with_its_line() {
    checked(&[
        (
            "  accounts:\n    - name: pusher\n      chain: solana\n      address: 9WzDXwBbmkg8ZTbN\n",
            "wk.yaml:8: balances.accounts[0].address: `9WzDXwBbmkg8ZTbN` is no Solana address: it holds 12 bytes, and a key has 32; is a part missing?",
        ),
        (
            "  accounts:\n    - {name: pusher, chain: base, address: '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD'}\n",
            "wk.yaml:6: balances.accounts[0].address: `0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD` is no EVM address: its capitals are a checksum (EIP-55) that does not match; copy the address again",
        ),
    ]);
    let of_evm = format!("  accounts:\n    - {{name: pusher, chain: base, address: {SOL}}}\n");
    assert!(said(&with(&of_evm)).contains("is no EVM address: it must begin with 0x"));
}

#[test]
fn names_that_lead_nowhere_name_what_was_meant() {
    let account = |rest: &str| format!("  accounts:\n    - {{name: pusher, address: {SOL}, {rest}}}\n");
    for (rest, expected) in [
        ("chain: solnaa", "wk.yaml:6: balances.accounts[0].chain: no chain is named `solnaa`; did you mean `solana`?"),
        (
            "chain: solana, owner: ann",
            "wk.yaml:6: balances.accounts[0].owner: `ann` cannot be pinged; write a user id (U…) or a user group id (S…)",
        ),
        (
            "chain: solana, labels: {chain: x}",
            "wk.yaml:6: balances.accounts[0].labels.chain: is a label these alerts have already; take another name",
        ),
        (
            "chain: solana, contract: '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', symbol: USDC",
            "wk.yaml:6: balances.accounts[0].contract: Solana has no such asset as the ERC-20 token 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed; Solana knows its native coin and SPL tokens (a mint)",
        ),
        (
            "chain: solana, mint: EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGkZwyTDt1v",
            "wk.yaml:6: balances.accounts[0].symbol: is missing; say what the token is called",
        ),
    ] {
        assert_eq!(said(&with(&account(rest))), expected);
    }
    checked(&[(
        "  summary: {schedule: 0 9 * * MON, receiver: defualt}\n",
        "wk.yaml:5: balances.summary.receiver: no receiver is named `defualt`; did you mean `default`?",
    )]);
}

#[test]
fn limits_are_amounts_and_the_right_way_round() {
    let account = |rest: &str| format!("  accounts:\n    - {{name: p, chain: solana, address: {SOL}, {rest}}}\n");
    for (rest, expected) in [
        (
            "warning: {amount: a lot}",
            "wk.yaml:6: balances.accounts[0].warning.amount: `a lot` is not an amount; write it like 1.25, without a sign and without thousands separators",
        ),
        (
            "warning: {amount: \"0.5\"}, critical: {amount: \"1\"}",
            "wk.yaml:6: balances.accounts[0].critical.amount: is above the warning; a critical limit is lower",
        ),
        (
            "warning: {runway: 1h}, critical: {runway: 2h}",
            "wk.yaml:6: balances.accounts[0].critical.runway: is above the warning; a critical limit is lower",
        ),
    ] {
        assert_eq!(said(&with(&account(rest))), expected);
    }
}

#[test]
fn an_endpoint_has_one_address_and_a_name_of_its_own() {
    let endpoints = |list: &str| {
        format!("balances:\n  chains:\n    - {{name: s, kind: solana, identity: g, endpoints: [{list}]}}\n")
    };
    let key = "wk.yaml:3: balances.chains[0].endpoints";
    for (list, expected) in [
        ("", format!("{key}: names no address; give at least one, better three")),
        ("{name: a}", format!("{key}[0]: has no address; write `url`, or `url_env` for one with a secret in it")),
        ("{url: 'https://a.example', url_env: A}", format!("{key}[0]: has both `url` and `url_env`; keep one")),
        (
            "{url: 'https://a.example/1'}, {url: 'https://a.example/2'}",
            format!("{key}[1]: two endpoints are called `a.example`; give each a `name`"),
        ),
    ] {
        assert_eq!(said(&endpoints(list)), expected);
    }
    check(&[(
        "balances:\n  chains:\n    - {name: s, kind: solana, identity: g, endpoints: [{url_env: A}], explorer: 'https://x.example/'}\n",
        "wk.yaml:3: balances.chains[0].explorer: has no `{address}` in it; write it like https://solscan.io/account/{address}",
    )]);
}

#[test]
fn a_group_lends_what_an_account_does_not_say() {
    use crate::core::wallet::Amount;
    let text = format!(
        "{CHAINS}  groups:\n    pusher: {{warning: {{runway: 3d, amount: \"1\"}}, owner: U0TEAM, labels: {{team: a, tier: x}}}}\n  \
         accounts:\n    - {{name: p, chain: solana, address: {SOL}, group: pusher, warning: {{amount: \"2\"}}, labels: {{team: b}}}}\n\
         receivers: [{{name: default, channel: C01}}]\n\
         alerting: {{root: {{receiver: default, routes: [{{matchers: ['team=\"b\"', 'account=\"p\"']}}]}}}}\n"
    );
    let config = super::parse(std::path::Path::new("wk.yaml"), &text).unwrap();
    let setup = config.balances.setup();
    let watched = &setup.wallets[0];
    assert_eq!(watched.limits.amount.warning, Some(Amount::parse("2", 9).unwrap()));
    assert_eq!(watched.limits.runway.warning.unwrap().to_string(), "3d");
    assert_eq!(watched.owner.as_deref(), Some("U0TEAM"));
    assert_eq!(watched.symbol, "SOL");
    assert_eq!((watched.labels["team"].as_str(), watched.labels["tier"].as_str()), ("b", "x"));
}

#[test]
fn nobody_waits_for_more_blocks_than_a_hot_wallet_can_spare() {
    let paying = |deep: u64| {
        let account = "{name: pusher, chain: base, address: '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'}";
        let limits = "per_transfer: {ETH: \"1\"}, per_day: {ETH: \"2\"}";
        let hot = format!("{{name: ops, chain: base, key_env: HOT, to: [pusher], {limits}, confirmations: {deep}}}");
        said(&with(&format!("  accounts:\n    - {account}\nactions:\n  hot_wallets:\n    - {hot}\n")))
    };
    assert_eq!(paying(500), "fine");
    assert!(paying(501).contains("confirmations: is 501; nothing else is paid meanwhile"), "{}", paying(501));
}
