//! What can be pressed: every button and menu entry as a value, to Slack (`action_id`, `value`) and back.

use super::{action, handoff, incident, oncall};
use crate::core::ids::GroupId;
use crate::core::time::Span;

/// Something a person pressed. It carries what it is about and never what it looked like: state is read when it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    Acknowledge(GroupId),
    Unacknowledge(GroupId),
    /// Silence the group's alerts for a while, without a form.
    Silence(GroupId, Span),
    /// Open the silence form, filled for this group.
    SilenceForm(GroupId),
    /// End every silence that holds this group's alerts.
    Unsilence(GroupId),
    Why(GroupId),
    /// Every member of the group, for the person who asked.
    Details(GroupId),
    /// The next escalation step, now.
    Escalate(GroupId),
    /// A command as it would be typed after `/wk`: pages of a list, a suggestion.
    Run(String),
    /// About on call.
    OnCall(oncall::Press),
    /// About an operation.
    Act(action::Press),
    /// About a handoff.
    Handoff(handoff::Press),
    /// About an incident.
    Incident(incident::Press),
    /// A link was followed; there is nothing to do but to say that it arrived.
    Link,
}

/// `callback_id` of the silence form.
pub const SILENCE_FORM: &str = "wk.silence_form";

/// What the silence select offers.
pub const LENGTHS: [(&str, Span); 6] = [
    ("30 minutes", Span::from_secs(1800)),
    ("1 hour", Span::from_secs(3600)),
    ("4 hours", Span::from_secs(4 * 3600)),
    ("12 hours", Span::from_secs(12 * 3600)),
    ("1 day", Span::from_secs(24 * 3600)),
    ("3 days", Span::from_secs(3 * 24 * 3600)),
];

/// Slack wants every `action_id` of a message to differ: a number after this prefix tells repeated ones apart.
pub(super) const RUN: &str = "wk.run";
const LINK: &str = "wk.link";
/// An overflow menu has one `action_id`, so its entries say in their value what they do.
pub(super) const MORE: &str = "wk.more";
pub(super) const SILENCE: &str = "wk.silence";
/// As an offer's own.
pub(super) const ACT: &str = "wk.action.offer";

