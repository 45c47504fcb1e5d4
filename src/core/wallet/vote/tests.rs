use proptest::prelude::*;

use super::*;
use crate::core::wallet::{Address, Asset, ChainKind};

const TOLERANCE: Tolerance = Tolerance { positions: 150, bps: 100 };

fn key() -> AccountKey {
    AccountKey::new("payer")
}

fn accounts() -> Vec<Account> {
    let address = Address::parse(ChainKind::Near, "payer.near").unwrap();
    vec![Account { key: key(), address, asset: Asset::Native }]
}

fn balance(position: u64, units: u128) -> Balance {
    Balance { amount: Amount::new(units, 9).unwrap(), position }
}

fn answer(endpoint: &str, position: u64, units: u128) -> Answer {
    Answer { endpoint: endpoint.to_owned(), said: Ok([(key(), Ok(balance(position, units)))].into()) }
}

fn failed(endpoint: &str) -> Answer {
    Answer { endpoint: endpoint.to_owned(), said: Err(Refusal::Failed("timed out".to_owned())) }
}

/// The units read, or why not, and the verdicts in the order of their names.
fn judge(book: Book, answers: &[Answer]) -> (Book, Result<u128, Why>, Vec<EndpointVerdict>) {
    let (book, round) = book.judge(TOLERANCE, &accounts(), answers, Timestamp::from_secs(60));
    let outcome = match &round.accounts[&key()] {
        RoundOutcome::Ok(reading) => Ok(reading.amount.units()),
        RoundOutcome::Unreliable { why, .. } => Err(why.clone()),
    };
    (book, outcome, round.endpoints.into_values().collect())
}

fn known(position: u64, units: u128) -> Book {
    let Balance { amount, position } = balance(position, units);
    Book::resume([Reading { account: key(), amount, position, observed_at: Timestamp::from_secs(0) }])
}

fn lies(verdict: &EndpointVerdict) -> bool {
    matches!(verdict, EndpointVerdict::Lying { .. })
}

#[test]
fn two_of_three_outvote_a_liar_and_it_is_named() {
    let answers = [answer("a", 100, 5000), answer("b", 100, 0), answer("c", 100, 5000)];
    let (_, outcome, verdicts) = judge(Book::default(), &answers);
    assert_eq!(outcome, Ok(5000));
    let said = Contradiction { account: key(), said: balance(100, 0), others: balance(100, 5000) };
    let liar = EndpointVerdict::Lying { said };
    assert_eq!(verdicts, [EndpointVerdict::Agreed, liar.clone(), EndpointVerdict::Agreed]);
    assert_eq!(liar.to_string(), "says 0 for payer at 100, the others 0.000005");
}

#[test]
fn a_change_between_two_slots_is_no_lie() {
    let answers = [answer("a", 100, 5000), answer("b", 102, 90_000), answer("c", 100, 5000)];
    let (book, outcome, verdicts) = judge(Book::default(), &answers);
    assert_eq!((outcome, verdicts.iter().any(lies)), (Ok(5000), false));
    let answers = [answer("a", 110, 90_000), answer("b", 112, 90_000), answer("c", 111, 90_000)];
    let (_, outcome, verdicts) = judge(book, &answers);
    assert_eq!((outcome, verdicts.iter().any(lies)), (Ok(90_000), false));
}

#[test]
fn a_claim_ahead_of_everybody_is_checked_when_the_others_get_there() {
    let answers = [answer("a", 100, 5000), answer("b", 105, 0), answer("c", 100, 5000)];
    let (book, outcome, verdicts) = judge(Book::default(), &answers);
    assert_eq!((outcome, verdicts.iter().any(lies)), (Ok(5000), false));
    let answers = [answer("a", 110, 5000), answer("b", 115, 0), answer("c", 110, 5000)];
    let (_, outcome, verdicts) = judge(book, &answers);
    assert_eq!((outcome, lies(&verdicts[1])), (Ok(5000), true));
}

#[test]
fn an_account_that_spends_all_the_time_is_read_within_the_tolerance() {
    let answers = [answer("a", 100, 10_000), answer("b", 101, 9_990), answer("c", 102, 9_980)];
    let (_, outcome, verdicts) = judge(Book::default(), &answers);
    assert_eq!(outcome, Ok(9_980));
    assert_eq!(verdicts, vec![EndpointVerdict::Agreed; 3]);
    let same_slot = [answer("a", 100, 10_000), answer("b", 100, 9_990), answer("c", 100, 9_980)];
    assert_eq!(judge(Book::default(), &same_slot).1, Err(Why::Disagree { needed: 2 }));
}

#[test]
fn an_endpoint_far_behind_counts_for_nothing_and_is_named() {
    let answers = [answer("a", 1000, 5000), answer("b", 700, 9000), answer("c", 1001, 5000)];
    let (_, outcome, verdicts) = judge(Book::default(), &answers);
    assert_eq!(outcome, Ok(5000));
    assert_eq!(verdicts[1], EndpointVerdict::Lagging { by: 300 });
}

#[test]
fn one_invented_position_makes_nobody_look_late() {
    let answers = [answer("a", 1000, 5000), answer("b", u64::MAX, 5000), answer("c", 1001, 5000)];
    let (book, outcome, verdicts) = judge(Book::default(), &answers);
    assert_eq!((outcome, verdicts), (Ok(5000), vec![EndpointVerdict::Agreed; 3]));
    assert_eq!(book.position(), Some(1001));
}

