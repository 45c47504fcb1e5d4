//! Changing an incident: its state, its timeline, the audit log and its messages in one commit.

use serde_json::json;

use crate::core::audit::Record;
use crate::core::ids::{Actor, ChannelId, IncidentId};
use crate::core::incident::{Declaration, Entry, Incident, Kind, Place, Postmortem, Refusal, postmortem};
use crate::slack::blocks::incident::{Declared, changed, charts, declared, exported, refused, settled};
use crate::slack::blocks::replies;
use crate::store::incidents::{self, Change, Stored};
use crate::store::{StoreError, alerts, messages};

use super::super::act::{Caller, Plan};
use super::super::effect::{ANSWER, Effect};
use super::super::step::Extra;
use super::room::Room;
use super::{Flow, announced_key};

impl Flow {
    /// Where incidents are announced.
    fn announced_in(&self) -> Option<ChannelId> {
        let settings = self.settings();
        let first = || settings.receivers.values().next().map(|receiver| receiver.channel.clone());
        settings.incidents.channel.clone().or_else(first)
    }

    /// A new incident; its number is given by the commit.
    pub(super) async fn plan_declare(&self, asked: Declared, caller: &Caller) -> Plan {
        let Some(channel) = self.announced_in() else { return Plan::Answer(replies::unavailable()) };
        let (now, settings) = (self.now(), self.settings().incidents.clone());
        self.know(&caller.user).await;
        let number = match incidents::next_number(&self.store).await {
            Ok(number) => number,
            Err(error) => return super::ask::unavailable(&error),
        };
        let id = IncidentId::new(self.ids.next(now));
        let Declared { title, severity, alert } = asked;
        let what = Declaration { title, severity, by: caller.user.clone(), announced_in: channel };
        let mut incident = Incident::declare(id, number, what, &settings, now);
        incident.alerts.extend(alert);
        let mut effects = self.incident_shown(&incident);
        if incident.place == Place::Opening {
            let (incident, name) = (incident.id.clone(), incident.channel_name(&settings.prefix));
            effects.push((Effect::Room(Room::Open { incident, name }), ANSWER));
        }
        let entry = self.entry(&incident, Kind::Declared, incident.title.clone(), caller.actor());
        let detail = json!({ "alerts": incident.alerts, "severity": incident.severity, "title": incident.title });
        let record = self.incident_record(&incident, "incident.declared", caller.actor(), &detail);
        let message = declared(&incident);
        let incidents = vec![Change::Declared(incident), entry];
        let extra = Extra { effects, records: vec![record], incidents, ..Extra::default() };
        Plan::Record { extra: Box::new(extra), message }
    }

    /// What was changed about an incident, as lines of its timeline.
    pub(super) fn plan_changed(
        &self,
        before: Stored,
        after: Result<Incident, Refusal>,
        what: Vec<(Kind, String)>,
        caller: &Caller,
    ) -> Plan {
        let now = self.now();
        let after = match after {
            Ok(after) => after,
            Err(refusal) => return Plan::Answer(refused(&refusal, &self.people(), &before.incident, now)),
        };
        let mut effects = self.incident_shown(&after);
        let (mut records, mut incidents) = (Vec::new(), Vec::new());
        let people = self.people();
        for (kind, text) in what {
            let action = format!("incident.{}", verb(kind));
            records.push(self.incident_record(&after, &action, caller.actor(), &json!({ "text": text })));
            let entry = self.entry(&after, kind, text, caller.actor());
            if let Change::Entry { entry, .. } = &entry {
                effects.push(Self::incident_line(&after, changed(entry, &people)));
            }
            incidents.push(entry);
        }
        if let Place::Channel { channel } = &after.place {
            let topic = topic(&after);
            if topic != self::topic(&before.incident) {
                let (channel, incident) = (channel.clone(), after.id.clone());
                effects.push((Effect::Room(Room::Topic { incident, channel, topic }), ANSWER));
            }
        }
        let message = settled(&after);
        incidents.insert(0, Change::Moved { before, after });
        let extra = Extra { effects, records, incidents, ..Extra::default() };
        Plan::Record { extra: Box::new(extra), message }
    }

