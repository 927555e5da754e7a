//! What a logger may do: it runs on the thread of the call, on many at once, and calls the library
//! as it likes.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use fitbit_simulator::{Decision, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::level::{DEBUG, TRACE};
use fitbit_test_support::{Client, Saver, code};

use crate::heard::Heard;
use crate::providers::{BOTH, Provider, wait_for};

/// Whoever takes this long is hanging.
const LONG: Duration = Duration::from_secs(60);

/// Runs a scene that may hang, which is a failure and not a wait.
#[track_caller]
fn without_hanging(scene: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let running = std::thread::spawn(move || {
        scene();
        let _ = done.send(());
    });
    match is_done.recv_timeout(LONG) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        _ => running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

/// A client whose token expires in so many seconds, of an app whose logger hears everything.
fn heard_client(provider: &Provider, simulator: &Simulator, heard: &Heard, expires: i64) -> Client {
    let app = provider.app(simulator);
    heard.listen(&app, TRACE);
    app.from_token(&provider.token(simulator, expires), &Saver::new()).unwrap()
}

#[test]
fn it_runs_on_the_thread_of_the_call() {
    for provider in &BOTH {
        let (simulator, heard) = (Simulator::start().unwrap(), Heard::new());
        let client = heard_client(provider, &simulator, &heard, 3600);
        let callers: HashSet<_> = std::thread::scope(|scope| {
            let call = || {
                for _ in 0..10 {
                    client.get(provider.path).unwrap();
                }
                std::thread::current().id()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(call)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(heard.threads().into_iter().collect::<HashSet<_>>(), callers);
        let gets = heard.texts().iter().filter(|line| line.starts_with("GET ")).count();
        assert_eq!(gets, 80, "no line is lost");
    }
}

#[test]
fn it_may_use_every_other_handle() {
    without_hanging(|| {
        for provider in &BOTH {
            let (simulator, heard) = (Arc::new(Simulator::start().unwrap()), Heard::new());
            let client = heard_client(provider, &simulator, &heard, -10);
            // One that has no connection open, each time, and one that keeps its own.
            let (same, kept, path) =
                (simulator.clone(), provider.client(&simulator), provider.path);
            let failures = Arc::new(Mutex::new(Vec::new()));
            let failed = failures.clone();
            heard.then(move |line| {
                let fresh = provider.client(&same);
                let outcomes = [fresh.get(path).err(), kept.get(path).err(), kept.refresh().err()];
                let outcomes = outcomes.into_iter().flatten();
                failed.lock().unwrap().extend(outcomes.map(|error| (line.to_owned(), error)));
                let _ = (kept.rate_limit(), kept.token(), kept.save());
            });
            client.get(path).unwrap();
            client.refresh().unwrap();
            let failures = failures.lock().unwrap();
            assert!(failures.is_empty(), "{failures:?}");
        }
    });
}

#[test]
fn another_client_of_the_same_app_may_be_used_too() {
    without_hanging(|| {
        for provider in &BOTH {
            let (simulator, heard) = (Simulator::start().unwrap(), Heard::new());
            let app = provider.app(&simulator);
            heard.listen(&app, TRACE);
            let client = |expires| {
                app.from_token(&provider.token(&simulator, expires), &Saver::new()).unwrap()
            };
            let (one, other) = (client(-10), client(3600));
            heard.then(move |_| drop(other.get(provider.path).unwrap()));
            one.get(provider.path).unwrap();
            let login = app.step_one(None).unwrap();
            let redirect = simulator.visit(&login.authorization_uri, Decision::Grant).unwrap();
            app.step_two(&login.session, &redirect, &Saver::new()).unwrap();
        }
    });
}

#[test]
fn of_its_own_client_it_may_read_everything_and_what_would_wait_for_itself_says_so() {
    without_hanging(|| {
        for provider in &BOTH {
            let (simulator, heard) = (Simulator::start().unwrap(), Heard::new());
            let client = Arc::new(heard_client(provider, &simulator, &heard, -10));
            let (own, refused) = (Arc::downgrade(&client), Arc::new(Mutex::new(Vec::new())));
            let kept = refused.clone();
            heard.then(move |line| {
                let Some(own) = own.upgrade() else { return };
                assert!(own.token().contains("access_token"));
                assert!(own.token_field("refresh_token").is_some());
                own.set_header("Accept-Language", Some("de_DE")).unwrap();
                own.rate_limit();
                if let Err(error) = own.get(provider.path) {
                    kept.lock().unwrap().push((line.to_owned(), error));
                }
            });
            client.get(provider.path).unwrap();
            client.refresh().unwrap();
            for (line, error) in refused.lock().unwrap().iter() {
                assert_eq!(error.code, code::INVALID_ARGUMENT, "{line}: {error:?}");
                assert!(!line.starts_with("GET "), "{line}: it waits for nothing of this call's");
            }
            assert!(!refused.lock().unwrap().is_empty(), "renewals have lines of their own");
        }
    });
}

#[test]
fn it_may_read_its_own_client_while_that_waits_for_another_thread() {
    without_hanging(|| {
        for provider in &BOTH {
            let (simulator, heard) = (Simulator::start().unwrap(), Heard::new());
            let client = Arc::new(heard_client(provider, &simulator, &heard, -10));
            let own = Arc::downgrade(&client);
            heard.then(move |_| {
                let Some(own) = own.upgrade() else { return };
                own.token();
                own.rate_limit();
            });
            simulator.fault(Fault::once(Target::Refresh, FaultKind::Latency(1000)));
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| client.get(provider.path).unwrap());
                }
                wait_for(&simulator, Target::Refresh);
                client.refresh().unwrap();
            });
            let lines = heard.texts();
            assert!(lines.iter().any(|line| line.starts_with("waiting for another")), "{lines:?}");
        }
    });
}

