//! The vote: what endpoints say becomes readings when enough of them agree, and who contradicts them is named.
//!
//! With several endpoints more than half of those configured must agree. Endpoints answer from different positions, so two
//! amounts agree when they are equal, or when positions differ and the amounts are close: an account that spends all the
//! time is never seen twice alike. With one endpoint nothing can be compared; then a sudden zero has to be said twice.

use std::collections::BTreeMap;

use super::round::Contradiction;
use super::{Account, Amount, Answer, Balance, ChainKind, EndpointVerdict, Reading, Refusal, Round, RoundOutcome, Why};
use crate::core::ids::AccountKey;
use crate::core::time::Timestamp;

/// How far answers may lie apart and still agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// An answer more positions than this behind the others counts for nothing.
    pub positions: u64,
    /// Of amounts at different positions, as a share of the larger, in basis points.
    pub bps: u32,
}

impl Tolerance {
    /// A minute or two of the chain's own pace, and one percent.
    #[must_use]
    pub const fn usual(kind: ChainKind) -> Self {
        let positions = match kind {
            ChainKind::Solana | ChainKind::Near => 150,
            // Blocks come every 12 s on Ethereum and every 0.1 s on some of the others.
            ChainKind::Evm => 60,
            // Ledger versions count transactions.
            ChainKind::Aptos => 100_000,
            ChainKind::Sui => 400,
            ChainKind::Cosmos => 30,
        };
        Self { positions, bps: 100 }
    }
}

/// An older position is taken for a bad answer this many rounds running; then the chain itself must have gone back.
const REWOUND_AFTER: u8 = 5;

/// What is known of a chain's accounts, against which the next round is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    known: BTreeMap<AccountKey, Known>,
    /// Last round's claims from positions nobody else had reached, by endpoint.
    claims: BTreeMap<AccountKey, Vec<(String, Balance)>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    reading: Reading,
    /// A single endpoint said zero in the last round.
    said_zero: bool,
    /// Rounds running in which all was older than the reading.
    older: u8,
}

/// An answer for one account that counts.
#[derive(Clone, Copy, Debug)]
struct Vote<'a> {
    endpoint: &'a str,
    balance: Balance,
}

impl Book {
    /// From the last readings that were kept, after a restart.
    #[must_use]
    pub fn resume(readings: impl IntoIterator<Item = Reading>) -> Self {
        let known = |reading: Reading| (reading.account.clone(), Known { reading, said_zero: false, older: 0 });
        Self { known: readings.into_iter().map(known).collect(), claims: BTreeMap::new() }
    }

    /// The newest position an accepted reading is from: nodes that have not reached it need not be asked.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        self.known.values().map(|known| known.reading.position).max()
    }

    /// Judges a round. `answers` holds one entry for each configured endpoint, whatever came of asking it.
    #[must_use]
    pub fn judge(
        mut self,
        tolerance: Tolerance,
        accounts: &[Account],
        answers: &[Answer],
        now: Timestamp,
    ) -> (Self, Round) {
        let needed = answers.len() / 2 + 1;
        let mut round = Round::default();
        let front = front(answers);
        for Answer { endpoint, said } in answers {
            let verdict = match said {
                Err(Refusal::WrongChain { expected, found }) => {
                    EndpointVerdict::WrongChain { expected: expected.clone(), found: found.clone() }
                }
                Err(Refusal::Failed(error)) => EndpointVerdict::Failed { error: error.clone() },
                Ok(said) => match newest(said.values()).and_then(|at| lag(at, front, tolerance)) {
                    Some(by) => EndpointVerdict::Lagging { by },
                    None => EndpointVerdict::Agreed,
                },
            };
            round.endpoints.insert(endpoint.clone(), verdict);
        }
        for Account { key, .. } in accounts {
            let ballot = Ballot { key, needed, tolerance, front, answers };
            let outcome = self.count(&ballot, &mut round.endpoints, now);
            round.accounts.insert(key.clone(), outcome);
        }
        // Accounts that are no longer asked for are forgotten.
        self.known.retain(|key, _| round.accounts.contains_key(key));
        self.claims.retain(|key, _| round.accounts.contains_key(key));
        (self, round)
    }

    fn count(
        &mut self,
        ballot: &Ballot<'_>,
        verdicts: &mut BTreeMap<String, EndpointVerdict>,
        now: Timestamp,
    ) -> RoundOutcome {
        let key = ballot.key;
        let votes = ballot.votes();
        let claims = self.claims.remove(key).unwrap_or_default();
        if votes.len() < ballot.needed {
            return ballot.too_few(votes.len());
        }
        let Some((amount, supporters)) = ballot.winner(&votes) else {
            let endpoints = votes.iter().map(|vote| vote.endpoint.to_owned()).collect();
            return RoundOutcome::Unreliable { why: Why::Disagree { needed: ballot.needed }, endpoints };
        };
        let position = nth_highest(supporters.iter().map(|vote| vote.balance.position), ballot.needed);
        let before = self.known.get(key).map(|known| known.reading.clone());
        if let Some(before) = before.as_ref().filter(|before| position < before.position)
            && let Some(known) = self.known.get_mut(key)
            && known.older < REWOUND_AFTER
        {
            known.older += 1;
            let why = Why::OldPosition { position, known: before.position };
            return RoundOutcome::Unreliable { why, endpoints: names(&supporters) };
        }
        let reading = Reading { account: key.clone(), amount, position, observed_at: now };
        let suspicious = ballot.answers.len() == 1
            && amount.is_zero()
            && self.known.get(key).is_some_and(|known| !known.reading.amount.is_zero() && !known.said_zero);
        if suspicious && let Some(known) = self.known.get_mut(key) {
            known.said_zero = true;
            return RoundOutcome::Unreliable { why: Why::ZeroUnconfirmed, endpoints: names(&supporters) };
        }
        let span = Span::new(before.as_ref(), &reading, &supporters, ballot);
        for vote in votes.iter().filter(|vote| !supporters.iter().any(|other| other.endpoint == vote.endpoint)) {
            if span.contradicts(vote.balance) {
                span.expose(verdicts, vote.endpoint, vote.balance);
            } else if vote.balance.position > position {
                self.claims.entry(key.clone()).or_default().push((vote.endpoint.to_owned(), vote.balance));
            }
        }
        for (endpoint, claim) in claims.iter().filter(|(_, claim)| claim.position <= position) {
            if span.contradicts(*claim) {
                span.expose(verdicts, endpoint, *claim);
            }
        }
        self.known.insert(key.clone(), Known { reading: reading.clone(), said_zero: false, older: 0 });
        RoundOutcome::Ok(reading)
    }
}

