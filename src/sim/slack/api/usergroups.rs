//! usergroups.*: `@oncall` and its like.

use serde_json::{Value, json};

use super::super::limits::Tier;
use super::super::state::UserGroup;
use super::{Answer, Ask, Method, Refusal};

const READ: &[&str] = &["usergroups:read"];
const WRITE: &[&str] = &["usergroups:write"];

pub const METHODS: &[Method] = &[
    Method::new("usergroups.list", READ, Tier::Two, list),
    Method::new("usergroups.create", WRITE, Tier::Two, create),
    Method::new("usergroups.update", WRITE, Tier::Two, update),
    Method::new("usergroups.enable", WRITE, Tier::Two, enable),
    Method::new("usergroups.disable", WRITE, Tier::Two, disable),
    Method::new("usergroups.users.list", READ, Tier::Two, users),
    Method::new("usergroups.users.update", WRITE, Tier::Two, set_users),
];

fn json_of(ask: &Ask, group: &UserGroup) -> Value {
    json!({"id": group.id, "team_id": ask.state.team.id, "is_usergroup": true, "name": group.name, "handle": group.handle,
           "description": group.description, "date_delete": i64::from(group.disabled), "user_count": group.users.len(),
           "users": group.users, "prefs": {"channels": [], "groups": []}})
}

#[expect(clippy::unnecessary_wraps, reason = "every method answers alike")]
fn list(ask: &mut Ask) -> Answer {
    let disabled_too = ask.args.yes("include_disabled");
    let shown = ask.state.groups.iter().filter(|g| disabled_too || !g.disabled);
    let groups: Vec<Value> = shown.map(|g| json_of(ask, g)).collect();
    Ok(json!({"usergroups": groups}))
}

fn create(ask: &mut Ask) -> Answer {
    let name = ask.args.need("name")?.to_owned();
    let handle = ask.args.str("handle").map_or_else(|| name.to_lowercase().replace(' ', "-"), str::to_owned);
    if ask.state.groups.iter().any(|g| g.handle == handle || g.name == name) {
        return Err("name_already_exists".into());
    }
    let description = ask.args.str("description").unwrap_or_default().to_owned();
    let id = ask.state.mint("S");
    let group = UserGroup { id, handle, name, description, users: Vec::new(), disabled: false };
    let json = json_of(ask, &group);
    ask.state.groups.push(group);
    Ok(json!({"usergroup": json}))
}

/// Changes the group asked for and answers with it.
fn change(ask: &mut Ask, act: impl FnOnce(&mut UserGroup)) -> Answer {
    let id = ask.args.need("usergroup")?;
    let group = ask.state.groups.iter_mut().find(|g| g.id == id).ok_or("no_such_subteam")?;
    act(group);
    let group = group.clone();
    Ok(json!({"usergroup": json_of(ask, &group)}))
}

fn update(ask: &mut Ask) -> Answer {
    let args = ask.args;
    change(ask, |group| {
        for (name, field) in
            [("name", &mut group.name), ("handle", &mut group.handle), ("description", &mut group.description)]
        {
            if let Some(value) = args.str(name) {
                value.clone_into(field);
            }
        }
    })
}

fn enable(ask: &mut Ask) -> Answer {
    change(ask, |group| group.disabled = false)
}

fn disable(ask: &mut Ask) -> Answer {
    change(ask, |group| group.disabled = true)
}

fn users(ask: &mut Ask) -> Answer {
    let id = ask.args.need("usergroup")?;
    let group = ask.state.groups.iter().find(|g| g.id == id).ok_or("no_such_subteam")?;
    Ok(json!({"users": group.users}))
}

/// Replaces the whole list, which cannot be emptied this way.
fn set_users(ask: &mut Ask) -> Answer {
    let users = ask.args.list("users");
    if users.is_empty() {
        return Err("no_users_provided".into());
    }
    let home = &ask.state.team.id;
    let person = |id: &String| ask.state.users.iter().any(|u| u.id == *id && !u.is_bot && u.team == *home);
    if !users.iter().all(person) {
        return Err(Refusal::new("invalid_users"));
    }
    change(ask, |group| group.users = users)
}
