//! The shared library as it is shipped: release profile, link-time optimised.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().and_then(Path::parent).expect("this crate stands in tests/support")
}

/// Builds the library, the first time, and answers with the folder that holds it.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--release", "--lib", "--package", "fitbit"]).current_dir(root());
        // What the outer cargo says of its own package would make the inner one build anew.
        let of_the_outer = |name: &str| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
                .iter()
                .any(|beginning| name.starts_with(beginning))
        };
        for (name, _) in std::env::vars().filter(|(name, _)| of_the_outer(name)) {
            build.env_remove(name);
        }
        let built = build.status().expect("cargo can be run");
        assert!(built.success(), "the library does not build");
        target().join("release")
    })
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The shared library's file.
pub fn shared() -> PathBuf {
    folder().join("libfitbit.so")
}

/// Where `include/fitbit.h` is.
pub fn include() -> PathBuf {
    root().join("include")
}
