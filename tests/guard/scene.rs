//! What these tests are made of: a database row, a guard written as a closure, and a client whose
//! user data both are.
//!
//! A guard is called from C, and no panic may leave it: it notes what it saw, and the test looks
//! at that afterwards.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use fitbit_simulator::{Decision, Simulator};
use fitbit_test_support::interface::Handle;
use fitbit_test_support::world::app;
use fitbit_test_support::{App, Error, interface};
use serde_json::Value;

/// The person's row, with its lock.
#[derive(Default)]
pub struct Row(Mutex<Option<String>>);

/// What becomes of a transaction, and what the guard knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    Works,
    /// Rolled back; the guard says "not committed".
    Fails,
    /// The connection broke after COMMIT: done, but the guard says "not committed".
    WorksUnknown,
}

impl Row {
    pub fn holding(token: &str) -> Arc<Row> {
        Arc::new(Row(Mutex::new(Some(token.to_owned()))))
    }

    pub fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap()
    }

    pub fn read(&self) -> Option<String> {
        self.lock().clone()
    }

    pub fn write(&self, token: &str) {
        *self.lock() = Some(token.to_owned());
    }

    /// The transaction as a program writes it: the lock is held throughout.
    pub fn transaction(&self, renewal: &Renewal, commit: Commit) -> c_int {
        let mut row = self.lock();
        let Ok(new) = renewal.run(row.as_deref()) else { return 0 };
        if let (Some(new), Commit::Works | Commit::WorksUnknown) = (new, commit) {
            *row = Some(new);
        }
        c_int::from(commit == Commit::Works)
    }
}

/// A guard that does the same each time.
pub fn committing(row: &Arc<Row>, commit: Commit) -> impl Fn(&Renewal) -> c_int + use<> {
    let row = row.clone();
    move |renewal| row.transaction(renewal, commit)
}

/// A guard whose transactions go like these, and then work.
pub fn going(row: &Arc<Row>, commits: &[Commit]) -> impl Fn(&Renewal) -> c_int + use<> {
    let commits: Vec<_> = commits.to_vec();
    let (row, commits) = (row.clone(), Mutex::new(commits.into_iter()));
    move |renewal| {
        let next = commits.lock().unwrap().next();
        row.transaction(renewal, next.unwrap_or(Commit::Works))
    }
}

/// What a guard is given, and the client that it runs for (none while step two makes it).
pub struct Renewal {
    pub handle: Handle,
    pub client: Handle,
}

unsafe impl Sync for Renewal {}

impl Renewal {
    pub fn run(&self, stored: Option<&str>) -> Result<Option<String>, Error> {
        let new = self.run_borrowed(stored)?;
        Ok((!new.is_null()).then(|| unsafe { CStr::from_ptr(new) }.to_str().unwrap().to_owned()))
    }

    /// What came back as it came back.
    pub fn run_borrowed(&self, stored: Option<&str>) -> Result<*const c_char, Error> {
        let stored = stored.map(|stored| CString::new(stored).unwrap());
        let stored = stored.as_ref().map_or(null(), |stored| stored.as_ptr());
        let mut new = null();
        Error::check(unsafe { (interface().renewal_run)(self.handle, stored, &mut new) })?;
        Ok(new)
    }
}

type Guard = Box<dyn Fn(&Renewal) -> c_int + Send + Sync>;
type OnToken = Box<dyn Fn(&str) -> c_int + Send + Sync>;

struct UserData {
    guard: Guard,
    on_token: Option<OnToken>,
    entered: AtomicUsize,
    client: AtomicPtr<c_void>,
}

unsafe extern "C" fn enter(renewal: Handle, user_data: *mut c_void) -> c_int {
    let mine = unsafe { &*user_data.cast::<UserData>() };
    mine.entered.fetch_add(1, Ordering::SeqCst);
    let client = mine.client.load(Ordering::SeqCst);
    (mine.guard)(&Renewal { handle: renewal, client })
}

unsafe extern "C" fn first_token(token_json: *const c_char, user_data: *mut c_void) -> c_int {
    let mine = unsafe { &*user_data.cast::<UserData>() };
    let json = unsafe { CStr::from_ptr(token_json) }.to_str().unwrap();
    mine.on_token.as_ref().map_or(0, |on_token| on_token(json))
}

/// A client whose renewals run in its guard.
pub struct Guarded {
    pub handle: Handle,
    user_data: Box<UserData>,
}

unsafe impl Send for Guarded {}
unsafe impl Sync for Guarded {}

