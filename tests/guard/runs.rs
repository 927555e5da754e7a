//! `fitbit_renewal_run` itself: called twice, from other threads, with what it must refuse; and
//! its errors, which are the outer call's.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex};

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{PROFILE, provider, saved_token};
use fitbit_test_support::{Error, code, interface, level};

use crate::scene::{Commit, Guarded, Renewal, Row, committing, guarded_app, same, token, with};

/// A guard that does `inside`, keeps what that gave for the test, and answers so.
fn noting<T: Send + 'static>(
    inside: impl Fn(&Renewal) -> T + Send + Sync + 'static,
    answer: i32,
) -> (impl Fn(&Renewal) -> i32 + Send + Sync + 'static, Arc<Mutex<Vec<T>>>) {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let notes = noted.clone();
    let guard = move |renewal: &Renewal| {
        let note = inside(renewal);
        notes.lock().unwrap().push(note);
        answer
    };
    (guard, noted)
}

/// One request of a client with an expired token, whose guard does `inside`.
fn outcome<T: Send + 'static>(
    provider: &Simulator,
    inside: impl Fn(&Renewal, &str) -> T + Send + Sync + 'static,
    answer: i32,
) -> (Result<u16, Error>, Vec<T>) {
    let stored = saved_token(provider, -10);
    let app = guarded_app(provider);
    let (guard, noted) = noting(
        {
            let stored = stored.clone();
            move |renewal| inside(renewal, &stored)
        },
        answer,
    );
    let client = Guarded::from_token(&app, &stored, guard);
    let outcome = client.get(PROFILE);
    let noted = std::mem::take(&mut *noted.lock().unwrap());
    (outcome, noted)
}

