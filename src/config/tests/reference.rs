//! The list of every key in docs/CONFIGURATION.md, made from the schema.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value};

use crate::config::{schema, secrets};

const BEGINS: &str = "## Every key\n";
/// More values than this are listed in a section of their own.
const INLINE: usize = 8;

struct Reference<'a> {
    definitions: &'a Map<String, Value>,
    /// Where each definition was first met: its heading.
    met: BTreeMap<&'a str, String>,
    out: String,
}

impl<'a> Reference<'a> {
    /// A heading, what it is, its keys; then the same for what its keys hold.
    fn section(&mut self, path: &str, it: &'a Value) {
        let title = if path.is_empty() { "The file".to_owned() } else { format!("`{path}`") };
        write!(self.out, "\n### {title}\n").unwrap();
        if !text(it).is_empty() {
            write!(self.out, "\n{}\n", text(it)).unwrap();
        }
        let mut below = Vec::new();
        match it["oneOf"].as_array() {
            Some(variants) if variants.iter().any(|one| one.get("properties").is_some()) => {
                self.out.push_str("\nOne of:\n\n");
                for one in variants {
                    let keys: Vec<String> = keys(one).map(|(key, _)| format!("`{key}`")).collect();
                    writeln!(self.out, "- {}: {}", keys.join(", "), text(one)).unwrap();
                }
            }
            Some(_) => self.values(it),
            None if it["type"] == "array" => {
                let each = self.kind(&format!("{path}[]"), &it["items"], &mut below);
                write!(self.out, "\nA list of {each}.\n").unwrap();
            }
            None => self.table(path, it, &mut below),
        }
        for (path, it) in below {
            self.section(&path, it);
        }
    }

    fn values(&mut self, it: &Value) {
        self.out.push('\n');
        for one in it["oneOf"].as_array().into_iter().flatten() {
            let values = one["enum"].as_array().map_or(std::slice::from_ref(&one["const"]), Vec::as_slice);
            let values: Vec<String> = values.iter().map(code).collect();
            writeln!(self.out, "- {}{}{}", values.join(", "), if text(one).is_empty() { "" } else { ": " }, text(one))
                .unwrap();
        }
    }

