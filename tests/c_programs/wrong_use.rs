//! Wrong use is an error with the argument's name in it, never a crash, a hang or a printed line.
//!
//! The C programs print each call that they looked at, and nothing else; the tests hold that
//! against the header, so that no pointer and no string is left out.

use std::collections::BTreeSet;

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::world::{provider, saved_token};

use crate::compilers::empty_folder;
use crate::declarations::{Parameter, functions};
use crate::run::{Way, command, run};

/// Runs a program against a provider of its own; none where a tool is missing.
fn lines(program: &str, way: Way) -> Option<(BTreeSet<String>, Simulator)> {
    let mut command = command(program, way)?;
    let provider = provider();
    command.arg(provider.uri()).arg(saved_token(&provider, 20_000));
    Some((run(command).into_iter().collect(), provider))
}

/// `function argument what` for each parameter of this kind of a function that can fail.
fn expected(which: fn(&Parameter) -> bool, wrong: &[&str]) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for function in functions().iter().filter(|function| function.can_fail) {
        for parameter in function.parameters.iter().filter(|parameter| which(parameter)) {
            let name = format!("{} {}", function.name, parameter.name);
            lines.extend(wrong.iter().map(|wrong| format!("{name} {wrong}")));
        }
    }
    lines
}

fn null(way: Way) {
    let Some((lines, provider)) = lines("null", way) else { return };
    let mut expected = expected(Parameter::is_checked_pointer, &["NULL"]);
    expected.insert("fitbit_request body NULL with a length".to_owned());
    expected.insert("fitbit_verify_signature body NULL with a length".to_owned());
    assert_eq!(lines, expected);
    // What was refused sent nothing; these five requests and one renewal were not.
    assert_eq!(provider.requests(Target::Api), 5);
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(provider.requests(Target::Any), 6);
}

fn text(way: Way) {
    let Some((lines, provider)) = lines("text", way) else { return };
    assert_eq!(lines, expected(Parameter::is_text, &["not UTF-8", "empty", "long"]));
    assert_eq!(provider.requests(Target::Exchange), 0);
    assert_eq!(provider.requests(Target::Refresh), 0);
}

fn range(way: Way) {
    let Some((lines, provider)) = lines("range", way) else { return };
    let setters = functions().into_iter().filter(|one| one.name.starts_with("fitbit_app_set_"));
    let in_use: BTreeSet<_> = setters.map(|one| format!("{} app in use", one.name)).collect();
    let (of_app, others) =
        lines.into_iter().partition::<BTreeSet<_>, _>(|line| line.ends_with("use"));
    assert_eq!(of_app, in_use);
    let numbers = [
        "fitbit_app_new provider",
        "fitbit_app_set_client_auth method",
        "fitbit_app_set_endpoint endpoint",
        "fitbit_app_set_logger most",
        "fitbit_app_set_max_body bytes",
        "fitbit_app_set_timeout_ms milliseconds",
        "fitbit_login timeout_ms",
        "fitbit_request body_len",
        "fitbit_verify_signature body_len",
    ];
    assert_eq!(others, numbers.map(|number| format!("{number} out of range")).into());
    assert_eq!(provider.requests(Target::Any), 1);
}

#[test]
fn null_is_refused_by_name_wherever_a_value_is_required() {
    null(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_where_null_is_passed() {
    null(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_where_null_is_passed() {
    null(Way::Sanitized);
}

#[test]
fn text_that_is_not_utf_8_empty_or_a_megabyte_long_does_no_harm_anywhere() {
    text(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_where_odd_text_is_passed() {
    text(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_where_odd_text_is_passed() {
    text(Way::Sanitized);
}

#[test]
fn numbers_out_of_range_and_settings_of_an_app_in_use_are_refused_by_name() {
    range(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_where_odd_numbers_are_passed() {
    range(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_where_odd_numbers_are_passed() {
    range(Way::Sanitized);
}

#[test]
fn more_headers_than_fit_are_refused_and_no_bug_of_the_library() {
    let Some((lines, _)) = lines("headers", Way::Plain) else { return };
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn paths_that_name_no_file_are_refused_and_messages_stay_on_one_line() {
    let folder = empty_folder("odd_paths");
    let provider = provider();
    let mut command = command("odd_paths", Way::Plain).expect("no tool is needed");
    command.arg(provider.uri()).arg(saved_token(&provider, 20_000)).arg(folder);
    // Eight paths, each in both functions.
    assert_eq!(run(command).len(), 16);
    assert_eq!(provider.requests(Target::Any), 0);
}
