//! The C interface called as a C program calls it, for Miri, which sees every access out of bounds,
//! every use after a free and every leak: `cargo +nightly miri test -p fitbit-linked`. It also runs as
//! an ordinary test. No request is sent; the signatures of notifications are left out, because their
//! arithmetic is assembly.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

use fitbit_linked as _; // its functions are called by their C names

type Text = *const c_char;
type Handle = *mut c_void;
type TokenCallback = Option<unsafe extern "C" fn(Text, Handle) -> c_int>;
type LogCallback = Option<unsafe extern "C" fn(u32, Text, Handle)>;

unsafe extern "C" {
    fn fitbit_app_new(
        provider: u32,
        id: Text,
        secret: Text,
        back: Text,
        app: *mut Handle,
    ) -> Handle;
    fn fitbit_app_set_scopes(app: Handle, scopes: Text) -> Handle;
    fn fitbit_app_set_endpoint(app: Handle, endpoint: u32, uri: Text) -> Handle;
    fn fitbit_app_set_client_auth(app: Handle, method: u32) -> Handle;
    fn fitbit_app_set_header(app: Handle, name: Text, value: Text) -> Handle;
    fn fitbit_app_set_timeout_ms(app: Handle, milliseconds: u32) -> Handle;
    fn fitbit_app_set_proxy(app: Handle, uri: Text) -> Handle;
    fn fitbit_app_set_logger(app: Handle, most: u32, log: LogCallback, data: Handle) -> Handle;
    fn fitbit_app_free(app: Handle);
    fn fitbit_step_one(
        app: Handle,
        params: Text,
        uri: *mut *mut c_char,
        session: *mut *mut c_char,
    ) -> Handle;
    fn fitbit_step_two(
        app: Handle,
        session: Text,
        redirect_uri: Text,
        on_token: TokenCallback,
        user_data: Handle,
        client: *mut Handle,
    ) -> Handle;
    fn fitbit_from_token(
        app: Handle,
        token: Text,
        on_token: TokenCallback,
        data: Handle,
        client: *mut Handle,
    ) -> Handle;
    fn fitbit_free(client: Handle);
    fn fitbit_token(client: Handle, token: *mut *mut c_char) -> Handle;
    fn fitbit_token_field(client: Handle, name: Text, value: *mut *mut c_char) -> Handle;
    fn fitbit_set_header(client: Handle, name: Text, value: Text) -> Handle;
    fn fitbit_save(client: Handle) -> Handle;
    fn fitbit_refresh(client: Handle) -> Handle;
    fn fitbit_get(client: Handle, path: Text, response: *mut Handle) -> Handle;
    fn fitbit_response_free(response: Handle);
    fn fitbit_string_free(string: *mut c_char);
    fn fitbit_error_code(error: Handle) -> u32;
    fn fitbit_error_message(error: Handle) -> Text;
    fn fitbit_error_http_status(error: Handle) -> u16;
    fn fitbit_error_provider_type(error: Handle) -> Text;
    fn fitbit_error_body(error: Handle) -> Text;
    fn fitbit_error_retry_after(error: Handle) -> i64;
    fn fitbit_error_code_name(code: u32) -> Text;
    fn fitbit_error_free(error: Handle);
    fn fitbit_version() -> Text;
}

const INVALID_ARGUMENT: u32 = 1;
const STATE_MISMATCH: u32 = 2;
const REAUTHORIZE: u32 = 6;
const NOT_UTF8: &CStr = c"\xff\xfe";
/// Good until 2100, and with no refresh token: nothing is ever asked for it.
const TOKEN: &CStr =
    c"{\"access_token\":\"a\",\"expires_in\":28800,\"expires_at\":4102444800,\"user_id\":\"U\"}";

/// Everything that an error tells; it is freed.
fn code_of(error: Handle) -> u32 {
    if error.is_null() {
        return 0;
    }
    unsafe {
        let code = fitbit_error_code(error);
        assert!(!CStr::from_ptr(fitbit_error_message(error)).is_empty());
        assert!(!CStr::from_ptr(fitbit_error_code_name(code)).is_empty());
        assert_eq!((fitbit_error_http_status(error), fitbit_error_retry_after(error)), (0, -1));
        assert!(fitbit_error_body(error).is_null() && fitbit_error_provider_type(error).is_null());
        fitbit_error_free(error);
        code
    }
}

