//! What a fuzzer calls: one function for each kind of bytes that reach the library from outside.
//!
//! [`TARGETS`] is the list. Each takes any bytes, passes them through the C interface, and panics if
//! the library does what it promises never to do. The bodies are here, once: `fuzz` runs them
//! under cargo-fuzz, guided by coverage; `tests/mutations.rs` runs them with seeds and mutations of
//! its own as part of `cargo test`. The library is linked in, so that an overflow or a failed
//! assertion inside it is seen, and its memory is counted.

mod c;
mod judge;
mod memory;
mod mutate;
mod server;
mod targets;

pub use mutate::Mutator;
pub use targets::TARGETS;

/// Sees every panic inside the library, also one that it has caught and would say nothing of.
pub fn watch_panics(abort: bool) {
    judge::watch_panics(abort);
}

/// Runs a target once.
pub fn run(target: &str, data: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, body) = found.unwrap_or_else(|| panic!("there is no target {target}"));
    judge::begin();
    memory::bounded(|| body(data));
    judge::no_panic();
}
