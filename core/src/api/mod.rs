//! One person's requests.

mod client;
mod pagination;
mod rate_limit;
mod repeat_after_401;
mod request;
mod response;
mod send;
mod user_id;

pub use client::Client;
pub use rate_limit::RateLimit;
pub use request::ApiRequest;
pub use response::ApiResponse;
