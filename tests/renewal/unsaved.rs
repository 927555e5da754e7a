//! A token that could not be saved: kept, used, and offered again until it is.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::{Saver, code};

use super::scene::{access_tokens_sent, client_with, delay, field};
use super::world::{DIALECT, PROFILE, provider};

/// A saver that says no so often, then yes.
fn saves_after(mut refusals: u32) -> Saver {
    Saver::doing(move |_| {
        let refuse = refusals > 0;
        refusals = refusals.saturating_sub(1);
        i32::from(!refuse)
    })
}

/// A saver that answers what the test says at the time.
fn obedient_saver(answer: c_int) -> (Saver, Arc<AtomicI32>) {
    let answer = Arc::new(AtomicI32::new(answer));
    let told = answer.clone();
    (Saver::doing(move |_| told.load(Ordering::SeqCst)), answer)
}

#[test]
fn it_is_used_and_offered_again_before_each_later_request_until_it_is_saved() {
    let (provider, saver) = (provider(), saves_after(5));
    let client = client_with(&provider, -10, &saver);
    for requests in 1..=9 {
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert_eq!(saver.offered().len(), requests.min(6));
    }
    let offered = saver.offered();
    assert!(offered.iter().all(|token| *token == offered[0]), "the same token each time");
    assert_eq!(provider.requests(Target::Refresh), 1);
    let new = field(&offered[0], "access_token");
    assert!(access_tokens_sent(&provider).iter().all(|token| *token == new));
}

#[test]
fn only_one_is_saved() {
    for answer in [0, -1, 2, 256, 0x0101, c_int::MIN, c_int::MAX] {
        let provider = provider();
        let (saver, told) = obedient_saver(answer);
        let client = client_with(&provider, -10, &saver);
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert_eq!(client.save().unwrap_err().code, code::STORE, "{answer}");
        told.store(1, Ordering::SeqCst);
        assert_eq!(client.save(), Ok(()), "{answer}");
    }
}

#[test]
fn save_offers_it_now_and_asks_nobody() {
    let provider = provider();
    let (saver, told) = obedient_saver(0);
    let client = client_with(&provider, -10, &saver);
    client.get(PROFILE).unwrap();
    let requests = provider.requests(Target::Any);
    for offers in 2..5 {
        assert_eq!(client.save().unwrap_err().code, code::STORE);
        assert_eq!(saver.offered().len(), offers);
    }
    told.store(1, Ordering::SeqCst);
    assert_eq!(client.save(), Ok(()));
    assert_eq!(saver.offered().len(), 5);
    assert_eq!(client.save(), Ok(()), "nothing is unsaved any more");
    assert_eq!(saver.offered().len(), 5);
    assert_eq!(provider.requests(Target::Any), requests);
}

#[test]
fn it_is_offered_once_more_when_the_client_is_freed() {
    for answer in [0, 1] {
        let provider = provider();
        let (saver, told) = obedient_saver(0);
        let client = client_with(&provider, -10, &saver);
        client.get(PROFILE).unwrap();
        let requests = provider.requests(Target::Any);
        told.store(answer, Ordering::SeqCst);
        drop(client);
        assert_eq!(saver.offered().len(), 2);
        assert_eq!(provider.requests(Target::Any), requests, "the provider is not asked");
    }
}

#[test]
fn a_renewal_that_was_not_saved_says_so() {
    let (provider, saver) = (provider(), saves_after(1));
    let client = client_with(&provider, 3600, &saver);
    let old = client.token();
    assert_eq!(client.refresh().unwrap_err().code, code::STORE);
    assert_ne!(client.token(), old, "renewed it was");
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!((saver.offered().len(), provider.requests(Target::Refresh)), (2, 1));
}

#[test]
fn all_who_share_a_renewal_that_was_not_saved_hear_it() {
    let provider = provider();
    let (saver, _) = obedient_saver(0);
    let client = client_with(&provider, 3600, &saver);
    delay(&provider, Target::Refresh, 1000);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| client.refresh())).collect();
        for outcome in all {
            assert_eq!(outcome.join().unwrap().unwrap_err().code, code::STORE);
        }
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_newer_token_takes_the_place_of_one_that_was_never_saved() {
    let provider = provider();
    let (saver, told) = obedient_saver(0);
    let client = client_with(&provider, 3600, &saver);
    client.refresh().unwrap_err();
    let first = client.token();
    client.refresh().unwrap_err();
    let second = client.token();
    assert_ne!(first, second);
    told.store(1, Ordering::SeqCst);
    client.get(PROFILE).unwrap();
    let offered = saver.offered();
    assert_eq!(offered.last(), Some(&second));
    let newer = offered.iter().position(|token| *token == second).unwrap();
    assert!(offered[newer..].iter().all(|token| *token == second), "never an older one again");
    assert!(offered[..newer].iter().all(|token| *token == first));
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn it_is_offered_before_a_renewal_that_then_fails() {
    let provider = provider();
    let (saver, told) = obedient_saver(0);
    let client = client_with(&provider, 3600, &saver);
    client.refresh().unwrap_err();
    let unsaved = client.token();
    told.store(1, Ordering::SeqCst);
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status404));
    assert_eq!(client.refresh().unwrap_err().code, code::HTTP);
    assert_eq!(saver.offered(), [unsaved.clone(), unsaved]);
    assert_eq!(client.save(), Ok(()));
}

#[test]
fn a_save_that_had_to_wait_for_a_renewal_that_fails_offers_it_all_the_same() {
    let provider = provider();
    let (saver, told) = obedient_saver(0);
    let client = client_with(&provider, 3600, &saver);
    client.refresh().unwrap_err();
    delay(&provider, Target::Refresh, 1000);
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status404));
    std::thread::scope(|scope| {
        let renewal = scope.spawn(|| client.refresh());
        while provider.requests(Target::Refresh) < 2 {
            std::thread::yield_now();
        }
        let before = saver.offered().len();
        told.store(1, Ordering::SeqCst);
        assert_eq!(client.save(), Ok(()), "the store works again");
        assert_eq!(saver.offered().len(), before + 1);
        assert_eq!(renewal.join().unwrap().unwrap_err().code, code::HTTP);
    });
}

#[test]
fn a_dead_login_is_never_offered() {
    let provider = provider();
    let (saver, told) = obedient_saver(0);
    let client = client_with(&provider, 3600, &saver);
    client.refresh().unwrap_err();
    // On a kept connection it could be somebody else's refusal: it is asked for again on a fresh one.
    let times = if DIALECT.rotates { 1 } else { 2 };
    let refusal = FaultKind::Status400InvalidGrant;
    provider.fault(Fault { times, ..Fault::always(Target::Refresh, refusal) });
    assert_eq!(client.refresh().unwrap_err().code, code::REAUTHORIZE);
    let offers = saver.offered().len();
    told.store(1, Ordering::SeqCst);
    // Whatever it answers: there is nothing that could be saved.
    let _ = client.save();
    assert_eq!(client.get(PROFILE).unwrap().status, 200, "the access token still lasts");
    assert_eq!(client.refresh().unwrap_err().code, code::REAUTHORIZE);
    provider.expire_access_tokens();
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
    drop(client);
    assert_eq!(saver.offered().len(), offers);
    assert_eq!(provider.requests(Target::Refresh), 1 + u64::from(times));
}

#[test]
fn an_unsaved_token_does_not_stand_in_a_requests_way() {
    let provider = provider();
    let (saver, _) = obedient_saver(0);
    let client = client_with(&provider, -10, &saver);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..4 {
                    assert_eq!(client.get(PROFILE).unwrap().status, 200);
                }
            });
        }
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
}