/// The demo application with a guard.
pub fn guarded_app(provider: &Simulator) -> App {
    with_guard(app(provider))
}

pub fn with_guard(app: App) -> App {
    app.set_renewal_guard(Some(enter)).unwrap();
    app
}

impl Guarded {
    fn made(
        guard: Guard,
        on_token: Option<OnToken>,
        make: impl FnOnce(*mut c_void, *mut Handle) -> Handle,
    ) -> Result<Guarded, Error> {
        let (entered, client) = Default::default();
        let user_data = Box::new(UserData { guard, on_token, entered, client });
        let mut handle = null_mut();
        let pointer: *const UserData = &*user_data;
        Error::check(make(pointer.cast_mut().cast(), &mut handle))?;
        user_data.client.store(handle, Ordering::SeqCst);
        Ok(Guarded { handle, user_data })
    }

    pub fn from_token(
        app: &App,
        token: &str,
        guard: impl Fn(&Renewal) -> c_int + Send + Sync + 'static,
    ) -> Guarded {
        let token = CString::new(token).unwrap();
        Guarded::made(Box::new(guard), None, |user_data, client| unsafe {
            (interface().from_token)(app.0, token.as_ptr(), Some(first_token), user_data, client)
        })
        .unwrap()
    }

    /// The second step of a login whose person comes back to this address.
    pub fn step_two(
        app: &App,
        session: &str,
        redirect: &str,
        on_token: Option<OnToken>,
        guard: impl Fn(&Renewal) -> c_int + Send + Sync + 'static,
    ) -> Guarded {
        let (session, redirect) = (CString::new(session).unwrap(), CString::new(redirect).unwrap());
        let callback: Option<unsafe extern "C" fn(_, _) -> _> = match on_token {
            Some(_) => Some(first_token),
            None => None,
        };
        Guarded::made(Box::new(guard), on_token, |user_data, client| unsafe {
            let (session, redirect) = (session.as_ptr(), redirect.as_ptr());
            (interface().step_two)(app.0, session, redirect, callback, user_data, client)
        })
        .unwrap()
    }

    /// A whole login at the simulator.
    pub fn log_in(
        app: &App,
        provider: &Simulator,
        on_token: Option<OnToken>,
        guard: impl Fn(&Renewal) -> c_int + Send + Sync + 'static,
    ) -> Guarded {
        let session = app.step_one(None).unwrap();
        let redirect = provider.visit(&session.authorization_uri, Decision::Grant).unwrap();
        Guarded::step_two(app, &session.session, &redirect, on_token, guard)
    }

    /// How often the guard was entered.
    pub fn entered(&self) -> usize {
        self.user_data.entered.load(Ordering::SeqCst)
    }

    pub fn get(&self, path: &str) -> Result<u16, Error> {
        get(self.handle, path)
    }

    pub fn refresh(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().refresh)(self.handle) })
    }

    pub fn save(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().save)(self.handle) })
    }

    pub fn token(&self) -> String {
        token(self.handle)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        unsafe { (interface().free)(self.handle) }
    }
}

/// The status of an answer, for a handle in a guard's hands too.
pub fn get(client: Handle, path: &str) -> Result<u16, Error> {
    let (c, path) = (interface(), CString::new(path).unwrap());
    let mut response = null_mut();
    Error::check(unsafe { (c.get)(client, path.as_ptr(), &mut response) })?;
    let status = unsafe { (c.response_status)(response) };
    unsafe { (c.response_free)(response) };
    Ok(status)
}

pub fn token(client: Handle) -> String {
    let mut json = null_mut();
    Error::check(unsafe { (interface().token)(client, &mut json) }).unwrap();
    let copy = unsafe { CStr::from_ptr(json) }.to_str().unwrap().to_owned();
    unsafe { (interface().string_free)(json) };
    copy
}

/// A token with one field changed.
pub fn with(token: &str, name: &str, value: impl Into<Value>) -> String {
    let mut token: Value = serde_json::from_str(token).unwrap();
    token[name] = value.into();
    token.to_string()
}

pub fn field(token: &str, name: &str) -> String {
    let token: Value = serde_json::from_str(token).unwrap();
    token[name].as_str().map_or_else(|| token[name].to_string(), str::to_owned)
}

/// Whether both hold the same pair of tokens.
pub fn same(one: &str, other: &str) -> bool {
    ["access_token", "refresh_token"].iter().all(|name| field(one, name) == field(other, name))
}