fn taken(text: *mut c_char) -> String {
    unsafe {
        let taken = CStr::from_ptr(text).to_str().expect("UTF-8").to_owned();
        fitbit_string_free(text);
        taken
    }
}

fn app() -> Handle {
    let (back, mut app) = (c"https://app.example/back", null_mut());
    let made = unsafe {
        fitbit_app_new(1, c"22SRVR".as_ptr(), c"s3cr3t".as_ptr(), back.as_ptr(), &mut app)
    };
    assert_eq!(code_of(made), 0);
    app
}

fn client(app: Handle, on_token: TokenCallback, data: Handle) -> Handle {
    let mut client = null_mut();
    let made = unsafe { fitbit_from_token(app, TOKEN.as_ptr(), on_token, data, &mut client) };
    assert_eq!(code_of(made), 0);
    client
}

#[test]
fn null_bad_text_and_numbers_out_of_range_are_invalid_arguments() {
    unsafe {
        let (id, mut handle) = (c"id".as_ptr(), null_mut());
        for provider in [0, 3, 77, u32::MAX] {
            let made = fitbit_app_new(provider, id, null(), null(), &mut handle);
            assert_eq!(code_of(made), INVALID_ARGUMENT);
            assert!(handle.is_null());
        }
        for id in [null(), NOT_UTF8.as_ptr(), c"".as_ptr()] {
            let made = fitbit_app_new(1, id, null(), null(), &mut handle);
            assert_eq!(code_of(made), INVALID_ARGUMENT);
        }
        assert_eq!(code_of(fitbit_app_new(1, id, null(), null(), null_mut())), INVALID_ARGUMENT);
        let app = app();
        for text in [null(), NOT_UTF8.as_ptr(), c"".as_ptr()] {
            assert_eq!(code_of(fitbit_app_set_scopes(app, text)), INVALID_ARGUMENT);
            assert_eq!(code_of(fitbit_app_set_endpoint(app, 1, text)), INVALID_ARGUMENT);
            assert_eq!(code_of(fitbit_app_set_header(app, text, text)), INVALID_ARGUMENT);
        }
        assert_eq!(code_of(fitbit_app_set_proxy(app, NOT_UTF8.as_ptr())), INVALID_ARGUMENT);
        assert_eq!(code_of(fitbit_app_set_endpoint(app, 4, c"https://a".as_ptr())), 1);
        assert_eq!(code_of(fitbit_app_set_client_auth(app, u32::MAX)), INVALID_ARGUMENT);
        assert_eq!(code_of(fitbit_app_set_timeout_ms(app, 0)), INVALID_ARGUMENT);
        assert_eq!(code_of(fitbit_app_set_logger(app, 6, None, null_mut())), INVALID_ARGUMENT);
        for app in [null_mut(), app] {
            for token in [null(), NOT_UTF8.as_ptr(), c"[".as_ptr(), c"{}".as_ptr()] {
                let made = fitbit_from_token(app, token, None, null_mut(), &mut handle);
                assert_eq!(code_of(made), INVALID_ARGUMENT);
                assert!(handle.is_null());
            }
        }
        assert_eq!(code_of(fitbit_refresh(null_mut())), INVALID_ARGUMENT);
        fitbit_app_free(app);
        for free in [fitbit_app_free, fitbit_free, fitbit_response_free, fitbit_error_free] {
            free(null_mut());
        }
        fitbit_string_free(null_mut());
        assert_eq!(fitbit_error_code(null_mut()), 0);
        assert!(CStr::from_ptr(fitbit_error_message(null_mut())).is_empty());
        assert!(!CStr::from_ptr(fitbit_version()).is_empty());
    }
}

