//! The same GET from many threads of one program, and many persons who all have to be renewed.
//!
//! Time alone would not show a lock that all threads queue for, least of all where there are fewer
//! processors than threads: so what is counted is how often a thread had to wait for another one, how
//! many instructions a request takes (a lock that is spun for shows there), and the connections
//! that were opened (a pool too small opens one for each request).

use std::sync::atomic::Ordering;

use crate::bench::Bench;
use crate::contention::futex_calls;
use crate::row::{LIBRARY, Row, median};
use crate::server::SMALL;
use crate::subject::{self, Running, Subject};

pub const THREADS: &str = "GET of 2 KB from many threads";
pub const USERS: &str = "10,000 users with expired tokens, 16 threads";

const PERSONS: u64 = 10_000;

/// Where the kernel puts the threads changes their time twofold, for everybody alike: more pairs than
/// elsewhere are needed.
const MANY_ROUNDS: usize = 31;

/// Futex calls for 1,000 users, over the floor's, that are no sign of a lock that they share.
const FEW_CALLS: f64 = 20.0;

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
        for how in [How::One, How::Each] {
            if threads == 1 && how == How::Each {
                continue; // the same
            }
            let plural = if threads == 1 { "" } else { "s" };
            let name = format!("{threads} thread{plural}, {}", how.in_words());
            let mut entries = vec![
                ours(bench, threads, how),
                ureq(bench, threads, how),
                curl(bench, threads),
                raw(bench, threads),
            ];
            if threads > 3 && how == How::One {
                entries.insert(2, ureq_as_it_comes(bench, threads));
            }
            rows.extend(measure(bench, THREADS, &name, &entries).0);
        }
    }
    rows.extend(scaling(bench));
    rows.push(convoy(bench));
    rows
}

/// What four threads with a client each lose, beside ureq agents that share nothing.
fn convoy(bench: &Bench) -> Row {
    let subjects =
        [1, 4].map(|threads| [ours(bench, threads, How::Each), ureq(bench, threads, How::Each)]);
    let subjects: Vec<_> = subjects.iter().flatten().map(|entry| entry.subject.clone()).collect();
    let times = subject::race_for(MANY_ROUNDS, &subjects);
    let (one, four) = (times[1] / times[0], times[3] / times[2]);
    let kept = four / one;
    Row::new(THREADS, "4 threads with a client each, beside ureq agents", LIBRARY)
        .figure(format!("1 thread {one:.2}, 4 threads {four:.2} times an agent each: {kept:.2}"))
        .bar(
            format!("4 threads keep {kept:.2} of one thread's ratio to ureq, at least 0.90"),
            kept >= 0.9,
        )
}

/// Whether the threads share a client, or have one each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    One,
    Each,
}

impl How {
    fn word(self) -> &'static str {
        if self == How::One { "one" } else { "each" }
    }

    fn in_words(self) -> &'static str {
        if self == How::One { "one client" } else { "a client each" }
    }
}

fn entry(
    bench: &Bench,
    subject: Subject,
    threads: u32,
    words: &[&str],
    note: &'static str,
) -> Entry {
    let subject = subject.arg(SMALL).arg(bench.plain.uri()).arg(threads.to_string());
    Entry { subject: words.iter().fold(subject, |subject, word| subject.arg(word)), note }
}

fn ours(bench: &Bench, threads: u32, how: How) -> Entry {
    let subject = Subject::new(LIBRARY, &bench.c("fitbit_threads", &[]));
    let note = "all clients are of one app, whose connections they share; 31 rounds here, futex calls the median of 5 runs";
    entry(bench, subject, threads, &[how.word()], note)
}

fn ureq(bench: &Bench, threads: u32, how: How) -> Entry {
    let name = if how == How::One { "ureq, one agent" } else { "ureq, an agent each" };
    let note = "no timeout; its pool holds a connection for each thread";
    entry(bench, Bench::rust(name, "ureq-threads"), threads, &[how.word()], note)
}

fn ureq_as_it_comes(bench: &Bench, threads: u32) -> Entry {
    let subject = Bench::rust("ureq, one agent, its pool as it comes", "ureq-threads");
    entry(bench, subject, threads, &["one", "default"], "three idle connections to a host")
}

fn curl(bench: &Bench, threads: u32) -> Entry {
    let program = bench.c("curl_threads", &[bench.libcurl()]);
    let subject = Subject::new("libcurl, a handle each", &program);
    entry(bench, subject, threads, &[], "its threads share nothing")
}

fn raw(bench: &Bench, threads: u32) -> Entry {
    let subject = Subject::new("floor: raw sockets", &bench.c("raw_threads", &[]));
    entry(bench, subject, threads, &["each"], "a connection for each thread; nothing is shared")
}

