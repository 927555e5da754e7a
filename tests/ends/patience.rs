//! Calls that are given up after a tenth of a second, fifty a second, at a path that is silent: they
//! cost few threads and sockets, and the requests beside them do not notice.

use std::collections::BTreeMap;
use std::io::Write;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{provider, saved_token};
use fitbit_test_support::{c, library};

/// What they may cost beside the healthy requests.
const MAX_MORE: i64 = 20;

fn impatient(way: &str) {
    let seconds = if std::env::var_os("FITBIT_LONG").is_some() { 30 } else { 10 };
    let provider = provider();
    provider.fault(Fault::always(
        Target::ApiPath("/1.2/user/-/sleep".to_owned()),
        FaultKind::StallBeforeAnswer,
    ));
    let source = library::root().join("tests/ends/patience.c");
    let program = c::build(&source, &format!("ends_patience_{way}"), &["-g"]);
    let token = saved_token(&provider, 20_000);
    let said = program.run([way, provider.uri(), &token, &seconds.to_string()]);
    let figures: BTreeMap<&str, i64> = said
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, figure)| (name, figure.parse().expect("a number")))
        .collect();
    let _ = writeln!(std::io::stderr(), "IMPATIENT by {way}, {seconds} s: {figures:?}");
    assert_eq!(figures["wrong"], 0, "{figures:?}");
    // A busy machine may begin some of them late.
    assert!(figures["ended"] >= seconds * 25, "{figures:?}");
    assert_eq!(figures["unhealthy"], 0, "{figures:?}");
    assert!(figures["calls"] > 0, "{figures:?}");
    for what in ["threads", "sockets"] {
        let more = figures[what] - figures[&*format!("alone_{what}")];
        assert!(more <= MAX_MORE, "{more} more {what}: {figures:?}");
    }
}

#[test]
fn fifty_calls_a_second_that_time_out_cost_few_threads_and_sockets() {
    impatient("timeout");
}

#[test]
fn fifty_calls_a_second_that_are_aborted_cost_few_threads_and_sockets() {
    impatient("abort");
}
