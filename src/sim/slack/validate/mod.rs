//! Block Kit's rules, said the way Slack says them: `must be less than 151 characters [json-pointer:/blocks/0/text/text]`.
//! <https://docs.slack.dev/reference/block-kit>; what is known only second-hand is listed in the project's Slack notes.

mod blocks;
mod check;
mod elements;
mod objects;
mod views;

use std::collections::HashSet;

use serde_json::{Map, Value};

use check::Check;

/// The most blocks in a message.
const MESSAGE_BLOCKS: usize = 50;
/// The most blocks in a modal or a home tab.
const VIEW_BLOCKS: usize = 100;

/// Where blocks are shown; some are allowed in one place only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    Message,
    Modal,
    Home,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub pointer: String,
    pub message: String,
}

impl Fault {
    /// As in `errors`: `no more than 50 items allowed [json-pointer:/blocks]`.
    pub fn text(&self) -> String {
        format!("{} [json-pointer:{}]", self.message, self.pointer)
    }
}

/// The rules a message's blocks break. `file` tells whether a `slack_file` id or URL can be shown.
pub fn message(blocks: &Value, file: &dyn Fn(&str) -> bool) -> Vec<Fault> {
    let mut check = Check::new(Surface::Message, file);
    check.at("blocks", |check| blocks_of(check, blocks, MESSAGE_BLOCKS));
    check.faults
}

/// The rules a modal or home view breaks.
pub fn view(view: &Value, file: &dyn Fn(&str) -> bool) -> Vec<Fault> {
    let surface = if view["type"] == "home" { Surface::Home } else { Surface::Modal };
    let mut check = Check::new(surface, file);
    check.at("view", |check| views::view(check, view));
    check.faults
}

/// The rules a list of options from a `block_suggestion` answer breaks.
pub fn suggestions(answer: &Value) -> Vec<Fault> {
    let mut check = Check::new(Surface::Message, &|_| false);
    objects::options_or_groups(&mut check, answer, true);
    check.faults
}

fn blocks_of(check: &mut Check, blocks: &Value, most: usize) {
    let Some(list) = check.list(blocks, 0, most) else { return };
    let mut ids = HashSet::new();
    for (index, block) in list.iter().enumerate() {
        check.at(index, |check| {
            if let Some(id) = block["block_id"].as_str()
                && !ids.insert(id)
            {
                check.at("block_id", |check| check.fault(format!("`block_id` value \"{id}\" is already in use")));
            }
            blocks::block(check, block);
        });
    }
}

/// The elements of a block that people can use: an accessory, an input's element, what stands in an actions row.
pub fn interactive(block: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let single = ["accessory", "element"].into_iter().filter_map(|name| block.get(name));
    single.chain(block.get("elements").and_then(Value::as_array).into_iter().flatten()).filter(|e| is_interactive(e))
}

pub(super) fn interactive_mut(block: &mut Map<String, Value>) -> impl Iterator<Item = &mut Value> {
    block
        .iter_mut()
        .filter(|(name, _)| matches!(name.as_str(), "accessory" | "element" | "elements"))
        .flat_map(|(_, value)| match value {
            Value::Array(list) => list.iter_mut().collect::<Vec<_>>(),
            other => vec![other],
        })
        .filter(|e| is_interactive(e))
}

fn is_interactive(element: &Value) -> bool {
    elements::kind(element).is_some_and(|kind| kind != elements::Kind::Image)
}