/// What is needed to count one account's votes.
struct Ballot<'a> {
    key: &'a AccountKey,
    needed: usize,
    tolerance: Tolerance,
    front: u64,
    answers: &'a [Answer],
}

impl<'a> Ballot<'a> {
    /// Usable answers from positions that are not too old.
    fn votes(&self) -> Vec<Vote<'a>> {
        let vote = |answer: &'a Answer| {
            let balance = *answer.said.as_ref().ok()?.get(self.key)?.as_ref().ok()?;
            let fresh = lag(balance.position, self.front, self.tolerance).is_none();
            fresh.then_some(Vote { endpoint: &answer.endpoint, balance })
        };
        self.answers.iter().filter_map(vote).collect()
    }

    fn too_few(&self, answered: usize) -> RoundOutcome {
        let said = |answer: &'a Answer| answer.said.as_ref().ok().and_then(|said| said.get(self.key));
        let errors: Vec<_> = self.answers.iter().filter_map(|answer| said(answer)?.as_ref().err()).collect();
        let unusable = |answer: &&Answer| !self.votes().iter().any(|vote| vote.endpoint == answer.endpoint);
        let endpoints = self.answers.iter().filter(unusable).map(|answer| answer.endpoint.clone()).collect();
        let why = match errors.first() {
            Some(error) if errors.len() >= self.needed => Why::Unreadable { error: (*error).clone() },
            _ => Why::TooFew { answered, needed: self.needed },
        };
        RoundOutcome::Unreliable { why, endpoints }
    }

    /// The amount that enough agree upon, and who does: the best supported, of those the newest.
    fn winner(&self, votes: &[Vote<'a>]) -> Option<(Amount, Vec<Vote<'a>>)> {
        let supporters = |candidate: &Vote<'a>| -> Vec<Vote<'a>> {
            let agrees = |vote: &&Vote<'a>| agree(candidate.balance, vote.balance, self.tolerance);
            votes.iter().filter(agrees).copied().collect()
        };
        let equal =
            |candidate: &Vote<'a>| votes.iter().filter(|v| v.balance.amount == candidate.balance.amount).count();
        votes
            .iter()
            .map(|candidate| (candidate, supporters(candidate)))
            .filter(|(_, supporters)| supporters.len() >= self.needed)
            .max_by_key(|(candidate, supporters)| (supporters.len(), equal(candidate), candidate.balance.position))
            .map(|(candidate, supporters)| (candidate.balance.amount, supporters))
    }
}

fn agree(a: Balance, b: Balance, tolerance: Tolerance) -> bool {
    a.amount == b.amount || a.position != b.position && near(a.amount, b.amount, tolerance)
}

