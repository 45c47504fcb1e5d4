//! Wallets: rounds over chains become stored balances, signals and notes; questions get their answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use crate::chart;
use crate::core::alert::Alert;
use crate::core::command::balance::Ask;
use crate::core::decimal::Decimal;
use crate::core::engine::{Changes, Engine};
use crate::core::ids::AccountKey;
use crate::core::label::Labels;
use crate::core::severity::Severity;
use crate::core::shard::{Shard, Sort};
use crate::core::time::Timestamp;
use crate::core::wallet::history::{History, Point};
use crate::core::wallet::runway::{Outlook, WINDOW};
use crate::core::wallet::verdicts::{amount_words, left_words};
use crate::core::wallet::watch::{Arrival, Heard, Setup, Wallet, Wallets, Watched};
use crate::core::wallet::{Account, Amount, Reading, Round};
use crate::slack::api::{ApiError, Upload};
use crate::slack::blocks::balance::{self as cards, WalletCard, WalletRow, WalletsView};
use crate::slack::limiter::Turn;
use crate::slack::message::Message;
use crate::store::{StoreError, balances};

use super::Flow;
use super::divide::views::About;
use super::effect::{Effect, group_key, priority};
use super::funding::Plan;
use super::render::Scene;
use super::step::{StepError, fenced};

/// What the use cases know of wallets.
#[derive(Debug, Default)]
pub(super) struct Held {
    wallets: Wallets,
    pub(super) summary: Option<Plan>,
    /// When a replica without the lease last read what the holder stored.
    followed_at: Option<Timestamp>,
    /// Charts that were uploaded for answers: when, and Slack's file id.
    charts: BTreeMap<AccountKey, (Timestamp, String)>,
}

/// Prices older than this say nothing about today.
const PRICE_LASTS: Duration = Duration::from_hours(1);
/// An answer's chart is drawn anew after this long.
const CHART_LASTS: Duration = Duration::from_mins(5);
/// A replica without the lease answers from balances at most this old.
const FOLLOW: Duration = Duration::from_secs(30);
/// What "spent lately" looks back on.
const LATELY: Duration = Duration::from_hours(30 * 24);

impl Flow {
    /// Takes over which wallets are watched and who hears of their funding; alerts of what is gone end.
    pub async fn watch_wallets(&self, setup: Setup, summary: Option<Plan>) {
        let ended = {
            let mut held = self.held();
            held.summary = summary;
            held.followed_at = None;
            held.wallets.configure(setup)
        };
        self.signals(ended).await;
        // A wallet that is new here may have a past from before.
        if let Err(error) = self.restore_wallets(&[]).await {
            tracing::warn!(error = %error, "the past of the wallets could not be read");
        }
    }

    /// What is to be read on `chain`.
    pub fn wallet_accounts(&self, chain: &str) -> Vec<Account> {
        self.held().wallets.accounts(chain)
    }

    /// What was read last, from before the start too.
    pub fn wallet_readings(&self, chain: &str) -> Vec<Reading> {
        self.held().wallets.readings(chain)
    }

    /// Takes a round over `chain` in, and commits what follows from it.
    pub async fn balances(&self, chain: &str, round: &Round) {
        self.know_prices(chain).await;
        let now = self.now();
        let heard = self.held().wallets.round(chain, round, &|symbol| self.dollars(symbol), now);
        self.measure_wallets(chain);
        if let Err(error) = self.keep_balances(chain, &heard, now).await {
            self.metrics.store_failed();
            tracing::warn!(error = %error, "balances could not be stored; the next round stores them");
        }
        self.signals(heard.signals).await;
    }

    /// Asks for the prices of feeds that other replicas watch and that this chain's wallets are measured by.
    async fn know_prices(&self, chain: &str) {
        if self.divides().is_none() {
            return;
        }
        let symbols: BTreeSet<String> = {
            let held = self.held();
            let wallets = held.wallets.wallets().filter(|wallet| wallet.watched().chain == chain);
            wallets.filter_map(|wallet| wallet.watched().price.clone()).collect()
        };
        let own: BTreeSet<String> = self.feeds().into_iter().map(|feed| feed.symbol).collect();
        if !symbols.is_subset(&own) {
            self.consult(About::Feeds).await;
        }
    }

