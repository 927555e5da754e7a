//! What the library costs, beside what people use instead, on this machine.
//!
//! `cargo bench --package fitbit-bench` builds and runs everything, and prints a table;
//! `… -- --write` also writes `RESULTS.md`, `results.svg` and `figures.tsv` beside this package;
//! `… -- --check` counts only the hot rows' instructions and fails where they have grown by more
//! than 5 % over `figures.tsv`, or stand above what the design promises; any other word measures
//! only the rows of the part that it names (`address`, `get` …).
//!
//! It needs valgrind, cc and libcurl's headers; libiddawc and Python are skipped aloud where missing.

mod bench;
mod page;
mod row;
mod rows;
mod server;
mod subject;
mod tls;

use bench::Bench;
use row::Row;

/// Measures some rows.
type Part = fn(&Bench) -> Vec<Row>;

/// Every part, in the order of the page.
const PARTS: &[(&str, Part)] = &[("address", rows::address)];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let has = |flag: &str| words.iter().any(|word| word == flag);
    let bench = Bench::new(has("--check"));
    let wanted: Vec<_> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let mut found = Vec::new();
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            eprintln!("== {name}");
            found.extend(part(&bench));
        }
    }
    print!("{}", page::markdown(&found, &bench.skipped()));
}
