//! What was found once, each by name. The inputs are among the seeds.

use std::sync::Mutex;

use fitbit_fuzz_targets::{run, watch_panics};

/// One at a time: there is one server for all.
fn found(target: &str, input: &[u8]) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    watch_panics(false);
    run(target, input);
}

#[test]
fn an_error_in_a_redirect_does_not_show_the_code_that_came_with_it() {
    found("redirect", include_bytes!("../../seeds/redirect/code_in_description"));
}

#[test]
fn a_refresh_token_with_a_nul_is_kept_whole_in_the_token_and_shown_without_it() {
    found("renewal", include_bytes!("../../seeds/renewal/nul_in_refresh_token"));
}

#[test]
fn a_token_is_taken_whatever_number_its_answer_holds() {
    found("renewal", include_bytes!("../../seeds/renewal/number_beyond_all"));
}
