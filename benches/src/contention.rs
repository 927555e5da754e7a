//! How much the threads of a subject wait for each other: the futex calls that the kernel sees. A lock
//! that nobody else holds is taken and given back without one. perf counts them and disturbs nobody;
//! strace, which stops each thread at each call, would make the waiting that it counts.

use std::io::Write;
use std::process::Stdio;

use crate::bench::Bench;
use crate::subject::Subject;

const FUTEX: &str = "syscalls:sys_enter_futex";

/// Calls of futex in a thousand operations, as the difference of two run lengths; none where perf is
/// not installed, or must not look.
pub fn futex_calls(bench: &Bench, subject: &Subject, short: u64, long: u64) -> Option<f64> {
    let counts = [long, short].map(|operations| count(subject, operations));
    let [Some(long_run), Some(short_run)] = counts else {
        bench
            .skip("futex calls", "perf is not installed, or must not see the kernel's tracepoints");
        return None;
    };
    Some(long_run.saturating_sub(short_run) as f64 * 1000.0 / (long - short) as f64)
}

/// In one run of so many operations. perf writes `12,,syscalls:sys_enter_futex,…`
fn count(subject: &Subject, operations: u64) -> Option<u64> {
    let out = Bench::folder().join("perf.out");
    let _ = std::fs::remove_file(&out);
    let mut command =
        subject.command(&["perf", "stat", "-x", ",", "-e", FUTEX, "-o", out.to_str()?]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let told = writeln!(child.stdin.take()?, "{operations}");
    let ended = child.wait().ok()?;
    told.ok().filter(|()| ended.success())?;
    let text = std::fs::read_to_string(out).ok()?;
    let line = text.lines().find(|line| line.contains(FUTEX))?;
    line.split(',').next()?.parse().ok()
}
