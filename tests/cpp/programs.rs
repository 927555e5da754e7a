//! Programs in C++ against the simulator, which the tests play the world for.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use fitbit_simulator::{
    DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, Decision, Fault, FaultKind, Simulator, Target,
};
use fitbit_test_support::world::{provider, saved_token};

use crate::build::{Way, folder, program, source};
use crate::talk::talk;

/// Plays whatever a program asks for.
fn world(provider: &Simulator, question: &str) -> String {
    match question.split_once(' ').unwrap_or((question, "")) {
        ("visit", uri) => return provider.visit(uri, Decision::Grant).expect("a redirect"),
        ("browse", uri) => browse(provider.visit(uri, Decision::Grant).expect("a redirect")),
        ("another", "token") => return saved_token(provider, 20_000),
        ("Google's", _) => return DEMO_GOOGLE_ID.to_owned(),
        ("and", _) => return DEMO_GOOGLE_SECRET.to_owned(),
        ("let", "the access token expire") => provider.expire_access_tokens(),
        ("limit", "the rate briefly") => {
            provider.fault(Fault::once(Target::Api, FaultKind::Status429Reset(0)))
        }
        ("limit", _) => provider.fault(Fault::once(Target::Api, FaultKind::Status429Reset(77))),
        _ => panic!("an unexpected question: {question}"),
    }
    "soon".to_owned()
}

/// Follows the redirect, in a browser: soon, since the program does not listen until it is answered.
fn browse(back: String) {
    let (authority, path) =
        back.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let mut page = TcpStream::connect(authority).expect("somebody listens");
    thread::spawn(move || {
        page.write_all(request.as_bytes()).expect("the browser is heard");
        page.read_to_string(&mut String::new()).expect("a page");
    });
}

fn tell(way: Way) {
    let token_file = folder("story").join(format!("{way:?}.json"));
    // What an earlier run may have left there.
    let _ = std::fs::remove_file(&token_file);
    let Some(mut command) = program(&source("story.cpp"), "story", way, &[]) else { return };
    let provider = provider();
    command.arg(provider.uri()).arg(&token_file);
    let printed = talk(command, |question| world(&provider, question));
    assert_eq!(printed, format!("lived happily with {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(provider.requests(Target::Exchange), 1);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn a_program_lives_through_a_login() {
    tell(Way::Plain);
}

#[test]
fn a_program_of_another_compiler_lives_through_a_login() {
    tell(Way::Clang);
}

#[test]
fn valgrind_finds_nothing_in_a_login() {
    tell(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_in_a_login() {
    tell(Way::Sanitized);
}

fn throw(way: Way) {
    let Some(mut command) = program(&source("thrown.cpp"), "thrown", way, &[]) else { return };
    let provider = provider();
    command.arg(provider.uri()).arg(saved_token(&provider, 20_000));
    let printed = talk(command, |question| world(&provider, question));
    assert_eq!(printed, "threw and caught\n");
    // Nobody had to log in again, and nothing was renewed twice, for what a callback threw.
    assert_eq!(provider.requests(Target::Exchange), 4);
    assert_eq!(provider.requests(Target::Refresh), 10);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn what_a_callback_throws_comes_out_of_its_call_and_no_token_is_lost() {
    throw(Way::Plain);
}

#[test]
fn another_compiler_carries_exceptions_too() {
    throw(Way::Clang);
}

#[test]
fn valgrind_finds_nothing_where_callbacks_throw() {
    throw(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_where_callbacks_throw() {
    throw(Way::Sanitized);
}

fn run_threads(way: Way) {
    let Some(mut command) = program(&source("threads.cpp"), "threads", way, &[]) else { return };
    let provider = provider();
    // Long enough for the others to come and wait.
    provider.fault(Fault::always(Target::Refresh, FaultKind::Latency(300)));
    command.arg(provider.uri()).arg(saved_token(&provider, -10));
    command.arg(saved_token(&provider, 20_000));
    let printed = talk(command, |question| {
        if question == "hold requests" {
            provider.reset_counts();
            provider.fault(Fault::always(Target::Api, FaultKind::Latency(60_000)));
            return "they are held".to_owned();
        }
        if question == "let requests pass" {
            provider.clear_faults();
            return "they pass".to_owned();
        }
        assert_eq!(question, "wait for the request");
        while provider.requests(Target::Api) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        "it is there".to_owned()
    });
    assert_eq!(printed, "came together\n");
    assert_eq!(provider.requests(Target::Any), 1);
}

#[test]
fn only_the_thread_that_renewed_catches_what_the_callback_threw() {
    run_threads(Way::Plain);
}

#[test]
fn the_sanitizers_find_nothing_in_the_threads() {
    run_threads(Way::Sanitized);
}

fn return_results(way: Way, flags: &[&str], name: &str) {
    let Some(mut command) = program(&source("results.cpp"), name, way, flags) else { return };
    let provider = provider();
    command.arg(provider.uri());
    let printed = talk(command, |question| world(&provider, question));
    assert_eq!(printed, "returned\n");
    assert_eq!(provider.requests(Target::Exchange), 1);
}

const NONE: [&str; 2] = ["-fno-exceptions", "-fno-rtti"];

#[test]
fn a_program_without_exceptions_and_type_information_gets_results() {
    return_results(Way::Plain, &NONE, "no_exceptions");
    return_results(Way::Clang, &NONE, "no_exceptions");
}

#[test]
fn the_sanitizers_find_nothing_without_exceptions() {
    return_results(Way::Sanitized, &["-fno-exceptions"], "no_exceptions");
}

#[test]
fn a_program_that_wants_results_gets_them_and_its_callbacks_may_throw() {
    return_results(Way::Plain, &["-DFITBIT_NO_EXCEPTIONS"], "results");
    return_results(Way::Sanitized, &["-DFITBIT_NO_EXCEPTIONS"], "results");
}
