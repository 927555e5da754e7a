//! The default browser: opened without a shell, silently, with nothing left behind; and what is said
//! where there is none.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use fitbit_simulator::Decision;
use fitbit_test_support::code;
use fitbit_test_support::world::provider;

use crate::program::{Folder, Program, waiting};
use crate::scene::{Browser, callback_uri, fitbit_app, is_closed};

/// A login with this in place of the default browser: what the program says, and how it ends.
fn logs_in(then: &str, ignoring_children: bool) {
    let provider = provider();
    let (folder, callback_uri) = (Folder::new(), callback_uri());
    drop(fitbit_app(&provider, &callback_uri));
    folder.opener(then);
    let mut command = waiting(&provider, &callback_uri, 30_000);
    if ignoring_children {
        command.env("SIGCHLD", "ignored");
    }
    let mut program = Program::start(command, &folder);
    let [uri] = folder.opened().try_into().expect("the address is its one argument");
    let it = Browser { authorization_uri: uri };
    let page = it.decide(&provider, Decision::Grant);
    assert_eq!(program.line(), "0", "{page:?}");
    assert_eq!(page.title(), "Access granted");
    // Also while the opener is still there: it has inherited nothing.
    assert!(is_closed(it.port()));
    let children = program.children();
    assert!(!children.contains(&'Z'), "{children:?}");
    let end = program.end();
    assert!(end.ended_well && end.complained.is_empty(), "{}", end.complained);
    assert_eq!(end.said.trim_end(), "? end", "nothing but its own words");
    if let Ok(pid) = fs::read_to_string(folder.join("pid")) {
        // A shell has a kill of its own; a plain machine need not have another.
        let kill = format!("kill {}", pid.trim());
        Command::new("sh").args(["-c", &kill]).status().expect("there is a shell");
    }
}

#[test]
fn the_default_browser_is_opened_and_leaves_no_zombie() {
    logs_in("exit 0", false);
}

#[test]
fn what_the_browser_prints_is_not_printed_by_the_program() {
    logs_in("echo out; echo err >&2; exit 0", false);
}

#[test]
fn an_opener_that_is_the_browser_itself_is_not_waited_for() {
    // It says who it is: its program ends before it does.
    logs_in("echo $$ > \"$0.pid\"; mv \"$0.pid\" \"${0%/*}/pid\"; exec sleep 60", false);
}

#[test]
fn a_program_that_lets_the_system_reap_its_children_can_log_in_too() {
    logs_in("exit 0", true);
}

#[test]
fn the_address_is_one_argument_and_never_a_command() {
    let provider = provider();
    let (folder, callback_uri) = (Folder::new(), callback_uri());
    folder.opener("exit 0");
    let mut command = waiting(&provider, &callback_uri, 30_000);
    command.arg(";touch${IFS}a;$(touch${IFS}b)'|touch${IFS}c|'&touch*!");
    let mut program = Program::start(command, &folder);
    let [uri] = folder.opened().try_into().expect("it is one argument");
    let endpoint = uri.split('?').next().unwrap();
    for odd in [";touch$", "$(touch$", "'|touch$", "|'&touch*!"] {
        assert!(endpoint.contains(odd), "{odd} is there as it is: {endpoint}");
    }
    let it = Browser { authorization_uri: uri };
    it.get(&it.answer("error=access_denied"));
    let said = program.line();
    assert!(said.starts_with(&format!("{} ", code::ACCESS_DENIED)), "{said}");
    program.end();
    for never in ["a", "b", "c"] {
        assert!(!folder.join(never).exists(), "{never} was made by a shell");
    }
}

/// The signals that a thread of this process blocks, one bit for each.
fn blocked_signals(process: u32, thread: &str) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("the program runs");
    let status = threads
        .filter_map(|one| fs::read_to_string(one.ok()?.path().join("status")).ok())
        .find(|status| status.starts_with(&format!("Name:\t{thread}\n")))
        .expect("the thread is there");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).expect("a mask");
    u64::from_str_radix(mask.trim(), 16).expect("a number")
}

#[test]
fn the_thread_that_waits_for_the_browser_blocks_all_signals() {
    let provider = provider();
    let (folder, callback_uri) = (Folder::new(), callback_uri());
    let done = folder.join("done");
    folder.opener(&format!("while [ ! -e '{}' ]; do sleep 0.05; done", done.display()));
    let mut program = Program::start(waiting(&provider, &callback_uri, 30_000), &folder);
    let [uri] = folder.opened().try_into().expect("the address is its one argument");
    let blocked = blocked_signals(program.child.id(), "fitbit-browser");
    // KILL and STOP cannot be blocked; the C library keeps two for itself.
    for signal in (1..=64).filter(|signal| ![9, 19, 32, 33].contains(signal)) {
        assert!(blocked >> (signal - 1) & 1 == 1, "signal {signal} is not blocked: {blocked:x}");
    }
    fs::write(done, "").expect("the folder can be written to");
    let it = Browser { authorization_uri: uri };
    it.get(&it.answer("error=access_denied"));
    program.line();
    program.end();
}

/// A login that fails at once, and what it says.
fn fails(folder: &Folder) -> String {
    let provider = provider();
    let callback_uri = callback_uri();
    let command = waiting(&provider, &callback_uri, 60_000); // built here
    let begun = Instant::now();
    let mut program = Program::start(command, folder);
    let said = program.line();
    assert!(begun.elapsed() < Duration::from_secs(30), "it was not waited for the person");
    assert!(!program.children().contains(&'Z'));
    let end = program.end();
    assert!(end.ended_well && end.complained.is_empty(), "{}", end.complained);
    let code = format!("{} ", code::AUTHORIZATION);
    assert!(said.starts_with(&code), "{said}");
    said
}

#[test]
fn without_a_browser_the_login_fails_at_once() {
    let said = fails(&Folder::new());
    assert!(said.contains("browser") && said.contains("xdg-open"), "{said}");
}

#[test]
fn a_browser_that_cannot_be_opened_fails_the_login_at_once() {
    let folder = Folder::new();
    // What xdg-open ends with where it finds none.
    folder.opener("echo err >&2; exit 3");
    let said = fails(&folder);
    assert!(said.contains("xdg-open") && said.contains('3'), "{said}");
}

#[test]
fn a_browser_that_is_killed_fails_the_login_at_once() {
    let folder = Folder::new();
    folder.opener("kill -9 $$");
    fails(&folder);
}

/// Kills the program as soon as the browser has the whole page: what the page says is true.
#[test]
fn a_program_that_is_killed_when_its_page_arrives_has_saved_what_the_page_says() {
    let provider = provider();
    for (variable, title) in [
        ("SAVE_TO", "You are logged in"),
        ("TOKEN_FILE", "Access granted"),
        ("NEITHER", "Access granted"),
    ] {
        for _ in 0..5 {
            let (folder, callback_uri) = (Folder::new(), callback_uri());
            drop(fitbit_app(&provider, &callback_uri));
            folder.opener("exit 0");
            let saved = folder.join("token.json");
            let mut command = waiting(&provider, &callback_uri, 30_000);
            command.env(variable, &saved);
            let mut program = Program::start(command, &folder);
            let [uri] = folder.opened().try_into().expect("the address is its one argument");
            let page = Browser { authorization_uri: uri }.decide(&provider, Decision::Grant);
            program.child.kill().unwrap();
            program.child.wait().unwrap();
            assert_eq!(page.title(), title, "{variable}");
            if page.title() == "You are logged in" {
                let saved = fs::read_to_string(&saved).expect("it was saved before the page");
                assert!(saved.contains("refresh_token"), "{saved}");
            }
        }
    }
}
