//! The C program `get.c`: a client in a process of its own, for what a library takes from the
//! environment.

use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use fitbit_test_support::{c, library};

/// What the program reports of its request.
#[derive(Debug)]
pub struct Report {
    /// 0: it succeeded.
    pub code: u32,
    pub status: u16,
    pub message: String,
    pub milliseconds: u64,
}

/// One GET to `api`, with nothing in the environment but what `set` sets.
pub fn get(api: &str, set: &[(&str, &str)]) -> Report {
    get_at(api, api, set)
}

/// The same, with the token endpoint elsewhere.
pub fn get_at(api: &str, token: &str, set: &[(&str, &str)]) -> Report {
    run(command(api, token).envs(set.iter().copied()))
}

/// The program, ready to run in an environment that is empty.
pub fn command(api: &str, token: &str) -> Command {
    static PROGRAM: OnceLock<c::Program> = OnceLock::new();
    let source = library::root().join("tests/requests/get.c");
    let program = PROGRAM.get_or_init(|| c::build(&source, "requests_get", &[]));
    let mut command = program.command();
    command.env_clear().args([api, token]);
    command
}

pub fn run(command: &mut Command) -> Report {
    report(command.output().expect("the program can be run"))
}

/// Runs it, but no longer than this: what hangs is a failure and not a wait.
pub fn run_for(command: &mut Command, longest: Duration) -> Report {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be run");
    let end = Instant::now() + longest;
    while child.try_wait().expect("it is our child").is_none() {
        if Instant::now() > end {
            child.kill().expect("it is our child");
            child.wait().expect("it is our child");
            panic!("it hangs: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    report(child.wait_with_output().expect("it has ended"))
}

fn report(output: Output) -> Report {
    let printed = c::succeeded(output);
    let mut lines = printed.lines();
    let mut number = || lines.next().and_then(|line| line.parse::<u64>().ok()).expect("a number");
    let (code, status, milliseconds) = (number(), number(), number());
    Report {
        code: code as u32,
        status: status as u16,
        message: lines.collect::<Vec<_>>().join("\n"),
        milliseconds,
    }
}
