//! What a person costs who does nothing at the moment: bytes for each idle client, and making one of
//! a saved token and freeing it.

use std::path::Path;
use std::process::Command;

use fitbit_test_support::c;

use crate::bench::Bench;
use crate::row::{LIBRARY, Row};
use crate::subject::{self, Subject};

pub const MEMORY: &str = "Memory of an idle client";
pub const CLIENT: &str = "A client of a saved token";

/// What a client may take beyond its token's own text.
const MOST: u64 = 1024;

/// A program that holds as many persons as it is told, and looks at its memory.
struct Holder {
    subject: &'static str,
    note: &'static str,
    program: &'static str,
    counts: &'static [u64],
}

const HOLDERS: [Holder; 3] = [
    Holder {
        subject: LIBRARY,
        note: "of one app; access and refresh token, scopes and user id; on_token and user_data of its own",
        program: "memory",
        counts: &[1_000, 100_000, 1_000_000],
    },
    Holder {
        subject: "iddawc, a session each",
        note: "the same tokens, and what a renewal needs",
        program: "iddawc_memory",
        counts: &[1_000, 100_000],
    },
    Holder {
        subject: "libcurl, a handle each",
        note: "one header with the access token, and options; it has no connection, and knows no refresh token",
        program: "curl_memory",
        counts: &[1_000, 100_000],
    },
];

pub fn memory(bench: &Bench) -> Vec<Row> {
    let mut rows = Vec::new();
    for count in [1_000, 100_000, 1_000_000] {
        for holder in &HOLDERS {
            let checked = holder.subject == LIBRARY && count == 100_000;
            if !holder.counts.contains(&count) || bench.checking && !checked {
                continue;
            }
            if holder.program.starts_with("iddawc") && !bench.has_iddawc() {
                continue;
            }
            rows.push(hold(bench, holder, count));
        }
    }
    rows
}

fn hold(bench: &Bench, holder: &Holder, count: u64) -> Row {
    let Memory { heap, resident, text, .. } =
        Memory::of(&bench.c(holder.program, &libraries(bench, holder)), count);
    let beyond = heap.saturating_sub(text);
    let name = format!("{} clients", thousands(count));
    let row = Row::new(MEMORY, &name, holder.subject).note(holder.note).figure(format!(
        "{beyond} bytes beyond its token's own {text}; {resident} of resident memory in all"
    ));
    if holder.subject != LIBRARY {
        return row;
    }
    row.bar(
        format!("{MEMORY}, {name}: {beyond} bytes beyond its token's own text, at most {MOST}"),
        beyond <= MOST,
    )
}

/// What the program is linked with beside this library.
fn libraries(bench: &Bench, holder: &Holder) -> Vec<&'static str> {
    match holder.program {
        "curl_memory" => vec![bench.libcurl()],
        "iddawc_memory" => vec!["-liddawc"],
        _ => Vec::new(),
    }
}

/// What such a program says.
pub struct Memory {
    heap: u64,
    resident: u64,
    text: u64,
    pub all_resident: u64,
}

impl Memory {
    pub fn of(program: &Path, count: u64) -> Memory {
        let output = Command::new(program).arg(count.to_string()).output();
        let said = c::succeeded(output.expect("the program can be run"));
        let numbers: Vec<u64> =
            said.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let [heap, resident, text, all_resident] = numbers[..] else {
            panic!("four numbers, not {said:?}")
        };
        Memory { heap, resident, text, all_resident }
    }
}

pub fn client(bench: &Bench) -> Vec<Row> {
    let mut subjects = vec![(
        Subject::new(LIBRARY, &bench.c("client", &[])),
        "fitbit_from_token and fitbit_free; the token's JSON is read and checked, and wiped",
    )];
    if !bench.checking && bench.has_iddawc() {
        subjects.push((
            Subject::new("iddawc, a session", &bench.c("iddawc_client", &["-liddawc"])),
            "is given each value by its name; no JSON is read",
        ));
    }
    let counted = bench.has_valgrind();
    let mut rows: Vec<_> = subjects
        .iter()
        .map(|(subject, note)| {
            let count = counted.then(|| subject::instructions(subject, 200, 1200));
            Row::new(CLIENT, "made and freed", &subject.name).note(*note).instructions(count)
        })
        .collect();
    if bench.checking {
        return rows;
    }
    let subjects: Vec<_> = subjects.into_iter().map(|(subject, _)| subject).collect();
    for (row, ratio) in rows.iter_mut().zip(subject::race(&subjects)) {
        row.ratio = Some(ratio);
    }
    rows
}

/// 1,000 and 1,000,000
fn thousands(count: u64) -> String {
    if count >= 1_000_000 {
        return format!("{},000,000", count / 1_000_000);
    }
    format!("{},000", count / 1000)
}
