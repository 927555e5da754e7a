//! Where the instructions of a GET go: callgrind's count for each function, of the release build with
//! its symbols kept, as the difference of two run lengths like every other count.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use fitbit_test_support::library;

use crate::bench::Bench;
use crate::server::SMALL;
use crate::subject::{self, Subject};

const SHORT: u64 = 100;
const LONG: u64 = 600;
const LIBRARY_FILE: &str = "libfitbit.so";

/// Instructions for one GET.
pub struct Profile {
    pub all: f64,
    /// In this library's file, what it is built from included.
    pub library: f64,
    /// By function of that file, most first.
    pub functions: Vec<(String, f64)>,
    /// By crate of that file, most first.
    pub crates: Vec<(String, f64)>,
}

/// Of a GET of 2 KB, plain; none where a tool is missing.
pub fn profile(bench: &Bench) -> Option<Profile> {
    if !bench.has_valgrind() {
        return None;
    }
    let folder = with_symbols();
    let subject = Subject::new("libfitbit with its symbols", &bench.c("fitbit", &[]))
        .arg(SMALL)
        .arg(bench.plain.uri())
        .env("LD_LIBRARY_PATH", folder);
    let (short, long) = (count(&subject, SHORT), count(&subject, LONG));
    let mut costs: Vec<_> = long
        .into_iter()
        .map(|(place, cost)| {
            let less = short.get(&place).copied().unwrap_or(0);
            (place, (cost - less) as f64 / (LONG - SHORT) as f64)
        })
        .collect();
    costs.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let all = costs.iter().map(|(_, cost)| cost).sum();
    let functions: Vec<_> = costs
        .into_iter()
        .filter(|((_, file), _)| file.ends_with(LIBRARY_FILE))
        .map(|((function, _), cost)| (function, cost))
        .collect();
    assert!(!functions.is_empty(), "the library with symbols was not the one that ran");
    let mut crates = BTreeMap::<String, f64>::new();
    for (function, cost) in &functions {
        *crates.entry(crate_of(function)).or_default() += cost;
    }
    let mut crates: Vec<_> = crates.into_iter().collect();
    crates.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    Some(Profile { all, library: functions.iter().map(|(_, cost)| cost).sum(), functions, crates })
}

/// The release build again, symbols and lines kept, beside the one that is shipped.
fn with_symbols() -> PathBuf {
    let target = Bench::folder().join("symbols");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--lib", "--package", "fitbit", "--target-dir"]).arg(&target);
    build.current_dir(library::root());
    build.env("CARGO_PROFILE_RELEASE_STRIP", "false").env("CARGO_PROFILE_RELEASE_DEBUG", "1");
    assert!(build.status().expect("cargo can be run").success(), "the library does not build");
    target.join("release")
}

/// Function and file to instructions, of one run.
fn count(subject: &Subject, operations: u64) -> BTreeMap<(String, String), i64> {
    let out = Bench::folder().join("callgrind.out");
    subject::callgrind(subject, operations, &out);
    let mut annotate = Command::new("callgrind_annotate");
    let output = annotate.args(["--threshold=100", "--auto=no"]).arg(&out).output();
    let output = output.expect("valgrind brings callgrind_annotate");
    String::from_utf8_lossy(&output.stdout).lines().filter_map(line).collect()
}

/// `1,234 ( 0.12%)  path/file.rs:function [/path/libfitbit.so]`
fn line(line: &str) -> Option<((String, String), i64)> {
    let (cost, rest) = line.trim().split_once(" (")?;
    let cost = cost.replace(',', "").parse().ok()?;
    let (_, place) = rest.split_once("%)")?;
    let (place, file) = place.trim().rsplit_once(" [")?;
    let (_, function) = place.split_once(':')?;
    Some(((function.to_owned(), file.trim_end_matches(']').to_owned()), cost))
}

/// `ureq::run::run` and `<ureq::Agent as core::fmt::Debug>::fmt` are ureq's.
pub fn crate_of(function: &str) -> String {
    let first = function.trim_start_matches(['<', '&', '[', '(']);
    let first = first.strip_prefix("mut ").unwrap_or(first);
    match first.split_once("::") {
        Some((name, _)) if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
            name.to_owned()
        }
        _ if function.starts_with("fitbit_") => "fitbit".to_owned(),
        _ => "others".to_owned(),
    }
}
