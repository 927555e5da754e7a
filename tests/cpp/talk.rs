//! How a test talks with a program that it runs: it answers questions, and sees a good end.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

/// Runs a program to its good end, and answers with what it printed. Lines that begin with `? `
/// are questions. Nobody may have written to stderr, neither valgrind nor a sanitizer.
pub fn talk(mut command: Command, mut answer: impl FnMut(&str) -> String) -> String {
    let spoken = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spoken.spawn().expect("the program can be run");
    let mut keyboard = child.stdin.take().expect("it is piped");
    let mut errors = child.stderr.take().expect("it is piped");
    let mut printed = String::new();
    let said = std::thread::scope(|scope| {
        let said = scope.spawn(move || {
            let mut said = String::new();
            errors.read_to_string(&mut said).map(|_| said)
        });
        for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
            let line = line.expect("programs print UTF-8");
            match line.strip_prefix("? ") {
                // A program that has gone meanwhile is reported below, with what it said.
                Some(question) => drop(writeln!(keyboard, "{}", answer(question.trim()))),
                None => printed += &(line + "\n"),
            }
        }
        said.join().expect("no panic there").expect("programs write UTF-8")
    });
    let status = child.wait().expect("it was started");
    assert!(status.success() && said.is_empty(), "{status}\n{printed}\n{said}");
    printed
}
