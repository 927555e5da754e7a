//! Whom the end of a call does not concern: other handles, and above all those that wait for a renewal
//! which the ended call led.

use std::ffi::{c_char, c_void};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use fitbit_simulator::{Decision, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::google_health::world as google;
use fitbit_test_support::world::{DIALECT, PROFILE, provider, saved_token};
use fitbit_test_support::{App, Client, Saver, interface, level};

use crate::files::{lock_beside, token_file};
use crate::scene::{
    LONG, Running, a_moment, client_of, is_cancelled, is_ended_already, patient_app, start,
    wait_for,
};

/// A leader, whose call is ended by `ready` and then an abort, and seven that wait for its renewal.
fn seven_wait(client: &Client, ready: impl FnOnce(), after: impl FnOnce()) {
    let leading = client.dup().unwrap();
    let waiting = [(); 7].map(|()| client.dup().unwrap());
    thread::scope(|scope| {
        let leader = start(scope, || leading.get(PROFILE).map(|response| response.status));
        ready();
        let others: Vec<Running<_>> = waiting
            .iter()
            .map(|one| start(scope, || one.get(PROFILE).map(|response| response.status)))
            .collect();
        a_moment();
        leading.abort();
        is_cancelled(leader.end().0);
        after();
        for one in others {
            assert_eq!(one.end().0, Ok(200));
        }
    });
    is_ended_already(|| leading.get(PROFILE));
}

#[test]
fn another_takes_over_a_renewal_whose_leader_was_ended_in_its_pause() {
    let provider = provider();
    provider.fault(Fault { times: 3, ..Fault::always(Target::Refresh, FaultKind::Status503) });
    let app = patient_app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    let paused = || {
        while provider.requests(Target::Refresh) < 3 {
            thread::sleep(Duration::from_millis(1));
        }
    };
    seven_wait(&client, paused, || ());
    assert_eq!(saver.offered(), [client.token()]);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    assert_eq!(provider.requests(Target::Refresh), 4);
    assert_eq!(provider.requests(Target::Api), 7);
}

/// Passes everything on to a port of 127.0.0.1, but takes the first connection and says nothing.
fn silent_once(port: u16) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let came = Arc::new(AtomicUsize::new(0));
    let count = came.clone();
    thread::spawn(move || {
        let mut silent = None;
        for near in listener.incoming().flatten() {
            if count.fetch_add(1, Ordering::SeqCst) == 0 {
                silent = Some(near);
                continue;
            }
            thread::spawn(move || pass_on(near, port));
        }
        drop(silent);
    });
    (address, came)
}

fn pass_on(near: TcpStream, port: u16) -> std::io::Result<()> {
    let far = TcpStream::connect(("127.0.0.1", port))?;
    let (mut from, mut to) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    std::io::copy(&mut { far }, &mut { near }).map(drop)
}

/// An app whose token endpoint is behind a relay that is silent once, in the TLS handshake.
fn behind(provider: &Simulator, relay: SocketAddr) -> App {
    let app = DIALECT.app(provider);
    let [_, token, _] = DIALECT.oauth_paths;
    app.set_endpoint(1, &format!("https://localhost:{}{token}", relay.port())).unwrap();
    app.set_ca_file(&token_file(provider.ca_pem())).unwrap();
    app.set_timeout_ms(LONG).unwrap();
    app
}

#[test]
fn another_takes_over_a_renewal_whose_leader_was_ended_before_it_was_sent() {
    let provider = Simulator::builder().tls(true).start().unwrap();
    let (relay, came) = silent_once(provider.port());
    let app = behind(&provider, relay);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    let connected = || {
        while came.load(Ordering::SeqCst) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    };
    seven_wait(&client, connected, || ());
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(saver.offered(), [client.token()]);
}

#[test]
fn those_who_wait_get_the_token_of_a_leader_that_was_ended_after_it_was_sent() {
    let provider = provider();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(1500)));
    let app = patient_app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    seven_wait(&client, || wait_for(&provider, Target::Refresh, 1), || ());
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(saver.offered(), [client.token()]);
}

