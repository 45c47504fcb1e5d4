//! Text from outside made safe and short, and times and names as Slack shows them.

use std::fmt::Write;
use std::time::Duration;

use crate::core::alert::Alert;
use crate::core::label::{ALERTNAME, EXPORTED_SEVERITY, Labels, SEVERITY};
use crate::core::severity::Severity;
use crate::core::time::{Timestamp, spoken};

/// Escapes what Slack would read as markup: afterwards `<!channel>` is only text.
/// Source: Slack, "Formatting text for app surfaces", escaping.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The first `most` characters, with `…` for what is cut off.
#[must_use]
pub fn clamp(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// One line, without control characters and without the invisible ones that reorder what follows them.
fn one_line(text: &str) -> String {
    let visible = |c: &char| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}');
    let spaced = text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(visible);
    spaced.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Outside text within a sentence: one line of at most `most` characters, escaped.
#[must_use]
pub fn said(text: &str, most: usize) -> String {
    // Of a text many times as long, the rest is not even looked at.
    let near = text.char_indices().nth(most.saturating_mul(8)).map_or(text, |(end, _)| &text[..end]);
    escape(&clamp(&one_line(near), most))
}

/// Outside text in bold. Slack has no escape for its formatting signs, so look-alikes stand in for them.
#[must_use]
pub fn bold(text: &str) -> String {
    wrapped('*', &said(text, 150).replace('*', "∗"))
}

/// Outside text struck through.
#[must_use]
pub fn struck(text: &str) -> String {
    wrapped('~', &said(text, 300).replace('~', "∼"))
}

/// Outside text as code.
#[must_use]
pub fn code(text: &str) -> String {
    wrapped('`', &said(text, 300).replace('`', "ˋ"))
}

/// Lines as a machine printed them, in a code block: the last that fit into `most` characters.
#[must_use]
pub fn fenced(text: &str, most: usize) -> String {
    let lines: Vec<_> =
        text.lines().map(|line| said(line, 160).replace('`', "ˋ")).filter(|line| !line.is_empty()).collect();
    let mut kept = 0;
    let mut room = most;
    for line in lines.iter().rev() {
        let Some(left) = room.checked_sub(line.chars().count() + 1) else { break };
        (kept, room) = (kept + 1, left);
    }
    let cut = if kept < lines.len() { "…\n" } else { "" };
    format!("```{cut}{}```", lines[lines.len() - kept..].join("\n"))
}

fn wrapped(sign: char, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{sign}{text}{sign}") }
}

/// Outside text where Slack reads no markup (headers, buttons, options). Whether entities are decoded there differs
/// between clients, so the signs they stand for are replaced by look-alikes.
#[must_use]
pub fn plain(text: &str, most: usize) -> String {
    clamp(&one_line(text).replace('<', "‹").replace('>', "›"), most)
}

/// A moment in the reader's own time zone: the time alone when it is near, with the date otherwise.
/// Source: Slack, "Formatting text for app surfaces", date formatting.
#[must_use]
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    const NEAR: Duration = Duration::from_hours(12);
    let near = now.since(at).max(at.since(now)) < NEAR;
    let format = if near { "{time}" } else { "{date_short_pretty} {time}" };
    format!("<!date^{}^{format}|{}>", at.as_secs(), utc(at))
}

/// `2026-11-29 08:04 UTC`, for places where Slack does not put dates into the reader's zone.
#[must_use]
pub fn utc(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('T') {
        Some((date, time)) => format!("{date} {} UTC", time.get(..5).unwrap_or(time)),
        None => text,
    }
}

/// `2 min 3 s ago`
#[must_use]
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", spoken(now.since(at)))
}

/// Emoji tells severity, the colour bar tells state.
#[must_use]
pub const fn severity_emoji(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🔴",
        Severity::Warning => "🟠",
        Severity::Info => "🔵",
    }
}

