//! Renewals that are cut: by an end of the call, or by the end of its time. The connection of one that
//! was wholly sent stays with the login, and the next call reads the response there.
//!
//! `cuts` is the matrix of places and ends. Then impatient calls (`patience`), many logins (`crowd`),
//! parked renewals that come to nothing (`nothing`), who else has to do with one (`others`), threads
//! that wait for a renewal (`leaders`), and a storm. `processes` is about forks, kills and time, with a C
//! program.

mod crowd;
mod cuts;
mod endpoint;
#[path = "../guard/scene.rs"]
#[allow(dead_code)] // each crate uses its own part of it
mod guards;
mod leaders;
mod nothing;
mod others;
mod patience;
mod processes;
mod scene;
mod storm;
