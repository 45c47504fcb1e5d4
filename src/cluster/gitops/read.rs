//! Reading another tool's object: whatever is missing or of another shape is left out, nothing is refused.

use kube::api::{DynamicObject, ObjectMeta};
use serde_json::Value;

use crate::core::gitops::{AppId, Kind, Note, Suspended};
use crate::core::time::Timestamp;

/// The longest text that is kept of a message: a build's output can be a page.
const MESSAGE: usize = 600;
const NAME: usize = 253;
/// Conditions, images and resources that are kept of each app.
pub(super) const MOST: usize = 20;

/// An object of a cluster.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    pub cluster: &'a str,
    pub kind: Kind,
    pub owner_label: &'a str,
    pub meta: &'a ObjectMeta,
    pub data: &'a Value,
}

impl<'a> Object<'a> {
    pub const fn of(cluster: &'a str, kind: Kind, owner_label: &'a str, object: &'a DynamicObject) -> Self {
        Self { cluster, kind, owner_label, meta: &object.metadata, data: &object.data }
    }

    pub fn id(self) -> AppId {
        AppId {
            cluster: self.cluster.to_owned(),
            kind: self.kind,
            namespace: self.namespace().to_owned(),
            name: self.meta.name.clone().unwrap_or_default(),
        }
    }

    pub fn namespace(self) -> &'a str {
        self.meta.namespace.as_deref().unwrap_or_default()
    }

    /// What is at a JSON pointer.
    pub fn at(self, pointer: &str) -> &'a Value {
        self.data.pointer(pointer).unwrap_or(&Value::Null)
    }

    pub fn text(self, pointer: &str) -> Option<&'a str> {
        text(self.at(pointer))
    }

    pub fn message(self, pointer: &str) -> String {
        self.text(pointer).map(cut).unwrap_or_default()
    }

    pub fn time(self, pointer: &str) -> Option<Timestamp> {
        self.text(pointer).and_then(time)
    }

    pub fn list(self, pointer: &str) -> &'a [Value] {
        self.at(pointer).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    pub fn annotation(self, name: &str) -> Option<&'a str> {
        self.meta.annotations.as_ref()?.get(name).map(String::as_str)
    }

    /// Who wrote the field at `path` (`["f:spec", "f:suspend"]`) last, and when: the nearest thing to a record of it.
    pub fn written(self, path: &[&str]) -> Suspended {
        let wrote = |fields: &Value| path.iter().try_fold(fields, |fields, part| fields.get(part)).is_some();
        let entries = self.meta.managed_fields.iter().flatten();
        let writer = entries.filter(|entry| entry.fields_v1.as_ref().is_some_and(|fields| wrote(&fields.0)));
        let last = writer.max_by_key(|entry| entry.time.as_ref().map(|at| at.0));
        Suspended {
            since: last.and_then(|entry| entry.time.as_ref()).map(|at| Timestamp::from_millis(at.0.as_millisecond())),
            by: last.and_then(|entry| entry.manager.clone()).map(|manager| cut(&manager)),
        }
    }

    /// Whom it belongs to, as its label says or, since Slack ids in labels are rare, an annotation of that name.
    pub fn owner(self) -> Option<String> {
        let maps = [self.meta.labels.as_ref(), self.meta.annotations.as_ref()];
        let found = maps.into_iter().flatten().find_map(|map| map.get(self.owner_label));
        found.map(|owner| cut(owner)).filter(|owner| !owner.is_empty())
    }

    /// The condition of that type, of those Kubernetes' API conventions describe.
    pub fn condition(self, name: &str) -> Option<Condition<'a>> {
        self.list("/status/conditions").iter().find(|condition| condition["type"] == name).map(Condition)
    }

    /// Conditions that say something; `bad` tells which are bad news.
    pub fn notes(self, bad: impl Fn(&str, &str) -> bool) -> Vec<Note> {
        let note = |value: &'a Value| {
            let condition = Condition(value);
            let (kind, reason) = (text(&value["type"])?, condition.reason());
            let name = if reason.is_empty() { kind.to_owned() } else { format!("{kind}: {reason}") };
            let bad = bad(kind, condition.status());
            Some(Note { name: cut(&name), message: condition.message(), bad, since: condition.since() })
        };
        self.list("/status/conditions").iter().filter_map(note).take(MOST).collect()
    }
}

/// A condition as Kubernetes' API conventions describe it.
#[derive(Clone, Copy)]
pub(super) struct Condition<'a>(&'a Value);

impl<'a> Condition<'a> {
    pub fn status(self) -> &'a str {
        text(&self.0["status"]).unwrap_or_default()
    }

    pub fn reason(self) -> &'a str {
        text(&self.0["reason"]).unwrap_or_default()
    }

    pub fn message(self) -> String {
        text(&self.0["message"]).map(cut).unwrap_or_default()
    }

    pub fn since(self) -> Option<Timestamp> {
        text(&self.0["lastTransitionTime"]).and_then(time)
    }
}

pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

pub(super) fn owned(value: &Value) -> Option<String> {
    text(value).map(|text| text.chars().take(NAME).collect())
}

/// The first lines of a long message say what failed.
pub(super) fn cut(message: &str) -> String {
    if message.chars().count() <= MESSAGE {
        return message.trim().to_owned();
    }
    message.chars().take(MESSAGE - 1).chain(['…']).collect()
}

pub(super) fn time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

pub(super) fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}
