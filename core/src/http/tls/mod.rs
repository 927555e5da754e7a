//! TLS, through rustls: the trusted certificates, and the stream.

mod certificates;
mod crypto;
mod stream;

pub(crate) use certificates::Certificates;
pub(super) use stream::{Stream, Tls};
