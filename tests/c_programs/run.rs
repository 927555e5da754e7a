//! How a C program of these tests is run: plain, under valgrind's memcheck, or built with the
//! address and undefined behaviour sanitizers; and how the test talks with it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fitbit_test_support::{c, library};

/// What valgrind ends with where it found something.
pub const MEMCHECK_FOUND: i32 = 99;

const SANITIZERS: [&str; 4] =
    ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

#[derive(Clone, Copy, Debug)]
pub enum Way {
    Plain,
    Memcheck,
    Sanitized,
}

/// Builds a program that stands beside this file.
pub fn build(name: &str, way: Way) -> PathBuf {
    build_from(&library::root().join(format!("tests/c_programs/{name}.c")), way)
}

/// Builds a program that stands anywhere else.
pub fn build_from(source: &Path, way: Way) -> PathBuf {
    let name = source.file_stem().expect("it is a file").display();
    let name = format!("{name}_{way:?}");
    let flags: &[&str] = match way {
        Way::Plain | Way::Memcheck => &["-g"],
        Way::Sanitized => &SANITIZERS,
    };
    // Once: a program that another test is running cannot be written again.
    static BUILT: Mutex<BTreeMap<String, Arc<OnceLock<PathBuf>>>> = Mutex::new(BTreeMap::new());
    let mut programs = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = programs.entry(name.clone()).or_default().clone();
    drop(programs);
    built.get_or_init(|| c::build(source, &name, flags).path).clone()
}

/// A command that runs it; none where a tool is missing, which [`c::available`] says aloud.
pub fn command(name: &str, way: Way) -> Option<Command> {
    command_of(&build(name, way), way)
}

/// The same for one that is built.
pub fn command_of(program: &Path, way: Way) -> Option<Command> {
    if !matches!(way, Way::Memcheck) {
        return Some(Command::new(program));
    }
    if !c::available("valgrind") {
        return None;
    }
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    command.arg(format!("--error-exitcode={MEMCHECK_FOUND}")).arg(program);
    Some(command)
}

/// Runs a program to its good end and answers with the lines that it printed. Lines that begin
/// with `? ` are questions: each gets its answer at once. Nobody may have written to stderr:
/// neither the library, nor valgrind, nor a sanitizer.
pub fn talk(mut command: Command, mut answer: impl FnMut(&str) -> String) -> Vec<String> {
    let spoken = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spoken.spawn().expect("the program can be run");
    let (mut input, output) = (child.stdin.take(), child.stdout.take());
    let mut errors = child.stderr.take().expect("it is piped");
    let input = input.as_mut().expect("it is piped");
    let mut lines = Vec::new();
    let said = std::thread::scope(|scope| {
        let said = scope.spawn(move || {
            let mut said = String::new();
            errors.read_to_string(&mut said).map(|_| said)
        });
        for line in BufReader::new(output.expect("it is piped")).lines() {
            let line = line.expect("programs print UTF-8");
            match line.strip_prefix("? ") {
                // A program that has gone meanwhile is reported below, with what it said.
                Some(question) => drop(writeln!(input, "{}", answer(question.trim()))),
                None => lines.push(line),
            }
        }
        said.join().expect("no panic there").expect("programs write UTF-8")
    });
    let status = child.wait().expect("it was started");
    assert!(status.success(), "{status}\n{}\n{said}", lines.join("\n"));
    assert_eq!(said, "", "nothing is ever printed to stderr");
    lines
}

/// The same for a program that asks nothing.
pub fn run(command: Command) -> Vec<String> {
    talk(command, |question| panic!("an unexpected question: {question}"))
}
