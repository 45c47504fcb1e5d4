//! Patches: JSON merge (RFC 7386), JSON patch (RFC 6902), and as much of strategic merge as lists of named things need.

use serde_json::{Map, Value};

/// RFC 7386.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// Like [`merge`], but lists of containers, variables, volumes and conditions are merged by their key.
pub(super) fn strategic(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(key);
                } else {
                    strategic(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (Value::Array(target), Value::Array(patch)) if merge_key(patch).is_some() => {
            let key = merge_key(patch).unwrap_or_default();
            for item in patch {
                let at = target.iter().position(|it| it.get(key) == item.get(key));
                match (at, item.get("$patch").and_then(Value::as_str)) {
                    (Some(at), Some("delete")) => {
                        target.remove(at);
                    }
                    (Some(at), _) => strategic(&mut target[at], item),
                    (None, _) => target.push(item.clone()),
                }
            }
        }
        (target @ Value::Null, Value::Object(_)) => {
            *target = Value::Object(Map::new());
            strategic(target, patch);
        }
        (target, patch) => *target = patch.clone(),
    }
}

fn merge_key(items: &[Value]) -> Option<&'static str> {
    ["name", "type", "containerPort"]
        .into_iter()
        .find(|key| !items.is_empty() && items.iter().all(|it| it.get(key).is_some()))
}

/// RFC 6902; an error says which operation did not apply.
pub(super) fn json_patch(target: &mut Value, operations: &Value) -> Result<(), String> {
    let operations = operations.as_array().ok_or("a JSON patch is a list of operations")?;
    for operation in operations {
        let path = operation["path"].as_str().unwrap_or_default();
        let name = operation["op"].as_str().unwrap_or_default();
        let value = operation.get("value");
        let (parent, last) = path.rsplit_once('/').ok_or_else(|| format!("bad path {path}"))?;
        let last = last.replace("~1", "/").replace("~0", "~");
        if name == "test" {
            if target.pointer(path) == value {
                continue;
            }
            return Err(format!("testing value {path} failed"));
        }
        let parent = target
            .pointer_mut(parent)
            .ok_or_else(|| format!("{name} operation does not apply: doc is missing path: {path}"))?;
        apply(parent, name, &last, value)
            .ok_or_else(|| format!("{name} operation does not apply: doc is missing key: {path}"))?;
    }
    Ok(())
}

fn apply(parent: &mut Value, name: &str, key: &str, value: Option<&Value>) -> Option<()> {
    match (parent, name, value) {
        (Value::Object(map), "add", Some(value)) => {
            map.insert(key.to_owned(), value.clone());
        }
        (Value::Object(map), "replace", Some(value)) => *map.get_mut(key)? = value.clone(),
        (Value::Object(map), "remove", _) => {
            map.remove(key)?;
        }
        (Value::Array(list), "add", Some(value)) if key == "-" => list.push(value.clone()),
        (Value::Array(list), "replace", Some(value)) => *list.get_mut(key.parse::<usize>().ok()?)? = value.clone(),
        (Value::Array(list), "remove", _) => {
            let at = key.parse::<usize>().ok().filter(|at| *at < list.len())?;
            list.remove(at);
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_replaces_lists_and_null_removes() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
        merge(&mut target, &json!({"a": {"b": null, "d": 3}, "l": [9]}));
        assert_eq!(target, json!({"a": {"c": 2, "d": 3}, "l": [9]}));
    }

    #[test]
    fn strategic_merges_named_things_by_name() {
        let mut target = json!({"containers": [{"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "b:1"}]});
        strategic(
            &mut target,
            &json!({"containers": [{"name": "a", "image": "a:2"}, {"name": "b", "$patch": "delete"}]}),
        );
        assert_eq!(
            target,
            json!({"containers": [{"name": "a", "image": "a:2", "env": [{"name": "X", "value": "1"}]}]})
        );
    }

    #[test]
    fn a_json_patch_tests_before_it_replaces() {
        let mut target = json!({"spec": {"replicas": 2}, "metadata": {"annotations": {"a/b": "1"}}});
        let patch = json!([{"op": "test", "path": "/spec/replicas", "value": 2}, {"op": "replace", "path": "/spec/replicas", "value": 3},
            {"op": "remove", "path": "/metadata/annotations/a~1b"}]);
        json_patch(&mut target, &patch).unwrap();
        assert_eq!(target, json!({"spec": {"replicas": 3}, "metadata": {"annotations": {}}}));
        assert!(json_patch(&mut target, &patch).unwrap_err().contains("testing value /spec/replicas failed"));
    }
}
