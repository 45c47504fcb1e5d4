//! A call's arguments, whichever way they came: query, form or JSON.

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::Refusal;

#[derive(Debug, Default)]
pub struct Args {
    values: Map<String, Value>,
    token: Option<String>,
}

/// An argument that should have been JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson;

impl Args {
    /// JSON counts only with a Bearer token in the header, as with Slack.
    pub fn read(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Result<Self, Refusal> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut values = Map::new();
        let pairs = |bytes: &[u8], values: &mut Map<String, Value>| {
            for (name, value) in form_urlencoded::parse(bytes) {
                values.insert(name.into_owned(), Value::String(value.into_owned()));
            }
        };
        pairs(query.unwrap_or_default().as_bytes(), &mut values);
        if header("content-type").starts_with("application/json") {
            if !body.is_empty() {
                match serde_json::from_slice(body) {
                    Ok(Value::Object(object)) => values.extend(object),
                    Ok(_) => return Err(Refusal::new("json_not_object")),
                    Err(_) => return Err(Refusal::new("invalid_json")),
                }
            }
        } else {
            pairs(body, &mut values);
        }
        values.retain(|_, value| !value.is_null());
        let bearer = header("authorization").strip_prefix("Bearer ").map(|token| token.trim().to_owned());
        let field = values.remove("token").and_then(|token| token.as_str().map(str::to_owned));
        Ok(Self { values, token: bearer.or(field).filter(|token| !token.is_empty()) })
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A non-empty string.
    pub fn str(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    pub fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.str(name).ok_or_else(|| Refusal::arguments(&format!("missing required field: {name}")))
    }

    pub fn yes(&self, name: &str) -> bool {
        match self.values.get(name) {
            Some(Value::Bool(yes)) => *yes,
            Some(Value::String(text)) => matches!(text.as_str(), "true" | "1"),
            Some(Value::Number(number)) => number.as_i64() == Some(1),
            _ => false,
        }
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        match self.values.get(name)? {
            Value::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A list or an object; in a form it is JSON in a string.
    pub fn json(&self, name: &str) -> Result<Option<Value>, NotJson> {
        match self.values.get(name) {
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| NotJson),
            Some(value) => Ok(Some(value.clone())),
            None => Ok(None),
        }
    }

    /// `a,b,c`, or a JSON list.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.values.get(name) {
            Some(Value::String(text)) => {
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
            }
            Some(Value::Array(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        }
    }

    /// For the record of calls; JSON in strings is opened up, the token stays out.
    pub fn logged(&self) -> Value {
        let open = |(name, value): (&String, &Value)| {
            let opened = value
                .as_str()
                .filter(|text| text.starts_with(['[', '{']))
                .and_then(|text| serde_json::from_str(text).ok());
            (name.clone(), opened.unwrap_or_else(|| value.clone()))
        };
        Value::Object(self.values.iter().map(open).collect())
    }
}

/// One page of a list and the cursor of the next (empty at the end). Cursors name an offset, which holds in a list that only grows.
pub fn page<T>(items: Vec<T>, args: &Args, default: usize) -> Result<(Vec<T>, String), Refusal> {
    let from = match args.str("cursor") {
        Some(cursor) => {
            cursor.strip_prefix("next:").and_then(|at| at.parse().ok()).ok_or(Refusal::new("invalid_cursor"))?
        }
        None => 0_usize,
    };
    let limit = args.number("limit").unwrap_or(default).clamp(1, 999);
    let total = items.len();
    let next = from.saturating_add(limit);
    let cursor = if next < total { format!("next:{next}") } else { String::new() };
    Ok((items.into_iter().skip(from).take(limit).collect(), cursor))
}
