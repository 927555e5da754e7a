//! Generates the C header into `OUT_DIR`, warns if the checked-in one differs, and sets link options.
//!
//! The build writes nothing into the source tree. `cargo xtask header` does that.

use std::path::PathBuf;
use std::{env, fs};

#[path = "xtask/src/header.rs"]
mod header;

fn main() {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=cbindgen.toml");
    println!("cargo::rerun-if-changed={}", header::CHECKED_IN);
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        // A thread that looks up a name may outlive its call, and `fork` calls a handler of the
        // library: its code has to stay in memory after dlclose.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    match header::generate(&root, env!("CARGO_PKG_VERSION")) {
        Ok(generated) => {
            fs::write(out.join("fitbit.h"), &generated).expect("OUT_DIR is ours to write to");
            let checked_in = fs::read_to_string(root.join(header::CHECKED_IN));
            if checked_in.map_or(true, |text| text != generated) {
                let file = header::CHECKED_IN;
                println!("cargo::warning={file} differs from src/: run `cargo xtask header`");
            }
        }
        // rustc reports it better.
        Err(cbindgen::Error::ParseSyntaxError { .. }) => {}
        Err(why) => panic!("{} cannot be generated: {why}", header::CHECKED_IN),
    }
}
