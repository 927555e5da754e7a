//! Logins that are kept in different ways, and calls of them that are cut.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use fitbit_test_support::interface;
use fitbit_test_support::interface::Handle;
pub use fitbit_test_support::{App, Client, Error, Saver, code};
use serde_json::Value;

use crate::endpoint::{Asked, Endpoint};
use crate::guards::{self, Guarded, Row, with_guard};

/// No call of these tests ends by itself before this, unless it is told to. Nobody waits for longer.
pub const LONG: Duration = Duration::from_secs(60);

/// Where the new tokens of a login go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    Callback,
    File,
    Guard,
}

pub const KEEPERS: [Keeper; 3] = [Keeper::Callback, Keeper::File, Keeper::Guard];

/// One person's login.
pub struct Login {
    owner: Owner,
    pub profile: &'static str,
    pub first: Value,
    pub refresh_token: String,
}

enum Owner {
    Callback(Client, Saver),
    File(Client, PathBuf),
    Guard(Guarded, Arc<Row>, Arc<Mutex<Vec<String>>>),
}

/// What a program calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Get,
    Refresh,
}

pub const CALLS: [Call; 2] = [Call::Get, Call::Refresh];

/// A handle of a login, which somebody else frees.
#[derive(Clone, Copy)]
pub struct On {
    handle: Handle,
    profile: &'static str,
}

unsafe impl Send for On {}
unsafe impl Sync for On {}

impl On {
    pub fn get(self) -> Result<(), Error> {
        assert_eq!(guards::get(self.handle, self.profile)?, 200);
        Ok(())
    }

    pub fn call(self, call: Call) -> Result<(), Error> {
        match call {
            Call::Get => self.get(),
            Call::Refresh => Error::check(unsafe { (interface().refresh)(self.handle) }),
        }
    }

    pub fn revoke(self) -> Result<(), Error> {
        Error::check(unsafe { (interface().revoke)(self.handle) })
    }

    pub fn abort(self) {
        unsafe { (interface().abort)(self.handle) }
    }

    pub fn set_timeout_ms(self, milliseconds: u32) {
        let outcome = unsafe { (interface().set_timeout_ms)(self.handle, milliseconds) };
        Error::check(outcome).unwrap();
    }
}

/// Another handle of a login, freed when this is dropped.
pub struct Dup(pub On);

impl Drop for Dup {
    fn drop(&mut self) {
        unsafe { (interface().free)(self.0.handle) }
    }
}

impl Login {
    /// A login whose token has expired.
    pub fn expired(app: &App, endpoint: &Endpoint, keeper: Keeper) -> Login {
        Login::with(app, endpoint, keeper, &endpoint.token(-10))
    }

    pub fn with(app: &App, endpoint: &Endpoint, keeper: Keeper, token: &str) -> Login {
        let owner = match keeper {
            Keeper::Callback => {
                let saver = Saver::new();
                Owner::Callback(app.from_token(token, &saver).unwrap(), saver)
            }
            Keeper::File => {
                let path = private_file(token);
                Owner::File(app.from_file(&path).unwrap(), path)
            }
            Keeper::Guard => {
                let (row, saved) = (Row::holding(token), Arc::<Mutex<Vec<String>>>::default());
                let (kept, noted) = (row.clone(), saved.clone());
                let guard = move |renewal: &guards::Renewal| {
                    let mut row = kept.lock();
                    let Ok(new) = renewal.run(row.as_deref()) else { return 0 };
                    if let Some(new) = new {
                        noted.lock().unwrap().push(new.clone());
                        *row = Some(new);
                    }
                    1
                };
                Owner::Guard(Guarded::from_token(app, token, guard), row, saved)
            }
        };
        let first: Value = serde_json::from_str(token).unwrap();
        let refresh_token = first["refresh_token"].as_str().unwrap().to_owned();
        Login { owner, profile: endpoint.kind.provider().profile, first, refresh_token }
    }

    pub fn on(&self) -> On {
        let handle = match &self.owner {
            Owner::Callback(client, _) | Owner::File(client, _) => client.handle,
            Owner::Guard(guarded, ..) => guarded.handle,
        };
        On { handle, profile: self.profile }
    }

    pub fn dup(&self) -> Dup {
        let mut handle = null_mut();
        Error::check(unsafe { (interface().dup)(self.on().handle, &mut handle) }).unwrap();
        Dup(On { handle, profile: self.profile })
    }

    pub fn token(&self) -> Value {
        serde_json::from_str(&guards::token(self.on().handle)).unwrap()
    }

    /// The new tokens that went to the store, oldest first. A file holds only the last one.
    pub fn saved(&self) -> Vec<Value> {
        let texts = match &self.owner {
            Owner::Callback(_, saver) => saver.offered(),
            Owner::File(_, path) => vec![fs::read_to_string(path).unwrap()],
            Owner::Guard(_, _, saved) => saved.lock().unwrap().clone(),
        };
        let mut tokens: Vec<Value> =
            texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        tokens.retain(|token| token["access_token"] != self.first["access_token"]);
        tokens
    }

