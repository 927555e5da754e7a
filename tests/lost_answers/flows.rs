//! One cell: a login, a call whose exchange with the token endpoint ends as the row says, and a
//! later call when the fault is gone.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fitbit_simulator::{Decision, Fault, Simulator, Target};
use fitbit_test_support::{App, Client, Error, Saver, code, fitbit, google_health};
use serde_json::Value;

use crate::endpoint::Endpoint;
use crate::ends::{End, Row, Stage};
use crate::files::{Folder, is_marked, stored, write_private};
use crate::guards::{Commit, Guarded, Row as DatabaseRow, committing, with_guard};
use crate::rule::{Doubt, ENDED, Flow, LIVES, LOST, LOST_LATER, Outcome, Provider, Stored, judge};

/// Enough for four requests and the pauses between them, on a busy machine too.
const PATIENT_MS: u32 = 30_000;

/// The timeout of a call that ends with its timeout.
const HASTY_MS: u32 = 2500;

/// For five seconds after a possibly lost response no call sends a request. A call with less time
/// than that would not wait, so the test does.
const FIVE_SECONDS: Duration = Duration::from_millis(5500);

/// How often the end falls on an exchange before the fault is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Times {
    Once,
    Always,
}

/// What a cell measures.
#[derive(Clone, Copy)]
pub struct Cell {
    pub row: Row,
    pub flow: Flow,
    pub provider: Provider,
}

impl Cell {
    pub fn label(&self) -> String {
        format!("{:?}, {:?}: {}", self.provider, self.flow, self.row.label())
    }
}

/// The call under test, and whose its client is.
enum Login {
    Callback(Client, Saver),
    File(Client, PathBuf, #[allow(dead_code)] Folder),
    Guard(Guarded, Arc<DatabaseRow>),
}

impl Login {
    fn new(app: &App, flow: Flow, token: &str) -> Result<Login, Error> {
        match flow {
            Flow::Callback | Flow::Kept => {
                let saver = Saver::new();
                Ok(Login::Callback(app.from_token(token, &saver)?, saver))
            }
            Flow::File => {
                let folder = Folder::new();
                let path = folder.join("token.json");
                write_private(&path, token);
                Ok(Login::File(app.from_file(&path)?, path, folder))
            }
            Flow::Guard => {
                let row = DatabaseRow::holding(token);
                let guard = committing(&row, Commit::Works);
                Ok(Login::Guard(Guarded::from_token(app, token, guard), row))
            }
            Flow::Exchange => panic!("an exchange begins without a login"),
        }
    }

    fn get(&self, path: &str) -> Result<(), Error> {
        match self {
            Login::Callback(client, _) | Login::File(client, ..) => client.get(path).map(drop),
            Login::Guard(client, _) => client.get(path).map(drop),
        }
    }

    /// What another process would find now.
    fn stored(&self, old: &str) -> Stored {
        let access_token = |json: &str| {
            let token: Value = serde_json::from_str(json).expect("a token is JSON");
            token["access_token"].clone()
        };
        let (now, is_marked) = match self {
            Login::Callback(_, saver) => (saver.offered().pop(), false),
            Login::File(_, path, _) => (Some(stored(path).to_string()), is_marked(path)),
            Login::Guard(_, row) => (row.read(), false),
        };
        let is_new = now.is_some_and(|now| access_token(&now) != access_token(old));
        match (is_new, is_marked) {
            (false, false) => Stored::Old,
            (false, true) => Stored::OldMarked,
            (true, false) => Stored::New,
            (true, true) => Stored::NewMarked,
        }
    }
}

/// The world of one cell: a provider, the faulty endpoint before it, and an app.
struct World {
    simulator: Simulator,
    times: Times,
    endpoint: Option<Endpoint>,
    app: App,
    cell: Cell,
    _trusted: Folder,
}

impl World {
    fn new(cell: Cell, times: Times) -> World {
        let trusted = Folder::new();
        let simulator = Simulator::start().expect("the simulator starts");
        if cell.provider == Provider::Repeats {
            simulator.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
        }
        let app = match cell.provider {
            Provider::Reuses => google_health::world::app(&simulator),
            _ => fitbit::world::app(&simulator),
        };
        let row = cell.row;
        let endpoint = match row.end.fault() {
            Some(_) => None,
            None => {
                let number = cell.provider.number();
                let endpoint = Endpoint::new(row, number, simulator.port());
                let path = match cell.provider {
                    Provider::Reuses => google_health::DIALECT.oauth_paths[1],
                    _ => fitbit::DIALECT.oauth_paths[1],
                };
                app.set_endpoint(1, &format!("{}{path}", endpoint.origin)).unwrap();
                let ca_file = trusted.join("ca.pem");
                std::fs::write(&ca_file, Endpoint::ca_pem()).unwrap();
                app.set_ca_file(&ca_file).unwrap();
                app.set_proxy(endpoint.proxy.as_deref()).unwrap();
                Some(endpoint)
            }
        };
        let is_hasty = times == Times::Always && row.end.takes_all_the_time();
        app.set_timeout_ms(if is_hasty { HASTY_MS } else { PATIENT_MS }).unwrap();
        let app = if cell.flow == Flow::Guard { with_guard(app) } else { app };
        let world = World { simulator, times, endpoint, app, cell, _trusted: trusted };
        if cell.flow == Flow::Kept {
            world.keep_a_connection();
        }
        world.begin();
        world
    }