impl Press {
    const fn verb(&self) -> &'static str {
        match self {
            Self::Acknowledge(_) => "ack",
            Self::Unacknowledge(_) => "unack",
            Self::Silence(..) => "silence",
            Self::SilenceForm(_) => "silence_form",
            Self::Unsilence(_) => "unsilence",
            Self::Why(_) => "why",
            Self::Details(_) => "details",
            Self::Escalate(_) => "escalate",
            Self::Run(_) => "run",
            Self::OnCall(press) => press.verb(),
            Self::Act(press) => press.verb(),
            Self::Handoff(press) => press.verb(),
            Self::Incident(press) => press.verb(),
            Self::Link => "link",
        }
    }

    /// The `action_id` of a button that does this.
    #[must_use]
    pub fn action_id(&self) -> String {
        format!("wk.{}", self.verb())
    }

    /// The `value` of a button or option that does this.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::Acknowledge(group)
            | Self::Unacknowledge(group)
            | Self::SilenceForm(group)
            | Self::Unsilence(group)
            | Self::Why(group)
            | Self::Details(group)
            | Self::Escalate(group) => group.to_string(),
            Self::Silence(group, length) => format!("{group} {length}"),
            Self::Run(command) => command.clone(),
            Self::OnCall(press) => press.value(),
            Self::Act(press) => press.value(),
            Self::Handoff(press) => press.value(),
            Self::Incident(press) => press.value(),
            Self::Link => "link".to_owned(),
        }
    }

    /// The `value` of an overflow entry that does this.
    pub(super) fn entry_value(&self) -> String {
        format!("{} {}", self.verb(), self.value())
    }

    /// Reads what Slack sends back. `None`: no button of ours, or of a build that is gone.
    #[must_use]
    pub fn parse(action_id: &str, value: &str) -> Option<Self> {
        let numbered = |prefix: &str| action_id == prefix || action_id.starts_with(&format!("{prefix}."));
        if numbered(RUN) {
            return Some(Self::Run(value.to_owned()));
        }
        if numbered(LINK) {
            return Some(Self::Link);
        }
        if action_id == MORE {
            let (verb, value) = value.split_once(' ')?;
            return Self::read(verb, value);
        }
        Self::read(action_id.strip_prefix("wk.")?, value)
    }

    fn read(verb: &str, value: &str) -> Option<Self> {
        if let Some(press) = oncall::Press::read(verb, value) {
            return Some(Self::OnCall(press));
        }
        if let Some(press) = action::Press::read(verb, value) {
            return Some(Self::Act(press));
        }
        if let Some(press) = handoff::Press::read(verb, value) {
            return Some(Self::Handoff(press));
        }
        if let Some(press) = incident::Press::read(verb, value) {
            return Some(Self::Incident(press));
        }
        let (group, rest) = value.split_once(' ').map_or((value, None), |(group, rest)| (group, Some(rest)));
        let group = Some(group).filter(|group| !group.is_empty()).map(GroupId::new)?;
        match (verb, rest) {
            ("ack", None) => Some(Self::Acknowledge(group)),
            ("unack", None) => Some(Self::Unacknowledge(group)),
            ("silence", Some(length)) => length.parse().ok().map(|length| Self::Silence(group, length)),
            ("silence_form", None) => Some(Self::SilenceForm(group)),
            ("unsilence", None) => Some(Self::Unsilence(group)),
            ("why", None) => Some(Self::Why(group)),
            ("details", None) => Some(Self::Details(group)),
            ("escalate", None) => Some(Self::Escalate(group)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::{HandoffId, IncidentId, NoteId, OverrideId, SwapId};
    use crate::core::oncall::Stint;
    use crate::core::time::Timestamp;

    #[test]
    fn what_is_pressed_comes_back_as_it_was_meant() {
        let group = GroupId::new("01J");
        let at = |secs| Timestamp::from_secs(secs);
        let stint = Stint { from: at(1_796_000_000), to: at(1_796_003_600) };
        for press in [
            Press::Acknowledge(group.clone()),
            Press::Unacknowledge(group.clone()),
            Press::Silence(group.clone(), Span::from_secs(5400)),
            Press::SilenceForm(group.clone()),
            Press::Unsilence(group.clone()),
            Press::Why(group.clone()),
            Press::Details(group.clone()),
            Press::Escalate(group),
            Press::OnCall(oncall::Press::SwapForm),
            Press::OnCall(oncall::Press::OverrideForm(oncall::Prefill::default())),
            Press::OnCall(oncall::Press::OverrideForm(oncall::Prefill::of("primary", None))),
            Press::OnCall(oncall::Press::OverrideForm(oncall::Prefill::of("primary", Some(stint)))),
            Press::OnCall(oncall::Press::Accept(SwapId::new("01S"))),
            Press::OnCall(oncall::Press::EndOverride(OverrideId::new("01R"))),
            Press::Incident(incident::Press::Declare(GroupId::new("01G"))),
            Press::Incident(incident::Press::Update(IncidentId::new("01I"))),
            Press::Incident(incident::Press::Roles(IncidentId::new("01I"))),
            Press::Incident(incident::Press::Resolve(IncidentId::new("01I"))),
            Press::Incident(incident::Press::Reopen(IncidentId::new("01I"))),
            Press::Incident(incident::Press::Export(IncidentId::new("01I"))),
            Press::Handoff(handoff::Press::Accept(HandoffId::new("01H"))),
            Press::Handoff(handoff::Press::StandIn(HandoffId::new("01H"))),
            Press::Handoff(handoff::Press::Ask(HandoffId::new("01H"))),
            Press::Handoff(handoff::Press::RemoveNote(NoteId::new("01N"))),
            Press::Run("feeds crypto page 2".to_owned()),
            Press::Link,
        ] {
            assert_eq!(Press::parse(&press.action_id(), &press.value()), Some(press.clone()));
            if !matches!(press, Press::Run(_) | Press::Link) {
                assert_eq!(Press::parse(MORE, &press.entry_value()), Some(press));
            }
        }
        assert_eq!(Press::parse("wk.run.1", "status"), Some(Press::Run("status".to_owned())));
        assert_eq!(Press::parse("wk.link.0", ""), Some(Press::Link));
    }

    #[test]
    fn what_is_not_ours_is_nothing() {
        for (action_id, value) in [
            ("other", "01J"),
            ("wk.", "01J"),
            ("wk.ack", ""),
            ("wk.ack", "01J 2h"),
            ("wk.silence", "01J"),
            ("wk.silence", "01J soon"),
            (MORE, "ack"),
            (MORE, "run status"),
        ] {
            assert_eq!(Press::parse(action_id, value), None, "{action_id} {value}");
        }
    }
}
