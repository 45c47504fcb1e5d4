//! What came of a transaction on Solana.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::nodes::{Answers, Nodes};
use super::super::{Settled, Signed, Tried};
use super::Reply;
use crate::core::action::journal::Lasts;

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

pub(in super::super) async fn observe(nodes: &Nodes, signed: &[Signed]) -> Tried {
    // Heights first: who had passed the last valid one before it was asked for the transaction knows of it if anybody does.
    let heights = nodes.ask::<u64>("getBlockHeight", &json!([{ "commitment": "finalized" }])).await;
    let answers = statuses(nodes, signed).await;
    for (nth, Signed { id, .. }) in signed.iter().enumerate() {
        let confirmed: Vec<&Status> =
            of(&answers, nth).flatten().flatten().filter(|status| status.confirmed()).collect();
        let well = confirmed.iter().filter(|status| status.err.is_none()).count();
        if well >= nodes.needed() {
            return Tried::Succeeded { note: format!("transaction {id}") };
        }
        if confirmed.len() - well >= nodes.needed() {
            let error =
                confirmed.iter().find_map(|status| status.err.as_ref()).map(Value::to_string).unwrap_or_default();
            let error: String = error.chars().take(200).collect();
            return Tried::Failed { why: format!("the chain refused it: {error} (transaction {id})") };
        }
    }
    let Some((nth, latest)) = signed.iter().enumerate().next_back() else { return Tried::Unclear };
    let Lasts::UntilHeight { last_valid_block_height: last } = latest.lasts else { return Tried::Unclear };
    let seen = (0..signed.len()).any(|nth| of(&answers, nth).flatten().flatten().next().is_some());
    let past = |height: &Result<u64, _>| height.as_ref().is_ok_and(|height| *height > last);
    let gone = heights
        .iter()
        .zip(of(&answers, nth))
        .filter(|(height, said)| past(height) && matches!(said, Some(None)))
        .count();
    if !seen && gone >= nodes.needed() {
        return Tried::Blocked { why: "the transaction expired without being in a block".to_owned() };
    }
    Tried::Unclear
}

pub(in super::super) async fn settled(nodes: &Nodes, signed: &Signed) -> Settled {
    let answers = statuses(nodes, std::slice::from_ref(signed)).await;
    let said: Vec<&Status> = of(&answers, 0).flatten().flatten().collect();
    let count = |is: fn(&Status) -> bool| said.iter().filter(|status| status.err.is_none() && is(status)).count();
    if count(Status::finalized) >= nodes.needed() {
        return Settled::Done { note: "finalized".to_owned() };
    }
    if count(Status::confirmed) >= nodes.needed() {
        return Settled::Progress { text: "confirmed, not finalized yet".to_owned() };
    }
    Settled::Progress { text: "too few endpoints know the transaction".to_owned() }
}
