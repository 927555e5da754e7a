//! Whose login it is: Fitbit's tokens say it, Google is asked once, and what it said stays with the
//! token.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::scope;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{USER, provider};
use fitbit_test_support::{Error, Saver, code, interface};
use serde_json::json;

use crate::guarded::Guarded;
use crate::providers::{FITBIT, Folder, GOOGLE, read, wait_for, with};

const IDENTITY: &str = "/v4/users/me/identity";

pub fn asked(simulator: &Simulator) -> u64 {
    simulator.requests(Target::ApiPath(IDENTITY.to_owned()))
}

/// The id that Google gives the simulator's person.
pub fn known_id(simulator: &Simulator) -> String {
    let id = GOOGLE.client(simulator).user_id().unwrap();
    assert!(!id.is_empty() && id != USER, "{id}");
    simulator.reset_counts();
    id
}

/// The tokens of a client that asks Google with this token need no request any more.
#[track_caller]
pub fn assert_known(simulator: &Simulator, token: &str, id: &str) {
    let before = simulator.requests(Target::Any);
    let client = GOOGLE.app(simulator).from_token(token, &Saver::new()).unwrap();
    assert_eq!(client.user_id().unwrap(), id);
    assert_eq!(simulator.requests(Target::Any), before);
}

#[test]
fn fitbits_tokens_say_it() {
    let simulator = provider();
    let client = FITBIT.client_with(&simulator, -10, &Saver::new());
    assert_eq!(client.user_id().unwrap(), USER);
    let nameless = with(&FITBIT.token(&simulator, 3600), "user_id", None);
    let nameless = FITBIT.app(&simulator).from_token(&nameless, &Saver::new()).unwrap();
    assert_eq!(nameless.user_id().unwrap_err().code, code::PROTOCOL);
    assert_eq!(simulator.requests(Target::Any), 0);
}

#[test]
fn google_is_asked_once_and_the_callback_gets_the_token_with_the_id() {
    let simulator = provider();
    let id = known_id(&simulator);
    let saver = Saver::new();
    let client = GOOGLE.client_with(&simulator, 3600, &saver);
    assert_eq!(client.token_field("user_id"), None);
    for _ in 0..3 {
        assert_eq!(client.user_id().unwrap(), id);
    }
    assert_eq!((asked(&simulator), simulator.requests(Target::Any)), (1, 1));
    assert_eq!(client.token_field("user_id"), Some(id.clone()));
    assert_eq!(saver.offered(), [client.token()]);
    assert_known(&simulator, &saver.offered()[0], &id);
}

#[test]
fn a_token_file_and_a_guard_get_the_id_too() {
    let (simulator, folder) = (provider(), Folder::new());
    let id = known_id(&simulator);
    let path = folder.login(&GOOGLE, &simulator);
    assert_eq!(GOOGLE.app(&simulator).from_file(&path).unwrap().user_id().unwrap(), id);
    assert_known(&simulator, &read(&path), &id);

    let guarded = Guarded::new(GOOGLE.app(&simulator), &GOOGLE.token(&simulator, 3600));
    assert_eq!(guarded.user_id().unwrap(), id);
    assert_eq!(guarded.entered(), 1);
    assert_known(&simulator, &guarded.row(), &id);
    assert_eq!(asked(&simulator), 2);
}

#[test]
fn thirty_two_threads_ask_google_at_most_once_each_and_save_once() {
    let simulator = provider();
    let id = known_id(&simulator);
    let saver = Saver::new();
    let client = GOOGLE.client_with(&simulator, 3600, &saver);
    simulator.fault(Fault::once(Target::Api, FaultKind::Latency(300)));
    let together = Barrier::new(32);
    scope(|scope| {
        let asking = || {
            together.wait();
            client.user_id()
        };
        let threads: Vec<_> = (0..32).map(|_| scope.spawn(asking)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap(), id);
        }
    });
    assert!((1..=32).contains(&asked(&simulator)));
    assert_eq!(saver.offered().len(), 1);
}

