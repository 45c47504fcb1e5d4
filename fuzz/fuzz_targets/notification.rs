#![no_main]
//! What Alertmanagers and Grafanas post.

use libfuzzer_sys::fuzz_target;
use watchkeeper::prometheus::Notification;

fuzz_target!(|body: &[u8]| {
    if let Ok(notification) = Notification::read("am", body) {
        assert!(!notification.key().is_empty() && !notification.alerts.is_empty());
        for alert in &notification.alerts {
            let _signal = alert.signal();
        }
    }
});
