//! Sixty-four pthreads on one client with an expired token, counted at the provider.

use fitbit_simulator::Target;
use fitbit_test_support::world::{provider, saved_token};

use crate::run::{Way, command, run};

fn storm(saves: bool, way: Way) {
    let Some(mut command) = command("storm", way) else { return };
    let provider = provider();
    command.arg(provider.uri()).arg(saved_token(&provider, -10));
    command.arg(if saves { "1" } else { "0" });
    assert_eq!(run(command), ["calm"]);
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(provider.requests(Target::Api), 64);
}

#[test]
fn sixty_four_pthreads_share_one_renewal() {
    storm(true, Way::Plain);
}

#[test]
fn valgrind_finds_nothing_in_the_storm() {
    storm(true, Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_in_the_storm() {
    storm(true, Way::Sanitized);
}

#[test]
fn sixty_four_pthreads_share_one_renewal_that_is_never_saved() {
    storm(false, Way::Plain);
}

#[test]
fn valgrind_finds_nothing_in_the_storm_that_is_never_saved() {
    storm(false, Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_in_the_storm_that_is_never_saved() {
    storm(false, Way::Sanitized);
}
