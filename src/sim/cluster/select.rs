//! Label and field selectors.

use serde_json::Value;

use super::json::text;
use super::refusal::Refusal;

/// What a list or a watch asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    namespace: Option<String>,
    labels: Vec<Term>,
    fields: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Is(String),
    IsNot(String),
    In(Vec<String>),
    Exists,
    Lacks,
}

impl Selection {
    pub fn new(namespace: Option<&str>, labels: &str, fields: &str) -> Result<Self, Refusal> {
        Ok(Self { namespace: namespace.map(str::to_owned), labels: terms(labels)?, fields: terms(fields)? })
    }

    pub fn takes(&self, object: &Value) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| namespace == text(object, "/metadata/namespace"))
            && self.labels.iter().all(|term| term.holds(object["metadata"]["labels"][&term.key].as_str()))
            && self.fields.iter().all(|term| {
                let value = text(object, &format!("/{}", term.key.replace('.', "/")));
                term.holds(Some(value))
            })
    }
}

impl Term {
    fn holds(&self, value: Option<&str>) -> bool {
        match &self.test {
            Test::Is(wanted) => value == Some(wanted),
            Test::IsNot(unwanted) => value != Some(unwanted),
            Test::In(wanted) => value.is_some_and(|value| wanted.iter().any(|it| it == value)),
            Test::Exists => value.is_some(),
            Test::Lacks => value.is_none(),
        }
    }
}

fn terms(text: &str) -> Result<Vec<Term>, Refusal> {
    let mut terms = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        // A comma inside of `in (a,b)` separates values.
        let close = rest.find('(').and_then(|open| rest[open..].find(')').map(|at| open + at));
        let end = match close {
            Some(close) if rest.find(',').is_some_and(|comma| comma > rest.find('(').unwrap_or(0)) => {
                rest[close..].find(',').map_or(rest.len(), |at| close + at)
            }
            _ => rest.find(',').unwrap_or(rest.len()),
        };
        terms.push(
            term(rest[..end].trim())
                .ok_or_else(|| Refusal::bad_request(format!("unable to parse requirement: {text}")))?,
        );
        rest = rest[end..].trim_start_matches(',').trim();
    }
    Ok(terms)
}

fn term(text: &str) -> Option<Term> {
    let made = |key: &str, test| Some(Term { key: key.trim().to_owned(), test });
    if let Some((key, values)) = text.split_once(" in (") {
        let values = values.strip_suffix(')')?.split(',').map(|it| it.trim().to_owned()).collect();
        return made(key, Test::In(values));
    }
    for (sign, is) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = text.split_once(sign) {
            let value = value.trim().to_owned();
            return made(key, if is { Test::Is(value) } else { Test::IsNot(value) });
        }
    }
    match text.strip_prefix('!') {
        Some(key) => made(key, Test::Lacks),
        None if !text.is_empty() && !text.contains(' ') => made(text, Test::Exists),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_choose_by_label_field_and_namespace() {
        let pod = json!({"metadata": {"name": "a", "namespace": "feeds", "labels": {"app": "hermes", "tier": "x"}}, "spec": {"nodeName": "n1"}});
        let takes = |namespace: Option<&str>, labels: &str, fields: &str| {
            Selection::new(namespace, labels, fields).unwrap().takes(&pod)
        };
        assert!(takes(Some("feeds"), "app=hermes,tier in (x, y)", "spec.nodeName=n1,metadata.name!=b"));
        assert!(takes(None, "app in (keeper,hermes),tier,!gone", ""));
        for (namespace, labels, fields) in
            [(Some("x"), "", ""), (None, "app!=hermes", ""), (None, "gone", ""), (None, "", "spec.nodeName=n2")]
        {
            assert!(!takes(namespace, labels, fields), "{namespace:?} {labels} {fields}");
        }
        assert!(Selection::new(None, "a b c", "").is_err());
    }
}
