//! The build generates the header, compares it with the checked-in one, and leaves the sources alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fitbit_test_support::library;

use crate::declarations::header;

fn must(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}");
    output
}

/// The package in a folder of its own.
fn copy() -> PathBuf {
    let copy = library::target().join("copied_package");
    if copy.exists() {
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

/// Runs cargo in a copy; returns what it wrote to standard error.
fn cargo(package: &Path, arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(package);
    command.env("CARGO_TARGET_DIR", library::target().join("copied"));
    String::from_utf8_lossy(&must(&mut command).stderr).into_owned()
}

fn check(package: &Path) -> String {
    cargo(package, &["check", "--lib", "--locked"])
}

/// Each file below a folder with its size and the time of its last change.
fn listing(folder: &Path) -> String {
    let mut find = Command::new("find");
    let output = must(find.arg(folder).args(["-printf", "%p %s %T@ %C@\n"]));
    String::from_utf8(output.stdout).expect("the names are UTF-8")
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
fn a_build_warns_about_a_stale_header_and_writes_nothing_into_the_source_tree() {
    const WARNING: &str = "include/fitbit.h differs from src/: run `cargo xtask header`";
    let package = copy();
    let stale = package.join("include/fitbit.h");
    for remove in [false, true] {
        if remove {
            fs::remove_file(&stale).expect("it was copied");
        } else {
            fs::write(&stale, "/* an older version */\n").expect("it can be written to");
        }
        let before = listing(&package);
        let said = check(&package);
        assert!(said.contains(WARNING), "{said}");
        assert_eq!(listing(&package), before);

        cargo(&package, &["xtask", "header"]);
        assert_eq!(fs::read_to_string(&stale).expect("it was written"), header());
        let said = check(&package);
        assert!(!said.contains(WARNING), "{said}");
    }
}
