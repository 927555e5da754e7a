//! A C program that cancels, plain and under valgrind; and one whose names are never looked up to the
//! end.

use std::process::Command;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{provider, saved_token};
use fitbit_test_support::{c, library};

fn build(name: &str) -> c::Program {
    c::build(
        &library::root().join(format!("tests/cancel/{name}.c")),
        &format!("cancel_{name}"),
        &["-g"],
    )
}

/// What it needs is there in time: the program cancels a call that is under way.
fn cancels(mut command: Command) {
    let provider = provider();
    provider.fault(Fault { times: 8, ..Fault::always(Target::Api, FaultKind::StallBeforeAnswer) });
    let output = command.arg(provider.uri()).arg(saved_token(&provider, 3600)).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(complaint, "");
    assert_eq!(c::succeeded(output), "8 cancelled, 1 answered\n");
}

#[test]
fn a_c_program_cancels_eight_pthreads_calls() {
    cancels(build("cancelling").command());
}

#[test]
fn valgrind_finds_nothing_in_a_program_that_cancels() {
    if !c::available("valgrind") {
        return;
    }
    let program = c::build(
        &library::root().join("tests/cancel/cancelling.c"),
        "cancel_cancelling_memcheck",
        &["-g"],
    );
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    valgrind.arg("--error-exitcode=99").arg(&program.path);
    cancels(valgrind);
}

#[test]
fn the_look_up_of_a_name_is_ended() {
    let token = r#"{"access_token":"a","expires_in":3600,"expires_at":4102444800}"#;
    assert_eq!(build("nameless").run([token]), "cancelled\n");
}
