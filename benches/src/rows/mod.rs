//! The rows of one thread: each subject does the same work against the same server.

mod requests;
mod threads;

pub use requests::curl_program as curl;
pub use requests::{
    ADDRESS, EXCHANGE, GET, ONE_ADDRESS, REFRESH, SMALL_PLAIN, address, exchange, get, refresh,
};
pub use threads::{threads, users};
