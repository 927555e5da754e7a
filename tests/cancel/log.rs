//! What the log says of a call that was cancelled: that, and nothing of a timeout or a connection
//! that died.

use std::io::{Read, Write};
use std::net::TcpListener;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{App, Saver, level};

use crate::heard::Heard;
use crate::scene::{LONG, a_moment, client_of, is_cancelled, patient_app, wait_for};

/// The lines of one cancelled call.
#[track_caller]
fn says_cancelled_and_nothing_else(heard: &Heard) {
    let lines = heard.texts();
    assert!(lines.iter().any(|line| line.contains("cancelled")), "{lines:?}");
    for wrong in ["TIMEOUT", "NETWORK", "died", "once more", "bytes,", "connecting"] {
        assert!(!lines.iter().any(|line| line.contains(wrong)), "{wrong}: {lines:?}");
    }
    let alarming = heard.lines().into_iter().filter(|(level, _)| *level <= level::WARN);
    assert_eq!(alarming.collect::<Vec<_>>(), [], "{lines:?}");
}

#[test]
fn a_call_that_is_cancelled_on_a_kept_alive_connection_is_logged_as_cancelled() {
    for kind in [FaultKind::StallBeforeAnswer, FaultKind::Stall, FaultKind::SlowDrip(200)] {
        let heard = Heard::new();
        let provider = provider();
        let app = patient_app(&provider);
        heard.listen(&app, level::TRACE);
        let client = client_of(&app, &provider, 3600, &Saver::new());
        client.get(PROFILE).unwrap();
        provider.reset_counts();
        heard.forget();
        provider.fault(Fault::always(Target::Api, kind));
        let ready = || {
            wait_for(&provider, Target::Api, 1);
            a_moment();
        };
        is_cancelled(&app, ready, || client.get(PROFILE));
        says_cancelled_and_nothing_else(&heard);
        assert_eq!(provider.requests(Target::Api), 1, "it is not sent again");
    }
}

#[test]
fn half_a_body_without_a_length_is_no_response_when_its_call_is_cancelled() {
    let heard = Heard::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", server.local_addr().unwrap());
    let app = App::at(&uri, "ID", None, "https://app.example/");
    app.set_timeout_ms(LONG).unwrap();
    heard.listen(&app, level::TRACE);
    let token = r#"{"access_token":"abcdefgh","expires_at":4102444800}"#;
    let client = app.from_token(token, &Saver::new()).unwrap();
    let mut came = None;
    let ready = || {
        let (mut stream, _) = server.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        heard.forget();
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"half\":").unwrap();
        a_moment();
        came = Some(stream);
    };
    is_cancelled(&app, ready, || client.get("/1/any.json"));
    says_cancelled_and_nothing_else(&heard);
}

#[test]
fn a_handshake_that_is_cancelled_is_no_timeout_in_the_log() {
    // A request, and a renewal before anything of it was sent.
    for expires_at in [4_102_444_800_u64, 1] {
        let heard = Heard::new();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let uri = format!("https://{}", server.local_addr().unwrap());
        let app = App::at(&uri, "ID", None, "https://app.example/");
        app.set_timeout_ms(LONG).unwrap();
        heard.listen(&app, level::TRACE);
        let token = format!(
            r#"{{"access_token":"abcdefgh","refresh_token":"hgfedcba","expires_at":{expires_at}}}"#
        );
        let client = app.from_token(&token, &Saver::new()).unwrap();
        let mut came = None;
        let ready = || {
            let (mut stream, _) = server.accept().unwrap();
            stream.read_exact(&mut [0; 5]).unwrap();
            a_moment();
            came = Some(stream);
        };
        is_cancelled(&app, ready, || client.get("/1/any.json"));
        let lines = heard.texts();
        assert!(lines.iter().any(|line| line.contains("cancelled")), "{lines:?}");
        for wrong in ["TIMEOUT", "NETWORK", "ran out", "once more", "asking again"] {
            assert!(!lines.iter().any(|line| line.contains(wrong)), "{wrong}: {lines:?}");
        }
    }
}
