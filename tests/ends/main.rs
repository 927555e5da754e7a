//! `fitbit_abort`, `fitbit_app_abort`, `fitbit_app_shutdown`, beside `fitbit_app_cancel`: a call ends
//! soon at every stage, and no login is lost by it. And what comes with them: several handles on one
//! login, each with its own timeout.
//!
//! `stages` is the matrix of stages and endings. Then what an ended handle still does (`ended`), whom an
//! ending does not concern (`others`), handles (`handles`), the log (`log`), and many calls
//! at once (`patience`, `storm`). `descriptors` is about programs without standard streams.

#[path = "../life/heard.rs"]
#[allow(dead_code)] // each crate uses its own part of it
mod heard;

mod descriptors;
mod ended;
mod files;
mod handles;
mod log;
mod others;
mod patience;
mod scene;
mod silent;
mod stages;
mod storm;
