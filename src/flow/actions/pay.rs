//! Payments: who may pay whom is looked up in the configuration as it is now, what has been paid in the store, and both again
//! as one begins.

use std::time::Duration;

use crate::chain::write::{Look, Sight};
use crate::core::action::approval::{Approved, under_way};
use crate::core::action::found::{CannotPlan, Settled};
use crate::core::action::journal::{Lasts, Signed, Tried};
use crate::core::action::kind::Action;
use crate::core::action::money::{self, DAY, HotWallet, Route, Transfer};
use crate::core::action::plan::{Plan, Preview, Write};
use crate::core::action::request::{Request, State};
use crate::core::action::target::{Sort, Target};
use crate::core::command::action::{self as command, Wish};
use crate::core::time::Timestamp;
use crate::core::wallet::Amount;
use crate::core::wallet::watch::{Wallet, Watched};
use crate::slack::blocks::action as blocks;
use crate::slack::message::Message;
use crate::store::{StoreError, Tx, actions};

use super::super::Flow;
use super::Settings;
use super::hands::{Hands, Patience};
use super::target::rest_of;

/// Seconds. Twice and a half of what the slowest chain takes for one.
const A_BLOCK: u64 = 30;
const IN_NO_BLOCK: &str = "the transaction is sent, and in no block that more than half of the endpoints know";

/// Why a payment does not begin, found in the transaction that would let it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unpaid {
    /// Another of the same hot wallet is under way.
    NotNow(String),
    /// It would pass a limit.
    Never(String),
}

impl Flow {
    /// What `action` would do to `target` as it is now.
    pub(super) async fn preview(
        &self,
        settings: &Settings,
        action: &Action,
        target: &Target,
        now: Timestamp,
    ) -> Result<Preview, CannotPlan> {
        if target.sort != Sort::Wallet {
            return self.hands.preview(settings, action, target, now).await;
        }
        let route = self.route(target)?;
        let mut preview = Box::pin(self.hands.wallets.preview(action, target, &route)).await?;
        for change in &mut preview.changes {
            if let Write::Transfer(transfer) = &mut change.write {
                let begun = self.payments(now).await.map_err(|error| CannotPlan::NotNow(error.to_string()))?;
                transfer.seen.spent = within_limits(&route.hot, transfer, &begun).map_err(CannotPlan::NotPossible)?;
            }
        }
        Ok(preview)
    }

    /// The transaction of a step that is to be attempted, if its write is one.
    ///
    /// # Errors
    /// It cannot be made: what the try came to.
    pub(super) async fn sign(&self, request: &Request, step: usize) -> Result<Option<Signed>, Tried> {
        if request.plan.target.sort != Sort::Wallet {
            return Ok(None);
        }
        let unfit =
            || Tried::Failed { why: "what is on record does not fit together, so nothing is signed".to_owned() };
        let plan = under_way(request).ok_or_else(unfit)?;
        let earlier = signed_for(request, step);
        Box::pin(self.hands.wallets.may_sign(&plan, &earlier)).await?;
        let route = self.route(&plan.target).map_err(|cannot| Tried::Failed { why: cannot.to_string() })?;
        let signed = Box::pin(self.hands.wallets.sign(&plan, step, &route)).await?;
        // The same payment in the same block is the same transaction: it would be taken for that of the other request.
        let others = self.payments(self.now()).await.map_err(|error| Tried::Blocked { why: error.to_string() })?;
        match others.iter().find(|other| other.id != request.id && has_signed(other, &signed.id)) {
            None => Ok(Some(signed)),
            Some(other) => {
                let why = format!("it would be the very transaction of #{}; waiting for another block", other.number);
                Err(Tried::Blocked { why })
            }
        }
    }

    /// What came of what was signed for a step.
    ///
    /// # Errors
    /// It is not known yet: what there is to wait for.
    pub(super) async fn looked_for(
        &self,
        plan: &Approved<Plan>,
        signed: &[Signed],
        tried_at: Option<Timestamp>,
        resend: bool,
    ) -> Result<Tried, String> {
        let since = tried_at.map_or(Duration::MAX, |at| self.now().since(at));
        let (patience, confirmations) = (self.patience(plan), self.confirmations(plan));
        let sight = self.hands.wallets.observe(plan, signed, Look { since, confirmations, resend }).await;
        let (seen, until) = match sight {
            Sight::Told(tried) => return Ok(tried),
            Sight::Nowhere { note } => (note.unwrap_or_else(|| IN_NO_BLOCK.to_owned()), patience.look_for),
            Sight::Shallow(text) => (text, patience.settle),
        };
        if since < until {
            return Err(seen);
        }
        let why = signed.last().map_or_else(|| patience.lost.to_owned(), |signed| lost(signed, &seen));
        Ok(Tried::Unknown { why })
    }