    /// Another login's renewal keeps its connection.
    fn keep_a_connection(&self) {
        let other = self.app.from_token(&self.saved_token(), &Saver::new());
        let other = other.expect("a good token");
        other.set_timeout_ms(PATIENT_MS).unwrap();
        other.refresh().expect("nothing is wrong yet");
    }

    /// From now on exchanges end as the row says.
    fn begin(&self) {
        self.simulator.reset_counts();
        if let Some(endpoint) = &self.endpoint {
            endpoint.plan.begin(if self.times == Times::Once { 1 } else { u64::MAX });
        }
        if let Some(kind) = self.cell.row.end.fault() {
            self.simulator.fault(match self.times {
                Times::Once => Fault::once(self.target(), kind),
                Times::Always => Fault::always(self.target(), kind),
            });
        }
    }

    fn target(&self) -> Target {
        if self.cell.flow == Flow::Exchange { Target::Exchange } else { Target::Refresh }
    }

    fn saved_token(&self) -> String {
        match self.cell.provider {
            Provider::Reuses => google_health::world::saved_token(&self.simulator, -10),
            _ => fitbit::world::saved_token(&self.simulator, -10),
        }
    }

    fn path(&self) -> &'static str {
        match self.cell.provider {
            Provider::Reuses => google_health::world::PROFILE,
            _ => fitbit::world::PROFILE,
        }
    }

    fn requests(&self) -> u64 {
        match &self.endpoint {
            Some(endpoint) => endpoint.plan.requests.load(Ordering::SeqCst),
            None => self.simulator.requests(self.target()),
        }
    }

    /// Only the first request goes out on a connection that was kept.
    fn uses_connections_well(&self) -> bool {
        let kept = u64::from(self.cell.flow == Flow::Kept);
        self.endpoint
            .as_ref()
            .is_none_or(|endpoint| endpoint.plan.on_kept.load(Ordering::SeqCst) == kept)
    }

    /// Where the response comes after the call, it comes now.
    fn answer_late(&self) {
        if let Some(endpoint) = &self.endpoint
            && self.cell.row.end.is_answered_late()
        {
            endpoint.plan.go_on();
            endpoint.plan.wait_for_the_end();
        }
    }

    fn has_acted(&self) -> bool {
        match &self.endpoint {
            Some(endpoint) => endpoint.plan.acted.load(Ordering::SeqCst),
            None => self.cell.row.end.fault().is_some_and(|kind| kind.acts()),
        }
    }

    fn heal(&mut self) {
        self.simulator.clear_faults();
        self.endpoint.iter_mut().for_each(Endpoint::heal);
    }

    /// Makes a call, and cancels it where the row says so.
    fn call<T: Send>(&self, call: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        let end = self.cell.row.end;
        let Some(endpoint) = self.endpoint.as_ref().filter(|_| end.is_cancelled()) else {
            return call();
        };
        let has_returned = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // A connection that is not answered cannot say that it is being made.
                let at_connect = self.cell.row.stage == Stage::Connect;
                let time = Duration::from_millis(if at_connect { 300 } else { 20_000 });
                endpoint.plan.is_reached(time);
                self.app.cancel();
                // A call that does not wait for its response has to return first.
                if judge(&self.cell.row, self.cell.flow, self.cell.provider).doubt == Doubt::Used {
                    endpoint.plan.go_on();
                }
                while at_connect && !has_returned.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(50));
                    self.app.cancel();
                }
            });
            let outcome = call();
            has_returned.store(true, Ordering::SeqCst);
            outcome
        })
    }

    /// Everything before the exchange: the session, and where the person is sent back to.
    fn consent(&self) -> (String, String) {
        let step = self.app.step_one(None).expect("nothing is sent yet");
        let redirect = self.simulator.visit(&step.authorization_uri, Decision::Grant);
        (step.session, redirect.expect("the person can be sent back"))
    }
}

