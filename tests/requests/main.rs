//! Requests, and the errors that come of them, through the C interface.
//!
//! `setup`, `scripted`, `relay` and `program` are what the tests stand on: logins, a server that
//! says exactly what a test wants said, servers in between, and C programs for whatever a process
//! takes from its environment. Every other module is one subject.

mod program;
mod relay;
mod scripted;
mod setup;

mod answers;
mod authorization;
mod body_limit;
mod certificates;
mod connections;
mod endpoints;
mod error_codes;
mod error_shapes;
mod faults_on_the_api;
mod faults_on_the_exchange;
mod headers;
mod methods_and_bodies;
mod no_proxy;
mod paths;
mod proxies;
mod rate_limit;
mod redirects;
mod retry_after;
mod secrets;
mod secrets_in_disguise;
mod seed_faults;
mod threads_and_names;
mod timeouts;
