//! Whom the end of a call does not concern: other handles, and above all those that wait for a renewal
//! which the ended call led.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{DIALECT, PROFILE, provider, saved_token};
use fitbit_test_support::{App, Client, Saver};

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
