//! Handles that free themselves, for tests that are not about freeing.

mod app;
mod client;
mod error;
mod response;
mod saver;
mod text;

pub use app::{App, FITBIT, GOOGLE_HEALTH, Session, level};
pub use client::Client;
pub use error::{Error, code};
pub use response::Response;
pub use saver::Saver;
