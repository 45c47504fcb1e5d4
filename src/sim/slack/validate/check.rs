//! Walking a JSON value with a pointer in hand, and the small rules everything else is made of.

use std::fmt::Display;

use serde_json::{Map, Value};

use super::{Fault, Surface};

pub struct Check<'a> {
    pub surface: Surface,
    pub file: &'a dyn Fn(&str) -> bool,
    pub faults: Vec<Fault>,
    pointer: String,
}

/// What an object may hold: anything else is an additional property.
pub struct Field {
    pub name: &'static str,
    pub required: bool,
    pub rule: Rule,
}

pub enum Rule {
    /// A string of so many characters.
    Str(usize, usize),
    /// A `plain_text` object of at most so many characters.
    Plain(usize),
    /// A `plain_text` or `mrkdwn` object of at most so many characters.
    Text(usize),
    Bool,
    Int(i64, i64),
    OneOf(&'static [&'static str]),
    With(fn(&mut Check, &Value)),
    Anything,
}

pub const fn must(name: &'static str, rule: Rule) -> Field {
    Field { name, required: true, rule }
}

pub const fn may(name: &'static str, rule: Rule) -> Field {
    Field { name, required: false, rule }
}

impl<'a> Check<'a> {
    pub fn new(surface: Surface, file: &'a dyn Fn(&str) -> bool) -> Self {
        Self { surface, file, faults: Vec::new(), pointer: String::new() }
    }

    pub fn fault(&mut self, message: impl Into<String>) {
        self.faults.push(Fault { pointer: self.pointer.clone(), message: message.into() });
    }

    /// Looks one step deeper.
    pub fn at<R>(&mut self, step: impl Display, look: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&step.to_string());
        let result = look(self);
        self.pointer.truncate(length);
        result
    }

    pub fn object<'v>(&mut self, value: &'v Value) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.fault("must be an object");
        }
        object
    }

    pub fn list<'v>(&mut self, value: &'v Value, least: usize, most: usize) -> Option<&'v Vec<Value>> {
        let Some(list) = value.as_array() else {
            self.fault("must be an array");
            return None;
        };
        if list.len() > most {
            self.fault(format!("no more than {most} items allowed"));
        }
        if list.len() < least {
            self.fault(format!("no fewer than {least} items allowed"));
        }
        Some(list)
    }

    pub fn each(&mut self, value: &Value, least: usize, most: usize, look: impl Fn(&mut Self, &Value)) {
        for (index, item) in self.list(value, least, most).into_iter().flatten().enumerate() {
            self.at(index, |check| look(check, item));
        }
    }

    pub fn string(&mut self, value: &Value, least: usize, most: usize) {
        let Some(text) = value.as_str() else {
            return self.fault("must be a string");
        };
        let length = text.chars().count();
        if length < least {
            self.fault(format!("must be more than {} characters", least.saturating_sub(1)));
        }
        if length > most {
            self.fault(format!("must be less than {} characters", most.saturating_add(1)));
        }
    }

    /// A text object; `plain` refuses `mrkdwn`.
    pub fn text(&mut self, value: &Value, most: usize, plain: bool) {
        let Some(object) = self.object(value) else { return };
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "plain_text" => {
                self.fields(object, &[must("text", Rule::Str(1, most)), may("emoji", Rule::Bool)]);
            }
            "mrkdwn" if !plain => {
                self.fields(object, &[must("text", Rule::Str(1, most)), may("verbatim", Rule::Bool)]);
            }
            _ => {
                let allowed = if plain { "plain_text" } else { "plain_text, mrkdwn" };
                self.at("type", |check| check.fault(format!("must be one of: {allowed}")));
            }
        }
    }

    /// Checks an object's properties; `type` is the caller's business.
    pub fn fields(&mut self, object: &Map<String, Value>, fields: &[Field]) {
        for field in fields {
            match object.get(field.name) {
                Some(value) if !value.is_null() => self.at(field.name, |check| check.rule(&field.rule, value)),
                _ if field.required => self.fault(format!("missing required field: {}", field.name)),
                _ => {}
            }
        }
        for name in object.keys().filter(|name| *name != "type") {
            if !fields.iter().any(|field| field.name == name) {
                self.fault(format!("invalid additional property: {name}"));
            }
        }
    }

    fn rule(&mut self, rule: &Rule, value: &Value) {
        match rule {
            Rule::Str(least, most) => self.string(value, *least, *most),
            Rule::Plain(most) => self.text(value, *most, true),
            Rule::Text(most) => self.text(value, *most, false),
            Rule::Bool => {
                if !value.is_boolean() {
                    self.fault("must be a boolean");
                }
            }
            Rule::Int(least, most) => {
                if !value.as_i64().is_some_and(|n| (*least..=*most).contains(&n)) {
                    self.fault(format!("must be an integer from {least} to {most}"));
                }
            }
            Rule::OneOf(allowed) => {
                if !value.as_str().is_some_and(|text| allowed.contains(&text)) {
                    self.fault(format!("must be one of: {}", allowed.join(", ")));
                }
            }
            Rule::With(look) => look(self, value),
            Rule::Anything => {}
        }
    }
}