    /// The post-mortem as a file where the incident is worked on.
    pub(super) async fn plan_export(&self, incident: &Incident, caller: &Caller) -> Plan {
        let timeline = match self.timeline_of(incident).await {
            Ok(timeline) => timeline,
            Err(error) => return super::ask::unavailable(&error),
        };
        let people = self.people();
        let schedules = self.schedules();
        let zone = schedules.first().map(crate::core::oncall::Schedule::zone).unwrap_or_default();
        let name = |user: &crate::core::ids::UserId| people.plain(user);
        let text = postmortem(&Postmortem { incident, timeline: &timeline, name: &name, zone: &zone });
        let (channel, thread) = match &incident.place {
            Place::Channel { channel } => (channel.clone(), None),
            Place::Opening | Place::Thread { .. } => (incident.announced_in.clone(), Some(announced_key(&incident.id))),
        };
        let pictures = match self.charts_of(incident).await {
            Ok(pictures) => pictures,
            Err(error) => return super::ask::unavailable(&error),
        };
        let mut effects = Vec::new();
        if !pictures.is_empty() {
            let thread_ts = match &thread {
                Some(key) => messages::get(&self.store, key).await.ok().flatten().map(|place| place.ts),
                None => None,
            };
            let (channel, message) = (channel.clone(), charts(incident, &pictures));
            effects.push((Effect::Post { channel, thread_ts, fallback: None, message }, ANSWER));
        }
        let export = Room::Export { incident: incident.id.clone(), number: incident.number, channel, thread, text };
        let record = self.incident_record(incident, "incident.exported", caller.actor(), &json!({}));
        effects.push((Effect::Room(export), ANSWER));
        let extra = Extra { effects, records: vec![record], ..Extra::default() };
        Plan::Record { extra: Box::new(extra), message: exported(incident) }
    }

    /// The pictures its alerts had, as they were drawn then: the past that they show is not kept as long as they are.
    async fn charts_of(&self, incident: &Incident) -> Result<Vec<(u64, String)>, StoreError> {
        /// A message holds 50 blocks, and nobody looks through so many.
        const MOST: usize = 10;
        let mut charts = Vec::new();
        for number in incident.alerts.iter().copied() {
            let group = alerts::find_group(&self.store, number).await?;
            charts.extend(group.and_then(|group| Some((number, self.chart_of(&group.id)?))));
            if charts.len() == MOST {
                break;
            }
        }
        Ok(charts)
    }

    pub(super) fn entry(&self, incident: &Incident, kind: Kind, text: String, by: Actor) -> Change {
        let now = self.now();
        let entry = Entry { at: now, by, kind, text, link: None };
        Change::Entry { id: self.ids.next(now), incident: incident.id.clone(), source: None, entry }
    }

    pub(super) fn incident_record(
        &self,
        incident: &Incident,
        action: &str,
        by: Actor,
        detail: &serde_json::Value,
    ) -> Record {
        let subject = format!("incident/{}", incident.number);
        Record { at: self.now(), actor: by, action: action.to_owned(), subject, detail: detail.to_string() }
    }
}

/// As in the audit log.
const fn verb(kind: Kind) -> &'static str {
    match kind {
        Kind::Declared => "declared",
        Kind::Severity => "graded",
        Kind::Role => "role_changed",
        Kind::Update => "updated",
        Kind::NextStep => "next_step",
        Kind::Alert => "alert_linked",
        Kind::Action => "action_linked",
        Kind::Message => "message_marked",
        Kind::Resolved => "resolved",
        Kind::Reopened => "reopened",
    }
}

/// What the channel says of itself; Slack takes 250 characters.
pub(super) fn topic(incident: &Incident) -> String {
    let state = if incident.open() { incident.severity.as_str().to_uppercase() } else { "resolved".to_owned() };
    let text = format!("{state} · incident {}: {}", incident.number, incident.title);
    text.chars().take(240).collect()
}