    pub fn stored_elsewhere(&self, token: &str) {
        match &self.owner {
            Owner::Callback(..) => panic!("nobody else has a callback's tokens"),
            Owner::File(_, path) => write_private(path, token),
            Owner::Guard(_, row, _) => row.write(token),
        }
    }

    /// What other processes find, also when the login is freed.
    pub fn stored(&self) -> impl Fn() -> String + use<> {
        let (path, row) = match &self.owner {
            Owner::Callback(..) => panic!("nobody else has a callback's tokens"),
            Owner::File(_, path) => (Some(path.clone()), None),
            Owner::Guard(_, row, _) => (None, Some(row.clone())),
        };
        move || match (&path, &row) {
            (Some(path), _) => fs::read_to_string(path).unwrap(),
            (_, row) => row.as_ref().and_then(|row| row.read()).unwrap_or_default(),
        }
    }

    pub fn path(&self) -> &Path {
        match &self.owner {
            Owner::File(_, path) => path,
            _ => panic!("it has no file"),
        }
    }
}

/// An app whose logins are kept like this.
pub fn app_for(endpoint: &Endpoint, keeper: Keeper) -> App {
    match keeper {
        Keeper::Guard => with_guard(endpoint.app()),
        _ => endpoint.app(),
    }
}

/// Returns when something is so.
#[track_caller]
pub fn wait_for(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "it does not happen");
        thread::sleep(Duration::from_millis(1));
    }
}

/// What ends a call while the response to its renewal is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Abort,
    Cancel,
    Time,
}

/// Cuts a call of another handle of the login when the endpoint has come to the cut of its next response.
/// None: the machine was so busy that its time was over before.
pub fn try_cut(
    app: &App,
    endpoint: &Endpoint,
    login: &Login,
    call: Call,
    by: By,
    milliseconds: u32,
) -> Option<Arc<Asked>> {
    let dup = login.dup();
    let nth = endpoint.requests();
    let on = dup.0;
    let is_at_the_cut = || endpoint.asked().get(nth).is_some_and(|asked| asked.is_at_the_cut());
    let error = match by {
        By::Time => {
            on.set_timeout_ms(milliseconds);
            let error = on.call(call).expect_err("the response does not come in time");
            assert_eq!(error.code, code::TIMEOUT, "{error:?}");
            if !is_at_the_cut() {
                return None;
            }
            error
        }
        By::Abort | By::Cancel => thread::scope(|scope| {
            let running = scope.spawn(move || on.call(call));
            wait_for(is_at_the_cut);
            // So that the client has read what was sent.
            thread::sleep(Duration::from_millis(20));
            match by {
                By::Abort => on.abort(),
                _ => app.cancel(),
            }
            running.join().unwrap().expect_err("it was ended")
        }),
    };
    let expected = if by == By::Time { code::TIMEOUT } else { code::CANCELLED };
    assert_eq!(error.code, expected, "{error:?}");
    Some(endpoint.asked()[nth].clone())
}

/// The same by the end of its time, on a machine that is fast enough.
#[track_caller]
pub fn cut(app: &App, endpoint: &Endpoint, login: &Login, by: By) -> Arc<Asked> {
    try_cut(app, endpoint, login, Call::Get, by, 1500).expect("1.5 seconds are enough to ask")
}

pub fn text<'a>(token: &'a Value, name: &str) -> &'a str {
    token[name].as_str().unwrap_or_default()
}

/// Whether the login has the token that the endpoint gave out for its first refresh token.
#[track_caller]
pub fn has_the_token(endpoint: &Endpoint, login: &Login) {
    let token = login.token();
    let (access_token, refresh_token) =
        endpoint.successor(&login.refresh_token).expect("it was renewed");
    assert_eq!(text(&token, "access_token"), access_token);
    assert_eq!(text(&token, "refresh_token"), refresh_token);
}

/// Whether its life counts from a request that was sent between these times. Clocks of whole seconds can
/// differ by one.
pub fn lives_for(token: &Value, life: i64, begun: i64, asked: i64) -> bool {
    let expires_at = token["expires_at"].as_i64().unwrap_or_default();
    (begun + life - 1..=asked + life + 1).contains(&expires_at)
}

/// A private file with this text, in a folder that the next run of the tests empties.
pub fn private_file(text: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parked");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    });
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!("{number}.json"));
    write_private(&path, text);
    path
}

pub fn write_private(path: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Runs every one, so many at a time: most of their time passes in waiting.
pub fn each<T: Sync, R: Send>(all: &[T], at_once: usize, run: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..at_once.min(all.len()) {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let outcome = run(one);
                    done.lock().unwrap().push(outcome);
                }
            });
        }
    });
    done.into_inner().unwrap()
}
