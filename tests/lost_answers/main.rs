//! The table of lost answers. An exchange with the token endpoint can end in many ways and at many
//! stages. These tests measure through the C interface what becomes of the login. The document
//! `docs/lost-answers.md` holds the table.
//!
//! - `ends`: the data: every end, every stage, and why some of them do not meet.
//! - `rule`: what each cell has to be. It is written from the manual, not from the library.
//! - `plan`, `endpoint`, `names`: a token endpoint, a proxy and a name lookup that fail on demand.
//! - `flows`: measures one cell.
//! - `table`: writes the document.
//!
//! The tests compare every measured cell with the rule, and the document with the rule.
//! `UPDATE=1 cargo test --test lost_answers document` writes the document. With `CELL=text` the
//! tests measure only the cells whose label contains the text.

#[path = "../files/scene.rs"]
#[allow(dead_code)] // each crate uses its own part of it
mod files;
#[path = "../guard/scene.rs"]
#[allow(dead_code)] // likewise
mod guards;
#[path = "../requests/relay.rs"]
#[allow(dead_code)] // likewise
mod relay;

mod endpoint;
mod ends;
mod flows;
mod names;
mod plan;
mod rule;
mod table;

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fitbit_simulator::FaultKind;

use ends::{End, STAGES, Stage, ends, holes, rows};
use flows::{Cell, measure, measure_once};
use rule::{Flow, PROVIDERS, Provider, expected, is_asked_again};

fn cells() -> Vec<Cell> {
    let of = |provider: Provider| {
        let flows = provider.flows().iter();
        flows.flat_map(move |flow| {
            let rows = rows().into_iter().filter(|row| flow.has(row.stage));
            rows.map(move |row| Cell { row, flow: *flow, provider })
        })
    };
    PROVIDERS.into_iter().flat_map(of).collect()
}

/// A cell holds some ten descriptors, and many systems allow a process only 1,024 unless it asks.
fn want_descriptors() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max.min(limit.rlim_cur.max(8192));
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
    }
}

/// Runs every cell, so many at a time: most of their time passes in waiting.
fn each<T: Send>(cells: &[Cell], at_once: usize, run: impl Fn(Cell) -> T + Sync) -> Vec<(Cell, T)> {
    want_descriptors();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_once.min(cells.len()) {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let outcome = run(*cell);
                    done.lock().unwrap().push((*cell, outcome));
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// The cells that are not as the rule says. A busy machine can be too slow for a cell, so each of
/// them is measured a second time, with fewer cells beside it.
fn differences<T: Send + PartialEq + std::fmt::Debug>(
    cells: &[Cell],
    run: impl Fn(Cell) -> T + Sync,
    rule: impl Fn(Cell) -> T,
) -> Vec<String> {
    let differ = |cells: &[Cell], at_once| {
        let mut measured = each(cells, at_once, &run);
        measured.retain(|(cell, outcome)| *outcome != rule(*cell));
        measured
    };
    let first = differ(cells, AT_ONCE);
    let again: Vec<_> = first.into_iter().map(|(cell, _)| cell).collect();
    let still = differ(&again, AT_ONCE / 4);
    let describe = |(cell, measured): &(Cell, T)| {
        format!("{}\n     rule: {:?}\n measured: {measured:?}", cell.label(), rule(*cell))
    };
    let mut described: Vec<_> = still.iter().map(describe).collect();
    described.sort();
    described
}

/// Cells that are measured at a time.
const AT_ONCE: usize = 256;

/// The cells that the environment asks for.
fn only(cells: Vec<Cell>) -> Vec<Cell> {
    let Ok(wanted) = std::env::var("CELL") else { return cells };
    cells.into_iter().filter(|cell| cell.label().contains(&wanted)).collect()
}

#[track_caller]
fn none(differences: &[impl Display], of: usize) {
    let shown: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{} of {of} cells:\n{}", shown.len(), shown.join("\n"));
}

#[test]
fn every_cell_is_as_the_rule_says() {
    let cells = only(cells());
    let rule = |cell: Cell| expected(&cell.row, cell.flow, cell.provider);
    none(&differences(&cells, measure, rule), cells.len());
}

/// One call gets over a single end wherever the rule says that it asks again, and nowhere else.
#[test]
fn one_lost_answer_is_asked_for_again_within_the_call() {
    let mut cells = cells();
    cells.retain(|cell| {
        let takes_time = cell.row.end.takes_all_the_time() || cell.row.end.is_cancelled();
        let is_short = !takes_time && cell.row.stage != Stage::Connect;
        let is_renewal = matches!(cell.flow, Flow::Callback | Flow::Kept);
        is_short && is_renewal && cell.provider != Provider::RepeatsNothing
    });
    let cells = only(cells);
    let rule = |cell: Cell| {
        let sent = u64::from(cell.row.stage.is_sent());
        match is_asked_again(&cell.row, cell.flow, cell.provider) {
            true => ("success".to_owned(), sent + 1),
            false => (expected(&cell.row, cell.flow, cell.provider).code, sent),
        }
    };
    none(&differences(&cells, measure_once, rule), cells.len());
}

/// With a provider that repeats its response nothing ends a login but the provider's own word.
#[test]
fn by_the_rule_no_login_is_lost_while_the_provider_repeats_its_response() {
    for cell in cells() {
        let outcome = expected(&cell.row, cell.flow, cell.provider);
        let is_refused = ["REAUTHORIZE", "AUTHORIZATION"].contains(&&*outcome.code);
        match cell.provider {
            Provider::RepeatsNothing => {}
            _ if is_refused => assert!(!outcome.acted, "{}", cell.label()),
            _ => assert_eq!(outcome.later, rule::LIVES, "{}", cell.label()),
        }
    }
}

#[test]
fn every_end_meets_every_stage_or_has_its_reason() {
    let (rows, holes) = (rows(), holes());
    assert_eq!(rows.len() + holes.len(), ends().len() * STAGES.len());
    for end in ends() {
        assert!(rows.iter().any(|row| row.end == end), "{} is nowhere possible", end.label());
    }
    let named: HashSet<_> = ends().iter().map(End::label).collect();
    assert_eq!(named.len(), ends().len(), "each end has a name of its own");
    assert!(cells().len() >= 400, "{} cells", cells().len());
    for (name, _) in FaultKind::all() {
        assert!(ends().contains(&End::Simulated(name)), "{name} is no row");
    }
}

#[test]
fn the_document_is_what_the_rule_says() {
    let file = fitbit_test_support::library::root().join("docs/lost-answers.md");
    let document = table::document(cells().len());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("it is in a folder")).unwrap();
        std::fs::write(&file, &document).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    for (written, document) in std::iter::zip(written.lines(), document.lines()) {
        assert_eq!(written, document);
    }
    assert_eq!(written, document, "UPDATE=1 writes it anew");
}
