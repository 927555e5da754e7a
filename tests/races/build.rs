//! The library and a C program, both built with the thread sanitizer.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use fitbit_test_support::c::{STRICT, available, skip, succeeded};
use fitbit_test_support::library;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A toolchain's file or folder, if it is there.
fn of_nightly(path: &str) -> Option<PathBuf> {
    let nightly = Command::new("rustc").args(["+nightly", "--print", "sysroot"]).output().ok()?;
    let root = String::from_utf8(nightly.stdout).ok().filter(|_| nightly.status.success())?;
    Some(PathBuf::from(root.trim()).join(path)).filter(|path| path.exists())
}

/// The folder of the shared library, and the sanitizer that goes with it.
fn sanitized() -> Option<&'static (PathBuf, PathBuf)> {
    static BUILT: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        of_nightly("lib/rustlib/src/rust/library/Cargo.lock")?;
        // Its own, newer than clang's, as the library's calls of it are.
        let runtime = format!("lib/rustlib/{TARGET}/lib/librustc-nightly_rt.tsan.a");
        let runtime = of_nightly(&runtime)?;
        let folder = library::target().join("tsan");
        let mut cargo = Command::new("cargo");
        cargo.args(["+nightly", "build", "-Zbuild-std", "--lib", "--package", "fitbit", "--quiet"]);
        cargo.args(["--locked", "--target", TARGET, "--target-dir"]).arg(&folder);
        cargo.current_dir(library::root()).env("RUSTFLAGS", "-Zsanitizer=thread");
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only").env_remove("CARGO");
        cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC");
        assert!(cargo.status().expect("cargo can be run").success(), "it does not build");
        Some((folder.join(TARGET).join("debug"), runtime))
    });
    built.as_ref()
}

/// A command that runs `tests/{source}.c`; none where a tool is missing, which is said aloud.
pub fn program(source: &str) -> Option<Command> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) || !available("clang") {
        return None;
    }
    let Some((library, runtime)) = sanitized() else {
        skip("a nightly toolchain with rust-src is not installed");
        return None;
    };
    let name = source.replace('/', "_");
    let thread = std::thread::current().id();
    let program = library.join(format!("{name}_{thread:?}"));
    let object = program.with_extension("o");
    let mut clang = Command::new("clang");
    clang.args(STRICT).args(["-g", "-fsanitize=thread", "-c"]).arg("-I").arg(library::include());
    clang.arg(library::root().join(format!("tests/{source}.c"))).arg("-o").arg(&object);
    succeeded(clang.output().expect("clang is installed"));
    let mut link = Command::new("clang");
    link.arg(&object).arg("-o").arg(&program).arg("-L").arg(library).arg("-lfitbit");
    // Before LD_LIBRARY_PATH, in which cargo names folders that may hold another build of the library.
    link.arg(format!("-Wl,--disable-new-dtags,-rpath,{}", library.display()));
    link.arg("-Wl,--whole-archive").arg(runtime);
    link.args(["-Wl,--no-whole-archive,--export-dynamic", "-lpthread", "-ldl", "-lm", "-lrt"]);
    link.arg("-lresolv");
    succeeded(link.output().expect("clang is installed"));
    let mut command = Command::new(program);
    command.env("TSAN_OPTIONS", "exitcode=66 history_size=4");
    Some(command)
}
