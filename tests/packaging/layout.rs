//! What is installed, and that it is what was built, tested and checked in.

use std::collections::BTreeSet;
use std::fs;

use fitbit_test_support::{c, library};

use crate::installed::{dynamic, files, numbers, release, tool};

#[test]
fn these_files_are_installed_and_no_others() {
    let Some(release) = release() else { return };
    let (version, line) = numbers();
    let expected = [
        "include/fitbit.h",
        "include/fitbit.hpp",
        "include/fitbit/CFitbit.apinotes",
        "include/fitbit/fitbit.h",
        "include/fitbit/module.modulemap",
        "lib/libfitbit.a",
        "lib/libfitbit.so",
        &format!("lib/libfitbit.so.{line}"),
        &format!("lib/libfitbit.so.{version}"),
        "lib/pkgconfig/fitbit.pc",
        "share/fitbit/cmake/FitbitConfig.cmake",
        "share/fitbit/cmake/FitbitConfigVersion.cmake",
    ];
    let expected = expected.map(str::to_owned).into();
    assert_eq!(files(&release.prefix), expected);
}

#[test]
fn the_installed_headers_are_those_that_are_checked_in() {
    let Some(release) = release() else { return };
    let include = release.prefix.join("include");
    for name in files(&include) {
        let checked_in = library::include().join(name.strip_prefix("fitbit/").unwrap_or(&name));
        let [installed, checked_in] =
            [include.join(&name), checked_in].map(|path| fs::read(path).expect("it can be read"));
        assert!(installed == checked_in, "{name}");
    }
}

#[test]
fn the_installed_library_exports_the_checked_in_symbols() {
    let Some(release) = release() else { return };
    let shared = release.prefix.join("lib/libfitbit.so");
    let listed =
        tool("nm", ["-D", "--defined-only", "--format=posix", &shared.display().to_string()]);
    let exported: BTreeSet<_> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    let checked_in = include_str!("../c_programs/symbols.txt");
    assert_eq!(exported, checked_in.lines().collect());
}

#[test]
fn the_installed_library_is_as_optimised_as_the_one_that_is_tested() {
    let Some(release) = release() else { return };
    // Without link-time optimisation, or not stripped, it would be a quarter larger, and more.
    let [tested, installed] = [library::shared(), release.prefix.join("lib/libfitbit.so")]
        .map(|path| fs::metadata(path).expect("it was built").len());
    assert!(installed.abs_diff(tested) < tested / 50, "{installed} bytes, {tested} as tested");
}

/// Without link-time optimisation each crate has objects of its own, and the library is a quarter larger.
#[test]
fn link_time_optimisation_makes_one_object_of_all_rust_code() {
    if !c::available("ar") {
        return;
    }
    let installed = release().map(|release| release.prefix.join("lib"));
    for folder in [library::folder()].into_iter().chain(installed.as_deref()) {
        let archive = folder.join("libfitbit.a");
        let members = tool("ar", ["t".as_ref(), archive.as_os_str()]);
        let of_rust = members.lines().filter(|name| name.ends_with(".rcgu.o"));
        // The compiler's own helper functions never take part.
        let of_rust: Vec<_> =
            of_rust.filter(|name| !name.starts_with("compiler_builtins")).collect();
        assert!(matches!(of_rust[..], [one] if one.starts_with("fitbit.")), "{of_rust:?}");
    }
}

#[test]
fn what_cargo_builds_has_no_soname_so_that_programs_find_it_where_it_was_built() {
    assert!(dynamic(&library::shared(), "SONAME").is_empty());
}

#[test]
fn no_folder_of_the_machine_that_built_it_stands_in_the_library() {
    let Some(release) = release() else { return };
    let home = std::env::var("HOME").expect("it is set");
    for name in ["libfitbit.so", "libfitbit.a"] {
        let bytes = fs::read(release.prefix.join("lib").join(name)).expect("it is installed");
        for folder in [home.as_str(), library::root().to_str().expect("it is UTF-8")] {
            let folder = format!("{folder}/");
            let found = bytes.windows(folder.len()).position(|window| window == folder.as_bytes());
            let around = |at: usize| String::from_utf8_lossy(&bytes[at..at + 120]).into_owned();
            assert!(found.is_none(), "{name}: {}", found.map(around).unwrap_or_default());
        }
    }
}
