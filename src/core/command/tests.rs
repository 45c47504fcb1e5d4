use proptest::prelude::*;

use super::*;

fn silence(target: SilenceTarget, length: &str, comment: Option<&str>) -> Command {
    Command::Silence { target, length: length.parse().unwrap(), comment: comment.map(str::to_owned) }
}

fn problem(text: &str) -> String {
    parse(text).unwrap_err().problem
}

fn suggested(text: &str) -> Option<String> {
    parse(text).unwrap_err().suggestion
}

#[test]
fn every_example_reads_as_its_own_command() {
    for topic in catalogue() {
        assert_eq!(parse(topic.example).unwrap().verb(), topic.verb, "{}", topic.example);
        assert_eq!(parse(&format!("help {}", topic.name)), Ok(Command::Help { topic: Some(topic.verb) }));
    }
}

#[test]
fn nothing_at_all_asks_for_help() {
    for text in ["", "   ", "/wk", "help", "HELP", "?"] {
        assert_eq!(parse(text), Ok(Command::Help { topic: None }), "{text}");
    }
}

#[test]
fn case_spaces_and_a_repeated_slash_command_do_not_matter() {
    for text in ["feed SOL/USD", "  FEED   SOL/USD ", "/wk feed SOL/USD", "feed SOL / USD", "`feed SOL/USD`"] {
        assert_eq!(parse(text), Ok(Command::Feed { feed: "SOL/USD".to_owned() }), "{text}");
    }
}

#[test]
fn what_slack_makes_of_text_is_undone() {
    for text in ["feed <http://SOL/USD|SOL/USD>", "feed “SOL/USD”", "feed\u{a0}SOL/USD"] {
        assert_eq!(parse(text), Ok(Command::Feed { feed: "SOL/USD".to_owned() }), "{text}");
    }
    let asked = parse("ack 17 p&amp;l &lt;5% says <@U1|ann> in <#C1|ops>, &amp;lt;").unwrap();
    let comment = Some("p&l <5% says @ann in #ops, &lt;".to_owned());
    assert_eq!(asked, Command::Ack { number: 17, comment });
}

#[test]
fn a_silence_names_a_group_a_feed_or_matchers() {
    let group = SilenceTarget::Group(17);
    assert_eq!(parse("silence 17 2h deploy"), Ok(silence(group.clone(), "2h", Some("deploy"))));
    assert_eq!(parse("silence #17 2h"), Ok(silence(group.clone(), "2h", None)));
    assert_eq!(parse("mute 17 2 hours big deploy"), Ok(silence(group, "2h", Some("big deploy"))));
    let feed = SilenceTarget::Feed("SOL/USD".to_owned());
    assert_eq!(parse("silence SOL/USD 1h"), Ok(silence(feed, "1h", None)));
    let sol = Matcher::equal("symbol", "Crypto.SOL/USD");
    let one = SilenceTarget::Matchers(vec![sol.clone()]);
    assert_eq!(parse("silence symbol=“Crypto.SOL/USD” 30m"), Ok(silence(one, "30m", None)));
    let two = SilenceTarget::Matchers(vec![sol, "severity=~\"info|warning\"".parse().unwrap()]);
    let text = "silence symbol=Crypto.SOL/USD, severity=~\"info|warning\" 30min known \"flaky\" venue";
    assert_eq!(parse(text), Ok(silence(two, "30m", Some("known \"flaky\" venue"))));
}

#[test]
fn a_silence_without_a_sound_end_is_explained() {
    assert_eq!(problem("silence 17"), "`silence` needs an end: add a duration such as 30m, 2h or 1d.");
    assert_eq!(problem("silence 17 soon"), "“soon” is not a length of time; write it like 30m, 2h or 1d.");
    for text in ["silence 17 0s", "silence 17 31d"] {
        assert_eq!(problem(text), "A silence lasts longer than nothing and at most 30d.");
    }
    assert!(problem("silence symbol=~\"(\" 1h").contains("regular expression in `(` is not valid"));
    assert!(problem("silence").starts_with("`silence` needs an alert's number"));
}

