//! Why somebody may or may not do something: every rule's verdict, and what it would take.

use super::super::kind::Kind;
use super::super::plan::Risk;
use super::super::target::Target;
use super::{Denied, Needs, Person, Policy, Roster};

/// One rule's verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub rule: String,
    /// Why it is not about this; `None`: it is.
    pub misses: Option<String>,
}

/// What would happen if `person` asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// In order, up to and with the rule that decides.
    pub judged: Vec<Judged>,
    pub request: Result<(), Denied>,
    /// Of somebody else's request.
    pub approve: Result<(), Denied>,
    /// At each risk that the plan may turn out to have.
    pub needs: Vec<(Risk, Needs)>,
    pub break_glass: bool,
}

impl Policy {
    #[must_use]
    pub fn explain(&self, roster: &Roster, person: &Person, kind: Kind, target: &Target) -> Explanation {
        let mut judged = Vec::new();
        for rule in &self.rules {
            let misses = rule.misses(kind, target);
            let decides = misses.is_none();
            judged.push(Judged { rule: rule.name.clone(), misses });
            if decides {
                break;
            }
        }
        let rule = self.rule_for(kind, target);
        let approve = rule
            .clone()
            .and_then(|rule| roster.named(&rule.approve, person, || Denied::MayNotApprove(rule.name.clone())));
        let needs = rule.map(|rule| {
            let least = kind.least_risk();
            let mut risks = [Risk::R1, Risk::R2].map(|risk| rule.risk_of(risk).max(least)).to_vec();
            risks.dedup();
            risks.into_iter().map(|risk| (risk, rule.needs(risk))).collect()
        });
        Explanation {
            judged,
            request: self.may_request(roster, person, kind, target).map(drop),
            approve,
            needs: needs.unwrap_or_default(),
            break_glass: self.may_break_glass(roster, person, kind.least_risk()).is_ok(),
        }
    }
}
