//! What can be made to go wrong: calls that fail in every way a real network knows, deliveries late, twice or not at all.

use std::time::Duration;

/// The switches, set from a test by `workspace.faults(|f| ..)`.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    calls: Vec<CallFault>,
    /// Nothing reaches the app.
    pub deliveries_down: bool,
    /// Every delivery is sent this many more times.
    pub duplicates: u32,
    /// Events claim to have happened this long ago.
    pub lateness: Duration,
    /// The socket is cut right after each of the next so many envelopes, before its ack is read.
    pub cut_sockets: u32,
    /// Answer 429 when an app calls faster than its tier allows.
    pub rate_limits: bool,
}

/// How a Web API call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 429 with this `Retry-After`, in seconds; nothing happens.
    RateLimited { retry_after: u64 },
    /// This HTTP status; nothing happens.
    Status(u16),
    /// `{"ok":false,"error":..}`; nothing happens.
    Error(String),
    /// No answer until the caller hangs up; nothing happens.
    Hang,
    /// The call takes effect, and the answer is this HTTP status.
    AcceptedThen(u16),
    /// The call takes effect, and no answer comes until the caller hangs up.
    AcceptedThenHang,
    /// 200 with a body that is no JSON; nothing happens.
    Garbage,
}

#[derive(Clone, Debug)]
struct CallFault {
    method: String,
    remaining: u32,
    failure: Failure,
}

impl Faults {
    pub(super) fn new(rate_limits: bool) -> Self {
        Self { rate_limits, ..Self::default() }
    }

    /// The next `count` calls of `method` (`*` for any) fail in this way. Faults set earlier come first.
    pub fn next(&mut self, method: &str, count: u32, failure: Failure) -> &mut Self {
        self.calls.push(CallFault { method: method.to_owned(), remaining: count, failure });
        self
    }

    /// Calls go through again; deliveries are not touched.
    pub fn clear_calls(&mut self) {
        self.calls.clear();
    }

    pub(super) fn take(&mut self, method: &str) -> Option<Failure> {
        let at = self.calls.iter().position(|f| f.method == "*" || f.method == method)?;
        let fault = self.calls.get_mut(at)?;
        let failure = fault.failure.clone();
        fault.remaining = fault.remaining.saturating_sub(1);
        if fault.remaining == 0 {
            self.calls.remove(at);
        }
        Some(failure)
    }

    pub(super) fn take_cut(&mut self) -> bool {
        let cut = self.cut_sockets > 0;
        self.cut_sockets = self.cut_sockets.saturating_sub(1);
        cut
    }
}
