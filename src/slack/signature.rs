//! Proof that a request comes from Slack: HMAC-SHA256 over the exact bytes, and not older than five minutes.
//!
//! Source: <https://docs.slack.dev/authentication/verifying-requests-from-slack>.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::core::time::Timestamp;

pub const SIGNATURE_HEADER: &str = "x-slack-signature";
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";

/// Slack's own window against replays; also how far ahead of ours Slack's clock may be.
const WINDOW_SECS: i64 = 300;

/// Why a request was not taken for Slack's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("header {0} is missing; is this request from Slack?")]
    Missing(&'static str),
    #[error("header {0} is not in Slack's form")]
    Malformed(&'static str),
    #[error("signed {0} s ago, limit {WINDOW_SECS} s: a replay, or this machine's clock is ahead")]
    Stale(i64),
    #[error("signed {0} s in the future, limit {WINDOW_SECS} s: this machine's clock is behind")]
    Future(i64),
    #[error("signature does not match; compare the signing secret with the app's Basic Information page")]
    Forged,
}

/// When a request says it was signed, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    timestamp: &'a str,
    digest: Vec<u8>,
}

impl<'a> Claim<'a> {
    /// What the headers alone tell, before anything of the body is read; or why it cannot be Slack's.
    pub fn of(headers: &'a HeaderMap, now: Timestamp) -> Result<Self, Refusal> {
        let timestamp = header(headers, TIMESTAMP_HEADER)?;
        let signature = header(headers, SIGNATURE_HEADER)?;
        let signed_at: i64 = timestamp.parse().map_err(|_| Refusal::Malformed(TIMESTAMP_HEADER))?;
        let age = now.as_secs().saturating_sub(signed_at);
        if age > WINDOW_SECS {
            return Err(Refusal::Stale(age));
        }
        if age < -WINDOW_SECS {
            return Err(Refusal::Future(age.saturating_neg()));
        }
        let digest = signature.strip_prefix("v0=").and_then(|text| hex::decode(text).ok());
        let digest = digest.ok_or(Refusal::Malformed(SIGNATURE_HEADER))?;
        Ok(Self { timestamp, digest })
    }
}

/// An empty key would let anyone sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Slack signing secret is empty; copy it from the app's Basic Information page")]
pub struct EmptySecret;

/// Checks signatures with one app's signing secret.
#[derive(Clone)]
pub struct Verifier {
    keyed: Hmac<Sha256>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    pub fn new(secret: &SecretString) -> Result<Self, EmptySecret> {
        let secret = secret.expose_secret().trim();
        if secret.is_empty() {
            return Err(EmptySecret);
        }
        let keyed = Hmac::new_from_slice(secret.as_bytes()).map_err(|_| EmptySecret)?;
        Ok(Self { keyed })
    }

    /// Checks the raw `body`, before anything parses it, against what the headers claim of it.
    pub fn verify(&self, claim: &Claim, body: &[u8]) -> Result<(), Refusal> {
        self.keyed_over(claim.timestamp, body).verify_slice(&claim.digest).map_err(|_| Refusal::Forged)
    }

    /// The signature Slack would send with `body` at `signed_at`, `v0=…`.
    #[must_use]
    pub fn sign(&self, signed_at: Timestamp, body: &[u8]) -> String {
        let mac = self.keyed_over(&signed_at.as_secs().to_string(), body);
        format!("v0={}", hex::encode(mac.finalize().into_bytes()))
    }

    fn keyed_over(&self, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(b"v0:");
        mac.update(timestamp.as_bytes());
        mac.update(b":");
        mac.update(body);
        mac
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    let value = headers.get(name).ok_or(Refusal::Missing(name))?;
    value.to_str().map_err(|_| Refusal::Malformed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of Slack's documentation page.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const SIGNED_AT: i64 = 1_531_420_618;

    fn headers(timestamp: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TIMESTAMP_HEADER, timestamp.parse().unwrap());
        headers.insert(SIGNATURE_HEADER, signature.parse().unwrap());
        headers
    }

    fn verify_at(now: i64, timestamp: &str, signature: &str, body: &[u8]) -> Result<(), Refusal> {
        let verifier = Verifier::new(&SecretString::from(SECRET)).unwrap();
        verifier.verify(&Claim::of(&headers(timestamp, signature), Timestamp::from_secs(now))?, body)
    }

    #[test]
    fn the_documented_example_is_slacks_and_signs_the_same() {
        assert_eq!(verify_at(SIGNED_AT, "1531420618", SIGNATURE, BODY), Ok(()));
        let verifier = Verifier::new(&SecretString::from(SECRET)).unwrap();
        assert_eq!(verifier.sign(Timestamp::from_secs(SIGNED_AT), BODY), SIGNATURE);
    }

    #[test]
    fn the_window_is_five_minutes_both_ways() {
        let at = |now| verify_at(now, "1531420618", SIGNATURE, BODY);
        assert_eq!(at(SIGNED_AT + 300), Ok(()));
        assert_eq!(at(SIGNED_AT - 300), Ok(()));
        assert_eq!(at(SIGNED_AT + 301), Err(Refusal::Stale(301)));
        assert_eq!(at(SIGNED_AT - 301), Err(Refusal::Future(301)));
    }

    #[test]
    fn one_changed_byte_anywhere_is_forged() {
        let mut body = BODY.to_vec();
        body[10] ^= 1;
        assert_eq!(verify_at(SIGNED_AT, "1531420618", SIGNATURE, &body), Err(Refusal::Forged));
        assert_eq!(verify_at(SIGNED_AT, "1531420619", SIGNATURE, BODY), Err(Refusal::Forged));
        let shorter = &SIGNATURE[..SIGNATURE.len() - 2];
        assert_eq!(verify_at(SIGNED_AT, "1531420618", shorter, BODY), Err(Refusal::Forged));
    }

    #[test]
    fn headers_that_slack_would_not_send_are_named() {
        let nothing = Claim::of(&HeaderMap::new(), Timestamp::from_secs(SIGNED_AT)).map(drop);
        assert_eq!(nothing, Err(Refusal::Missing(TIMESTAMP_HEADER)));
        for timestamp in ["", "soon", "15314206180000000000000", "-9223372036854775808"] {
            assert!(verify_at(SIGNED_AT, timestamp, SIGNATURE, BODY).is_err(), "{timestamp}");
        }
        for signature in ["", "v0=", "v0=zz", "v1=a2", "a2114d57"] {
            assert!(verify_at(SIGNED_AT, "1531420618", signature, BODY).is_err(), "{signature}");
        }
    }

    #[test]
    fn an_empty_secret_is_refused_at_the_start() {
        assert_eq!(Verifier::new(&SecretString::from("")).err(), Some(EmptySecret));
        assert_eq!(Verifier::new(&SecretString::from(" \n")).err(), Some(EmptySecret));
    }

    #[test]
    fn a_verifier_does_not_show_its_key() {
        assert_eq!(format!("{:?}", Verifier::new(&SecretString::from(SECRET)).unwrap()), "Verifier");
    }
}
