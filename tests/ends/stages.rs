//! Where a call can be when it is ended, and every way to end it: the C program `stages`, once for each
//! pair.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use fitbit_simulator::{Decision, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{DIALECT, app, provider, saved_token};
use fitbit_test_support::{c, library};

use crate::files::{lock_beside, token_file};
use crate::silent::{Silent, Step, Then, Until};

/// What the bar allows. The median of all has to be below it; one alone may be late on a busy machine.
const BAR_US: u64 = 100_000;

/// Nothing else ends these calls before half a minute.
const SOON_US: u64 = 5_000_000;

/// A token for a server that takes every one, good until 2100; and one that has expired.
const TOKEN: &str = r#"{"access_token":"an.access.token","refresh_token":"a-refresh-token","user_id":"26FWFL","expires_at":4102444800}"#;
const EXPIRED: &str = r#"{"access_token":"an.access.token","refresh_token":"a-refresh-token","user_id":"26FWFL","expires_at":1000000000}"#;

/// The ways to end a call of a client.
const OF_A_CLIENT: [&str; 5] =
    ["abort", "shutdown", "handler_in_the_call", "handler_elsewhere", "cancel"];
/// The ways to end a call that takes an app.
const OF_AN_APP: [&str; 5] =
    ["app_abort", "shutdown", "handler_in_the_call", "handler_elsewhere", "cancel"];

/// What a stage needs outside of the program.
struct Place {
    arguments: Vec<String>,
    server: Option<Silent>,
    /// Conversations that come to the point before the call is where it should be.
    conversations: usize,
    /// What is done between "ready" and the call.
    before: Box<dyn FnOnce() -> Box<dyn Any>>,
    /// Returns when the call is there, where no server says it.
    reached: Box<dyn Fn()>,
    /// Look-ups that the system cannot end.
    threads_left: i64,
    /// Connections that stay with the login.
    sockets_left: i64,
}

struct Stage {
    name: &'static str,
    call: &'static str,
    place: fn() -> Place,
    /// What a call on a living handle says here.
    alive: &'static [&'static str],
    /// Whether the call's own timeout ends it.
    has_timeout: bool,
}

impl Stage {
    fn endings(&self) -> impl Iterator<Item = &'static str> + use<> {
        let all = if self.is_of_an_app() { OF_AN_APP } else { OF_A_CLIENT };
        all.into_iter().chain(self.has_timeout.then_some("timeout"))
    }

    fn is_of_an_app(&self) -> bool {
        ["step_two", "login", "from_file"].contains(&self.call)
    }
}

fn place(arguments: &[&str]) -> Place {
    Place {
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        server: None,
        conversations: 1,
        before: Box::new(|| Box::new(())),
        reached: Box::new(|| ()),
        threads_left: 0,
        sockets_left: 0,
    }
}

const NOWHERE: &str = "https://nowhere.example";
const NAMED: &str = "https://192.0.2.1";

/// A callback URI whose port was free a moment ago.
fn free_callback() -> String {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/callback")
}

/// The program's endpoints are both here.
fn at(uri: &str, login: &str) -> Place {
    let token = format!("token={uri}/oauth2/token");
    let (api, login) = (format!("api={uri}"), format!("login={login}"));
    place(&[&token, &api, &login, &format!("callback={}", free_callback())])
}

fn silent_at(scheme: &str, steps: &'static [Step], then: Then, login: &str) -> Place {
    let server = Silent::after(steps, then);
    let uri = format!("{scheme}://{}", server.address);
    Place { server: Some(server), ..at(&uri, login) }
}

fn silent_proxy(scheme: &str, steps: &'static [Step]) -> Place {
    let server = Silent::after(steps, Then::Reads);
    let mut place = at(NAMED, TOKEN);
    place.arguments.push(format!("proxy={scheme}://{}", server.address));
    Place { server: Some(server), ..place }
}

fn resolve() -> Place {
    let mut place = at(NOWHERE, TOKEN);
    place.arguments.push("nowhere=1".to_owned());
    Place { threads_left: 1, ..place }
}

fn connect() -> Place {
    let full = TcpListener::bind("127.0.0.1:0").expect("a free port");
    // One connection may wait to be accepted; the next one's first packet is dropped.
    assert_eq!(unsafe { libc::listen(full.as_raw_fd(), 0) }, 0);
    let address = full.local_addr().expect("it is bound");
    let waiting = TcpStream::connect(address).expect("there is room for one");
    Place {
        before: Box::new(move || Box::new((full, waiting))),
        ..at(&format!("http://{address}"), TOKEN)
    }
}

