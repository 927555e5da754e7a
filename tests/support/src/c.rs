//! C programs: compiled with the system's `cc` (or another compiler), linked with the library, run.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::library;

/// As strict as the header promises to be.
pub const STRICT: [&str; 5] = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// A program that was built.
pub struct Program {
    pub path: PathBuf,
}

/// Whether a tool is there; says aloud that it is not. In CI it has to be there.
pub fn available(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok_and(|out| out.status.success());
    if !found {
        skip(&format!("{tool} is not installed"));
    }
    found
}

/// Skips a test for want of a tool, aloud. CI installs every tool: there nothing is skipped.
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "CI skips nothing, but: {why}");
    say_skipped(why);
}

/// Says aloud which test is skipped and why: here for want of a right that not every machine gives.
pub fn say_skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not through eprintln!, which the test runner keeps to itself where a test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

/// Compiles one source file and links it with the shared library, under a name of its own.
pub fn build(source: &Path, name: &str, flags: &[&str]) -> Program {
    build_with("cc", source, name, flags)
}

pub fn build_with(compiler: &str, source: &Path, name: &str, flags: &[&str]) -> Program {
    let out = library::target().join("c");
    std::fs::create_dir_all(&out).expect("the target folder can be written to");
    let path = out.join(name);
    let mut command = Command::new(compiler);
    command.args(STRICT);
    command.arg("-I").arg(library::include()).arg(source).args(flags).arg("-o").arg(&path);
    command.arg("-L").arg(library::folder()).arg("-lfitbit").arg("-lpthread");
    // Before LD_LIBRARY_PATH, in which cargo names folders that may hold another build of the library.
    command.arg(format!("-Wl,--disable-new-dtags,-rpath,{}", library::folder().display()));
    let output = command.output().expect("a C compiler is installed");
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    Program { path }
}

impl Program {
    /// A command that runs it.
    pub fn command(&self) -> Command {
        Command::new(&self.path)
    }

    /// Runs it to its end, which must be success; answers with what it printed.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        succeeded(self.command().args(args).output().expect("the program can be run"))
    }
}

/// What a program printed that ended well.
pub fn succeeded(output: Output) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    out.into_owned()
}
