//! Authorization address, exchange, refresh and authenticated GET: who takes part, and what a reader
//! has to know of each.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::bench::Bench;
use crate::row::{LIBRARY, Row};
use crate::server::{LARGE, SMALL, Server};
use crate::subject::{self, Subject};

/// One row's work, and how long callgrind watches it.
struct Work {
    group: &'static str,
    name: &'static str,
    /// As the subjects know it.
    operation: &'static str,
    tls: bool,
    lengths: (u64, u64),
    /// Its instructions are guarded: `--check` counts them.
    hot: bool,
}

/// Somebody who takes part.
struct Entry {
    subject: Subject,
    note: &'static str,
    /// `--check` counts it too: the design names it in a bar.
    in_a_bar: bool,
    counted: bool,
    /// It opens a connection for each operation: under TLS fewer of them are enough.
    shakes_hands: bool,
}

pub const ADDRESS: &str = "Authorization address";
pub const ONE_ADDRESS: &str = "state, PKCE, 15 scopes";
pub const EXCHANGE: &str = "Exchange";
pub const REFRESH: &str = "Refresh";
pub const GET: &str = "Authenticated GET";
pub const SMALL_PLAIN: &str = "2 KB, plain";
pub const SMALL_TLS: &str = "2 KB, TLS";

/// Operations in one turn that open a connection each: a closed one holds its port for a minute.
const CONNECTIONS: u64 = 100;

const KEPT: &str = "a kept connection, which may be dying while a code or a token is spent on it";
const FRESH: &str = "a connection for each request, as this library does it";

pub fn address(bench: &Bench) -> Vec<Row> {
    let work = Work {
        group: ADDRESS,
        name: ONE_ADDRESS,
        operation: "address",
        tls: false,
        lengths: (200, 1200),
        hot: true,
    };
    let mut entries = vec![
        ours(bench, &work, "checks its arguments and answers with the session too, as JSON"),
        oauth2(bench, &work, "its state and verifier are left to the program to keep").in_a_bar(),
    ];
    entries.extend(iddawc(bench, &work, "its session kept, state and verifier made anew"));
    entries.extend(python(
        bench,
        &work,
        "no PKCE, and its state is thrown away or left to the program",
    ));
    let floor = bench.c("raw", &[]);
    let floor = Subject::new("floor: random text in a ready address", &floor);
    entries.push(entry(bench, floor, &work, "nothing is hashed"));
    measure(bench, &work, entries)
}

pub fn exchange(bench: &Bench) -> Vec<Row> {
    token(
        bench,
        EXCHANGE,
        "exchange",
        "the code goes out once, on a fresh connection; the first token is saved; a client is made and freed",
    )
}

pub fn refresh(bench: &Bench) -> Vec<Row> {
    token(
        bench,
        REFRESH,
        "refresh",
        "on a fresh connection, single-use as the token is; the new token is written as JSON and saved",
    )
}

fn token(
    bench: &Bench,
    group: &'static str,
    operation: &'static str,
    note: &'static str,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for tls in [false, true] {
        let (name, lengths) = if tls { ("TLS", (10, 60)) } else { ("plain", (50, 300)) };
        let work = Work { group, name, operation, tls, lengths, hot: !tls };
        let mut entries = vec![
            ours(bench, &work, note).shakes_hands(),
            oauth2(bench, &work, KEPT),
            oauth2(bench, &work, FRESH).fresh(),
            curl(bench, &work, "its answer is not read as JSON; else as oauth2-rs"),
            curl(bench, &work, FRESH).fresh(),
        ];
        entries.extend(iddawc(bench, &work, "a connection for each request"));
        let note = "a kept connection for a refresh, a new one for an exchange";
        entries.extend(python(bench, &work, note));
        if !tls {
            let raw = Subject::new("floor: raw sockets", &bench.c("raw", &[]));
            let note = "a ready request; nothing is read but the length";
            entries.push(entry(bench, raw.clone(), &work, note));
            entries.push(entry(bench, raw, &work, FRESH).fresh());
        }
        rows.extend(measure(bench, &work, entries));
    }
    rows
}

pub fn get(bench: &Bench) -> Vec<Row> {
    let works = [
        (SMALL_PLAIN, SMALL, false, (100, 600)),
        (SMALL_TLS, SMALL, true, (100, 600)),
        ("1 MB, plain", LARGE, false, (5, 25)),
        ("1 MB, TLS", LARGE, true, (5, 25)),
    ];
    let mut rows = Vec::new();
    for (name, operation, tls, lengths) in works {
        let hot = operation == SMALL;
        let work = Work { group: GET, name, operation, tls, lengths, hot };
        let in_a_bar = name == SMALL_PLAIN;
        let mut entries = vec![
            ours(
                bench,
                &work,
                "from C; its timeout of 30 s is on; the body is handed out as it came",
            ),
            Entry { in_a_bar, ..ureq(bench, &work, "ureq", "ureq", "no timeout") },
            ureq(
                bench,
                &work,
                "ureq, timeout on",
                "ureq-timeout",
                "ureq starts a thread for each request's name lookup then",
            ),
            Entry { in_a_bar, ..curl(bench, &work, "easy handle kept, same headers, timeout on") },
        ];
        entries.extend(iddawc(
            bench,
            &work,
            "a connection for each request: its interface has no other way",
        ));
        entries.extend(python(
            bench,
            &work,
            "reads the answer's JSON as well; its connection is kept",
        ));
        entries.push(if tls {
            let floor = Bench::rust("floor: rustls over a socket", "floor-tls");
            entry(bench, floor, &work, "a ready request; nothing is read but the length")
        } else {
            let floor = Subject::new("floor: raw sockets", &bench.c("raw", &[]));
            entry(bench, floor, &work, "a ready request; nothing is read but the length")
        });
        rows.extend(measure(bench, &work, entries));
    }
    rows
}