#[test]
fn a_missing_or_wrong_argument_says_what_belongs_there() {
    assert_eq!(problem("feed"), "`feed` needs the feed's symbol or id.");
    assert_eq!(problem("ack"), "`ack` needs the alert's number, as `alerts` shows it.");
    assert_eq!(problem("ack SOL"), "“SOL” is no number; `ack` needs the alert's number, as `alerts` shows it.");
    assert_eq!(problem("unsilence 3 now"), "`unsilence` does not take “now”.");
    assert_eq!(problem("feeds page 0"), "A page is a number from 1.");
    assert_eq!(parse("why").unwrap_err().verb, Some(Verb::Why));
}

#[test]
fn an_unknown_word_gets_the_nearest_command_with_its_arguments() {
    assert_eq!(suggested("fed SOL/USD").unwrap(), "feed SOL/USD");
    assert_eq!(suggested("Silense 17 2h").unwrap(), "silence 17 2h");
    assert_eq!(suggested("help alrets").unwrap(), "help alerts");
    assert_eq!(suggested("SOL/USD").unwrap(), "feed SOL/USD");
    assert_eq!(suggested("xyzzy"), None);
    assert_eq!(problem("xyzzy"), "I do not know the word “xyzzy”.");
}

#[test]
fn lists_take_a_filter() {
    let feeds = |filter: Option<&str>, page| Ok(Command::Feeds { filter: filter.map(str::to_owned), page });
    assert_eq!(parse("feeds"), feeds(None, 1));
    assert_eq!(parse("feeds crypto page 2"), feeds(Some("crypto"), 2));
    assert_eq!(parse("feeds page 3"), feeds(None, 3));
    assert_eq!(parse("alerts"), Ok(Command::Alerts { which: Which::Open }));
    assert_eq!(parse("alerts ALL"), Ok(Command::Alerts { which: Which::All }));
    assert_eq!(parse("alerts sol"), Ok(Command::Alerts { which: Which::Containing("sol".to_owned()) }));
}

#[test]
fn why_takes_a_number_or_a_feed() {
    assert_eq!(parse("why 17"), Ok(Command::Why { target: WhyTarget::Group(17) }));
    assert_eq!(parse("why sol/usd"), Ok(Command::Why { target: WhyTarget::Feed("sol/usd".to_owned()) }));
    let overflow = "99999999999999999999";
    assert_eq!(parse(&format!("why {overflow}")), Ok(Command::Why { target: WhyTarget::Feed(overflow.to_owned()) }));
}