/// Whether two amounts are so close that spending between two positions explains it. Nothing is never near something.
fn near(a: Amount, b: Amount, tolerance: Tolerance) -> bool {
    let (less, more) = (a.min(b), a.max(b));
    let Some(apart) = more.distance(less) else { return false };
    !less.is_zero() && apart.units() <= share(more.units(), tolerance.bps)
}

fn share(units: u128, bps: u32) -> u128 {
    let bps = u128::from(bps.min(10_000));
    units / 10_000 * bps + units % 10_000 * bps / 10_000
}

/// An account from the reading before to the one now, against which strange claims are held.
struct Span<'a> {
    before: Option<&'a Reading>,
    now: &'a Reading,
    witnesses: Vec<Balance>,
    /// Enough said exactly the same. If not, they are only close to each other, one of them may itself be a little off,
    /// and nobody is accused of less than half or double.
    exact: bool,
    tolerance: Tolerance,
}

impl<'a> Span<'a> {
    fn new(
        before: Option<&'a Reading>,
        now: &'a Reading,
        supporters: &[Vote<'_>],
        Ballot { needed, tolerance, .. }: &Ballot<'_>,
    ) -> Self {
        let same: Vec<_> = supporters.iter().map(|v| v.balance).filter(|b| b.amount == now.amount).collect();
        let exact = same.len() >= *needed;
        let witnesses = if exact { same } else { supporters.iter().map(|v| v.balance).collect() };
        Self { before, now, witnesses, exact, tolerance: *tolerance }
    }

    /// Whether a claim cannot be true beside what the others say: at a position they speak of too it says something
    /// else, or between two known positions it leaves the range between their amounts.
    fn contradicts(&self, claim: Balance) -> bool {
        let at = |balance: &&Balance| balance.position == claim.position;
        if let Some(witness) = self.witnesses.iter().find(at) {
            return witness.amount != claim.amount && (self.exact || !comparable(witness.amount, claim.amount));
        }
        let earlier = self.witnesses.iter().filter(|b| b.position < claim.position).max_by_key(|b| b.position);
        let earlier = earlier
            .map(|balance| balance.amount)
            .or_else(|| self.before.filter(|before| before.position <= claim.position).map(|before| before.amount));
        let later = self.witnesses.iter().filter(|b| b.position > claim.position).min_by_key(|b| b.position);
        let (Some(earlier), Some(later)) = (earlier, later.map(|balance| balance.amount)) else { return false };
        let (low, high) = (earlier.min(later), earlier.max(later));
        let explained = |bound| {
            if self.exact { near(claim.amount, bound, self.tolerance) } else { comparable(claim.amount, bound) }
        };
        !(low <= claim.amount && claim.amount <= high || explained(low) || explained(high))
    }

    fn expose(&self, verdicts: &mut BTreeMap<String, EndpointVerdict>, endpoint: &str, said: Balance) {
        let others = Balance { amount: self.now.amount, position: self.now.position };
        let said = Contradiction { account: self.now.account.clone(), said, others };
        if let Some(verdict @ (EndpointVerdict::Agreed | EndpointVerdict::Lagging { .. })) = verdicts.get_mut(endpoint)
        {
            *verdict = EndpointVerdict::Lying { said };
        }
    }
}

/// Neither is more than double the other.
fn comparable(a: Amount, b: Amount) -> bool {
    a.max(b).units() / 2 <= a.min(b).units()
}

fn names(votes: &[Vote<'_>]) -> Vec<String> {
    votes.iter().map(|vote| vote.endpoint.to_owned()).collect()
}

fn newest<'a>(said: impl Iterator<Item = &'a Result<Balance, String>>) -> Option<u64> {
    said.filter_map(|said| said.as_ref().ok()).map(|balance| balance.position).max()
}

/// The position that more than half of those that answered have reached, so that one invented position makes nobody look
/// late. Of two the higher one: a node that lags is common, one that invents positions is not.
fn front(answers: &[Answer]) -> u64 {
    let reached: Vec<_> = answers.iter().filter_map(|a| newest(a.said.as_ref().ok()?.values())).collect();
    let majority = if reached.len() <= 2 { 1 } else { reached.len() / 2 + 1 };
    nth_highest(reached.into_iter(), majority)
}

/// How far behind, when it is too far.
fn lag(position: u64, front: u64, tolerance: Tolerance) -> Option<u64> {
    front.checked_sub(position).filter(|behind| *behind > tolerance.positions)
}

fn nth_highest(positions: impl Iterator<Item = u64>, n: usize) -> u64 {
    let mut positions: Vec<_> = positions.collect();
    positions.sort_unstable_by(|a, b| b.cmp(a));
    positions.get(n.saturating_sub(1)).or(positions.last()).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
