//! Kills, Ctrl-C, crashes, rate limits and spoilt answers, at many moments: what the next run makes of
//! them is, byte for byte, what an export brings that nothing disturbed.

use std::time::{Duration, Instant};

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::c;

use super::{BOTH, Desk, Service};

#[test]
fn whenever_it_is_killed_the_next_run_brings_the_same_file() {
    for service in BOTH {
        let desk = Desk::new(service, "killed");
        let csv = desk.finish();
        desk.provider.fault(Fault::always(Target::Api, FaultKind::Latency(15)));
        for requests in 1..=9 {
            desk.interrupt(requests, "KILL");
            assert_eq!(desk.finish(), csv, "{service:?}, killed at request {requests}");
        }
        // Several kills in a row, each a little further.
        for requests in [2, 4, 4] {
            desk.interrupt(requests, "KILL");
        }
        assert_eq!(desk.finish(), csv, "{service:?}");
    }
}

#[test]
fn control_c_ends_it_after_the_request_under_way_and_the_next_run_goes_on() {
    for service in BOTH {
        let desk = Desk::new(service, "stopped");
        let csv = desk.finish();
        let all = desk.provider.requests(Target::Api);
        for requests in [1, 3, 5] {
            desk.provider.fault(Fault::always(Target::Api, FaultKind::Latency(300)));
            let output = desk.interrupt(requests, "INT");
            assert_eq!(output.status.code(), Some(130), "{service:?}");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.starts_with("Stopped. Run it again to go on from 202"), "{said}");
            // The signal may come a little late, to the request after that one.
            let sent = desk.provider.requests(Target::Api);
            assert!(sent <= requests + 1, "{service:?}: {sent}");
            assert_eq!(desk.read("days.csv"), None);
            let kept = desk.read(&desk.part()).expect("it is kept");
            assert!(csv.starts_with(&kept) && kept.ends_with('\n'), "{service:?}: {kept}");
            desk.provider.clear_faults();
            desk.provider.reset_counts();
            assert_eq!(desk.finish(), csv, "{service:?}");
            let again = desk.provider.requests(Target::Api);
            assert!(again <= all, "{service:?}: {again} requests after {requests} of {all}");
            assert!(requests < 5 || again < all, "{service:?}: nothing was kept");
        }
    }
}

#[test]
fn whatever_part_of_the_file_a_crash_has_left_is_completed() {
    let desk = Desk::new(Service::Fitbit, "torn");
    let csv = desk.finish();
    let after_30_rows = csv.match_indices('\n').nth(30).expect("there are 75").0 + 1;
    let mut left: Vec<String> = (0..csv.len()).step_by(97).map(|at| csv[..at].to_owned()).collect();
    let around = after_30_rows - 1..=after_30_rows + 1;
    left.extend(around.map(|at| csv[..at].to_owned()));
    left.push(csv.clone());
    let start = &csv[..after_30_rows];
    left.push(format!("{start}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    left.push(format!("{start}2024-01-01,1,1\n"));
    left.push(format!("{start}{}", "9".repeat(1000)));
    left.push("something else\n".to_owned());
    for part in left {
        desk.write(&desk.part(), &part);
        assert_eq!(desk.finish(), csv, "{part:?}");
    }
}

#[test]
fn only_one_export_at_a_time_writes_the_file() {
    let desk = Desk::new(Service::Fitbit, "two");
    desk.provider.fault(Fault::always(Target::Api, FaultKind::Latency(60)));
    let first = desk.start();
    while desk.provider.requests(Target::Api) < 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let second = desk.start().wait_with_output().expect("it was started");
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.starts_with(&desk.part()), "{said}");
    c::succeeded(first.wait_with_output().expect("it was started"));
    let csv = desk.take("days.csv");
    assert_eq!(desk.finish(), csv);
}

#[test]
fn a_rate_limit_is_waited_out_by_the_library_or_by_the_program() {
    for service in BOTH {
        let desk = Desk::new(service, "limit");
        let csv = desk.finish();
        let whole = desk.provider.requests(Target::Api);
        for (seconds, skip) in [(1, 1), (4, 4)] {
            desk.provider.reset_counts();
            let kind = FaultKind::Status429RetryAfter(seconds);
            desk.provider.fault(Fault { on: Target::Api, kind, times: 1, skip });
            let began = Instant::now();
            assert_eq!(desk.finish(), csv, "{service:?}");
            assert!(began.elapsed() >= Duration::from_secs(seconds), "{service:?}");
            assert_eq!(desk.provider.requests(Target::Api), whole + 1, "{service:?}");
        }
    }
}

#[test]
fn control_c_ends_a_long_wait() {
    let desk = Desk::new(Service::Fitbit, "wait");
    desk.provider.fault(Fault::always(Target::Api, FaultKind::Status429Reset(3600)));
    let output = desk.interrupt(1, "INT");
    assert_eq!(output.status.code(), Some(130));
    desk.provider.clear_faults();
    desk.finish();
}

#[test]
fn an_answer_that_is_not_whole_ends_it_and_costs_no_row() {
    for service in BOTH {
        let desk = Desk::new(service, "spoilt");
        let csv = desk.finish();
        for kind in [
            FaultKind::MalformedJson,
            FaultKind::TruncatedBody,
            FaultKind::OkWithErrorInside,
            FaultKind::EmptyBody,
            FaultKind::Status500,
        ] {
            for skip in 3..=5 {
                let fault = Fault { on: Target::Api, kind: kind.clone(), times: 1, skip };
                desk.provider.fault(fault);
                let output = desk.start().wait_with_output().expect("it was started");
                assert!(!output.status.success(), "{service:?}, {kind:?} at {skip}");
                assert!(!output.stderr.is_empty() && desk.read("days.csv").is_none());
                desk.provider.clear_faults();
                assert_eq!(desk.finish(), csv, "{service:?}, {kind:?} at {skip}");
            }
        }
    }
}
