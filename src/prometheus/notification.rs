//! What Alertmanager (webhook version 4) and Grafana's alerting post: alerts with labels and annotations, firing or resolved.
//! Source: Alertmanager documentation, "webhook_config"; Grafana documentation, "Configure webhook notifications".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::label::{ALERTNAME, Labels, SEVERITY};
use crate::core::severity::Severity;
use crate::core::signal::{Condition, Detail, Evidence, Link, Signal};
use crate::core::time::{Span, Timestamp};

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
    /// With `source`, without the severity.
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
    /// Grafana's.
    #[serde(default, rename = "dashboardURL")]
    dashboard_url: String,
    /// Grafana's: every value the rule looked at.
    #[serde(default)]
    values: Option<BTreeMap<String, serde_json::Value>>,
}

impl Notification {
    /// # Errors
    /// When the body can never be understood.
    pub fn read(source: &str, body: &[u8]) -> Result<Self, Malformed> {
        let body: Body = serde_json::from_slice(body).map_err(|error| Malformed::Shape(error.to_string()))?;
        if body.alerts.is_empty() {
            return Err(Malformed::Empty);
        }
        let alerts = body.alerts.iter().map(|posted| External::of(source, posted)).collect();
        let (group_key, truncated) = (body.group_key, body.truncated_alerts);
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
        let mut labels = Labels::default();
        let mut severity = Severity::Warning;
        for (name, value) in &posted.labels {
            match name.as_str() {
                // It may change while the alert stays the same.
                SEVERITY => severity = severity_of(value),
                // Grafana's own.
                _ if name.starts_with("__") => {}
                // As Prometheus does when a label is its own.
                "source" => labels.set("exported_source", value),
                _ => labels.set(name, value),
            }
        }
        if labels.get(ALERTNAME).is_none() {
            labels.set(ALERTNAME, "Alert");
        }
        labels.set("source", source);
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

    /// It waited for its `for` at its sender's, and resolves when that says so.
    #[must_use]
    pub fn signal(&self) -> Signal {
        let condition = if self.firing { Condition::Active(self.evidence.clone()) } else { Condition::Inactive };
        ended(&self.labels, self.severity, condition)
    }
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

/// People write many words for three levels; what is none of them is a warning, which is told and pages nobody at night.
fn severity_of(word: &str) -> Severity {
    match word.to_lowercase().as_str() {
        "critical" | "crit" | "page" | "emergency" | "fatal" | "disaster" | "p1" | "sev1" => Severity::Critical,
        "info" | "information" | "informational" | "notice" | "debug" | "none" | "ok" => Severity::Info,
        _ => Severity::Warning,
    }
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
        ("Dashboard", note("dashboard_url").or(Some(posted.dashboard_url.as_str()))),
        ("Source", Some(posted.generator_url.as_str())),
    ];
    let web = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let links = urls.into_iter().filter_map(|(label, url)| Some(link(label, url.filter(web)?))).collect();
    Evidence { summary, value: values(posted), details, links, ..Evidence::default() }
}

/// Grafana tells what it measured: `A = 95`.
fn values(posted: &Posted) -> String {
    let values = posted.values.iter().flatten();
    values.map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
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
        assert_eq!(alert.labels.to_string(), r#"{alertname="Lag", grafana_folder="Feeds", source="cluster-a"}"#);
        assert_eq!((alert.evidence.summary.as_str(), alert.evidence.value.as_str()), ("Lag is high", "A = 95, C = 1"));
        assert_eq!(alert.evidence.links.len(), 1, "{:?}", alert.evidence.links);
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
    fn many_words_stand_for_three_levels() {
        let levels = ["critical", "PAGE", "warning", "error", "", "info", "none"].map(severity_of);
        let [critical, warning, info] = [Severity::Critical, Severity::Warning, Severity::Info];
        assert_eq!(levels, [critical, critical, warning, warning, warning, info, info]);
    }
}
