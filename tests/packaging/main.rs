//! The library as others get it: installed by cargo-c or unpacked from the release archive, found by
//! pkg-config and CMake, and compatible with the release before it.

mod abi;
mod archive;
mod installed;
mod layout;
mod version;
mod visitors;
