//! What Alertmanager (webhook version 4) and Grafana's alerting post: alerts with labels and annotations, firing or resolved.
//! Source: Alertmanager documentation, "webhook_config"; Grafana documentation, "Configure webhook notifications".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::label::{ALERTNAME, EXPORTED_SEVERITY, Fingerprint, Labels, SEVERITY};
use crate::core::severity::Severity;
use crate::core::signal::{Condition, Detail, Evidence, Link, Signal};
use crate::core::time::{Span, Timestamp};

use super::severity;

/// One request: what changed in one of the sender's groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// As configured; the `source` label of its alerts.
    pub source: String,
    pub group_key: String,
    /// How many alerts the sender left out.
    pub truncated: u64,
    pub alerts: Vec<External>,
}

/// An alert as its sender knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct External {
    /// With `source`, and with the severity: who sends them tells two alerts apart that differ in nothing else.
    pub labels: Labels,
    pub severity: Severity,
    pub firing: bool,
    pub starts_at: Timestamp,
    /// When it ends unless heard of again; many senders say nothing.
    pub ends_at: Option<Timestamp>,
    pub evidence: Evidence,
}

/// A body that is no notification, and never will be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the body is not a notification of Alertmanager (webhook version 4) or Grafana: {0}")]
    Shape(String),
    #[error("it carries no alert")]
    Empty,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    group_key: String,
    #[serde(default)]
    truncated_alerts: u64,
    alerts: Vec<Posted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    starts_at: Option<String>,
    #[serde(default)]
    ends_at: Option<String>,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
    /// This and the rest: Grafana's.
    #[serde(default, rename = "dashboardURL")]
    dashboard_url: String,
    #[serde(default, rename = "panelURL")]
    panel_url: String,
    #[serde(default, rename = "silenceURL")]
    silence_url: String,
    /// Every value the rule looked at.
    #[serde(default)]
    values: Option<BTreeMap<String, serde_json::Value>>,
    /// The same in words, where there are no such values.
    #[serde(default)]
    value_string: String,
}

impl Notification {
    /// # Errors
    /// When the body can never be understood.
    pub fn read(source: &str, body: &[u8]) -> Result<Self, Malformed> {
        let body: Body = serde_json::from_slice(body).map_err(|error| Malformed::Shape(error.to_string()))?;
        if body.alerts.is_empty() {
            return Err(Malformed::Empty);
        }
        let mut alerts: Vec<External> = body.alerts.iter().map(|posted| External::of(source, posted)).collect();
        let (group_key, truncated) = (body.group_key, body.truncated_alerts);
        if truncated > 0 {
            // Whichever of them is shown says so.
            for alert in &mut alerts {
                alert.evidence.details.push(left_out(truncated));
            }
        }
        Ok(Self { source: source.to_owned(), group_key, truncated, alerts })
    }

    /// The same for every delivery of the same news: the twin of a highly available pair, a retry, a repetition.
    #[must_use]
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        field(&self.source);
        field(&self.group_key);
        for alert in &self.alerts {
            field(&alert.labels.fingerprint().to_string());
            field(&alert.starts_at.as_millis().to_string());
            field(if alert.firing { "firing" } else { "resolved" });
            // The same alert with other words is news.
            field(alert.severity.as_str());
            field(&serde_json::to_string(&alert.evidence).unwrap_or_default());
        }
        format!("alertmanager:{}", hex::encode(&hash.finalize()[..20]))
    }
}

impl External {
    fn of(source: &str, posted: &Posted) -> Self {
        let (labels, severity) = labels_of(source, &posted.labels);
        let evidence = evidence(&labels, posted);
        Self {
            labels,
            severity,
            firing: posted.status == "firing",
            starts_at: instant(posted.starts_at.as_deref()).unwrap_or_default(),
            ends_at: instant(posted.ends_at.as_deref()),
            evidence,
        }
    }

    /// As this version knows it, when an earlier one stored it.
    #[must_use]
    pub fn renewed(mut self) -> Self {
        if self.labels.get(SEVERITY).is_none() {
            self.labels.set(SEVERITY, self.severity.as_str());
        }
        self
    }

    /// What earlier versions called the same alert: by everything but its severity.
    #[must_use]
    pub fn called_before(&self) -> Fingerprint {
        let kept = self.labels.iter().filter(|(name, _)| !matches!(name.as_str(), SEVERITY | EXPORTED_SEVERITY));
        kept.collect::<Labels>().fingerprint()
    }

    /// It waited for its `for` at its sender's, and resolves when that says so.
    #[must_use]
    pub fn signal(&self) -> Signal {
        let condition = if self.firing { Condition::Active(self.evidence.clone()) } else { Condition::Inactive };
        ended(&self.labels, self.severity, condition)
    }
}

