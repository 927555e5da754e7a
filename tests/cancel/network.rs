//! Calls that wait for the network: for an answer, a handshake, a connection, a name.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::google_health::world as google;
use fitbit_test_support::world::{PROFILE, provider, saved_token};
use fitbit_test_support::{App, Client, Saver};

use crate::scene::{LONG, a_moment, client_of, is_cancelled, patient_app, wait_for};

fn is_ended_under(kind: FaultKind) {
    let provider = provider();
    provider.fault(Fault::always(Target::Api, kind));
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    let ready = || {
        wait_for(&provider, Target::Api, 1);
        a_moment();
    };
    is_cancelled(&app, ready, || client.get(PROFILE));
    assert_eq!(provider.requests(Target::Api), 1, "it is not sent again");
    provider.clear_faults();
    provider.reset_counts();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn a_request_that_is_never_answered_is_ended() {
    is_ended_under(FaultKind::StallBeforeAnswer);
}

#[test]
fn a_body_that_never_comes_is_ended() {
    is_ended_under(FaultKind::Stall);
}

#[test]
fn a_body_that_drips_is_ended() {
    is_ended_under(FaultKind::SlowDrip(200));
}

#[test]
fn posts_and_deletes_are_ended_too() {
    let calls = [
        |client: &Client| client.post(PROFILE, Some("a=b")).map(drop),
        |client: &Client| client.delete(PROFILE).map(drop),
    ];
    for call in calls {
        // One each: the simulator notices only later that a client has left.
        let provider = provider();
        provider.fault(Fault::always(Target::Api, FaultKind::StallBeforeAnswer));
        let app = patient_app(&provider);
        let client = client_of(&app, &provider, 3600, &Saver::new());
        is_cancelled(&app, || wait_for(&provider, Target::Api, 1), || call(&client));
        assert_eq!(provider.requests(Target::Api), 1);
    }
}

#[test]
fn asking_who_somebody_is_is_ended_for_all_who_ask() {
    let provider = provider();
    let app = google::app(&provider);
    app.set_timeout_ms(LONG).unwrap();
    let client = app.from_token(&google::saved_token(&provider, 3600), &Saver::new()).unwrap();
    provider.fault(Fault::always(Target::Api, FaultKind::StallBeforeAnswer));
    let both = || {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| client.user_id());
            let mine = client.user_id();
            other.join().unwrap().and(mine)
        })
    };
    let ready = || {
        wait_for(&provider, Target::Api, 1);
        a_moment();
    };
    is_cancelled(&app, ready, both);
    assert!(provider.requests(Target::Api) <= 2, "each asks at most once");
}

/// An app whose every endpoint is there; and a client with a token that has expired, or not.
fn at(server: &str, provider: &Simulator, expires_in: i64) -> (App, Client) {
    let row = fitbit_test_support::world::DIALECT;
    let app = row.app_at(server, row.client_id, Some(row.client_secret), row.callback_uri);
    app.set_timeout_ms(LONG).unwrap();
    let client = app.from_token(&saved_token(provider, expires_in), &Saver::new()).unwrap();
    (app, client)
}

#[test]
fn a_handshake_that_is_never_answered_is_ended() {
    let (provider, silent) = (provider(), TcpListener::bind("127.0.0.1:0").unwrap());
    let server = format!("https://{}", silent.local_addr().unwrap());
    // Neither a request nor a renewal is sent before it: both can be given up.
    for expires_in in [3600, -10] {
        let (app, client) = at(&server, &provider, expires_in);
        let mut came = None;
        let ready = || {
            let (mut stream, _) = silent.accept().unwrap();
            stream.read_exact(&mut [0; 5]).unwrap();
            a_moment();
            came = Some(stream);
        };
        is_cancelled(&app, ready, || client.get(PROFILE));
    }
}

#[test]
fn a_login_is_given_up_in_a_handshake_before_its_code_was_sent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("https://{}", silent.local_addr().unwrap());
    let (app, _) = at(&server, &provider(), 3600);
    let step = app.step_one(None).unwrap();
    let state = fitbit_test_support::field(&step.authorization_uri, "state").unwrap();
    let mut came = None;
    let ready = || {
        let (mut stream, _) = silent.accept().unwrap();
        stream.read_exact(&mut [0; 5]).unwrap();
        came = Some(stream);
    };
    let back = format!("/callback?code=a&state={state}");
    is_cancelled(&app, ready, || app.step_two(&step.session, &back, &Saver::new()));
}

#[test]
fn a_connection_that_is_never_made_is_ended() {
    let (provider, full) = (provider(), TcpListener::bind("127.0.0.1:0").unwrap());
    // One connection may wait to be accepted; the next one's first packet is dropped.
    assert_eq!(unsafe { libc::listen(full.as_raw_fd(), 0) }, 0);
    let address = full.local_addr().unwrap();
    let _waiting = TcpStream::connect(address).unwrap();
    let (app, client) = at(&format!("http://{address}"), &provider, 3600);
    is_cancelled(&app, a_moment, || client.get(PROFILE));
}
