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
    /// By function of any file.
    pub everywhere: Vec<(String, f64)>,
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
        .env("LD_PRELOAD", folder.join(LIBRARY_FILE));
    let (short, long) = (count(&subject, SHORT), count(&subject, LONG));
    let (mut all, mut library) = (0.0, 0.0);
    let mut functions = BTreeMap::new();
    let (mut everywhere, mut crates) = (BTreeMap::new(), BTreeMap::new());
    for (place, cost) in long {
        let more = cost - short.get(&place).copied().unwrap_or(0);
        let cost = more as f64 / (LONG - SHORT) as f64;
        all += cost;
        let object = place.object.rsplit('/').next().unwrap_or_default();
        *everywhere.entry(format!("{} ({object})", place.function)).or_default() += cost;
        if place.object.ends_with(LIBRARY_FILE) {
            library += cost;
            *crates.entry(place.owner()).or_default() += cost;
            *functions.entry(place.function).or_default() += cost;
        }
    }
    assert!(!functions.is_empty(), "the library with symbols was not the one that ran");
    Some(Profile {
        all,
        library,
        functions: most_first(functions),
        everywhere: most_first(everywhere),
        crates: most_first(crates),
    })
}

fn most_first(costs: BTreeMap<String, f64>) -> Vec<(String, f64)> {
    let mut costs: Vec<_> = costs.into_iter().collect();
    costs.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    costs
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

/// Where instructions were counted. What was inlined keeps the source file that it stands in.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    source: String,
    function: String,
    object: String,
}

/// Instructions of one run.
fn count(subject: &Subject, operations: u64) -> BTreeMap<Place, i64> {
    let out = Bench::folder().join("callgrind.out");
    subject::callgrind(subject, operations, &out);
    let mut annotate = Command::new("callgrind_annotate");
    let output = annotate.args(["--threshold=100", "--auto=no"]).arg(&out).output();
    let output = output.expect("valgrind brings callgrind_annotate");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let places: Vec<_> = text.lines().filter_map(line).collect();
    // The tool names the object only once for a function, not again for what was inlined into it.
    let objects: BTreeMap<_, _> = places
        .iter()
        .filter(|(place, _)| !place.object.is_empty())
        .map(|(place, _)| (place.function.clone(), place.object.clone()))
        .collect();
    let mut counts = BTreeMap::new();
    for (mut place, cost) in places {
        if let Some(object) = objects.get(&place.function) {
            place.object.clone_from(object);
        }
        *counts.entry(place).or_default() += cost;
    }
    counts
}

/// `1,234 ( 0.12%)  path/file.rs:function [/path/libfitbit.so]`
fn line(line: &str) -> Option<(Place, i64)> {
    let (cost, rest) = line.trim().split_once(" (")?;
    let cost = cost.replace(',', "").parse().ok()?;
    let (_, place) = rest.split_once("%)")?;
    let (place, object) = place.trim().rsplit_once(" [").unwrap_or((place.trim(), ""));
    let (source, function) = place.split_once(':')?;
    let object = object.trim_end_matches(']').to_owned();
    Some((Place { source: source.to_owned(), function: function.to_owned(), object }, cost))
}

impl Place {
    /// The crate whose source it is.
    fn owner(&self) -> String {
        let folders: Vec<_> = self.source.split('/').collect();
        if let Some(at) = folders.iter().position(|folder| *folder == "library") {
            return folders.get(at + 1).unwrap_or(&"std").to_string(); // /rustc/…/library/core/src
        }
        if let Some(at) = folders.iter().position(|folder| *folder == "registry") {
            let named = folders.get(at + 3).and_then(|folder| folder.rsplit_once('-'));
            return named.map_or("others", |(name, _)| name).to_owned(); // registry/src/…/http-1.5.0
        }
        if self.source.starts_with("src/") { "fitbit".to_owned() } else { crate_of(&self.function) }
    }
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