#[test]
fn another_takes_over_from_a_leader_that_was_ended_while_it_waited_for_a_files_lock() {
    let provider = provider();
    let path = token_file(&saved_token(&provider, -10));
    let app = patient_app(&provider);
    let client = app.from_file(&path).unwrap();
    let (theirs, _) = lock_beside(&path);
    theirs.lock().unwrap();
    seven_wait(&client, a_moment, || theirs.unlock().unwrap());
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), client.token());
}

#[test]
fn leaders_are_ended_one_after_the_other_and_the_last_one_renews() {
    let provider = provider();
    let path = token_file(&saved_token(&provider, -10));
    let app = patient_app(&provider);
    let client = app.from_file(&path).unwrap();
    let (theirs, _) = lock_beside(&path);
    theirs.lock().unwrap();
    let handles = [(); 6].map(|()| client.dup().unwrap());
    thread::scope(|scope| {
        let calls: Vec<_> = handles
            .iter()
            .map(|one| {
                let call = start(scope, || one.get(PROFILE).map(|response| response.status));
                a_moment();
                call
            })
            .collect();
        for (number, call) in calls.into_iter().enumerate() {
            if number < 5 {
                handles[number].abort();
                is_cancelled(call.end().0);
                a_moment();
            } else {
                assert!(call.is_running());
                theirs.unlock().unwrap();
                assert_eq!(call.end().0, Ok(200));
            }
        }
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn the_calls_of_other_handles_go_on_beside_an_abort() {
    let provider = provider();
    provider.fault(Fault::always(Target::Api, FaultKind::Latency(1000)));
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    let aborted = client.dup().unwrap();
    thread::scope(|scope| {
        let ended = [(); 8].map(|()| start(scope, || aborted.get(PROFILE)));
        let going_on = [(); 8].map(|()| start(scope, || client.get(PROFILE)));
        while provider.requests(Target::Api) < 16 {
            thread::sleep(Duration::from_millis(1));
        }
        aborted.abort();
        for call in ended {
            is_cancelled(call.end().0);
        }
        for call in going_on {
            assert_eq!(call.end().0.unwrap().status, 200);
        }
    });
}

#[test]
fn another_handle_still_learns_who_the_person_is() {
    let provider = provider();
    provider.fault(Fault { times: 2, ..Fault::always(Target::Api, FaultKind::Latency(1000)) });
    let app = google::app(&provider);
    app.set_timeout_ms(LONG).unwrap();
    let client = app.from_token(&google::saved_token(&provider, 3600), &Saver::new()).unwrap();
    let aborted = client.dup().unwrap();
    thread::scope(|scope| {
        let ended = start(scope, || aborted.user_id());
        wait_for(&provider, Target::Api, 1);
        let going_on = start(scope, || client.user_id());
        a_moment();
        aborted.abort();
        is_cancelled(ended.end().0);
        assert_eq!(going_on.end().0.unwrap(), google::USER);
    });
}

#[test]
fn another_handle_goes_on_waiting_for_the_rate_limit() {
    let provider = provider();
    let fault = FaultKind::Status429Reset(2);
    provider.fault(Fault { times: 2, ..Fault::always(Target::Api, fault) });
    let app = patient_app(&provider);
    app.set_rate_limit_wait(60).unwrap();
    let client = client_of(&app, &provider, 3600, &Saver::new());
    let aborted = client.dup().unwrap();
    thread::scope(|scope| {
        let ended = start(scope, || aborted.get(PROFILE));
        let going_on = start(scope, || client.get(PROFILE));
        wait_for(&provider, Target::Api, 1);
        a_moment();
        aborted.abort();
        is_cancelled(ended.end().0);
        assert_eq!(going_on.end().0.unwrap().status, 200);
    });
}

unsafe extern "C" fn abort(_: u32, _: *const c_char, client: *mut c_void) {
    // It is NULL at first.
    let client = unsafe { &*client.cast::<AtomicPtr<c_void>>() };
    unsafe { (interface().abort)(client.load(Ordering::SeqCst)) };
}

#[test]
fn a_logger_may_end_the_handle_whose_call_it_hears_of() {
    let provider = provider();
    // The app and its clients are freed before it.
    let handle = AtomicPtr::<c_void>::default();
    let app = patient_app(&provider);
    let data = std::ptr::from_ref(&handle).cast_mut().cast();
    app.set_logger(level::TRACE, Some(abort), data).unwrap();
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    let dup = client.dup().unwrap();
    handle.store(client.handle, Ordering::SeqCst);
    is_cancelled(client.get(PROFILE));
    assert_eq!(dup.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    handle.store(std::ptr::null_mut(), Ordering::SeqCst);
}

#[test]
fn the_first_token_of_a_login_is_saved_and_makes_a_client_although_its_callback_shuts_down() {
    let provider = provider();
    let app = patient_app(&provider);
    let step = app.step_one(None).unwrap();
    let back = provider.visit(&step.authorization_uri, Decision::Grant).unwrap();
    let handle = app.0 as usize;
    let saver = Saver::doing(move |_| {
        unsafe { (interface().app_shutdown)(handle as *mut c_void) };
        1
    });
    let client = app.step_two(&step.session, &back, &saver).unwrap();
    assert_eq!(saver.offered(), [client.token()]);
    is_ended_already(|| client.get(PROFILE));
}

#[test]
fn a_login_in_a_browser_is_finished_once_its_code_was_sent() {
    let provider = provider();
    provider.fault(Fault::once(Target::Exchange, FaultKind::Latency(700)));
    let app = patient_app(&provider);
    let saver = Saver::new();
    thread::scope(|scope| {
        let (tell, told) = channel();
        let open = move |uri: &str| {
            tell.send(uri.to_owned()).unwrap();
            1
        };
        let logging_in = start(scope, || app.login(LONG, open, &saver));
        let uri = told.recv().unwrap();
        let back = provider.visit(&uri, Decision::Grant).unwrap();
        scope.spawn(move || visit(&back));
        wait_for(&provider, Target::Exchange, 1);
        app.abort();
        let client = logging_in.end().0.unwrap();
        assert_eq!(saver.offered(), [client.token()]);
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
    });
}

/// The browser comes back to the callback URI.
fn visit(uri: &str) {
    let (host, path) = uri.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

#[test]
fn the_calls_of_clients_go_on_when_their_app_handle_is_aborted() {
    let provider = provider();
    provider.fault(Fault::once(Target::Api, FaultKind::Latency(700)));
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    thread::scope(|scope| {
        let running = start(scope, || client.get(PROFILE));
        wait_for(&provider, Target::Api, 1);
        app.abort();
        assert_eq!(running.end().0.unwrap().status, 200);
    });
}

#[test]
fn another_applications_calls_go_on_beside_a_shutdown() {
    let provider = provider();
    provider.fault(Fault::always(Target::Api, FaultKind::Latency(1000)));
    let (one, other) = (patient_app(&provider), patient_app(&provider));
    let ended = client_of(&one, &provider, 3600, &Saver::new());
    let going_on = client_of(&other, &provider, 3600, &Saver::new());
    thread::scope(|scope| {
        let (first, second) =
            (start(scope, || ended.get(PROFILE)), start(scope, || going_on.get(PROFILE)));
        wait_for(&provider, Target::Api, 2);
        one.shutdown();
        is_cancelled(first.end().0);
        assert_eq!(second.end().0.unwrap().status, 200);
    });
}

#[test]
fn endings_of_handles_that_do_nothing_are_no_use_of_the_app() {
    let provider = provider();
    let app = patient_app(&provider);
    app.cancel();
    app.abort();
    app.abort();
    app.set_scopes("sleep").unwrap();
}
