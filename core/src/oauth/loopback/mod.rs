//! A browser asks the person, and the authorization response comes to a loopback port (RFC 8252 section 7.3).

mod browser;
mod html;
mod listener;

pub(crate) use browser::Browser;
pub(crate) use html::Page;
pub(crate) use listener::{Listener, Verdict};
