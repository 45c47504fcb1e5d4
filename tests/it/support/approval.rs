//! A plan that two people have agreed on, for stories about carrying it out.

use serde_json::json;
use watchkeeper::core::action::approval::{Approved, Gate, Release, release, under_way};
use watchkeeper::core::action::kind::{Action, Kind};
use watchkeeper::core::action::plan::{Plan, Preview};
use watchkeeper::core::action::policy::{Person, Policy, Roster};
use watchkeeper::core::action::request::{Asked, Draft, State};
use watchkeeper::core::action::target::Target;
use watchkeeper::core::ids::{RequestId, TeamId, UserId};
use watchkeeper::core::time::{Span, Timestamp};

/// Ann asked, Bob (and Cat, where it takes two) said yes, and it has begun.
pub fn approved(action: Action, target: Target, preview: Preview) -> Approved<Plan> {
    let now = Timestamp::from_secs(1_800_000_000);
    let rule = json!({
        "name": "all", "actions": Kind::ALL, "request": ["everyone"], "approve": ["everyone"], "quorum": 1, "on_call": false,
    });
    let policy: Policy = serde_json::from_value(json!({"rules": [rule]})).unwrap();
    let roster = Roster { home: Some(TeamId::new("T1")), ..Roster::default() };
    let person = |user: &str| Person { user: UserId::new(user), team: TeamId::new("T1") };
    let plan = Plan {
        action,
        target,
        preview,
        rule: "all".to_owned(),
        policy: policy.version(),
        approve_by: now.plus(std::time::Duration::from_mins(30)),
        execute_within: Span::from_secs(600),
    };
    let asked =
        Asked { by: person("U0ANN"), at: now, reason: "a story".to_owned(), on_call: false, alert: None, undoes: None };
    let draft = Draft { id: RequestId::new("01REQ"), plan: plan.clone(), asked };
    let mut request = draft.open(1);
    for user in ["U0BOB", "U0CAT"].map(person) {
        if matches!(request.state, State::Open { .. }) {
            request = request.approve(&user, &plan.digest(), &policy, &roster, now).unwrap();
        }
    }
    let gate = Gate { policy: &policy, roster: &roster, freeze: None, begun: &[], now };
    let Release::Go(request) = release(request, plan, &gate) else { panic!("it does not begin") };
    under_way(&request).unwrap()
}
