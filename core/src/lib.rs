//! The blocking core of libfitbit: it logs a person in to Google Health or Fitbit and keeps the login
//! alive. The C interface is the package `fitbit` over it; docs/architecture.md shows how the parts work
//! together.
//!
//! An [`App`] is the registered application. A [`Client`] is one person's login. Each new token goes
//! to a [`TokenStore`] before a request uses it.
//!
//! ```
//! use fitbit_core::{App, GOOGLE_HEALTH, Step};
//!
//! let app = App::new(&GOOGLE_HEALTH, "client id", Some("secret"), Some("http://127.0.0.1/callback"))?;
//! let Step { authorization_uri, session } = app.step_one(None)?;
//! assert!(authorization_uri.starts_with("https://accounts.google.com/"));
//! assert!(session.contains("verifier"), "step two needs it");
//! # Ok::<(), fitbit_core::Error>(())
//! ```
//!
//! Where to look:
//!
//! - `app`: the registered application: configuration, validation
//! - `provider`: the providers as data, and what their error responses mean
//! - `oauth`: authorization, the token endpoint, the loopback listener
//! - `token`: a token: JSON in and out, when it expires
//! - `store`: where a login's token is kept: callback, file, guard
//! - `renewal`: when and how a token is renewed and saved: the one procedure
//! - `api`: one person's requests
//! - `http`: transport, dialling, proxies, TLS, over sockets that never block
//! - `call`: how long a call may take, how it waits, and ending it from another thread
//! - `login`: both steps in one call, with a browser and a loopback port
//! - `notification`: whether a notification is the provider's
//! - `log`: what the program's logger is told
//! - `error`: every error, and redaction
//! - `os`: what needs the operating system itself: descriptors, waiting, locks, forks
//! - `sync`: the locks that the threads of one login meet at
//!
//! Dependencies flow one way (core/tests/layers.rs checks it): login, then api, then renewal and notification,
//! then app, then oauth and store, then token, then provider, then http, then call, then sync, then error,
//! log and os.

#![deny(unsafe_code)]
#![deny(missing_docs)]

mod api;
mod app;
mod call;
mod error;
mod http;
mod log;
mod login;
mod notification;
mod oauth;
#[allow(unsafe_code)] // calls of the system that no crate wraps
mod os;
mod provider;
mod renewal;
mod store;
mod sync;
mod token;

pub use api::{ApiRequest, ApiResponse, Client, RateLimit};
pub use app::{App, Endpoint};
pub use call::Handle;
pub use error::{Error, ErrorKind, Input, Result};
pub use log::{Level, Log};
pub use login::{Open, login};
pub use notification::verify;
pub use oauth::authorize::Step;
pub use os::without_cancellation;
pub use provider::{ClientAuth, FITBIT, GOOGLE_HEALTH, Provider};
pub use store::{Offered, TokenStore};
