//! The C programs that use one client on many threads, under the thread sanitizer: the library and
//! its standard library are built with it too, so that it sees both sides of every race. Two planted
//! ones prove that.
//!
//! It needs a nightly toolchain with the standard library's sources (`rust-src`), and clang.

mod build;

use std::process::Output;
use std::time::Duration;

use build::program;
use fitbit_simulator::{DEMO_SERVER_ID, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{provider, saved_token};
use fitbit_test_support::{figures, fitbit, google_health};

/// Runs a program that has to end well, without a word from the sanitizer.
fn runs_clean(source: &str, what: &str, arguments: &[&str], said: &str) {
    let Some(mut command) = program(source) else { return };
    let output = command.args(arguments).output().expect("the program can be run");
    let (out, complaint) = texts(&output);
    assert!(output.status.success() && complaint.is_empty(), "{}\n{complaint}", output.status);
    assert_eq!(out, said);
    figures::record("Memory and races", &format!("thread sanitizer: {what}"), "1 program", 0);
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn expired_token_of_another(provider: &Simulator) -> String {
    let mut other = provider.issue_token(DEMO_SERVER_ID, "other1", &["profile"]);
    other["expires_at"] = 1.into();
    other.to_string()
}

#[test]
fn sixty_four_threads_race_for_nothing_but_one_renewal() {
    for saves in ["1", "0"] {
        let provider = provider();
        let token = saved_token(&provider, -10);
        runs_clean("c_programs/storm", "storm", &[provider.uri(), &token, saves], "calm\n");
    }
}

#[test]
fn a_callback_that_calls_the_library_races_with_nothing() {
    let provider = provider();
    let (own, other) = (saved_token(&provider, 3600), expired_token_of_another(&provider));
    let arguments = [provider.uri(), &own, &other];
    runs_clean("c_programs/reentry", "callback that calls", &arguments, "came back\n");
}

#[test]
fn calls_that_are_cancelled_race_with_nothing() {
    let provider = provider();
    provider.fault(Fault { times: 8, ..Fault::always(Target::Api, FaultKind::StallBeforeAnswer) });
    let token = saved_token(&provider, 3600);
    let said = "8 cancelled, 1 answered\n";
    runs_clean("cancel/cancelling", "cancel", &[provider.uri(), &token], said);
}

/// Others are freed during renewals; headers, tokens, limits and the logger are used meanwhile.
#[test]
fn every_call_on_one_client_may_run_beside_every_other() {
    let provider = provider();
    let (own, other) = (saved_token(&provider, -10), expired_token_of_another(&provider));
    let arguments = [provider.uri(), &own, &other];
    runs_clean("races/everything", "every call beside every other", &arguments, "all at once\n");
}

/// What one call has begun, another one finishes.
#[test]
fn renewals_that_are_cut_race_with_nothing() {
    for dialect in [fitbit::DIALECT, google_health::DIALECT] {
        let provider = provider();
        provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
        provider.fault(Fault::always(Target::Refresh, FaultKind::Latency(40)));
        let number = dialect.provider.to_string();
        let token_uri = format!("{}{}", provider.uri(), dialect.oauth_paths[1]);
        let token = dialect.saved_token(&provider, -10);
        let client = [&number, dialect.client_id, dialect.client_secret];
        let servers = [&token_uri, provider.uri(), dialect.profile, &token];
        let arguments = [&client[..], &servers].concat();
        runs_clean("races/cut", "renewals that are cut", &arguments, "cut and read\n");
    }
}

#[test]
fn the_sanitizer_catches_a_planted_race_inside_the_library_and_one_with_it() {
    for (mistake, seen) in [
        // Both sides are the library's own.
        ("free_while_reading", "fitbit_error_free"),
        // The program changes a text while the library reads it.
        ("write_while_reading", "fitbit_app_set_scopes"),
    ] {
        let Some(mut command) = program("races/planted") else { return };
        let output = command.arg(mistake).output().expect("the program can be run");
        let (_, complaint) = texts(&output);
        assert_eq!(output.status.code(), Some(66), "{mistake} went by: {complaint}");
        assert!(complaint.contains("WARNING: ThreadSanitizer: "), "{mistake}: {complaint}");
        assert!(complaint.contains(seen) && complaint.contains(".rs:"), "{mistake}: {complaint}");
        let what = format!("thread sanitizer: planted, {}", mistake.replace('_', " "));
        figures::record("Memory and races", &what, "1 program", "found, as it has to be");
    }
}
