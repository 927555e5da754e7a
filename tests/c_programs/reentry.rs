//! A token callback and a guard in C that call the library themselves.

use fitbit_simulator::{DEMO_SERVER_ID, Target};
use fitbit_test_support::world::{provider, saved_token};

use crate::run::{Way, command, run};

fn reenter(way: Way) {
    let Some(mut command) = command("reentry", way) else { return };
    let provider = provider();
    let mut other = provider.issue_token(DEMO_SERVER_ID, "other1", &["profile"]);
    other["expires_at"] = 1.into();
    command.arg(provider.uri()).arg(saved_token(&provider, 3600)).arg(other.to_string());
    assert_eq!(run(command), ["came back"]);
    // One for each person, one in the guard; and none for the calls that were refused inside.
    assert_eq!(provider.requests(Target::Refresh), 3);
    // Two in each of three callbacks and in the guard, one outside.
    assert_eq!(provider.requests(Target::Api), 9);
}

#[test]
fn a_callback_may_call_the_library_and_is_told_at_once_what_would_wait_for_itself() {
    reenter(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_in_the_callback() {
    reenter(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_in_the_callback() {
    reenter(Way::Sanitized);
}
