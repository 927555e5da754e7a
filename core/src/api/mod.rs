//! One person's requests.

mod client;
mod pagination;
mod rate_limit;
mod rate_limit_wait;
mod repeat_after_401;
mod request;
mod response;
mod send;
mod user_id;

pub use client::Client;
pub use rate_limit::RateLimit;
pub use request::ApiRequest;
pub use response::ApiResponse;
