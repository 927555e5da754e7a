//! The rows, a file for each kind of work: of one request after the other, of many threads, of many
//! persons, and of what the library costs before it does anything.

mod load;
mod memory;
mod requests;
mod storm;
mod threads;

pub use load::{build, load, size};
pub use memory::{client, memory};
pub use requests::curl_program as curl;
pub use requests::{
    ADDRESS, EXCHANGE, GET, ONE_ADDRESS, REFRESH, SMALL_PLAIN, address, exchange, get, refresh,
};
pub use storm::storm;
pub use threads::{threads, users};