    /// Whether what was paid can still go away: any of the transactions that were signed may be the one.
    pub(super) async fn paid(&self, plan: &Approved<Plan>, signed: &[Signed], resend: bool) -> Settled {
        let confirmations = self.confirmations(plan);
        // Of several the one that is not in a block must never come.
        let resend = resend && signed.len() == 1;
        let mut seen = None;
        for signed in signed.iter().rev() {
            let settled = self.hands.wallets.settled(plan, signed, confirmations, resend).await;
            match (&settled, &seen) {
                (Settled::Done { .. }, _) => return settled,
                (Settled::Failed { .. }, Some(Settled::Progress { .. })) => {}
                (Settled::Failed { .. } | Settled::Progress { .. }, _) => seen = Some(settled),
            }
        }
        seen.unwrap_or_else(|| Settled::Progress { text: "nothing was signed".to_owned() })
    }

    /// How deep it must be: never less than was approved, though the hot wallet be gone from the configuration.
    fn confirmations(&self, plan: &Plan) -> u64 {
        let settings = self.settings();
        let Some(transfer) = plan.transfer() else { return 0 };
        let hot = settings.actions.hot_wallets.iter().find(|wallet| wallet.name == transfer.wallet);
        hot.map_or(0, |hot| hot.confirmations).max(transfer.seen.confirmations)
    }

    /// How long what was written is waited for: on a chain that goes by blocks.
    pub(super) fn patience(&self, plan: &Plan) -> Patience {
        let patience = Hands::patience(&plan.target);
        if plan.target.sort != Sort::Wallet {
            return patience;
        }
        let blocks = Duration::from_secs(A_BLOCK.saturating_mul(self.confirmations(plan)));
        Patience { settle: patience.settle.max(blocks), ..patience }
    }

    /// The hot wallet that may pay `target`.
    pub(super) fn hot_wallet(&self, target: &Target) -> Result<HotWallet, CannotPlan> {
        let (settings, Target { cluster: chain, name, .. }) = (self.settings(), target);
        let of_chain: Vec<&HotWallet> =
            settings.actions.hot_wallets.iter().filter(|wallet| wallet.chain == *chain).collect();
        let found = of_chain.iter().find(|wallet| wallet.to.contains(name));
        found.map(|wallet| (*wallet).clone()).ok_or_else(|| {
            let names: Vec<String> = of_chain.iter().map(|wallet| format!("`{}`", wallet.name)).collect();
            CannotPlan::NotPossible(if names.is_empty() {
                format!("there is no hot wallet on {chain}; add one to `actions.hot_wallets`")
            } else {
                format!("{name} is not among those that {} may pay (`actions.hot_wallets`, `to`)", names.join(" or "))
            })
        })
    }

    fn route(&self, target: &Target) -> Result<Route, CannotPlan> {
        let to =
            self.watched(target).ok_or_else(|| CannotPlan::NotFound { target: target.clone(), nearest: Vec::new() })?;
        let price = to.price.as_deref().and_then(|symbol| self.dollars(symbol));
        Ok(Route { hot: self.hot_wallet(target)?, to, price })
    }

    fn watched(&self, target: &Target) -> Option<Watched> {
        let held = self.held();
        let of = |watched: &&Watched| watched.account.key.as_str() == target.name && watched.chain == target.cluster;
        held.wallets().wallets().map(Wallet::watched).find(of).cloned()
    }

    async fn payments(&self, now: Timestamp) -> Result<Vec<Request>, StoreError> {
        let mut tx = self.store.begin().await?;
        let found = actions::payments(&mut tx, now.minus(DAY)).await?;
        tx.rollback().await?;
        Ok(found)
    }

