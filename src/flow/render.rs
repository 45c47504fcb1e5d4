//! From the engine's effects to effects on Slack: what the messages say as of the decision being made.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::core::alert::Alert;
use crate::core::engine::{self, Changes, Engine, Note};
use crate::core::escalation::Run;
use crate::core::group::{Attention, Group};
use crate::core::ids::{AccountKey, GroupId};
use crate::core::label::Fingerprint;
use crate::core::receiver::Receiver;
use crate::core::severity::Severity;
use crate::core::silence::Silence;
use crate::core::time::Timestamp;
use crate::core::wallet::watch::{BALANCE_LOW, RUNWAY_SHORT};
use crate::slack::blocks::alert::{self, AlertView};
use crate::slack::blocks::notes::{self, NoteView, SilenceEndingView};
use crate::slack::message::Message;
use crate::store::StoreError;

use super::Flow;
use super::digest::Gathering;
use super::effect::{Charted, Effect, GROUP_KEY, edit_priority, group_key, priority};
use super::look::members;

/// The engine as it will be once `changes` are applied.
pub(super) struct Scene<'a> {
    pub engine: &'a Engine,
    pub changes: &'a Changes,
    pub flow: &'a Flow,
    /// The escalations that the decision changes.
    pub runs: &'a BTreeMap<GroupId, Run>,
    pub now: Timestamp,
}

impl Flow {
    /// A group's message that nobody has seen yet, as it is by now. It calls whom a first message calls, also when a newer
    /// look, which calls nobody, took its place while it waited. `None` when nobody has to be called any more.
    ///
    /// # Errors
    /// A replica that does not decide reads how the group is now; that failed.
    pub(super) async fn first_look(&self, key: &str) -> Result<Option<Message>, StoreError> {
        let Some(id) = key.strip_prefix(GROUP_KEY).map(GroupId::new) else { return Ok(None) };
        // What is being committed may be on its way to this message already.
        let _no_decision_meanwhile = self.stepping.lock().await;
        if self.lease().is_none() || self.doubtful.load(Ordering::Relaxed) {
            self.load_state().await?;
        }
        Ok(self.with_engine(|engine, _, now| {
            let group = engine.group(&id)?;
            if !group.open() || group.acknowledged.is_some() || group.delivery.held.is_some() {
                return None;
            }
            let (changes, runs) = (Changes::default(), BTreeMap::new());
            let (show, _) = Scene { engine, changes: &changes, flow: self, runs: &runs, now }.look(group, true)?;
            if let Effect::Show { message, .. } = show { Some(message) } else { None }
        }))
    }
}

impl<'a> Scene<'a> {
    /// What to do in Slack, each with its priority.
    pub fn effects(&self, decided: &[engine::Effect], gathering: &mut Gathering) -> Vec<(Effect, i64)> {
        let mut effects: Vec<_> = decided.iter().flat_map(|effect| self.effect(effect, gathering)).collect();
        effects.extend(gathering.effects(self));
        effects
    }

    fn effect(&self, effect: &engine::Effect, gathering: &mut Gathering) -> Vec<(Effect, i64)> {
        match effect {
            engine::Effect::Show { group, lane: _, attention } => {
                self.group(group).map(|group| self.show(group, *attention, gathering)).unwrap_or_default()
            }
            // There is no message for the line to hang on, unless this is what makes the group leave its digest.
            engine::Effect::Note { group, note } if gathering.holds(group) && !matches!(note, Note::Worse { .. }) => {
                Vec::new()
            }
            engine::Effect::Note { group, note } => self.note(group, note).into_iter().collect(),
            engine::Effect::SilenceEnding { silence } => {
                let silence = self.silences().into_iter().find(|known| known.id == *silence);
                silence.map(|silence| self.silence_ending(silence)).unwrap_or_default()
            }
        }
    }

    fn show(&self, group: &Group, attention: Attention, gathering: &mut Gathering) -> Vec<(Effect, i64)> {
        let Some(receiver) = self.receiver(group) else { return Vec::new() };
        if gathering.takes(self, &group.id, &receiver.channel, attention, self.now) {
            return Vec::new();
        }
        let rings = matches!(attention, Attention::New | Attention::Worse);
        let mut effects: Vec<_> = self.look(group, rings).into_iter().collect();
        if let (Attention::New, None, Some(of)) = (attention, self.flow.chart_of(&group.id), self.charted(group)) {
            // Behind every message: a picture is worth waiting for, a page is not.
            let chart = Effect::Chart { group: group.id.clone(), of, since: group.opened_at };
            effects.push((chart, priority(Severity::Info)));
        }
        effects
    }

