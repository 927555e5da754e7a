//! Machines whose clock is wrong, or is set while a client lives: neither is every request a
//! renewal, nor is a dead token trusted for ever. A child program lives under a clock of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::{c, library};

use super::world::{DIALECT, PROFILE, provider, raw_token, saved_token, token_uri};

const HOUR: i64 = 3600;

fn source(name: &str) -> PathBuf {
    library::root().join("tests/renewal").join(name)
}

/// The program, and the library that is loaded before it, compiled once.
fn built() -> &'static (PathBuf, PathBuf) {
    static BUILT: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let name = format!("renewal_clock_program_{}", DIALECT.name);
        let program = c::build(&source("clock_program.c"), &name, &[]);
        let shim = program.path.with_extension("shim.so");
        let mut command = Command::new("cc");
        command.args(c::STRICT).args(["-shared", "-fPIC"]).arg(source("clock_shim.c"));
        let compiled = command.arg("-o").arg(&shim).status().expect("a C compiler is installed");
        assert!(compiled.success(), "{command:?}");
        (program.path, shim)
    })
}

/// The child program under its clock.
struct Machine {
    child: Child,
    answers: BufReader<ChildStdout>,
    offset: PathBuf,
}

impl Machine {
    /// Starts with this token, and with a clock so many seconds ahead of the real one.
    fn start(provider: &Simulator, token: &str, ahead: i64) -> Machine {
        static MACHINES: AtomicU32 = AtomicU32::new(0);
        let (program, shim) = built();
        let nth = MACHINES.fetch_add(1, Ordering::Relaxed);
        let offset =
            program.with_file_name(format!("clock_{}_{}_{nth}", DIALECT.name, std::process::id()));
        std::fs::write(&offset, ahead.to_string()).unwrap();
        let mut child = Command::new(program)
            .args([&DIALECT.provider.to_string(), &token_uri(provider), provider.uri()])
            .args([DIALECT.client_id, DIALECT.client_secret, token])
            .env("LD_PRELOAD", shim)
            .env("CLOCK_OFFSET_FILE", &offset)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Machine { child, answers, offset }
    }

    fn set_clock(&self, ahead: i64) {
        // In one step: the program may be reading it.
        let next = self.offset.with_extension("next");
        std::fs::write(&next, ahead.to_string()).unwrap();
        std::fs::rename(next, &self.offset).unwrap();
    }

    fn tell(&mut self, what: &str) -> String {
        writeln!(self.child.stdin.as_ref().unwrap(), "{what}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    fn get(&mut self, times: u32) {
        for _ in 0..times {
            assert_eq!(self.tell(PROFILE), "200");
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let ended = self.child.wait().expect("the program was started");
        let _ = std::fs::remove_file(&self.offset);
        if !std::thread::panicking() {
            assert!(ended.success(), "{ended}");
        }
    }
}

/// Requests so far: refresh, API.
fn sent(provider: &Simulator) -> (u64, u64) {
    (provider.requests(Target::Refresh), provider.requests(Target::Api))
}

#[test]
fn the_shim_sets_the_clock_of_the_library() {
    let provider = provider();
    let token = saved_token(&provider, HOUR);
    Machine::start(&provider, &token, 0).get(1);
    assert_eq!(provider.requests(Target::Refresh), 0);
    Machine::start(&provider, &token, 2 * HOUR).get(1);
    assert_eq!(provider.requests(Target::Refresh), 1, "or the other tests prove nothing");
}

#[test]
fn a_machine_hours_ahead_renews_once() {
    for ahead in [5 * HOUR, 24 * HOUR, 100 * 365 * 24 * HOUR] {
        let provider = provider();
        let mut machine = Machine::start(&provider, &saved_token(&provider, HOUR), ahead);
        machine.get(10);
        assert_eq!(sent(&provider), (1, 10), "{ahead} s ahead");
    }
}

#[test]
fn a_machine_hours_behind_learns_of_a_dead_token_from_the_401() {
    for behind in [5 * HOUR, 24 * HOUR, 70 * 365 * 24 * HOUR] {
        let provider = provider();
        let token = saved_token(&provider, -HOUR);
        provider.expire_access_tokens();
        let mut machine = Machine::start(&provider, &token, -behind);
        machine.get(10);
        assert_eq!(sent(&provider), (1, 11), "{behind} s behind");
    }
}

#[test]
fn a_clock_that_jumps_ahead_costs_one_renewal() {
    let provider = provider();
    let mut machine = Machine::start(&provider, &raw_token(&provider).to_string(), 0);
    machine.get(3);
    assert_eq!(sent(&provider), (1, 3));
    machine.set_clock(9 * HOUR);
    machine.get(5);
    assert_eq!(sent(&provider), (2, 8));
    // And back again: the token was received at a later time than it is now.
    machine.set_clock(0);
    machine.get(5);
    assert_eq!(sent(&provider), (2, 13));
    provider.expire_access_tokens();
    machine.get(5);
    assert_eq!(sent(&provider), (3, 19), "the 401 is the backstop");
}

#[test]
fn a_clock_that_is_set_back_does_not_lengthen_a_received_tokens_life() {
    let provider = provider();
    provider.settings(|settings| settings.token_life = 2);
    let mut machine = Machine::start(&provider, &raw_token(&provider).to_string(), 0);
    machine.get(1);
    machine.set_clock(-10 * HOUR);
    machine.get(1);
    assert_eq!(sent(&provider).0, 1);
    std::thread::sleep(Duration::from_millis(2100));
    provider.settings(|settings| settings.token_life = DIALECT.token_life.unsigned_abs());
    machine.get(1);
    // Renewed by the monotonic clock, ahead of the request: there was no 401.
    assert!(provider.log().iter().all(|entry| entry.status == 200));
    assert_eq!(sent(&provider).0, 2);
}

#[test]
fn a_clock_set_back_under_a_loaded_token_does_not_make_it_trusted_for_ever() {
    let provider = provider();
    let mut machine = Machine::start(&provider, &saved_token(&provider, HOUR), 0);
    machine.get(1);
    machine.set_clock(-30 * 24 * HOUR);
    machine.get(2);
    assert_eq!(sent(&provider), (0, 3));
    provider.expire_access_tokens();
    machine.get(3);
    assert_eq!(sent(&provider), (1, 7));
}

#[test]
fn a_clock_that_jumps_to_and_fro_does_not_renew_on_every_request() {
    let provider = provider();
    let mut machine = Machine::start(&provider, &raw_token(&provider).to_string(), 0);
    let eighth = DIALECT.token_life / 8;
    for jump in [0, 1, -1, 2, -2, 7, -7] {
        machine.set_clock(jump * eighth);
        machine.get(2);
    }
    assert_eq!(sent(&provider).0, 1, "none of them is as long as a token's life");
    assert_eq!(machine.tell("refresh"), "renewed");
}