    /// The one wallet that is meant, or an answer that asks which.
    pub(super) fn paid_wallet(&self, request: &command::Request) -> Result<Target, Message> {
        let kind = request.action.kind();
        let name = &request.of.name;
        if let Ok(target) = name.parse::<Target>() {
            let fits = kind.sorts().contains(&target.sort);
            let wrong = || blocks::wrong_kind(kind, &format!("the {} {}", target.sort, target.name));
            return if fits { Ok(target) } else { Err(wrong()) };
        }
        let (wanted, chain) = (name.to_lowercase(), request.of.place.cluster.as_deref());
        let target = |watched: &Watched| Target {
            cluster: watched.chain.clone(),
            namespace: String::new(),
            sort: Sort::Wallet,
            name: watched.account.key.to_string(),
        };
        let all: Vec<Target> = self.held().wallets().wallets().map(|wallet| target(wallet.watched())).collect();
        let here = |it: &&Target| chain.is_none_or(|chain| chain.eq_ignore_ascii_case(&it.cluster));
        let exact: Vec<&Target> = all.iter().filter(here).filter(|it| it.name.to_lowercase() == wanted).collect();
        let alike = || all.iter().filter(here).filter(|it| it.name.to_lowercase().contains(&wanted)).collect();
        let found: Vec<&Target> = if exact.is_empty() { alike() } else { exact };
        match found.as_slice() {
            [] => Err(blocks::no_such_target("wallet", name)),
            [one] => Ok((*one).clone()),
            several => {
                let several: Vec<Target> = several.iter().map(|it| (*it).clone()).collect();
                Err(blocks::which_target(name, kind, &several, &rest_of(request)))
            }
        }
    }

    /// `2.5 SOL`: what is counted there may be named behind the amount, and another symbol is a mistake.
    pub(super) fn drop_symbol(&self, request: &mut command::Request, target: &Target) -> Result<(), Message> {
        let Wish::Whole(Action::TopUp { .. }) = request.action else { return Ok(()) };
        let Some(watched) = self.watched(target) else { return Ok(()) };
        let (word, rest) = request.reason.split_once(' ').unwrap_or((&request.reason, ""));
        if word.eq_ignore_ascii_case(&watched.symbol) {
            request.reason = rest.trim().to_owned();
            return Ok(());
        }
        let held = self.held();
        let other = held.wallets().wallets().any(|wallet| wallet.watched().symbol == word);
        if other { Err(blocks::other_symbol(&target.name, &watched.symbol, word)) } else { Ok(()) }
    }
}

fn signed_for(request: &Request, step: usize) -> Vec<Signed> {
    request.state.journal().map(|journal| journal.signed_for(step).cloned().collect()).unwrap_or_default()
}

/// What a person has to look for.
fn lost(signed: &Signed, seen: &str) -> String {
    let Signed { id, lasts, .. } = signed;
    let until = match lasts {
        Lasts::UntilHeight { last_valid_block_height } => format!("block height {last_valid_block_height}"),
        Lasts::UntilNonce { nonce, .. } => format!("the next transaction with nonce {nonce}"),
    };
    format!("{seen}: transaction {id} may have come or may come until {until}; look for it")
}

fn has_signed(request: &Request, id: &str) -> bool {
    request.state.journal().is_some_and(|journal| journal.signed.iter().any(|signed| signed.id == id))
}

/// What has left the hot wallet within a day, when the transfer may leave it too.
fn within_limits(hot: &HotWallet, transfer: &Transfer, begun: &[Request]) -> Result<Amount, String> {
    let spent = money::spent(transfer, begun).ok_or("what has been paid within a day cannot be counted")?;
    hot.allows(&transfer.symbol, transfer.amount, spent).map_err(|over| over.to_string())?;
    Ok(spent)
}

/// Whether a move that lets a payment begin may be committed. The lease's row is locked in `tx`, so nobody else begins one at
/// the same time.
pub(super) async fn unpaid(
    tx: &mut Tx,
    before: &Request,
    after: &Request,
    settings: &Settings,
    now: Timestamp,
) -> Result<Option<Unpaid>, StoreError> {
    let begins = matches!((&before.state, &after.state), (State::Approved { .. }, State::Executing { .. }));
    let Some(transfer) = after.plan.transfer().filter(|_| begins) else { return Ok(None) };
    let begun = actions::payments(tx, now.minus(DAY)).await?;
    if let Some(number) = money::busy(transfer, &begun) {
        return Ok(Some(Unpaid::NotNow(format!("#{number} pays from the same hot wallet, one after the other"))));
    }
    let Some(hot) = settings.hot_wallets.iter().find(|wallet| wallet.name == transfer.wallet) else {
        return Ok(Some(Unpaid::Never(format!("`{}` is no hot wallet any more", transfer.wallet))));
    };
    Ok(within_limits(hot, transfer, &begun).err().map(Unpaid::Never))
}