    async fn keep_balances(&self, chain: &str, heard: &Heard, now: Timestamp) -> Result<(), StepError> {
        let lease = match self.divides() {
            Some(_) => self.division.lease(&Shard::Chain(chain.to_owned())),
            None => self.lease(),
        };
        let Some(lease) = lease else { return Ok(()) };
        if !heard.arrivals.is_empty() {
            // Which alerts are open, and where, is what the replica that decides committed.
            self.follow().await;
        }
        let notes: Vec<_> = heard.arrivals.iter().flat_map(|arrival| self.arrival_notes(arrival, now)).collect();
        if heard.keep.is_empty() && notes.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        fenced(&mut tx, &lease, now).await?;
        balances::append(&mut tx, &heard.keep).await?;
        for (effect, priority) in &notes {
            self.enqueue(&mut tx, effect, *priority, now).await?;
        }
        tx.commit().await?;
        if !notes.is_empty() {
            self.outbox_bell.notify_one();
        }
        Ok(())
    }

    /// A line in the thread of every open alert about the wallet that got money.
    fn arrival_notes(&self, arrival: &Arrival, now: Timestamp) -> Vec<(Effect, i64)> {
        let held = self.held();
        let Some(wallet) = held.wallets.wallet(&arrival.account) else { return Vec::new() };
        let amounts = wallet.of_units(arrival.top_up.added).zip(wallet.of_units(arrival.top_up.after));
        let Some((added, holds)) = amounts else { return Vec::new() };
        let message = cards::topped_up(wallet.name(), &wallet.watched().symbol, added, holds);
        self.with_engine(|engine, _, _| {
            let (changes, runs) = (Changes::default(), BTreeMap::new());
            let scene = Scene { engine, changes: &changes, flow: self, runs: &runs, now };
            let labels = wallet.alert_labels();
            let groups = labels.iter().flat_map(|labels| engine.groups_of(labels.fingerprint())).filter(|g| g.open());
            let note = |group: &crate::core::group::Group| {
                let channel = scene.receiver(group)?.channel;
                let note = Effect::Note { key: group_key(&group.id), channel, message: message.clone() };
                Some((note, priority(group.severity)))
            };
            groups.filter_map(note).collect()
        })
    }

    /// Reads the stored past, and ends those of the `live` alerts that belong to no wallet any more.
    pub(super) async fn restore_wallets(&self, live: &[(Labels, Severity)]) -> Result<(), StoreError> {
        self.read_stored_balances(|_| true).await?;
        let ended = self.held().wallets.resume(live.iter().map(|(labels, severity)| (labels, *severity)));
        self.signals(ended).await;
        Ok(())
    }

    /// The past of the wallets on chains of which `wanted` is true.
    pub(super) async fn read_stored_balances(&self, wanted: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let now = self.now();
        let from = now.minus(WINDOW + Duration::from_hours(24));
        let wallets: Vec<String> = {
            let held = self.held();
            let watched = held.wallets.wallets().map(Wallet::watched).filter(|watched| wanted(&watched.chain));
            watched.map(Watched::identity).collect()
        };
        for part in wallets.chunks(balances::WALLETS) {
            let past = balances::since(&self.store, part, from, now).await?;
            self.held().wallets.restore(past);
        }
        Ok(())
    }

    /// Before a question is answered: a replica without the lease reads what the holder stored lately.
    pub(super) async fn follow_wallets(&self) {
        let now = self.now();
        let due = self.held().followed_at.is_none_or(|at| now < at || now.since(at) >= FOLLOW);
        let reads_all = match self.divides() {
            Some(shards) => {
                let mut chains = shards.all().iter().filter(|shard| shard.sort() == Sort::Chain);
                chains.all(|chain| self.division.holds(chain, now))
            }
            None => self.lease().is_some(),
        };
        if reads_all || !due {
            return;
        }
        match self.read_stored_balances(|chain| !self.reads_chain(chain)).await {
            Ok(()) => self.held().followed_at = Some(now),
            Err(error) => tracing::warn!(error = %error, "answering from older balances: the database cannot be read"),
        }
    }

    pub(super) async fn balance(&self, ask: &Ask) -> Message {
        self.follow_wallets().await;
        let Ask { filter, page } = ask;
        let found = match filter {
            Some(text) => self.find_wallets(text),
            None => self.held().wallets.wallets().cloned().collect(),
        };
        match (filter, found.as_slice()) {
            (Some(text), []) => self.no_such_wallet(text),
            (Some(_), [one]) => self.wallet_card(one).await,
            (filter, _) => self.wallet_list(&found, filter.as_deref(), *page),
        }
    }

