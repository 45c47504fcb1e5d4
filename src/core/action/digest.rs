//! What an approval is bound to: SHA-256 over a plan's meaning. Two plans that would do different things, rest on
//! different things, or ask for different approval have different digests.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::money::Transfer;
use super::plan::{Change, Object, Plan, Preview, Write};

/// 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// As it came back from a button; equal to a plan's digest or to none.
    #[must_use]
    pub fn claimed(text: &str) -> Self {
        Self(text.to_owned())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough to tell two apart by eye.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fields one after the other, each with its length before it, so that no two sequences of fields share their bytes.
struct Canonical(Sha256);

impl Canonical {
    fn new(domain: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(domain.as_bytes());
        Self(hash)
    }

    fn field(&mut self, text: &str) -> &mut Self {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
        self
    }

    fn count(&mut self, count: usize) -> &mut Self {
        self.field(&count.to_string())
    }

    fn done(self) -> Digest {
        Digest(hex::encode(self.0.finalize()))
    }
}

impl Plan {
    /// The order of the fields is part of the format: a change of it, or of any field's spelling, needs a new domain.
    ///
    /// Not covered, since they move by themselves while nothing that matters does: resource versions, warnings and the
    /// blast radius. Not covered either: the undo, which is a request of its own.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let Self { action, target, preview, rule, policy, approve_by, execute_within } = self;
        let Preview { changes, rests_on, risk, blast: _, warnings: _, undo: _ } = preview;
        let mut hash = Canonical::new("watchkeeper-plan-v1");
        hash.field(action.kind().as_str());
        let parameters = action.parameters();
        hash.count(parameters.len());
        for (name, value) in &parameters {
            hash.field(name).field(value);
        }
        hash.field(&target.to_string());
        hash.count(changes.len());
        for change in changes {
            self::change(&mut hash, change);
        }
        hash.count(rests_on.len());
        for (name, value) in rests_on {
            hash.field(name).field(value);
        }
        hash.field(risk.as_str()).field(rule).field(policy);
        hash.field(&approve_by.as_millis().to_string()).field(&execute_within.to_string());
        hash.done()
    }
}

fn change(hash: &mut Canonical, change: &Change) {
    let Change { object: Object { target, uid, resource_version: _ }, write, field, old, new, after, always } = change;
    hash.field(&target.to_string()).field(uid);
    for part in spelled(write) {
        hash.field(&part);
    }
    hash.field(field).field(old).field(new);
    hash.field(&after.map_or_else(String::new, |after| after.to_string()));
    if *always {
        hash.field("always");
    }
}

/// Told apart by the first field; where their number varies, they come last and are counted.
fn spelled(write: &Write) -> Vec<String> {
    let one = |name: &str, value: String| vec![name.to_owned(), value];
    match write {
        Write::Restart => vec!["restart".to_owned()],
        Write::Replicas { from, to } => vec!["replicas".to_owned(), from.to_string(), to.to_string()],
        Write::Template { revision, source, hash } => {
            vec!["template".to_owned(), revision.to_string(), source.clone(), hash.clone()]
        }
        Write::Paused { paused } => one("paused", paused.to_string()),
        Write::DeletePod => vec!["delete_pod".to_owned()],
        Write::Evict => vec!["evict".to_owned()],
        Write::CreateJob { name, hash } => vec!["create_job".to_owned(), name.clone(), hash.clone()],
        Write::Suspend { suspend } => one("suspend", suspend.to_string()),
        Write::Unschedulable { unschedulable } => one("unschedulable", unschedulable.to_string()),
        Write::Operation { revisions, history, prune, hash } => {
            let history = history.map_or_else(|| "head".to_owned(), |id| id.to_string());
            let count = revisions.len().to_string();
            let mut parts = vec!["operation".to_owned(), history, prune.to_string(), hash.clone(), count];
            parts.extend(revisions.iter().cloned());
            parts
        }
        Write::Refresh { hard } => one("refresh", hard.to_string()),
        Write::Promote { full } => one("promote", full.to_string()),
        Write::Abort { abort } => one("abort", abort.to_string()),
        Write::Reconcile => vec!["reconcile".to_owned()],
        Write::Dispatch { repository, reference, sha, inputs, correlation, page: _ } => {
            let correlation = correlation.clone().unwrap_or_default();
            let mut parts =
                vec!["dispatch".to_owned(), repository.clone(), reference.clone(), sha.clone(), correlation];
            parts.push(inputs.len().to_string());
            parts.extend(inputs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]));
            parts
        }
        Write::Transfer(transfer) => {
            let Transfer { wallet, from, to, asset, symbol, amount, seen: _ } = &**transfer;
            let (units, decimals) = (amount.units().to_string(), amount.decimals().to_string());
            let parts = ["transfer", wallet, from, to, asset, symbol, &units, &decimals];
            parts.map(str::to_owned).into()
        }
    }
}

/// A JSON value in 32 hex digits, whatever order its keys come in.
#[must_use]
pub fn fingerprint(value: &serde_json::Value) -> String {
    let mut hash = Canonical::new("watchkeeper-value-v1");
    json(&mut hash, value);
    let Digest(text) = hash.done();
    text.get(..32).unwrap_or(&text).to_owned()
}

fn json(hash: &mut Canonical, value: &serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Null => hash.field("null"),
        Value::Bool(flag) => hash.field("bool").field(if *flag { "true" } else { "false" }),
        Value::Number(number) => hash.field("number").field(&number.to_string()),
        Value::String(text) => hash.field("text").field(text),
        Value::Array(items) => {
            hash.field("list").count(items.len());
            for item in items {
                json(hash, item);
            }
            hash
        }
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort_unstable();
            hash.field("map").count(keys.len());
            for key in keys {
                json(hash.field(key), &map[key]);
            }
            hash
        }
    };
}

/// The version of a policy or of anything else that can be written down: the first 12 hex digits of its hash.
#[must_use]
pub fn version_of(text: &str) -> String {
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    digest.get(..12).unwrap_or(&digest).to_owned()
}
