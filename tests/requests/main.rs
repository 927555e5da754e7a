//! Requests, and the errors that come of them, through the C interface.
//!
//! `setup`, `scripted`, `relay`, `socks`, `proxy_programs`, `authority` and `program` are what the
//! tests stand on: logins, a server that says exactly what a test wants said, servers in between,
//! certificates, and C programs for whatever a process takes from its environment. Every other module
//! is one subject.

mod authority;
mod program;
mod proxy_programs;
mod relay;
mod scripted;
mod setup;
mod socks;

mod answers;
mod authorization;
mod body_limit;
mod ca_file;
mod certificates;
mod connections;
mod encodings;
mod endpoints;
mod environment;
mod error_codes;
mod error_shapes;
mod faults_on_the_api;
mod faults_on_the_exchange;
mod headers;
mod methods_and_bodies;
mod named_proxies;
mod no_proxy;
mod paths;
mod proxies;
mod proxy_addresses;
mod proxy_failures;
mod rate_limit;
mod real_proxies;
mod redirects;
mod retry_after;
mod secrets;
mod secrets_in_disguise;
mod seed_faults;
mod socks_proxies;
mod threads_and_names;
mod timeouts;
mod tls_refusals;
