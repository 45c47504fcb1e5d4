//! PagerDuty's Events API v2 (<https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>): trigger, acknowledge and
//! resolve of one `dedup_key`.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Action, Event, Pagerduty, cut};
use crate::core::severity::Severity;

pub const DEFAULT_URL: &str = "https://events.pagerduty.com";

/// PagerDuty's own limits, in characters; an event may have 512 KB.
const SUMMARY: usize = 1024;
const DEDUP_KEY: usize = 255;
const DETAIL: usize = 4096;
const DETAILS: usize = 40;
const LINKS: usize = 10;

pub(super) fn request(
    http: &reqwest::Client,
    service: Option<&Pagerduty>,
    event: &Event,
) -> Option<reqwest::RequestBuilder> {
    let Pagerduty { url, routing_key } = service?;
    let url = format!("{}/v2/enqueue", url.as_str().trim_end_matches('/'));
    let mut body = body(event);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("routing_key".to_owned(), json!(routing_key.expose_secret()));
    }
    let bytes = body.to_string();
    Some(http.post(url).header(reqwest::header::CONTENT_TYPE, "application/json").body(bytes))
}

/// Everything but the key.
pub(super) fn body(event: &Event) -> Value {
    let dedup_key = cut(&event.dedup_key, DEDUP_KEY);
    let action = match event.action {
        Action::Trigger => "trigger",
        Action::Acknowledge => "acknowledge",
        Action::Resolve => "resolve",
    };
    let mut body = json!({ "event_action": action, "dedup_key": dedup_key });
    if event.action != Action::Trigger {
        return body;
    }
    let severity = match event.severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    let source = ["symbol", "source", "instance", "namespace"].iter().find_map(|name| event.labels.get(name));
    let mut details: serde_json::Map<String, Value> =
        event.details.iter().take(DETAILS).map(|(name, text)| (cut(name, 200), json!(cut(text, DETAIL)))).collect();
    details.insert("alert".to_owned(), json!(event.number));
    details.insert("labels".to_owned(), json!(cut(&event.labels.to_string(), DETAIL)));
    let summary = cut(&event.summary, SUMMARY);
    body["payload"] = json!({
        "summary": if summary.trim().is_empty() { format!("Alert #{}", event.number) } else { summary },
        "source": cut(source.unwrap_or("watchkeeper"), SUMMARY),
        "severity": severity,
        "timestamp": event.at.to_string(),
        "component": event.labels.get("symbol").map(|symbol| cut(symbol, SUMMARY)),
        "class": event.labels.get(crate::core::label::ALERTNAME).map(|name| cut(name, SUMMARY)),
        "custom_details": details,
    });
    body["client"] = json!("watchkeeper");
    let links = event.links.iter().take(LINKS).map(|link| json!({ "href": link.url, "text": cut(&link.label, 200) }));
    body["links"] = links.collect();
    body
}
