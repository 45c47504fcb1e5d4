//! `/wk incident` and `/wk incidents`, and the buttons: what somebody wants of an incident.

use std::collections::BTreeSet;

use crate::core::command::incident::{Ask, What};
use crate::core::ids::UserId;
use crate::core::incident::{Entry, Incident, Kind, Means, Role, timeline};
use crate::slack::blocks::action::no_such_action;
use crate::slack::blocks::incident::{
    Declared, IncidentView, Press, card, declare_form, incident_gone, incidents as list, linked_already, no_incident,
    no_such_incident, nobody_called, resolve_form, roles_form, timeline as timeline_page, update_form, written,
};
use crate::slack::blocks::replies;
use crate::slack::message::{Message, View};
use crate::store::incidents::{self, Stored, Wanted};
use crate::store::{StoreError, actions, alerts};

use super::super::act::{Caller, Plan};
use super::{Flow, Unclear, staged};

/// Incidents that the list of all shows.
const LATELY: u32 = 30;

impl Flow {
    pub(in crate::flow) async fn plan_incident(&self, ask: Ask, caller: &Caller) -> Plan {
        match ask {
            Ask::Form => Plan::Open(declare_form("", None)),
            Ask::New { title, severity } => {
                let declared = Declared { title, severity: severity.unwrap_or_default(), alert: None };
                self.plan_declare(declared, caller).await
            }
            Ask::List { all } => self.list_incidents(all).await.unwrap_or_else(|error| unavailable(&error)),
            Ask::About { number, what } => match self.meant(number, caller.channel.as_ref()).await {
                Ok(Ok(stored)) => {
                    self.know_roles(&stored.incident).await;
                    self.plan_about(stored, what, caller).await
                }
                Ok(Err(Unclear::NoSuch(number))) => Plan::Answer(no_such_incident(number)),
                Ok(Err(Unclear::Several(open))) => Plan::Answer(no_incident(&open)),
                Err(error) => unavailable(&error),
            },
        }
    }

    async fn list_incidents(&self, all: bool) -> Result<Plan, StoreError> {
        let found =
            if all { incidents::latest(&self.store, LATELY).await? } else { incidents::open(&self.store).await? };
        let found: Vec<Incident> = found.into_iter().map(|stored| stored.incident).collect();
        for incident in &found {
            self.know_roles(incident).await;
        }
        let means = if all {
            let alerts: BTreeSet<u64> = found.iter().flat_map(|incident| incident.alerts.iter().copied()).collect();
            let moments = incidents::moments(&self.store, &alerts.into_iter().collect::<Vec<_>>()).await?;
            Some(Means::of(&found, &moments))
        } else {
            None
        };
        Ok(Plan::Answer(list(&found, means.as_ref(), &self.people(), self.now())))
    }

    async fn plan_about(&self, before: Stored, what: What, caller: &Caller) -> Plan {
        let (now, settings) = (self.now(), self.settings().incidents.clone());
        let incident = before.incident.clone();
        match what {
            What::Show => {
                let people = self.people();
                Plan::Answer(card(&IncidentView { incident: &incident, people: &people, now }))
            }
            What::Timeline { page } => match self.timeline_of(&incident).await {
                Ok(entries) => {
                    let people = self.people();
                    let view = IncidentView { incident: &incident, people: &people, now };
                    Plan::Answer(timeline_page(&view, &entries, page))
                }
                Err(error) => unavailable(&error),
            },
            What::Export => self.plan_export(&incident, caller).await,
            What::Update { text, .. } if text.is_empty() => Plan::Open(update_form(&incident)),
            What::Update { stage, text } => {
                let text = staged(&incident, stage, text);
                let after = incident.update(stage, None, &settings, now);
                self.plan_changed(before, after, vec![(Kind::Update, text)], caller)
            }
            What::NextStep(text) if text.is_empty() => Plan::Answer(written("what somebody is about to do")),
            What::NextStep(text) => {
                let after = incident.plan_next(&text);
                self.plan_changed(before, after, vec![(Kind::NextStep, text)], caller)
            }
            What::Resolve(text) if text.is_empty() => Plan::Open(resolve_form(&incident, &self.firing_of(&incident))),
            What::Resolve(text) => self.plan_resolve(before, &text, caller),
            What::Reopen => {
                let after = incident.reopen(&settings, now);
                self.plan_changed(before, after, vec![(Kind::Reopened, String::new())], caller)
            }
            What::Grade(severity) => {
                let after = incident.grade(severity, &settings, now);
                self.plan_changed(before, after, vec![(Kind::Severity, severity.as_str().to_uppercase())], caller)
            }
            What::Assign { role, who } => self.plan_assign(before, role, who.as_deref(), caller).await,
            What::Link(number) => match alerts::find_group(&self.store, number).await {
                Ok(Some(_)) => {
                    let after = incident.link(number);
                    self.plan_changed(before, after, vec![(Kind::Alert, format!("alert {number}: linked"))], caller)
                }
                Ok(None) => Plan::Answer(replies::no_such_alert(number)),
                Err(error) => unavailable(&error),
            },
            What::LinkAction(number) => match actions::by_number(&self.store, number).await {
                Ok(Some(stored)) => {
                    let what = format!("{} {}", stored.request.plan.action.kind().as_str(), stored.request.plan.target);
                    let text = format!("action {number} ({what}): linked");
                    self.plan_changed(before, incident.link_action(number), vec![(Kind::Action, text)], caller)
                }
                Ok(None) => Plan::Answer(no_such_action(Some(number))),
                Err(error) => unavailable(&error),
            },
        }
    }

