//! The compilers that the header has to please, and how one is called.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fitbit_test_support::{c, library};

/// All warnings that a careful program switches on.
const CAREFUL: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Werror"];

/// A compiler and the languages that it is asked to read.
pub struct Compiler {
    pub command: &'static str,
    pub standards: &'static [&'static str],
    flags: &'static [&'static str],
}

const C: &[&str] = &["c99", "c11", "c17", "c2x"];
const CPP: &[&str] = &["c++11", "c++14", "c++17", "c++20"];
const ALL: [Compiler; 4] = [
    Compiler { command: "gcc", standards: C, flags: &["-Wstrict-prototypes", "-Wc++-compat"] },
    Compiler { command: "clang", standards: C, flags: &["-Wstrict-prototypes", "-Wdocumentation"] },
    Compiler { command: "g++", standards: CPP, flags: &["-xc++", "-Wold-style-cast"] },
    Compiler { command: "clang++", standards: CPP, flags: &["-xc++", "-Wdocumentation"] },
];

/// Those that are installed; in CI, all.
pub fn installed() -> impl Iterator<Item = &'static Compiler> {
    static COMPILERS: [Compiler; 4] = ALL;
    COMPILERS.iter().filter(|compiler| c::available(compiler.command))
}

impl Compiler {
    /// Calls it in this language; what it says is the caller's to judge.
    pub fn call(&self, standard: &str, args: &[&str]) -> Output {
        let mut command = Command::new(self.command);
        command.arg(format!("-std={standard}")).args(CAREFUL).args(self.flags);
        command.arg("-I").arg(library::include()).args(args);
        command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"))
    }

    /// The same for what has to compile.
    pub fn compile(&self, standard: &str, args: &[&str]) {
        let output = self.call(standard, args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} -std={standard} {args:?}\n{said}", self.command);
    }
}

/// A folder of the test's own for what it compiles.
pub fn folder(name: &str) -> PathBuf {
    let folder = library::target().join("c").join(name);
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

/// The same with nothing in it, whatever an earlier run left there.
pub fn empty_folder(name: &str) -> PathBuf {
    let folder = folder("folders").join(name);
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    std::fs::remove_dir_all(&folder).expect("nobody else uses it");
    std::fs::create_dir(&folder).expect("the target folder can be written to");
    folder
}

/// Writes a source file there.
pub fn source(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the target folder can be written to");
    path
}

/// A path as an argument of a compiler.
pub fn arg(path: &Path) -> &str {
    path.to_str().expect("the target folder's name is UTF-8")
}
