//! A database row for the tests, and the guard that renews in a transaction around it.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::Mutex;

use fitbit_test_support::interface::Handle;
use fitbit_test_support::{App, Error, interface};

/// The row: what is stored, and how many transactions will not be committed.
pub struct Row {
    pub stored: Mutex<String>,
    pub failures: Mutex<u32>,
}

impl Row {
    pub fn holding(token: &str) -> Row {
        Row { stored: Mutex::new(token.to_owned()), failures: Mutex::new(0) }
    }

    pub fn read(&self) -> String {
        self.stored.lock().unwrap().clone()
    }
}

unsafe extern "C" fn guard(renewal: Handle, row: *mut c_void) -> c_int {
    let row = unsafe { &*row.cast::<Row>() };
    let mut stored = row.stored.lock().unwrap();
    let text = CString::new(stored.as_str()).unwrap();
    let mut new: *const c_char = null();
    let error = unsafe { (interface().renewal_run)(renewal, text.as_ptr(), &mut new) };
    if Error::check(error).is_err() {
        return 0;
    }
    let mut failures = row.failures.lock().unwrap();
    if *failures > 0 {
        *failures -= 1;
        return 0;
    }
    if !new.is_null() {
        *stored = unsafe { CStr::from_ptr(new) }.to_str().unwrap().to_owned();
    }
    1
}

/// A client whose renewals go through the row.
pub struct Guarded<'a> {
    pub handle: Handle,
    _row: &'a Row,
}

impl<'a> Guarded<'a> {
    pub fn from_token(app: &App, token: &str, row: &'a Row) -> Guarded<'a> {
        app.set_renewal_guard(Some(guard)).unwrap();
        let token = CString::new(token).unwrap();
        let user_data = std::ptr::from_ref(row).cast_mut().cast();
        let mut handle = null_mut();
        Error::check(unsafe {
            (interface().from_token)(app.0, token.as_ptr(), None, user_data, &mut handle)
        })
        .unwrap();
        Guarded { handle, _row: row }
    }

    pub fn refresh(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().refresh)(self.handle) })
    }
}

impl Drop for Guarded<'_> {
    fn drop(&mut self) {
        unsafe { (interface().free)(self.handle) }
    }
}
