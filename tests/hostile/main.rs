//! Servers that mean harm, or are broken beyond what anybody would do on purpose: what they send ends in
//! an answer or in an error, within the call's time and within memory, and the login lives on.
//!
//! `scene` is such a server and what a client has to come through unharmed; `attacks` is what has no end.
//! Every other module is one subject. What the tests of requests have already is not repeated here:
//! proxies, certificates, limits of bodies.

#[path = "../exhaustion/scene.rs"]
#[allow(dead_code)] // each crate uses its own part of it
mod program;
#[path = "../requests/relay.rs"]
#[allow(dead_code)] // likewise
mod relay;
#[path = "../requests/scripted.rs"]
#[allow(dead_code)] // likewise
mod scripted;
#[path = "../requests/setup.rs"]
#[allow(dead_code)] // likewise
mod setup;

mod attacks;
mod scene;

mod cuts;
mod desync;
mod early;
mod elsewhere;
mod endings;
mod handshakes;
mod heads;
mod memory;
mod timeouts;
mod tokens;
