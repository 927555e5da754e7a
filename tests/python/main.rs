//! The library in Python: the tests of `examples/python`, run by `python3` against a simulator of the
//! test's own.

use std::process::Command;

use fitbit_simulator::Simulator;
use fitbit_test_support::{c, library};

#[test]
fn the_packages_own_tests_pass() {
    if !c::available("python3") {
        return;
    }
    let provider = Simulator::start().expect("the simulator starts");
    let output = Command::new("python3")
        // -X dev: what is deprecated or left open is said; -W error: and is a failure.
        .args(["-X", "dev", "-W", "error", "-m", "unittest", "discover"])
        .current_dir(library::root().join("examples/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("FITBIT_LIBRARY", library::shared())
        .env("FITBIT_SIMULATOR", provider.uri())
        .output()
        .expect("python3 can be run");
    // It says everything on stderr.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let ran = said.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next());
    let ran = ran.and_then(|number| number.parse::<u32>().ok());
    assert!(ran.is_some_and(|number| number > 30) && !said.contains("skipped"), "{said}");
    assert!(!said.contains("Exception ignored"), "{said}");
}
