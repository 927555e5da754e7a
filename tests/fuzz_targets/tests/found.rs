//! What was found once, each by name. The inputs are among the seeds.

use fitbit_fuzz_targets::{run, watch_panics};

#[test]
fn an_error_in_a_redirect_does_not_show_the_code_that_came_with_it() {
    watch_panics(false);
    run("redirect", include_bytes!("../../fuzz/seeds/redirect/code_in_description"));
}

#[test]
fn a_refresh_token_with_a_nul_is_kept_whole_in_the_token_and_shown_without_it() {
    watch_panics(false);
    run("renewal", include_bytes!("../../fuzz/seeds/renewal/nul_in_refresh_token"));
}
