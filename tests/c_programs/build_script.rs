//! The header is made by the build, checked in, and never in the way of a build.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use fitbit_test_support::library;

use crate::declarations::header;

fn must(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}\n{said}");
    said
}

/// The package in a folder of its own.
fn copy() -> PathBuf {
    let copy = library::target().join("readonly_package");
    if copy.exists() {
        chmod("u+w", &copy);
        fs::remove_dir_all(&copy).expect("an earlier copy can be removed");
    }
    fs::create_dir_all(&copy).expect("the target folder can be written to");
    for part in fs::read_dir(library::root()).expect("the repository can be read").flatten() {
        if part.file_name() != ".git" && part.path() != library::target() {
            must(Command::new("cp").arg("-R").arg(part.path()).arg(&copy));
        }
    }
    copy
}

fn chmod(mode: &str, folder: &Path) {
    must(Command::new("chmod").args(["-R", mode]).arg(folder));
}

/// Answers with what cargo said.
fn check(package: &Path) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    must(
        Command::new(cargo)
            .args(["check", "--lib", "--locked"])
            .current_dir(package)
            .env("CARGO_TARGET_DIR", library::target().join("readonly")),
    )
}

#[test]
fn the_checked_in_header_is_what_the_build_makes() {
    let builds = library::folder().join("build");
    let made = fs::read_dir(builds).expect("cargo keeps what build scripts wrote").flatten();
    let made = made.map(|entry| entry.path().join("out/fitbit.h"));
    let newest = made
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .max()
        .expect("the build script wrote a header")
        .1;
    assert_eq!(header(), fs::read_to_string(newest).expect("it was listed"));
}

#[test]
fn a_stale_header_is_written_anew_and_one_that_cannot_be_written_only_warns() {
    let package = copy();
    let stale = package.join("include/fitbit.h");
    // Modes do not stop the superuser, who runs many a CI: this file nobody can write to.
    fs::remove_file(&stale).expect("it was copied");
    symlink("/proc/version", &stale).expect("the target folder can be written to");
    chmod("a-w", &package);
    let said = check(&package);
    assert!(said.contains("include/fitbit.h is stale and cannot be written"), "{said}");

    chmod("u+w", &package);
    fs::remove_file(&stale).expect("it can be written to again");
    fs::write(&stale, "/* an older version */\n").expect("it can be written to again");
    let said = check(&package);
    assert!(!said.contains("stale"), "{said}");
    assert_eq!(fs::read_to_string(&stale).expect("it was written"), header());
}
