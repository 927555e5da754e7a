//! Every target, on what is known and on what is like it, as part of each `cargo test`.
//!
//! The seeds are in fuzz/seeds, a folder for each target; what a fuzzer once found is among
//! them. Each is run as it is, then many mutations, always the same ones: `FITBIT_FUZZ_SEED` chooses
//! others, and `FITBIT_LONG` a hundred times as many.

use std::path::{Path, PathBuf};

use fitbit_fuzz_targets::{Mutator, TARGETS, run, watch_panics};
use fitbit_test_support::figures;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds").join(target)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let listed = std::fs::read_dir(folder(target)).expect("every target has a folder of seeds");
    let mut files: Vec<_> = listed.map(|entry| entry.expect("it can be read").path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a seed can be read")).collect()
}

/// Runs an input, and says which it was if that panics.
struct Last<'a>(&'a str, &'a [u8]);

impl Drop for Last<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("target {}, input \"{}\"", self.0, self.1.escape_ascii());
        }
    }
}

fn try_out(target: &str, data: &[u8]) {
    let _last = Last(target, data);
    run(target, data);
}

#[test]
fn no_input_breaks_a_promise() {
    watch_panics(false);
    let given = std::env::var("FITBIT_FUZZ_SEED").ok();
    let seed = given.map_or(0x5eed, |text| text.parse().expect("FITBIT_FUZZ_SEED is a number"));
    let long = std::env::var_os("FITBIT_LONG").is_some();
    println!("FITBIT_FUZZ_SEED={seed}");
    // In one thread: there is one server for all.
    let broken: Vec<_> = TARGETS
        .iter()
        .map(|(target, _)| *target)
        .filter(|target| std::panic::catch_unwind(|| all_of(target, seed, long)).is_err())
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
}

fn all_of(target: &str, seed: u64, long: bool) {
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{target} has no seeds");
    for seed in &seeds {
        try_out(target, seed);
    }
    let mut mutator = Mutator::new(seed);
    let count = if target == "conversation" { 300 } else { 1500 } * if long { 100 } else { 1 };
    for _ in 0..count {
        try_out(target, &mutator.input(&seeds));
    }
    let tried = seeds.len() + count;
    println!("{target}: {tried} inputs");
    figures::record("Fuzzing", &format!("{target}, every run"), tried, 0);
}
