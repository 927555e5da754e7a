//! Logging in, and tokens as JSON: the first half of the contract, shown through the C interface.
//!
//! In the order of a login: the address of step one, the session, the redirect, what is refused
//! before any request, the one request, the first token; then client authentication, tokens out
//! and in, and how an app is set up. `python_faults` shows what the Python original does wrong.
//!
//! The files are read once for each provider, whose `world` they take from the module around them:
//! `fitbit::address` is what tests/login/address.rs says for programs registered with Fitbit.

// One file read once for each provider is what "run for each provider" means here.
#![allow(clippy::duplicate_mod)]

#[path = "."]
mod fitbit {
    use fitbit_test_support::fitbit::world;

    mod address;
    mod arguments;
    mod byte_order_mark;
    mod callback_uri;
    mod client_authentication;
    mod endpoints;
    mod exchange;
    mod file;
    mod first_token;
    mod guarded;
    mod other_provider;
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

    // Fragments, three kinds of applications, tokens that name their person: nobody else has them.
    mod of_fitbit;
}

#[path = "."]
mod google_health {
    use fitbit_test_support::google_health::world;

    mod address;
    mod arguments;
    mod byte_order_mark;
    mod callback_uri;
    mod client_authentication;
    mod endpoints;
    mod exchange;
    mod file;
    mod first_token;
    mod guarded;
    mod other_provider;
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

    // Fitbit's tokens say whose they are.
    mod identity;
    mod identity_kept;
    // Issuers, any port on loopback, scopes that are addresses: Fitbit has none of them.
    mod of_google_health;
}