/// What an alert without a name is called.
pub(super) const UNNAMED: &str = "Alert";

/// The labels of an alert as we know it, and how bad it is.
pub(super) fn labels_of(source: &str, theirs: &BTreeMap<String, String>) -> (Labels, Severity) {
    let mut labels = Labels::default();
    for (name, value) in theirs {
        match name.as_str() {
            SEVERITY | "source" => {}
            // Grafana's own.
            _ if name.starts_with("__") => {}
            // A database takes no NUL.
            _ => labels.set(name.replace('\0', "\u{fffd}"), value.replace('\0', "\u{fffd}")),
        }
    }
    if let Some(own) = theirs.get("source") {
        severity::set_aside(&mut labels, "source", own);
    }
    if labels.get(ALERTNAME).is_none() {
        labels.set(ALERTNAME, UNNAMED);
    }
    labels.set("source", source);
    let severity = severity::set(&mut labels, theirs.get(SEVERITY).map(String::as_str));
    (labels, severity)
}

fn ended(labels: &Labels, severity: Severity, condition: Condition) -> Signal {
    let none = Span::default();
    Signal { labels: labels.clone(), severity, condition, pending_for: none, keep_firing_for: none }
}

/// An alert that nobody has spoken of for too long.
#[must_use]
pub fn silent(labels: &Labels, severity: Severity) -> Signal {
    ended(labels, severity, Condition::Inactive)
}

fn evidence(labels: &Labels, posted: &Posted) -> Evidence {
    let note = |name: &str| posted.annotations.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let description = note("description").or_else(|| note("message"));
    let summary = note("summary").or_else(|| description.and_then(|text| text.lines().next()));
    let summary = summary.map_or_else(|| labels.get(ALERTNAME).unwrap_or_default().to_owned(), str::to_owned);
    let detail = |text: &str| Detail { title: "Description".to_owned(), text: text.to_owned() };
    let details = description.filter(|text| *text != summary).map(detail).into_iter().collect();
    let link = |label: &str, url: &str| Link { label: label.to_owned(), url: url.to_owned() };
    let urls = [
        ("Runbook", note("runbook_url").or_else(|| note("runbook"))),
        // The panel is part of the dashboard, and shows what the alert is about.
        if posted.panel_url.is_empty() {
            ("Dashboard", note("dashboard_url").or(Some(posted.dashboard_url.as_str())))
        } else {
            ("Panel", Some(posted.panel_url.as_str()))
        },
        ("Silence", Some(posted.silence_url.as_str())),
        ("Source", Some(posted.generator_url.as_str())),
    ];
    let web = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let links = urls.into_iter().filter_map(|(label, url)| Some(link(label, url.filter(web)?))).collect();
    Evidence { summary, value: values(posted), details, links, ..Evidence::default() }
}

fn left_out(alerts: u64) -> Detail {
    let text = format!("{alerts} more of this notification; see max_alerts in Alertmanager");
    Detail { title: "Left out".to_owned(), text }
}

/// Grafana tells what it measured: `A = 95`.
fn values(posted: &Posted) -> String {
    let values = posted.values.iter().flatten();
    let values = values.map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ");
    if values.is_empty() { posted.value_string.trim().to_owned() } else { values }
}