/// The thread that asks in the parent does not exist in the child.
#[test]
fn a_child_forked_while_google_is_asked_asks_itself() {
    let simulator = provider();
    let app = GOOGLE.app(&simulator);
    app.set_timeout_ms(5000).unwrap();
    let client = app.from_token(&GOOGLE.token(&simulator, 3600), &Saver::new()).unwrap();
    simulator.fault(Fault::once(Target::Api, FaultKind::Latency(1000)));
    scope(|scope| {
        let asking = scope.spawn(|| client.user_id());
        wait_for(&simulator, Target::Api);
        let child = unsafe { libc::fork() };
        if child == 0 {
            let code = client.user_id().map_or_else(|error| error.code, |_| 0);
            unsafe { libc::_exit(code as i32) };
        }
        let mut status = 0;
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 0));
        asking.join().unwrap().unwrap();
    });
    assert_eq!(asked(&simulator), 2);
}

#[test]
fn what_failed_is_asked_again_by_the_next_call() {
    let simulator = provider();
    let id = known_id(&simulator);
    let html =
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n<html></html>".to_vec();
    for (kind, expected) in [
        (FaultKind::Status404, code::HTTP),
        (FaultKind::Status403Permissions, code::HTTP),
        (FaultKind::Status403Scope, code::INSUFFICIENT_SCOPE),
        (FaultKind::Status503, code::HTTP),
        (FaultKind::Status410, code::HTTP),
        (FaultKind::Status429Bare, code::RATE_LIMITED),
        (FaultKind::CloseAfterRead, code::NETWORK),
        (FaultKind::EmptyBody, code::PROTOCOL),
        (FaultKind::MalformedJson, code::PROTOCOL),
        (FaultKind::Raw(html), code::PROTOCOL),
        (FaultKind::Json(200, json!({"legacyUserId": USER})), code::PROTOCOL),
        (FaultKind::Json(200, json!({"healthUserId": ""})), code::PROTOCOL),
        (FaultKind::Json(200, json!({"healthUserId": null})), code::PROTOCOL),
        (FaultKind::Json(200, json!({"healthUserId": 7})), code::PROTOCOL),
        (FaultKind::Json(200, json!([{"healthUserId": "7"}])), code::PROTOCOL),
    ] {
        let saver = Saver::new();
        let client = GOOGLE.client_with(&simulator, 3600, &saver);
        simulator.fault(Fault::always(Target::Api, kind.clone()));
        let error = client.user_id().unwrap_err();
        assert_eq!(error.code, expected, "{kind:?}: {error:?}");
        assert_eq!((client.token_field("user_id"), saver.offered().len()), (None, 0));
        simulator.clear_faults();
        assert_eq!(client.user_id().unwrap(), id, "{kind:?}");
    }
}

#[test]
fn an_answer_that_does_not_come_is_a_timeout_for_everybody_who_waits() {
    let simulator = provider();
    let app = GOOGLE.app(&simulator);
    app.set_timeout_ms(1000).unwrap();
    let client = app.from_token(&GOOGLE.token(&simulator, 3600), &Saver::new()).unwrap();
    simulator.fault(Fault::always(Target::Api, FaultKind::StallBeforeAnswer));
    scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| client.user_id())).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap().unwrap_err().code, code::TIMEOUT);
        }
    });
    simulator.clear_faults();
    client.user_id().unwrap();
}

#[test]
fn inside_the_clients_own_callback_only_a_known_id_is_told() {
    let simulator = provider();
    let own = Arc::new(AtomicPtr::<c_void>::default());
    let told = Arc::new(Mutex::new(vec![]));
    let saver = Saver::doing({
        let (own, told) = (own.clone(), told.clone());
        move |_| {
            let mut id = null_mut();
            let handle = own.load(Ordering::SeqCst);
            let outcome = Error::check(unsafe { (interface().user_id)(handle, &mut id) });
            unsafe { (interface().string_free)(id) };
            told.lock().unwrap().push(outcome.map_err(|error| error.code));
            1
        }
    });
    let client = GOOGLE.client_with(&simulator, 3600, &saver);
    own.store(client.handle, Ordering::SeqCst);
    client.refresh().unwrap();
    client.user_id().unwrap();
    client.refresh().unwrap();
    assert_eq!(*told.lock().unwrap(), [Err(code::INVALID_ARGUMENT), Ok(()), Ok(())]);
    assert_eq!(asked(&simulator), 1);
}
