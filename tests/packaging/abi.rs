//! The interface and that of the last release, compared by `abidiff`.
//!
//! What is compared are libraries of empty functions that are compiled from the two headers: the
//! header is made from the library's own signatures, and that the library exports just these
//! functions is tested elsewhere. So all that has to be kept of a release is its header, in
//! `tests/packaging/last_release/`. Within one SONAME things may be added, and nothing else may change.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fitbit_test_support::{c, library};

use crate::installed::{empty_folder, numbers, printed, tool};

fn header() -> String {
    fs::read_to_string(library::include().join("fitbit.h")).expect("it is checked in")
}

/// A shared library whose functions are this header's, with all their types, and do nothing.
fn hollow(header: &str, folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).expect("the target folder can be written to");
    fs::write(folder.join("fitbit.h"), header).expect("the target folder can be written to");
    let mut text = "#include <fitbit.h>\n".to_owned();
    let expanded = tool("cc", ["-E", "-P", folder.join("fitbit.h").to_str().expect("UTF-8")]);
    let functions = expanded.split_inclusive(';').filter(|one| one.contains("fitbit_"));
    for declaration in functions.map(|one| one.trim_end_matches(';').trim()) {
        writeln!(text, "{declaration} {{ __builtin_unreachable(); }}").expect("a string has room");
    }
    fs::write(folder.join("hollow.c"), text).expect("the target folder can be written to");
    let mut compile = Command::new("cc");
    compile.current_dir(folder);
    printed(compile.args(["-g", "-shared", "-fPIC", "-I.", "hollow.c", "-o", "hollow.so"]));
    folder.join("hollow.so")
}

/// What became of the old interface in the new one; none: everything is still there, unchanged.
fn broken(name: &str, old: &str, new: &str) -> Option<String> {
    let folder = empty_folder(&format!("abi/{name}"));
    let [old, new] =
        [("old", old), ("new", new)].map(|(name, text)| hollow(text, &folder.join(name)));
    let mut abidiff = Command::new("abidiff");
    let output = abidiff.arg("--no-added-syms").args([old, new]).output().expect("it is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // The first bits of the status are errors of its own and of its use.
    assert!(output.status.code().is_some_and(|code| code & 3 == 0), "{output:?}");
    (!output.status.success()).then_some(said)
}

#[test]
fn the_interface_of_the_last_release_is_still_there() {
    if !c::available("abidiff") {
        return;
    }
    let released = library::root().join("tests/packaging/last_release/fitbit.h");
    let Ok(released) = fs::read_to_string(released) else {
        // Nothing is left out: this begins to say something with the first release.
        return println!("there has been no release that the interface could be compared with");
    };
    let number = |part| {
        let line = released.lines().find_map(|line| line.strip_prefix(part));
        line.unwrap_or_else(|| panic!("{part} is not in the last release's header")).trim()
    };
    let line = match number("#define FITBIT_VERSION_MAJOR ") {
        "0" => format!("0.{}", number("#define FITBIT_VERSION_MINOR ")),
        major => major.to_owned(),
    };
    let change = broken("last_release", &released, &header());
    if line == numbers().1 {
        assert!(change.is_none(), "the SONAME has to change:\n{}", change.unwrap_or_default());
    } else if let Some(change) = change {
        println!("libfitbit.so.{line} became libfitbit.so.{}:\n{change}", numbers().1);
    }
}

#[test]
fn changes_that_programs_do_not_notice_are_allowed() {
    if !c::available("abidiff") {
        return;
    }
    let header = header();
    let last = "const char *fitbit_version(void);";
    for (name, old, new) in [
        ("nothing", last, last),
        ("a_function_more", last, "const char *fitbit_version(void);\nint fitbit_more(void);"),
        (
            "an_enumerator_more",
            "  FITBIT_LOG_TRACE = 5,",
            "  FITBIT_LOG_TRACE = 5, FITBIT_LOG_MORE = 6,",
        ),
        ("another_word", "* - Errors.", "* - Faults."),
    ] {
        let changed = header.replacen(old, new, 1);
        assert!(header.contains(old), "{name}");
        assert_eq!(broken(name, &header, &changed), None, "{name}");
    }
}

#[test]
fn changes_that_break_programs_are_seen() {
    if !c::available("abidiff") {
        return;
    }
    let header = header();
    for (name, old, new) in [
        ("a_function_less", "const char *fitbit_version(void);", ""),
        ("another_parameter_type", "uint32_t milliseconds", "uint64_t milliseconds"),
        (
            "a_parameter_more",
            "const char *fitbit_version(void);",
            "const char *fitbit_version(int more);",
        ),
        ("another_result", "const char *fitbit_version(void);", "int fitbit_version(void);"),
        ("another_number", "FITBIT_ERROR_TIMEOUT = 12", "FITBIT_ERROR_TIMEOUT = 31"),
        ("a_field_more", "int32_t reset_seconds;", "int32_t reset_seconds;\n  int32_t more;"),
        ("another_callback", "(*FitbitTokenCallback)(", "(*FitbitTokenCallback)(int more, "),
    ] {
        let changed = header.replacen(old, new, 1);
        assert!(header != changed, "{name}: the header has no {old}");
        assert!(broken(name, &header, &changed).is_some(), "{name}");
    }
}
