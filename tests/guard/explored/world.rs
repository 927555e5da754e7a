//! Two processes with a client each, one row, one provider: what a step does, and whether the
//! login still works after it.
//!
//! A process is an app, a client and a guard; a killed one's guard does nothing any more, so that
//! nothing of it reaches the row when its handles are freed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use fitbit_test_support::App;
use serde_json::Value;

use super::provider::Provider;
use super::steps::{Moment, Step};
use crate::scene::{Commit, Guarded, Renewal, Row, field, token, with, with_guard};

/// What the guard shows the library of what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Just that.
    AsStored,
    /// Planted: the one of stored and own that expires later.
    LaterExpiry,
    /// Planted: the stored one always counts as somebody else's newer one.
    AlwaysStored,
}

/// How far ahead the first process's clock is: it writes its tokens' expiry by it.
const AHEAD: i64 = 3600;

/// What happens in a process's guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Commit(Commit),
    KilledAt(Moment),
    Dead,
}

/// A process's mind: read and written in its guard too.
struct Mind {
    plan: Plan,
    /// A token was handed out, and the library has not been told since that it is committed.
    owed: bool,
    /// What this process last read from the row or knows to have written there.
    base: Option<String>,
}

struct Process {
    mind: Arc<Mutex<Mind>>,
    client: Guarded,
}

/// What all sequences of one thread run on.
pub struct Stage {
    provider: Provider,
    apps: [App; 2],
    rule: Rule,
}

impl Stage {
    pub fn new(rule: Rule) -> Stage {
        let provider = Provider::start();
        let app = || with_guard(App::at(&provider.uri, "ID", Some("secret"), "http://127.0.0.1/"));
        let apps = [app(), app()];
        Stage { provider, apps, rule }
    }

    /// Runs one sequence from a fresh login that both processes have read.
    pub fn run(&self, steps: &[Step]) -> Outcome {
        self.provider.forget_everything();
        let row = Row::holding(&with(&self.provider.issue(), "expires_at", 4_000_000_000_u32));
        let start = |at| self.start(at, &row);
        let mut world = World {
            stage: self,
            row: row.clone(),
            processes: [start(0), start(1)],
            destroyed: BTreeSet::new(),
        };
        for &step in steps {
            world.step(step);
        }
        let state = world.state();
        let stored = self.provider.login_of(number(&row.read().unwrap()));
        let destroyed = stored.is_some_and(|login| world.destroyed.contains(&login));
        Outcome { state, works: world.works(), destroyed }
    }

    fn start(&self, at: usize, row: &Arc<Row>) -> Process {
        let mind = Arc::new(Mutex::new(Mind { plan: WORKS, owed: false, base: row.read() }));
        let stored = row.read().unwrap();
        let client = Guarded::from_token(&self.apps[at], &stored, self.guard(at, row, &mind));
        Process { mind, client }
    }

    fn guard(
        &self,
        at: usize,
        row: &Arc<Row>,
        mind: &Arc<Mutex<Mind>>,
    ) -> impl Fn(&Renewal) -> i32 + use<> {
        let (row, mind, rule) = (row.clone(), mind.clone(), self.rule);
        let ahead = if at == 0 { AHEAD } else { 0 };
        move |renewal| {
            if mind.lock().unwrap().plan == Plan::Dead {
                return 0;
            }
            let mut row = row.lock();
            let base = mind.lock().unwrap().base.clone();
            let shown = rule.shown(row.as_deref(), base.as_deref(), renewal, ahead);
            let Ok(new) = renewal.run(shown.as_deref()) else { return 0 };
            let mut mind = mind.lock().unwrap();
            let (written, committed) = match mind.plan {
                Plan::Commit(Commit::Works) => (true, true),
                Plan::Commit(Commit::WorksUnknown) => (true, false),
                Plan::KilledAt(Moment::AfterCommit) => (true, false),
                Plan::Commit(Commit::Fails) | Plan::KilledAt(_) | Plan::Dead => (false, false),
            };
            if let (Plan::KilledAt(_), Some(_)) = (mind.plan, &new) {
                mind.plan = Plan::Dead;
            }
            mind.owed = !committed && (mind.owed || new.is_some());
            match &new {
                Some(new) if committed => mind.base = Some(new.clone()),
                Some(_) => {}
                None => mind.base = shown,
            }
            if let (Some(new), true) = (new, written) {
                let expires_at = expiry(&new) + ahead;
                *row = Some(with(&new, "expires_at", expires_at));
            }
            i32::from(committed)
        }
    }
}

const WORKS: Plan = Plan::Commit(Commit::Works);

fn expiry(token: &str) -> i64 {
    let token: Value = serde_json::from_str(token).unwrap();
    token["expires_at"].as_i64().unwrap_or(0)
}

