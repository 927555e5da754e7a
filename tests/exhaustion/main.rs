//! What a program lacks: descriptors, threads, memory; what it copies: itself, with a login open; and
//! what it must not collect: memory and descriptors, over many logins and a long time.
//!
//! `scene` runs a C program that takes things away from itself; every other module is one subject.

#[path = "../requests/scripted.rs"]
#[allow(dead_code)] // each crate uses its own part of it
mod scripted;

mod scene;

mod descriptors;
mod fork;
mod memory;
mod soak;
mod threads;