fn connect_method() -> Place {
    silent_proxy("http", &[(Until::EmptyLine, b"")])
}

fn socks_greeting() -> Place {
    silent_proxy("socks5", &[(Until::Bytes(3), b"")])
}

fn socks_request() -> Place {
    silent_proxy("socks5", &[(Until::Bytes(3), &[5, 0]), (Until::Bytes(10), b"")])
}

fn tls() -> Place {
    silent_at("https", &[(Until::Bytes(5), b"")], Then::Reads, TOKEN)
}

fn tls_of_a_renewal() -> Place {
    silent_at("https", &[(Until::Bytes(5), b"")], Then::Reads, EXPIRED)
}

fn tls_in_a_proxy() -> Place {
    const CONNECTED: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
    silent_proxy("http", &[(Until::EmptyLine, CONNECTED), (Until::Bytes(5), b"")])
}

fn sending() -> Place {
    silent_at("http", &[(Until::EmptyLine, b"")], Then::ReadsNothing, TOKEN)
}

fn no_response() -> Place {
    silent_at("http", &[(Until::EmptyLine, b"")], Then::Reads, TOKEN)
}

fn half_a_body() -> Place {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{";
    silent_at("http", &[(Until::EmptyLine, HALF)], Then::Reads, TOKEN)
}

fn a_dripping_body() -> Place {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{";
    silent_at("http", &[(Until::EmptyLine, HALF)], Then::Drips, TOKEN)
}

fn no_response_over_tls() -> Place {
    let provider = Simulator::builder().tls(true).start().expect("the simulator starts");
    provider.fault(Fault::always(Target::Api, FaultKind::StallBeforeAnswer));
    let ca = token_file(provider.ca_pem());
    let mut place = at(provider.uri(), &saved_token(&provider, 20_000));
    place.arguments.push(format!("ca={}", ca.display()));
    simulated(provider, place, |provider| provider.max_in_flight(Target::Api) > 0)
}

fn rate_limit() -> Place {
    const LIMITED: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 600\r\n\
        Connection: close\r\nContent-Length: 2\r\n\r\n{}";
    let mut place = silent_at("http", &[(Until::EmptyLine, LIMITED)], Then::Reads, TOKEN);
    place.arguments.push("wait=1000".to_owned());
    place
}

/// Of Google, whose refresh tokens are not single-use. The next call would read on there.
fn a_response_to_a_renewal() -> Place {
    let mut place = silent_at("http", &[(Until::EmptyLine, b"")], Then::Reads, EXPIRED);
    place.arguments.push("google=1".to_owned());
    Place { sockets_left: 1, ..place }
}

fn half_a_response_to_a_renewal() -> Place {
    const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{";
    let mut place = silent_at("http", &[(Until::EmptyLine, HALF)], Then::Reads, EXPIRED);
    place.arguments.push("google=1".to_owned());
    Place { sockets_left: 1, ..place }
}

/// The pause before the last of four requests is about a second.
fn a_renewals_pause() -> Place {
    const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    let place = silent_at("http", &[(Until::EmptyLine, BUSY)], Then::Reads, EXPIRED);
    Place { conversations: 3, ..place }
}

fn a_files_lock() -> Place {
    let path = token_file(EXPIRED);
    let mut place = no_response();
    place.arguments.push(format!("file={}", path.display()));
    Place { server: None, before: Box::new(move || Box::new(held(&path))), ..place }
}

fn held(path: &std::path::Path) -> File {
    let (lock, _) = lock_beside(path);
    lock.lock().expect("nobody else has it");
    lock
}

fn another_threads_renewal() -> Place {
    let provider = provider();
    provider.fault(Fault::always(Target::Refresh, FaultKind::Latency(4000)));
    let mut place = at(provider.uri(), &saved_token(&provider, -10));
    place.arguments.push("leader=1".to_owned());
    let before = move || {
        while provider.max_in_flight(Target::Refresh) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        Box::new(provider) as Box<dyn Any>
    };
    Place { before: Box::new(before), ..place }
}

/// Nobody comes back from it. The server is for the calls that come later.
fn the_browser() -> Place {
    let mut place = no_response();
    let server = place.server.take();
    Place { before: Box::new(move || Box::new(server)), ..place }
}

/// A stage at the simulator.
fn simulated(provider: Simulator, place: Place, is_there: fn(&Simulator) -> bool) -> Place {
    let provider = std::rc::Rc::new(provider);
    let kept = provider.clone();
    Place {
        before: Box::new(move || Box::new(kept)),
        reached: Box::new(move || {
            while !is_there(&provider) {
                thread::sleep(Duration::from_millis(1));
            }
        }),
        ..place
    }
}

const fn stage(name: &'static str, call: &'static str, place: fn() -> Place) -> Stage {
    Stage { name, call, place, alive: &["TIMEOUT"], has_timeout: true }
}

const STAGES: [Stage; 34] = [
    stage("look-up of a name", "get", resolve),
    stage("look-up of a name", "step_two", resolve),
    stage("connecting", "get", connect),
    stage("connecting", "refresh", connect),
    stage("connecting", "step_two", connect),
    stage("proxy: CONNECT", "get", connect_method),
    stage("proxy: CONNECT", "step_two", connect_method),
    stage("proxy: SOCKS greeting", "get", socks_greeting),
    stage("proxy: SOCKS request", "get", socks_request),
    stage("proxy: SOCKS request", "step_two", socks_request),
    stage("TLS handshake", "get", tls),
    stage("TLS handshake", "refresh", tls),
    stage("TLS handshake", "revoke", tls),
    stage("TLS handshake of a renewal", "get", tls_of_a_renewal),
    stage("TLS handshake", "step_two", tls),
    stage("TLS handshake inside a proxy", "get", tls_in_a_proxy),
    stage("TLS handshake inside a proxy", "step_two", tls_in_a_proxy),
    stage("sending", "post", sending),
    stage("no response", "get", no_response),
    stage("half a body", "get", half_a_body),
    stage("a dripping body", "get", a_dripping_body),
    stage("no response to a renewal", "get", a_response_to_a_renewal),
    stage("no response to a renewal", "refresh", a_response_to_a_renewal),
    stage("half a response to a renewal", "get", half_a_response_to_a_renewal),
    stage("half a response to a renewal", "refresh", half_a_response_to_a_renewal),
    stage("no response over TLS", "get", no_response_over_tls),
    Stage {
        // A busy machine may take longer than the little time that they have.
        alive: &["RATE_LIMITED", "TIMEOUT"],
        has_timeout: false,
        ..stage("waiting for the rate limit", "get", rate_limit)
    },
    Stage {
        alive: &["TIMEOUT", "HTTP"],
        has_timeout: false,
        ..stage("a renewal's pause", "get", a_renewals_pause)
    },
    stage("a file's lock", "get", a_files_lock),
    stage("a file's lock", "refresh", a_files_lock),
    stage("another thread's renewal", "get", another_threads_renewal),
    stage("another thread's renewal", "refresh", another_threads_renewal),
    stage("another thread's renewal", "revoke", another_threads_renewal),
    stage("the browser", "login", the_browser),
];

/// The program, running.
struct Program {
    child: Child,
    says: BufReader<ChildStdout>,
    told: ChildStdin,
}

impl Program {
    fn start(arguments: &[String]) -> Program {
        static PROGRAM: OnceLock<c::Program> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| {
            c::build(&library::root().join("tests/ends/stages.c"), "ends_stages", &["-g", "-ldl"])
        });
        let mut command = program.command();
        let piped = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().expect("the program can be run");
        let says = BufReader::new(child.stdout.take().expect("it is piped"));
        let told = child.stdin.take().expect("it is piped");
        Program { child, says, told }
    }

    /// The words of its next line; none: it is no more.
    fn words(&mut self) -> Vec<String> {
        let mut line = String::new();
        self.says.read_line(&mut line).expect("programs print UTF-8");
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn hear(&mut self, expected: &str) -> Result<(), String> {
        let words = self.words();
        if words == [expected] { Ok(()) } else { Err(format!("{words:?} in place of {expected}")) }
    }

    fn tell(&mut self) -> Result<(), String> {
        writeln!(self.told, "go on").map_err(|why| why.to_string())
    }

    /// Every line to the end.
    fn rest(mut self) -> Result<BTreeMap<String, Vec<String>>, String> {
        let mut all = BTreeMap::new();
        loop {
            let mut words = self.words().into_iter();
            let Some(first) = words.next() else { break };
            all.insert(first, words.collect());
        }
        let status = self.child.wait().map_err(|why| why.to_string())?;
        if status.success() { Ok(all) } else { Err(format!("{status}: {all:?}")) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the program printed.
struct Said(BTreeMap<String, Vec<String>>);

impl Said {
    fn word(&self, line: &str) -> &str {
        self.0.get(line).and_then(|words| words.first()).map_or("nothing", String::as_str)
    }

    fn number(&self, line: &str) -> i64 {
        self.word(line).parse().unwrap_or(i64::MAX)
    }

    /// The microseconds of a call.
    fn took(&self, line: &str) -> u64 {
        let micros = self.0.get(line).and_then(|words| words.get(1)?.parse::<i64>().ok());
        // What came before its time is no delay.
        micros.map_or(u64::MAX, |micros| u64::try_from(micros).unwrap_or(0))
    }
}

/// One call at one stage, ended in one way.
fn run(stage: &Stage, ending: &str) -> Result<Said, String> {
    let mut place = (stage.place)();
    place.arguments.extend([format!("call={}", stage.call), format!("ending={ending}")]);
    let mut program = Program::start(&place.arguments);
    program.hear("ready")?;
    let kept = (place.before)();
    program.tell()?;
    if ending != "timeout" {
        program.hear("running")?;
        if let Some(server) = &place.server {
            server.wait_for(place.conversations);
        }
        (place.reached)();
        // It cannot be seen from outside when the call waits.
        thread::sleep(Duration::from_millis(100));
        program.tell()?;
    }
    if let Some(server) = &place.server {
        // Until the call is over, what was sent has to wait.
        thread::sleep(Duration::from_millis(500));
        server.read_on();
    }
    let said = program.rest().map(Said)?;
    for _ in 0..place.conversations {
        if place.server.as_ref().is_some_and(|server| !server.is_left()) {
            return Err("the server still has a connection".to_owned());
        }
    }
    for (what, left) in [("sockets", place.sockets_left), ("threads", place.threads_left)] {
        if said.number(what) > left {
            return Err(format!("{} more {what} after the call", said.number(what)));
        }
    }
    drop(kept);
    Ok(said)
}

/// The call that was ended, and those that come later.
fn judge(stage: &Stage, ending: &str, said: &Said) -> Result<(), String> {
    let expect = |line: &str, codes: &[&str]| {
        let code = said.word(line);
        let right = codes.contains(&code);
        if right { Ok(()) } else { Err(format!("{line}: {code} in place of {codes:?}")) }
    };
    let at_once = |line: &str| {
        expect(line, &["CANCELLED"])?;
        let took = said.took(line);
        if took < SOON_US { Ok(()) } else { Err(format!("{line} took {took} us")) }
    };
    expect("ended", if ending == "timeout" { &["TIMEOUT"] } else { &["CANCELLED"] })?;
    if said.took("ended") > SOON_US {
        return Err(format!("it took {} us", said.took("ended")));
    }
    let (alive, later): (&[&str], _) = if stage.is_of_an_app() {
        (&["TIMEOUT"], vec!["other", "later", "client"])
    } else {
        (stage.alive, vec!["other", "later"])
    };
    match ending {
        "abort" | "app_abort" => {
            at_once("same")?;
            later.iter().try_for_each(|line| expect(line, alive))
        }
        "cancel" | "timeout" => {
            expect("same", alive)?;
            later.iter().try_for_each(|line| expect(line, alive))
        }
        _ => {
            at_once("same")?;
            later.iter().try_for_each(|line| at_once(line))
        }
    }?;
    if said.0.contains_key("leader") {
        // Its request was sent: the token is saved, whatever the call then says.
        let codes: &[&str] = match ending {
            "abort" | "timeout" => &["OK"],
            _ => &["CANCELLED"],
        };
        expect("leader", codes)?;
        expect("offered", &["1"])?;
        expect("is_newest", &["1"])?;
    }
    expect("over", &["nothing"])
}

/// Every pair of a list, four at a time: most of their time passes in waiting.
fn each<T: Send>(pairs: Vec<T>, run: impl Fn(T) -> Result<(), String> + Sync) {
    let (pairs, wrong) = (Mutex::new(VecDeque::from(pairs)), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Where everything is wrong, a few show it.
                while wrong.lock().unwrap().len() < 30 {
                    let Some(pair) = pairs.lock().unwrap().pop_front() else { return };
                    if let Err(why) = run(pair) {
                        wrong.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

/// How long it took from each ending to the call's return: the figures are printed, and the median of
/// all of them is what the bar allows.
fn within_the_bar(took: &Mutex<BTreeMap<&'static str, Vec<u64>>>) {
    let figures = |mut all: Vec<u64>| {
        all.sort_unstable();
        let (half, last) = (all[all.len() / 2], all[all.len() - 1]);
        (format!("{:3} calls, median {half} us, maximum {last} us", all.len()), half)
    };
    let took = took.lock().unwrap();
    let mut out = std::io::stderr();
    for (ending, all) in &*took {
        let _ = writeln!(out, "ENDED by {ending}: {}", figures(all.clone()).0);
    }
    let (text, median) = figures(took.values().flatten().copied().collect());
    let _ = writeln!(out, "ENDED by any: {text}");
    assert!(median < BAR_US, "{text}");
}

#[test]
fn every_ending_ends_a_call_at_every_stage() {
    let mut pairs = Vec::new();
    for stage in &STAGES {
        pairs.extend(stage.endings().map(|ending| (stage, ending)));
    }
    let took = Mutex::new(BTreeMap::<&str, Vec<u64>>::new());
    each(pairs, |(stage, ending)| {
        let said = run(stage, ending);
        let said = said.and_then(|said| judge(stage, ending, &said).map(|()| said));
        let said =
            said.map_err(|why| format!("{}, {}, {ending}: {why}", stage.name, stage.call))?;
        took.lock().unwrap().entry(ending).or_default().push(said.took("ended"));
        Ok(())
    });
    within_the_bar(&took);
}

/// What is single-use, or cannot be repeated, is finished once it was sent.
struct Exception {
    call: &'static str,
    target: Target,
    expires_in: i64,
    outcome: &'static str,
}

const EXCEPTIONS: [Exception; 4] = [
    Exception { call: "step_two", target: Target::Exchange, expires_in: 20_000, outcome: "OK" },
    Exception { call: "revoke", target: Target::Revoke, expires_in: 20_000, outcome: "OK" },
    Exception {
        call: "refresh",
        target: Target::Refresh,
        expires_in: 20_000,
        outcome: "CANCELLED",
    },
    Exception { call: "get", target: Target::Refresh, expires_in: -10, outcome: "CANCELLED" },
];

fn is_finished(exception: &Exception, ending: &str) -> Result<(), String> {
    let provider = provider();
    let mut arguments = at(provider.uri(), &saved_token(&provider, exception.expires_in)).arguments;
    if exception.call == "step_two" {
        let app = app(&provider);
        let step = app.step_one(None).unwrap();
        let back = provider.visit(&step.authorization_uri, Decision::Grant).unwrap();
        // The provider compares it.
        arguments.retain(|argument| !argument.starts_with("callback="));
        arguments.push(format!("callback={}", DIALECT.callback_uri));
        arguments.extend([format!("session={}", step.session), format!("redirect={back}")]);
    }
    arguments.extend([format!("call={}", exception.call), format!("ending={ending}")]);
    provider.fault(Fault::once(exception.target.clone(), FaultKind::Latency(700)));
    provider.fault(Fault::always(Target::Api, FaultKind::StallBeforeAnswer));
    let mut program = Program::start(&arguments);
    program.hear("ready")?;
    program.tell()?;
    program.hear("running")?;
    let is_sent = || provider.max_in_flight(exception.target.clone()) > 0;
    if !(0..30_000).any(|_| {
        is_sent() || {
            thread::sleep(Duration::from_millis(1));
            false
        }
    }) {
        return Err("it was not sent".to_owned());
    }
    program.tell()?;
    let said = program.rest().map(Said)?;
    let expect = |line: &str, expected: &str| {
        let word = said.word(line);
        if word == expected { Ok(()) } else { Err(format!("{line}: {word}, not {expected}")) }
    };
    expect("ended", exception.outcome)?;
    match exception.call {
        "step_two" => {
            expect("made", "1")?;
            expect("offered", "1")?;
            expect("is_newest", "1")?;
        }
        "revoke" => expect("offered", "0")?,
        _ if provider.requests(Target::Refresh) != 1 => {
            // A call of a handle that lives asks again, with the new token.
            expect("is_newest", "1")?;
        }
        _ => {
            expect("offered", "1")?;
            expect("is_newest", "1")?;
        }
    }
    let replayed = provider.replayed_refresh_tokens();
    if replayed == 0 { Ok(()) } else { Err("a refresh token was used twice".to_owned()) }
}

#[test]
fn a_request_that_must_not_be_cut_is_finished_however_its_call_is_ended() {
    let mut pairs = Vec::new();
    for exception in &EXCEPTIONS {
        let endings = if exception.call == "step_two" { OF_AN_APP } else { OF_A_CLIENT };
        pairs.extend(endings.map(|ending| (exception, ending)));
    }
    each(pairs, |(exception, ending)| {
        let outcome = is_finished(exception, ending);
        outcome.map_err(|why| format!("{}, {ending}: {why}", exception.call))
    });
}