/// How much more of them 4 and 16 threads get done than one, in one run.
fn scaling(bench: &Bench) -> Vec<Row> {
    let families: [(&str, &dyn Fn(u32) -> Entry); 5] = [
        (LIBRARY, &|threads| ours(bench, threads, How::One)),
        ("libfitbit, a client each", &|threads| ours(bench, threads, How::Each)),
        ("ureq, one agent", &|threads| ureq(bench, threads, How::One)),
        ("libcurl, a handle each", &|threads| curl(bench, threads)),
        ("floor: raw sockets", &|threads| raw(bench, threads)),
    ];
    let rows = families.into_iter().map(|(name, of)| {
        let subjects = [1, 4, 16].map(|threads| of(threads).subject);
        let times = subject::race_for(MANY_ROUNDS, &subjects);
        Row::new(THREADS, "requests in the same time, over one thread's", name).figure(format!(
            "4 threads {:.2}, 16 threads {:.2}; on {} processors, which the server uses too",
            1.0 / times[1],
            1.0 / times[2],
            std::thread::available_parallelism().map_or(1, usize::from)
        ))
    });
    rows.collect()
}

/// Everybody comes with an expired token of their own.
pub fn users(bench: &Bench) -> Vec<Row> {
    if bench.checking {
        return Vec::new();
    }
    let come = |subject: Subject, note| entry(bench, subject, 16, &["users"], note);
    let entries = [
        come(
            Subject::new(LIBRARY, &bench.c("fitbit_threads", &[])),
            "each client is made of its saved token, renewed on a fresh connection, saved, asked once, and kept; all are of one app",
        ),
        come(
            Subject::new("floor: raw sockets", &bench.c("raw_threads", &[])),
            "a request for a token on a fresh connection, and a GET on the thread's own; no tokens are kept",
        ),
    ];
    let before = bench.plain.counts().renewals.load(Ordering::Relaxed);
    let seconds = Running::start(&entries[0].subject).run(PERSONS) as f64 / 1e9;
    let renewals = bench.plain.counts().renewals.load(Ordering::Relaxed) - before;
    let (mut rows, waited) = measure(bench, USERS, "renewal and GET for one user", &entries);
    let figure = rows[0].figure.take().unwrap_or_default();
    rows[0].figure = Some(format!(
        "{PERSONS} users in {seconds:.1} s with {renewals} renewals, {:.0} a second; {figure}",
        PERSONS as f64 / seconds
    ));
    if let [Some(ours), Some(floor)] = [0, 1].map(|at: usize| waited[at].calls) {
        let most = floor + FEW_CALLS;
        rows[0].bar = Some((
            format!(
                "{USERS}, no lock shared: {ours:.1} futex calls for 1,000 users, at most {most:.1}"
            ),
            ours <= most,
        ));
    }
    rows
}

fn measure(
    bench: &Bench,
    group: &'static str,
    name: &str,
    entries: &[Entry],
) -> (Vec<Row>, Vec<Waiting>) {
    let counted = bench.has_valgrind();
    let waited: Vec<_> = entries.iter().map(|entry| Waiting::of(bench, &entry.subject)).collect();
    let mut rows: Vec<_> = entries
        .iter()
        .zip(&waited)
        .map(|(Entry { subject, note }, waited)| {
            let row = Row::new(group, name, &subject.name).note(*note).figure(waited.in_words());
            row.instructions(counted.then(|| subject::instructions(subject, 160, 800)))
        })
        .collect();
    let subjects: Vec<_> = entries.iter().map(|entry| entry.subject.clone()).collect();
    for (row, ratio) in rows.iter_mut().zip(subject::race_for(MANY_ROUNDS, &subjects)) {
        row.ratio = Some(ratio);
    }
    (rows, waited)
}

/// How often its threads wait for each other, and how many connections it opens.
struct Waiting {
    calls: Option<f64>,
    connections: u64,
}

impl Waiting {
    const OPERATIONS: u64 = 8000;

    fn of(bench: &Bench, subject: &Subject) -> Waiting {
        let runs =
            (0..5).map_while(|_| futex_calls(bench, subject, 800, 800 + Waiting::OPERATIONS));
        let runs: Vec<_> = runs.collect();
        let calls = (!runs.is_empty()).then(|| median(runs));
        let opened = || bench.plain.counts().connections.load(Ordering::Relaxed);
        let before = opened();
        Running::start(subject).run(Waiting::OPERATIONS);
        Waiting { calls, connections: opened() - before }
    }

    fn in_words(&self) -> String {
        let calls = self.calls.map(|calls| format!("{calls:.1} futex calls per 1,000; "));
        let calls = calls.unwrap_or_default();
        let plural = if self.connections == 1 { "" } else { "s" };
        format!("{calls}{} connection{plural} for {}", self.connections, Waiting::OPERATIONS)
    }
}
