//! What the library costs before it does anything: loading it, the memory of a program that has one
//! client, the size of what has to be shipped, what it is built of, and how long that takes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use fitbit_test_support::{c, library};

use super::memory::Memory;
use crate::bench::Bench;
use crate::row::{LIBRARY, Row, median};
use crate::subject::{self, ROUNDS, Running, Subject};

pub const LOAD: &str = "Loading";
pub const SIZE: &str = "Size";
pub const BUILD: &str = "Building";

pub fn load(bench: &Bench) -> Vec<Row> {
    if bench.checking {
        return Vec::new();
    }
    let mut subjects = Vec::new();
    let iddawc = bench.has_iddawc();
    let ours = bench.c("load", &[]);
    subjects.push(Subject::new(LIBRARY, &ours).arg(library::shared()));
    if iddawc {
        let theirs = bench.c("iddawc_load", &[]);
        subjects.push(Subject::new("iddawc", &theirs).arg("libiddawc.so"));
    }
    let mut rows = first_addresses(bench, &subjects);
    rows.extend(resident(bench, iddawc));
    rows
}

/// dlopen, and the first authorization address, each time in a process of its own.
fn first_addresses(bench: &Bench, subjects: &[Subject]) -> Vec<Row> {
    let mut times = vec![Vec::new(); subjects.len()];
    for round in 0..=ROUNDS {
        for (at, subject) in subjects.iter().enumerate() {
            let time = Running::start(subject).run(1) as f64;
            if round > 0 {
                times[at].push(time); // the first one had the files read
            }
        }
    }
    let counted = bench.has_valgrind();
    let rows = subjects.iter().zip(&times).map(|(subject, time)| {
        let ratios = time.iter().zip(&times[0]).map(|(theirs, ours)| theirs / ours).collect();
        Row::new(LOAD, "dlopen to the first address", &subject.name)
            .note("with all that it loads in turn; its files are in the page cache")
            .instructions(counted.then(|| subject::instructions(subject, 0, 1)))
            .ratio(median(ratios))
            .figure(format!("{:.2} ms", median(time.clone()) / 1e6))
    });
    rows.collect()
}

fn resident(bench: &Bench, iddawc: bool) -> Vec<Row> {
    let mut programs = vec![(LIBRARY, bench.c("memory", &[]))];
    if iddawc {
        programs.push(("iddawc", bench.c("iddawc_memory", &["-liddawc"])));
    }
    programs.push(("libcurl", bench.c("curl_memory", &[bench.libcurl()])));
    programs.push(("floor: a program that does nothing", bench.c("empty_memory", &[])));
    let rows = programs.into_iter().map(|(subject, program)| {
        let resident = Memory::of(&program, 1).all_resident as f64 / 1e6;
        Row::new(LOAD, "resident memory of a program with two clients", subject)
            .figure(format!("{resident:.1} MB"))
            .note("pages of libraries that other programs have loaded too are counted here as well")
    });
    rows.collect()
}

/// What has to be there to run a program that uses it.
pub fn size(bench: &Bench) -> Vec<Row> {
    if bench.checking {
        return Vec::new(); // the size itself is among what is always held against the design
    }
    let mut programs = vec![(LIBRARY, bench.c("memory", &[]))];
    programs.push(("libcurl", bench.c("curl_memory", &[bench.libcurl()])));
    if bench.has_iddawc() {
        programs.push(("iddawc", bench.c("iddawc_memory", &["-liddawc"])));
    }
    let mut rows: Vec<_> = programs
        .into_iter()
        .map(|(subject, program)| {
            let files = shipped(&program);
            let bytes: u64 = files.iter().map(|file| length(file)).sum();
            let what = format!("{:.2} MB in {} files", bytes as f64 / 1e6, files.len());
            let what = what.replace("in 1 files", "in 1 file");
            Row::new(SIZE, "stripped, with all it needs beside libc", subject).figure(what).note(
                "what is a part of every Linux (libc, libm, libgcc_s, the loader) is left out",
            )
        })
        .collect();
    let packages = [
        (LIBRARY, "fitbit", "itself included"),
        ("ureq", "ureq", "as this library has it: with TLS and SOCKS"),
        ("oauth2-rs", "oauth2", "as this library has it: without an HTTP client"),
    ];
    for (subject, package, note) in packages {
        let (linked, all) = (crates(package, "normal,no-proc-macro"), crates(package, "normal"));
        let figure = format!("{linked}, and {} that make its code", all - linked);
        rows.push(Row::new(SIZE, "crates that are linked in", subject).figure(figure).note(note));
    }
    rows
}

/// The libraries that a program loads and that not every system has.
fn shipped(program: &Path) -> Vec<PathBuf> {
    const EVERYWHERE: [&str; 6] =
        ["libc.so", "libm.so", "libgcc_s.so", "libpthread.so", "libdl.so", "ld-linux"];
    let said = c::succeeded(Command::new("ldd").arg(program).output().expect("ldd is libc's"));
    let files = said.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(" => ")?;
        let file = rest.rsplit_once(" (")?.0;
        (!EVERYWHERE.iter().any(|known| name.starts_with(known))).then(|| file.into())
    });
    files.collect()
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).expect("the loader found it").len()
}

/// How many crates stand in its tree, along such edges.
fn crates(package: &str, edges: &str) -> usize {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--prefix", "none", "--format", "{p}", "--edges", edges]);
    let output = tree.args(["--package", package]).current_dir(library::root()).output();
    let said = c::succeeded(output.expect("cargo can be run"));
    let names: BTreeSet<_> = said.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    names.into_iter().filter(|name| !name.is_empty()).count()
}

/// A build from nothing, with everything downloaded: only where it is asked for.
pub fn build(bench: &Bench) -> Vec<Row> {
    if bench.checking {
        return Vec::new();
    }
    if !bench.building {
        bench.skip("clean build time", "it takes minutes, and --build was not said");
        return Vec::new();
    }
    let target = Bench::folder().join("clean");
    let _ = std::fs::remove_dir_all(&target);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--lib", "--package", "fitbit", "--locked", "--target-dir"]);
    let begin = Instant::now();
    let built = build.arg(&target).current_dir(library::root()).status();
    assert!(built.expect("cargo can be run").success(), "the library does not build");
    let seconds = begin.elapsed().as_secs();
    let _ = std::fs::remove_dir_all(&target);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    vec![
        Row::new(BUILD, "clean release build", LIBRARY)
            .figure(format!("{seconds} s on {processors} processors"))
            .note("link-time optimised; what has to be downloaded is there"),
    ]
}
