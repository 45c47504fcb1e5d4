//! What came of a transaction on an EVM chain.

use serde::Deserialize;
use serde_json::json;

use super::super::nodes::{Answers, Nodes};
use super::super::{Settled, Signed, Tried};
use super::Hex;
use crate::core::action::journal::Lasts;

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

pub(in super::super) async fn observe(nodes: &Nodes, signed: &[Signed]) -> Tried {
    let mut used = Vec::new();
    for signed in signed {
        let Lasts::UntilNonce { from, nonce } = &signed.lasts else { continue };
        // Counts first: who had counted past the nonce before it was asked for the receipt has it if it is the one.
        let counts = nodes.ask::<Hex>("eth_getTransactionCount", &json!([from, "latest"])).await;
        let found = receipts(nodes, signed).await;
        let there = || found.iter().filter_map(|answer| answer.as_ref().ok().copied().flatten());
        let (all, well) = (there().count(), there().filter(|receipt| receipt.well()).count());
        if well >= nodes.needed() {
            return Tried::Succeeded { note: format!("transaction {}", signed.id) };
        }
        if all - well >= nodes.needed() {
            return Tried::Failed { why: format!("the chain reverted it (transaction {})", signed.id) };
        }
        let past = |count: &Result<Hex, _>| count.as_ref().is_ok_and(|Hex(count)| *count > u128::from(*nonce));
        let gone = counts.iter().zip(&found).filter(|(count, said)| past(count) && matches!(said, Ok(None))).count();
        if all == 0 && gone >= nodes.needed() {
            used.push(*nonce);
        }
    }
    match used.last() {
        // None of those that were signed can come any more.
        Some(nonce) if used.len() == signed.len() => Tried::Failed {
            why: format!("another transaction of the hot wallet has its nonce {nonce}, so this one did not happen"),
        },
        _ => Tried::Unclear,
    }
}

pub(in super::super) async fn settled(nodes: &Nodes, signed: &Signed, confirmations: u64) -> Settled {
    let heads = nodes.ask::<Hex>("eth_blockNumber", &json!([])).await;
    let found = receipts(nodes, signed).await;
    let depths = heads.iter().zip(&found).filter_map(|(head, said)| {
        let receipt = said.as_ref().ok().copied().flatten().filter(|receipt| receipt.well())?;
        let Hex(head) = head.as_ref().ok()?;
        Some(head.saturating_sub(receipt.block_number.0).saturating_add(1))
    });
    let mut depths: Vec<u128> = depths.collect();
    depths.sort_unstable_by(|a, b| b.cmp(a));
    match depths.get(nodes.needed() - 1) {
        Some(depth) if *depth >= confirmations.into() => Settled::Done { note: format!("{depth} blocks deep") },
        Some(depth) => Settled::Progress { text: format!("{depth} of {confirmations} blocks deep") },
        None => Settled::Progress { text: "too few endpoints have the transaction in a block".to_owned() },
    }
}
