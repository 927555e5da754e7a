//! `bindings/swift`: its own tests, run by `swift test` in the folder that `compiler.sh` makes.

use std::fs;
use std::process::Command;

use fitbit_simulator::Simulator;
use fitbit_test_support::{c, library};

/// Whether the compiler's folder can be made and entered; says aloud that it cannot.
fn compiler_can_be_had() -> bool {
    let id = Command::new("id").arg("-u").output().expect("every system has it");
    if id.stdout != b"0\n" {
        c::say_skipped("the Swift compiler's folder needs root");
        return false;
    }
    let may_mount = Command::new("unshare").args(["--mount", "true"]).output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        c::skip("root may not mount anything here, or unshare is not installed");
        return false;
    }
    c::available("debootstrap")
}

#[test]
fn the_packages_own_tests_pass() {
    if !compiler_can_be_had() {
        return;
    }
    let target = library::target().join("swift");
    fs::create_dir_all(&target).expect("the target folder can be written to");
    // As the library's own, where it is installed.
    let (include, folder) = (library::include(), library::folder());
    let description = format!(
        "Name: fitbit\nDescription: libfitbit as it was built\nVersion: 0\n\
         Cflags: -I{}\nLibs: -L{} -lfitbit\n",
        include.display(),
        folder.display()
    );
    fs::write(target.join("fitbit.pc"), description).expect("the target folder can be written to");
    let provider = Simulator::start().expect("the simulator starts");
    let output = Command::new(library::root().join("tests/swift/compiler.sh"))
        .arg("--bind")
        .arg(library::target())
        .args(["swift", "test", "--package-path", "bindings/swift", "--scratch-path"])
        .arg(target.join("build"))
        .current_dir(library::root())
        .env("PKG_CONFIG_PATH", &target)
        .env("LD_LIBRARY_PATH", folder)
        .env("FITBIT_SIMULATOR", provider.uri())
        .output()
        .expect("the script can be run");
    let said = c::succeeded(output);
    assert!(said.contains("Test run with ") && !said.contains("with 0 tests passed"), "{said}");
    assert!(!said.contains("warning:"), "{said}");
}
