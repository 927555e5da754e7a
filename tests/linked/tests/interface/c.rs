//! The C interface as a Rust test that is linked with the library sees it, for Miri: what it calls,
//! declared as the header has it, and the least that makes it pleasant to call.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;

use fitbit_linked::{
    FitbitClientAuth, FitbitEndpoint, FitbitErrorCode, FitbitLogLevel, FitbitProvider,
};

/// Any handle: what it points to is the library's own.
pub type Handle = *mut c_void;
pub type Text = *const c_char;
pub type TokenCallback = Option<unsafe extern "C" fn(Text, *mut c_void) -> c_int>;
pub type Guard = Option<unsafe extern "C" fn(Handle, *mut c_void) -> c_int>;
pub type Logger = Option<unsafe extern "C" fn(FitbitLogLevel, Text, *mut c_void)>;

/// What C passes for an enumeration: any number.
pub fn number<E>(value: u32) -> MaybeUninit<E> {
    const { assert!(size_of::<E>() == size_of::<u32>()) };
    let mut number = MaybeUninit::<E>::uninit();
    // SAFETY: both have four bytes.
    unsafe { number.as_mut_ptr().cast::<u32>().write(value) };
    number
}

unsafe extern "C" {
    pub fn fitbit_app_new(
        _: MaybeUninit<FitbitProvider>,
        _: Text,
        _: Text,
        _: Text,
        _: *mut Handle,
    ) -> Handle;
    pub fn fitbit_app_set_scopes(_: Handle, _: Text) -> Handle;
    pub fn fitbit_app_set_endpoint(_: Handle, _: MaybeUninit<FitbitEndpoint>, _: Text) -> Handle;
    pub fn fitbit_app_set_client_auth(_: Handle, _: MaybeUninit<FitbitClientAuth>) -> Handle;
    pub fn fitbit_app_set_header(_: Handle, _: Text, _: Text) -> Handle;
    pub fn fitbit_app_set_timeout_ms(_: Handle, _: u32) -> Handle;
    pub fn fitbit_app_set_refresh_leeway(_: Handle, _: u32) -> Handle;
    pub fn fitbit_app_set_max_body(_: Handle, _: usize) -> Handle;
    pub fn fitbit_app_set_proxy(_: Handle, _: Text) -> Handle;
    pub fn fitbit_app_set_logger(
        _: Handle,
        _: MaybeUninit<FitbitLogLevel>,
        _: Logger,
        _: *mut c_void,
    ) -> Handle;
    pub fn fitbit_app_set_renewal_guard(_: Handle, _: Guard) -> Handle;
    pub fn fitbit_app_dup(_: Handle, _: *mut Handle) -> Handle;
    pub fn fitbit_app_cancel(_: Handle);
    pub fn fitbit_app_abort(_: Handle);
    pub fn fitbit_app_shutdown(_: Handle);
    pub fn fitbit_app_free(_: Handle);
    pub fn fitbit_step_one(_: Handle, _: Text, _: *mut *mut c_char, _: *mut *mut c_char) -> Handle;
    pub fn fitbit_step_two(
        _: Handle,
        _: Text,
        _: Text,
        _: TokenCallback,
        _: *mut c_void,
        _: *mut Handle,
    ) -> Handle;
    pub fn fitbit_from_token(
        _: Handle,
        _: Text,
        _: TokenCallback,
        _: *mut c_void,
        _: *mut Handle,
    ) -> Handle;
    pub fn fitbit_from_file(_: Handle, _: Text, _: *mut Handle) -> Handle;
    pub fn fitbit_dup(_: Handle, _: *mut Handle) -> Handle;
    pub fn fitbit_set_header(_: Handle, _: Text, _: Text) -> Handle;
    pub fn fitbit_set_timeout_ms(_: Handle, _: u32) -> Handle;
    pub fn fitbit_set_rate_limit_wait(_: Handle, _: u32) -> Handle;
    pub fn fitbit_abort(_: Handle);
    pub fn fitbit_set_token_file(_: Handle, _: Text) -> Handle;
    pub fn fitbit_get(_: Handle, _: Text, _: *mut Handle) -> Handle;
    pub fn fitbit_token(_: Handle, _: *mut *mut c_char) -> Handle;
    pub fn fitbit_token_field(_: Handle, _: Text, _: *mut *mut c_char) -> Handle;
    pub fn fitbit_refresh(_: Handle) -> Handle;
    pub fn fitbit_save(_: Handle) -> Handle;
    pub fn fitbit_free(_: Handle);
    pub fn fitbit_response_status(_: Handle) -> u16;
    pub fn fitbit_response_body(_: Handle) -> Text;
    pub fn fitbit_response_free(_: Handle);
    pub fn fitbit_error_code(_: Handle) -> MaybeUninit<FitbitErrorCode>;
    pub fn fitbit_error_message(_: Handle) -> Text;
    pub fn fitbit_error_http_status(_: Handle) -> u16;
    pub fn fitbit_error_provider_type(_: Handle) -> Text;
    pub fn fitbit_error_body(_: Handle) -> Text;
    pub fn fitbit_error_retry_after(_: Handle) -> i64;
    pub fn fitbit_error_code_name(_: MaybeUninit<FitbitErrorCode>) -> Text;
    pub fn fitbit_error_free(_: Handle);
    pub fn fitbit_string_free(_: *mut c_char);
    pub fn fitbit_version() -> Text;
}

/// What a fallible call said: its code's name and its message; freed.
pub fn said(error: Handle) -> Result<(), (String, String)> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: a living error, looked at in every way and freed once.
    unsafe {
        let name = copied(fitbit_error_code_name(fitbit_error_code(error)));
        let message = copied(fitbit_error_message(error));
        fitbit_error_http_status(error);
        fitbit_error_retry_after(error);
        for text in [fitbit_error_provider_type(error), fitbit_error_body(error)] {
            assert!(text.is_null() || !copied(text).is_empty());
        }
        fitbit_error_free(error);
        Err((name.trim_start_matches("FITBIT_ERROR_").to_owned(), message))
    }
}

/// Asserts that the call failed with this code, and that its message begins so.
#[track_caller]
pub fn refused(error: Handle, code: &str, beginning: &str) {
    let (name, message) = said(error).expect_err("this cannot succeed");
    assert_eq!(name, code, "{message}");
    assert!(message.starts_with(beginning), "{message} does not begin with {beginning}");
}

#[track_caller]
pub fn done(error: Handle) {
    if let Err(why) = said(error) {
        panic!("{why:?}");
    }
}

pub fn copied(text: Text) -> String {
    // SAFETY: the library's texts are NUL-terminated.
    unsafe { CStr::from_ptr(text) }.to_str().expect("the library writes UTF-8").to_owned()
}

/// A text that the library gave, freed.
pub fn taken(text: *mut c_char) -> Option<String> {
    let copy = (!text.is_null()).then(|| copied(text));
    // SAFETY: it is the library's, or NULL.
    unsafe { fitbit_string_free(text) };
    copy
}

pub fn text(text: &str) -> CString {
    CString::new(text).expect("no NUL inside")
}

/// An app of Fitbit's.
pub fn app() -> Handle {
    let mut app = null_mut();
    let uri = c"http://127.0.0.1:8080/callback".as_ptr();
    // SAFETY: all are texts, and the handle may be written to.
    done(unsafe {
        fitbit_app_new(number(1), c"22SRVR".as_ptr(), c"a secret".as_ptr(), uri, &mut app)
    });
    // The library keeps panics quiet, and here its standard library is the test's as well.
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    app
}
