//! Label selectors, as Kubernetes means them.

use std::collections::BTreeMap;

use serde_json::Value;

/// Whether a selector chooses what has these labels: an absent one chooses nothing, an empty one everything.
pub(super) fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let Some(selector) = selector.as_object() else { return false };
    let wanted = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let equal = wanted.into_iter().all(|(name, value)| labels.get(name).map(String::as_str) == value.as_str());
    let rules = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    equal && rules.into_iter().all(|rule| holds(rule, labels))
}

fn holds(rule: &Value, labels: &BTreeMap<String, String>) -> bool {
    let found = labels.get(rule["key"].as_str().unwrap_or_default());
    let listed = |value: &String| rule["values"].as_array().is_some_and(|values| values.iter().any(|it| it == value));
    match rule["operator"].as_str().unwrap_or_default() {
        "In" => found.is_some_and(listed),
        "NotIn" => !found.is_some_and(listed),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_choose_as_kubernetes_does() {
        let labels = BTreeMap::from([("app".to_owned(), "hermes".to_owned()), ("tier".to_owned(), "a".to_owned())]);
        let chosen = |selector: Value| selects(&selector, &labels);
        assert!(chosen(json!({})) && !chosen(Value::Null));
        assert!(chosen(json!({"matchLabels": {"app": "hermes"}})) && !chosen(json!({"matchLabels": {"app": "x"}})));
        let rule = |operator: &str, key: &str, values: Value| {
            chosen(json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}))
        };
        assert!(rule("In", "tier", json!(["a", "b"])) && !rule("In", "zone", json!(["a"])));
        assert!(rule("NotIn", "tier", json!(["b"])) && rule("NotIn", "zone", json!(["b"])));
        assert!(rule("Exists", "tier", json!([])) && !rule("DoesNotExist", "tier", json!([])));
        assert!(!rule("What", "tier", json!([])), "an operator that is not known chooses nothing");
    }
}
