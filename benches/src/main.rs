//! What the library costs, beside what people use instead, on this machine.
//!
//! `cargo bench --package fitbit-bench` builds and runs everything, and prints the page;
//! `… -- --write` also writes `RESULTS.md`, `results.svg` and `figures.tsv` into `benches/`;
//! `… -- --check` measures only the hot rows' instructions and what does not depend on time, and fails
//! where they have grown by more than 5 % over `figures.tsv`, or something is not as the design
//! promises; any other word measures only the part that it names (`address`, `get` …). `--build` also
//! times a clean build.
//!
//! It needs valgrind, cc and libcurl's headers; libiddawc and Python are skipped aloud where missing.

mod bench;
mod contention;
mod figures;
mod page;
mod peers;
mod plot;
mod profile;
mod row;
mod rows;
mod server;
mod subject;
mod tls;
mod versions;

use std::process::ExitCode;

use bench::Bench;
use page::Page;
use row::Row;

/// Measures some rows.
type Part = fn(&Bench) -> Vec<Row>;

/// Every part, in the order of the page.
const PARTS: &[(&str, Part)] = &[
    ("address", rows::address),
    ("exchange", rows::exchange),
    ("refresh", rows::refresh),
    ("get", rows::get),
    ("threads", rows::threads),
    ("users", rows::users),
    ("storm", rows::storm),
    ("client", rows::client),
    ("memory", rows::memory),
    ("load", rows::load),
    ("size", rows::size),
    ("build", rows::build),
];

/// The groups of the plot.
const PLOTTED: [&str; 4] = [rows::ADDRESS, rows::EXCHANGE, rows::REFRESH, rows::GET];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some(("--peer", rest)) = words.split_first().map(|(word, rest)| (word.as_str(), rest)) {
        peers::run(rest);
        return ExitCode::SUCCESS;
    }
    let (flags, parts): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with("--"));
    let known = |part: &&String| {
        part.as_str() == "profile" || PARTS.iter().any(|(name, _)| *name == part.as_str())
    };
    if let Some(unknown) = flags
        .iter()
        .find(|flag| !["--build", "--check", "--write"].contains(&flag.as_str()))
        .or(parts.iter().find(|part| !known(part)))
    {
        eprintln!("what is {unknown}? See the head of benches/src/main.rs");
        return ExitCode::FAILURE;
    }
    if flags.iter().any(|flag| *flag == "--write") && !parts.is_empty() {
        eprintln!("--write is for a whole run: a page of one part would lose the others");
        return ExitCode::FAILURE;
    }
    let has = |flag: &str| flags.iter().any(|word| *word == flag);
    let wanted = |name: &str| parts.is_empty() || parts.iter().any(|word| *word == name);
    let bench = Bench::new(has("--check"), has("--build"));
    let mut rows = Vec::new();
    for (name, part) in PARTS.iter().filter(|(name, _)| wanted(name)) {
        eprintln!("== {name}");
        rows.extend(part(&bench));
    }
    if bench.checking {
        return check(&rows);
    }
    let profile = wanted("profile").then(|| profile::profile(&bench)).flatten();
    let versions = versions::versions(bench.python(), &rows::curl(&bench));
    let bars = figures::bars(&rows);
    let skipped = bench.skipped();
    let page = Page {
        rows: &rows,
        bars: &bars,
        versions: &versions,
        skipped: &skipped,
        profile: profile.as_ref(),
    };
    let (page, plot) = (page.markdown(), plot::svg(&rows, &PLOTTED));
    print!("{page}");
    let folder = if has("--write") { Bench::here().to_owned() } else { Bench::folder() };
    std::fs::write(folder.join("RESULTS.md"), page).expect("the folder can be written to");
    std::fs::write(folder.join("results.svg"), plot).expect("the folder can be written to");
    if has("--write") {
        figures::write(&rows, &versions);
    }
    ExitCode::SUCCESS
}

fn check(rows: &[Row]) -> ExitCode {
    let wrong = figures::check(rows);
    for line in &wrong {
        eprintln!("FAILED {line}");
    }
    if wrong.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "If the growth is worth its reason, run `cargo bench --package fitbit-bench -- --write` and \
         commit what it writes with the change."
    );
    ExitCode::FAILURE
}
