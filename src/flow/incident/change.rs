//! Changing an incident: its state, its timeline, the audit log and its messages in one commit.

use futures_util::future::join_all;
use serde_json::json;

use crate::core::alert::Alert;
use crate::core::audit::Record;
use crate::core::group::Group;
use crate::core::ids::{Actor, ChannelId, GroupId, IncidentId};
use crate::core::incident::{
    Chart, Declaration, Entry, Figures, Incident, Kind, Place, Postmortem, Refusal, postmortem,
};
use crate::core::signal::Evidence;
use crate::slack::blocks::incident::{Declared, changed, charts as pictured, declared, exported, refused, settled};
use crate::slack::blocks::replies;
use crate::slack::blocks::words::subject;
use crate::store::incidents::{self, Change, Stored};
use crate::store::messages::MessageRef;
use crate::store::{StoreError, alerts, messages};

use super::super::act::{Caller, Plan};
use super::super::effect::{ANSWER, Effect, group_key};
use super::super::step::Extra;
use super::room::Room;
use super::{Flow, announced_key, urgency};

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
                let line = changed(entry, &people);
                if matches!(kind, Kind::Update | Kind::Resolved) && matches!(after.place, Place::Channel { .. }) {
                    // Those who are not in the room read it where they read of the incident first.
                    let (key, channel) = (announced_key(&after.id), after.announced_in.clone());
                    effects.push((Effect::Note { key, channel, message: line.clone() }, urgency()));
                }
                effects.push(Self::incident_line(&after, line));
            }
            incidents.push(entry);
        }
        if let Place::Channel { channel } = &after.place {
            let topic = topic(&after);
            if topic != self::topic(&before.incident) {
                let (channel, incident) = (channel.clone(), after.id.clone());
                effects.push((Effect::Room(Room::Topic { incident, channel, topic }), ANSWER));
            }
            let more = self.furniture_since(&before.incident, &after, channel);
            effects.extend(more.map(|room| (Effect::Room(room), ANSWER)));
        }
        let message = settled(&after, &self.firing_of(&after));
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
        let numbers: Vec<u64> = incident.alerts.iter().copied().collect();
        let found = async {
            let moments = incidents::moments(&self.store, &numbers).await?;
            Ok::<_, StoreError>((Figures::of(incident, &moments), self.charts_of(incident).await?))
        };
        let (figures, charts) = match found.await {
            Ok(found) => found,
            Err(error) => return super::ask::unavailable(&error),
        };
        let (timeline, name, zone) = (timeline.as_slice(), &name, &zone);
        let text = postmortem(&Postmortem { incident, timeline, figures, charts: &charts, name, zone });
        let (channel, thread) = match &incident.place {
            Place::Channel { channel } => (channel.clone(), None),
            Place::Opening | Place::Thread { .. } => (incident.announced_in.clone(), Some(announced_key(&incident.id))),
        };
        let pictures: Vec<(u64, String)> =
            charts.into_iter().filter_map(|chart| Some((chart.alert, chart.file?))).collect();
        let mut effects = Vec::new();
        if !pictures.is_empty() {
            let thread_ts = match &thread {
                Some(key) => messages::get(&self.store, key).await.ok().flatten().map(|place| place.ts),
                None => None,
            };
            let (channel, message) = (channel.clone(), pictured(incident, &pictures));
            effects.push((Effect::Post { channel, thread_ts, fallback: None, message }, ANSWER));
        }
        let export = Room::Export { incident: incident.id.clone(), number: incident.number, channel, thread, text };
        let record = self.incident_record(incident, "incident.exported", caller.actor(), &json!({}));
        effects.push((Effect::Room(export), ANSWER));
        let extra = Extra { effects, records: vec![record], ..Extra::default() };
        Plan::Record { extra: Box::new(extra), message: exported(incident) }
    }

    /// The pictures its alerts had, as they were drawn then: the past that they show is not kept as long as they are. And what
    /// was measured last, as long as that is known.
    async fn charts_of(&self, incident: &Incident) -> Result<Vec<Chart>, StoreError> {
        /// A message holds 50 blocks, and nobody looks through so many.
        const MOST: usize = 10;
        let mut charts = Vec::new();
        for alert in incident.alerts.iter().copied() {
            let Some(group) = alerts::find_group(&self.store, alert).await? else { continue };
            let (file, measured) = (self.chart_of(&group.id), self.measured(&group.id));
            if file.is_none() && measured.is_empty() {
                continue;
            }
            let place = messages::get(&self.store, &group_key(&group.id)).await?;
            charts.push((Chart { alert, link: None, file, measured }, place));
            if charts.len() == MOST {
                break;
            }
        }
        let linked = |(chart, place): (Chart, Option<MessageRef>)| async move {
            let Some(MessageRef { channel, ts }) = place else { return chart };
            Chart { link: self.api.chat_get_permalink(&channel, &ts).await.ok(), ..chart }
        };
        Ok(join_all(charts.into_iter().map(linked)).await)
    }

    /// `SOL/USD: 95 s (limit 60 s)`, of the first few members.
    fn measured(&self, group: &GroupId) -> Vec<String> {
        const MEMBERS: usize = 5;
        self.with_engine(|engine, _, _| {
            let members = engine.group(group).map(|group| engine.members(group)).unwrap_or_default();
            let line = |alert: &&Alert| {
                let Evidence { value, threshold, .. } = &alert.evidence;
                let limit = if threshold.is_empty() { String::new() } else { format!(" (limit {threshold})") };
                (!value.is_empty()).then(|| format!("{}: {value}{limit}", subject(&alert.labels)))
            };
            members.iter().filter_map(line).take(MEMBERS).collect()
        })
    }

    /// Which of its alerts go on.
    pub(super) fn firing_of(&self, incident: &Incident) -> Vec<u64> {
        self.with_engine(|engine, _, _| {
            let open = |number: &u64| engine.group_by_number(*number).is_some_and(Group::open);
            incident.alerts.iter().copied().filter(open).collect()
        })
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
