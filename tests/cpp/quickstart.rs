//! `examples/quickstart.cpp` is what people copy: it is short, and it works.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use fitbit_simulator::{
    DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET, Decision, Fault, FaultKind, Simulator,
    Target,
};
use fitbit_test_support::library;
use fitbit_test_support::world::{provider, saved_token};

use crate::build::{Way, folder, program};

fn start(mut command: Command, provider: &Simulator) -> Child {
    command.env("FITBIT_SIMULATOR", provider.uri());
    command.env("FITBIT_CLIENT_ID", DEMO_SERVER_ID);
    command.env("FITBIT_CLIENT_SECRET", DEMO_SERVER_SECRET);
    command.env("FITBIT_CALLBACK_URI", DEMO_REDIRECT_URIS[0]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program can be run")
}

/// Sits before the program until it ends; the token expires once on the way, if it is to.
fn sit_before(command: Command, provider: &Simulator, mut expires: bool) {
    let mut child = start(command, provider);
    let mut keyboard = child.stdin.take();
    let mut address = String::new();
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("the program prints UTF-8");
        let typed = if line.starts_with("Then paste") {
            provider.visit(&address, Decision::Grant).expect("access is granted")
        } else if line.starts_with("Press Enter") && expires {
            provider.expire_access_tokens();
            expires = false;
            String::new()
        } else if line.starts_with("Press Enter") {
            keyboard = None;
            continue;
        } else {
            address = line;
            continue;
        };
        let keyboard = keyboard.as_mut().expect("it reads no further than its end");
        writeln!(keyboard, "{typed}").expect("the program reads");
    }
    let output = child.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}\n{said}", output.status);
}

fn start_twice(way: Way) {
    let source = library::root().join("examples/quickstart.cpp");
    let tokens = folder(&format!("quickstart_{way:?}"));
    // What an earlier run may have left there.
    let _ = std::fs::remove_file(tokens.join("fitbit-token.json"));
    let provider = provider();
    for expires in [true, false] {
        let Some(mut command) = program(&source, "quickstart", way, &[]) else { return };
        command.current_dir(&tokens);
        sit_before(command, &provider, expires);
    }
    assert_eq!(provider.requests(Target::Exchange), 1);
    assert_eq!(provider.requests(Target::Refresh), 1);
    // One with the expired token too: only its 401 says that it has expired.
    assert_eq!(provider.requests(Target::Api), 4);
}

#[test]
fn the_quick_start_logs_in_once_renews_and_starts_again() {
    start_twice(Way::Plain);
}

#[test]
fn the_sanitizers_find_nothing_in_the_quick_start() {
    start_twice(Way::Sanitized);
}

#[test]
fn ctrl_c_saves_a_token_that_is_on_its_way() {
    let source = library::root().join("examples/quickstart.cpp");
    let Some(mut command) = program(&source, "interrupted", Way::Plain, &[]) else { return };
    let provider = provider();
    let token_file = folder("interrupted").join("fitbit-token.json");
    let before = saved_token(&provider, -10);
    std::fs::write(&token_file, &before).expect("it is ours");
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(2_000)));
    command.current_dir(folder("interrupted"));
    let child = start(command, &provider);
    while provider.requests(Target::Refresh) == 0 {
        thread::sleep(Duration::from_millis(10));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill can be run").success());
    let output = child.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("FITBIT_ERROR_CANCELLED"), "{said}");
    let saved = std::fs::read_to_string(&token_file).expect("it is there");
    assert!(saved != before && saved.contains("refresh_token"));
    assert_eq!(provider.requests(Target::Api), 0);
}

#[test]
fn the_quick_start_has_fewer_than_100_lines() {
    let text = std::fs::read_to_string(library::root().join("examples/quickstart.cpp"));
    assert!(text.expect("it can be read").lines().count() < 100);
}
