//! Short ways into untyped objects.

use serde_json::{Map, Value};

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

pub(super) fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Sets what is at `path`, making the maps on the way.
pub(super) fn put(value: &mut Value, path: &[&str], new: Value) {
    let mut at = value;
    for key in path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[*key];
    }
    *at = new;
}

pub(super) fn remove(value: &mut Value, path: &[&str]) {
    let Some((last, way)) = path.split_last() else { return };
    let parent = way.iter().try_fold(value, |at, key| at.get_mut(*key));
    if let Some(map) = parent.and_then(Value::as_object_mut) {
        map.remove(*last);
    }
}
