//! Renewals over kept connections. A provider whose refresh tokens are not single-use is asked on a
//! connection that stays open for the next renewal. The library never believes a response that it did not
//! ask for. A single-use refresh token gets a connection of its own. TLS sessions are resumed.
//!
//! `server`, `hello`, `tls` and `scene` are what the tests stand on. Every other module is one subject.

#[path = "../guard/scene.rs"]
#[allow(dead_code)] // each crate uses its own part of it
mod guarded;
#[path = "../requests/relay.rs"]
#[allow(dead_code)] // likewise
mod relay;
#[path = "../requests/socks.rs"]
#[allow(dead_code)] // likewise
mod socks;

mod hello;
mod scene;
mod server;
mod tls;

mod closing;
mod kept;
mod processes;
mod sessions;
mod single_use;
mod spoilt;
