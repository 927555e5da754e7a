//! How the tests and the examples build the library and call it as C does.
//!
//! [`library`] builds the shipped shared library; [`c`] builds C programs against it with the
//! system's compiler; [`interface`] is the C interface itself, loaded at run time; [`App`],
//! [`Client`], [`Response`] and [`Error`] are what a Rust test holds instead of raw pointers.
//! [`world`] is what most tests begin with, once for each provider, whose differences are the
//! table in `dialect`. [`journal`] is where every app logs to, searched for secrets when the process
//! ends. Nothing here looks behind the C interface.

// One file read once for each provider is what "run for each provider" means here.
#![allow(clippy::duplicate_mod)]

pub mod c;
mod dialect;
pub mod figures;
mod form;
mod handles;
pub mod interface;
pub mod journal;
pub mod library;

/// The world of a program that was registered with Fitbit.
#[path = "."]
pub mod fitbit {
    pub use crate::dialect::FITBIT as DIALECT;

    pub mod world;
}

/// The same of one that was registered with Google.
#[path = "."]
pub mod google_health {
    pub use crate::dialect::GOOGLE_HEALTH as DIALECT;

    pub mod world;
}

/// Lets the five seconds pass after which a token is asked for again whose answer is possibly lost.
pub fn rest() {
    std::thread::sleep(std::time::Duration::from_millis(5100));
}

/// Each in a thread of its own: most of their time passes in waiting.
pub fn in_parallel<T: Send>(each: impl IntoIterator<Item = T>, run: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for one in each {
            let run = &run;
            scope.spawn(move || run(one));
        }
    });
}

pub use dialect::Dialect;
pub use fitbit::world;
pub use form::{field, form};
pub use handles::{
    App, Client, Error, FITBIT, GOOGLE_HEALTH, Response, Saver, Session, code, level,
};
pub use interface::interface;