/// `1 alert`, `3 alerts`
#[must_use]
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// `FeedStale` → `Feed stale`; not escaped.
#[must_use]
pub fn rule_words(alertname: &str) -> String {
    let mut words = String::new();
    for (index, c) in alertname.chars().enumerate() {
        if index > 0 && c.is_uppercase() {
            let _ = write!(words, " {}", c.to_lowercase());
        } else {
            words.push(if c == '_' { ' ' } else { c });
        }
    }
    words.replace("Git ops", "GitOps")
}

/// What an alert is about: the app or object and its cluster, the feed's symbol without its class prefix, or the source, the
/// wallet or the chain, or all its labels. Not escaped.
#[must_use]
pub fn subject(labels: &Labels) -> String {
    let symbol = |symbol: &str| {
        let base_end = symbol.find('/').unwrap_or(symbol.len());
        let prefix = symbol.get(..base_end).and_then(|base| base.rfind('.')).map_or(0, |dot| dot + 1);
        symbol.get(prefix..).unwrap_or(symbol).to_owned()
    };
    if let (Some(app), Some(cluster)) = (labels.get("app"), labels.get("cluster")) {
        return format!("{app} in {cluster}");
    }
    if let Some(cluster) = labels.get("cluster") {
        return in_cluster(cluster, labels);
    }
    let wallet = ["account", "chain"].into_iter().find_map(|name| labels.get(name));
    match (labels.get("symbol"), labels.get("source"), wallet) {
        (Some(name), _, _) => symbol(name),
        (None, Some(source), _) => elsewhere(labels).unwrap_or_else(|| source.to_owned()),
        (None, None, Some(name)) => name.to_owned(),
        (None, None, None) => labels.to_string(),
    }
}

/// `prices/hermes-0 in prod`, `node-1 in prod`, `prod`
fn in_cluster(cluster: &str, labels: &Labels) -> String {
    // A pod's node is only where it runs.
    const OBJECTS: [&str; 10] = [
        "pod",
        "deployment",
        "statefulset",
        "daemonset",
        "job_name",
        "horizontalpodautoscaler",
        "poddisruptionbudget",
        "persistentvolumeclaim",
        "certificate",
        "node",
    ];
    let Some(name) = OBJECTS.into_iter().find_map(|label| labels.get(label)) else { return cluster.to_owned() };
    match labels.get("namespace") {
        Some(namespace) => format!("{namespace}/{name} in {cluster}"),
        None => format!("{name} in {cluster}"),
    }
}

/// What an alert of another system is about: the values of its own labels, of which a few tell most.
fn elsewhere(labels: &Labels) -> Option<String> {
    const SAID_ELSEWHERE: [&str; 7] =
        [ALERTNAME, SEVERITY, EXPORTED_SEVERITY, "source", "job", "prometheus", "grafana_folder"];
    let own = labels.iter().filter(|(name, _)| !SAID_ELSEWHERE.contains(&name.as_str()));
    let values: Vec<_> = own.map(|(_, value)| value.as_str()).take(3).collect();
    (!values.is_empty()).then(|| values.join(" "))
}

/// What is wrong, in one sentence: the evidence's summary, or the rule and what it is about. Not escaped.
#[must_use]
pub fn what(alert: &Alert) -> String {
    if alert.evidence.summary.is_empty() {
        format!("{}: {}", rule_words(alert.name()), subject(&alert.labels))
    } else {
        alert.evidence.summary.clone()
    }
}

