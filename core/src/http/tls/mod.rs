//! TLS, through rustls: whom it trusts, and the stream.

mod certificates;
mod crypto;
mod stream;

pub(crate) use certificates::Certificates;
pub(super) use stream::{Stream, Tls};
