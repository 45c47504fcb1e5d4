//! Everybody's own shifts as a calendar, under an address that only they know. The store holds the address's hash.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::core::audit::Record;
use crate::core::ids::UserId;
use crate::core::oncall::calendar;
use crate::slack::blocks::oncall::{calendar_made, no_calendar};
use crate::store::{StoreError, facts};

use super::super::Flow;
use super::super::act::{Caller, Plan};
use super::super::step::Extra;

/// Facts: the hash of a token, and whose it is; and the other way about.
const TOKEN: &str = "oncall.calendar:";
const TOKEN_OF: &str = "oncall.calendar_of:";
const TOKEN_BYTES: usize = 24;

impl Flow {
    /// A new address; the one before stops working in the same commit.
    pub(super) async fn plan_calendar(&self, caller: &Caller) -> Plan {
        let Some(base) = self.settings().oncall.calendar_url.clone() else { return Plan::Answer(no_calendar()) };
        let before = match facts::get(&self.store, &format!("{TOKEN_OF}{}", caller.user)).await {
            Ok(before) => before,
            Err(error) => {
                tracing::warn!(error = %error, "a calendar's address could not be made");
                return Plan::Answer(crate::slack::blocks::replies::unavailable());
            }
        };
        let Some(token) = token() else { return Plan::Answer(crate::slack::blocks::replies::unavailable()) };
        let hash = hash(&token);
        let record = Record {
            at: self.now(),
            actor: caller.actor(),
            action: "oncall.calendar_address_made".to_owned(),
            subject: format!("user/{}", caller.user),
            detail: "{}".to_owned(),
        };
        let extra = Extra {
            records: vec![record],
            facts: vec![
                (format!("{TOKEN}{hash}"), caller.user.to_string()),
                (format!("{TOKEN_OF}{}", caller.user), hash),
            ],
            forgotten: before.into_iter().map(|before| format!("{TOKEN}{before}")).collect(),
            ..Extra::default()
        };
        let message = calendar_made(&format!("{base}/calendar/{token}.ics"));
        Plan::Record { extra: Box::new(extra), message }
    }

    /// The calendar behind a token; `None` when it is nobody's, or of somebody who has left.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn calendar(&self, token: &str) -> Result<Option<String>, StoreError> {
        if token.len() != TOKEN_BYTES * 2 {
            return Ok(None);
        }
        let Some(user) = facts::get(&self.store, &format!("{TOKEN}{}", hash(token))).await? else { return Ok(None) };
        let (now, user) = (self.now(), UserId::new(user));
        self.look_up_people(BTreeSet::from([user.clone()])).await;
        if self.has_left(&user) {
            return Ok(None);
        }
        let shifts = self.own_shifts(&user, now.minus(super::PAST));
        Ok(Some(calendar("On call", &shifts, now)))
    }
}

/// Drawn from the system's randomness, not from the seed that jitter comes from; `None` when there is none.
fn token() -> Option<String> {
    let mut bytes = [0; TOKEN_BYTES];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).ok()?;
    Some(hex::encode(bytes))
}

fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
