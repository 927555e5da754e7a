//! The procedure explored: every sequence of a few steps, over the real library.
//!
//! The row's lock is held throughout a guard, so that whole steps are what can be interleaved.
//! With `FITBIT_LONG=1` the sequences are one step longer.

mod provider;
mod steps;
mod world;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use steps::Step;
use world::{Rule, Stage};

/// How many threads run sequences, each on a stage of its own.
const THREADS: usize = 2;

#[derive(Debug, Default)]
struct Found {
    sequences: usize,
    states: HashSet<String>,
    /// Sequences after which nobody can make a request, although no kill took the only copy of a
    /// token that was not committed.
    lost: Vec<Vec<Step>>,
    /// The same where a kill did.
    unavoidable: usize,
}

fn depth() -> u32 {
    if std::env::var_os("FITBIT_LONG").is_some() { 4 } else { 3 }
}

fn explore(rule: Rule, depth: u32) -> Found {
    let sequences = steps::sequences(depth);
    let next = AtomicUsize::new(0);
    let parts = std::thread::scope(|scope| {
        let threads = [(); THREADS].map(|()| {
            scope.spawn(|| {
                let (stage, mut found) = (Stage::new(rule), Found::default());
                while let Some(steps) = sequences.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = stage.run(steps);
                    found.sequences += 1;
                    found.states.insert(outcome.state);
                    match (outcome.works, outcome.destroyed) {
                        (true, _) => {}
                        (false, true) => found.unavoidable += 1,
                        (false, false) => found.lost.push(steps.clone()),
                    }
                }
                found
            })
        });
        threads.map(|thread| thread.join().unwrap())
    });
    let mut all = Found::default();
    for part in parts {
        all.sequences += part.sequences;
        all.states.extend(part.states);
        all.lost.extend(part.lost);
        all.unavoidable += part.unavoidable;
    }
    all.lost.sort_by_key(Vec::len);
    println!(
        "{rule:?}, up to {depth} steps: {} sequences, {} states, {} logins lost, {} more by a kill \
         that took the only copy",
        all.sequences,
        all.states.len(),
        all.lost.len(),
        all.unavoidable
    );
    all
}

#[test]
fn no_login_is_lost_without_a_kill_between_answer_and_commit() {
    let found = explore(Rule::AsStored, depth());
    let examples = &found.lost[..found.lost.len().min(10)];
    assert!(found.lost.is_empty(), "{} lost, such as {examples:#?}", found.lost.len());
    // Otherwise the kills of this exploration do not kill.
    assert!(found.unavoidable > 0);
}

#[test]
fn a_planted_rule_that_compares_expiry_loses_logins() {
    assert!(!explore(Rule::LaterExpiry, 3).lost.is_empty());
}

#[test]
fn a_planted_rule_that_always_takes_what_is_stored_loses_logins() {
    assert!(!explore(Rule::AlwaysStored, 2).lost.is_empty());
}
