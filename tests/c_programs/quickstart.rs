//! `examples/quickstart.c` is what people copy: it is short, and it is clean under the tools. The
//! test is the person at the keyboard, as in `examples/quickstart.rs`.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fitbit_simulator::{
    DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET,
    Decision, Simulator, Target,
};
use fitbit_test_support::{library, world::provider};

use crate::compilers::empty_folder;
use crate::run::{Way, build_from, command_of};

fn source() -> PathBuf {
    library::root().join("examples/quickstart.c")
}

/// What `FITBIT_PROVIDER` says, and who is registered there.
const FITBIT: [&str; 3] = ["fitbit", DEMO_SERVER_ID, DEMO_SERVER_SECRET];
const GOOGLE: [&str; 3] = ["google", DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET];

/// Sits before the program until it ends; the token expires once on the way, if it is to.
fn sit_before(
    mut command: Command,
    app: [&str; 3],
    provider: &Simulator,
    folder: &Path,
    mut expires: bool,
) {
    let mut child = command
        .current_dir(folder)
        .env("FITBIT_SIMULATOR", provider.uri())
        .envs(["FITBIT_PROVIDER", "FITBIT_CLIENT_ID", "FITBIT_CLIENT_SECRET"].into_iter().zip(app))
        .env("FITBIT_CALLBACK_URI", DEMO_REDIRECT_URIS[0])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be run");
    let mut keyboard = child.stdin.take();
    let mut type_line = |text: Option<&str>| match (text, keyboard.as_mut()) {
        // A program that has gone meanwhile is reported below, with what it said.
        (Some(text), Some(keyboard)) => drop(writeln!(keyboard, "{text}")),
        _ => keyboard = None,
    };
    let mut address = String::new();
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("the program prints UTF-8");
        if line.starts_with("http") {
            address = line;
        } else if line.starts_with("Then paste") {
            let back = provider.visit(&address, Decision::Grant).expect("access is granted");
            type_line(Some(&back));
        } else if line.starts_with("Press Enter") && expires {
            provider.expire_access_tokens();
            expires = false;
            type_line(Some(""));
        } else if line.starts_with("Press Enter") {
            type_line(None);
        }
    }
    let mut said = String::new();
    let mut errors = child.stderr.take().expect("it is piped");
    errors.read_to_string(&mut said).expect("programs write UTF-8");
    let status = child.wait().expect("it was started");
    assert!(status.success() && said.is_empty(), "{status}\n{said}");
}

fn start_twice(way: Way, app: [&str; 3]) {
    let program = build_from(&source(), way);
    let Some(first) = command_of(&program, way) else { return };
    let second = command_of(&program, way).expect("the tool is there");
    let folder = empty_folder(&format!("quickstart_tokens_{way:?}_{}", app[0]));
    let provider = provider();
    sit_before(first, app, &provider, &folder, true);
    sit_before(second, app, &provider, &folder, false);
    assert_eq!(provider.requests(Target::Exchange), 1);
    assert_eq!(provider.requests(Target::Refresh), 1);
    // One with the expired token too: only its 401 says that it has expired.
    assert_eq!(provider.requests(Target::Api), 4);
    let left: Vec<_> = std::fs::read_dir(&folder).expect("it is a folder").flatten().collect();
    assert!(!left.is_empty(), "the token is saved");
    for file in left {
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?} is its owner's alone", file.file_name());
    }
}

#[test]
fn the_quick_start_has_fewer_than_120_lines() {
    let text = std::fs::read_to_string(source()).expect("it can be read");
    assert!(text.lines().count() < 120, "{} lines", text.lines().count());
}

#[test]
fn the_quick_start_logs_in_once_renews_and_starts_again() {
    start_twice(Way::Plain, FITBIT);
    start_twice(Way::Plain, GOOGLE);
}

#[test]
fn valgrind_finds_nothing_in_the_quick_start() {
    start_twice(Way::Memcheck, FITBIT);
}

#[test]
fn the_sanitizers_find_nothing_in_the_quick_start() {
    start_twice(Way::Sanitized, GOOGLE);
}
