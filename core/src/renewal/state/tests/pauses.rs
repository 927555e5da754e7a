//! When a renewal reads, waits or asks.

use ureq::http::HeaderMap;

use super::*;
use crate::error::redaction::Secrets;
use crate::http::Response;
use crate::token::Age;

const MS: Duration = Duration::from_millis(1);

fn rate_limited(seconds: u32) -> Failure {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", seconds.into());
    let response = Response { status: 429, headers, body: vec![] };
    let error = crate::provider::error_response::of_api(&FITBIT, &response, &Secrets::new([]));
    assert!(error.retry_after() >= Some(Duration::from_secs(seconds.into())));
    Failure { error, possibly_used: false, is_expected: false }
}

#[test]
fn a_possibly_used_refresh_token_is_not_sent_again_within_five_seconds() {
    let failed_at = Instant::now();
    for is_expected in [false, true] {
        let mut ledger = ledger(Saving::Stored);
        let failure = Failure { possibly_used: !is_expected, is_expected, ..lost() };
        ledger.failed(failure, failed_at);
        for (after, wait) in [(0, 5000), (1, 4999), (2500, 2500), (4999, 1)] {
            let next = next(&ledger, failed_at + after * MS);
            assert_eq!(next.ok(), Some(Next::Wait(wait * MS)), "{after} ms later");
        }
        for after in [5000, 5001, 60_000] {
            let next = next(&ledger, failed_at + after * MS);
            assert_eq!(next.ok(), Some(Next::Ask), "{after} ms later");
        }
    }
}

#[test]
fn what_was_not_sent_starts_no_five_seconds() {
    let now = Instant::now();
    for failure in [not_sent(), rate_limited(60)] {
        let mut ledger = ledger(Saving::Stored);
        ledger.failed(failure, now);
        assert_eq!(next(&ledger, now).ok(), Some(Next::Ask));
    }
}

#[test]
fn a_call_without_the_time_to_wait_gets_the_last_error_at_once() {
    let now = Instant::now();
    let mut ledger = ledger(Saving::Stored);
    ledger.failed(lost(), now);
    let (budget, bad) = (Budget::new(), token(1));
    let goal = Goal::Renew(renewal(&bad, &budget));
    // The time to wait, whether the call goes first, seconds since the failure, what it does.
    for (time, first, after, expected) in [
        (5000, true, 0, Ok(Next::Wait(5000 * MS))),
        (4999, true, 0, Err("cut; the library asks again in 5 s at the earliest")),
        (0, true, 3, Err("cut; the library asks again in 2 s at the earliest")),
        (0, true, 5, Ok(Next::Ask)),
        (1, false, 5, Ok(Next::Wait(LET_PASS))),
        (0, false, 5, Err("cut; the library asks again in 1 s at the earliest")),
    ] {
        let now = now + Duration::from_secs(after);
        let time_to_wait = time * MS;
        let facts = Facts { time_to_wait, goes_first: first, ..facts(&bad, now) };
        let next = ledger.next(goal, &facts).map_err(|error| error.message().to_owned());
        assert_eq!(next, expected.map_err(str::to_owned), "{time} {first} {after}");
    }
}

#[test]
fn no_call_lets_another_pass_if_nothing_was_sent() {
    let (now, bad, budget) = (Instant::now(), token(1), Budget::new());
    let mut ledger = ledger(Saving::Stored);
    ledger.failed(not_sent(), now);
    let facts = Facts { goes_first: false, ..facts(&bad, now) };
    let next = ledger.next(Goal::Renew(renewal(&bad, &budget)), &facts);
    assert_eq!(next.ok(), Some(Next::Ask));
}

#[test]
fn a_parked_response_is_read_before_the_provider_is_asked() {
    let (now, bad, budget) = (Instant::now(), token(1), Budget::new());
    let mut troubled = ledger(Saving::Stored);
    troubled.failed(lost(), now);
    for (ledger, has_parked, has_time, parked, expected) in [
        (&troubled, true, true, Parked::ReadFirst, Ok(Next::ReadParked)),
        (&troubled, true, true, Parked::OnlyRead, Ok(Next::ReadParked)),
        (&troubled, true, true, Parked::WasRead, Ok(Next::Wait(5000 * MS))),
        (&troubled, true, false, Parked::ReadFirst, Ok(Next::Wait(5000 * MS))),
        (&troubled, false, true, Parked::ReadFirst, Ok(Next::Wait(5000 * MS))),
        (&troubled, false, true, Parked::OnlyRead, Err(())),
        (&ledger(Saving::Stored), false, true, Parked::OnlyRead, Err(())),
        (&ledger(Saving::Stored), false, true, Parked::WasRead, Ok(Next::Ask)),
    ] {
        let goal = Goal::Renew(Renewal { parked, ..renewal(&bad, &budget) });
        let facts = Facts { has_parked, has_time, ..facts(&bad, now) };
        assert_eq!(ledger.next(goal, &facts).map_err(drop), expected, "{has_parked} {parked:?}");
    }
}

