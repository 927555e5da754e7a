//! The checked-in instruction counts, `figures.tsv`, and the guard that compares with them.
//!
//! A count that has grown is either a fault, or the price of something: then the figures are written
//! anew (`-- --write`) in the same commit, where the reader of the change sees both.

use std::fmt::Write;
use std::path::PathBuf;

use fitbit_test_support::library;

use crate::bench::Bench;
use crate::row::{LIBRARY, Row};
use crate::rows;

/// What a count may grow by before it is a fault: compilers and processors move it by less.
const GROWTH: f64 = 1.05;

/// The largest shared library.
const LARGEST: u64 = 3_000_000;

/// A promise of the design: this library's count over another's, of the same work.
struct Bar {
    group: &'static str,
    name: &'static str,
    peer: &'static str,
    most: f64,
}

const BARS: [Bar; 3] = [
    Bar { group: rows::GET, name: rows::SMALL_PLAIN, peer: "ureq", most: 1.20 },
    Bar { group: rows::GET, name: rows::SMALL_PLAIN, peer: "libcurl", most: 0.60 },
    Bar { group: rows::ADDRESS, name: rows::ONE_ADDRESS, peer: "oauth2-rs", most: 2.0 },
];

/// Whether it is held, in a line for each promise.
pub fn bars(rows: &[Row]) -> Vec<(String, bool)> {
    let mut said: Vec<_> = BARS.iter().filter_map(|bar| bar.judge(rows)).collect();
    said.extend(rows.iter().filter_map(|row| row.bar.clone()));
    let size = std::fs::metadata(library::shared()).expect("it is built").len();
    let (size_mb, most_mb) = (size as f64 / 1e6, LARGEST as f64 / 1e6);
    said.push((
        format!("the stripped library: {size_mb:.2} MB, at most {most_mb:.1}"),
        size <= LARGEST,
    ));
    said
}

impl Bar {
    fn judge(&self, rows: &[Row]) -> Option<(String, bool)> {
        let count = |subject: &str| {
            let row = rows.iter().find(|row| {
                row.group == self.group && row.name == self.name && row.subject == subject
            });
            row.and_then(|row| row.instructions)
        };
        let ratio = count(LIBRARY)? as f64 / count(self.peer)? as f64;
        let Bar { group, name, peer, most } = self;
        Some((
            format!("{group}, {name}: {ratio:.2} times {peer}'s instructions, at most {most:.2}"),
            ratio <= *most,
        ))
    }
}

/// Compares what was just counted with the figures; answers with what is wrong.
pub fn check(rows: &[Row]) -> Vec<String> {
    let recorded = std::fs::read_to_string(path()).unwrap_or_default();
    let mut wrong = Vec::new();
    let hot = rows.iter().filter(|row| row.is_library());
    for row in hot {
        let Some(now) = row.instructions else { continue };
        let key = key(row);
        let before = recorded.lines().find_map(|line| line.strip_prefix(&key)?.parse::<u64>().ok());
        let what = format!("{}, {}", row.group, row.name);
        let Some(before) = before else {
            wrong.push(format!("{what}: {now} instructions, and figures.tsv has no such row"));
            continue;
        };
        let growth = now as f64 / before as f64;
        println!("{what}: {now} instructions, {:+.1} % on {before}", (growth - 1.0) * 100.0);
        if growth > GROWTH {
            wrong.push(format!("{what}: {now} instructions are {growth:.2} times {before}"));
        }
    }
    for (line, held) in bars(rows) {
        println!("{line}");
        if !held {
            wrong.push(line);
        }
    }
    wrong
}

/// Writes the figures of a whole run.
pub fn write(rows: &[Row], versions: &[(String, String)]) {
    let mut text = String::from(
        "# Written by `cargo bench --package fitbit-bench -- --write`; see RESULTS.md.\n",
    );
    for (name, version) in versions {
        let _ = writeln!(text, "# {name}: {version}");
    }
    text.push_str("# group\trow\tsubject\tinstructions for one operation\n");
    for row in rows {
        if let Some(count) = row.instructions {
            let _ = writeln!(text, "{}{count}", key(row));
        }
    }
    std::fs::write(path(), text).expect("the package's folder can be written to");
}

fn key(row: &Row) -> String {
    format!("{}\t{}\t{}\t", row.group, row.name, row.subject)
}

fn path() -> PathBuf {
    Bench::here().join("figures.tsv")
}
