//! Sixty-four pthreads on one client with an expired token, counted at the provider.

use fitbit_simulator::Target;
use fitbit_test_support::world::{provider, saved_token};

use crate::run::{Way, command, run};

fn storm(way: Way) {
    let Some(mut command) = command("storm", way) else { return };
    let provider = provider();
    command.arg(provider.uri()).arg(saved_token(&provider, -10));
    assert_eq!(run(command), ["1 saved"]);
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(provider.requests(Target::Api), 64);
}

#[test]
fn sixty_four_pthreads_share_one_renewal() {
    storm(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_in_the_storm() {
    storm(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_in_the_storm() {
    storm(Way::Sanitized);
}
