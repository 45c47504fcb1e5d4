use super::super::testing::{T, person, roster, rule, target};
use super::*;

fn policy(rules: Vec<Rule>) -> Policy {
    Policy { rules, ..Policy::default() }
}

#[test]
fn what_no_rule_names_is_denied() {
    let policy = policy(vec![rule()]);
    let ask = |kind, text: &str| policy.may_request(&roster(), &person("U0ANN"), kind, &text.parse().unwrap());
    assert!(ask(Kind::Restart, "prod/feeds/Deployment/pusher").is_ok());
    for (kind, target) in [
        (Kind::Drain, "prod/Node/node-1"),
        (Kind::Restart, "prod/kube-system/Deployment/coredns"),
        (Kind::Restart, "dev/feeds/Deployment/pusher"),
        (Kind::Restart, "prod/feeds/StatefulSet/db"),
    ] {
        assert!(matches!(ask(kind, target), Err(Denied::NoRule { .. })), "{target}");
    }
    assert!(Policy::default().rule_for(Kind::Restart, &target()).is_err());
}

#[test]
fn the_first_rule_that_fits_decides() {
    let narrow = Rule { name: "narrow".into(), request: vec![], ..rule() };
    let policy = policy(vec![narrow, rule()]);
    let denied = policy.may_request(&roster(), &person("U0ANN"), Kind::Restart, &target()).unwrap_err();
    assert_eq!(denied, Denied::MayNotRequest("narrow".into()));
}

#[test]
fn a_name_counts_only_together_with_its_workspace() {
    let roster = roster();
    let stranger = Person { user: UserId::new("U0ANN"), team: TeamId::new("TELSE") };
    for who in ["U0ANN", "S0OPS", "on-call", "everyone"] {
        assert!(!roster.any(&[who.parse().unwrap()], &stranger), "{who}");
    }
    assert!(roster.any(&["TELSE/U0ANN".parse().unwrap()], &stranger));
    assert!(!roster.any(&["TELSE/U0ANN".parse().unwrap()], &person("U0ANN")));
}

#[test]
fn a_group_nobody_could_look_up_has_no_members() {
    let unknown = Roster { groups: BTreeMap::new(), ..roster() };
    assert!(roster().any(&[Who::Group("S0OPS".into())], &person("U0BOB")));
    assert!(!unknown.any(&[Who::Group("S0OPS".into())], &person("U0BOB")));
    let nowhere = Roster { home: None, ..roster() };
    assert!(!nowhere.any(&[Who::Everyone], &person("U0BOB")), "the bot does not know its home yet");
}

#[test]
fn a_deactivated_account_holds_no_key() {
    let roster = Roster { gone: BTreeSet::from([UserId::new("U0BOB")]), ..roster() };
    assert!(!roster.any(&[Who::Everyone, "U0BOB".parse().unwrap()], &person("U0BOB")));
}

#[test]
fn risk_sets_the_quorum_and_a_rule_may_raise_it_but_never_to_nobody() {
    let rule = rule();
    assert_eq!(rule.needs(Risk::R1), Needs { quorum: 1, on_call: false });
    assert_eq!(rule.needs(Risk::R2), Needs { quorum: 2, on_call: true });
    let raised = Rule { risk: Some(Risk::R2), ..rule.clone() };
    assert_eq!(raised.needs(Risk::R1), Needs { quorum: 2, on_call: true });
    let none = Rule { quorum: Some(0), ..rule };
    assert_eq!(none.needs(Risk::R2).quorum, 1);
}

#[test]
fn the_version_changes_with_anything_that_decides() {
    let before = policy(vec![rule()]);
    let mut after = before.clone();
    after.rules[0].approve.push(Who::Everyone);
    assert_ne!(before.version(), after.version());
    assert_eq!(before.version(), policy(vec![rule()]).version());
}

#[test]
fn globs_stand_for_any_characters() {
    for (glob, text, fit) in [
        ("*", "", true),
        ("feeds-*", "feeds-eu", true),
        ("feeds-*", "feeds", false),
        ("*-eu-*", "a-eu-b", true),
        ("a*b*c", "axxbyyc", true),
        ("a*b*c", "axxbyy", false),
        ("ab*ba", "aba", false),
        ("pusher", "pushers", false),
    ] {
        assert_eq!(fits(glob, text), fit, "{glob} {text}");
    }
}

#[test]
fn an_explanation_names_the_rule_that_decides_and_what_the_others_lack() {
    let other = Rule { name: "nodes".into(), actions: vec![Kind::Drain], ..rule() };
    let policy = policy(vec![other, rule()]);
    let told = policy.explain(&roster(), &person("U0ANN"), Kind::Restart, &target());
    let said: Vec<_> = told.judged.iter().map(|judged| (judged.rule.as_str(), judged.misses.as_deref())).collect();
    assert_eq!(said, [("nodes", Some("is not about restart")), ("pushers", None)]);
    assert_eq!((told.request, told.approve), (Ok(()), Ok(())));
    assert_eq!(told.needs.len(), 2);
    let told = policy.explain(&roster(), &person("U0EVE"), Kind::Restart, &target());
    assert!(told.request.is_err() && told.approve.is_err() && !told.break_glass);
}

#[test]
fn who_is_read_as_written_and_nothing_else_is() {
    for text in ["U024BE7LH", "T1/U2", "S024BE7LH", "on-call", "everyone"] {
        assert_eq!(text.parse::<Who>().unwrap().to_string(), text);
    }
    for text in ["", "ann", "@ann", "C024BE7LH", "U", "t1/U2", "T1/", "#ops"] {
        assert!(text.parse::<Who>().is_err(), "{text}");
    }
    assert_eq!(person("U0ANN").team, TeamId::new(T));
}
