//! What the journal tells: when, how long, what goes on, and what is left.

use super::super::journal::{End, Journal, Started};
use super::*;

fn fine(note: &str) -> Tried {
    Tried::Succeeded { note: note.to_owned() }
}

/// A request of two steps, begun.
fn two() -> Request {
    let mut request = request();
    request.plan.preview.changes.push(change(Write::Restart, "", ""));
    begun(approve(request, "U0BOB").unwrap())
}

fn journal(request: &Request) -> &Journal {
    request.state.journal().unwrap()
}

#[test]
fn a_step_keeps_the_stamp_of_its_first_intent() {
    let at = later(21);
    let words = |request: &Request| {
        let step = &journal(request).steps[0];
        (step.as_str(), step.at())
    };
    let waiting = begun(approved());
    assert_eq!(words(&waiting), ("waiting", None));
    let intended = waiting.clone().intend(0, at);
    assert_eq!(words(&intended), ("intended", Some(at)));
    let tried = intended.attempt(0, None, later(22));
    assert_eq!(words(&tried), ("attempted", Some(at)));
    let blocked = tried.clone().settle(0, Tried::Blocked { why: String::new() }, later(23));
    assert_eq!(words(&blocked), ("intended", Some(at)));
    for (came, word) in [
        (fine(""), "succeeded"),
        (Tried::Failed { why: String::new() }, "failed"),
        (Tried::Unknown { why: String::new() }, "unknown"),
    ] {
        assert_eq!(words(&tried.clone().settle(0, came, later(24))), (word, Some(at)));
    }
    let stopped = waiting.cancel(&person("U0ANN"), &policy(), &roster(), later(25)).unwrap();
    assert_eq!(words(&stopped), ("skipped", Some(later(25))));
}

#[test]
fn a_step_takes_only_what_follows_from_where_it_is() {
    let waiting = two();
    assert_eq!(waiting.clone().attempt(0, None, later(22)), waiting, "not intended");
    assert_eq!(waiting.clone().settle(0, fine(""), later(22)), waiting, "not attempted");
    assert_eq!(waiting.clone().intend(7, later(22)), waiting, "there is no such step");
    let of_another = Signed { step: 1, ..signed("a") };
    let tried = waiting.intend(0, later(21)).attempt(0, Some(of_another), later(22));
    assert!(journal(&tried).signed.is_empty(), "signed for another step");
    assert_eq!(journal(&tried).signed_for(0).count(), 0);
}

#[test]
fn patience_ends_to_the_millisecond() {
    let tried = begun(approved()).intend(0, later(21)).attempt(0, None, later(21));
    let blocked = |at| tried.clone().settle(0, Tried::Blocked { why: "budget".to_owned() }, at).state;
    let end = later(21).plus(PATIENCE);
    assert_eq!(blocked(end.minus(Duration::from_millis(1))).as_str(), "executing");
    assert!(matches!(blocked(end), State::Failed { why, .. } if why == "budget"));
}

#[test]
fn the_last_write_is_told_with_what_it_began() {
    let what = Started { name: "41".to_owned(), page: "https://ci/41".to_owned() };
    let request = two();
    assert_eq!((journal(&request).written_at(), journal(&request).started()), (None, None));
    let started = Tried::Started { note: String::new(), what: what.clone() };
    let first = done(request, 0, started, 30);
    assert_eq!((journal(&first).written_at(), journal(&first).started()), (Some(later(30)), Some(&what)));
    let second = done(first, 1, fine("done"), 40);
    assert_eq!((journal(&second).written_at(), journal(&second).started()), (Some(later(40)), Some(&what)));
    assert_eq!(second.next(later(41)), Some(Next::Verify));
}

#[test]
fn an_end_says_the_worst_that_came_of_any_step() {
    let end = |steps: [Tried; 2], unsettled: Option<&str>| {
        let mut journal = Journal::of(&two().plan);
        for (index, tried) in steps.into_iter().enumerate() {
            journal.intend(index, NOW);
            journal.attempt(index, None, NOW);
            journal.settle(index, tried, NOW);
        }
        journal.unsettled = unsettled.map(str::to_owned);
        journal.end()
    };
    let failed = || Tried::Failed { why: "refused".to_owned() };
    let unknown = || Tried::Unknown { why: "no answer".to_owned() };
    assert_eq!(end([fine(""), fine("")], None), End::Succeeded);
    assert_eq!(end([fine(""), fine("")], Some("not ready")), End::Failed("not ready".to_owned()));
    assert_eq!(end([failed(), fine("")], Some("not ready")), End::Failed("refused".to_owned()));
    assert_eq!(end([failed(), unknown()], None), End::Unknown("no answer".to_owned()));
    assert_eq!(end([unknown(), failed()], None), End::Unknown("no answer".to_owned()));
}

#[test]
fn how_long_it_took_is_known_when_it_is_over() {
    let running = begun(approved());
    assert_eq!(running.took(), None);
    let tried = running.intend(0, later(21)).attempt(0, None, later(22));
    let well = tried.clone().settle(0, fine(""), later(30)).verified(None, later(50));
    assert_eq!(well.took(), Some(Span::from_secs(30)));
    let failed = tried.clone().settle(0, Tried::Failed { why: String::new() }, later(25));
    assert_eq!(failed.took(), Some(Span::from_secs(5)));
    let unknown = tried.settle(0, Tried::Unknown { why: String::new() }, later(26));
    assert_eq!(unknown.took(), Some(Span::from_secs(6)));
}

#[test]
fn what_did_not_settle_fails_with_its_reason() {
    let written = done(begun(approved()), 0, fine(""), 30);
    let state = written.verified(Some("no pod is ready".to_owned()), later(40)).state;
    assert!(matches!(state, State::Failed { why, .. } if why == "no pod is ready"));
}

#[test]
fn what_is_seen_is_noted_while_it_runs() {
    let running = begun(approved()).progress("2 of 5 updated");
    assert_eq!(journal(&running).progress, "2 of 5 updated");
    assert_eq!(approved().progress("2 of 5 updated"), approved());
}

#[test]
fn a_plan_holds_for_all_of_its_waits() {
    let mut plan = plan();
    assert_eq!(plan.holds_for(), None);
    for secs in [60, 30] {
        plan.preview.changes.push(change(Write::Restart, "", ""));
        plan.preview.changes.last_mut().unwrap().after = Some(Span::from_secs(secs));
    }
    assert_eq!(plan.holds_for(), Some(Duration::from_secs(90)));
}

#[test]
fn what_was_signed_and_then_refused_for_too_long_is_not_called_failed() {
    let blocked =
        |request: Request, secs| request.settle(0, Tried::Blocked { why: "no answer".to_owned() }, later(secs));
    let expired = blocked(begun(approved()).intend(0, later(21)).attempt(0, Some(signed("a")), later(22)), 90);
    let over = blocked(expired.attempt(0, None, later(700)), 21 + PATIENCE.as_secs());
    assert_eq!(over.state.as_str(), "unknown", "what was sent before may have come");
}

#[test]
fn what_was_seen_in_a_block_and_is_lost_sight_of_is_unknown() {
    let paid = begun(approved()).intend(0, later(21)).attempt(0, Some(signed("a")), later(22));
    let paid = paid.settle(0, Tried::Succeeded { note: String::new() }, later(23));
    assert_eq!(paid.next(later(24)), Some(Next::Verify));
    let lost = paid.lost("look for a", later(25));
    let State::Unknown { why, .. } = &lost.state else { panic!("{lost:?}") };
    assert_eq!(why, "look for a");
}
