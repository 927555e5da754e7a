//! A client whose token stands in a row of a database that is only played: the guard reads the row,
//! runs the renewal, and writes what comes back.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::Mutex;

use fitbit_test_support::interface::Handle;
use fitbit_test_support::{App, Error, interface};

/// What the guard does with its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    Commits,
    RollsBack,
    /// It ends before the renewal was run.
    Fails,
}

struct Database {
    row: String,
    next: Transaction,
    /// What each run gave to be stored.
    given: Vec<Option<String>>,
    entered: usize,
}

pub struct Guarded {
    handle: Handle,
    database: Box<Mutex<Database>>,
}

unsafe impl Sync for Guarded {}

unsafe extern "C" fn guard(renewal: Handle, user_data: *mut c_void) -> c_int {
    let database = unsafe { &*user_data.cast::<Mutex<Database>>() };
    let mut database = database.lock().expect("no panic in a guard");
    database.entered += 1;
    if database.next == Transaction::Fails {
        return 0;
    }
    let stored = CString::new(database.row.as_str()).expect("no NUL inside");
    let mut new: *const c_char = null();
    let run = unsafe { (interface().renewal_run)(renewal, stored.as_ptr(), &mut new) };
    if Error::check(run).is_err() {
        return 0;
    }
    let text = |new| unsafe { CStr::from_ptr(new) }.to_str().expect("a token is UTF-8").to_owned();
    let new = (!new.is_null()).then(|| text(new));
    database.given.push(new.clone());
    if database.next == Transaction::RollsBack {
        return 0;
    }
    if let Some(new) = new {
        database.row = new;
    }
    1
}

impl Guarded {
    /// The client and the row begin with the same token.
    pub fn new(app: App, token: &str) -> Guarded {
        app.set_renewal_guard(Some(guard)).unwrap();
        let database = Box::new(Mutex::new(Database {
            row: token.to_owned(),
            next: Transaction::Commits,
            given: vec![],
            entered: 0,
        }));
        let pointer: *const Mutex<Database> = &*database;
        let token = CString::new(token).unwrap();
        let mut handle = null_mut();
        Error::check(unsafe {
            let user_data = pointer.cast_mut().cast();
            (interface().from_token)(app.0, token.as_ptr(), None, user_data, &mut handle)
        })
        .unwrap();
        Guarded { handle, database }
    }

    /// What somebody else stores.
    pub fn store(&self, token: &str) {
        self.database.lock().unwrap().row = token.to_owned();
    }

    pub fn row(&self) -> String {
        self.database.lock().unwrap().row.clone()
    }

    /// What becomes of every later transaction.
    pub fn set_next(&self, transaction: Transaction) {
        self.database.lock().unwrap().next = transaction;
    }

    pub fn entered(&self) -> usize {
        self.database.lock().unwrap().entered
    }

    /// What the runs so far gave to be stored.
    pub fn given(&self) -> Vec<Option<String>> {
        self.database.lock().unwrap().given.clone()
    }

    pub fn revoke(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().revoke)(self.handle) })
    }

    pub fn save(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().save)(self.handle) })
    }

    pub fn get(&self, path: &str) -> Result<(), Error> {
        let path = CString::new(path).unwrap();
        let mut response = null_mut();
        let c = interface();
        Error::check(unsafe { (c.get)(self.handle, path.as_ptr(), &mut response) })?;
        unsafe { (c.response_free)(response) };
        Ok(())
    }

    pub fn user_id(&self) -> Result<String, Error> {
        let mut id = null_mut();
        let c = interface();
        Error::check(unsafe { (c.user_id)(self.handle, &mut id) })?;
        let copy = unsafe { CStr::from_ptr(id) }.to_str().unwrap().to_owned();
        unsafe { (c.string_free)(id) };
        Ok(copy)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        unsafe { (interface().free)(self.handle) }
    }
}