    /// The one that is called `text`, or all that have it in their name, chain, group, asset, labels or address.
    fn find_wallets(&self, text: &str) -> Vec<Wallet> {
        let held = self.held();
        let wanted = text.to_lowercase();
        if let Some(named) = held.wallets.wallets().find(|wallet| wallet.name().to_lowercase() == wanted) {
            return vec![named.clone()];
        }
        let fits = |wallet: &&Wallet| {
            let watched = wallet.watched();
            let address = watched.account.address.to_string();
            let words = [wallet.name(), &watched.chain, &watched.symbol, &address];
            let mut words = words.into_iter().chain(watched.group.as_deref());
            words.any(|word| word.to_lowercase().contains(&wanted))
                || watched.labels.values().any(|word| word.to_lowercase().contains(&wanted))
        };
        held.wallets.wallets().filter(fits).cloned().collect()
    }

    fn no_such_wallet(&self, text: &str) -> Message {
        const ALIKE: f64 = 0.6;
        let held = self.held();
        let wanted = text.to_lowercase();
        let score = |name: &str| strsim::jaro_winkler(&wanted, &name.to_lowercase());
        let mut alike: Vec<&str> =
            held.wallets.wallets().map(Wallet::name).filter(|name| score(name) > ALIKE).collect();
        alike.sort_by(|a, b| score(b).total_cmp(&score(a)));
        cards::no_such_wallet(text, &alike)
    }

    fn wallet_list(&self, found: &[Wallet], filter: Option<&str>, page: u32) -> Message {
        self.with_engine(|engine, _, _| {
            let mut rows: Vec<WalletRow> = found.iter().map(|wallet| self.row(wallet, engine)).collect();
            // What is low comes first, then what runs dry first; what is not known stands before what lasts.
            rows.sort_by_cached_key(|row| {
                let left = match row.outlook {
                    Outlook::Falling(runway) => (0, runway.left),
                    Outlook::Unknown { .. } => (1, Duration::ZERO),
                    Outlook::Steady { .. } => (2, Duration::ZERO),
                };
                (std::cmp::Reverse(row.level), left, row.name)
            });
            cards::wallets(&WalletsView { rows: &rows, filter, page })
        })
    }

