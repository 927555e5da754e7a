//! The C interface, as the header declares it, loaded from the shipped library.

#![allow(non_snake_case)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use crate::library;

pub type TokenCallback = Option<unsafe extern "C" fn(*const c_char, *mut c_void) -> c_int>;

pub type OpenCallback = Option<unsafe extern "C" fn(*const c_char, *mut c_void) -> c_int>;

pub type LogCallback = Option<unsafe extern "C" fn(u32, *const c_char, *mut c_void)>;

/// What a guard is given is a `FitbitRenewal *`.
pub type RenewalGuard = Option<unsafe extern "C" fn(Handle, *mut c_void) -> c_int>;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    pub limit: i32,
    pub remaining: i32,
    pub reset_seconds: i32,
}

/// Any handle: what it points to is the library's own.
pub type Handle = *mut c_void;
type Text = *const c_char;
type OutText = *mut *mut c_char;
type Out = *mut Handle;

macro_rules! interface {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// Every function of the header.
        pub struct Interface {
            $(pub $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Interface {
            fn load() -> Interface {
                let path = CString::new(library::shared().as_os_str().as_bytes()).expect("a path");
                unsafe {
                    let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
                    assert!(!library.is_null(), "{:?}", CStr::from_ptr(libc::dlerror()));
                    Interface {
                        $($name: {
                            let name = concat!("fitbit_", stringify!($name), "\0");
                            let symbol = libc::dlsym(library, name.as_ptr().cast());
                            assert!(!symbol.is_null(), "{name} is not exported");
                            std::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn($($argument),*) $(-> $result)?,
                            >(symbol)
                        },)*
                    }
                }
            }
        }

        /// Their names, as the header has them.
        pub const NAMES: &[&str] = &[$(concat!("fitbit_", stringify!($name))),*];
    };
}

interface! {
    app_new: fn(u32, Text, Text, Text, Out) -> Handle;
    app_set_scopes: fn(Handle, Text) -> Handle;
    app_set_endpoint: fn(Handle, u32, Text) -> Handle;
    app_set_client_auth: fn(Handle, u32) -> Handle;
    app_set_header: fn(Handle, Text, Text) -> Handle;
    app_set_timeout_ms: fn(Handle, u32) -> Handle;
    app_set_refresh_leeway: fn(Handle, u32) -> Handle;
    app_set_max_body: fn(Handle, usize) -> Handle;
    app_set_rate_limit_wait: fn(Handle, u32) -> Handle;
    app_set_proxy: fn(Handle, Text) -> Handle;
    app_set_ca_file: fn(Handle, Text) -> Handle;
    app_set_logger: fn(Handle, u32, LogCallback, *mut c_void) -> Handle;
    app_set_renewal_guard: fn(Handle, RenewalGuard) -> Handle;
    app_dup: fn(Handle, Out) -> Handle;
    app_cancel: fn(Handle);
    app_abort: fn(Handle);
    app_shutdown: fn(Handle);
    app_free: fn(Handle);
    step_one: fn(Handle, Text, OutText, OutText) -> Handle;
    step_two: fn(Handle, Text, Text, TokenCallback, *mut c_void, Out) -> Handle;
    login: fn(Handle, u32, OpenCallback, *mut c_void, TokenCallback, *mut c_void, Out) -> Handle;
    from_token: fn(Handle, Text, TokenCallback, *mut c_void, Out) -> Handle;
    from_file: fn(Handle, Text, Out) -> Handle;
    dup: fn(Handle, Out) -> Handle;
    set_timeout_ms: fn(Handle, u32) -> Handle;
    set_rate_limit_wait: fn(Handle, u32) -> Handle;
    abort: fn(Handle);
    free: fn(Handle);
    get: fn(Handle, Text, Out) -> Handle;
    post: fn(Handle, Text, Text, Out) -> Handle;
    delete: fn(Handle, Text, Out) -> Handle;
    request: fn(Handle, Text, Text, Text, *const c_void, usize, Out) -> Handle;
    next_page: fn(Handle, Handle, Out) -> Handle;
    set_header: fn(Handle, Text, Text) -> Handle;
    response_status: fn(Handle) -> u16;
    response_body: fn(Handle) -> Text;
    response_body_len: fn(Handle) -> usize;
    response_header: fn(Handle, Text) -> Text;
    response_free: fn(Handle);
    token: fn(Handle, OutText) -> Handle;
    token_field: fn(Handle, Text, OutText) -> Handle;
    user_id: fn(Handle, OutText) -> Handle;
    refresh: fn(Handle) -> Handle;
    save: fn(Handle) -> Handle;
    revoke: fn(Handle) -> Handle;
    set_token_file: fn(Handle, Text) -> Handle;
    renewal_run: fn(Handle, Text, *mut Text) -> Handle;
    verify_signature: fn(Handle, Text, *const c_void, usize) -> Handle;
    rate_limit: fn(Handle, *mut RateLimit) -> bool;
    error_code: fn(Handle) -> u32;
    error_message: fn(Handle) -> Text;
    error_http_status: fn(Handle) -> u16;
    error_provider_type: fn(Handle) -> Text;
    error_body: fn(Handle) -> Text;
    error_retry_after: fn(Handle) -> i64;
    error_code_name: fn(u32) -> Text;
    error_free: fn(Handle);
    string_free: fn(*mut c_char);
    version: fn() -> Text;
}

/// The library, built and loaded when it is first asked for.
pub fn interface() -> &'static Interface {
    static INTERFACE: OnceLock<Interface> = OnceLock::new();
    INTERFACE.get_or_init(Interface::load)
}
