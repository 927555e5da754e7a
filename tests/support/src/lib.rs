//! How the tests and the examples build the library and call it as C does.
//!
//! [`library`] builds the shipped shared library; [`c`] builds C programs against it with the
//! system's compiler; [`interface`] is the C interface itself, loaded at run time; [`App`],
//! [`Client`], [`Response`] and [`Error`] are what a Rust test holds instead of raw pointers.
//! [`world`] is what most tests begin with. Nothing here looks behind the C interface.

pub mod c;
mod handles;
pub mod interface;
pub mod library;
pub mod world;

pub use handles::{App, Client, Error, FITBIT, GOOGLE_HEALTH, Response, Saver, Session, code};
pub use interface::interface;
