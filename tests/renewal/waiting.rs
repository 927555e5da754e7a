//! A thread that waits for another one's renewal: for how long, at what cost, and what it gets.

use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::{Saver, code, rest};

use super::scene::{Gate, LONG, client_of, client_with, delay, hasty_app, refresh_tokens_sent};
use super::world::{PROFILE, provider};

/// Time that this thread has spent computing.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

#[test]
fn when_the_renewing_threads_time_runs_out_a_waiter_with_time_left_takes_over() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    let client = client_of(&hasty_app(&provider, 8000), &provider, -10, &Saver::new());
    provider.fault(Fault::once(Target::Refresh, FaultKind::StallBeforeAnswer));
    std::thread::scope(|scope| {
        let leader = scope.spawn(|| client.get(PROFILE).map(|response| response.status));
        while provider.requests(Target::Refresh) == 0 {
            std::thread::yield_now();
        }
        sleep(Duration::from_millis(7000));
        let waiter = client.get(PROFILE).map(|response| response.status);
        assert_eq!(waiter, Ok(200), "seven seconds were left, and the rule wants five");
        assert_eq!(leader.join().unwrap().unwrap_err().code, code::TIMEOUT);
    });
    let sent = refresh_tokens_sent(&provider);
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], sent[1], "the answer may only have been lost");
}

#[test]
fn a_waiter_waits_for_its_own_timeout_and_not_for_the_renewing_thread() {
    let provider = provider();
    let (saving, release) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let saver = Saver::doing({
        let (saving, release) = (saving.clone(), release.clone());
        move |_| {
            saving.open();
            i32::from(release.wait())
        }
    });
    let client = client_of(&hasty_app(&provider, 1000), &provider, -10, &saver);
    std::thread::scope(|scope| {
        // Time in callbacks does not count: this one may take as long as it likes.
        let leader = scope.spawn(|| client.get(PROFILE).map(|response| response.status));
        assert!(saving.wait());
        let (start, computed) = (Instant::now(), cpu_time());
        assert_eq!(client.get(PROFILE).unwrap_err().code, code::TIMEOUT);
        assert_eq!(client.refresh().unwrap_err().code, code::TIMEOUT);
        let (waited, computed) = (start.elapsed(), cpu_time() - computed);
        assert!(waited >= Duration::from_millis(1900), "{waited:?}: it gave up too early");
        assert!(waited < LONG / 2, "{waited:?}");
        assert!(computed < Duration::from_millis(100), "{computed:?} computing, not waiting");
        release.open();
        assert_eq!(leader.join().unwrap(), Ok(200));
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn waiting_costs_no_processor_time() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    client.get(PROFILE).unwrap();
    delay(&provider, Target::Refresh, 2000);
    std::thread::scope(|scope| {
        let leader = scope.spawn(|| client.refresh());
        while provider.max_in_flight(Target::Refresh) == 0 {
            std::thread::yield_now();
        }
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (start, computed) = (Instant::now(), cpu_time());
                    client.refresh().unwrap();
                    (start.elapsed(), cpu_time() - computed)
                })
            })
            .collect();
        for waiter in waiters {
            let (waited, computed) = waiter.join().unwrap();
            assert!(waited > Duration::from_millis(500), "{waited:?}: it did not wait");
            // Looking every millisecond, or spinning, costs far more; sleeping costs microseconds.
            assert!(computed < Duration::from_millis(5), "{computed:?} in {waited:?}");
        }
        leader.join().unwrap().unwrap();
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
}

/// Fault of a peer (section 2.1 note 10 of the comparison): it looks every 100 ms.
#[test]
fn waiters_are_up_as_soon_as_the_token_is_saved() {
    let provider = provider();
    let saved = Arc::new(Mutex::new(Instant::now()));
    let saver = Saver::doing({
        let saved = saved.clone();
        move |_| {
            *saved.lock().unwrap() = Instant::now();
            1
        }
    });
    let client = client_with(&provider, 3600, &saver);
    delay(&provider, Target::Refresh, 300);
    // The slowest of eight waiters, in the best of a few rounds: a busy machine delays any one.
    let best = (0..10)
        .map(|_| {
            let up = std::thread::scope(|scope| {
                let all: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            client.refresh().unwrap();
                            Instant::now()
                        })
                    })
                    .collect();
                all.into_iter().map(|thread| thread.join().unwrap()).max().unwrap()
            });
            up.saturating_duration_since(*saved.lock().unwrap())
        })
        .find(|late| *late < Duration::from_millis(20));
    assert!(best.is_some(), "in ten rounds, nobody was up within 20 ms");
}

