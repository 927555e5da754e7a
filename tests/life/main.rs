//! The rest of a login's life: how it is ended, whose it is, what follows a page, what the provider
//! says when something is wrong, how long it asks to wait, and what the program is told of all that.
//!
//! `providers`, `guarded` and `heard` are what the tests stand on. Every other module is one subject.

mod guarded;
mod heard;
mod providers;

mod errors;
mod identity;
mod identity_saved;
mod journal;
mod logger;
mod logger_calls;
mod logger_cost;
mod logger_settings;
mod page_addresses;
mod page_tokens;
mod paging;
mod rate_limit_wait;
mod rate_limit_waiters;
mod retired;
mod revoke;
mod revoke_races;
mod revoked;
mod revoked_stores;
mod signature;
