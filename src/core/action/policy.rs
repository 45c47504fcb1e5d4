//! Who may ask for what, who may allow it, and how many must. Whatever no rule allows is denied.

mod explain;
mod who;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::digest::version_of;
use super::kind::{Action, Kind};
use super::plan::{Plan, Preview, Risk};
use super::request::rule_of;
use super::target::{Sort, Target};
use crate::core::engine::mute::MuteInterval;
use crate::core::ids::{Actor, TeamId, UserId};
use crate::core::time::{Span, Timestamp};

pub use explain::{Explanation, Judged};
pub use who::{InvalidWho, Person, Who};

/// The rules, in order; the first that fits an action on a target counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    pub rules: Vec<Rule>,
    /// Who may act without an approval when nobody answers: everybody is told, and it is reviewed afterwards.
    pub break_glass: Vec<Who>,
    /// Who may lift a freeze; whoever may respond to alerts may impose one.
    pub unfreeze: Vec<Who>,
}

/// Allows some actions on some targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Named on the card and by `policy explain`.
    pub name: String,
    pub actions: Vec<Kind>,
    /// `*` stands for any characters; so too below. For wallets: the chains.
    #[serde(default = "anything")]
    pub clusters: Vec<String>,
    /// For nodes and wallets, which have no namespace, this is not asked.
    #[serde(default = "anything")]
    pub namespaces: Vec<String>,
    /// Deployment, StatefulSet …; empty: all.
    #[serde(default)]
    pub kinds: Vec<Sort>,
    #[serde(default = "anything")]
    pub names: Vec<String>,
    /// Who may ask: user ids (U…, or T…/U… of another workspace), user groups (S…), `on-call`, `everyone`.
    pub request: Vec<Who>,
    /// Who may approve; never the one who asks.
    pub approve: Vec<Who>,
    /// How many must approve; by the risk when not given: R1 one, R2 and R3 two.
    #[serde(default)]
    pub quorum: Option<u32>,
    /// Whether somebody on call must be among those who ask or approve; by the risk when not given: R2 yes.
    #[serde(default)]
    pub on_call: Option<bool>,
    /// The least risk these actions are taken for.
    #[serde(default)]
    pub risk: Option<Risk>,
    /// Whether a reason must be given.
    #[serde(default = "yes")]
    pub reason: bool,
    /// How long approvals may take.
    #[serde(default = "half_an_hour")]
    pub approve_within: Span,
    /// How long after the last approval it may begin.
    #[serde(default = "ten_minutes")]
    pub execute_within: Span,
    /// When nothing is begun although it is approved: it waits, or expires.
    #[serde(default)]
    pub quiet_hours: MuteInterval,
    /// How often actions of this rule may begin.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// Whom a new card calls; the user groups under `approve` when not given, nobody when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping: Option<Vec<Who>>,
}

/// Allows nothing to nobody.
impl Default for Rule {
    fn default() -> Self {
        Self {
            name: String::new(),
            actions: Vec::new(),
            clusters: anything(),
            namespaces: anything(),
            kinds: Vec::new(),
            names: anything(),
            request: Vec::new(),
            approve: Vec::new(),
            quorum: None,
            on_call: None,
            risk: None,
            reason: yes(),
            approve_within: half_an_hour(),
            execute_within: ten_minutes(),
            quiet_hours: MuteInterval::default(),
            rate: None,
            ping: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub most: u32,
    pub within: Span,
}

fn anything() -> Vec<String> {
    vec!["*".to_owned()]
}

const fn yes() -> bool {
    true
}

const fn half_an_hour() -> Span {
    Span::from_secs(30 * 60)
}

const fn ten_minutes() -> Span {
    Span::from_secs(10 * 60)
}

/// Who people are right now, looked up outside: what is not known here counts for nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// The bot's own workspace.
    pub home: Option<TeamId>,
    /// Members of the user groups that policy names.
    pub groups: BTreeMap<String, BTreeSet<UserId>>,
    /// By the schedule, or as somebody else said: who puts themselves on call gets no say by it.
    pub on_call: BTreeSet<UserId>,
    /// Who has a watch only because they took it.
    pub self_made: BTreeSet<UserId>,
    /// Guests of the workspace: they count by name or group, and not as everyone.
    pub guests: BTreeSet<UserId>,
    /// Accounts that are deactivated, or turned out to be strangers.
    pub gone: BTreeSet<UserId>,
}

/// Everything is stopped: nothing begins while this holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    pub by: Actor,
    pub at: Timestamp,
    pub reason: String,
}

