//! `fitbit_app_cancel`: calls that run now end soon, and nothing that is single-use is lost by it.
//!
//! First where a call can be when it is cancelled: on the network (`network`), waiting for something
//! in this machine (`waits`). Then what is finished all the same (`finished`), what is left alone
//! (`others`), and a storm of everything at once (`storm`).

#[path = "../life/heard.rs"]
#[allow(dead_code)] // each crate uses its own part of it
mod heard;

mod finished;
mod log;
mod network;
mod others;
mod program;
mod scene;
mod storm;
mod waits;
