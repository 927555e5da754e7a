//! Signal handlers that end calls, whatever the interrupted thread does.

use std::process::Command;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{provider, saved_token};
use fitbit_test_support::{c, library};

fn program(name: &str) -> c::Program {
    let source = library::root().join("tests/ends/signals.c");
    c::build(&source, &format!("ends_signals_{name}"), &["-g"])
}

#[test]
fn a_handler_that_ends_calls_all_the_time_neither_hangs_nor_breaks_the_program() {
    let provider = provider();
    provider.settings(|settings| settings.keep_log = false);
    provider.fault(Fault::always(Target::Refresh, FaultKind::Latency(2)));
    let said = program("plain").run([provider.uri(), &saved_token(&provider, 20_000)]);
    assert_eq!(said, "some succeeded, some were cancelled\n");
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn valgrind_finds_nothing_where_a_handler_ends_calls() {
    if !c::available("valgrind") {
        return;
    }
    let provider = provider();
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    valgrind.arg("--error-exitcode=99").arg(&program("memcheck").path);
    let output = valgrind.args([provider.uri(), &saved_token(&provider, 20_000)]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(c::succeeded(output), "some succeeded, some were cancelled\n");
}
