//! The library in Go: the module in `bindings/go`, whose own tests run with the race detector against a
//! simulator of this test's own, and the README's lines on it.
//!
//! It uses the library as it was built; with FITBIT_PREFIX in the environment, the one installed there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use fitbit_simulator::Simulator;
use fitbit_test_support::{c, library};

/// What the README leaves out.
const HEAD: &str = "package main\n\nimport (\n\t\"context\"\n\t\"errors\"\n\t\"fmt\"\n\n\t\"example.org/fitbit\"\n)\n\n";
const MAIN: &str = "\nfunc main() {\n\tfmt.Println(profile(context.Background()))\n}\n";

/// Whether everything is there that cgo needs; says aloud what is not.
fn go_is_available() -> bool {
    // It knows no --version.
    let go = Command::new("go").arg("version").output().is_ok_and(|out| out.status.success());
    if !go {
        c::skip("go is not installed");
    }
    go && c::available("pkg-config") && c::available("gcc")
}

fn folder() -> PathBuf {
    let folder = library::target().join("go");
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

/// The folder of the shared library, and that of its `fitbit.pc`.
fn installed() -> (PathBuf, PathBuf) {
    if let Some(prefix) = std::env::var_os("FITBIT_PREFIX").map(PathBuf::from) {
        return (prefix.join("lib"), prefix.join("lib/pkgconfig"));
    }
    let description = format!(
        "Name: fitbit\nDescription: libfitbit as it was built\nVersion: 0\n\
         Cflags: -I{}\nLibs: -L{} -lfitbit\n",
        library::include().display(),
        library::folder().display()
    );
    fs::write(folder().join("fitbit.pc"), description)
        .expect("the target folder can be written to");
    (library::folder().to_owned(), folder())
}

/// Go in a module's folder, without the network; what it printed.
fn go(module: &str, args: &[&str], simulator: &str) -> String {
    let (library, description) = installed();
    let mut command = Command::new("go");
    command.args(args).current_dir(module);
    command.env("PKG_CONFIG_PATH", description).env("LD_LIBRARY_PATH", library);
    command.env("GOCACHE", folder().join("cache")).env("GOPROXY", "off").env("GOFLAGS", "");
    command.env("CGO_ENABLED", "1").env("FITBIT_SIMULATOR", simulator);
    c::succeeded(command.output().expect("go can be run"))
}

fn module() -> String {
    library::root().join("bindings/go").display().to_string()
}

#[test]
fn the_modules_own_tests_pass_with_the_race_detector() {
    if !go_is_available() {
        return;
    }
    let provider = Simulator::start().expect("the simulator starts");
    go(&module(), &["vet", "./..."], "");
    let said = go(&module(), &["test", "-race", "-count=1", "-v", "./..."], provider.uri());
    assert!(said.contains("--- PASS: Test") && !said.contains("--- SKIP"), "{said}");
}

#[test]
fn the_module_is_formatted() {
    if !go_is_available() {
        return;
    }
    let output = Command::new("gofmt").arg("-l").arg(module()).output().expect("it comes with go");
    assert_eq!(c::succeeded(output), "");
}

#[test]
fn the_readmes_lines_compile() {
    if !go_is_available() {
        return;
    }
    let readme = fs::read_to_string(library::root().join("README.md")).expect("it is checked in");
    let blocks = readme.split("\n```go\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.into_iter().find(|block| block.contains("fitbit.NewApp"));
    let block = block.expect("the README shows the Go package");
    let module_of_its_own = folder().join("readme");
    fs::create_dir_all(&module_of_its_own).expect("the target folder can be written to");
    let requirement = format!(
        "module readme\n\ngo 1.19\n\nrequire example.org/fitbit v0.0.0\n\n\
         replace example.org/fitbit => {}\n",
        module()
    );
    fs::write(module_of_its_own.join("go.mod"), requirement).expect("the folder is there");
    let program = module_of_its_own.join("main.go");
    fs::write(&program, format!("{HEAD}{block}{MAIN}")).expect("the folder is there");
    let module_of_its_own = module_of_its_own.display().to_string();
    go(&module_of_its_own, &["vet", "."], "");
    go(&module_of_its_own, &["build", "-o", "program", "."], "");
    let formatted = Command::new("gofmt").arg("-l").arg(&program).output();
    assert_eq!(c::succeeded(formatted.expect("it comes with go")), "");
}