#[test]
fn too_few_answers_are_unreliable_which_is_not_low() {
    let (book, outcome, verdicts) = judge(known(90, 5000), &[answer("a", 100, 0), failed("b"), failed("c")]);
    assert_eq!(outcome, Err(Why::TooFew { answered: 1, needed: 2 }));
    assert_eq!(verdicts[1], EndpointVerdict::Failed { error: "timed out".to_owned() });
    assert_eq!(book.position(), Some(90));
    let refusal = Refusal::WrongChain { expected: "1".to_owned(), found: "5".to_owned() };
    let foreign = Answer { endpoint: "b".to_owned(), said: Err(refusal) };
    let answers = [answer("a", 100, 5000), foreign, answer("c", 100, 5000)];
    let (_, outcome, verdicts) = judge(book, &answers);
    assert_eq!((outcome, verdicts[1].to_string()), (Ok(5000), "is a node of chain 5, not of 1".to_owned()));
}

#[test]
fn two_endpoints_must_both_agree() {
    assert_eq!(judge(Book::default(), &[answer("a", 100, 1), answer("b", 100, 1)]).1, Ok(1));
    let disagreement = Err(Why::Disagree { needed: 2 });
    assert_eq!(judge(Book::default(), &[answer("a", 100, 1), answer("b", 100, 2)]).1, disagreement);
}

#[test]
fn what_all_cannot_read_is_said_in_their_words() {
    let unreadable = |endpoint: &str| Answer {
        endpoint: endpoint.to_owned(),
        said: Ok([(key(), Err("it is no token account".to_owned()))].into()),
    };
    let (_, outcome, _) = judge(Book::default(), &[unreadable("a"), unreadable("b"), failed("c")]);
    assert_eq!(outcome, Err(Why::Unreadable { error: "it is no token account".to_owned() }));
}

#[test]
fn a_zero_from_the_only_endpoint_must_be_said_twice() {
    let (book, outcome, _) = judge(known(90, 5000), &[answer("a", 100, 0)]);
    assert_eq!(outcome, Err(Why::ZeroUnconfirmed));
    let (book, outcome, _) = judge(book, &[answer("a", 110, 0)]);
    assert_eq!(outcome, Ok(0));
    assert_eq!(judge(book, &[answer("a", 120, 0)]).1, Ok(0));
    assert_eq!(judge(Book::default(), &[answer("a", 100, 0)]).1, Ok(0));
    let (book, _, _) = judge(known(90, 5000), &[answer("a", 100, 0)]);
    let (book, outcome, _) = judge(book, &[answer("a", 110, 5000)]);
    assert_eq!(outcome, Ok(5000));
    assert_eq!(judge(book, &[answer("a", 120, 0)]).1, Err(Why::ZeroUnconfirmed));
}

#[test]
fn an_old_slot_is_refused_until_it_is_plain_that_the_chain_went_back() {
    let mut book = known(1_000_000, 5000);
    for _ in 0..REWOUND_AFTER {
        let (next, outcome, _) = judge(book, &[answer("a", 100, 7000)]);
        assert_eq!(outcome, Err(Why::OldPosition { position: 100, known: 1_000_000 }));
        book = next;
    }
    assert_eq!(judge(book, &[answer("a", 110, 7000)]).1, Ok(7000));
}

#[test]
fn an_account_that_is_no_longer_asked_for_is_forgotten() {
    let (book, round) = known(100, 1).judge(TOLERANCE, &[], &[answer("a", 100, 1)], Timestamp::from_secs(0));
    assert_eq!((book, round.accounts.len()), (Book::default(), 0));
}

/// What one endpoint may come up with when it misbehaves.
fn anything() -> impl Strategy<Value = Answer> {
    let value = (0u64..400, 0u128..20_000).prop_map(|(position, units)| answer("b", position, units));
    let wild = (any::<u64>(), any::<u128>()).prop_map(|(position, units)| answer("b", position, units));
    prop_oneof![value, wild, Just(failed("b"))]
}

proptest! {
    #[test]
    fn one_of_three_can_neither_forge_a_balance_nor_get_another_accused(
        rounds in prop::collection::vec((anything(), 0u64..3, 0u64..3, 0u128..60), 1..12),
    ) {
        // The truth spends now and then; two honest endpoints are a slot or two apart, and say what holds at theirs.
        let (mut book, mut units, mut slot) = (Book::default(), 10_000u128, 100u64);
        for (liar, a, c, spent) in rounds {
            let after = units - spent;
            let honest = |ahead: u64| (slot + ahead, if ahead < 2 { units } else { after });
            let ((at, first), (ct, third)) = (honest(a), honest(c));
            let answers = [answer("a", at, first), liar, answer("c", ct, third)];
            let (next, outcome, verdicts) = judge(book, &answers);
            // A liar within the tolerance of one percent may win, by that much and no more.
            if let Ok(read) = outcome {
                let margin = units / 50;
                prop_assert!(after.saturating_sub(margin) <= read && read <= units + margin, "{read} of {units}");
            }
            prop_assert!(!lies(&verdicts[0]) && !lies(&verdicts[2]), "{verdicts:?}");
            (book, units, slot) = (next, after, slot + 10);
        }
    }

    #[test]
    fn two_honest_endpoints_at_one_slot_always_give_the_truth(liar in anything(), units: u128, slot in 0u64..1000) {
        let answers = [answer("a", slot, units), liar.clone(), answer("c", slot, units)];
        let (_, outcome, verdicts) = judge(Book::default(), &answers);
        prop_assert_eq!(outcome, Ok(units));
        if let Ok(said) = &liar.said
            && said[&key()].as_ref().is_ok_and(|b| b.position == slot && b.amount.units() != units)
        {
            prop_assert!(lies(&verdicts[1]));
        }
    }
}
