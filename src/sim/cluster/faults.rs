//! What can be made to go wrong between the bot and the API server.

use super::refusal::Refusal;

/// How a request goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 429 with `Retry-After` in seconds.
    TooMany { retry_after: u32 },
    /// This HTTP status, with a text for a body as a proxy sends it.
    Status(u16),
    /// 403 as RBAC says it.
    Forbidden,
    /// The connection is cut.
    Disconnect,
    /// No answer until the caller hangs up.
    Hang,
}

/// At which moment the answer to a write is held back for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It has come and is not done.
    Before,
    /// It is done, and nobody hears of it.
    After,
}

#[derive(Clone, Debug)]
struct Fault {
    /// `*` for any.
    plural: String,
    /// Requests that are let through first.
    passes: u32,
    /// For ever when not given.
    remaining: Option<u32>,
    failure: Failure,
}

/// The switches, set from a test by `cluster.faults(|faults| …)`.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
    /// Connections are dropped as they come; open watches break.
    pub outage: bool,
    /// The next write, dry runs left out, is held.
    pub hold: Option<Hold>,
}

impl Faults {
    /// The next `count` requests for `plural` (`pods`, `*`) fail in this way.
    pub fn next(&mut self, plural: &str, count: u32, failure: Failure) {
        self.list.push(Fault { plural: plural.to_owned(), passes: 0, remaining: Some(count), failure });
    }

    /// One request for `plural` fails in this way, after `passes` that do not.
    pub fn skip(&mut self, plural: &str, passes: u32, failure: Failure) {
        self.list.push(Fault { plural: plural.to_owned(), passes, remaining: Some(1), failure });
    }

    /// All requests for `plural` fail in this way until [`Self::clear`].
    pub fn every(&mut self, plural: &str, failure: Failure) {
        self.list.push(Fault { plural: plural.to_owned(), passes: 0, remaining: None, failure });
    }

    pub fn clear(&mut self) {
        self.list.clear();
        self.hold = None;
        self.outage = false;
    }

    pub(super) fn take(&mut self, plural: &str) -> Option<Failure> {
        let at = self.list.iter().position(|it| it.plural == "*" || it.plural == plural)?;
        let fault = self.list.get_mut(at)?;
        if let Some(fewer) = fault.passes.checked_sub(1) {
            fault.passes = fewer;
            return None;
        }
        let failure = fault.failure.clone();
        if let Some(remaining) = &mut fault.remaining {
            *remaining = remaining.saturating_sub(1);
            if *remaining == 0 {
                self.list.remove(at);
            }
        }
        Some(failure)
    }
}

pub(super) fn refusal(code: u16) -> Refusal {
    let reason = match code {
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    Refusal::new(code, reason, "the local cluster was told to fail")
}
