//! How much the threads of a subject wait for each other: the futex calls that the kernel sees. A lock
//! that nobody else holds is taken and given back without one.

use std::path::PathBuf;
use std::process::Stdio;

use crate::bench::Bench;
use crate::subject::Subject;

/// Calls of futex in a thousand operations, as the difference of two run lengths; none where neither
/// perf nor strace can be used.
pub fn futex_calls(bench: &Bench, subject: &Subject, short: u64, long: u64) -> Option<f64> {
    let count = counter(bench)?;
    let more = count(subject, long).saturating_sub(count(subject, short));
    Some(more as f64 * 1000.0 / (long - short) as f64)
}

type Counter = fn(&Subject, u64) -> u64;

/// perf counts in the kernel and disturbs nobody; strace stops each thread at each call.
fn counter(bench: &Bench) -> Option<Counter> {
    let nothing = Subject::new("true", "true".as_ref());
    if perf(&nothing, 0).is_some() {
        return Some(|subject, operations| perf(subject, operations).expect("it worked before"));
    }
    if strace(&nothing, 0).is_some() {
        return Some(|subject, operations| strace(subject, operations).expect("it worked before"));
    }
    bench.skip("futex calls", "neither perf nor strace is installed, or allowed to look");
    None
}

fn out() -> PathBuf {
    Bench::folder().join("futex.out")
}

/// `12,,syscalls:sys_enter_futex,…`
fn perf(subject: &Subject, operations: u64) -> Option<u64> {
    let out = out();
    let before = ["perf", "stat", "-x", ",", "-e", "syscalls:sys_enter_futex", "-o"];
    let text = watched(subject, operations, &[&before[..], &[out.to_str()?]].concat())?;
    let line = text.lines().find(|line| line.contains("sys_enter_futex"))?;
    line.split(',').next()?.parse().ok()
}

/// `100.00    0.000012           2         6           futex`
fn strace(subject: &Subject, operations: u64) -> Option<u64> {
    let out = out();
    let before = ["strace", "-f", "-c", "-U", "calls,name", "-e", "trace=futex", "-o"];
    let text = watched(subject, operations, &[&before[..], &[out.to_str()?]].concat())?;
    let line = text.lines().find(|line| line.trim_end().ends_with("futex"));
    line.map_or(Some(0), |line| line.split_whitespace().next()?.parse().ok())
}

/// What a tool wrote that watched one run of so many operations.
fn watched(subject: &Subject, operations: u64, before: &[&str]) -> Option<String> {
    let _ = std::fs::remove_file(out());
    let mut command = subject.command(before);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let input = child.stdin.take().expect("it is piped");
    // `true` does not read, and may be gone already.
    let _ = std::io::Write::write_all(&mut &input, format!("{operations}\n").as_bytes());
    drop(input);
    child.wait().ok().filter(|status| status.success())?;
    std::fs::read_to_string(out()).ok()
}
