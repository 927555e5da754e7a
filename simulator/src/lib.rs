//! A stand-in for Fitbit and for Google Health on the loopback interface.
//!
//! It signs people in (authorize page, token endpoint, introspection, revocation), answers API
//! calls with data of the real shape, and is as strict as the providers where they are strict:
//! redirect URIs are compared, codes work once, so do Fitbit's refresh tokens, PKCE is verified.
//! On top of that every fault a network or a provider can show is a switch.
//!
//! Both providers are at one origin. An application is registered with one of them, which
//! [`ApplicationKind`] says, and neither takes the other's applications or tokens.
//!
//! ```
//! use fitbit_simulator::{DEMO_CLIENT_ID, Fault, FaultKind, Simulator, Target};
//!
//! let simulator = Simulator::start()?;
//! let saved = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
//! assert_eq!(saved["token_type"], "Bearer");
//!
//! simulator.fault(Fault::once(Target::Refresh, FaultKind::CloseAfterRead));
//! // ... the client under test loses the answer to its next refresh
//! assert_eq!(simulator.requests(Target::Refresh), 0);
//! # std::io::Result::Ok(())
//! ```
//!
//! Its behaviour is written from the providers' documentation alone, never from the code of the
//! library that is tested with it, so that one mistake cannot hide in both.
//!
//! Reading order: [`Simulator`] is the handle; `listener` and `connection` carry bytes; `fault`,
//! `switchboard`, `spoil` and `delivery` are the faults; `provider` is what both providers need,
//! and `fitbit` and `google` are the two dialects: nothing outside of them knows an endpoint's
//! rules.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod answer;
mod calendar;
mod client;
mod clock;
mod connection;
mod control;
mod control_settings;
mod counts;
mod delivery;
mod fault;
mod fault_names;
mod fitbit;
mod form;
mod google;
mod incoming;
mod listener;
mod log;
mod person;
mod program;
mod provider;
mod random;
mod request;
mod secrets;
mod settings;
mod simulator;
mod spoil;
mod stream;
mod switchboard;
mod tls;

pub use client::{Client, Reply};
pub use counts::Handshakes;
pub use fault::{Fault, FaultKind, Target};
pub use log::Entry;
pub use person::{Decision, Person, PersonError};
pub use program::main;
pub use provider::demos::{
    DEMO_CLIENT_ID, DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, DEMO_PERSONAL_ID, DEMO_PERSONAL_SECRET,
    DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET,
};
pub use provider::registration::{ApplicationKind, Registration};
pub use secrets::all_secrets;
pub use settings::{Consent, GoogleSettings, RateLimit, RefreshedToken, Settings};
pub use simulator::{Builder, Simulator};
