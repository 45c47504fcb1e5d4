//! views.*: modals and the Home tab.

use serde_json::{Map, Value, json};

use super::super::limits::Tier;
use super::super::state::{State, View};
use super::super::validate::{self, Fault};
use super::{Answer, Ask, Method, Refusal};

pub const METHODS: &[Method] = &[
    Method::new("views.open", &[], Tier::Four, open),
    Method::new("views.push", &[], Tier::Four, push),
    Method::new("views.update", &[], Tier::Four, update),
    Method::new("views.publish", &[], Tier::Four, publish),
];

/// Modals on top of one another.
const STACK: usize = 3;

fn open(ask: &mut Ask) -> Answer {
    let view = asked(ask, "modal")?;
    let (user, _) = trigger(ask)?;
    let id = ask.state.open_view(&user, &ask.app.bot_id.clone(), view, None)?;
    shown(ask.state, &id)
}

fn push(ask: &mut Ask) -> Answer {
    let view = asked(ask, "modal")?;
    let (user, from) = trigger(ask)?;
    let from = from.ok_or("exchanged_trigger_id")?;
    let id = ask.state.open_view(&user, &ask.app.bot_id.clone(), view, Some(&from))?;
    shown(ask.state, &id)
}

fn update(ask: &mut Ask) -> Answer {
    let view = asked(ask, "modal")?;
    let by_external = |external: &str| {
        let known = ask.state.views.iter().find(|(_, view)| view.json["external_id"] == external);
        known.map(|(id, _)| id.clone())
    };
    let named = ask.args.str("view_id").map(str::to_owned);
    let id = named.or_else(|| ask.args.str("external_id").and_then(by_external)).ok_or("not_found")?;
    unchanged(ask, &id)?;
    ask.state.replace_view(&id, view)?;
    shown(ask.state, &id)
}

fn publish(ask: &mut Ask) -> Answer {
    let view = asked(ask, "home")?;
    let user = ask.args.need("user_id")?.to_owned();
    if ask.state.user(&user).is_none() {
        return Err("user_not_found".into());
    }
    if let Some(id) = ask.state.homes.get(&user).cloned() {
        unchanged(ask, &id)?;
        ask.state.replace_view(&id, view)?;
        return shown(ask.state, &id);
    }
    let id = ask.state.new_view(&user, &ask.app.bot_id.clone(), view);
    ask.state.homes.insert(user.clone(), id.clone());
    let json = shown(ask.state, &id)?;
    ask.state.push_to_user(&user, json!({"type": "home", "view": json["view"]}));
    Ok(json)
}

/// The view in the call, if it follows the rules.
fn asked(ask: &Ask, kind: &str) -> Result<Value, Refusal> {
    let view =
        ask.args.json("view").ok().flatten().ok_or_else(|| Refusal::arguments("missing required field: view"))?;
    if view["type"] != kind {
        return Err(Refusal::arguments(&format!("must be one of: {kind} [json-pointer:/view/type]")));
    }
    checked(ask.state, &view)?;
    Ok(view)
}

/// Refuses a view that breaks Block Kit's rules.
pub fn checked(state: &State, view: &Value) -> Result<(), Refusal> {
    /// Slack refuses views above a quarter of a megabyte.
    const LARGEST: usize = 250_000;
    if view.to_string().len() > LARGEST {
        return Err("view_too_large".into());
    }
    let faults = validate::view(view, &|file| state.shows(file));
    if faults.is_empty() {
        return Ok(());
    }
    let messages: Vec<String> = faults.iter().map(|fault: &Fault| format!("[ERROR] {}", fault.text())).collect();
    Err(Refusal::new("invalid_arguments").with("response_metadata", json!({"messages": messages})))
}

/// Uses up the trigger; gives its user and the modal it came from.
fn trigger(ask: &mut Ask) -> Result<(String, Option<String>), Refusal> {
    let id = ask.args.str("trigger_id").ok_or("invalid_trigger_id")?;
    let trigger = ask.state.triggers.get_mut(id).ok_or("invalid_trigger_id")?;
    if trigger.used {
        return Err("exchanged_trigger_id".into());
    }
    if trigger.expires_at <= ask.now {
        return Err("expired_trigger_id".into());
    }
    trigger.used = true;
    Ok((trigger.user.clone(), trigger.from_view.clone()))
}

