#![no_main]
//! What is answered to the bot's own questions: by Slack, Prometheus and Alertmanager, PagerDuty, GitHub and exchanges.

use libfuzzer_sys::fuzz_target;
use watchkeeper::{ci, feeds, oncall, prometheus, slack};

fuzz_target!(|body: &[u8]| {
    slack::api::read_anything(body);
    prometheus::read_anything(body);
    oncall::pagerduty::read_anything(body);
    ci::read_anything(body);
    feeds::reference::read_anything(body);
});
