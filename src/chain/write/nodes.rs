//! All endpoints of a chain asked the same at once. What enough of them say is believed; who is of another chain is not asked.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::chain::http::{CallError, Hosts, Http};
use crate::chain::{ChainSettings, EndpointSettings};
use crate::core::wallet::ChainKind;

pub(super) struct Nodes {
    kind: ChainKind,
    identity: String,
    endpoints: Vec<Node>,
}

struct Node {
    name: String,
    http: Http,
    /// It said that it is of the right chain, and has not failed since.
    verified: AtomicBool,
}

/// Too few endpoints say the same: what they said, by name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{answered} usable answers to {method}, {needed} must agree{}", trouble(errors))]
pub(super) struct NoAnswer {
    method: String,
    answered: usize,
    needed: usize,
    errors: Vec<String>,
}

fn trouble(errors: &[String]) -> String {
    errors.first().map_or_else(String::new, |first| format!("; {first}"))
}

/// The endpoints' answers in the order of the configuration.
pub(super) type Answers<T> = Vec<Result<T, CallError>>;

impl Nodes {
    pub fn new(settings: &ChainSettings, hosts: &Hosts) -> Self {
        let node = |EndpointSettings { name, url }: &EndpointSettings| Node {
            name: name.clone(),
            http: hosts.at(url, settings.timeout),
            verified: AtomicBool::new(false),
        };
        let endpoints = settings.endpoints.iter().map(node).collect();
        Self { kind: settings.kind, identity: settings.identity.clone(), endpoints }
    }

    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// How many have to say the same. Of two or more that is never one alone.
    pub fn needed(&self) -> usize {
        self.endpoints.len() / 2 + 1
    }

    pub async fn ask<T: DeserializeOwned>(&self, method: &str, params: &Value) -> Answers<T> {
        join_all(self.endpoints.iter().map(|node| self.one(node, method, params))).await
    }

    /// What enough of them say.
    pub async fn agreed<T: DeserializeOwned + PartialEq>(&self, method: &str, params: &Value) -> Result<T, NoAnswer> {
        let answers = self.ask::<T>(method, params).await;
        let said: Vec<&T> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
        let winner = said.iter().position(|one| said.iter().filter(|other| *other == one).count() >= self.needed());
        let Some(winner) = winner else { return Err(self.no_answer(method, &answers)) };
        answers.into_iter().filter_map(Result::ok).nth(winner).ok_or_else(|| NoAnswer {
            method: method.to_owned(),
            answered: 0,
            needed: self.needed(),
            errors: Vec::new(),
        })
    }

    /// The middle one of what enough of them say: a price that one of them invents is not taken.
    pub async fn middle<T: DeserializeOwned, N: Ord + Copy>(
        &self,
        method: &str,
        params: &Value,
        number: impl Fn(&T) -> Option<N>,
    ) -> Result<N, NoAnswer> {
        let answers = self.ask::<T>(method, params).await;
        let mut said: Vec<N> = answers.iter().filter_map(|answer| number(answer.as_ref().ok()?)).collect();
        said.sort_unstable();
        if said.len() < self.needed() {
            return Err(self.no_answer(method, &answers));
        }
        // Of two the lower one: the fee that is shown is the fee that is offered.
        said.get((said.len() - 1) / 2).copied().ok_or_else(|| self.no_answer(method, &answers))
    }

    pub fn no_answer<T>(&self, method: &str, answers: &Answers<T>) -> NoAnswer {
        let errors = self.endpoints.iter().zip(answers);
        let errors = errors.filter_map(|(node, answer)| Some(format!("{}: {}", node.name, answer.as_ref().err()?)));
        NoAnswer {
            method: method.to_owned(),
            answered: answers.iter().filter(|answer| answer.is_ok()).count(),
            needed: self.needed(),
            errors: errors.collect(),
        }
    }

    async fn one<T: DeserializeOwned>(&self, node: &Node, method: &str, params: &Value) -> Result<T, CallError> {
        if !node.verified.load(Relaxed) {
            let found = self.identity_of(node).await?;
            if found != self.identity {
                let found: String = found.chars().take(80).collect();
                let why = format!("it is a node of chain {found}, not of {}", self.identity);
                return Err(CallError::Transport(why));
            }
            node.verified.store(true, Relaxed);
        }
        let answer = node.http.rpc(method, params).await;
        // After a failure it may be another node behind the same name.
        if matches!(answer, Err(CallError::Transport(_) | CallError::Status { .. })) {
            node.verified.store(false, Relaxed);
        }
        answer
    }

    async fn identity_of(&self, node: &Node) -> Result<String, CallError> {
        if self.kind == ChainKind::Solana {
            return node.http.rpc("getGenesisHash", &json!([])).await;
        }
        let text: String = node.http.rpc("eth_chainId", &json!([])).await?;
        let number = text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        number.map(|number| number.to_string()).ok_or_else(|| CallError::Malformed("no chain id".to_owned()))
    }
}