    /// The group's living message as it should look now; `rings`: with pings.
    pub fn look(&self, group: &Group, rings: bool) -> Option<(Effect, i64)> {
        let receiver = self.receiver(group)?;
        let alerts = self.members(group);
        let silences = self.silences();
        let inhibited = |alert: &Alert| self.engine.suppression(alert).inhibited_by.is_some();
        let members = members(alerts, &silences, self.now, inhibited);
        let people = self.flow.people();
        let chart = self.flow.chart_of(&group.id);
        let mention = receiver.mention.get(&group.severity).map(String::as_str);
        let (settings, known) = (self.flow.settings(), self.flow.runs());
        let run = self.runs.get(&group.id).or_else(|| known.get(&group.id));
        let view = AlertView {
            group,
            members: &members,
            people: &people,
            now: self.now,
            chart: chart.as_deref(),
            mention: mention.filter(|_| rings),
            ring_owners: rings,
            escalation: run.map(|run| Flow::escalation_view(&settings.escalation, run, group)),
            offers: &self.flow.action_offers(&members),
        };
        let show = Effect::Show {
            key: group_key(&group.id),
            channel: receiver.channel,
            fallback: receiver.fallback_channel,
            message: alert::living(&view),
        };
        let urgency = if rings { priority(group.severity) } else { edit_priority(group.severity) };
        Some((show, urgency))
    }

    fn note(&self, id: &GroupId, note: &Note) -> Option<(Effect, i64)> {
        let group = self.group(id)?;
        let receiver = self.receiver(group)?;
        // An edit rings nobody's phone; a line in the thread that mentions somebody does.
        let mention = match note {
            Note::Worse { .. } | Note::Repeated { .. } => receiver.mention.get(&group.severity).map(String::as_str),
            Note::Opened { .. }
            | Note::Joined { .. }
            | Note::Left { .. }
            | Note::Acknowledged { .. }
            | Note::Unacknowledged { .. }
            | Note::Silenced { .. }
            | Note::Unsilenced { .. }
            | Note::Flapping { .. }
            | Note::Steady { .. }
            | Note::Resolved { .. } => None,
        };
        let named = match note {
            Note::Flapping { alert } | Note::Steady { alert } => self.alert(*alert),
            _ => None,
        };
        let people = self.flow.people();
        let message = notes::note(&NoteView { note, alert: named, people: &people, now: self.now, mention });
        let effect = Effect::Note { key: group_key(id), channel: receiver.channel, message };
        Some((effect, priority(group.severity)))
    }

    /// Said where the silenced alerts will be heard again; to the first receiver when nothing fires under it now.
    fn silence_ending(&self, silence: &Silence) -> Vec<(Effect, i64)> {
        let covered = |alert: &&Alert| alert.firing() && silence.silences(*alert, self.now);
        let firing: Vec<&Alert> = self.engine.alerts().filter(covered).collect();
        let people = self.flow.people();
        let message =
            notes::silence_ending(&SilenceEndingView { silence, firing: &firing, people: &people, now: self.now });
        let settings = self.flow.settings();
        let groups = firing.iter().flat_map(|alert| self.engine.groups_of(alert.fingerprint()));
        let mut receivers: Vec<&Receiver> =
            groups.filter_map(|group| settings.receivers.get(&group.receiver)).collect();
        receivers.sort_by(|a, b| a.name.cmp(&b.name));
        receivers.dedup_by(|a, b| a.channel == b.channel);
        if receivers.is_empty() {
            receivers.extend(settings.receivers.values().next());
        }
        let post = |receiver: &Receiver| Effect::Post {
            channel: receiver.channel.clone(),
            thread_ts: None,
            fallback: receiver.fallback_channel.clone(),
            message: message.clone(),
        };
        receivers.into_iter().map(|receiver| (post(receiver), priority(Severity::Warning))).collect()
    }

    /// The one thing a chart can show for the group: the feed or the wallet of its first member.
    fn charted(&self, group: &Group) -> Option<Charted> {
        let mut alerts = group.alerts.iter().filter_map(|fingerprint| self.alert(*fingerprint));
        alerts.find_map(|alert| match alert.name() {
            BALANCE_LOW | RUNWAY_SHORT => {
                alert.labels.get("account").map(|name| Charted::Wallet { account: AccountKey::new(name) })
            }
            _ => alert.labels.get("feed")?.parse().ok().map(Charted::Feed),
        })
    }

    pub fn members(&self, group: &Group) -> Vec<&'a Alert> {
        group.alerts.iter().filter_map(|fingerprint| self.alert(*fingerprint)).collect()
    }

    pub fn group(&self, id: &GroupId) -> Option<&'a Group> {
        self.changes.groups.get(id).or_else(|| self.engine.group(id))
    }

    fn alert(&self, fingerprint: Fingerprint) -> Option<&'a Alert> {
        self.changes.alerts.get(&fingerprint).or_else(|| self.engine.alert(fingerprint))
    }

    pub fn silences(&self) -> Vec<&'a Silence> {
        let changed = &self.changes.silences;
        let unchanged = self.engine.silences(self.now).into_iter().filter(|silence| !changed.contains_key(&silence.id));
        changed.values().chain(unchanged).collect()
    }

    /// A receiver that configuration no longer names gives way to any: an alert must reach somebody.
    pub fn receiver(&self, group: &Group) -> Option<Receiver> {
        let settings = self.flow.settings();
        settings.receivers.get(&group.receiver).or_else(|| settings.receivers.values().next()).cloned()
    }
}