/// Lines that fit into `budget` characters, at most `most` of them, and how many are left out.
#[must_use]
pub fn fitting(lines: impl IntoIterator<Item = String>, most: usize, budget: usize) -> (Vec<String>, usize) {
    let (mut kept, mut left_out, mut used) = (Vec::new(), 0, 0);
    for line in lines {
        used += line.chars().count() + 1;
        if left_out == 0 && kept.len() < most && used <= budget {
            kept.push(line);
        } else {
            left_out += 1;
        }
    }
    (kept, left_out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_log_keeps_its_last_lines_and_cannot_leave_its_block() {
        assert_eq!(fenced("one\n\ntwo  2\n", 100), "```one\ntwo 2```");
        assert_eq!(fenced("first line\nsecond\nthird", 14), "```…\nsecond\nthird```");
        assert_eq!(fenced("a```b <!here>", 100), "```aˋˋˋb &lt;!here&gt;```");
    }

    #[test]
    fn outside_text_cannot_mention_or_format() {
        assert_eq!(said("<!channel> R&D", 99), "&lt;!channel&gt; R&amp;D");
        assert_eq!(bold("a*b*"), "*a∗b∗*");
        assert_eq!(code("`rm`"), "`ˋrmˋ`");
        assert_eq!(struck("~a~"), "~∼a∼~");
        assert_eq!(said("a\n>b\u{202e}", 99), "a &gt;b");
        assert_eq!(plain("<!here>", 99), "‹!here›");
    }

    #[test]
    fn clamping_counts_characters_and_shows_the_cut() {
        assert_eq!(clamp("żółw", 4), "żółw");
        assert_eq!(clamp("żółwie", 4), "żół…");
        assert_eq!(said("&&&&", 3), "&amp;&amp;…");
    }

    #[test]
    fn a_moment_is_shown_in_the_readers_zone_with_the_date_when_it_is_far() {
        let (at, now) = (Timestamp::from_secs(1_796_000_000), Timestamp::from_secs(1_796_000_600));
        assert_eq!(moment(at, now), "<!date^1796000000^{time}|2026-11-30 00:53 UTC>");
        let later = Timestamp::from_secs(1_796_100_000);
        assert_eq!(moment(at, later), "<!date^1796000000^{date_short_pretty} {time}|2026-11-30 00:53 UTC>");
    }

    #[test]
    fn rules_and_subjects_read_as_words() {
        assert_eq!(rule_words("FeedConfidenceWide"), "Feed confidence wide");
        assert_eq!(rule_words("GitOpsOutOfSync"), "GitOps out of sync");
        let labels: Labels = [("symbol", "Equity.US.AAPL/USD.PRE")].into_iter().collect();
        assert_eq!(subject(&labels), "AAPL/USD.PRE");
        let of = |pairs: &[(&str, &str)]| subject(&pairs.iter().copied().collect());
        let pod = [("cluster", "prod"), ("namespace", "prices"), ("pod", "hermes-0"), ("node", "n1")];
        assert_eq!(of(&pod), "prices/hermes-0 in prod");
        assert_eq!(of(&[("cluster", "prod"), ("node", "n1")]), "n1 in prod");
        assert_eq!(of(&[("cluster", "prod")]), "prod");
        let own: Labels = [("alertname", "FeedSourceDown"), ("source", "hermes")].into_iter().collect();
        assert_eq!(subject(&own), "hermes");
        assert_eq!(subject(&own.with("namespace", "feeds").with("pod", "publisher-0")), "feeds publisher-0");
        let labels: Labels = [("app", "prices"), ("cluster", "eu"), ("kind", "Application")].into_iter().collect();
        assert_eq!(subject(&labels), "prices in eu");
    }

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        let lines = || ["aaaa", "bbbb", "cccc"].map(str::to_owned);
        assert_eq!(fitting(lines(), 9, 10).1, 1);
        assert_eq!(fitting(lines(), 1, 99), (vec!["aaaa".to_owned()], 2));
    }

    proptest! {
        #[test]
        fn nothing_from_outside_opens_markup(text in "[<>!@#&a-z|^*~` \n]{0,40}|\\PC{0,40}", most in 0usize..50) {
            for shown in [said(&text, most), bold(&text), code(&text), struck(&text)] {
                prop_assert!(!shown.contains(['<', '>', '\n']), "{shown}");
            }
            prop_assert!(!plain(&text, most).contains(['<', '>']));
            prop_assert!(clamp(&text, most).chars().count() <= most.max(1));
        }
    }
}
