//! Logging in, and tokens as JSON: the first half of the contract, shown through the C interface.
//!
//! In the order of a login: the address of step one, the session, the redirect, what is refused
//! before any request, the one request, the first token; then client authentication, tokens out
//! and in, and how an app is set up. `python_faults` shows what the Python original does wrong.

mod address;
mod arguments;
mod callback_uri;
mod client_authentication;
mod endpoints;
mod exchange;
mod first_token;
mod params;
mod python_faults;
mod redirect;
mod refusals;
mod refused_tokens;
mod renewed_tokens;
mod session;
mod setters;
mod steps;
mod token_fields;
mod tokens_in;
mod tokens_out;
mod unusable_answers;
