//! Proof that the tools would have found something: each planted mistake is caught, and the same
//! program without one is not.

use std::process::{Command, Output};

use fitbit_test_support::c::succeeded;

use crate::run::{MEMCHECK_FOUND, Way, build, command};

fn planted(mut command: Command, mistake: &str) -> (Output, String) {
    let output = command.arg(mistake).output().expect("the program can be run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

#[test]
fn the_sanitizers_are_linked_in_and_catch_planted_mistakes() {
    let program = build("planted", Way::Sanitized);
    let symbols = Command::new("nm").arg(&program).output().expect("binutils are installed");
    assert!(succeeded(symbols).contains("__asan_init"), "the sanitizer is not linked");
    for (mistake, report) in [
        ("leak", "LeakSanitizer: detected memory leaks"),
        ("overflow", "AddressSanitizer: heap-buffer-overflow"),
        ("use_after_free", "AddressSanitizer: heap-use-after-free"),
        ("undefined", "runtime error: signed integer overflow"),
    ] {
        let (output, said) = planted(Command::new(&program), mistake);
        assert!(!output.status.success(), "{mistake} went by");
        assert!(said.contains(report), "{mistake}: {said}");
    }
    let (output, said) = planted(Command::new(&program), "none");
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn valgrind_catches_planted_mistakes() {
    for (mistake, report) in [
        ("leak", "definitely lost"),
        ("overflow", "Invalid read"),
        ("use_after_free", "Invalid read"),
    ] {
        let Some(command) = command("planted", Way::Memcheck) else { return };
        let (output, said) = planted(command, mistake);
        assert_eq!(output.status.code(), Some(MEMCHECK_FOUND), "{mistake}: {said}");
        assert!(said.contains(report), "{mistake}: {said}");
    }
    let Some(command) = command("planted", Way::Memcheck) else { return };
    let (output, said) = planted(command, "none");
    assert!(output.status.success() && said.is_empty(), "{said}");
}
