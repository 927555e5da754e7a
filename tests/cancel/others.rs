//! Whom a cancel does not concern: other apps, later calls, connections that are idle; and from where
//! it may be called.

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use std::sync::Barrier;
use std::thread;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{Saver, code, interface, level};

use crate::scene::{client_of, patient_app, start, wait_for};

const FOOD: &str = "/1/user/-/foods/log.json";
const APPLE: &str = "foodName=Apple&calories=80&mealTypeId=7&unitId=304&amount=1&date=today";

#[test]
fn sixty_four_calls_are_cancelled_at_once() {
    let provider = provider();
    provider.fault(Fault::always(Target::Api, FaultKind::StallBeforeAnswer));
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    thread::scope(|scope| {
        let running = [(); 64].map(|()| start(scope, || client.get(PROFILE)));
        while provider.requests(Target::Api) < 64 {
            thread::yield_now();
        }
        app.cancel();
        for one in running {
            assert_eq!(one.end().0.err().unwrap().code, code::CANCELLED);
        }
    });
    provider.clear_faults();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn another_apps_calls_go_on() {
    let provider = provider();
    provider.fault(Fault::always(Target::Api, FaultKind::Latency(1000)));
    let (one, other) = (patient_app(&provider), patient_app(&provider));
    let cancelled = client_of(&one, &provider, 3600, &Saver::new());
    let going_on = client_of(&other, &provider, 3600, &Saver::new());
    thread::scope(|scope| {
        let (first, second) =
            (start(scope, || cancelled.get(PROFILE)), start(scope, || going_on.get(PROFILE)));
        wait_for(&provider, Target::Api, 2);
        one.cancel();
        assert_eq!(first.end().0.err().unwrap().code, code::CANCELLED);
        assert_eq!(second.end().0.unwrap().status, 200);
    });
}

#[test]
fn nothing_and_nobody_can_be_cancelled() {
    unsafe { (interface().app_cancel)(null_mut()) };
    let provider = provider();
    let app = patient_app(&provider);
    app.cancel();
    app.set_scopes("sleep").unwrap(); // it is not in use by that
    let client = client_of(&app, &provider, 3600, &Saver::new());
    for _ in 0..3 {
        app.cancel();
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
    }
}

#[test]
fn idle_connections_that_a_cancel_meets_do_no_harm() {
    let provider = provider();
    provider.fault(Fault { times: 8, ..Fault::always(Target::Api, FaultKind::Latency(300)) });
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    let together = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                together.wait();
                client.get(PROFILE).unwrap();
            });
        }
    });
    for _ in 0..10 {
        app.cancel();
        assert!(client.post(FOOD, Some(APPLE)).is_ok());
        app.cancel();
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
    }
    // None was sent twice.
    assert_eq!(provider.requests(Target::Api), 28);
}

#[test]
fn a_token_callback_may_cancel_and_its_token_is_saved() {
    let provider = provider();
    let app = patient_app(&provider);
    let handle = app.0 as usize;
    let saver = Saver::doing(move |_| {
        unsafe { (interface().app_cancel)(handle as *mut c_void) };
        1
    });
    let client = client_of(&app, &provider, -10, &saver);
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::CANCELLED);
    assert_eq!(saver.offered(), [client.token()]);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(client.refresh().unwrap_err().code, code::CANCELLED);
    assert_eq!(saver.offered().len(), 2);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

unsafe extern "C" fn cancel(_: u32, _: *const c_char, app: *mut c_void) {
    unsafe { (interface().app_cancel)(app) };
}

#[test]
fn a_logger_may_cancel() {
    let provider = provider();
    let app = patient_app(&provider);
    app.set_logger(level::TRACE, Some(cancel), app.0).unwrap();
    // A line is logged before the request goes out, and in each renewal.
    let client = client_of(&app, &provider, 3600, &Saver::new());
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::CANCELLED);
    let saver = Saver::new();
    let expired = client_of(&app, &provider, -10, &saver);
    assert_eq!(expired.get(PROFILE).unwrap_err().code, code::CANCELLED);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}