proptest! {
    #[test]
    fn any_text_at_all_is_answered(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn any_arguments_are_answered_and_a_suggestion_can_be_read_further(
        verb in "[a-zA-Z?]{1,9}",
        arguments in r#"([0-9]{1,20}|[a-z]{1,8}(=|!=|=~|!~)?|["“”<>|&;@#!/\\ ]){0,12}"#,
    ) {
        if let Err(Unreadable { problem, suggestion, .. }) = parse(&format!("{verb} {arguments}")) {
            prop_assert!(!problem.is_empty() && problem.chars().count() < 400);
            let word = suggestion.as_deref().and_then(|s| s.split(' ').next().map(str::to_owned));
            if let Some(word) = word {
                prop_assert!(catalogue().iter().any(|topic| topic.name == word));
            }
        }
    }
}

#[test]
fn a_graph_is_a_name_a_range_and_values_of_labels() {
    let ask = |name: Option<&str>, range: Option<&str>, parameters: &[(&str, &str)]| {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let range = range.map(|range| range.parse().unwrap());
        Command::Graph(graph::Ask { name: name.map(str::to_owned), range, parameters })
    };
    assert_eq!(parse("graph"), Ok(ask(None, None, &[])));
    assert_eq!(parse("graph lag 6h feed=sol"), Ok(ask(Some("lag"), Some("6h"), &[("feed", "sol")])));
    assert_eq!(parse("graph lag feed=“a b” 1day"), Ok(ask(Some("lag"), Some("1d"), &[("feed", "a b")])));
    assert!(problem("graph lag soon").contains("neither a range"), "{}", problem("graph lag soon"));
}

#[test]
fn a_handoff_is_asked_for_by_schedule_or_number_whole_or_in_part() {
    use super::handoff::{Ask, Which};
    use crate::core::handoff::Section;
    let show = |which, section, page| Ok(Command::Handoff(Ask::Show { which, section, page }));
    let primary = || Which::Schedule("primary".to_owned());
    assert_eq!(parse("handoff"), show(Which::Own, None, 1));
    assert_eq!(parse("handoff Primary"), show(primary(), None, 1));
    assert_eq!(parse("handoff #12"), show(Which::Number(12), None, 1));
    assert_eq!(parse("handoff primary alerts page 3"), show(primary(), Some(Section::Alerts), 3));
    assert_eq!(parse("handoff notes"), show(Which::Own, Some(Section::Notes), 1));
    assert!(problem("handoff primary whatever").contains("no part of a handoff"));
    assert_eq!(problem("handoff 12 alerts page 0"), "A page is a number from 1.");
    let note = |text: &str| Ok(Command::Handoff(Ask::Note(text.to_owned())));
    assert_eq!(parse("note primary the node is   slow"), note("primary the node is   slow"));
    assert_eq!(parse("note"), note(""));
}

#[test]
fn an_incident_is_declared_by_its_title_and_changed_by_what_follows_its_number() {
    use super::incident::{Ask, What};
    use crate::core::incident::{Role, Severity, Stage};
    let about = |number, what| Ok(Command::Incident(Ask::About { number, what }));
    let text = |text: &str| text.to_owned();
    assert_eq!(parse("incident"), Ok(Command::Incident(Ask::Form)));
    let new = Ask::New { title: text("SOL/USD is stale, says <someone>"), severity: None };
    assert_eq!(parse("incident SOL/USD is stale, says &lt;someone&gt;"), Ok(Command::Incident(new)));
    assert_eq!(parse("incident 12"), about(Some(12), What::Show));
    let update = What::Update { stage: Some(Stage::Monitoring), text: text("it holds") };
    assert_eq!(parse("incident 12 update monitoring it holds"), about(Some(12), update));
    assert_eq!(parse("incident update"), about(None, What::Update { stage: None, text: text("") }));
    assert_eq!(parse("incident #12 sev1"), about(Some(12), What::Grade(Severity::Sev1)));
    let assign = |who: Option<&str>| What::Assign { role: Role::Scribe, who: who.map(str::to_owned) };
    assert_eq!(parse("incident 12 scribe <@U0ANN|ann>"), about(Some(12), assign(Some("@U0ANN"))));
    assert_eq!(parse("incident scribe nobody"), about(None, assign(None)));
    assert_eq!(parse("incident 12 link #17"), about(Some(12), What::Link(17)));
    assert_eq!(parse("incident 12 link action 5"), about(Some(12), What::LinkAction(5)));
    assert!(problem("incident 12 link action x").contains("no action's number"));
    let graded =
        |title: &str, severity| Ok(Command::Incident(Ask::New { title: text(title), severity: Some(severity) }));
    assert_eq!(parse("incident SEV1 SOL is  stale"), graded("SOL is  stale", Severity::Sev1));
    assert_eq!(parse("incident sev3 3 validators are down"), graded("3 validators are down", Severity::Sev3));
    assert_eq!(parse("incident sev2 next release is late"), graded("next release is late", Severity::Sev2));
    assert_eq!(parse("incident sev1"), about(None, What::Grade(Severity::Sev1)));
    assert!(problem("incident 3 validators down").contains("sev2 3 validators are down"));
    assert_eq!(parse("incident 12 timeline page 2"), about(Some(12), What::Timeline { page: 2 }));
    assert_eq!(parse("incident 12 resolve a node was slow"), about(Some(12), What::Resolve(text("a node was slow"))));
    assert!(problem("incident 12 whatever").contains("nothing to do with an incident"));
    assert_eq!(parse("incidents all"), Ok(Command::Incident(Ask::List { all: true })));
}