/// RFC 3339; the year 1 means "not yet".
fn instant(text: Option<&str>) -> Option<Timestamp> {
    let at: jiff::Timestamp = text?.parse().ok()?;
    let millis = at.as_millisecond();
    (millis > 0).then(|| Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Alertmanager 0.25 posts it.
    const FIRING: &str = r#"{"receiver":"watchkeeper","status":"firing","alerts":[{"status":"firing","labels":{
        "alertname":"KubePodCrashLooping","namespace":"feeds","pod":"publisher-0","severity":"page","source":"kubelet"},
        "annotations":{"description":"Pod feeds/publisher-0 is restarting","summary":"Pod is crash looping.",
        "runbook_url":"https://runbooks.example.com/crash"},"startsAt":"2026-11-24T12:00:00.123456789Z",
        "endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus:9090/graph?g0.expr=up","fingerprint":"6f1d"}],
        "groupLabels":{"alertname":"KubePodCrashLooping"},"commonLabels":{},"commonAnnotations":{},
        "externalURL":"http://alertmanager:9093","version":"4","groupKey":"{}:{alertname=\"KubePodCrashLooping\"}",
        "truncatedAlerts":0}"#;

    fn read(text: &str) -> Notification {
        Notification::read("cluster-a", text.as_bytes()).unwrap()
    }

    #[test]
    fn an_alert_keeps_its_labels_and_says_where_it_comes_from() {
        let notification = read(FIRING);
        let [alert] = &notification.alerts[..] else { panic!("{notification:?}") };
        let expected: Labels = [
            (ALERTNAME, "KubePodCrashLooping"),
            ("namespace", "feeds"),
            ("pod", "publisher-0"),
            ("exported_source", "kubelet"),
            ("source", "cluster-a"),
            (SEVERITY, "critical"),
            (EXPORTED_SEVERITY, "page"),
        ]
        .into_iter()
        .collect();
        assert_eq!((&alert.labels, alert.severity, alert.ends_at), (&expected, Severity::Critical, None));
        let Evidence { summary, details, links, .. } = &alert.evidence;
        assert_eq!(summary, "Pod is crash looping.");
        assert_eq!(details[0].text, "Pod feeds/publisher-0 is restarting");
        assert_eq!(links.iter().map(|link| link.label.as_str()).collect::<Vec<_>>(), ["Runbook", "Source"]);
    }

    #[test]
    fn grafana_tells_values_and_a_dashboard_and_keeps_its_private_labels() {
        let grafana = r#"{"receiver":"wk","status":"firing","orgId":1,"version":"1","state":"alerting","alerts":[{
            "status":"firing","labels":{"alertname":"Lag","grafana_folder":"Feeds","__alert_rule_uid__":"x"},
            "annotations":{"message":"Lag is high\non sol"},"startsAt":"2026-11-24T12:00:00Z",
            "endsAt":"0001-01-01T00:00:00Z","values":{"A":95,"C":1},"dashboardURL":"https://grafana.example.com/d/1",
            "generatorURL":"?","silenceURL":"https://grafana.example.com/s"}]}"#;
        let alert = &read(grafana).alerts[0];
        let labels = r#"{alertname="Lag", grafana_folder="Feeds", severity="warning", source="cluster-a"}"#;
        assert_eq!(alert.labels.to_string(), labels);
        assert_eq!((alert.evidence.summary.as_str(), alert.evidence.value.as_str()), ("Lag is high", "A = 95, C = 1"));
        let links = |alert: &External| -> Vec<_> {
            alert.evidence.links.iter().map(|link| format!("{} {}", link.label, link.url)).collect()
        };
        let silence = "Silence https://grafana.example.com/s";
        assert_eq!(links(alert), ["Dashboard https://grafana.example.com/d/1", silence]);
        let panel = "https://grafana.example.com/d/1?viewPanel=2";
        let with_panel = grafana.replace(r#""generatorURL":"?""#, &format!(r#""panelURL":"{panel}""#));
        assert_eq!(links(&read(&with_panel).alerts[0]), [format!("Panel {panel}").as_str(), silence]);
        let words =
            grafana.replace(r#""values":{"A":95,"C":1}"#, r#""values":null,"valueString":"[ var='A' value=95 ]""#);
        assert_eq!(read(&words).alerts[0].evidence.value, "[ var='A' value=95 ]");
    }

    #[test]
    fn the_same_news_have_the_same_key_and_other_news_another() {
        let firing = read(FIRING);
        assert_eq!(firing.key(), read(&FIRING.replace("\"6f1d\"", "\"other\"")).key());
        let others = [
            FIRING.replace("\"status\":\"firing\",\"labels\"", "\"status\":\"resolved\",\"labels\""),
            FIRING.replace("12:00:00.123456789Z", "13:00:00Z"),
            FIRING.replace("Pod is crash looping.", "Pod is crash looping again."),
            FIRING.replace("publisher-0\"", "publisher-1\""),
        ];
        for other in others {
            assert_ne!(firing.key(), read(&other).key(), "{other}");
        }
    }

    #[test]
    fn what_is_no_notification_says_so() {
        for (body, said) in [("{}", "missing field `alerts`"), ("[", "Alertmanager"), (r#"{"alerts":[]}"#, "no alert")]
        {
            let error = Notification::read("a", body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn two_that_differ_in_their_severity_alone_are_two_whatever_the_words() {
        let of = |word: &str| read(&FIRING.replace("\"page\"", &format!("\"{word}\""))).alerts.remove(0);
        let words = ["page", "critical", "warning", "error", "Warning"];
        let fingerprints: std::collections::BTreeSet<_> =
            words.iter().map(|word| of(word).labels.fingerprint()).collect();
        assert_eq!(fingerprints.len(), words.len());
        let (page, warning) = (of("page"), of("warning"));
        assert_eq!(page.called_before(), warning.called_before());
        let stored = External {
            labels: warning.labels.iter().filter(|(name, _)| *name != SEVERITY).collect(),
            ..warning.clone()
        };
        assert_eq!(stored.labels.fingerprint(), warning.called_before());
        assert_eq!(stored.renewed(), warning);
    }
}