impl Rule {
    fn shown(
        self,
        stored: Option<&str>,
        base: Option<&str>,
        renewal: &Renewal,
        ahead: i64,
    ) -> Option<String> {
        let stored = stored?;
        // Step two has no client yet, and nothing to compare with.
        let own = (!renewal.client.is_null()).then(|| token(renewal.client));
        Some(match (self, own) {
            // Its own counts as newer: as if nobody had written since its base.
            (Rule::LaterExpiry, Some(own)) if expiry(&own) + ahead > expiry(stored) => {
                base.unwrap_or(stored).to_owned()
            }
            (Rule::AlwaysStored, Some(own)) if number(&own) != number(stored) => {
                // Not the base's text, and nothing that could be used as it is.
                let access = format!("{}x", field(stored, "access_token"));
                with(&with(stored, "access_token", access), "expires_at", 1)
            }
            _ => stored.to_owned(),
        })
    }
}

/// The number of a token's refresh token.
fn number(token: &str) -> u32 {
    field(token, "refresh_token")[1..].parse().unwrap()
}

/// What came of one sequence.
pub struct Outcome {
    pub state: String,
    pub works: bool,
    /// A kill took the only copy of the stored login's live token, which nobody had committed.
    pub destroyed: bool,
}

struct World<'a> {
    stage: &'a Stage,
    row: Arc<Row>,
    processes: [Process; 2],
    /// The logins whose live token had one copy, uncommitted, in a process that was killed.
    destroyed: BTreeSet<u32>,
}

impl World<'_> {
    fn step(&mut self, step: Step) {
        match step {
            Step::Request(at, commit) => self.request(at, Plan::Commit(commit)),
            Step::Refused(at) => {
                self.stage.provider.refuse(true);
                self.request(at, WORKS);
                self.stage.provider.refuse(false);
            }
            Step::Nothing(at) => drop(self.processes[at].client.get("/1/x.json")),
            Step::Kill(at, moment) => {
                if moment != Moment::Idle {
                    self.request(at, Plan::KilledAt(moment));
                }
                self.kill(at);
            }
            Step::LogIn(at, commit) => self.log_in(at, Plan::Commit(commit), None),
            Step::LogInWithCallback(at, saved) => self.log_in(at, WORKS, Some(saved)),
            Step::Both => {
                for at in [0, 1] {
                    self.expire(at);
                }
                let [one, other] = &self.processes;
                std::thread::scope(|scope| {
                    scope.spawn(|| one.client.get("/1/x.json"));
                    let _ = other.client.get("/1/x.json");
                });
            }
        }
    }

    fn expire(&self, at: usize) {
        self.stage.provider.expire(number(&self.processes[at].client.token()));
    }

    fn request(&self, at: usize, plan: Plan) {
        self.expire(at);
        let process = &self.processes[at];
        process.mind.lock().unwrap().plan = plan;
        // Whatever it says: what counts is what is left of the login.
        let _ = process.client.get("/1/x.json");
        let mut mind = process.mind.lock().unwrap();
        if mind.plan != Plan::Dead {
            mind.plan = WORKS;
        }
    }

    fn kill(&mut self, at: usize) {
        let mut mind = self.processes[at].mind.lock().unwrap();
        mind.plan = Plan::Dead;
        let owed = mind.owed;
        drop(mind);
        let held = number(&self.processes[at].client.token());
        let elsewhere = [self.processes[1 - at].client.token(), self.row.read().unwrap()];
        let provider = &self.stage.provider;
        if owed && provider.live().contains(&held) && !elsewhere.iter().any(|t| number(t) == held) {
            self.destroyed.extend(provider.login_of(held));
        }
        self.processes[at] = self.stage.start(at, &self.row);
    }

    fn log_in(&mut self, at: usize, plan: Plan, saved: Option<bool>) {
        let app = &self.stage.apps[at];
        let session = app.step_one(None).unwrap();
        let state: Value = serde_json::from_str(&session.session).unwrap();
        let back = format!("?code=c&state={}", state["state"].as_str().unwrap());
        let mind = Arc::new(Mutex::new(Mind { plan, owed: false, base: None }));
        let guard = self.stage.guard(at, &self.row, &mind);
        let callback = saved.map(|saved| {
            let (row, mind) = (self.row.clone(), mind.clone());
            let on_token = move |token: &str| {
                let alive = mind.lock().unwrap().plan != Plan::Dead;
                if saved && alive {
                    row.write(token);
                }
                mind.lock().unwrap().owed = !(saved && alive);
                i32::from(saved && alive)
            };
            Box::new(on_token) as Box<dyn Fn(&str) -> i32 + Send + Sync>
        });
        let client = Guarded::step_two(app, &session.session, &back, callback, guard);
        mind.lock().unwrap().plan = WORKS;
        // The client before it is freed after it, and may offer what it has not saved.
        self.processes[at] = Process { mind, client };
    }

    /// Whether anybody can still make a request: a living process, or one started from the row.
    fn works(&mut self) -> bool {
        let can = |world: &World, at: usize| {
            (0..2).any(|_| {
                world.expire(at);
                world.processes[at].client.get("/1/x.json") == Ok(200)
            })
        };
        (0..2).any(|at| can(self, at)) || {
            self.kill(0);
            can(self, 0)
        }
    }

    /// Who holds which token, and what is known of it.
    fn state(&self) -> String {
        let of = |process: &Process| {
            (number(&process.client.token()), process.mind.lock().unwrap().owed)
        };
        let row = number(&self.row.read().unwrap());
        format!("{row} {:?} {:?}", self.processes.each_ref().map(of), self.stage.provider.live())
    }
}
