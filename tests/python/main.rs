//! The library in Python: the tests of `bindings/python`, run by `python3` against a simulator of the
//! test's own.

use std::process::Command;

use fitbit_simulator::Simulator;
use fitbit_test_support::{c, library};

/// Runs these arguments of `python3 -m unittest`, and answers with how many tests passed.
fn run(mut shell: Command, tests: &[&str]) -> u32 {
    let provider = Simulator::start().expect("the simulator starts");
    let output = shell
        // -X dev: what is deprecated or left open is said; -W error: and is a failure.
        .args(["-X", "dev", "-W", "error", "-m", "unittest"])
        .args(tests)
        .current_dir(library::root().join("bindings/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("FITBIT_LIBRARY", library::shared())
        .env("FITBIT_SIMULATOR", provider.uri())
        .output()
        .expect("python3 can be run");
    // It says everything on stderr.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("skipped") && !said.contains("Exception ignored"), "{said}");
    let ran = said.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next());
    ran.and_then(|number| number.parse().ok()).expect("it says how many tests it ran")
}

#[test]
fn the_packages_own_tests_pass() {
    if c::available("python3") {
        assert!(run(Command::new("python3"), &["discover"]) > 30);
    }
}

#[test]
fn ctrl_c_works_in_a_background_job_of_a_shell() {
    if c::available("python3") {
        // A shell starts such a job with SIGINT ignored.
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' INT; exec python3 \"$@\"", "sh"]);
        assert!(run(shell, &["test_interrupt"]) > 10);
    }
}