    pub(super) fn plan_resolve(&self, before: Stored, summary: &str, caller: &Caller) -> Plan {
        let after = before.incident.clone().resolve(&caller.user, summary, self.now());
        self.plan_changed(before, after, vec![(Kind::Resolved, summary.to_owned())], caller)
    }

    async fn plan_assign(&self, before: Stored, role: Role, who: Option<&str>, caller: &Caller) -> Plan {
        let user = match who {
            None => None,
            Some(who) if who.eq_ignore_ascii_case("me") => Some(caller.user.clone()),
            Some(who) => match who.strip_prefix('@').filter(|id| id.len() > 2 && id.starts_with(['U', 'W'])) {
                Some(id) if id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) => Some(UserId::new(id)),
                _ => return Plan::Answer(nobody_called(who)),
            },
        };
        let text = self.role_text(role, user.as_ref()).await;
        let after = before.incident.clone().assign(role, user);
        self.plan_changed(before, after, vec![(Kind::Role, text)], caller)
    }

    /// `scribe: Bob`; a name, since a timeline is read long after and elsewhere.
    pub(super) async fn role_text(&self, role: Role, user: Option<&UserId>) -> String {
        let Some(user) = user else { return format!("{}: nobody", role.as_str()) };
        self.know(user).await;
        format!("{}: {}", role.as_str(), self.people().plain(user))
    }

    pub(in crate::flow) async fn plan_incident_press(&self, press: &Press, caller: &Caller) -> Plan {
        let (id, form): (_, fn(&Self, &Incident) -> View) = match press {
            Press::Declare(group) => {
                let known = self.with_engine(|engine, _, _| {
                    let group = engine.group(group)?;
                    let members = engine.members(group);
                    let worst = members.iter().max_by_key(|alert| alert.severity)?;
                    Some((group.number, worst.evidence.summary.clone()))
                });
                let Some((number, title)) = known else { return Plan::Answer(self.gone(group)) };
                return match incidents::open(&self.store).await {
                    Ok(open) => match open.iter().find(|stored| stored.incident.alerts.contains(&number)) {
                        Some(stored) => Plan::Answer(linked_already(number, &stored.incident)),
                        None => Plan::Open(declare_form(&title, Some(number))),
                    },
                    Err(error) => unavailable(&error),
                };
            }
            Press::Update(id) => (id, |_, incident| update_form(incident)),
            Press::Roles(id) => (id, |_, incident| roles_form(incident)),
            Press::Resolve(id) => (id, |flow, incident| resolve_form(incident, &flow.firing_of(incident))),
            Press::Reopen(id) | Press::Export(id) => {
                let what = if matches!(press, Press::Reopen(_)) { What::Reopen } else { What::Export };
                return match self.stored_incident(id).await {
                    Ok(stored) => self.plan_about(stored, what, caller).await,
                    Err(message) => Plan::Answer(message),
                };
            }
        };
        match self.stored_incident(id).await {
            Ok(stored) if stored.incident.open() => Plan::Open(form(self, &stored.incident)),
            Ok(stored) => {
                let refused = stored.incident.clone().link(0);
                self.plan_changed(stored, refused, Vec::new(), caller)
            }
            Err(message) => Plan::Answer(message),
        }
    }

    pub(super) async fn stored_incident(&self, id: &crate::core::ids::IncidentId) -> Result<Stored, Message> {
        match incidents::get(&self.store, id).await {
            Ok(Some(stored)) => {
                self.know_roles(&stored.incident).await;
                Ok(stored)
            }
            Ok(None) => Err(incident_gone()),
            Err(error) => {
                tracing::warn!(error = %error, "an incident could not be read");
                Err(replies::unavailable())
            }
        }
    }

    /// What happened, from what was written down and from the audit log.
    pub(super) async fn timeline_of(&self, incident: &Incident) -> Result<Vec<Entry>, StoreError> {
        let own = incidents::entries(&self.store, &incident.id).await?;
        let numbers: Vec<u64> = incident.alerts.iter().copied().collect();
        let mut from = incident.opened_at;
        for number in &numbers {
            let group = alerts::find_group(&self.store, *number).await?;
            from = from.min(group.map_or(from, |group| group.opened_at));
        }
        for number in &incident.actions {
            let action = actions::by_number(&self.store, *number).await?;
            from = from.min(action.map_or(from, |stored| stored.request.asked.at));
        }
        let linked: Vec<u64> = incident.actions.iter().copied().collect();
        let (opened_at, until) = (incident.opened_at, incident.over_at());
        let wanted = Wanted { alerts: &numbers, actions: &linked, from, opened_at, until };
        let records = incidents::records(&self.store, wanted).await?;
        let others = incidents::beside(&self.store, incident).await?;
        let entries = timeline(incident, own, &records, &others);
        for entry in &entries {
            if let crate::core::ids::Actor::Person { user, .. } = &entry.by {
                self.know(user).await;
            }
        }
        Ok(entries)
    }
}

pub(super) fn unavailable(error: &StoreError) -> Plan {
    tracing::warn!(error = %error, "incidents could not be read");
    Plan::Answer(replies::unavailable())
}
