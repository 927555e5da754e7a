//! HTTP, through ureq.
//!
//! One [`Transport`] belongs to an app and is shared by all its clients. It keeps connections for
//! API requests, and others for renewals that can be repeated. A request with something single-use has a new
//! connection of its own: a kept one might be one that the server is just closing.
//!
//! Some limits are inside the parsers under ureq, where nothing can set them; the manual states them in
//! its chapter on requests. ureq-proto 0.7: 128 header lines (`MAX_RESPONSE_HEADERS` in
//! `client/mod.rs`), 20 bytes of a chunk's size line with its extensions (`SANITY_CHECK` in
//! `chunk.rs`), no header in `100 Continue` (`HeadersWith100` in `client/recvresp.rs`). httparse 1.10:
//! no folded header lines, unless its `ParserConfig` allows them, which ureq-proto's `parser.rs` does
//! not use. ureq 3.5 limits the head to 64 KiB (`max_response_header_size` in `config.rs`).
//!
//! Redirects are never followed: the secret in a request is for one host only.

mod ahead;
mod body;
mod connection;
mod connector;
mod cut;
mod dial;
mod environment;
mod exchange;
mod failure;
mod fault;
mod network;
mod parking;
mod pool;
mod proxy;
mod response;
mod source;
mod tls;
mod transport;

pub(crate) use cut::Cut;
pub(crate) use environment::Environment;
pub(crate) use exchange::ConnectionUse;
pub(crate) use failure::Failure;
pub(crate) use parking::Parking;
pub(crate) use proxy::{Proxies, is_loopback};
pub(crate) use response::Response;
pub(crate) use source::{Renewed, Source};
pub(crate) use tls::Certificates;
pub(crate) use transport::Transport;