#[test]
fn a_session_made_in_step_one_is_read_up_to_the_exchange() {
    let app = app();
    let (mut uri, mut session, mut client) = (null_mut(), null_mut(), null_mut());
    unsafe {
        let made = fitbit_step_one(app, c"scope=sleep".as_ptr(), &mut uri, &mut session);
        assert_eq!(code_of(made), 0);
        let (uri, session) = (taken(uri), CString::new(taken(session)).expect("no NUL"));
        assert!(uri.contains("code_challenge_method=S256"));
        for (redirect, code) in [
            (c"/back?code=x&state=forged", STATE_MISMATCH),
            (c"/back?code=x", STATE_MISMATCH),
            (c"error=access_denied", STATE_MISMATCH),
            (c"a=1&a=2", STATE_MISMATCH),
            (NOT_UTF8, INVALID_ARGUMENT),
        ] {
            let (session, redirect) = (session.as_ptr(), redirect.as_ptr());
            let made = fitbit_step_two(app, session, redirect, None, null_mut(), &mut client);
            let said = code_of(made);
            assert!(said == code || said == STATE_MISMATCH || said == INVALID_ARGUMENT, "{said}");
            assert!(client.is_null());
        }
        let made =
            fitbit_step_two(app, c"{}".as_ptr(), c"/".as_ptr(), None, null_mut(), &mut client);
        assert_eq!(code_of(made), INVALID_ARGUMENT);
        fitbit_app_free(app);
    }
}

unsafe extern "C" fn count(_: u32, message: Text, lines: Handle) {
    unsafe {
        assert!(!CStr::from_ptr(message).is_empty());
        *lines.cast::<usize>() += 1;
    }
}

unsafe extern "C" fn never(_: Text, offered: Handle) -> c_int {
    unsafe { *offered.cast::<usize>() += 1 };
    0
}

#[test]
fn a_client_tells_its_token_and_outlives_its_app() {
    let app = app();
    let (mut lines, mut offered) = (0_usize, 0_usize);
    unsafe {
        let data = (&raw mut lines).cast();
        assert_eq!(code_of(fitbit_app_set_logger(app, 5, Some(count), data)), 0);
        let client = client(app, Some(never), (&raw mut offered).cast());
        fitbit_app_free(app);
        let (mut token, mut user, mut nothing) = (null_mut(), null_mut(), null_mut());
        assert_eq!(code_of(fitbit_token(client, &mut token)), 0);
        assert!(taken(token).contains("\"access_token\":\"a\""));
        assert_eq!(code_of(fitbit_token_field(client, c"user_id".as_ptr(), &mut user)), 0);
        assert_eq!(taken(user), "U");
        assert_eq!(code_of(fitbit_token_field(client, c"none".as_ptr(), &mut nothing)), 0);
        assert!(nothing.is_null());
        assert_eq!(code_of(fitbit_set_header(client, c"Accept".as_ptr(), c"a/b".as_ptr())), 0);
        assert_eq!(code_of(fitbit_set_header(client, c"Accept".as_ptr(), null())), 0);
        assert_eq!(code_of(fitbit_save(client)), 0);
        assert_eq!(code_of(fitbit_refresh(client)), REAUTHORIZE);
        let mut response = null_mut();
        assert_eq!(code_of(fitbit_get(client, c"a b".as_ptr(), &mut response)), INVALID_ARGUMENT);
        fitbit_free(client);
    }
    assert_eq!(offered, 0, "what was loaded is saved already");
}

struct Shared(Handle);
// The header says so: a client may be used from any number of threads at once.
unsafe impl Sync for Shared {}

#[test]
fn threads_share_a_client_whose_login_has_ended() {
    let app = app();
    let client = Shared(client(app, None, null_mut()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let (client, mut token) = (&client, null_mut());
                unsafe {
                    assert_eq!(code_of(fitbit_refresh(client.0)), REAUTHORIZE);
                    assert_eq!(code_of(fitbit_token(client.0, &mut token)), 0);
                    assert_eq!(code_of(fitbit_save(client.0)), 0);
                }
                assert!(!taken(token).is_empty());
            });
        }
    });
    unsafe {
        fitbit_free(client.0);
        fitbit_app_free(app);
    }
}
