//! How C++ programs are built: with every compiler, as C++17 and C++20, strictly.

use std::path::{Path, PathBuf};
use std::process::Command;

use fitbit_test_support::{c, library};

pub const COMPILERS: [&str; 2] = ["g++", "clang++"];
pub const STANDARDS: [&str; 2] = ["-std=c++17", "-std=c++20"];

const STRICT: [&str; 7] =
    ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Wshadow", "-Wold-style-cast", "-Werror"];
const SANITIZERS: [&str; 4] =
    ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// How a program is built and run.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    Plain,
    Clang,
    Memcheck,
    Sanitized,
}

/// A source file of these tests.
pub fn source(name: &str) -> PathBuf {
    library::root().join("tests/cpp").join(name)
}

/// A folder for what is built; of a test's own, since programs that run cannot be written.
pub fn folder(name: &str) -> PathBuf {
    let folder = library::target().join("cpp").join(name);
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

/// A compiler that is told where the header is.
pub fn compiler(compiler: &str, standard: &str) -> Command {
    let mut command = Command::new(compiler);
    command.arg(standard).args(STRICT).arg("-I").arg(library::include());
    command
}

/// Has a compiler do what must succeed.
pub fn succeed(command: &mut Command) {
    let output = command.output().expect("the compiler can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{command:?}\n{said}");
}

/// Builds a program of one file; none where a tool is missing, which is said aloud.
pub fn program(source: &Path, name: &str, way: Way, flags: &[&str]) -> Option<Command> {
    let (with, standard) = match way {
        Way::Clang => ("clang++", "-std=c++20"),
        _ => ("g++", "-std=c++17"),
    };
    if !c::available(with) {
        return None;
    }
    let program = folder(name).join(format!("{way:?}"));
    let mut command = compiler(with, standard);
    command.args(if matches!(way, Way::Sanitized) { &SANITIZERS[..] } else { &["-g"] });
    command.args(flags).arg(source).arg("-o").arg(&program).arg("-pthread");
    succeed(link(&mut command));
    run(&program, way)
}

/// Links with the shared library, where it was built.
pub fn link(command: &mut Command) -> &mut Command {
    let folder = library::folder();
    command
        .arg("-L")
        .arg(folder)
        .arg("-lfitbit")
        .arg(format!("-Wl,--disable-new-dtags,-rpath,{}", folder.display()))
}

fn run(program: &Path, way: Way) -> Option<Command> {
    if !matches!(way, Way::Memcheck) {
        return Some(Command::new(program));
    }
    if !c::available("valgrind") {
        return None;
    }
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    command.arg("--error-exitcode=99").arg(program);
    Some(command)
}
