//! Connecting over paths that are slow, dead in part, or refused: a client and its servers in network
//! namespaces of their own. README.md says how the bench works.
#![cfg(target_os = "linux")]

mod bench;

mod addresses;
mod cells;
mod ending;
mod itself;
mod looking_up;
mod overlap;
mod overlap_ending;
mod overlap_spoilt;
mod overlap_waiting;
mod proxies;
mod round_trips;
