//! The objects, each change of them numbered: what etcd and the watch cache are to a real cluster.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::json::{put, text};
use super::kinds::Resource;
use super::refusal::Refusal;
use crate::core::time::Timestamp;

/// Changes kept for watches that resume.
const HISTORY: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Added,
    Modified,
    Deleted,
}

impl Happened {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Change {
    pub revision: u64,
    pub plural: &'static str,
    pub happened: Happened,
    pub object: Value,
}

/// Namespace (empty for cluster-scoped) and name.
pub(super) type Key = (String, String);

#[derive(Debug, Default)]
pub(super) struct Objects {
    pub revision: u64,
    tables: BTreeMap<&'static str, BTreeMap<Key, Value>>,
    history: VecDeque<Change>,
    /// Changes up to this revision are forgotten.
    pub compacted: u64,
    uids: u64,
}

/// RFC 3339 in whole seconds, as Kubernetes writes times.
pub(super) fn stamp(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_secs()).map(|at| at.to_string()).unwrap_or_default()
}

pub(super) fn read_stamp(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

pub(super) fn key_of(object: &Value) -> Key {
    (text(object, "/metadata/namespace").to_owned(), text(object, "/metadata/name").to_owned())
}

impl Objects {
    pub fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.tables.get(plural)?.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// In order of namespace and name, which lists and their continue tokens rely on.
    pub fn all(&self, plural: &str) -> impl Iterator<Item = &Value> {
        self.tables.get(plural).into_iter().flat_map(BTreeMap::values)
    }

    /// Clones, for controllers that change what they walk over.
    pub fn snapshot(&self, plural: &str) -> Vec<Value> {
        self.all(plural).cloned().collect()
    }

    pub fn create(
        &mut self,
        resource: &'static Resource,
        mut object: Value,
        by: &str,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        self.uids += 1;
        if text(&object, "/metadata/name").is_empty() {
            let prefix = text(&object, "/metadata/generateName").to_owned();
            if prefix.is_empty() {
                return Err(Refusal::invalid(
                    resource,
                    "",
                    "metadata.name: Required value: name or generateName is required",
                ));
            }
            put(&mut object, &["metadata", "name"], format!("{prefix}{}", suffix(self.uids)).into());
        }
        let key = key_of(&object);
        if self.get(resource.plural, &key.0, &key.1).is_some() {
            return Err(Refusal::exists(resource, &key.1));
        }
        put(&mut object, &["kind"], resource.kind.into());
        put(&mut object, &["apiVersion"], resource.api_version().into());
        put(&mut object, &["metadata", "uid"], uid(self.uids).into());
        put(&mut object, &["metadata", "creationTimestamp"], stamp(now).into());
        if object.get("spec").is_some() {
            put(&mut object, &["metadata", "generation"], 1.into());
        }
        touch(&mut object, by, now);
        Ok(self.store(resource.plural, key, object, Happened::Added))
    }

    /// Writes a changed object. The generation rises with the spec; an object that is the same stays as it is.
    pub fn update(
        &mut self,
        resource: &'static Resource,
        mut object: Value,
        by: Option<&str>,
        now: Timestamp,
    ) -> Value {
        let key = key_of(&object);
        let Some(before) = self.get(resource.plural, &key.0, &key.1) else { return object };
        put(&mut object, &["metadata", "resourceVersion"], before["metadata"]["resourceVersion"].clone());
        if *before == object {
            return object;
        }
        if before.get("spec") != object.get("spec") {
            let generation = before["metadata"]["generation"].as_i64().unwrap_or(1) + 1;
            put(&mut object, &["metadata", "generation"], generation.into());
        }
        if let Some(by) = by {
            touch(&mut object, by, now);
        }
        self.store(resource.plural, key, object, Happened::Modified)
    }

    pub fn delete(&mut self, resource: &'static Resource, namespace: &str, name: &str) -> Option<Value> {
        let key = (namespace.to_owned(), name.to_owned());
        let object = self.tables.get_mut(resource.plural)?.remove(&key)?;
        Some(self.note(resource.plural, object, Happened::Deleted))
    }

    fn store(&mut self, plural: &'static str, key: Key, object: Value, happened: Happened) -> Value {
        let object = self.note(plural, object, happened);
        self.tables.entry(plural).or_default().insert(key, object.clone());
        object
    }

    fn note(&mut self, plural: &'static str, mut object: Value, happened: Happened) -> Value {
        self.revision += 1;
        put(&mut object, &["metadata", "resourceVersion"], self.revision.to_string().into());
        self.history.push_back(Change { revision: self.revision, plural, happened, object: object.clone() });
        while self.history.len() > HISTORY {
            self.compacted = self.history.pop_front().map_or(self.compacted, |change| change.revision);
        }
        object
    }

    /// What happened to a kind after `revision`.
    pub fn since(&self, plural: &str, revision: u64) -> Vec<Change> {
        let after = self.history.iter().skip_while(|change| change.revision <= revision);
        after.filter(|change| change.plural == plural).cloned().collect()
    }

    /// Forgets all past changes, as etcd does every five minutes.
    pub fn compact(&mut self) {
        self.history.clear();
        self.compacted = self.revision;
    }
}

/// Remembers who wrote, as `managedFields` does.
fn touch(object: &mut Value, by: &str, now: Timestamp) {
    let version = object["apiVersion"].clone();
    let entry = json!({
        "manager": by, "operation": "Update", "apiVersion": version, "time": stamp(now), "fieldsType": "FieldsV1",
        "fieldsV1": {},
    });
    let mut entries = object.pointer("/metadata/managedFields").and_then(Value::as_array).cloned().unwrap_or_default();
    entries.retain(|entry| entry["manager"] != by);
    entries.push(entry);
    put(object, &["metadata", "managedFields"], entries.into());
}

fn uid(n: u64) -> String {
    format!("5eed0000-0000-4000-8000-{n:012x}")
}

/// Five letters and digits without vowels, as generated names have.
pub(super) fn suffix(n: u64) -> String {
    spread(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), 5)
}

/// The first `length` letters of a number in Kubernetes' alphabet.
pub(super) fn spread(mut n: u64, length: usize) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut out = String::with_capacity(length);
    n ^= n >> 29;
    for _ in 0..length {
        let at = usize::try_from(n % 27).unwrap_or(0);
        out.push(char::from(ALPHABET[at]));
        n /= 27;
    }
    out
}