impl Entry {
    fn in_a_bar(self) -> Entry {
        Entry { in_a_bar: true, ..self }
    }

    /// The same with a connection for each operation.
    fn fresh(mut self) -> Entry {
        self.subject = self.subject.env("FITBIT_BENCH_FRESH", "1");
        self.subject.name.push_str(", fresh connections");
        self.shakes_hands()
    }

    fn shakes_hands(self) -> Entry {
        Entry { shakes_hands: true, ..self }
    }
}

fn server<'a>(bench: &'a Bench, work: &Work) -> &'a Server {
    if work.tls { &bench.tls } else { &bench.plain }
}

/// Tells the subject what to do, and whom to trust.
fn entry(bench: &Bench, subject: Subject, work: &Work, note: &'static str) -> Entry {
    let mut subject = subject.arg(work.operation).arg(server(bench, work).uri());
    if work.tls {
        subject = subject.arg(bench.ca_file.as_os_str());
    }
    Entry { subject, note, in_a_bar: false, counted: true, shakes_hands: false }
}

fn ours(bench: &Bench, work: &Work, note: &'static str) -> Entry {
    let subject = Subject::new(LIBRARY, &bench.c("fitbit", &[]));
    entry(bench, subject, work, note).in_a_bar()
}

fn ureq(bench: &Bench, work: &Work, name: &str, part: &str, note: &'static str) -> Entry {
    entry(bench, Bench::rust(name, part), work, note)
}

fn oauth2(bench: &Bench, work: &Work, note: &'static str) -> Entry {
    entry(bench, Bench::rust("oauth2-rs", "oauth2"), work, note)
}

fn curl(bench: &Bench, work: &Work, note: &'static str) -> Entry {
    entry(bench, Subject::new("libcurl", &curl_program(bench)), work, note)
}

pub fn curl_program(bench: &Bench) -> PathBuf {
    bench.c("curl", &[bench.libcurl()])
}

fn iddawc(bench: &Bench, work: &Work, note: &'static str) -> Option<Entry> {
    if bench.checking || !bench.has_iddawc() {
        return None;
    }
    if work.tls && work.group != GET {
        bench.skip("iddawc's token requests over TLS", "it trusts the system's certificates only");
        return None;
    }
    let program = bench.c("iddawc", &["-liddawc", "-lulfius"]);
    let mut entry = entry(bench, Subject::new("iddawc", &program), work, note).shakes_hands();
    if work.tls {
        // It takes a folder of certificates.
        let folder: OsString = bench.ca_file.parent().expect("it is in a folder").into();
        let subject = Subject::new("iddawc", &program).arg(work.operation);
        entry.subject = subject.arg(server(bench, work).uri()).arg(folder);
    }
    Some(entry)
}

fn python(bench: &Bench, work: &Work, note: &'static str) -> Vec<Entry> {
    let Some(python) = bench.python() else { return Vec::new() };
    let client = |name: &str, script: &str| {
        let script: PathBuf = Bench::here().join("peers").join(script);
        let subject = Subject::new(name, python).arg(script);
        Entry { counted: false, ..entry(bench, subject, work, note) }
    };
    vec![
        client("Python fitbit_api", "fitbit_api_client.py"),
        client("Python fitbit", "python_fitbit_client.py"),
    ]
}

fn measure(bench: &Bench, work: &Work, entries: Vec<Entry>) -> Vec<Row> {
    let entries: Vec<_> =
        entries.into_iter().filter(|entry| !bench.checking || work.hot && entry.in_a_bar).collect();
    if entries.is_empty() {
        return Vec::new();
    }
    let mut rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let row = Row::new(work.group, work.name, &entry.subject.name).note(entry.note);
            if !entry.counted || !bench.has_valgrind() {
                return row;
            }
            let (short, long) = match work.lengths {
                _ if entry.shakes_hands && work.tls => (5, 25),
                lengths => lengths,
            };
            row.instructions(subject::instructions(&entry.subject, short, long))
        })
        .collect();
    if bench.checking {
        return rows;
    }
    let subjects: Vec<_> = entries
        .into_iter()
        .map(|entry| match entry.shakes_hands {
            true => entry.subject.at_most(CONNECTIONS),
            false => entry.subject,
        })
        .collect();
    for (row, ratio) in rows.iter_mut().zip(subject::race(&subjects)) {
        row.ratio = Some(ratio);
    }
    if work.operation != "address" {
        let floor = rows.iter().position(Row::is_floor);
        for at in floor.into_iter().chain([0]) {
            let share = subject::server_share(&subjects[at]) * 100.0;
            rows[at].figure = Some(format!("the server works for {share:.0} % of it"));
        }
    }
    rows
}
