//! The severities of other systems: many words for three levels, and the way back for a silence that is made there.

use crate::core::label::{Labels, MatchOp, Matcher, SEVERITY};
use crate::core::severity::Severity;

const LEVELS: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];
const CRITICAL: [&str; 8] = ["critical", "crit", "page", "emergency", "fatal", "disaster", "p1", "sev1"];
const INFO: [&str; 7] = ["info", "information", "informational", "notice", "debug", "none", "ok"];

/// What is none of the words is a warning, which is told and pages nobody at night.
pub(super) fn level(word: &str) -> Severity {
    let word = word.to_lowercase();
    match word.as_str() {
        word if CRITICAL.contains(&word) => Severity::Critical,
        word if INFO.contains(&word) => Severity::Info,
        _ => Severity::Warning,
    }
}

/// Writes the level into the labels, and the sender's own word where it is another one, so that two alerts that differ in it
/// stay two.
pub(super) fn set(labels: &mut Labels, word: Option<&str>) -> Severity {
    let severity = word.map_or(Severity::Warning, level);
    labels.set(SEVERITY, severity.as_str());
    if let Some(word) = word.filter(|word| *word != severity.as_str()) {
        set_aside(labels, SEVERITY, word);
    }
    severity
}

/// As Prometheus does with a label whose name is taken.
pub(super) fn set_aside(labels: &mut Labels, name: &str, value: &str) {
    let mut aside = format!("exported_{name}");
    while labels.get(&aside).is_some() {
        aside.insert_str(0, "exported_");
    }
    labels.set(aside, value);
}

/// What a matcher of our severities matches there; `None`: every alert.
pub(super) fn theirs(matcher: &Matcher) -> Option<Matcher> {
    let covers = |level: &Severity| matcher.matches(&Labels::default().with(SEVERITY, level.as_str()));
    let words = |of: &dyn Fn(&Severity) -> bool| {
        let known = [(Severity::Critical, CRITICAL.as_slice()), (Severity::Info, INFO.as_slice())];
        let known = known.into_iter().filter(|(level, _)| of(level)).flat_map(|(_, words)| words);
        format!("(?i:{})", known.copied().collect::<Vec<_>>().join("|"))
    };
    if LEVELS.iter().all(covers) {
        return None;
    }
    // A warning is whatever is no word of the others, nothing included.
    let (op, value) = if covers(&Severity::Warning) {
        (MatchOp::NotRegex, words(&|level| !covers(level)))
    } else {
        (MatchOp::Regex, words(&|level| covers(level)))
    };
    Some(Matcher::new(SEVERITY, op, value).unwrap_or_else(|_| matcher.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_words_stand_for_three_levels() {
        let levels = ["critical", "PAGE", "warning", "error", "", "info", "none"].map(level);
        let [critical, warning, info] = [Severity::Critical, Severity::Warning, Severity::Info];
        assert_eq!(levels, [critical, critical, warning, warning, warning, info, info]);
    }

    #[test]
    fn a_matcher_of_a_level_matches_every_word_for_it_there() {
        let theirs = |text: &str| theirs(&text.parse().unwrap());
        let there = |matcher: &Matcher, word: &str| matcher.matches(&Labels::default().with(SEVERITY, word));
        let critical = theirs("severity=\"critical\"").unwrap();
        assert!(there(&critical, "page") && there(&critical, "Critical") && !there(&critical, "error"));
        assert!(!critical.matches(&Labels::default()));
        let warning = theirs("severity=\"warning\"").unwrap();
        assert!(there(&warning, "error") && there(&warning, "warning") && warning.matches(&Labels::default()));
        assert!(!there(&warning, "page") && !there(&warning, "none"));
        let quiet = theirs("severity=~\"info|warning\"").unwrap();
        assert!(there(&quiet, "none") && there(&quiet, "minor") && !there(&quiet, "CRIT"));
        assert_eq!(theirs("severity!=\"page\""), None, "all three levels");
        assert!(!there(&theirs("severity=\"page\"").unwrap(), "page"), "no level of ours");
    }
}
