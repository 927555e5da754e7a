//! The journal of all tests finds a secret that was logged, however it is written, and then the
//! process fails: shown by processes of this very program, which log one on purpose.

use std::ffi::CString;
use std::process::{Command, Output};
use std::ptr::null_mut;

use fitbit_simulator::{ApplicationKind, Registration, Simulator};
use fitbit_test_support::{journal, level};

use crate::providers::{FITBIT, field};

/// In the environment: the line that a process is to log.
const LEAK: &str = "JOURNAL_TEST_LEAK";

/// As Basic sends it: `printf '22SRVR:%s' 'p&ssw/rd secret' | base64`.
const SECRET: &str = "p&ssw/rd secret";
const BASIC: &str = "MjJTUlZSOnAmc3N3L3JkIHNlY3JldA==";

const BY_THE_LIBRARY: &str = "a line of the library";

/// This test again, in a process of its own, which logs `leak`.
fn run(leak: &str) -> Output {
    let mut program = Command::new(std::env::current_exe().expect("a test is a program"));
    program.args(["--exact", "journal::a_secret_in_any_line_fails_the_process"]);
    program.env(LEAK, leak).output().expect("it can be run")
}

/// What such a process does: it logs the line, as the library does; or nothing by itself, where the
/// library logs the words that are the secret.
fn leak(line: &str) {
    let simulator = Simulator::start().unwrap();
    let known = |secret: &str| {
        simulator.register(Registration {
            client_id: "22LEAK".to_owned(),
            client_secret: Some(secret.to_owned()),
            kind: ApplicationKind::Server,
            redirect_uris: Vec::new(),
        });
    };
    known(SECRET);
    if line == BY_THE_LIBRARY {
        known("profile.json: 200");
        drop(FITBIT.client(&simulator).get(FITBIT.path).unwrap());
        return;
    }
    let token = FITBIT.token(&simulator, 3600);
    let line = line.replace("ACCESS_TOKEN", &field(&token, "access_token").unwrap());
    let line = line.replace("REFRESH_TOKEN", &field(&token, "refresh_token").unwrap());
    let line = CString::new(line).unwrap();
    unsafe { journal::logger()(level::TRACE, line.as_ptr(), null_mut()) };
}

#[test]
fn a_secret_in_any_line_fails_the_process() {
    if let Ok(line) = std::env::var(LEAK) {
        return leak(&line);
    }
    let harmless = run("nothing that matters");
    assert_eq!(harmless.status.code(), Some(0), "{harmless:?}");
    assert!(harmless.stderr.is_empty(), "{harmless:?}");
    let secret = "it holds a secret: \"it is \"\n";
    for (line, shown) in [
        ("it is ACCESS_TOKEN, they say", secret),
        ("it is REFRESH_TOKEN, they say", secret),
        (&format!("it is {SECRET}"), secret),
        ("it is p%26ssw%2Frd%20secret", secret),
        // The id stands before it, and shares a group of three bytes with it.
        (&format!("it is Basic {BASIC}"), "it holds a secret: \"it is Basic MjJTUlZSOnAm\"\n"),
        (BY_THE_LIBRARY, "it holds a secret: \"GET /1/user/-/\"\n"),
        ("GET /a?b=c: 200", "it has a query"),
        ("two\nlines", "it has a control character"),
        (" ", "it is empty"),
        (&"long ".repeat(1000), "it is too long"),
    ] {
        let output = run(line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(101), "{line}: {output:?}");
        assert!(said.contains(shown), "{line}: {said}");
        assert!(!said.contains("they say") && !said.contains("rd secret"), "{line}: {said}");
    }
}
