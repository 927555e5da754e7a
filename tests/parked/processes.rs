//! Parked renewals of a C program: time that passes, forks, kills, descriptors.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use fitbit_test_support::{c, library};
use serde_json::Value;

use crate::endpoint::{Cut, Endpoint, Gate, Kind, Plan, Until, identity};
use crate::scene::{Call, Keeper, Login, each, has_the_token, private_file, text, wait_for};

const KINDS: [Kind; 3] = [Kind::Google, Kind::GoogleSingleUse, Kind::Fitbit];

/// The program, and what sets its clocks, compiled once.
fn built() -> &'static (PathBuf, PathBuf) {
    static BUILT: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = |name: &str| library::root().join("tests/parked").join(name);
        let program = c::build(&source("driver.c"), "parked_driver", &["-g"]);
        let shim = program.path.with_extension("shim.so");
        let mut command = Command::new("cc");
        command.args(c::STRICT).args(["-shared", "-fPIC"]).arg(source("clock_shim.c"));
        let compiled = command.arg("-o").arg(&shim).status().expect("a C compiler is installed");
        assert!(compiled.success(), "{command:?}");
        (program.path, shim)
    })
}

/// The program, running.
struct Driver {
    child: Child,
    says: BufReader<ChildStdout>,
    told: Option<ChildStdin>,
    clock: PathBuf,
}

