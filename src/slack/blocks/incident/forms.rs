//! Forms: a new incident, an update, roles, the end.

use serde_json::{Value, json};

use super::super::kit::{self, Field};
use super::super::words::plain;
use super::lines::still_firing;
use crate::core::ids::{IncidentId, UserId};
use crate::core::incident::{Incident, Role, Severity, Stage, State, TITLE};
use crate::slack::message::View;

/// `callback_id` of each form.
pub const DECLARE_FORM: &str = "wk.incident.declare_form";
pub const UPDATE_FORM: &str = "wk.incident.update_form";
pub const ROLES_FORM: &str = "wk.incident.roles_form";
pub const RESOLVE_FORM: &str = "wk.incident.resolve_form";

const TITLE_FIELD: &str = "title";
const SEVERITY: &str = "severity";
const STAGE: &str = "stage";
const TEXT: &str = "text";
const NEXT: &str = "next";

/// A form's errors, each under the field it names.
type Errors = Vec<(&'static str, String)>;

/// What a new incident is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    pub title: String,
    pub severity: Severity,
    /// The alert group it was declared from.
    pub alert: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    pub stage: Option<Stage>,
    pub text: String,
    pub next_step: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolesGiven {
    pub roles: Vec<(Role, Option<UserId>)>,
    pub severity: Option<Severity>,
}

/// Which incident a submitted form is about.
#[must_use]
pub fn forms_metadata(metadata: &str) -> IncidentId {
    IncidentId::new(metadata)
}

#[must_use]
pub fn declare_form(title: &str, alert: Option<u64>) -> View {
    let blocks = [
        field(TITLE_FIELD, "What is wrong?", "One sentence that everybody understands", title, false, false, TITLE),
        severities(Severity::default()),
    ];
    let metadata = alert.map(|number| number.to_string()).unwrap_or_default();
    modal(DECLARE_FORM, "Declare an incident", "Declare", &metadata, &blocks)
}

/// # Errors
/// What is wrong, by `block_id`.
pub fn read_declared(metadata: &str, field: impl Fn(&str) -> Option<String>) -> Result<Declared, Errors> {
    let title = written(&field, TITLE_FIELD).ok_or_else(|| vec![(TITLE_FIELD, "Say what is wrong.".to_owned())])?;
    let severity = field(SEVERITY).and_then(|word| Severity::named(&word)).unwrap_or_default();
    Ok(Declared { title, severity, alert: metadata.parse().ok() })
}

#[must_use]
pub fn update_form(incident: &Incident) -> View {
    let now = match incident.state {
        State::Open { stage, .. } => stage,
        State::Resolved { .. } => Stage::Monitoring,
    };
    let stages: Vec<Value> = Stage::ALL.iter().map(|stage| option(stage.as_str(), stage.as_str())).collect();
    let next = incident.next_step.as_deref().unwrap_or_default();
    let blocks = [
        input(STAGE, "State", "How far the work is", &select(STAGE, &stages, &option(now.as_str(), now.as_str()))),
        field(TEXT, "What is new?", "It goes to everybody who works on it, and on the timeline", "", true, false, 2000),
        field(NEXT, "Next step", "What somebody is about to do; the next shift reads it too", next, false, true, 500),
    ];
    modal(UPDATE_FORM, "Status update", "Tell", incident.id.as_str(), &blocks)
}

/// # Errors
/// What is wrong, by `block_id`.
pub fn read_updated(field: impl Fn(&str) -> Option<String>) -> Result<Updated, Errors> {
    let text = written(&field, TEXT).ok_or_else(|| vec![(TEXT, "Say what is new, or that nothing is.".to_owned())])?;
    let stage = field(STAGE).and_then(|word| Stage::named(&word));
    Ok(Updated { stage, text, next_step: written(&field, NEXT) })
}

#[must_use]
pub fn roles_form(incident: &Incident) -> View {
    let role = |role: Role, label: &str, hint: &str| {
        let id = role.as_str();
        let mut users = json!({"type": "users_select", "action_id": id, "placeholder": text("Nobody", 75)});
        if let Some(user) = incident.roles.of(role) {
            users["initial_user"] = json!(user.as_str());
        }
        let mut block = input(id, label, hint, &users);
        block["optional"] = json!(true);
        block
    };
    let blocks = [
        role(Role::Commander, "Commander", "Decides, and does nothing else"),
        role(Role::Communications, "Communications", "Tells everybody else how it goes"),
        role(Role::Scribe, "Scribe", "Writes down what happens"),
        severities(incident.severity),
    ];
    modal(ROLES_FORM, "Roles", "Save", incident.id.as_str(), &blocks)
}

/// What was chosen; a field that is empty lays its role down.
#[must_use]
pub fn read_roles(field: impl Fn(&str) -> Option<String>) -> RolesGiven {
    let of = |role: Role| (role, field(role.as_str()).filter(|user| !user.is_empty()).map(UserId::new));
    RolesGiven {
        roles: Role::ALL.into_iter().map(of).collect(),
        severity: field(SEVERITY).and_then(|word| Severity::named(&word)),
    }
}

#[must_use]
pub fn resolve_form(incident: &Incident, firing: &[u64]) -> View {
    let hint = "What it was, and what ended it. The post-mortem begins with it.";
    let mut blocks = vec![field(TEXT, "Summary", hint, "", true, false, 2000)];
    let warning = still_firing(firing).map(|still| kit::context(&format!("⚠️ {still}")));
    blocks.extend(kit::values(&warning.into_iter().collect::<Vec<_>>(), 1));
    modal(RESOLVE_FORM, "Resolve", "Resolve", incident.id.as_str(), &blocks)
}

/// # Errors
/// What is wrong, by `block_id`.
pub fn read_resolved(field: impl Fn(&str) -> Option<String>) -> Result<String, Errors> {
    written(&field, TEXT).ok_or_else(|| vec![(TEXT, "A sentence is enough.".to_owned())])
}

fn written(field: &impl Fn(&str) -> Option<String>, id: &str) -> Option<String> {
    field(id).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn severities(chosen: Severity) -> Value {
    let what = |severity: Severity| match severity {
        Severity::Sev1 => "SEV1: customers cannot work",
        Severity::Sev2 => "SEV2: customers notice",
        Severity::Sev3 => "SEV3: nobody outside notices yet",
    };
    let item = |severity: Severity| option(what(severity), severity.as_str());
    let options: Vec<Value> = Severity::ALL.into_iter().map(item).collect();
    input(SEVERITY, "Severity", "How often people are told goes by it", &select(SEVERITY, &options, &item(chosen)))
}

fn field(id: &str, label: &str, hint: &str, value: &str, multiline: bool, optional: bool, most: usize) -> Value {
    let most = u16::try_from(most).unwrap_or(u16::MAX);
    let block = Field { block_id: id, label, hint, value, multiline, optional, most }.block();
    kit::values(&[block], 1).pop().unwrap_or_default()
}

fn text(text: &str, most: usize) -> Value {
    json!({"type": "plain_text", "text": plain(text, most)})
}

fn option(name: &str, value: &str) -> Value {
    json!({"text": text(name, 75), "value": value})
}

fn select(id: &str, options: &[Value], initial: &Value) -> Value {
    json!({
        "type": "static_select", "action_id": id, "placeholder": text("Choose", 75), "options": options,
        "initial_option": initial,
    })
}

fn input(id: &str, label: &str, hint: &str, element: &Value) -> Value {
    json!({
        "type": "input", "block_id": id, "label": text(label, kit::HEADER_TEXT), "hint": text(hint, kit::HEADER_TEXT),
        "element": element,
    })
}

fn modal(form: &str, title: &str, submit: &str, metadata: &str, blocks: &[Value]) -> View {
    View(json!({
        "type": "modal", "callback_id": form, "title": text(title, 24), "submit": text(submit, 24),
        "close": text("Close", 24), "private_metadata": metadata, "blocks": blocks,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given<'a>(fields: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |id| fields.iter().find(|(field, _)| *field == id).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_filled_form_is_what_it_says_and_an_empty_one_says_what_is_missing() {
        let declared = read_declared("17", given(&[(TITLE_FIELD, " stale "), (SEVERITY, "sev1")])).unwrap();
        assert_eq!(declared, Declared { title: "stale".to_owned(), severity: Severity::Sev1, alert: Some(17) });
        assert_eq!(read_declared("", given(&[])).unwrap_err()[0].0, TITLE_FIELD);
        let updated = read_updated(given(&[(STAGE, "monitoring"), (TEXT, "done"), (NEXT, "")])).unwrap();
        assert_eq!((updated.stage, updated.next_step), (Some(Stage::Monitoring), None));
        assert_eq!(read_updated(given(&[(TEXT, " ")])).unwrap_err()[0].0, TEXT);
        assert_eq!(read_resolved(given(&[])).unwrap_err()[0].0, TEXT);
        let roles = read_roles(given(&[("scribe", "U1"), (SEVERITY, "sev3")]));
        assert_eq!(roles.roles[2], (Role::Scribe, Some(UserId::new("U1"))));
        assert_eq!((&roles.roles[0].1, roles.severity), (&None, Some(Severity::Sev3)));
    }
}
