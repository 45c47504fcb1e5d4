//! What came of a transaction on Solana.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::nodes::{Answers, Nodes};
use super::super::{Settled, Sight, Signed, Tried};
use super::Reply;
use crate::core::action::journal::Lasts;

/// 150 blocks do not pass in less: whoever says sooner that a transaction has expired is wrong about something.
const SOONEST: Duration = Duration::from_mins(1);

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    err: Option<Value>,
    confirmation_status: Option<String>,
}

impl Status {
    fn confirmed(&self) -> bool {
        matches!(self.confirmation_status.as_deref(), Some("confirmed" | "finalized"))
    }

    fn finalized(&self) -> bool {
        self.confirmation_status.as_deref() == Some("finalized")
    }
}

type Statuses = Reply<Vec<Option<Status>>>;

async fn statuses(nodes: &Nodes, signed: &[Signed]) -> Answers<Statuses> {
    let ids: Vec<&str> = signed.iter().map(|signed| signed.id.as_str()).collect();
    nodes.ask("getSignatureStatuses", &json!([ids, { "searchTransactionHistory": true }])).await
}

/// What each endpoint says of the `nth` signature: `None` when it does not know it.
fn of(answers: &Answers<Statuses>, nth: usize) -> impl Iterator<Item = Option<Option<&Status>>> {
    answers.iter().map(move |answer| answer.as_ref().ok()?.value.get(nth).map(Option::as_ref))
}

pub(in super::super) async fn observe(nodes: &Nodes, signed: &[Signed], since: Duration) -> Sight {
    // Heights first: who had passed the last valid one before it was asked for the transaction knows of it if anybody does.
    let heights = nodes.ask::<u64>("getBlockHeight", &json!([{ "commitment": "finalized" }])).await;
    let answers = statuses(nodes, signed).await;
    for (nth, Signed { id, .. }) in signed.iter().enumerate() {
        let known: Vec<&Status> = of(&answers, nth).flatten().flatten().collect();
        let count = |is: fn(&Status) -> bool| known.iter().filter(|status| is(status)).count();
        if count(|status| status.confirmed() && status.err.is_none()) >= nodes.needed() {
            return Sight::Told(Tried::Succeeded { note: format!("transaction {id}") });
        }
        if count(|status| status.confirmed() && status.err.is_some()) >= nodes.needed() {
            if count(|status| status.finalized() && status.err.is_some()) < nodes.needed() {
                return Sight::Shallow("the chain refused it, which is not final yet".to_owned());
            }
            let why = format!("the chain refused it: {} (transaction {id})", error(&known));
            return Sight::Told(Tried::Failed { why });
        }
    }
    let nowhere = Sight::Nowhere { note: None };
    let seen = |nth: usize| of(&answers, nth).flatten().flatten().next().is_some();
    let Some(latest) = signed.len().checked_sub(1) else { return nowhere };
    if (0..latest).any(seen) {
        // Sending the latest might pay a second time.
        return Sight::Shallow("an endpoint knows a transaction that was taken for expired".to_owned());
    }
    let last = signed.iter().filter_map(|signed| match signed.lasts {
        Lasts::UntilHeight { last_valid_block_height } => Some(last_valid_block_height),
        Lasts::UntilNonce { .. } => None,
    });
    let Some(last) = last.max().filter(|_| !seen(latest) && since >= SOONEST) else { return nowhere };
    let past = |height: &Result<u64, _>| height.as_ref().is_ok_and(|height| *height > last);
    let told = heights.iter().zip(of(&answers, latest));
    let gone = told.filter(|(height, said)| past(height) && matches!(said, Some(None))).count();
    if gone >= nodes.needed() {
        return Sight::Told(Tried::Blocked { why: "the transaction expired without being in a block".to_owned() });
    }
    nowhere
}

/// `None`: too few endpoints have it in a block.
pub(in super::super) async fn settled(nodes: &Nodes, signed: &Signed) -> Option<Settled> {
    let answers = statuses(nodes, std::slice::from_ref(signed)).await;
    let said: Vec<&Status> = of(&answers, 0).flatten().flatten().collect();
    let count = |well: bool, is: fn(&Status) -> bool| {
        said.iter().filter(|status| status.err.is_none() == well && is(status)).count()
    };
    if count(true, Status::finalized) >= nodes.needed() {
        return Some(Settled::Done { note: "finalized".to_owned() });
    }
    if count(false, Status::finalized) >= nodes.needed() {
        let why = format!("the chain refused it after all: {} (transaction {})", error(&said), signed.id);
        return Some(Settled::Failed { why });
    }
    let confirmed = count(true, Status::confirmed) >= nodes.needed();
    confirmed.then(|| Settled::Progress { text: "confirmed, not finalized yet".to_owned() })
}

fn error(said: &[&Status]) -> String {
    let error = said.iter().find_map(|status| status.err.as_ref()).map(Value::to_string).unwrap_or_default();
    error.chars().take(200).collect()
}