#[test]
fn a_repeated_transaction_gets_the_same_answer_and_nothing_is_sent_twice() {
    let provider = provider();
    let other = saved_token(&provider, 3600);
    let twice = move |renewal: &Renewal, stored: &str| {
        let first = renewal.run(Some(stored));
        [Some(stored), Some(&*other), None, Some("no token")]
            .map(|stored| renewal.run(stored) == first && matches!(first, Ok(Some(_))))
    };
    let (outcome, noted) = outcome(&provider, twice, 1);
    assert_eq!((outcome, noted), (Ok(200), vec![[true; 4]]));
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_repeated_transaction_gets_the_same_nothing() {
    let provider = provider();
    let newer = saved_token(&provider, 3600);
    let twice = move |renewal: &Renewal, stored: &str| {
        [Some(&*newer), Some(stored), None].map(|stored| renewal.run(stored))
    };
    let (outcome, noted) = outcome(&provider, twice, 1);
    assert_eq!((outcome, noted), (Ok(200), vec![[Ok(None), Ok(None), Ok(None)]]));
    assert_eq!(provider.requests(Target::Refresh), 0);
}

#[test]
fn a_run_that_failed_fails_again_and_fails_the_call_whatever_the_guard_returns() {
    for (kind, expected) in [
        (FaultKind::Status429Reset(7), code::RATE_LIMITED),
        (FaultKind::Status404, code::HTTP),
        (FaultKind::Status401InvalidClient, code::INVALID_CLIENT),
    ] {
        for answer in [0, 1] {
            let provider = provider();
            provider.fault(Fault::always(Target::Refresh, kind.clone()));
            let (outcome, noted) = outcome(
                &provider,
                |renewal, stored| [renewal.run(Some(stored)), renewal.run(None)],
                answer,
            );
            let outer = outcome.unwrap_err();
            assert_eq!(outer.code, expected);
            assert_eq!(noted, [[Err(outer.clone()), Err(outer)]]);
            assert_eq!(provider.requests(Target::Refresh), 1);
        }
    }
}

#[test]
fn it_runs_on_another_thread() {
    let provider = provider();
    let elsewhere = |renewal: &Renewal, stored: &str| {
        let renewal = &renewal;
        std::thread::scope(|scope| scope.spawn(move || renewal.run(Some(stored))).join().unwrap())
    };
    let (outcome, noted) = outcome(&provider, elsewhere, 1);
    assert_eq!(outcome, Ok(200));
    assert!(noted[0].as_ref().is_ok_and(Option::is_some));
}

#[test]
fn eight_threads_of_one_guard_get_the_same_answer_to_one_request() {
    let provider = provider();
    provider.fault(Fault::always(Target::Refresh, FaultKind::Latency(200)));
    let at_once = |renewal: &Renewal, stored: &str| {
        let renewal = &renewal;
        std::thread::scope(|scope| {
            let runs = [(); 8].map(|()| scope.spawn(move || renewal.run(Some(stored))));
            runs.map(|run| run.join().unwrap())
        })
    };
    let (outcome, noted) = outcome(&provider, at_once, 1);
    assert_eq!(outcome, Ok(200));
    assert!(noted[0].iter().all(|run| *run == noted[0][0] && matches!(run, Ok(Some(_)))));
    assert_eq!(provider.requests(Target::Refresh), 1);
}

static RENEWAL: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
static REFUSED: Mutex<Vec<Error>> = Mutex::new(Vec::new());

/// A logger that calls what it is called from.
unsafe extern "C" fn run_again(_: u32, _: *const c_char, _: *mut c_void) {
    let mut new = null();
    let renewal = RENEWAL.load(Ordering::SeqCst);
    if !renewal.is_null()
        && let Err(why) =
            Error::check(unsafe { (interface().renewal_run)(renewal, null(), &mut new) })
    {
        REFUSED.lock().unwrap().push(why);
    }
}

#[test]
fn a_logger_that_runs_the_renewal_it_hears_of_is_refused_and_nobody_waits_for_ever() {
    let provider = provider();
    let stored = saved_token(&provider, -10);
    let app = guarded_app(&provider);
    app.set_logger(level::INFO, Some(run_again), null_mut()).unwrap();
    let guard = {
        let stored = stored.clone();
        move |renewal: &Renewal| {
            RENEWAL.store(renewal.handle, Ordering::SeqCst);
            let run = renewal.run(Some(&stored));
            RENEWAL.store(null_mut(), Ordering::SeqCst);
            i32::from(run.is_ok())
        }
    };
    assert_eq!(Guarded::from_token(&app, &stored, guard).get(PROFILE), Ok(200));
    let refused = REFUSED.lock().unwrap();
    assert!(!refused.is_empty() && refused.iter().all(|why| why.code == code::INVALID_ARGUMENT));
    assert!(refused[0].message.starts_with("renewal: "), "{refused:?}");
}

#[test]
fn the_new_token_can_be_read_until_the_guard_returns() {
    let provider = provider();
    let other = saved_token(&provider, -10);
    let app = guarded_app(&provider);
    let late = move |renewal: &Renewal, stored: &str| {
        let new = renewal.run_borrowed(Some(stored)).unwrap();
        let read = || unsafe { CStr::from_ptr(new) }.to_str().unwrap().to_owned();
        let at_once = read();
        // What else the library does meanwhile, with this renewal and with others.
        let row = Row::holding(&other);
        let neighbour = Guarded::from_token(&app, &other, committing(&row, Commit::Works));
        let served = neighbour.get(PROFILE);
        drop(neighbour);
        let again = renewal.run_borrowed(None).unwrap();
        (served, new == again, read() == at_once, same(&at_once, &token(renewal.client)))
    };
    let (outcome, noted) = outcome(&provider, late, 1);
    assert_eq!((outcome, noted), (Ok(200), vec![(Ok(200), true, true, true)]));
}

#[test]
fn a_malformed_stored_token_is_refused_and_nothing_is_sent() {
    for text in ["", "no JSON", "[]", "{}", "{\"access_token\":17,\"refresh_token\":\"r\"}"] {
        for answer in [0, 1] {
            let provider = provider();
            let (outcome, noted) = outcome(&provider, move |r, _| r.run(Some(text)), answer);
            let outer = outcome.unwrap_err();
            assert_eq!(outer.code, code::INVALID_ARGUMENT, "{text}");
            assert_eq!(noted, [Err(outer)]);
            assert_eq!(provider.requests(Target::Any), 0);
        }
    }
}

#[test]
fn an_unreadable_stored_text_fails_the_outer_call_with_the_same_error() {
    for answer in [0, 1] {
        let provider = provider();
        let unreadable = |renewal: &Renewal, _: &str| {
            let mut new = null();
            let stored = c"\xff";
            Error::check(unsafe {
                (interface().renewal_run)(renewal.handle, stored.as_ptr(), &mut new)
            })
        };
        let (outcome, noted) = outcome(&provider, unreadable, answer);
        assert_eq!(noted[0].clone().unwrap_err().code, code::INVALID_ARGUMENT);
        assert_eq!(outcome.map(drop), noted[0]);
        assert_eq!(provider.requests(Target::Any), 0);
    }
}

#[test]
fn null_arguments_are_refused_and_a_right_call_after_them_works() {
    let provider = provider();
    let wrong_then_right = |renewal: &Renewal, stored: &str| {
        let c = interface();
        let mut new = c"not cleared".as_ptr();
        let refused = unsafe {
            [
                Error::check((c.renewal_run)(null_mut(), null(), &mut new)),
                Error::check((c.renewal_run)(renewal.handle, null(), null_mut())),
            ]
        };
        (refused.map(|error| error.unwrap_err().code), new.is_null(), renewal.run(Some(stored)))
    };
    let (outcome, noted) = outcome(&provider, wrong_then_right, 1);
    assert_eq!(outcome, Ok(200));
    let (refused, cleared, right) = &noted[0];
    assert_eq!((refused, *cleared), (&[code::INVALID_ARGUMENT; 2], true));
    assert!(matches!(right, Ok(Some(_))));
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_store_that_reformats_its_tokens_still_holds_the_base() {
    let provider = provider();
    let reformatted = |renewal: &Renewal, stored: &str| {
        renewal.run(Some(&format!(" {}\n", with(stored, "saved_by", "a database"))))
    };
    let (outcome, noted) = outcome(&provider, reformatted, 0);
    assert_eq!(outcome, Ok(200));
    assert!(noted.iter().all(|run| *run == noted[0] && matches!(run, Ok(Some(_)))), "{noted:?}");
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn an_error_of_a_run_never_shows_a_token() {
    let provider = provider();
    provider.fault(Fault::always(Target::Refresh, FaultKind::EchoSecrets));
    let (outcome, _) = outcome(&provider, |r, stored| r.run(Some(stored)).map(drop), 0);
    let text = outcome.unwrap_err().all_text();
    assert!(provider.secrets().iter().all(|secret| !text.contains(secret)), "{text}");
}
