//! `fitbit_abort`, `fitbit_app_abort`, `fitbit_app_shutdown`, beside `fitbit_app_cancel`: a call ends
//! soon at every stage, and no login is lost by it. And what comes with them: several handles on one
//! login, each with its own timeout.
//!
//! `stages` is the matrix of stages and endings. Then what an ended handle still does (`ended`), whom an
//! ending does not concern (`others`), handles (`handles`), the log (`log`), and many calls
//! at once (`patience`, `turns`, `storm`). `moments` and `signals` are about ends at any moment. `descriptors` is about programs without standard streams.

// One file read once for each provider is what "run for each provider" means here.
#![allow(clippy::duplicate_mod)]

#[path = "../life/heard.rs"]
#[allow(dead_code)] // each crate uses its own part of it
mod heard;

mod descriptors;
mod ended;
mod files;
mod handles;
mod log;
mod moments;
mod others;
mod patience;
mod scene;
mod signals;
mod silent;
mod stages;
mod storm;
mod turns;

#[path = "."]
mod fitbit {
    use fitbit_test_support::fitbit::world;

    mod finished;
}

#[path = "."]
mod google_health {
    use fitbit_test_support::google_health::world;

    mod finished;
}
