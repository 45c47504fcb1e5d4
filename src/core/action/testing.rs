//! A plan, people and a rule to write tests with.

use std::collections::{BTreeMap, BTreeSet};

use super::approval::{Approved, Gate, Release, release, under_way};
use super::kind::{Action, Kind};
use super::money::{Party, Payment, Transfer};
use super::plan::{Blast, Change, Object, Plan, Preview, Risk, Undo, Write};
use super::policy::{Person, Policy, Roster, Rule, Who};
use super::request::{Asked, Draft, Request};
use super::target::{Sort, Target};
use crate::core::engine::mute::MuteInterval;
use crate::core::ids::{RequestId, TeamId, UserId};
use crate::core::time::{Span, Timestamp};
use crate::core::wallet::Amount;

pub const T: &str = "THOME";
pub const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub fn person(user: &str) -> Person {
    Person { user: UserId::new(user), team: TeamId::new(T) }
}

pub fn target() -> Target {
    "prod/feeds/Deployment/pusher".parse().unwrap()
}

/// Ann, Bob and Cat may ask and approve; the group S0OPS is Bob's.
pub fn rule() -> Rule {
    let people: Vec<Who> = ["U0ANN", "U0BOB", "U0CAT"].map(|user| user.parse().unwrap()).into();
    Rule {
        name: "pushers".to_owned(),
        actions: vec![Kind::Restart, Kind::Scale],
        clusters: vec!["prod".to_owned()],
        namespaces: vec!["feeds*".to_owned()],
        kinds: vec![Sort::Deployment],
        names: vec!["*".to_owned()],
        request: people.clone(),
        approve: people,
        quorum: None,
        on_call: None,
        risk: None,
        reason: true,
        approve_within: Span::from_secs(1800),
        execute_within: Span::from_secs(600),
        quiet_hours: MuteInterval::default(),
        rate: None,
        ping: None,
    }
}

pub fn policy() -> Policy {
    Policy { rules: vec![rule()], break_glass: vec!["U0ANN".parse().unwrap()], unfreeze: vec![Who::OnCall] }
}

/// Bob is on call.
pub fn roster() -> Roster {
    let bob = || BTreeSet::from([UserId::new("U0BOB")]);
    Roster {
        home: Some(TeamId::new(T)),
        groups: BTreeMap::from([("S0OPS".to_owned(), bob())]),
        on_call: bob(),
        ..Roster::default()
    }
}

pub fn change(write: Write, old: &str, new: &str) -> Change {
    let object = Object { target: target(), uid: "uid-1".to_owned(), resource_version: "100".to_owned() };
    Change {
        object,
        write,
        field: "replicas".to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        after: None,
        always: false,
    }
}

pub fn plan() -> Plan {
    Plan {
        action: Action::Scale { replicas: 5, back_after: None },
        target: target(),
        preview: Preview {
            changes: vec![change(Write::Replicas { from: 3, to: 5 }, "3", "5")],
            rests_on: BTreeMap::from([("replicas".to_owned(), "3".to_owned())]),
            risk: Risk::R1,
            blast: Blast::default(),
            warnings: Vec::new(),
            undo: Undo::By { action: Action::Scale { replicas: 3, back_after: None } },
        },
        rule: "pushers".to_owned(),
        policy: policy().version(),
        approve_by: NOW.plus(std::time::Duration::from_mins(30)),
        execute_within: Span::from_secs(600),
    }
}

pub fn asked() -> Asked {
    Asked { by: person("U0ANN"), at: NOW, reason: "slow".to_owned(), on_call: false, alert: None, undoes: None }
}

pub fn request() -> Request {
    Draft { id: RequestId::new("01REQ"), plan: plan(), asked: asked() }.open(7)
}

pub fn sol(text: &str) -> Amount {
    Amount::parse(text, 9).unwrap()
}

/// `ops` pays `pusher` on Solana; it may 2 SOL at a time and 5 a day.
pub fn transfer(amount: &str) -> Transfer {
    let text = str::to_owned;
    let party = || {
        let (before, after) = (sol("9"), sol("8"));
        Party { name: String::new(), address: String::new(), explorer: None, before, after }
    };
    Transfer {
        wallet: text("ops"),
        from: text("HOT"),
        to: text("COLD"),
        asset: text("its native coin"),
        symbol: text("SOL"),
        amount: sol(amount),
        seen: Payment {
            worth: None,
            from: party(),
            to: party(),
            fee: sol("0.000005"),
            fee_symbol: text("SOL"),
            simulated: String::new(),
            spent: sol("0"),
            per_transfer: sol("2"),
            per_day: sol("5"),
            confirmations: 3,
        },
    }
}

/// A plan that may be carried out, and its request: everybody may ask, and somebody without approval.
pub fn begun(action: Action, target: Target, preview: Preview) -> (Approved<Plan>, Request) {
    let mut rule = rule();
    (rule.actions, rule.clusters, rule.kinds) = (vec![action.kind()], vec!["*".to_owned()], Vec::new());
    let policy = Policy { rules: vec![rule], ..policy() };
    let approve_by = NOW.plus(std::time::Duration::from_mins(30));
    let plan = policy.rules[0].plan(&policy, action, target, preview, approve_by);
    let draft = Draft { id: RequestId::new("01REQ"), plan: plan.clone(), asked: asked() };
    let request = draft.break_glass(7, &policy, &roster()).unwrap();
    let gate = Gate { policy: &policy, roster: &roster(), freeze: None, begun: &[], now: NOW };
    let Release::Go(request) = release(request, plan, &gate) else { panic!("it does not begin") };
    (under_way(&request).unwrap(), request)
}
