//! Name lookups that fail, or hang, when a test wants them to.
//!
//! The linker finds a program's own `getaddrinfo` before the C library's. So the shared library
//! under test calls the one here. It knows the names below [`DOMAIN`], and passes every other on.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::plan::Plan;

/// What the certificate is for, too: `*` stands for one label.
pub const DOMAIN: &str = ".lost-answers.test";

fn names() -> &'static Mutex<HashMap<String, Arc<Plan>>> {
    static NAMES: OnceLock<Mutex<HashMap<String, Arc<Plan>>>> = OnceLock::new();
    NAMES.get_or_init(Mutex::default)
}

/// A name of its own, which is looked up as `plan` says, and is 127.0.0.1.
pub fn name(plan: &Arc<Plan>) -> String {
    let mut names = names().lock().unwrap_or_else(PoisonError::into_inner);
    let name = format!("n{}{DOMAIN}", names.len());
    names.insert(name.clone(), plan.clone());
    name
}

type GetAddrInfo = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const libc::addrinfo,
    *mut *mut libc::addrinfo,
) -> c_int;

fn the_c_librarys() -> GetAddrInfo {
    static FOUND: OnceLock<GetAddrInfo> = OnceLock::new();
    *FOUND.get_or_init(|| unsafe {
        let found = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!found.is_null(), "every C library has it");
        std::mem::transmute::<*mut libc::c_void, GetAddrInfo>(found)
    })
}

/// # Safety
///
/// As getaddrinfo(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    let asked = if node.is_null() { c"" } else { unsafe { CStr::from_ptr(node) } };
    let plan =
        asked.to_str().ok().filter(|name| name.ends_with(DOMAIN)).and_then(|name| {
            names().lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
        });
    let Some(plan) = plan else {
        return unsafe { the_c_librarys()(node, service, hints, found) };
    };
    if !plan.look_up() {
        return libc::EAI_NONAME;
    }
    unsafe { the_c_librarys()(c"127.0.0.1".as_ptr(), service, hints, found) }
}
