use super::*;

fn event(action: Action) -> Event {
    Event {
        action,
        dedup_key: "01JD0000000000000000000017".to_owned(),
        number: 17,
        summary: "SOL/USD has not updated for 95 s".to_owned(),
        severity: Severity::Critical,
        labels: [("alertname", "FeedStale"), ("symbol", "Crypto.SOL/USD")].into_iter().collect(),
        at: Timestamp::from_secs(1_796_000_000),
        details: BTreeMap::from([("measured".to_owned(), "95 s".to_owned())]),
        links: vec![Link { label: "Runbook".to_owned(), url: "https://example.com/runbook".to_owned() }],
    }
}

#[test]
fn pagerduty_is_told_all_of_a_trigger_and_only_the_key_of_the_rest() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&pagerduty::body(&event(Action::Trigger))).unwrap());
    assert_eq!(
        pagerduty::body(&event(Action::Resolve)),
        serde_json::json!({"event_action": "resolve", "dedup_key": "01JD0000000000000000000017"})
    );
}

#[test]
fn what_is_too_long_for_pagerduty_is_cut_between_characters() {
    let long = "ż".repeat(3000);
    let details = (0..100).map(|n| (format!("{n}{long}"), long.repeat(10))).collect();
    let long = Event { summary: long.clone(), dedup_key: long.clone(), details, ..event(Action::Trigger) };
    let body = pagerduty::body(&long);
    assert!(body["payload"]["summary"].as_str().unwrap().len() <= 1024);
    assert!(body["dedup_key"].as_str().unwrap().len() <= 255);
    assert!(body.to_string().len() < 512 * 1024, "{}", body.to_string().len());
    let empty = pagerduty::body(&Event { summary: " ".to_owned(), ..event(Action::Trigger) });
    assert_eq!(empty["payload"]["summary"], "Alert #17");
}

#[test]
fn a_webhook_is_signed_over_time_and_body() {
    let body = webhook::body(&event(Action::Acknowledge));
    insta::assert_snapshot!(body);
    let at = Timestamp::from_secs(1_796_000_000);
    // printf 'v1:1796000000:{}' | openssl dgst -sha256 -hmac secret
    assert_eq!(
        sign("secret", at, b"{}").unwrap(),
        "v1=a69797ba919f29530f1faeaf0680c067c68e1ff010dfcb8deaf041e5c7974dc0"
    );
    assert_ne!(sign("secret", at.plus(Duration::from_secs(1)), b"{}"), sign("secret", at, b"{}"));
    assert_eq!(sign("", at, b"{}"), None, "an empty secret would let anyone sign");
}

#[tokio::test]
async fn a_name_that_is_not_configured_is_an_error_and_nothing_is_sent() {
    let none = Paging::new(BTreeMap::new(), BTreeMap::new()).unwrap();
    let gone = Service::Pagerduty("feeds".to_owned());
    let sent = none.send(&gone, &event(Action::Trigger), "01J", Timestamp::from_secs(0)).await;
    assert_eq!(sent, Err(PagingError::Unknown));
}
