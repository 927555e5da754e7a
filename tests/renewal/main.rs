//! Renewal and saving: a login is never lost, shown through the C interface.
//!
//! The files are read once for each provider, whose `world` they take from the module around them:
//! `fitbit::storm` is the storm of tests/renewal/storm.rs for programs registered with Fitbit.

// One file read once for each provider is what "run for each provider" means here.
#![allow(clippy::duplicate_mod)]

#[path = "."]
mod fitbit {
    use fitbit_test_support::fitbit::world;

    mod ages;
    mod callbacks;
    mod clocks;
    mod dead_logins;
    mod expiry;
    mod faults;
    mod forks;
    mod handles_in_callbacks;
    mod lost_answers;
    mod peers;
    mod rejected;
    mod saving;
    mod scene;
    mod slow_callbacks;
    mod storm;
    mod unsaved;
    mod waiting;

    // Only the simulator's Fitbit keeps what is posted.
    mod of_fitbit;
}

#[path = "."]
mod google_health {
    use fitbit_test_support::google_health::world;

    mod ages;
    mod callbacks;
    mod clocks;
    mod dead_logins;
    mod expiry;
    mod faults;
    mod forks;
    mod handles_in_callbacks;
    mod lost_answers;
    mod peers;
    mod rejected;
    mod saving;
    mod scene;
    mod slow_callbacks;
    mod storm;
    mod unsaved;
    mod waiting;

    // Answers without a refresh token, refresh tokens that end: Fitbit has neither.
    mod of_google_health;
}
