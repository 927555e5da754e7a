//! Talks with a C program: a line that begins with `? ` is a question, and gets its answer.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Answers with the other lines, when the program has ended well.
pub fn talk(mut command: Command, answer: impl Fn(&str) -> String) -> Vec<String> {
    let spoken = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = spoken.spawn().expect("the program can be run");
    let (mut input, output) = (child.stdin.take(), child.stdout.take());
    let mut lines = Vec::new();
    for line in BufReader::new(output.expect("it is piped")).lines() {
        let line = String::from_utf8_lossy(line.expect("a line").as_bytes()).into_owned();
        match (line.strip_prefix("? "), &mut input) {
            (Some(question), Some(input)) => {
                let _ = writeln!(input, "{}", answer(question.trim()));
            }
            _ => lines.push(line),
        }
    }
    let status = child.wait().expect("it was started");
    assert!(status.success(), "{status}\n{lines:#?}");
    lines
}