#[test]
fn a_call_that_has_sent_four_requests_sends_no_more() {
    let (now, bad, budget) = (Instant::now(), token(1), Budget::of(0));
    let goal = Goal::Renew(renewal(&bad, &budget));
    let mut ledger = ledger(Saving::Stored);
    let error = ledger.next(goal, &facts(&bad, now)).expect_err("it is empty");
    assert!(error.message().contains("already sent four refresh requests"));
    ledger.failed(lost(), now);
    let error = ledger.next(goal, &facts(&bad, now)).expect_err("it is empty");
    assert_eq!(error.message(), "cut", "why the last one failed");
    let parked = Facts { has_parked: true, ..facts(&bad, now) };
    assert_eq!(ledger.next(goal, &parked).ok(), Some(Next::ReadParked), "reading costs none");
}

#[test]
fn a_better_token_is_used_without_a_request() {
    let budget = Budget::new();
    let expired = r#"{"access_token":"a1","refresh_token":"r1","expires_at":1}"#;
    for (mine, bad, is_better) in [
        (token(2), token(1), true),
        (token(1), token(1), false), // the same access token
        (read(expired), token(2), false),
    ] {
        let mut ledger = Ledger::new(&FITBIT, mine, Saving::Stored);
        let goal = Goal::Renew(renewal(&bad, &budget));
        let newest = ledger.token().clone();
        assert_eq!(ledger.is_done(goal, &newest, Now::read()).ok(), Some(is_better));
        let expected = if is_better { Task::Save } else { Task::Ask };
        assert_eq!(ledger.task(goal, Next::Ask, Now::read()), expected);
        ledger.died();
        assert_eq!(ledger.is_done(goal, &newest, Now::read()).ok(), Some(false), "dead");
    }
}

#[test]
fn a_renewal_for_doubt_asks_nobody_if_another_process_has_ended_the_doubt() {
    let (bad, budget) = (token(1), Budget::new());
    let in_doubt = Renewal { why: Why::InDoubt, ..renewal(&bad, &budget) };
    let mut ledger = ledger(Saving::Stored);
    for (possibly_used, next, expected) in [
        (false, Next::Ask, Task::SaveNeedlessly),
        (true, Next::Ask, Task::Ask),
        (false, Next::ReadParked, Task::ReadParked),
    ] {
        ledger.possibly_used = possibly_used;
        assert_eq!(ledger.task(Goal::Renew(in_doubt), next, Now::read()), expected);
    }
}