    fn row<'a>(&self, wallet: &'a Wallet, engine: &Engine) -> WalletRow<'a> {
        let watched = wallet.watched();
        let alerts = wallet.alert_labels();
        let alerts = alerts.iter().filter_map(|labels| engine.alert(labels.fingerprint()));
        WalletRow {
            name: wallet.name(),
            chain: &watched.chain,
            group: watched.group.as_deref(),
            symbol: &watched.symbol,
            amount: wallet.amount(),
            price: watched.price.as_deref().and_then(|symbol| self.dollars(symbol)),
            outlook: wallet.outlook(),
            level: alerts.filter(|alert| !alert.resolved()).map(|alert| alert.severity).max(),
            unknown: wallet.unknown(),
        }
    }

    async fn wallet_card(&self, wallet: &Wallet) -> Message {
        let now = self.now();
        let month = balances::of_wallet(&self.store, &wallet.watched().identity(), now.minus(LATELY)).await;
        let month = month.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "answering without the past month: the database cannot be read");
            Vec::new()
        });
        let decimals = wallet.amount().map(Amount::decimals);
        let month = month.iter().filter(|row| Some(row.amount.decimals()) == decimals);
        let month = History::of(month.map(|row| Point { at: row.at, units: row.amount.units() }).collect());
        let chart = self.answer_chart(wallet).await;
        let begin = month.points().first().map(|point| point.at);
        let spent = begin.zip(month.last()).map(|(begin, last)| (last.at.since(begin), month.spent_since(begin)));
        let top_up = month.last_top_up().or_else(|| wallet.history().last_top_up());
        let watched = wallet.watched();
        let address = watched.account.address.to_string();
        self.with_engine(|engine, _, _| {
            let labels = wallet.alert_labels();
            let alerts = labels.iter().filter_map(|labels| engine.alert(labels.fingerprint()));
            let alerts: Vec<(Option<u64>, &Alert)> = alerts
                .filter(|alert| !alert.resolved())
                .map(|alert| (engine.groups_of(alert.fingerprint()).next().map(|group| group.number), alert))
                .collect();
            cards::wallet(&WalletCard {
                row: self.row(wallet, engine),
                limits: &watched.limits,
                read_at: wallet.last().map(|point| point.at),
                last_top_up: top_up.and_then(|top_up| Some((top_up.at, wallet.of_units(top_up.added)?))),
                spent: spent.and_then(|(length, units)| Some((length, wallet.of_units(units)?))),
                address: &address,
                explorer: watched.explorer.as_deref(),
                alerts: &alerts,
                chart: chart.as_deref(),
                now,
            })
        })
    }

    /// Slack's file id of a chart for an answer: a recent one, or a new one when Slack takes it in time.
    async fn answer_chart(&self, wallet: &Wallet) -> Option<String> {
        let (key, now) = (wallet.watched().account.key.clone(), self.now());
        if let Some((_, file)) = self.held().charts.get(&key).filter(|(at, _)| now.since(*at) < CHART_LASTS) {
            return Some(file.clone());
        }
        let turn = self.limiter.lock().unwrap_or_else(PoisonError::into_inner).acquire(
            "files.completeUploadExternal",
            None,
            now,
        );
        if !matches!(turn, Turn::Ready) || wallet.history().points().len() < 2 {
            return None;
        }
        match tokio::time::timeout(self.waits.look, self.upload_balance_chart(wallet, None)).await {
            Ok(Ok(file)) => {
                let file = file?;
                self.held().charts.insert(key, (now, file.clone()));
                Some(file)
            }
            Ok(Err(error)) => {
                tracing::debug!(error = %error, "answering without a chart");
                None
            }
            Err(_) => None,
        }
    }

    /// As [`Self::upload_balance_chart`], of the wallet that is called so.
    pub(super) async fn upload_wallet_chart(
        &self,
        account: &AccountKey,
        since: Timestamp,
    ) -> Result<Option<String>, ApiError> {
        self.follow_wallets().await;
        let wallet = self.held().wallets.wallet(account).cloned();
        match wallet {
            Some(wallet) => self.upload_balance_chart(&wallet, Some(since)).await,
            None => Ok(None),
        }
    }

    /// Uploads a chart of a wallet; gives Slack's file id, or `None` when there is nothing to draw.
    async fn upload_balance_chart(
        &self,
        wallet: &Wallet,
        alert_at: Option<Timestamp>,
    ) -> Result<Option<String>, ApiError> {
        let name = wallet.name();
        let bytes = match chart::balance_chart(&drawn(wallet, alert_at), name) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(error = %error, "could not draw a chart");
                return Ok(None);
            }
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let upload = Upload {
            filename: format!("{}.png", name.chars().map(plain).collect::<String>()),
            title: name.to_owned(),
            alt_text: format!("Balance of {name} with its forecast"),
            bytes,
        };
        self.api.upload_file(&upload, None).await.map(Some)
    }

    /// The dollar price of a feed symbol, from the feeds under watch.
    pub(super) fn dollars(&self, symbol: &str) -> Option<Decimal> {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let view = watch.feeds().find(|view| view.feed().symbol == symbol)?;
        let update = view.price()?;
        (self.now().since(update.publish_time) <= PRICE_LASTS).then_some(update.price)
    }

    fn measure_wallets(&self, chain: &str) {
        let held = self.held();
        for wallet in held.wallets.wallets().filter(|wallet| wallet.watched().chain == chain) {
            let left = wallet.outlook().runway().map(|runway| runway.left);
            if let Some(amount) = wallet.amount() {
                self.metrics.balance(wallet.name(), chain, &wallet.watched().symbol, amount.to_f64(), left);
            }
        }
        let state = held.wallets.chains().find(|(known, _)| known.name == chain).and_then(|(_, state)| state);
        if let Some(state) = state {
            self.metrics.balance_round(chain, state.unknown, state.wallets);
        }
    }

    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.wallets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    pub(super) const fn wallets_mut(&mut self) -> &mut Wallets {
        &mut self.wallets
    }

    pub(super) const fn wallets(&self) -> &Wallets {
        &self.wallets
    }
}

/// The last eight days, and as far ahead as the past reaches back.
fn drawn(wallet: &Wallet, alert_at: Option<Timestamp>) -> chart::Balance {
    let symbol = &wallet.watched().symbol;
    let value = |units| wallet.of_units(units).map_or(0.0, Amount::to_f64);
    let point = |point: &Point| (point.at, value(point.units));
    let last = wallet.last();
    let runway = wallet.outlook().runway();
    let forecast = runway.zip(last).map(|(runway, last)| {
        let until = last.at.plus(runway.seen.max(Duration::from_mins(1)));
        runway.forecast(last, until).map(|end| point(&end))
    });
    let limits = wallet.watched().limits.amount;
    let limits = [("warning", limits.warning), ("critical", limits.critical)];
    let limit = |(name, amount): (&str, Option<Amount>)| {
        let amount = amount?;
        Some(chart::Threshold { price: amount.to_f64(), label: format!("{name} {amount}") })
    };
    let latest = wallet.amount().map(|amount| amount_words(amount, symbol)).unwrap_or_default();
    chart::Balance {
        points: wallet.history().points().iter().map(point).collect(),
        forecast,
        limits: limits.into_iter().filter_map(limit).collect(),
        latest: runway.map_or_else(|| latest.clone(), |runway| format!("{latest}, {} left", left_words(runway.left))),
        alert_at,
    }
}