/// With a `hash`, the view must not have changed since.
fn unchanged(ask: &Ask, id: &str) -> Result<(), Refusal> {
    let view = ask.state.views.get(id).ok_or("not_found")?;
    match ask.args.str("hash") {
        Some(hash) if view.json["hash"] != hash => Err("hash_conflict".into()),
        _ => Ok(()),
    }
}

fn shown(state: &State, id: &str) -> Answer {
    let view = state.views.get(id).ok_or("not_found")?;
    Ok(json!({"view": view.json}))
}

impl State {
    /// Opens a modal: a new stack, or on top of `above`.
    pub fn open_view(&mut self, user: &str, bot_id: &str, view: Value, above: Option<&str>) -> Result<String, Refusal> {
        let stack = self.stacks.get(user).cloned().unwrap_or_default();
        let below = if above.is_some() { stack.clone() } else { Vec::new() };
        if below.len() >= STACK {
            return Err("push_limit_reached".into());
        }
        if above.is_some_and(|id| !below.iter().any(|open| open == id)) {
            return Err("not_found".into());
        }
        let taken = |external: &str| self.views.values().any(|v| v.json["external_id"] == external);
        if view["external_id"].as_str().is_some_and(|external| !external.is_empty() && taken(external)) {
            return Err("duplicate_external_id".into());
        }
        if above.is_none() && !stack.is_empty() {
            self.close_views(user, &stack);
        }
        let id = self.new_view(user, bot_id, view);
        let root = below.first().unwrap_or(&id).clone();
        let previous = below.last().cloned();
        if let Some(view) = self.views.get_mut(&id) {
            view.json["root_view_id"] = json!(root);
            view.json["previous_view_id"] = json!(previous);
        }
        self.stacks.entry(user.to_owned()).or_default().push(id.clone());
        self.push_view(&id);
        Ok(id)
    }

    fn new_view(&mut self, user: &str, bot_id: &str, view: Value) -> String {
        let id = self.mint("V");
        let json = json!({"id": id, "team_id": self.team.id, "bot_id": bot_id, "root_view_id": id,
            "app_id": self.app.as_ref().map(|app| app.app_id.clone()), "app_installed_team_id": self.team.id,
            "previous_view_id": null, "state": {"values": {}}});
        self.views.insert(id.clone(), View { user: user.to_owned(), json });
        self.fill(&id, view);
        id
    }

    /// Puts new content into an open view.
    pub fn replace_view(&mut self, id: &str, view: Value) -> Result<(), Refusal> {
        let open = self.views.get(id).ok_or("not_found")?;
        if open.json["type"] != view["type"] {
            return Err("not_found".into());
        }
        let user = open.user.clone();
        self.fill(id, view);
        if let Some(open) = self.views.get(id).filter(|v| v.json["type"] == "home") {
            let push = json!({"type": "home", "view": open.json});
            self.push_to_user(&user, push);
        } else {
            self.push_view(id);
        }
        Ok(())
    }

    fn fill(&mut self, id: &str, mut asked: Value) {
        if let Some(blocks) = asked.get_mut("blocks") {
            self.name_blocks(blocks);
        }
        let hash = format!("{}.{}", self.mint_hex(5), self.mint_hex(4));
        let Some(view) = self.views.get_mut(id).and_then(|v| v.json.as_object_mut()) else { return };
        let defaults = json!({"title": null, "submit": null, "close": null, "callback_id": "", "private_metadata": "",
            "external_id": "", "clear_on_close": false, "notify_on_close": false, "submit_disabled": false, "blocks": []});
        let mut content: Map<String, Value> = defaults.as_object().cloned().unwrap_or_default();
        content.extend(asked.as_object().cloned().unwrap_or_default());
        content.insert("hash".to_owned(), json!(hash));
        view.extend(content);
    }

    /// Shows the page a modal and where it stands.
    fn push_view(&mut self, id: &str) {
        let Some(view) = self.views.get(id) else { return };
        let stack = self.stacks.get(&view.user).cloned().unwrap_or_default();
        let (user, push) = (view.user.clone(), json!({"type": "view", "view": view.json, "stack": stack}));
        self.push_to_user(&user, push);
    }

    /// Takes these modals off the user's screen.
    pub fn close_views(&mut self, user: &str, ids: &[String]) {
        for id in ids {
            self.views.remove(id);
        }
        let stack = self.stacks.entry(user.to_owned()).or_default();
        stack.retain(|open| !ids.contains(open));
        let push = json!({"type": "view_closed", "view_ids": ids, "stack": stack});
        self.push_to_user(user, push);
    }
}
