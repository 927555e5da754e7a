//! Calls that are given up after a tenth of a second, fifty a second, at a path that is silent: they
//! cost few threads and sockets, and the requests beside them do not notice.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{provider, saved_token};
use fitbit_test_support::{c, library};

use crate::silent::{Silent, Then, Until};

/// What they may cost beside the healthy requests.
const MAX_MORE: i64 = 20;

/// How long the program looks at the healthy requests alone.
const ALONE_SECONDS: i64 = 3;

/// `silent` is the server that they ask, unless it is a path of the healthy one.
fn impatient(way: &str, place: &str, silent: Option<&str>) {
    let seconds: i64 = match std::env::var_os("FITBIT_LONG") {
        Some(_) => 30,
        None if silent.is_some() => 4,
        None => 10,
    };
    let provider = provider();
    provider.fault(Fault::always(
        Target::ApiPath("/1.2/user/-/sleep".to_owned()),
        FaultKind::StallBeforeAnswer,
    ));
    let source = library::root().join("tests/ends/patience.c");
    let name = format!("ends_patience_{way}_{}", place.replace(' ', "_"));
    let program = c::build(&source, &name, &["-g", "-ldl"]);
    let (token, time) = (saved_token(&provider, 20_000), seconds.to_string());
    let said = program.run([way, provider.uri(), &token, &time].into_iter().chain(silent));
    let figures: BTreeMap<&str, i64> = said
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, figure)| (name, figure.parse().expect("a number")))
        .collect();
    let _ = writeln!(std::io::stderr(), "IMPATIENT by {way}, {place}, {seconds} s: {figures:?}");
    assert_eq!(figures["wrong"], 0, "{figures:?}");
    // A busy machine may begin some of them late.
    assert!(figures["ended"] >= seconds * 25, "{figures:?}");
    assert_eq!(figures["unhealthy"], 0, "{figures:?}");
    // The same number of healthy requests each second, with wide room.
    let (alone, beside) = (figures["alone_calls"] / ALONE_SECONDS, figures["calls"] / seconds);
    assert!(beside * 4 > alone, "{alone} a second alone: {figures:?}");
    for what in ["threads", "sockets"] {
        let more = figures[what] - figures[&*format!("alone_{what}")];
        assert!(more <= MAX_MORE, "{more} more {what}: {figures:?}");
    }
}

#[test]
fn fifty_calls_a_second_that_time_out_cost_few_threads_and_sockets() {
    impatient("timeout", "no response", None);
}

#[test]
fn fifty_calls_a_second_that_are_aborted_cost_few_threads_and_sockets() {
    impatient("abort", "no response", None);
}

/// No connection is made: the first packets are dropped.
#[test]
fn fifty_calls_a_second_to_a_server_that_takes_no_connection_cost_few_threads_and_sockets() {
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(unsafe { libc::listen(full.as_raw_fd(), 0) }, 0);
    let address = full.local_addr().unwrap();
    let _waiting = TcpStream::connect(address).unwrap();
    for way in ["timeout", "abort"] {
        impatient(way, "connecting", Some(&format!("http://{address}")));
    }
}

#[test]
fn fifty_calls_a_second_to_a_silent_tls_server_cost_few_threads_and_sockets() {
    let silent = Silent::after(&[(Until::Bytes(5), b"")], Then::Reads);
    for way in ["timeout", "abort"] {
        impatient(way, "TLS handshake", Some(&format!("https://{}", silent.address)));
    }
}

#[test]
fn fifty_calls_a_second_to_a_name_without_an_answer_cost_few_threads_and_sockets() {
    for way in ["timeout", "abort"] {
        impatient(way, "look-up", Some("https://nowhere.example"));
    }
}
