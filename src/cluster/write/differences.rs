//! What differs between two pod templates, in words. The values of variables, arguments and annotations are never shown:
//! they may be secret.

use std::collections::BTreeSet;

use serde_json::Value;

use super::asks::PLAN;
use super::live::RESTARTED_AT;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// `image of hermes`, `variable RUST_LOG of hermes`
    pub field: String,
    pub old: String,
    pub new: String,
}

/// More than these are counted.
const MOST: usize = 12;

pub(super) fn between(old: &Value, new: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    for list in ["initContainers", "containers"] {
        containers(&old["spec"][list], &new["spec"][list], &mut found);
    }
    rest(
        &without(&old["spec"], &["containers", "initContainers"]),
        &without(&new["spec"], &["containers", "initContainers"]),
        "",
        &mut found,
    );
    let meta = |template: &Value| {
        let mut meta = template["metadata"].clone();
        if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(RESTARTED_AT);
            annotations.remove(PLAN);
        }
        meta
    };
    let (old, new) = (meta(old), meta(new));
    for (part, one) in [("labels", "label"), ("annotations", "annotation")] {
        named(&old[part], &new[part], |key| format!("{one} {key}"), &mut found);
    }
    found
}

/// Both sides in lines of their own: `(field, old, new)` of a change.
pub(super) fn words(differences: &[Difference]) -> (String, String, String) {
    match differences {
        [] => ("pod template".to_owned(), "as now".to_owned(), "the same but for restarts".to_owned()),
        [one] => (one.field.clone(), one.old.clone(), one.new.clone()),
        many => {
            let shown = &many[..many.len().min(MOST)];
            let lines = |side: fn(&Difference) -> &str| {
                let mut lines: Vec<String> = shown.iter().map(|it| format!("{}: {}", it.field, side(it))).collect();
                if many.len() > MOST {
                    lines.push(format!("and {} more", many.len() - MOST));
                }
                lines.join("\n")
            };
            ("pod template".to_owned(), lines(|it| &it.old), lines(|it| &it.new))
        }
    }
}

fn without(value: &Value, keys: &[&str]) -> Value {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, _| !keys.contains(&key.as_str()));
    }
    value
}

fn containers(old: &Value, new: &Value, found: &mut Vec<Difference>) {
    let (old, new) = (by_name(old), by_name(new));
    let names: BTreeSet<&str> = old.iter().chain(&new).map(|(name, _)| *name).collect();
    for name in names {
        let of = |list: &[(&str, &Value)]| list.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).clone());
        match (of(&old), of(&new)) {
            (Some(old), Some(new)) => container(name, &old, &new, found),
            (was, is) => {
                let there = |value: Option<Value>| {
                    value.map_or_else(|| "none".to_owned(), |it| it["image"].as_str().unwrap_or("there").to_owned())
                };
                found.push(Difference { field: format!("container {name}"), old: there(was), new: there(is) });
            }
        }
    }
}

fn container(name: &str, old: &Value, new: &Value, found: &mut Vec<Difference>) {
    if old["image"] != new["image"] {
        let image = |it: &Value| it["image"].as_str().unwrap_or("none").to_owned();
        found.push(Difference { field: format!("image of {name}"), old: image(old), new: image(new) });
    }
    let variables = |it: &Value| {
        let pairs = by_name(&it["env"]).into_iter().map(|(key, value)| (key.to_owned(), value.clone()));
        Value::Object(pairs.collect())
    };
    named(&variables(old), &variables(new), |key| format!("variable {key} of {name}"), found);
    let of = format!(" of {name}");
    rest(&without(old, &["image", "env", "name"]), &without(new, &["image", "env", "name"]), &of, found);
}

/// Things known by name, of which only the names are shown.
fn named(old: &Value, new: &Value, field: impl Fn(&str) -> String, found: &mut Vec<Difference>) {
    let keys: BTreeSet<&String> =
        [old, new].into_iter().filter_map(Value::as_object).flat_map(|map| map.keys()).collect();
    for key in keys {
        let (was, is) = (old.get(key), new.get(key));
        if was == is {
            continue;
        }
        let said = |value: Option<&Value>, changed: &str| {
            if value.is_none() { "not set".to_owned() } else { changed.to_owned() }
        };
        let (before, after) = if was.is_some() && is.is_some() { ("as now", "as then") } else { ("set", "set") };
        found.push(Difference { field: field(key), old: said(was, before), new: said(is, after) });
    }
}

/// Whatever else differs, by its field's name. Requests and limits are shown, since they are no secrets.
fn rest(old: &Value, new: &Value, of: &str, found: &mut Vec<Difference>) {
    let keys: BTreeSet<&String> =
        [old, new].into_iter().filter_map(Value::as_object).flat_map(|map| map.keys()).collect();
    for key in keys {
        let (was, is) = (old.get(key), new.get(key));
        if was == is {
            continue;
        }
        let said = |value: Option<&Value>, then: &str| match (key.as_str(), value) {
            (_, None) => "not set".to_owned(),
            ("resources", Some(value)) => value.to_string(),
            _ => then.to_owned(),
        };
        found.push(Difference { field: format!("{key}{of}"), old: said(was, "as now"), new: said(is, "as then") });
    }
}

fn by_name(list: &Value) -> Vec<(&str, &Value)> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| Some((item["name"].as_str()?, item))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(image: &str, env: &Value, extra: &Value) -> Value {
        let mut container = json!({"name": "hermes", "image": image, "env": env});
        if let (Some(container), Some(extra)) = (container.as_object_mut(), extra.as_object()) {
            container.extend(extra.clone());
        }
        json!({"metadata": {"labels": {"app": "hermes"}}, "spec": {"containers": [container]}})
    }

    #[test]
    fn images_are_shown_and_of_variables_only_the_names() {
        let old = template(
            "hermes:2",
            &json!([{"name": "KEY", "value": "hunter2"}, {"name": "NEW", "value": "x"}]),
            &json!({}),
        );
        let new =
            template("hermes:1", &json!([{"name": "KEY", "value": "hunter1"}]), &json!({"args": ["--token=hunter0"]}));
        let (field, was, is) = words(&between(&old, &new));
        assert_eq!(field, "pod template");
        assert_eq!(
            was,
            "image of hermes: hermes:2\nvariable KEY of hermes: as now\nvariable NEW of hermes: set\nargs of hermes: not set"
        );
        assert_eq!(
            is,
            "image of hermes: hermes:1\nvariable KEY of hermes: as then\nvariable NEW of hermes: not set\nargs of hermes: as then"
        );
        assert!(!format!("{was}{is}").contains("hunter"));
    }

    #[test]
    fn one_difference_is_named_as_the_field() {
        let of = |memory: &str| template("hermes:1", &json!([]), &json!({"resources": {"limits": {"memory": memory}}}));
        let (field, was, is) = words(&between(&of("1Gi"), &of("2Gi")));
        assert_eq!(field, "resources of hermes");
        assert_eq!((was.as_str(), is.as_str()), (r#"{"limits":{"memory":"1Gi"}}"#, r#"{"limits":{"memory":"2Gi"}}"#));
    }

    #[test]
    fn a_restart_alone_is_no_difference() {
        let old = template("hermes:1", &json!([]), &json!({}));
        let mut new = old.clone();
        new["metadata"]["annotations"] = json!({RESTARTED_AT: "2026-11-29T10:00:00Z"});
        assert_eq!(between(&old, &new), []);
    }
}
