//! What the shipped libraries show to a linker: exactly the header's functions, and no library
//! needed but the system's own.

use std::collections::BTreeSet;
use std::process::Command;

use fitbit_test_support::{c, interface, library};

use crate::compilers::{arg, folder, source};
use crate::declarations::functions;

/// One name a line; a change here is a change of the ABI.
const CHECKED_IN: &str = include_str!("symbols.txt");

fn tool(name: &str, args: &[&str]) -> String {
    c::succeeded(Command::new(name).args(args).output().expect("binutils come with the compiler"))
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

#[test]
fn the_shared_library_exports_the_functions_of_the_header_and_nothing_else() {
    let listed = tool("nm", &["-D", "--defined-only", "--format=posix", arg(&library::shared())]);
    let exported = set(listed.lines().filter_map(|line| line.split(' ').next()));
    let functions = functions();
    assert_eq!(exported, set(functions.iter().map(|function| function.name.as_str())));
}

#[test]
fn the_list_of_symbols_that_is_checked_in_is_the_headers() {
    let functions = functions();
    let declared: Vec<_> = functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(set(CHECKED_IN.lines()), set(declared.iter().copied()));
    assert!(CHECKED_IN.lines().is_sorted(), "the list is sorted, each name once");
    assert_eq!(CHECKED_IN.lines().count(), declared.len());
}

#[test]
fn the_rust_tests_know_every_function() {
    assert_eq!(set(interface::NAMES.iter().copied()), set(CHECKED_IN.lines()));
}

#[test]
fn the_shared_library_needs_only_libc_libgcc_and_the_loader() {
    let dynamic = tool("readelf", &["-d", "--wide", arg(&library::shared())]);
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    let needed: Vec<_> = needed
        .filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned()))
        .collect();
    assert!(needed.iter().any(|name| name.starts_with("libc.so.")), "{needed:?}");
    let allowed = ["libc.so.", "libgcc_s.so.", "ld-linux"];
    let more: Vec<_> =
        needed.iter().filter(|name| !allowed.iter().any(|one| name.starts_with(one))).collect();
    assert!(more.is_empty(), "{more:?}");
}

/// A look-up may outlive its call, and the system keeps the address of a fork handler.
#[test]
fn the_shared_library_stays_loaded_after_dlclose() {
    let dynamic = tool("readelf", &["-d", "--wide", arg(&library::shared())]);
    let flags = dynamic.lines().find(|line| line.contains("(FLAGS_1)")).unwrap_or_default();
    assert!(flags.contains("NODELETE"), "{dynamic}");
}

#[test]
fn the_static_library_makes_a_program_that_needs_no_shared_one() {
    let file = source(
        &folder("static"),
        "static.c",
        "#include <fitbit.h>\n\nint main(void)\n{\n    FitbitApp *app;\n    FitbitError *error = \
         fitbit_app_new(FITBIT_PROVIDER_FITBIT, \"id\", NULL, NULL, &app);\n    \
         fitbit_app_free(app);\n    return error != NULL;\n}\n",
    );
    let program = folder("static").join("static");
    let archive = library::folder().join("libfitbit.a");
    let include = library::include();
    let args = ["-I", arg(&include), arg(&file), arg(&archive), "-o", arg(&program)];
    let libraries = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"];
    tool("cc", &[&args[..], &libraries[..]].concat());
    tool(arg(&program), &[]);
    let dynamic = tool("readelf", &["-d", "--wide", arg(&program)]);
    assert!(!dynamic.contains("libfitbit"), "{dynamic}");
}
