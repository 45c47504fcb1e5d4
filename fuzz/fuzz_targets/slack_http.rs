#![no_main]
//! A signed body of Slack's, as JSON and as a form: every one gives a delivery with a key, the same for the same bytes.

use libfuzzer_sys::fuzz_target;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use watchkeeper::slack::inbound::parse_http;

fuzz_target!(|body: &[u8]| {
    let mut form = HeaderMap::new();
    form.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    for headers in [HeaderMap::new(), form] {
        let delivery = parse_http(&headers, body);
        assert!(!delivery.key.is_empty());
        assert_eq!(parse_http(&headers, body).key, delivery.key);
    }
});
