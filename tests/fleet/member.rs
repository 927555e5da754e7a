//! A process of the fleet: one of the examples, running.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex};

use fitbit_simulator::{DEMO_SERVER_ID, DEMO_SERVER_SECRET, Simulator};
use fitbit_test_support::c::{Program, succeeded};

use crate::instance::LONG;

/// It is killed when it is dropped.
pub struct Member {
    process: Child,
    enter: Option<ChildStdin>,
    lines: Receiver<String>,
    complaints: Arc<Mutex<String>>,
    threads: usize,
}

/// Stores a token as the example does.
pub fn add(program: &Program, address: &str, user: &str, token: &str) {
    let mut adding = program
        .command()
        .args([address, user, "add"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example can be run");
    let mut input = adding.stdin.take().expect("it is piped");
    input.write_all(token.as_bytes()).expect("the example reads its input");
    drop(input);
    succeeded(adding.wait_with_output().expect("it was started"));
}

impl Member {
    pub fn start(
        program: &Program,
        provider: &Simulator,
        address: &str,
        user: &str,
        threads: usize,
    ) -> Member {
        let mut command: Command = program.command();
        command.args([address, user, &threads.to_string()]);
        command.env("FITBIT_CLIENT_ID", DEMO_SERVER_ID);
        command.env("FITBIT_CLIENT_SECRET", DEMO_SERVER_SECRET);
        command.env("FITBIT_SIMULATOR", provider.uri());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the example can be run");
        let output = process.stdout.take().expect("it is piped");
        let errors = process.stderr.take().expect("it is piped");
        let (said, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).all(|line| said.send(line).is_ok())
        });
        let complaints = Arc::new(Mutex::new(String::new()));
        let heard = complaints.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                heard.lock().expect("nobody panics here").push_str(&(line + "\n"));
            }
        });
        let enter = process.stdin.take();
        Member { process, enter, lines, complaints, threads }
    }

    /// Has each thread make a request; what becomes of it is heard later.
    pub fn ask(&mut self) {
        let enter = self.enter.as_mut().expect("it has not been told to leave");
        enter.write_all(b"\n").expect("the example reads its input");
    }

    /// How many requests were answered of the oldest asking not heard of yet.
    pub fn answered(&mut self) -> usize {
        let line = self.lines.recv_timeout(LONG);
        let line = line.unwrap_or_else(|why| panic!("{why}\n{}", self.complaints()));
        let number = line.split(' ').next().and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("{line}"))
    }

    /// No request of that asking failed.
    pub fn must_be_answered(&mut self) {
        assert_eq!(self.answered(), self.threads, "{}", self.complaints());
    }

    /// Whether it is still busy with what it was asked.
    pub fn is_busy(&self) -> bool {
        self.lines.try_recv() == Err(TryRecvError::Empty)
    }

    /// What it wrote to stderr so far.
    pub fn complaints(&self) -> String {
        self.complaints.lock().expect("nobody panics here").clone()
    }

    /// Ends it as a crash does.
    pub fn kill(mut self) {
        self.process.kill().expect("it is running");
        self.process.wait().expect("it was started");
    }

    /// Has it end by itself, which frees its client.
    pub fn leave(mut self) {
        self.enter = None;
        let status = self.process.wait().expect("it was started");
        assert!(status.success(), "{status}\n{}", self.complaints());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