#[test]
fn a_request_in_the_logger_leaves_the_time_of_the_call_as_it_was() {
    without_hanging(|| {
        for provider in &BOTH {
            let (simulator, heard) = (Simulator::start().unwrap(), Heard::new());
            let app = provider.app(&simulator);
            app.set_timeout_ms(1000).unwrap();
            heard.listen(&app, TRACE);
            let token = provider.token(&simulator, 3600);
            let client = app.from_token(&token, &Saver::new()).unwrap();
            let other = provider.client(&simulator);
            other.get(provider.path).unwrap();
            heard.then(move |_| drop(other.get(provider.path).unwrap()));
            // The logger's own request passes; the client's is never answered.
            let stall = FaultKind::StallBeforeAnswer;
            simulator.fault(Fault { on: Target::Api, kind: stall, times: 1, skip: 1 });
            let error = client.get(provider.path).unwrap_err();
            assert_eq!(error.code, code::TIMEOUT, "{error:?}");
        }
    });
}

#[test]
fn a_logger_in_a_logger_is_counted_once() {
    for provider in &BOTH {
        let (simulator, heard, inner) = (Simulator::start().unwrap(), Heard::new(), Heard::new());
        let app = provider.app(&simulator);
        app.set_timeout_ms(1500).unwrap();
        heard.listen(&app, TRACE);
        let token = provider.token(&simulator, 3600);
        let client = app.from_token(&token, &Saver::new()).unwrap();
        // Inside the logger another client's request is told, which takes two seconds.
        let app = provider.app(&simulator);
        inner.listen(&app, DEBUG);
        inner.then(|_| std::thread::sleep(Duration::from_secs(2)));
        let other = app.from_token(&token, &Saver::new()).unwrap();
        heard.then(move |_| drop(other.get(provider.path).unwrap()));
        let late = FaultKind::Latency(2500);
        simulator.fault(Fault { on: Target::Api, kind: late, times: 1, skip: 1 });
        let error = client.get(provider.path).expect_err("2.5 seconds are more than 1.5");
        assert_eq!(error.code, code::TIMEOUT, "{error:?}");
    }
}

#[test]
fn a_logger_in_a_callback_is_counted_once() {
    for provider in &BOTH {
        let (simulator, inner) = (Simulator::start().unwrap(), Heard::new());
        let app = provider.app(&simulator);
        inner.listen(&app, DEBUG);
        inner.then(|_| std::thread::sleep(Duration::from_secs(2)));
        let other = app.from_token(&provider.token(&simulator, 3600), &Saver::new()).unwrap();
        // Inside the callback another client's request is told, which takes two seconds.
        let saver = Saver::doing(move |_| i32::from(other.get(provider.path).is_ok()));
        let app = provider.app(&simulator);
        app.set_timeout_ms(1500).unwrap();
        let client = app.from_token(&provider.token(&simulator, -10), &saver).unwrap();
        let late = FaultKind::Latency(2500);
        simulator.fault(Fault { on: Target::Api, kind: late, times: 1, skip: 1 });
        let error = client.get(provider.path).expect_err("2.5 seconds are more than 1.5");
        assert_eq!(error.code, code::TIMEOUT, "{error:?}");
    }
}

#[test]
fn loggers_of_many_clients_run_at_once() {
    let (simulator, heard) = (Simulator::start().unwrap(), Heard::new());
    let app = BOTH[0].app(&simulator);
    heard.listen(&app, DEBUG);
    // Each waits in its logger for the other: one at a time would never end.
    let meeting = Arc::new(std::sync::Barrier::new(2));
    let both = meeting.clone();
    heard.then(move |_| {
        both.wait();
    });
    let clients =
        [(); 2].map(|()| app.from_token(&BOTH[0].token(&simulator, 3600), &Saver::new()).unwrap());
    without_hanging(move || {
        std::thread::scope(|scope| {
            for client in &clients {
                scope.spawn(|| client.get(BOTH[0].path).unwrap());
            }
        });
    });
    assert_eq!(heard.lines().len(), 2);
}
