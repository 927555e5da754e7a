//! The same GET from many threads of one program, and many persons who all have to be renewed.
//!
//! Time alone would not show a lock that all threads queue for, least of all where there are fewer
//! processors than threads: so what is counted is how often a thread had to wait for another one, how
//! many instructions a request takes (a lock that is spun for shows there), and the connections
//! that were opened (a pool too small opens one for each request).

use std::sync::atomic::Ordering;

use crate::bench::Bench;
use crate::contention::futex_calls;
use crate::row::{LIBRARY, Row};
use crate::server::SMALL;
use crate::subject::{self, Running, Subject};

pub const THREADS: &str = "GET of 2 KB from many threads";
pub const USERS: &str = "10,000 users with expired tokens, 16 threads";

const PERSONS: u64 = 10_000;

struct Entry {
    subject: Subject,
    note: &'static str,
}

pub fn threads(bench: &Bench) -> Vec<Row> {
    if bench.checking {
        return Vec::new();
    }
    let mut rows = Vec::new();
    for threads in [1, 4, 16] {
        for (how, words) in [("one", "one client"), ("each", "a client each")] {
            if threads == 1 && how == "each" {
                continue; // the same
            }
            let plural = if threads == 1 { "" } else { "s" };
            let name = format!("{threads} thread{plural}, {words}");
            rows.extend(measure(bench, THREADS, &name, &entries(bench, threads, how)));
        }
    }
    rows
}

fn entries(bench: &Bench, threads: u32, how: &str) -> Vec<Entry> {
    let tell = |subject: Subject, words: &[&str], note: &'static str| {
        let subject = subject.arg(SMALL).arg(bench.plain.uri()).arg(threads.to_string());
        Entry { subject: words.iter().fold(subject, |subject, word| subject.arg(word)), note }
    };
    let ureq = if how == "one" { "ureq, one agent" } else { "ureq, an agent each" };
    let mut entries = vec![
        tell(
            Subject::new(LIBRARY, &bench.c("fitbit_threads", &[])),
            &[how],
            "all clients are of one app, whose pool they share",
        ),
        tell(Bench::rust(ureq, "ureq-threads"), &[how], "no timeout; its pool made large enough"),
        tell(
            Subject::new("libcurl, a handle each", &bench.c("curl_threads", &["-lcurl"])),
            &[],
            "its threads share nothing",
        ),
    ];
    if threads > 3 && how == "one" {
        let default = Bench::rust("ureq, one agent, its pool as it comes", "ureq-threads");
        entries.push(tell(default, &[how, "default"], "three idle connections to a host"));
    }
    let raw = Subject::new("floor: raw sockets", &bench.c("raw_threads", &[]));
    entries.push(tell(raw, &["each"], "a connection for each thread; nothing is shared"));
    entries
}

/// Everybody comes with an expired token of their own.
pub fn users(bench: &Bench) -> Vec<Row> {
    if bench.checking {
        return Vec::new();
    }
    let tell = |subject: Subject, note: &'static str| {
        let subject = subject.arg(SMALL).arg(bench.plain.uri()).arg("16").arg("users");
        Entry { subject, note }
    };
    let entries = [
        tell(
            Subject::new(LIBRARY, &bench.c("fitbit_threads", &[])),
            "each client is made of its saved token, renewed on a fresh connection, saved, asked once, and kept; all are of one app",
        ),
        tell(
            Subject::new("floor: raw sockets", &bench.c("raw_threads", &[])),
            "a request for a token on a fresh connection, and a GET on the thread's own; no tokens are kept",
        ),
    ];
    let before = bench.plain.counts().renewals.load(Ordering::Relaxed);
    let seconds = Running::start(&entries[0].subject).run(PERSONS) as f64 / 1e9;
    let renewals = bench.plain.counts().renewals.load(Ordering::Relaxed) - before;
    let mut rows = measure(bench, USERS, "renewal and GET for one user", &entries);
    let figure = rows[0].figure.take().unwrap_or_default();
    rows[0].figure = Some(format!(
        "{PERSONS} users in {seconds:.1} s with {renewals} renewals, {:.0} a second; {figure}",
        PERSONS as f64 / seconds
    ));
    rows
}

fn measure(bench: &Bench, group: &'static str, name: &str, entries: &[Entry]) -> Vec<Row> {
    let counted = bench.has_valgrind();
    let mut rows: Vec<_> = entries
        .iter()
        .map(|Entry { subject, note }| {
            let row =
                Row::new(group, name, &subject.name).note(*note).figure(waiting(bench, subject));
            row.instructions(counted.then(|| subject::instructions(subject, 160, 800)))
        })
        .collect();
    let subjects: Vec<_> = entries.iter().map(|entry| entry.subject.clone()).collect();
    for (row, ratio) in rows.iter_mut().zip(subject::race(&subjects)) {
        row.ratio = Some(ratio);
    }
    rows
}

/// How often its threads wait for each other, and how many connections it opens.
fn waiting(bench: &Bench, subject: &Subject) -> String {
    const OPERATIONS: u64 = 8000;
    let opened = || bench.plain.counts().connections.load(Ordering::Relaxed);
    let calls = futex_calls(bench, subject, 800, 800 + OPERATIONS);
    let before = opened();
    Running::start(subject).run(OPERATIONS);
    let connections = opened() - before;
    let calls = calls.map_or(String::new(), |calls| format!("{calls:.1} futex calls per 1,000; "));
    format!("{calls}{connections} connections for {OPERATIONS}")
}