#[test]
fn a_token_without_a_refresh_token_is_not_renewed() {
    let ledger = Ledger::new(&FITBIT, read(r#"{"access_token":"a1"}"#), Saving::Stored);
    assert_eq!(task(&ledger), Task::Refuse(Refusal::NoRefreshToken));
}

#[test]
fn each_goal_is_done_at_once_if_nothing_is_left_to_do() {
    let (mine, named) = (token(1), with(1, r#""user_id":"ME""#));
    let name = Goal::Name { of: &mine, user_id: "ME" };
    let stored = ledger(Saving::Stored);
    let is_done = |ledger: &Ledger, goal, newest| ledger.is_done(goal, newest, Now::read()).ok();
    assert_eq!(is_done(&stored, Goal::Save, &mine), Some(true));
    assert_eq!(is_done(&stored, Goal::Move, &mine), Some(false));
    assert_eq!(is_done(&stored, name, &mine), Some(false));
    assert_eq!(is_done(&stored, name, &named), Some(true));
    let mut unsaved = ledger(Saving::Unsaved);
    assert_eq!(is_done(&unsaved, Goal::Save, &mine), Some(false));
    unsaved.died();
    assert_eq!(is_done(&unsaved, Goal::Save, &mine), Some(true), "a dead token is not offered");
    for (goal, task) in [
        (Goal::Save, Task::Save),
        (Goal::Move, Task::Save),
        (name, Task::Name),
        (Goal::Revoke, Task::Revoke),
    ] {
        let facts = facts(&mine, Instant::now());
        assert_eq!(stored.next(goal, &facts).ok(), Some(Next::Lead));
        assert_eq!(stored.task(goal, Next::Lead, Now::read()), task);
    }
}

#[test]
fn after_a_response_a_failed_renewal_is_repeated_when_the_pause_is_over() {
    let at = Instant::now();
    let later = |seconds| at + Duration::from_secs(seconds);
    let of = |failure: Option<Failure>| {
        let mut ledger = ledger(Saving::Stored);
        failure.map(|failure| ledger.failed(failure, at));
        ledger
    };
    let loaded = Ledger::new(&FITBIT, marked(1), Saving::Stored);
    use Age::{ExpiringSoon, Lasting};
    use ReadOrAsk::{Ask, Nothing, Peek};
    for (ledger, age, seconds, expected) in [
        (of(None), ExpiringSoon, 0, Nothing),
        (loaded, Lasting, 0, Ask(Why::InDoubt)),
        (of(Some(lost())), Lasting, 4, Peek(Why::InDoubt)),
        (of(Some(lost())), Lasting, 5, Ask(Why::InDoubt)),
        (of(Some(not_sent())), Lasting, 0, Nothing),
        (of(Some(not_sent())), ExpiringSoon, 0, Ask(Why::ExpiringSoon)),
        (of(Some(rate_limited(60))), ExpiringSoon, 59, Peek(Why::ExpiringSoon)),
        (of(Some(rate_limited(60))), ExpiringSoon, 70, Ask(Why::ExpiringSoon)),
    ] {
        assert_eq!(ledger.after_response(None, age, later(seconds)), expected, "{seconds} s");
    }
}

#[test]
fn after_a_repetition_in_vain_or_the_end_of_the_login_nobody_asks() {
    let at = Instant::now();
    let after = |ledger: &Ledger, seconds| {
        let now = at + Duration::from_secs(seconds);
        ledger.after_response(Some(at), Age::Lasting, now)
    };
    let mut ledger = Ledger::new(&FITBIT, marked(1), Saving::Stored);
    assert_eq!(after(&ledger, 4), ReadOrAsk::Peek(Why::InDoubt));
    assert_eq!(after(&ledger, 5), ReadOrAsk::Ask(Why::InDoubt));
    ledger.revoked();
    assert_eq!(after(&ledger, 5), ReadOrAsk::Nothing);
    let mut dead = Ledger::new(&FITBIT, token(1), Saving::Stored);
    dead.died();
    dead.possibly_used = true;
    assert_eq!(after(&dead, 5), ReadOrAsk::Nothing);
}

#[test]
fn a_parked_response_is_read_until_the_provider_may_be_asked() {
    let at = Instant::now();
    let mut ledger = ledger(Saving::Stored);
    let left = Duration::from_secs(30);
    let time = |ledger: &Ledger, parked, left, after| {
        ledger.time_to_read(parked, left, at + Duration::from_secs(after)).as_millis()
    };
    assert_eq!(time(&ledger, Parked::ReadFirst, left, 0), 20, "what has come already");
    assert_eq!(time(&ledger, Parked::ReadFirst, 40 * MS, 0), 10, "a quarter");
    ledger.failed(lost(), at);
    assert_eq!(time(&ledger, Parked::ReadFirst, left, 2), 3000);
    assert_eq!(time(&ledger, Parked::ReadFirst, left, 6), 20);
    assert_eq!(time(&ledger, Parked::OnlyRead, left, 2), 30_000);
}

#[test]
fn a_failure_is_of_the_token_that_was_to_be_renewed() {
    let now = Instant::now();
    let mut ledger = ledger(Saving::Stored);
    let before = ledger.clone();
    assert!(before.has_failed_as(&before));
    ledger.failed(lost(), now);
    assert!(!ledger.has_failed_as(&before) && ledger.has_failed_as(&ledger.clone()));
    assert!(ledger.failed_renewal_of(&token(1)).is_some() && ledger.is_troubled_with(&token(1)));
    assert!(ledger.failed_renewal_of(&token(2)).is_none() && !ledger.is_troubled_with(&token(2)));
    let first = ledger.clone();
    ledger.failed(lost(), now);
    assert!(!ledger.has_failed_as(&first), "another failure");
}
