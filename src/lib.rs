//! libfitbit logs a person in to Fitbit and keeps the login alive, for programs that can call C.
//!
//! The C interface, with everything a program needs to know, is `include/fitbit.h`; it is
//! generated from [`ffi`]. Behind it stands a blocking core that never meets a raw pointer:
//!
//! - [`app`]: the registered application: credentials, settings, what its clients share
//! - [`provider`]: the services that can be talked to, as data
//! - [`authorize`]: logging in: step one and step two
//! - [`login`]: both steps in one call, with a browser and a loopback port
//! - [`token`]: a token: JSON in and out, when it expires
//! - [`renewal`]: when and how a token is renewed and saved: the one procedure
//! - [`call`]: how long a call may take, how it waits, and ending it from another thread
//! - [`store`]: where a client's token is kept
//! - [`token_file`]: one such place: a token in a file that processes share
//! - [`os`]: what needs the operating system itself: descriptors, waiting, locks, forks
//! - [`client`]: one person's login: requests
//! - [`notification`]: whether a notification is the provider's
//! - [`token_endpoint`]: the token endpoint, through `oauth2`
//! - [`log`]: what the program's logger is told
//! - [`transport`]: HTTP, through `ureq`, over sockets that never block: connections, TLS, proxies
//! - [`answer`]: what a server answered
//! - [`sync`]: the locks that threads of one client meet at
//! - [`error`]: every error, the providers' error bodies, redaction
//!
//! Dependencies flow one way: ffi, then login and notification, then client, then authorize, renewal
//! and token_file, then app and store, then token_endpoint, then token and transport, then call, then
//! error and log, then provider, answer, sync and os.

#![deny(unsafe_code)]
#![warn(missing_docs)]

mod answer;
mod app;
mod authorize;
mod call;
mod client;
mod error;
#[allow(unsafe_code)] // raw pointers from C become references here
mod ffi;
mod log;
mod login;
mod notification;
#[allow(unsafe_code)] // calls of the system that no crate wraps
mod os;
mod provider;
mod renewal;
mod store;
mod sync;
mod token;
mod token_endpoint;
mod token_file;
mod transport;

// For tests/linked alone: Miri wants a call's types to be the function's own.
pub use error::FitbitErrorCode;
pub use ffi::{FitbitClientAuth, FitbitEndpoint, FitbitLogLevel, FitbitProvider};
