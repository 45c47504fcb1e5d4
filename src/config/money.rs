//! Hot wallets in `watchkeeper.yaml`: whom they may pay and how much, and what is wrong with that.

use std::collections::{BTreeMap, BTreeSet};

use super::Config;
use super::actions::HotWallet;
use super::balances::Account;
use super::check::{is_variable, known_name};
use super::shape::nearest;
use crate::core::action::money;
use crate::core::action::policy::{Rule, Who};
use crate::core::wallet::{Amount, ChainKind};

/// The finest amount of a limit: what it is counted in is known only when the asset was read.
const FINEST: u8 = 24;
/// Blocks. An hour and more on the slowest chain; a hot wallet pays one after the other.
const DEEPEST: u64 = 500;

impl Config {
    /// The hot wallets with the names of those they may pay. Whatever is wrong was said by the check and is left out here.
    #[must_use]
    pub fn hot_wallets(&self) -> Vec<money::HotWallet> {
        let amounts = |texts: &BTreeMap<String, String>| {
            let read =
                texts.iter().filter_map(|(symbol, text)| Some((symbol.clone(), Amount::parse(text, FINEST).ok()?)));
            read.collect()
        };
        let wallet = |wallet: &HotWallet| money::HotWallet {
            name: wallet.name.clone(),
            chain: wallet.chain.clone(),
            to: self.paid_by(wallet).map(|account| account.name.clone()).collect(),
            per_transfer: amounts(&wallet.per_transfer),
            per_day: amounts(&wallet.per_day),
            max_fee: wallet.max_fee.as_ref().and_then(|text| Amount::parse(text, FINEST).ok()),
            confirmations: wallet.confirmations,
        };
        self.actions.hot_wallets.iter().map(wallet).collect()
    }

    /// An account is meant before a group of the same name.
    fn paid_by<'a>(&'a self, wallet: &'a HotWallet) -> impl Iterator<Item = &'a Account> {
        let named = |name: &String| self.balances.accounts.iter().any(|account| account.name == *name);
        self.balances.accounts.iter().filter(move |account| {
            let group = |to: &String| !named(to) && account.group.as_ref() == Some(to);
            account.chain == wallet.chain && wallet.to.iter().any(|to| *to == account.name || group(to))
        })
    }
}

/// What is wrong with a rule that lets money be moved.
pub(super) fn rule(rule: &Rule, key: &str, say: &mut impl FnMut(&str, String)) {
    if rule.approve.contains(&Who::Everyone) {
        say(
            &format!("{key}.approve"),
            "names everyone, and top-up moves money; name people (U…) or user groups (S…)".to_owned(),
        );
    }
    // Responders say by override who is on call, two of them for one another.
    if rule.approve.contains(&Who::OnCall) {
        say(
            &format!("{key}.approve"),
            "names on-call, which responders can give each other, and top-up moves money; name people (U…) or user groups (S…)"
                .to_owned(),
        );
    }
    if rule.quorum.is_some_and(|quorum| quorum < 2) {
        say(&format!("{key}.quorum"), "is less than 2, and top-up moves money; write 2 or leave it out".to_owned());
    }
}

pub(super) fn contradictions(config: &Config, say: &mut impl FnMut(&str, String)) {
    let (mut names, mut paid) = (BTreeSet::new(), BTreeMap::new());
    for (index, wallet) in config.actions.hot_wallets.iter().enumerate() {
        let key = format!("actions.hot_wallets[{index}]");
        if wallet.name.trim().is_empty() || !names.insert(wallet.name.as_str()) {
            let what = format!("`{}` is empty or names two hot wallets; give each its own name", wallet.name);
            say(&format!("{key}.name"), what);
        }
        one(wallet, &key, config, say);
        for account in config.paid_by(wallet) {
            if let Some(other) = paid.insert(account.name.as_str(), wallet.name.as_str()) {
                let what = format!("{} is paid by `{other}` already; one hot wallet pays it", account.name);
                say(&format!("{key}.to"), what);
            }
        }
    }
}