/// Fault of a peer (section 2.1 note 9): after one failed renewal every later call hangs.
#[test]
fn a_failed_renewal_is_over_for_everybody() {
    let provider = provider();
    let client = client_of(&hasty_app(&provider, 20_000), &provider, -10, &Saver::new());
    for kind in [FaultKind::Status404, FaultKind::Status410, FaultKind::Status429Bare] {
        provider.fault(Fault::always(Target::Refresh, kind));
        client.get(PROFILE).unwrap_err();
        provider.clear_faults();
    }
    let others: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| client.get(PROFILE).is_ok())).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(others, [true; 8]);
    assert_eq!(provider.requests(Target::Refresh), 4);
}

#[test]
fn while_the_provider_is_asked_the_old_token_serves_who_needs_no_other() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    let old = client.token_field("access_token").unwrap();
    delay(&provider, Target::Refresh, 1500);
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| client.refresh());
        while provider.max_in_flight(Target::Refresh) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert!(!renewing.is_finished(), "a good token need not wait for its successor");
        assert_eq!(super::scene::access_tokens_sent(&provider), [old]);
        renewing.join().unwrap().unwrap();
    });
}

#[test]
fn a_token_that_still_works_waits_for_nobodys_renewal() {
    let provider = provider();
    let client = client_with(&provider, 20, &Saver::new());
    let old = client.token_field("access_token").unwrap();
    delay(&provider, Target::Refresh, 1500);
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| client.get(PROFILE).map(|response| response.status));
        while provider.max_in_flight(Target::Refresh) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert!(!renewing.is_finished(), "it expires soon, and works");
        assert_eq!(super::scene::access_tokens_sent(&provider), [old]);
        assert_eq!(renewing.join().unwrap(), Ok(200));
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_token_that_still_works_waits_for_no_renewal_although_it_is_unsaved() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    let client = client_of(&hasty_app(&provider, 6000), &provider, 3600, &Saver::doing(|_| 0));
    client.refresh().unwrap_err();
    provider.fault(Fault::always(Target::Refresh, FaultKind::StallBeforeAnswer));
    let asked = provider.requests(Target::Refresh);
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| client.refresh());
        while provider.requests(Target::Refresh) == asked {
            std::thread::yield_now();
        }
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert!(!renewing.is_finished(), "the renewal offers the token to the store as well");
        renewing.join().unwrap().unwrap_err();
    });
}

/// The renewal after a response has one attempt and two seconds.
#[test]
fn a_weak_attempt_does_not_fail_a_thread_that_has_more_time() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    let client = client_with(&provider, 3600, &Saver::new());
    provider.fault(Fault { times: 4, ..Fault::always(Target::Refresh, FaultKind::Status503) });
    client.refresh().unwrap_err();
    rest();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(800)));
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status503));
    let asked = provider.requests(Target::Refresh);
    std::thread::scope(|scope| {
        let weak = scope.spawn(|| client.get(PROFILE).map(|response| response.status));
        while provider.requests(Target::Refresh) == asked {
            std::thread::yield_now();
        }
        client.refresh().expect("it has thirty seconds and four attempts of its own");
        assert_eq!(weak.join().unwrap(), Ok(200));
    });
    assert_eq!(provider.requests(Target::Refresh), asked + 2);
}

#[test]
fn a_cancelled_renewal_is_nobody_elses_error() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    let app = hasty_app(&provider, 2500);
    let client = client_of(&app, &provider, -10, &Saver::new());
    provider.fault(Fault::always(Target::Refresh, FaultKind::StallBeforeAnswer));
    std::thread::scope(|scope| {
        let cancelled = scope.spawn(|| client.get(PROFILE).map(drop));
        while provider.requests(Target::Refresh) == 0 {
            std::thread::yield_now();
        }
        app.cancel();
        // It was sent: its answer is waited for.
        assert_eq!(cancelled.join().unwrap().unwrap_err().code, code::CANCELLED);
    });
    let later = client.get(PROFILE).unwrap_err();
    assert_eq!(later.code, code::TIMEOUT, "nobody has cancelled this one: {later:?}");
}
