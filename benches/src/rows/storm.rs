//! The renewal storm: 64 threads, one client, one token, and it has expired. A provider that rotates
//! strictly takes its refresh token once; whoever asks twice has lost the login.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fitbit_test_support::c;

use crate::bench::Bench;
use crate::row::{LIBRARY, Row};

pub const STORM: &str = "Renewal storm";

const THREADS: usize = 64;
const STORMS: usize = 11;

/// Long enough for all threads to be waiting before the renewal is answered.
const THINKING: Duration = Duration::from_millis(300);

pub fn storm(bench: &Bench) -> Vec<Row> {
    let program = bench.c("storm", &[]);
    bench.plain.delay_tokens(THINKING);
    let mut rows = vec![answers(bench, &program)];
    if !bench.checking {
        rows.push(up(bench, &program, LIBRARY, "refresh"));
        let note = "64 threads wait for it, and nothing else is done";
        rows.push(up(bench, &program, "floor: a condition variable", "floor").note(note));
    }
    bench.plain.delay_tokens(Duration::ZERO);
    rows
}

/// Everybody GETs.
fn answers(bench: &Bench, program: &Path) -> Row {
    let renewals = || bench.plain.counts().renewals.load(Ordering::Relaxed);
    let (mut fewest, mut most) = (usize::MAX, 0);
    let storms = if bench.checking { 3 } else { STORMS };
    for _ in 0..storms {
        let before = renewals();
        let answered = run(bench, program, "get")[0];
        fewest = fewest.min(usize::try_from(answered).expect("a count"));
        most = most.max(renewals() - before);
    }
    let figure = format!("{most} renewal, {fewest} answers in each of {storms} storms");
    Row::new(STORM, "64 threads GET with one expired token", LIBRARY)
        .note("the server takes 300 ms to renew, so that all are waiting")
        .figure(&figure)
        .bar(format!("{STORM}: {figure}; 1 and {THREADS}"), most == 1 && fewest == THREADS)
}

/// Everybody asks for the renewal itself: how long after it they are up again.
fn up(bench: &Bench, program: &Path, subject: &str, what: &str) -> Row {
    let mut times: Vec<i64> = Vec::new();
    for _ in 0..STORMS {
        let numbers = run(bench, program, what);
        assert_eq!(numbers[0], THREADS as i64, "somebody was not answered");
        times.extend(&numbers[1..]);
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let within = times.iter().filter(|time| **time <= 2000).count();
    Row::new(STORM, "from the new token to a waiter's being up", subject).figure(format!(
        "median {} us, 90 % {} us, 99 % {} us, last {} us; {within} of {} within 2 ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
        times.len()
    ))
}

fn run(bench: &Bench, program: &Path, what: &str) -> Vec<i64> {
    let mut command = Command::new(program);
    command.arg(bench.plain.uri()).arg(THREADS.to_string()).arg(what);
    let said = c::succeeded(command.output().expect("the program can be run"));
    said.lines().map(|line| line.parse().expect("a number")).collect()
}