impl Driver {
    fn start(endpoint: &Endpoint, tokens: &[String]) -> Driver {
        let (program, shim) = built();
        let clock = private_file("0");
        let row = endpoint.kind.provider();
        let token_endpoint = format!("{}{}", endpoint.origin, row.oauth_paths[1]);
        let is_tls = endpoint.origin.starts_with("https");
        let ca = if is_tls { identity().1.as_os_str().to_owned() } else { "".into() };
        let mut child = Command::new(program)
            .args([&row.number.to_string(), &token_endpoint, &endpoint.origin])
            .args([row.client_id, row.client_secret])
            .args([ca, row.profile.into()])
            .args(tokens)
            .env("LD_PRELOAD", shim)
            .env("CLOCK_OFFSET_FILE", &clock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be run");
        let says = BufReader::new(child.stdout.take().expect("it is piped"));
        let told = child.stdin.take();
        Driver { child, says, told, clock }
    }

    fn tell(&mut self, line: &str) -> String {
        writeln!(self.told.as_ref().unwrap(), "{line}").unwrap();
        self.hear()
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    #[track_caller]
    fn must(&mut self, line: &str) {
        assert_eq!(self.tell(line), "ok", "{line}");
    }

    /// A call of this login that is cut at the end of its time.
    #[track_caller]
    fn park(&mut self, number: usize) {
        self.must(&format!("timeout {number} 1000"));
        assert_eq!(self.tell(&format!("get {number}")), "FITBIT_ERROR_TIMEOUT");
        self.must(&format!("timeout {number} 0"));
    }

    fn token(&mut self, number: usize) -> Value {
        serde_json::from_str(&self.tell(&format!("token {number}"))).unwrap()
    }

    fn set_clock(&self, ahead: u64) {
        // In one step: the program may be reading it.
        let next = self.clock.with_extension("next");
        std::fs::write(&next, ahead.to_string()).unwrap();
        std::fs::rename(next, &self.clock).unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.told.take());
        if thread::panicking() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// So many logins, and the program with them. The first one's response is cut.
fn driven(kind: Kind, is_tls: bool, logins: usize) -> (Endpoint, Driver, Vec<String>, Arc<Gate>) {
    let endpoint = Endpoint::with(kind, is_tls).repeating();
    let tokens: Vec<_> = (0..logins).map(|_| endpoint.token(-10)).collect();
    let gate = Gate::new();
    endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
    let driver = Driver::start(&endpoint, &tokens);
    (endpoint, driver, tokens, gate)
}

#[test]
fn a_parked_response_that_is_younger_than_half_a_minute_is_used() {
    each(&KINDS, KINDS.len(), |&kind| {
        let (endpoint, mut driver, tokens, gate) = driven(kind, false, 1);
        driver.park(0);
        driver.set_clock(27);
        gate.open();
        driver.must("get 0");
        assert_eq!(endpoint.requests(), 1, "{kind:?}");
        let first: Value = serde_json::from_str(&tokens[0]).unwrap();
        let (access_token, _) = endpoint.successor(text(&first, "refresh_token")).unwrap();
        assert_eq!(text(&driver.token(0), "access_token"), access_token);
    });
}

#[test]
fn a_parked_response_that_is_older_than_half_a_minute_is_asked_for_again() {
    each(&KINDS, KINDS.len(), |&kind| {
        let (endpoint, mut driver, _, gate) = driven(kind, false, 1);
        driver.park(0);
        driver.set_clock(31);
        gate.open();
        driver.must("get 0");
        assert_eq!(endpoint.requests(), 2, "{kind:?}");
        wait_for(|| !endpoint.asked()[0].is_open());
    });
}

/// No thread waits for that; any call of the application will do.
#[test]
fn an_old_parked_connection_is_closed_by_the_next_call_of_the_application() {
    each(&KINDS, KINDS.len(), |&kind| {
        let (endpoint, mut driver, ..) = driven(kind, false, 2);
        driver.park(0);
        driver.must("get 1");
        assert!(endpoint.asked()[0].is_open(), "{kind:?}: it is young");
        driver.set_clock(27);
        driver.must("get 1");
        assert!(endpoint.asked()[0].is_open(), "{kind:?}: it is young");
        driver.set_clock(32);
        driver.must("get 1");
        wait_for(|| !endpoint.asked()[0].is_open());
    });
}

/// Half a minute of the real clock.
#[test]
fn a_parked_connection_is_open_for_half_a_minute() {
    let (endpoint, mut driver, _, gate) = driven(Kind::Google, false, 2);
    driver.park(0);
    thread::sleep(Duration::from_secs(1));
    driver.must("get 1");
    assert!(endpoint.asked()[0].is_open());
    if std::env::var_os("FITBIT_LONG").is_none() {
        return;
    }
    thread::sleep(Duration::from_secs(26));
    driver.must("get 1");
    assert!(endpoint.asked()[0].is_open());
    thread::sleep(Duration::from_secs(5));
    driver.must("get 1");
    wait_for(|| !endpoint.asked()[0].is_open());
    gate.open();
    let asked = endpoint.requests();
    driver.must("get 0");
    assert_eq!(endpoint.requests(), asked + 1);
}

#[test]
fn an_application_has_eight_parked_sockets_at_most() {
    let endpoint = Endpoint::new(Kind::Google);
    let tokens: Vec<_> = (0..50).map(|_| endpoint.token(-10)).collect();
    endpoint.always(Plan::silent());
    let mut driver = Driver::start(&endpoint, &tokens);
    let mut most = 0;
    for number in 0..50 {
        let before = endpoint.requests();
        let mut time = 60;
        // A busy machine may not get to the request in time.
        while endpoint.requests() == before {
            assert_eq!(driver.tell(&format!("abort_in {number} {time}")), "FITBIT_ERROR_CANCELLED");
            time *= 2;
        }
        most = most.max(driver.tell("sockets").parse::<i32>().unwrap());
    }
    println!("50 logins: at most {most} sockets");
    assert_eq!(most, 8);
    wait_for(|| endpoint.open() == 8);
    endpoint.heal();
    for number in 0..50 {
        driver.must(&format!("free {number}"));
    }
    wait_for(|| endpoint.open() == 0);
}

/// The child asks itself. What it does with its copy of the connection does not disturb its parent.
#[test]
fn a_forked_child_does_not_use_what_its_parent_has_parked() {
    for kind in KINDS {
        for is_tls in [false, true] {
            let what = format!("{kind:?}, TLS: {is_tls}");
            let (endpoint, mut driver, tokens, gate) = driven(kind, is_tls, 1);
            driver.park(0);
            driver.must("child_free 0");
            driver.must("child 0");
            assert_eq!(endpoint.requests(), 2, "{what}");
            assert!(endpoint.asked()[0].is_open(), "{what}");
            assert_eq!(endpoint.asked()[0].sent_too_early(), 0, "{what}");
            gate.open();
            driver.must("child 0");
            assert_eq!(endpoint.requests(), 3, "{what}");
            driver.must("get 0");
            assert_eq!(endpoint.requests(), 3, "{what}: the parent has it still");
            let first: Value = serde_json::from_str(&tokens[0]).unwrap();
            let issued = endpoint.successor(text(&first, "refresh_token")).unwrap();
            if kind.is_single_use() {
                assert_eq!(text(&driver.token(0), "access_token"), issued.0, "{what}");
            }
        }
    }
}

#[test]
fn a_child_that_is_forked_in_a_callback_does_not_use_what_its_parent_has_parked() {
    for kind in KINDS {
        for is_tls in [false, true] {
            let what = format!("{kind:?}, TLS: {is_tls}");
            let (endpoint, mut driver, _, gate) = driven(kind, is_tls, 2);
            driver.park(0);
            gate.open();
            driver.must("callback_child 0 1");
            // The child's word, and then the parent's.
            assert_eq!(driver.hear(), "ok", "{what}");
            assert_eq!(endpoint.requests(), 3, "{what}: the other login's, and the child's");
            driver.must("get 0");
            assert_eq!(endpoint.requests(), 3, "{what}");
        }
    }
}

/// The file says that the refresh token is possibly used, until the token is there.
#[test]
fn a_process_that_is_killed_with_a_parked_renewal_leaves_the_renewal_marker() {
    for kind in [Kind::Fitbit, Kind::GoogleSingleUse] {
        let endpoint = Endpoint::new(kind).repeating();
        let token = endpoint.token(-10);
        let path = private_file(&token);
        let gate = Gate::new();
        endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
        let mut driver = Driver::start(&endpoint, &[path.to_str().unwrap().to_owned()]);
        driver.park(0);
        let stored = |path: &PathBuf| -> Value {
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        assert!(stored(&path).get("renewing_since").is_some(), "{kind:?}");
        driver.kill();
        wait_for(|| endpoint.open() == 0);
        let mut next = Driver::start(&endpoint, &[path.to_str().unwrap().to_owned()]);
        next.must("get 0");
        assert_eq!(endpoint.requests(), 2, "{kind:?}");
        assert!(stored(&path).get("renewing_since").is_none(), "{kind:?}");
        let first: Value = serde_json::from_str(&token).unwrap();
        let (access_token, _) = endpoint.successor(text(&first, "refresh_token")).unwrap();
        assert_eq!(text(&stored(&path), "access_token"), access_token, "{kind:?}");
    }
}

/// The parked response takes the marker away.
#[test]
fn a_parked_renewal_that_is_read_removes_the_renewal_marker() {
    for kind in KINDS {
        let endpoint = Endpoint::new(kind);
        let app = endpoint.app();
        let login = Login::expired(&app, &endpoint, Keeper::File);
        let gate = Gate::new();
        endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
        crate::scene::cut(&app, &endpoint, &login, crate::scene::By::Time);
        gate.open();
        login.on().call(Call::Refresh).unwrap();
        let stored: Value =
            serde_json::from_str(&std::fs::read_to_string(login.path()).unwrap()).unwrap();
        assert!(stored.get("renewing_since").is_none(), "{kind:?}");
        has_the_token(&endpoint, &login);
    }
}
