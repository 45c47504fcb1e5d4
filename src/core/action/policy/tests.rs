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
        ("*ab*b", "ab", false),
        ("a*b*", "xab", false),
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
fn an_explanation_of_money_knows_its_risk_and_no_way_around_it() {
    let money = Rule { actions: vec![Kind::TopUp], clusters: vec!["solana".into()], kinds: Vec::new(), ..rule() };
    let policy = Policy { break_glass: vec![Who::Everyone], ..policy(vec![money]) };
    let wallet = "solana/Wallet/pusher".parse().unwrap();
    let told = policy.explain(&roster(), &person("U0ANN"), Kind::TopUp, &wallet);
    assert_eq!(told.needs, [(Risk::R3, Needs { quorum: 2, on_call: false })]);
    assert!(told.request.is_ok() && told.approve.is_ok() && !told.break_glass);
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

#[test]
fn a_rule_that_says_little_is_about_everything_and_asks_for_the_usual() {
    let brief = r#"{"name":"all","actions":["restart"],"request":["everyone"],"approve":["S0OPS"]}"#;
    let rule: Rule = serde_json::from_str(brief).unwrap();
    let expected = Rule {
        name: "all".into(),
        actions: vec![Kind::Restart],
        request: vec![Who::Everyone],
        approve: vec![Who::Group("S0OPS".into())],
        ..Rule::default()
    };
    assert_eq!(rule, expected);
    assert!(rule.reason, "a reason is wanted");
    assert_eq!((rule.approve_within, rule.execute_within), (Span::from_secs(1800), Span::from_secs(600)));
    for text in ["prod/feeds/Deployment/pusher", "dev/x/StatefulSet/db"] {
        assert_eq!(rule.misses(Kind::Restart, &text.parse().unwrap()), None, "{text}");
    }
    assert!(Rule::default().misses(Kind::Restart, &target()).is_some(), "but of itself it allows nothing");
}

#[test]
fn what_a_rule_is_not_about_is_said_in_the_words_of_its_target() {
    let all = |rule: Rule| Rule { actions: Kind::ALL.to_vec(), ..rule };
    let narrow = all(rule());
    let misses = |rule: &Rule, text: &str| rule.misses(Kind::Restart, &text.parse().unwrap());
    for (text, why) in [
        ("dev/feeds/Deployment/pusher", Some("is not about cluster dev")),
        ("solana/Wallet/pusher", Some("is not about chain solana")),
        ("prod/other/Deployment/pusher", Some("is not about namespace other")),
        ("prod/feeds/StatefulSet/pusher", Some("is not about a StatefulSet")),
        ("prod/feeds-eu/Deployment/pusher", None),
    ] {
        assert_eq!(misses(&narrow, text).as_deref(), why, "{text}");
    }
    let named = Rule { names: vec!["push*".into()], ..narrow.clone() };
    assert_eq!(misses(&named, "prod/feeds/Deployment/keeper").unwrap(), "is not about the name keeper");
    let any = Rule { kinds: Vec::new(), ..narrow };
    assert_eq!(misses(&any, "prod/Node/node-1"), None, "a node has no namespace to ask about");
}

#[test]
fn a_card_calls_whom_the_rule_says_or_the_groups_that_may_approve() {
    let called = |ping: Option<&[&str]>| {
        let who = |text: &&str| text.parse::<Who>().unwrap();
        let approve = ["U0ANN", "S0OPS", "on-call"].iter().map(who).collect();
        let rule = Rule { approve, ping: ping.map(|ping| ping.iter().map(who).collect()), ..rule() };
        rule.called().into_iter().map(Who::to_string).collect::<Vec<_>>()
    };
    assert_eq!(called(None), ["S0OPS"]);
    assert_eq!(called(Some(&["on-call", "U0BOB"])), ["on-call", "U0BOB"]);
    assert!(called(Some(&[])).is_empty());
}

#[test]
fn a_plan_has_the_highest_of_the_risks_found_configured_and_inherent() {
    let planned = |action: Action, least: Option<Risk>, found: Risk| {
        let rule = Rule { risk: least, ..rule() };
        let preview = Preview { risk: found, ..super::super::testing::plan().preview };
        rule.plan(&policy(vec![rule.clone()]), action, target(), preview, Timestamp::from_secs(0))
    };
    let risk = |action, least, found| planned(action, least, found).preview.risk;
    assert_eq!(risk(Action::Restart, None, Risk::R1), Risk::R1);
    assert_eq!(risk(Action::Restart, None, Risk::R2), Risk::R2);
    assert_eq!(risk(Action::Restart, Some(Risk::R2), Risk::R1), Risk::R2);
    assert_eq!(risk(Action::Restart, Some(Risk::R1), Risk::R2), Risk::R2);
    let top_up = || Action::TopUp { amount: super::super::testing::sol("1") };
    assert_eq!(risk(top_up(), Some(Risk::R1), Risk::R1), Risk::R3);
    let plan = planned(Action::Restart, None, Risk::R1);
    assert_eq!((plan.rule.as_str(), plan.execute_within), ("pushers", Span::from_secs(600)));
    assert_eq!(plan.policy, policy(vec![rule()]).version());
}

#[test]
fn money_is_asked_two_people_for_whatever_a_rule_says() {
    let needs = |quorum, on_call, risk| {
        let needs = Rule { quorum, on_call, ..rule() }.needs(risk);
        (needs.quorum, needs.on_call)
    };
    assert_eq!(needs(None, None, Risk::R3), (2, false));
    assert_eq!(needs(Some(1), Some(true), Risk::R3), (2, true));
    assert_eq!(needs(Some(3), None, Risk::R3), (3, false));
    assert_eq!(needs(Some(3), Some(false), Risk::R2), (3, false));
    assert_eq!(needs(Some(1), None, Risk::R2), (1, true));
    assert_eq!(needs(None, None, Risk::R0), (1, false), "never nobody");
}

#[test]
fn what_some_rule_allows_in_a_cluster_is_listed() {
    let nodes = Rule { actions: vec![Kind::Drain], clusters: vec!["prod-*".into()], ..rule() };
    let policy = policy(vec![rule(), nodes]);
    let listed = |cluster| policy.actions_in(cluster).into_iter().map(Kind::as_str).collect::<Vec<_>>();
    assert_eq!(listed("prod"), ["restart", "scale"]);
    assert_eq!(listed("prod-eu"), ["drain"]);
    assert!(listed("dev").is_empty());
}

#[test]
fn a_freeze_is_lifted_by_those_on_the_list() {
    let policy = Policy { unfreeze: vec![Who::OnCall], ..Policy::default() };
    assert_eq!(policy.may_unfreeze(&roster(), &person("U0BOB")), Ok(()));
    assert_eq!(policy.may_unfreeze(&roster(), &person("U0ANN")), Err(Denied::MayNotUnfreeze), "not on call");
    assert_eq!(Policy::default().may_unfreeze(&roster(), &person("U0BOB")), Err(Denied::MayNotUnfreeze));
}

#[test]
fn every_group_that_decides_is_looked_up() {
    let group = |name: &str| vec![Who::Group(name.into()), Who::Everyone, "U0ANN".parse().unwrap()];
    let policy = Policy {
        rules: vec![Rule { request: group("S1"), approve: group("S2"), ping: Some(group("S9")), ..rule() }],
        break_glass: group("S3"),
        unfreeze: group("S4"),
    };
    assert_eq!(policy.groups(), BTreeSet::from(["S1", "S2", "S3", "S4"]));
}

#[test]
fn being_at_home_is_not_enough_to_be_named() {
    let eve = person("U0EVE");
    for who in ["U0ANN", "THOME/U0ANN", "S0OPS", "on-call"] {
        assert!(!roster().any(&[who.parse().unwrap()], &eve), "{who}");
    }
    assert!(roster().any(&[Who::Everyone], &eve));
    assert!(!roster().any(&[], &eve));
}

#[test]
fn who_is_kept_as_written_and_its_schema_lets_through_what_is_read() {
    let schema = serde_json::to_value(schemars::schema_for!(Policy)).unwrap();
    let who = &schema["properties"]["break_glass"]["items"];
    let pattern = regex::Regex::new(who["pattern"].as_str().expect("it stands where it is used")).unwrap();
    for text in ["U024BE7LH", "W024BE7LH", "T1/U2", "E1/U2", "S024BE7LH", "on-call", "everyone"] {
        assert!(pattern.is_match(text), "{text}");
        let who: Who = serde_json::from_value(text.into()).unwrap();
        assert_eq!(serde_json::to_value(who).unwrap(), text);
    }
    for text in ["", "ann", "@ann", "C024BE7LH", "U", "t1/U2", "T1/", "#ops", "S", "U1/U2"] {
        assert!(!pattern.is_match(text), "{text}");
        let refused = serde_json::from_value::<Who>(text.into()).unwrap_err().to_string();
        assert!(refused.contains("names nobody"), "{text}: {refused}");
    }
    assert_eq!(<Who as JsonSchema>::schema_name(), "Who");
}

#[test]
fn who_put_themselves_on_call_is_told_so_and_is_not_let_through() {
    let on_call = || vec![Who::OnCall];
    let rule = Rule { request: on_call(), approve: on_call(), ..rule() };
    let policy = Policy { break_glass: on_call(), unfreeze: on_call(), ..policy(vec![rule]) };
    let roster = Roster { self_made: BTreeSet::from([UserId::new("U0CAT")]), ..roster() };
    let (ann, cat) = (person("U0ANN"), person("U0CAT"));
    let told = policy.may_request(&roster, &cat, Kind::Restart, &target()).map(drop);
    assert_eq!(told, Err(Denied::OwnOverride));
    assert_eq!(policy.may_approve(&roster, &cat, &ann, &policy.rules[0]), Err(Denied::OwnOverride));
    assert_eq!(policy.may_break_glass(&roster, &cat, Risk::R1), Err(Denied::OwnOverride));
    assert_eq!(policy.may_unfreeze(&roster, &cat), Err(Denied::OwnOverride));
    assert_eq!(policy.may_unfreeze(&roster, &ann), Err(Denied::MayNotUnfreeze), "nobody without a watch is told that");
    assert_eq!(policy.may_unfreeze(&roster, &person("U0BOB")), Ok(()));
}

#[test]
fn a_guest_counts_by_name_and_group_and_not_as_everyone() {
    let roster = Roster { guests: BTreeSet::from([UserId::new("U0BOB")]), ..roster() };
    let is = |who: &str| roster.any(&[who.parse().unwrap()], &person("U0BOB"));
    assert!(!is("everyone") && is("U0BOB") && is("S0OPS") && is("on-call"));
}