fn one(wallet: &HotWallet, key: &str, config: &Config, say: &mut impl FnMut(&str, String)) {
    let HotWallet { name: _, chain, key_env, key_file, to, per_transfer, per_day, max_fee, confirmations } = wallet;
    match config.balances.chain(chain) {
        None => {
            let chains: Vec<&str> = config.balances.chains.iter().map(|chain| chain.name.as_str()).collect();
            known_name(&format!("{key}.chain"), "chain", chain, &chains, say);
            return;
        }
        Some(chain) if !matches!(chain.kind, ChainKind::Solana | ChainKind::Evm) => {
            let what = format!("is of kind {}; nothing can be paid there, only on solana and evm", chain.kind.as_str());
            say(&format!("{key}.chain"), what);
        }
        Some(chain) if !chain.native => {
            say(
                &format!("{key}.chain"),
                "has no native coin that fees are paid in; nothing can be paid there".to_owned(),
            );
        }
        Some(_) => {}
    }
    match (key_env, key_file) {
        // A key that was put here by mistake is not repeated.
        (Some(variable), None) if !is_variable(variable) => say(
            &format!("{key}.key_env"),
            "is no name of a variable; the key belongs into the environment, and its name here, like HOT_SOLANA"
                .to_owned(),
        ),
        (Some(_), None) | (None, Some(_)) => {}
        (None, None) => say(key, "has no key; write `key_env` or `key_file`".to_owned()),
        (Some(_), Some(_)) => say(key, "has both `key_env` and `key_file`; keep one".to_owned()),
    }
    for (nth, name) in to.iter().enumerate() {
        one_paid(wallet, name, &format!("{key}.to[{nth}]"), config, say);
    }
    if to.is_empty() {
        say(&format!("{key}.to"), "names nobody; write names of `balances.accounts` or of groups".to_owned());
    }
    let symbols: BTreeSet<String> = config.paid_by(wallet).filter_map(|it| it.symbol(&config.balances)).collect();
    for (part, limits) in [("per_transfer", per_transfer), ("per_day", per_day)] {
        self::limits(limits, &symbols, &format!("{key}.{part}"), say);
    }
    for (symbol, text) in per_transfer {
        let read = |text: &String| Amount::parse(text, FINEST).ok();
        let day = per_day.get(symbol).and_then(read);
        if day.zip(read(text)).is_some_and(|(day, transfer)| transfer > day) {
            say(
                &format!("{key}.per_transfer.{symbol}"),
                "is more than `per_day`; one transfer is less than a day".to_owned(),
            );
        }
    }
    if let Some(Err(error)) = max_fee.as_ref().map(|text| Amount::parse(text, FINEST)) {
        say(&format!("{key}.max_fee"), error.to_string());
    }
    if *confirmations == 0 {
        say(&format!("{key}.confirmations"), "is 0; a transfer in no block is not done, so write 1 or more".to_owned());
    } else if *confirmations > DEEPEST {
        let what = format!("is {confirmations}; nothing else is paid meanwhile, so write at most {DEEPEST}");
        say(&format!("{key}.confirmations"), what);
    }
}

fn one_paid(wallet: &HotWallet, name: &str, key: &str, config: &Config, say: &mut impl FnMut(&str, String)) {
    let all = &config.balances;
    let here: Vec<&Account> = all.accounts.iter().filter(|account| account.chain == wallet.chain).collect();
    let account = all.accounts.iter().find(|account| account.name == name);
    match account {
        Some(account) if account.chain != wallet.chain => {
            say(key, format!("{name} is on {}, and this hot wallet on {}", account.chain, wallet.chain));
        }
        // It is part of what people type and of what buttons carry.
        Some(account) if account.name.contains(['/', ' ']) => {
            say(
                key,
                format!("`{name}` cannot be written as a target; give the account a name without spaces and slashes"),
            );
        }
        Some(_) => {}
        None if here.iter().any(|account| account.group.as_deref() == Some(name)) => {}
        None => {
            let groups = here.iter().filter_map(|account| account.group.as_deref());
            let known: BTreeSet<&str> = here.iter().map(|account| account.name.as_str()).chain(groups).collect();
            let known: Vec<&str> = known.into_iter().collect();
            known_name(key, &format!("account or group on {}", wallet.chain), name, &known, say);
        }
    }
}

fn limits(
    limits: &BTreeMap<String, String>,
    symbols: &BTreeSet<String>,
    key: &str,
    say: &mut impl FnMut(&str, String),
) {
    let known: Vec<&str> = symbols.iter().map(String::as_str).collect();
    for (symbol, text) in limits {
        let key = format!("{key}.{symbol}");
        if !symbols.contains(symbol) {
            let fix = nearest(symbol, &known)
                .map_or_else(|| format!("there are: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
            say(&key, format!("nobody it may pay holds {symbol}; {fix}"));
        } else if let Err(error) = Amount::parse(text, FINEST) {
            say(&key, error.to_string());
        }
    }
    for symbol in symbols.iter().filter(|symbol| !limits.contains_key(*symbol)) {
        say(key, format!("says nothing of {symbol}, so none of it could be paid; add it"));
    }
}