    fn table(&mut self, path: &str, it: &'a Value, below: &mut Vec<(String, &'a Value)>) {
        let required = |key: &str| it["required"].as_array().is_some_and(|all| all.iter().any(|one| one == key));
        self.out.push_str("\n| key | holds | when absent | meaning |\n|---|---|---|---|\n");
        for (key, value) in keys(it) {
            let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let kind = self.kind(&place, value, below);
            let absent = if required(key) { "needed".to_owned() } else { absent(&value["default"]) };
            let about = self.about(value).replace('|', "\\|").replace('\n', " ");
            writeln!(self.out, "| `{key}` | {kind} | {absent} | {about} |").unwrap();
        }
    }

    /// What it says of itself, else what its definition says.
    fn about(&self, value: &'a Value) -> String {
        let mut said = text(value).to_owned();
        if let Some(definition) = self.definition(value).filter(|_| said.is_empty()) {
            said = text(definition).to_owned();
        }
        let example = value["examples"].get(0).or_else(|| value["items"]["examples"].get(0));
        let example = example.filter(|_| value["pattern"] != DURATION);
        if let Some(example) = example {
            write!(said, " Such as {}.", code(example)).unwrap();
        }
        said
    }

    fn definition(&self, value: &Value) -> Option<&'a Value> {
        self.definitions.get(value["$ref"].as_str()?.rsplit_once('/')?.1)
    }

    /// In a few words; what needs more gets a section `below`, at its first mention.
    fn kind(&mut self, path: &str, value: &'a Value, below: &mut Vec<(String, &'a Value)>) -> String {
        if let Some(any) = value["anyOf"].as_array() {
            let one = any.iter().find(|one| one["type"] != "null").unwrap();
            return self.kind(path, one, below);
        }
        if let Some(definition) = self.definition(value) {
            let name = value["$ref"].as_str().unwrap().rsplit_once('/').unwrap().1;
            return self.named(name, path, definition, below);
        }
        match value["type"].as_str().or_else(|| value["type"].get(0)?.as_str()) {
            Some("array") => format!("list of {}", self.kind(&format!("{path}[]"), &value["items"], below)),
            Some("object") if value.get("properties").is_some() => {
                below.push((path.to_owned(), value));
                link(path)
            }
            Some("object") => {
                format!("by name: {}", self.kind(&format!("{path}.*"), &value["additionalProperties"], below))
            }
            Some("string") if value["pattern"] == DURATION => "duration".to_owned(),
            Some("string") => "text".to_owned(),
            Some("integer") => match (value["minimum"].as_i64(), value["maximum"].as_i64()) {
                (Some(least), Some(most)) => format!("{least} to {most}"),
                _ => "whole number".to_owned(),
            },
            Some("boolean") => "`true` or `false`".to_owned(),
            Some(other) => other.to_owned(),
            None => panic!("{path}: {value}"),
        }
    }

    fn named(&mut self, name: &'a str, path: &str, it: &'a Value, below: &mut Vec<(String, &'a Value)>) -> String {
        let plain = it["type"] == "string" && it.get("oneOf").is_none();
        let values = it["enum"].as_array().cloned().unwrap_or_else(|| {
            let variants = it["oneOf"].as_array().into_iter().flatten();
            variants
                .flat_map(|one| one["enum"].as_array().cloned().unwrap_or_else(|| vec![one["const"].clone()]))
                .collect()
        });
        let simple = values.len() <= INLINE && values.iter().all(Value::is_string);
        if plain && values.is_empty() {
            return "text".to_owned();
        }
        if simple && !values.is_empty() {
            return values.iter().map(code).collect::<Vec<_>>().join(", ");
        }
        if plain {
            return format!("one of {}", values.iter().map(code).collect::<Vec<_>>().join(", "));
        }
        if !self.met.contains_key(name) {
            self.met.insert(name, path.to_owned());
            below.push((path.to_owned(), it));
        }
        link(&self.met[name])
    }
}

const DURATION: &str = "^([0-9]+(ms|s|m|h|d|w))+$";

fn keys(it: &Value) -> impl Iterator<Item = (&String, &Value)> {
    it["properties"].as_object().into_iter().flatten()
}

fn text(it: &Value) -> &str {
    it["description"].as_str().unwrap_or_default()
}

fn code(value: &Value) -> String {
    value.as_str().map_or_else(|| format!("`{value}`"), |text| format!("`{text}`"))
}

fn absent(default: &Value) -> String {
    match default {
        Value::Null => "–".to_owned(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Object(entries) if entries.is_empty() => "none".to_owned(),
        // Its own table says it.
        Value::Object(_) => "as below".to_owned(),
        Value::Array(_) => code(default).replace("\",\"", "\", \""),
        _ => code(default),
    }
}

/// To a heading, as GitHub names it.
fn link(path: &str) -> String {
    let anchor: String = path.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
    format!("[`{path}`](#{})", anchor.to_lowercase())
}

/// `UPDATE=1 cargo test every_key_is_in_the_docs` writes it.
#[test]
fn every_key_is_in_the_docs() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap();
    let mut reference = Reference { definitions, met: BTreeMap::new(), out: String::new() };
    reference.section("", &schema);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CONFIGURATION.md");
    let there = std::fs::read_to_string(&file).unwrap();
    let (before, _) = there.split_once(BEGINS).expect("docs/CONFIGURATION.md has the heading");
    let now = format!(
        "{before}{BEGINS}\nMade from the schema by `UPDATE=1 cargo test every_key_is_in_the_docs`.\n{}",
        reference.out
    );
    if secrets::Environment::of_process().plain("UPDATE").is_some() {
        std::fs::write(&file, &now).unwrap();
    }
    assert!(there == now, "docs/CONFIGURATION.md is stale; run UPDATE=1 cargo test every_key_is_in_the_docs");
}
