//! A guard in C: run twice, from other threads, rolled back, and freed with an unsaved token.

use fitbit_simulator::{DEMO_SERVER_ID, Target};
use fitbit_test_support::world::{provider, saved_token};

use crate::run::{Way, command, run};

fn guard(way: Way) {
    let Some(mut command) = command("guard", way) else { return };
    let provider = provider();
    let other = provider.issue_token(DEMO_SERVER_ID, "other1", &["profile"]);
    command.arg(provider.uri()).arg(saved_token(&provider, 3600)).arg(other.to_string());
    assert_eq!(run(command), ["committed"]);
    // Four that were stored at once, one that was rolled back, one that was committed unaware, one
    // by the other process, and one for each client that is freed with it.
    assert_eq!(provider.requests(Target::Refresh), 9);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn a_guard_in_c_renews_once_in_each_transaction_and_loses_nothing() {
    guard(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_in_the_guard() {
    guard(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_in_the_guard() {
    guard(Way::Sanitized);
}
