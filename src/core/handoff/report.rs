//! What the next person must know, from data: the same for everybody who looks, and kept as it was handed over.

use serde::{Deserialize, Serialize};

use super::noise::Noise;
use super::numbers::{Before, Numbers};
use crate::core::ids::{Actor, NoteId, UserId};
use crate::core::incident::{self, Incident};
use crate::core::label::Labels;
use crate::core::severity::Severity;
use crate::core::time::{Span, Timestamp};

/// A shift as it is handed over. Every list has what matters most first; texts are as they came from outside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    pub from: Timestamp,
    pub to: Timestamp,
    /// When the coming shift ends, as far as that is known.
    pub until: Option<Timestamp>,
    pub incidents: Vec<Incident>,
    /// Firing and heard.
    pub alerts: Vec<AlertLine>,
    pub silences: Vec<SilenceLine>,
    pub noise: Vec<Noise>,
    pub requests: Vec<RequestLine>,
    pub done: Vec<Deed>,
    pub temporary: Vec<Temporary>,
    pub wallets: Vec<WalletLine>,
    pub feeds: Vec<FeedLine>,
    pub upcoming: Vec<Upcoming>,
    pub notes: Vec<Note>,
    pub numbers: Numbers,
    /// Of the shift before.
    pub before: Option<Before>,
}

/// An open alert group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertLine {
    pub number: u64,
    pub severity: Severity,
    /// Of its worst alert.
    pub labels: Labels,
    pub summary: String,
    pub alerts: usize,
    pub since: Timestamp,
    pub acknowledged: Option<Actor>,
    pub flapping: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceLine {
    pub number: u64,
    pub matchers: Vec<String>,
    pub ends_at: Timestamp,
    pub by: Actor,
    pub comment: String,
    /// Alerts that would be heard without it.
    pub firing: usize,
    pub worst: Option<Severity>,
}

/// An action that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLine {
    pub number: u64,
    /// As its kind is written: `restart`.
    pub action: String,
    pub target: String,
    pub by: UserId,
    pub at: Timestamp,
    pub state: RequestState,
    /// It was done for a while, and goes back by itself then.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Something was sent, and nobody knows what came of it.
    Unknown,
    /// Waits for approval.
    Open,
    /// Approved or under way.
    Running,
}

/// Something that was changed during the shift, as the audit log has it; what came of an action, and an incident that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    pub at: Timestamp,
    pub by: Actor,
    /// `silence.created`
    pub action: String,
    /// `silence/3`
    pub subject: String,
    /// What that is in words, where its number says little.
    pub about: Option<String>,
}

/// Something that is not as it should stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Temporary {
    Override {
        schedule: String,
        user: UserId,
        until: Timestamp,
    },
    /// Its GitOps tool was told to leave it alone.
    Suspended {
        kind: String,
        app: String,
        cluster: String,
        since: Option<Timestamp>,
        by: Option<String>,
        /// When it goes on by itself; `None`: when somebody sees to it.
        until: Option<Timestamp>,
    },
    /// No action may begin.
    Frozen {
        by: Actor,
        since: Timestamp,
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletLine {
    pub name: String,
    pub chain: String,
    /// What it holds, in words.
    pub holds: String,
    /// How long that lasts.
    pub left: Option<Span>,
    pub level: Option<Severity>,
    /// Why its balance is not known.
    pub unknown: Option<String>,
}

/// A feed of which a rule's condition holds, whether it is an alert yet or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedLine {
    pub symbol: String,
    /// The rule's name.
    pub rule: String,
    pub severity: Severity,
    pub since: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upcoming {
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The markets of a class open or close.
    Market { class: String, opens: bool, feeds: usize },
    /// A certificate expires.
    Certificate { cluster: String, namespace: String, name: String },
    /// By a calendar of releases, maintenance and the like.
    Planned { calendar: String, title: String, until: Timestamp },
    /// Nobody is on call, until then.
    Gap { schedule: String, until: Timestamp },
}

/// What somebody wants the next person to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub id: NoteId,
    pub at: Timestamp,
    pub by: UserId,
    pub text: String,
    /// The message it was made from.
    pub link: Option<String>,
}

/// A part of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    Incidents,
    Alerts,
    Requests,
    Notes,
    Silences,
    Temporary,
    Wallets,
    Feeds,
    Noise,
    Upcoming,
    Done,
}

/// A line of the first screen: which section, and which entry of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headline {
    pub section: Section,
    pub index: usize,
}

