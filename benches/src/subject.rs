//! A subject is a program that does one operation as often as it is told: it reads counts from its
//! standard input, a line each, and answers each with the nanoseconds that they took.
//!
//! Two instruments use that. [`instructions`] runs it under callgrind for two lengths; the
//! difference leaves out start, connection and warming up, and no noise can touch it.
//! [`race`] keeps all subjects running and lets them take turns, so that whatever else the machine
//! does falls on all of them alike; only ratios within one round are looked at.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::row::median;

/// Rounds of a race, and so pairs behind each ratio.
pub const ROUNDS: usize = 11;

/// How long one turn of a race should take at least: long beside a scheduler's slice.
const TURN: u64 = 40_000_000;

/// Longest first guess of how many operations a turn has.
const MOST: u64 = 200_000;

#[derive(Clone, Debug)]
pub struct Subject {
    pub name: String,
    command: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    most: u64,
}

impl Subject {
    pub fn new(name: &str, program: &Path) -> Subject {
        Subject {
            name: name.to_owned(),
            command: vec![program.as_os_str().to_owned()],
            environment: Vec::new(),
            most: MOST,
        }
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Subject {
        self.command.push(arg.into());
        self
    }

    pub fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Subject {
        self.environment.push((name, value.into()));
        self
    }

    /// The most operations in one turn.
    pub fn at_most(mut self, operations: u64) -> Subject {
        self.most = operations;
        self
    }

    pub fn command(&self, before: &[&str]) -> Command {
        let words: Vec<_> = before.iter().map(OsString::from).chain(self.command.clone()).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        // A proxy of this machine is none of the bench's business.
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.envs(self.environment.clone());
        command
    }
}

/// Instructions for one operation. Start, connection and warming up are in both runs.
pub fn instructions(subject: &Subject, short: u64, long: u64) -> u64 {
    let count = |operations| callgrind(subject, operations, Path::new("/dev/null"));
    count(long).saturating_sub(count(short)) / (long - short)
}

/// What callgrind counts in one run of so many operations; it writes what it saw to `out`.
pub fn callgrind(subject: &Subject, operations: u64, out: &Path) -> u64 {
    let out = format!("--callgrind-out-file={}", out.display());
    let mut command = subject.command(&["valgrind", "--tool=callgrind", &out]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("valgrind is installed");
    let mut input = child.stdin.take().expect("it is piped");
    writeln!(input, "{operations}").expect("the subject reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {report}", subject.name);
    let line = report.lines().find(|line| line.contains("Collected :")).expect("a count");
    line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}

/// Each subject's time for one operation over the first one's: the median of [`ROUNDS`] rounds in
/// which all take a turn, every other round in reverse.
pub fn race(subjects: &[Subject]) -> Vec<f64> {
    race_for(ROUNDS, subjects)
}

/// The same over as many rounds as are wanted.
pub fn race_for(rounds: usize, subjects: &[Subject]) -> Vec<f64> {
    let mut running: Vec<_> = subjects.iter().map(Running::start).collect();
    for runner in &mut running {
        runner.find_turn();
    }
    let mut ratios = vec![Vec::new(); subjects.len()];
    for round in 0..rounds {
        let mut times = vec![0.0; subjects.len()];
        let order: Vec<_> = (0..subjects.len()).collect();
        for at in if round % 2 == 0 { order } else { order.into_iter().rev().collect() } {
            times[at] = running[at].turn();
        }
        for (ratios, time) in ratios.iter_mut().zip(&times) {
            ratios.push(time / times[0]);
        }
    }
    ratios.into_iter().map(median).collect()
}

/// A subject that waits for its turn.
pub struct Running {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    operations: u64,
    most: u64,
}

impl Running {
    pub fn start(subject: &Subject) -> Running {
        let mut command = subject.command(&[]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", subject.name));
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Running {
            name: subject.name.clone(),
            child,
            input,
            output,
            operations: 1,
            most: subject.most,
        }
    }

    /// Nanoseconds that so many operations took.
    pub fn run(&mut self, operations: u64) -> u64 {
        let input = self.input.as_mut().expect("it is open until the end");
        writeln!(input, "{operations}").expect("the subject reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the subject writes");
        line.trim().parse().unwrap_or_else(|_| panic!("{} failed: {line:?}", self.name))
    }

    /// As many operations as a turn needs; it is warm afterwards.
    fn find_turn(&mut self) {
        self.run(1);
        loop {
            let time = self.run(self.operations);
            if time >= TURN || self.operations >= self.most {
                return;
            }
            let wanted = self.operations * TURN / time.max(1) + 1;
            self.operations =
                wanted.clamp(self.operations + 1, self.operations * 10).min(self.most);
        }
    }

    /// Nanoseconds for one operation.
    fn turn(&mut self) -> f64 {
        self.run(self.operations) as f64 / self.operations as f64
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.input.take()); // its input ends, and so does it
        let _ = self.child.wait();
    }
}

/// How much of a subject's time this process, which is the server, was working.
pub fn server_share(subject: &Subject) -> f64 {
    let mut running = Running::start(subject);
    running.find_turn();
    let operations = running.operations * 10;
    let before = own_cpu_time();
    let time = running.run(operations);
    (own_cpu_time() - before) / (time as f64 / 1e9)
}

/// Seconds of CPU that this process has used, in hundredths.
fn own_cpu_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux says");
    let (_, fields) = stat.rsplit_once(')').expect("the name ends");
    let ticks: Vec<u64> =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    ticks.iter().sum::<u64>() as f64 / 100.0
}