/// Fills one cell: the end falls on every exchange of the first call.
pub fn measure(cell: Cell) -> Outcome {
    match cell.flow {
        Flow::Exchange => measure_exchange(cell),
        _ => measure_renewal(cell),
    }
}

fn measure_renewal(cell: Cell) -> Outcome {
    let mut world = World::new(cell, Times::Always);
    let old = world.saved_token();
    let login = Login::new(&world.app, cell.flow, &old).expect("a good token");
    let first = world.call(|| login.get(world.path()));
    let (requests, stored) = (world.requests(), login.stored(&old));
    let mut code = name_of(&first);
    if !world.uses_connections_well() {
        code.push_str(", on another connection than it should be");
    }
    world.answer_late();
    let acted = world.has_acted();
    world.heal();
    let is_silent = cell.row.end.takes_all_the_time() && cell.row.end != End::SilenceThenAnswer;
    if is_silent && requests > 0 {
        std::thread::sleep(FIVE_SECONDS);
    }
    let later = match login.get(world.path()) {
        Ok(()) if login.stored(&old) == Stored::New => LIVES.into(),
        Ok(()) => format!("works, but {:?} is stored", login.stored(&old)),
        Err(error) if error.message.contains("before an earlier renewal") && acted => {
            assert_eq!(error.code, code::TIMEOUT);
            LOST_LATER.into()
        }
        Err(error) if error.code != code::REAUTHORIZE => {
            format!("{}: {}", name(&error), error.message)
        }
        Err(_) if acted => LOST.into(),
        Err(_) => ENDED.into(),
    };
    let later_requests = world.requests() - requests;
    Outcome { code, requests, acted, stored, later, later_requests }
}

fn measure_exchange(cell: Cell) -> Outcome {
    let mut world = World::new(cell, Times::Always);
    let saver = Saver::new();
    let (session, redirect) = world.consent();
    let first = world.call(|| world.app.step_two(&session, &redirect, &saver));
    let requests = world.requests();
    world.answer_late();
    let acted = world.has_acted();
    let stored = if saver.offered().is_empty() { Stored::Old } else { Stored::New };
    world.heal();
    let again = Saver::new();
    let (session, redirect) = world.consent();
    let later = match world.app.step_two(&session, &redirect, &again) {
        Ok(_) if again.offered().len() == 1 => LIVES.into(),
        Ok(_) => format!("works, and is offered {} times", again.offered().len()),
        Err(error) => format!("{}: {}", name(&error), error.message),
    };
    let mut code = name_of(&first);
    if let Err(error) = &first
        && error.code != code::CANCELLED
        && judge(&cell.row, cell.flow, cell.provider).doubt == Doubt::PossiblyUsed
        && !error.message.contains("step one")
    {
        code.push_str(", and does not say to start at step one");
    }
    let later_requests = world.requests() - requests;
    Outcome { code, requests, acted, stored, later, later_requests }
}

/// The code of one call and the number of its requests, if only its first exchange fails.
pub fn measure_once(cell: Cell) -> (String, u64) {
    let world = World::new(cell, Times::Once);
    let old = world.saved_token();
    let login = Login::new(&world.app, cell.flow, &old).expect("a good token");
    let outcome = login.get(world.path());
    (name_of(&outcome), world.requests())
}

fn name_of<T>(outcome: &Result<T, Error>) -> String {
    outcome.as_ref().map_or_else(|error| name(error).to_owned(), |_| "success".to_owned())
}

/// The code's name, as the header has it, without the prefix.
fn name(error: &Error) -> &'static str {
    match error.code {
        code::AUTHORIZATION => "AUTHORIZATION",
        code::INVALID_CLIENT => "INVALID_CLIENT",
        code::REAUTHORIZE => "REAUTHORIZE",
        code::RATE_LIMITED => "RATE_LIMITED",
        code::HTTP => "HTTP",
        code::PROVIDER_RETIRED => "PROVIDER_RETIRED",
        code::NETWORK => "NETWORK",
        code::TIMEOUT => "TIMEOUT",
        code::TLS => "TLS",
        code::PROTOCOL => "PROTOCOL",
        code::STORE => "STORE",
        code::CANCELLED => "CANCELLED",
        _ => "unexpected",
    }
}