/// Why somebody may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("no rule in `actions.rules` allows {kind} on {target}", kind = kind.as_str())]
    NoRule { kind: Kind, target: Target },
    #[error("the rule `{0}` does not let you ask for this")]
    MayNotRequest(String),
    #[error("the rule `{0}` does not let you approve this")]
    MayNotApprove(String),
    #[error("nobody approves what they asked for themselves; another person has to")]
    OwnRequest,
    #[error(
        "you put yourself on call, and that gives nobody a say over actions; \
         let somebody else make the override, or swap the shift"
    )]
    OwnOverride,
    #[error("only people on the `actions.break_glass` list can act without approval")]
    NoBreakGlass,
    #[error("money and governance take approval, in an emergency too")]
    NoGlassForMoney,
    #[error("only people on the `actions.unfreeze` list can lift a freeze")]
    MayNotUnfreeze,
    #[error("Slack did not say which workspace you belong to, so this cannot be decided")]
    Unknown,
    #[error("say why: the rule `{0}` wants a reason; add it at the end")]
    ReasonMissing(String),
    #[error("{0} requests of yours wait to be approved, and no more may; withdraw one, or have them decided")]
    TooMany(usize),
}

/// What an action takes to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    pub quorum: u32,
    pub on_call: bool,
}

impl Needs {
    /// What satisfies both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { quorum: self.quorum.max(other.quorum), on_call: self.on_call || other.on_call }
    }
}

impl Rule {
    /// Whom a new card calls.
    #[must_use]
    pub fn called(&self) -> Vec<&Who> {
        match &self.ping {
            Some(ping) => ping.iter().collect(),
            None => self.approve.iter().filter(|who| matches!(who, Who::Group(_))).collect(),
        }
    }

    /// At least one other person, two for money, whatever is configured.
    #[must_use]
    pub fn needs(&self, risk: Risk) -> Needs {
        let risk = self.risk_of(risk);
        let least = if risk == Risk::R3 { risk.quorum() } else { 1 };
        Needs {
            quorum: self.quorum.unwrap_or(risk.quorum()).max(least),
            on_call: self.on_call.unwrap_or(risk.on_call()),
        }
    }

    #[must_use]
    pub fn risk_of(&self, found: Risk) -> Risk {
        self.risk.map_or(found, |least| found.max(least))
    }

    /// What is approved under this rule: what was found out, and what policy adds to it.
    #[must_use]
    pub fn plan(
        &self,
        policy: &Policy,
        action: Action,
        target: Target,
        preview: Preview,
        approve_by: Timestamp,
    ) -> Plan {
        let least = action.kind().least_risk();
        Plan {
            action,
            target,
            preview: Preview { risk: self.risk_of(preview.risk).max(least), ..preview },
            rule: self.name.clone(),
            policy: policy.version(),
            approve_by,
            execute_within: self.execute_within,
        }
    }

    /// Why the rule is not about this, if it is not.
    fn misses(&self, kind: Kind, target: &Target) -> Option<String> {
        let any = |globs: &[String], text: &str| globs.iter().any(|glob| fits(glob, text));
        if !self.actions.contains(&kind) {
            return Some(format!("is not about {}", kind.as_str()));
        }
        if !any(&self.clusters, &target.cluster) {
            let place = if target.sort == Sort::Wallet { "chain" } else { "cluster" };
            return Some(format!("is not about {place} {}", target.cluster));
        }
        if target.sort.namespaced() && !any(&self.namespaces, &target.namespace) {
            return Some(format!("is not about namespace {}", target.namespace));
        }
        if !self.kinds.is_empty() && !self.kinds.contains(&target.sort) {
            return Some(format!("is not about a {}", target.sort));
        }
        (!any(&self.names, &target.name)).then(|| format!("is not about the name {}", target.name))
    }
}

impl Policy {
    /// The rule that decides.
    ///
    /// # Errors
    /// No rule is about it: denied.
    pub fn rule_for(&self, kind: Kind, target: &Target) -> Result<&Rule, Denied> {
        let found = self.rules.iter().find(|rule| rule.misses(kind, target).is_none());
        found.ok_or_else(|| Denied::NoRule { kind, target: target.clone() })
    }

    /// What some rule allows in a cluster.
    #[must_use]
    pub fn actions_in(&self, cluster: &str) -> BTreeSet<Kind> {
        let about = self.rules.iter().filter(|rule| rule.clusters.iter().any(|glob| fits(glob, cluster)));
        about.flat_map(|rule| rule.actions.iter().copied()).collect()
    }

