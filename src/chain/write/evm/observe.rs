//! What came of a transaction on an EVM chain.

use serde::Deserialize;
use serde_json::json;

use super::super::nodes::{Answers, Nodes};
use super::super::{Settled, Sight, Signed, Tried};
use super::Hex;
use crate::core::action::journal::Lasts;

/// Nodes that keep no archive answer for the state of 128 blocks.
const OLDEST_STATE: u64 = 64;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    status: Option<Hex>,
    block_number: Hex,
}

impl Receipt {
    fn well(self) -> bool {
        self.status == Some(Hex(1))
    }
}

async fn receipts(nodes: &Nodes, signed: &Signed) -> Answers<Option<Receipt>> {
    nodes.ask("eth_getTransactionReceipt", &json!([signed.id])).await
}

/// How deep it is in a block, by each endpoint that has it there, deepest first. `well`: whether it went through.
fn depths(heads: &Answers<Hex>, found: &Answers<Option<Receipt>>, well: bool) -> Vec<u128> {
    let depths = heads.iter().zip(found).filter_map(|(head, said)| {
        let receipt = said.as_ref().ok().copied().flatten().filter(|receipt| receipt.well() == well)?;
        let Hex(head) = head.as_ref().ok()?;
        Some(head.saturating_sub(receipt.block_number.0).saturating_add(1))
    });
    let mut depths: Vec<u128> = depths.collect();
    depths.sort_unstable_by(|a, b| b.cmp(a));
    depths
}

async fn heads(nodes: &Nodes) -> Answers<Hex> {
    nodes.ask("eth_blockNumber", &json!([])).await
}

/// The sender's transactions up to a block that is so deep already that nobody has to be asked which of several it is.
async fn counts(nodes: &Nodes, heads: &Answers<Hex>, from: &str, confirmations: u64) -> Answers<Hex> {
    let mut said: Vec<u128> = heads.iter().filter_map(|head| Some(head.as_ref().ok()?.0)).collect();
    said.sort_unstable();
    let enough = said.len() >= nodes.needed();
    let Some(head) = said.get(said.len().saturating_sub(1) / 2).filter(|_| enough) else { return Vec::new() };
    let deep = head.saturating_sub(confirmations.clamp(1, OLDEST_STATE).into()).saturating_add(1);
    nodes.ask("eth_getTransactionCount", &json!([from, format!("{deep:#x}")])).await
}

pub(in super::super) async fn observe(nodes: &Nodes, signed: &[Signed], confirmations: u64) -> Sight {
    let mut note = None;
    for signed in signed {
        let Lasts::UntilNonce { from, nonce } = &signed.lasts else { continue };
        let heads = heads(nodes).await;
        // Counts first: who had counted past the nonce before it was asked for the receipt has it if it is the one.
        let counts = counts(nodes, &heads, from, confirmations).await;
        let found = receipts(nodes, signed).await;
        let there = || found.iter().filter_map(|answer| answer.as_ref().ok().copied().flatten());
        if there().filter(|receipt| receipt.well()).count() >= nodes.needed() {
            return Sight::Told(Tried::Succeeded { note: format!("transaction {}", signed.id) });
        }
        // One block may be dropped, and in the next it may go through.
        if let Some(depth) = depths(&heads, &found, false).get(nodes.needed() - 1) {
            if *depth >= confirmations.into() {
                let why = format!("the chain reverted it (transaction {})", signed.id);
                return Sight::Told(Tried::Failed { why });
            }
            return Sight::Shallow(format!("the chain reverted it, {depth} of {confirmations} blocks deep"));
        }
        let past = |count: &Result<Hex, _>| count.as_ref().is_ok_and(|Hex(count)| *count > u128::from(*nonce));
        let gone = counts.iter().zip(&found).filter(|(count, said)| past(count) && matches!(said, Ok(None))).count();
        if there().next().is_none() && gone >= nodes.needed() {
            // Not that it did not happen: behind one name there may be nodes of which one counts and another is asked.
            note = Some(format!("another transaction of the hot wallet seems to have its nonce {nonce}"));
        }
    }
    Sight::Nowhere { note }
}

/// `None`: too few endpoints have it in a block.
pub(in super::super) async fn settled(nodes: &Nodes, signed: &Signed, confirmations: u64) -> Option<Settled> {
    let heads = heads(nodes).await;
    let found = receipts(nodes, signed).await;
    let enough = |well: bool| depths(&heads, &found, well).get(nodes.needed() - 1).copied();
    if let Some(depth) = enough(true) {
        return Some(if depth >= confirmations.into() {
            Settled::Done { note: format!("{depth} blocks deep") }
        } else {
            Settled::Progress { text: format!("{depth} of {confirmations} blocks deep") }
        });
    }
    enough(false).map(|depth| {
        if depth >= confirmations.into() {
            Settled::Failed { why: format!("the chain reverted it after all (transaction {})", signed.id) }
        } else {
            Settled::Progress { text: format!("reverted after all, {depth} of {confirmations} blocks deep") }
        }
    })
}
