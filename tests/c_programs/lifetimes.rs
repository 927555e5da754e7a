//! Handles live as long as the header says, whoever else is freed when; and nothing stays behind.

use std::time::Duration;

use fitbit_simulator::{DEMO_SERVER_ID, Fault, FaultKind, Target};
use fitbit_test_support::world::{provider, saved_token};

use crate::compilers::folder;
use crate::run::{Way, command, run, talk};

/// Long enough for the program to free something meanwhile.
const WHILE_RENEWING: u64 = 500;

fn free_in_any_order(way: Way) {
    let Some(mut command) = command("lifetimes", way) else { return };
    let provider = provider();
    provider.fault(Fault::always(Target::Refresh, FaultKind::Latency(WHILE_RENEWING)));
    let mut other = provider.issue_token(DEMO_SERVER_ID, "other1", &["profile"]);
    other["expires_at"] = 1.into();
    command.arg(provider.uri()).arg(saved_token(&provider, -10)).arg(other.to_string());
    let printed = talk(command, |question| {
        if question != "wait until both renew" {
            return saved_token(&provider, 20_000);
        }
        while provider.requests(Target::Refresh) < 2 {
            std::thread::sleep(Duration::from_millis(1));
        }
        "they do".to_owned()
    });
    assert!(printed.is_empty(), "{printed:?}");
    assert_eq!(provider.requests(Target::Refresh), 3);
}

/// What stayed behind after so many cycles, with a callback, a file and a guard: bytes, files,
/// threads.
fn left_behind(cycles: u32, with_request: bool, way: Way) -> Option<Vec<i64>> {
    let mut command = command("cycles", way)?;
    let provider = provider();
    command.arg(provider.uri()).arg(saved_token(&provider, 20_000)).arg(cycles.to_string());
    command.arg(if with_request { "1" } else { "0" });
    command.arg(folder("cycles").join(format!("{way:?}_{cycles}.json")));
    let lines = run(command);
    Some(lines.iter().map(|line| line.parse().expect("a number")).collect())
}

#[test]
fn handles_are_freed_in_any_order_while_others_renew() {
    free_in_any_order(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_when_handles_are_freed_in_any_order() {
    free_in_any_order(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_when_handles_are_freed_in_any_order() {
    free_in_any_order(Way::Sanitized);
}

#[test]
fn ten_thousand_apps_and_clients_leave_the_memory_as_it_was() {
    let left = left_behind(10_000, false, Way::Plain).expect("no tool is needed");
    // A hundred bytes a cycle would be a megabyte.
    assert!(left[0] < 1_000_000, "{} bytes stayed behind", left[0]);
    assert_eq!(left[1..], [0, 0], "files or threads stayed behind");
}

#[test]
fn connections_end_with_their_app() {
    let left = left_behind(300, true, Way::Plain).expect("no tool is needed");
    assert!(left[0] < 1_000_000, "{} bytes stayed behind", left[0]);
    assert_eq!(left[1..], [0, 0], "files or threads stayed behind");
}

#[test]
fn valgrind_finds_no_leak_in_a_hundred_cycles() {
    let Some(left) = left_behind(100, false, Way::Memcheck) else { return };
    assert_eq!(left[1..], [0, 0], "files or threads stayed behind");
}

#[test]
fn valgrind_finds_no_leak_in_twenty_cycles_with_a_request() {
    let Some(left) = left_behind(20, true, Way::Memcheck) else { return };
    assert_eq!(left[1..], [0, 0], "files or threads stayed behind");
}