impl Section {
    pub const ALL: [Self; 11] = [
        Self::Incidents,
        Self::Alerts,
        Self::Requests,
        Self::Notes,
        Self::Silences,
        Self::Temporary,
        Self::Wallets,
        Self::Feeds,
        Self::Noise,
        Self::Upcoming,
        Self::Done,
    ];

    /// As people type it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Incidents => "incidents",
            Self::Alerts => "alerts",
            Self::Requests => "actions",
            Self::Notes => "notes",
            Self::Silences => "silences",
            Self::Temporary => "temporary",
            Self::Wallets => "wallets",
            Self::Feeds => "feeds",
            Self::Noise => "noise",
            Self::Upcoming => "upcoming",
            Self::Done => "changes",
        }
    }

    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.word().eq_ignore_ascii_case(word))
    }
}

impl Report {
    /// Puts every list in its order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        let worst = std::cmp::Reverse::<Option<Severity>>;
        self.incidents.sort_by_key(|incident| (incident.severity, incident.opened_at));
        self.alerts.sort_by_key(|alert| (worst(Some(alert.severity)), alert.acknowledged.is_some(), alert.since));
        self.silences.sort_by_key(|silence| (silence.ends_at, silence.number));
        self.requests.sort_by_key(|request| (request.state, request.number));
        self.done.sort_by_key(|deed| std::cmp::Reverse(deed.at));
        self.wallets.sort_by(|a, b| {
            let rank = |wallet: &WalletLine| {
                (worst(wallet.level), wallet.left.is_none(), wallet.left, wallet.unknown.is_none())
            };
            rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
        });
        self.feeds.sort_by(|a, b| (worst(Some(a.severity)), &a.symbol).cmp(&(worst(Some(b.severity)), &b.symbol)));
        self.upcoming.sort_by(|a, b| (a.at, &a.what).cmp(&(b.at, &b.what)));
        self.notes.sort_by_key(|note| (note.at, note.id.clone()));
        self
    }

    #[must_use]
    pub const fn count(&self, section: Section) -> usize {
        match section {
            Section::Incidents => self.incidents.len(),
            Section::Alerts => self.alerts.len(),
            Section::Requests => self.requests.len(),
            Section::Notes => self.notes.len(),
            Section::Silences => self.silences.len(),
            Section::Temporary => self.temporary.len(),
            Section::Wallets => self.wallets.len(),
            Section::Feeds => self.feeds.len(),
            Section::Noise => self.noise.len(),
            Section::Upcoming => self.upcoming.len(),
            Section::Done => self.done.len(),
        }
    }

    /// What must not be missed, the most urgent first: at most `most`, and never more than `each` of one section.
    #[must_use]
    pub fn headlines(&self, most: usize, each: usize) -> Vec<Headline> {
        let mut ranked: Vec<(u8, Headline)> = Section::ALL
            .into_iter()
            .flat_map(|section| {
                let line = move |index| Some((self.urgency(section, index)?, Headline { section, index }));
                (0..self.count(section)).filter_map(line).take(each)
            })
            .collect();
        ranked.sort_by_key(|(urgency, _)| *urgency);
        ranked.into_iter().take(most).map(|(_, headline)| headline).collect()
    }

    /// 0 is the most urgent; `None`: not for the first screen.
    fn urgency(&self, section: Section, index: usize) -> Option<u8> {
        let coming = |at: Timestamp| self.until.is_none_or(|until| at < until);
        match section {
            Section::Incidents => self.incidents.get(index).map(|incident| match incident.severity {
                incident::Severity::Sev1 => 0,
                incident::Severity::Sev2 => 2,
                incident::Severity::Sev3 => 5,
            }),
            Section::Alerts => self.alerts.get(index).map(|alert| match (alert.severity, &alert.acknowledged) {
                (Severity::Critical, None) => 0,
                (Severity::Critical, Some(_)) => 2,
                (Severity::Warning, None) => 5,
                (Severity::Warning, Some(_)) | (Severity::Info, _) => 9,
            }),
            Section::Requests => self.requests.get(index).map(|request| match request.state {
                RequestState::Unknown => 1,
                RequestState::Open => 3,
                RequestState::Running => 6,
            }),
            Section::Notes => Some(4),
            Section::Silences => {
                let silence = self.silences.get(index)?;
                (silence.firing > 0 && coming(silence.ends_at)).then_some(6)
            }
            Section::Wallets => match self.wallets.get(index)?.level? {
                Severity::Critical => Some(3),
                Severity::Warning | Severity::Info => Some(7),
            },
            Section::Temporary => Some(match self.temporary.get(index)? {
                Temporary::Frozen { .. } => 4,
                Temporary::Override { .. } | Temporary::Suspended { .. } => 8,
            }),
            Section::Upcoming => self.upcoming.get(index).filter(|upcoming| coming(upcoming.at)).map(|_| 10),
            // Feeds out of their bounds are alerts soon, and there as such.
            Section::Feeds | Section::Noise | Section::Done => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(number: u64, severity: Severity, acknowledged: bool) -> AlertLine {
        AlertLine {
            number,
            severity,
            labels: Labels::default(),
            summary: String::new(),
            alerts: 1,
            since: Timestamp::from_secs(i64::try_from(number).unwrap()),
            acknowledged: acknowledged.then_some(Actor::System),
            flapping: false,
        }
    }

    fn note(id: &str) -> Note {
        let by = UserId::new("UANN");
        Note { id: NoteId::new(id), at: Timestamp::from_secs(0), by, text: id.to_owned(), link: None }
    }

    fn said(report: &Report, headlines: &[Headline]) -> Vec<String> {
        let one = |headline: &Headline| match headline.section {
            Section::Alerts => format!("#{}", report.alerts[headline.index].number),
            section => format!("{} {}", section.word(), headline.index),
        };
        headlines.iter().map(one).collect()
    }

    #[test]
    fn the_most_urgent_comes_first_whatever_section_it_is_in() {
        let alerts = vec![
            alert(1, Severity::Warning, false),
            alert(2, Severity::Critical, true),
            alert(3, Severity::Critical, false),
            alert(4, Severity::Info, false),
        ];
        let request = |number, state| RequestLine {
            number,
            action: "restart".to_owned(),
            target: "x".to_owned(),
            by: UserId::new("UANN"),
            at: Timestamp::from_secs(0),
            state,
            until: None,
        };
        let requests = vec![request(1, RequestState::Open), request(2, RequestState::Unknown)];
        let report = Report { alerts, requests, notes: vec![note("n")], ..Report::default() }.sorted();
        let lines = said(&report, &report.headlines(9, 9));
        assert_eq!(lines, ["#3", "actions 0", "#2", "actions 1", "notes 0", "#1", "#4"]);
    }

    #[test]
    fn two_hundred_alerts_leave_room_for_the_rest() {
        let alerts = (1..=200).map(|number| alert(number, Severity::Critical, false)).collect();
        let report = Report { alerts, notes: vec![note("a"), note("b")], ..Report::default() }.sorted();
        assert_eq!(said(&report, &report.headlines(6, 3)), ["#1", "#2", "#3", "notes 0", "notes 1"]);
    }

    #[test]
    fn what_ends_after_the_coming_shift_is_not_its_business() {
        let silence = |number, hours: u64, firing| SilenceLine {
            number,
            matchers: Vec::new(),
            ends_at: Timestamp::from_secs(0).plus(std::time::Duration::from_hours(hours)),
            by: Actor::System,
            comment: String::new(),
            firing,
            worst: None,
        };
        let silences = vec![silence(1, 30, 1), silence(2, 5, 1), silence(3, 2, 0)];
        let until = Some(Timestamp::from_secs(0).plus(std::time::Duration::from_hours(24)));
        let report = Report { until, silences, ..Report::default() }.sorted();
        let shown: Vec<u64> = report.headlines(9, 9).iter().map(|line| report.silences[line.index].number).collect();
        assert_eq!(shown, [2]);
    }

    #[test]
    fn every_section_is_found_by_the_word_it_is_shown_with() {
        for section in Section::ALL {
            assert_eq!(Section::named(&section.word().to_uppercase()), Some(section));
        }
        assert_eq!(Section::named("whatever"), None);
    }

    #[test]
    fn a_report_of_an_older_build_is_still_read() {
        let report: Report = serde_json::from_str(r#"{"from": 1000, "to": 2000, "later": true}"#).unwrap();
        assert_eq!((report.from, report.alerts.len()), (Timestamp::from_secs(1), 0));
        let older = r#"{
            "before": {"alerts": 9},
            "temporary": [{"what": "suspended", "kind": "Kustomization", "app": "a/b", "cluster": "c", "since": null, "by": null}],
            "requests": [{"number": 1, "action": "Restart", "target": "x", "by": "UANN", "at": 5, "state": "open"}],
            "done": [{"at": 5, "by": {"kind": "system"}, "action": "silence.created", "subject": "silence/3"}]
        }"#;
        let report: Report = serde_json::from_str(older).unwrap();
        assert_eq!(report.before.map(|before| (before.numbers.alerts, before.lasted)), Some((9, Span::default())));
        assert_eq!((report.requests[0].until, report.done[0].about.clone()), (None, None));
    }
}