    #[must_use]
    pub fn rule_named(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// # Errors
    /// `person` may not ask for this.
    pub fn may_request(&self, roster: &Roster, person: &Person, kind: Kind, target: &Target) -> Result<&Rule, Denied> {
        let rule = self.rule_for(kind, target)?;
        roster.named(&rule.request, person, || Denied::MayNotRequest(rule.name.clone())).map(|()| rule)
    }

    /// As [`Self::may_request`], for everything that a plan does.
    ///
    /// # Errors
    /// `person` may not ask for a part of it.
    pub fn may_request_all(&self, roster: &Roster, person: &Person, plan: &Plan) -> Result<(), Denied> {
        let own = std::iter::once((plan.action.kind(), &plan.target));
        own.chain(plan.also()).try_for_each(|(kind, target)| self.may_request(roster, person, kind, target).map(drop))
    }

    /// The rules that a plan falls under: its own, and those of what it does to others than its target; an error for one
    /// that is gone.
    pub fn rules_of<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = Result<&'a Rule, Denied>> {
        let own = std::iter::once(rule_of(plan, self));
        own.chain(plan.also().map(|(kind, target)| self.rule_for(kind, target)))
    }

    /// What a plan takes: the strictest of all its rules.
    ///
    /// # Errors
    /// One of them is gone.
    pub fn needs(&self, plan: &Plan) -> Result<Needs, Denied> {
        let none = Needs { quorum: 1, on_call: false };
        self.rules_of(plan).try_fold(none, |needs, rule| Ok(needs.and(rule?.needs(plan.preview.risk))))
    }

    /// As [`Self::may_approve`], for everything that a plan does.
    ///
    /// # Errors
    /// `person` may not approve a part of it.
    pub fn may_approve_all(
        &self,
        roster: &Roster,
        person: &Person,
        requester: &Person,
        plan: &Plan,
    ) -> Result<(), Denied> {
        self.rules_of(plan).try_for_each(|rule| self.may_approve(roster, person, requester, rule?))
    }

    /// # Errors
    /// `person` may not approve under `rule` what `requester` asked for.
    pub fn may_approve(&self, roster: &Roster, person: &Person, requester: &Person, rule: &Rule) -> Result<(), Denied> {
        // By user alone: one human may be known under two workspaces of an organisation.
        if person.user == requester.user {
            return Err(Denied::OwnRequest);
        }
        roster.named(&rule.approve, person, || Denied::MayNotApprove(rule.name.clone()))
    }

    /// # Errors
    /// `person` may not act without approval, or nobody may at this risk.
    pub fn may_break_glass(&self, roster: &Roster, person: &Person, risk: Risk) -> Result<(), Denied> {
        if risk == Risk::R3 {
            return Err(Denied::NoGlassForMoney);
        }
        roster.named(&self.break_glass, person, || Denied::NoBreakGlass)
    }

    /// # Errors
    /// `person` may not lift a freeze.
    pub fn may_unfreeze(&self, roster: &Roster, person: &Person) -> Result<(), Denied> {
        roster.named(&self.unfreeze, person, || Denied::MayNotUnfreeze)
    }

    /// Of everything that decides; part of every plan, so that a plan does not outlive the rules it was approved under.
    #[must_use]
    pub fn version(&self) -> String {
        version_of(&serde_json::to_string(self).unwrap_or_default())
    }

    /// The user groups whose members must be known to decide.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<&str> {
        let of_rules = self.rules.iter().flat_map(|rule| rule.request.iter().chain(&rule.approve));
        let all = of_rules.chain(&self.break_glass).chain(&self.unfreeze);
        all.filter_map(|who| if let Who::Group(group) = who { Some(group.as_str()) } else { None }).collect()
    }
}

impl Roster {
    /// Whether `list` names `person`, in this workspace or in the one the entry says.
    #[must_use]
    pub fn any(&self, list: &[Who], person: &Person) -> bool {
        !self.gone.contains(&person.user) && list.iter().any(|who| self.is(who, person))
    }

    /// # Errors
    /// `list` does not name `person`: what `otherwise` says, or that they have put themselves on call.
    fn named(&self, list: &[Who], person: &Person, otherwise: impl FnOnce() -> Denied) -> Result<(), Denied> {
        if self.any(list, person) {
            return Ok(());
        }
        let home = self.home.as_ref() == Some(&person.team);
        let self_made = home && list.contains(&Who::OnCall) && self.self_made.contains(&person.user);
        Err(if self_made { Denied::OwnOverride } else { otherwise() })
    }

    fn is(&self, who: &Who, person: &Person) -> bool {
        let home = self.home.as_ref() == Some(&person.team);
        match who {
            Who::User { team: Some(team), user } => *team == person.team && *user == person.user,
            Who::User { team: None, user } => home && *user == person.user,
            Who::Group(group) => home && self.groups.get(group).is_some_and(|members| members.contains(&person.user)),
            Who::OnCall => home && self.on_call.contains(&person.user),
            Who::Everyone => home && !self.guests.contains(&person.user),
        }
    }
}

/// `*` stands for any characters, also none; everything else for itself.
fn fits(glob: &str, text: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else { return glob == text };
    let Some(mut left) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests;
