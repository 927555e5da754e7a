//! The C interface, linked in, and handles that free themselves.
//!
//! Every error passes through [`outcome`], which looks at all of it: what may never be in one is
//! asserted there, once for all targets.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

use fitbit_linked as _;

use crate::judge;

pub type Handle = *mut c_void;
type Text = *const c_char;
type Saver = Option<unsafe extern "C" fn(Text, *mut c_void) -> c_int>;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimit {
    pub limit: i32,
    pub remaining: i32,
    pub reset_seconds: i32,
}

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
    fn fitbit_app_set_header(app: Handle, name: Text, value: Text) -> Handle;
    fn fitbit_app_set_timeout_ms(app: Handle, milliseconds: u32) -> Handle;
    fn fitbit_app_set_max_body(app: Handle, bytes: usize) -> Handle;
    fn fitbit_app_set_proxy(app: Handle, uri: Text) -> Handle;
    fn fitbit_app_set_logger(
        app: Handle,
        most: u32,
        log: Option<unsafe extern "C" fn(u32, Text, *mut c_void)>,
        data: *mut c_void,
    ) -> Handle;
    fn fitbit_app_free(app: Handle);
    fn fitbit_step_one(app: Handle, params: Text, uri: *mut Text, session: *mut Text) -> Handle;
    fn fitbit_step_two(
        app: Handle,
        session: Text,
        redirect: Text,
        save: Saver,
        data: *mut c_void,
        client: *mut Handle,
    ) -> Handle;
    fn fitbit_from_token(
        app: Handle,
        token: Text,
        save: Saver,
        data: *mut c_void,
        client: *mut Handle,
    ) -> Handle;
    fn fitbit_free(client: Handle);
    fn fitbit_request(
        client: Handle,
        method: Text,
        path: Text,
        content_type: Text,
        body: *const c_void,
        len: usize,
        response: *mut Handle,
    ) -> Handle;
    fn fitbit_get(client: Handle, path: Text, response: *mut Handle) -> Handle;
    fn fitbit_post(client: Handle, path: Text, form: Text, response: *mut Handle) -> Handle;
    fn fitbit_next_page(client: Handle, page: Handle, next: *mut Handle) -> Handle;
    fn fitbit_set_header(client: Handle, name: Text, value: Text) -> Handle;
    fn fitbit_response_status(response: Handle) -> u16;
    fn fitbit_response_body(response: Handle) -> Text;
    fn fitbit_response_body_len(response: Handle) -> usize;
    fn fitbit_response_header(response: Handle, name: Text) -> Text;
    fn fitbit_response_free(response: Handle);
    fn fitbit_token(client: Handle, json: *mut Text) -> Handle;
    fn fitbit_token_field(client: Handle, name: Text, value: *mut Text) -> Handle;
    fn fitbit_user_id(client: Handle, id: *mut Text) -> Handle;
    fn fitbit_refresh(client: Handle) -> Handle;
    fn fitbit_save(client: Handle) -> Handle;
    fn fitbit_revoke(client: Handle) -> Handle;
    fn fitbit_rate_limit(client: Handle, limit: *mut RateLimit) -> bool;
    fn fitbit_verify_signature(app: Handle, given: Text, body: *const c_void, n: usize) -> Handle;
    fn fitbit_error_code(error: Handle) -> u32;
    fn fitbit_error_message(error: Handle) -> Text;
    fn fitbit_error_http_status(error: Handle) -> u16;
    fn fitbit_error_provider_type(error: Handle) -> Text;
    fn fitbit_error_body(error: Handle) -> Text;
    fn fitbit_error_retry_after(error: Handle) -> i64;
    fn fitbit_error_free(error: Handle);
    fn fitbit_string_free(text: Text);
}

const INTERNAL: u32 = 17;
const LAST_CODE: u32 = 18;

/// Calls the library once.
pub fn touch() {
    // SAFETY: NULL is allowed.
    unsafe { fitbit_free(null_mut()) }
}

#[derive(Debug)]
pub struct Failure {
    pub code: u32,
    pub http_status: u16,
}

fn borrowed<'a>(text: Text) -> Option<&'a str> {
    // SAFETY: the library's texts are NULL or NUL-terminated, and live until their handle is freed.
    let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })?;
    Some(text.to_str().expect("what the library says is UTF-8"))
}

fn owned(text: Text) -> Option<String> {
    let copy = borrowed(text).map(str::to_owned);
    // SAFETY: the library gave it, and it is freed once.
    unsafe { fitbit_string_free(text) };
    copy
}

/// A string of C's; `None` where there is a NUL inside, which C cannot say.
fn c(text: &[u8]) -> CString {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    CString::new(&text[..end]).expect("it was cut at the first NUL")
}

fn outcome(error: Handle) -> Result<(), Failure> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: an error that the library gave a moment ago, freed once, at the end.
    unsafe {
        let failure = Failure {
            code: fitbit_error_code(error),
            http_status: fitbit_error_http_status(error),
        };
        let message = borrowed(fitbit_error_message(error)).expect("there is always a message");
        let kind = borrowed(fitbit_error_provider_type(error));
        let body = borrowed(fitbit_error_body(error));
        assert!((1..=LAST_CODE).contains(&failure.code), "code {}", failure.code);
        assert_ne!(failure.code, INTERNAL, "{message}");
        assert!(!message.is_empty() && message.len() < 8 * 1024, "{message:?}");
        for line in [Some(message), kind].into_iter().flatten() {
            assert!(!line.chars().any(char::is_control), "{line:?}");
            judge::said(line);
        }
        if let Some(body) = body {
            let bad = |c: char| c.is_control() && !"\n\r\t".contains(c);
            assert!(!body.chars().any(bad) && body.len() <= (64 << 10) + 16, "{body:?}");
            judge::said(body);
        }
        let wait = fitbit_error_retry_after(error);
        assert!(wait >= -1, "retry after {wait}");
        fitbit_error_free(error);
        Err(failure)
    }
}

/// Called with one out-pointer that is a text.
fn text_of(call: impl FnOnce(*mut Text) -> Handle) -> Result<Option<String>, Failure> {
    let mut text = null();
    let done = outcome(call(&mut text));
    let text = owned(text);
    assert!(done.is_ok() || text.is_none(), "a result, and an error");
    done.map(|()| text)
}

/// Called with one out-pointer that is a handle; NULL is `None`.
fn handle_of(call: impl FnOnce(*mut Handle) -> Handle) -> Result<Option<Handle>, Failure> {
    let mut handle = null_mut();
    let done = outcome(call(&mut handle));
    assert!(done.is_ok() || handle.is_null(), "a result, and an error");
    done.map(|()| (!handle.is_null()).then_some(handle))
}

unsafe extern "C" fn log(_level: u32, line: Text, _data: *mut c_void) {
    let line = borrowed(line).expect("a line is no NULL");
    assert!(!line.chars().any(char::is_control), "{line:?}");
    judge::said(line);
}

pub struct App(Handle);

// SAFETY: an app may be used from any thread.
unsafe impl Send for App {}
// SAFETY: the same.
unsafe impl Sync for App {}

impl App {
    pub fn new(provider: u32, id: &[u8], secret: &[u8], back: &[u8]) -> Result<App, Failure> {
        let (id, secret, back) = (c(id), c(secret), c(back));
        // SAFETY: strings that live as long as the call.
        let app = handle_of(|out| unsafe {
            fitbit_app_new(provider, id.as_ptr(), secret.as_ptr(), back.as_ptr(), out)
        })?;
        let app = App(app.expect("success gives an app"));
        // SAFETY: as above.
        outcome(unsafe { fitbit_app_set_logger(app.0, 5, Some(log), null_mut()) })?;
        Ok(app)
    }

    pub fn set_endpoint(&self, endpoint: u32, uri: &[u8]) -> Result<(), Failure> {
        // SAFETY: a living app, a string that lives as long as the call; the same below.
        outcome(unsafe { fitbit_app_set_endpoint(self.0, endpoint, c(uri).as_ptr()) })
    }

    pub fn set_timeout(&self, milliseconds: u32) {
        // SAFETY: as above.
        outcome(unsafe { fitbit_app_set_timeout_ms(self.0, milliseconds) }).expect("it is allowed");
    }

    pub fn set_max_body(&self, bytes: usize) {
        // SAFETY: as above.
        outcome(unsafe { fitbit_app_set_max_body(self.0, bytes) }).expect("it is allowed");
    }

    pub fn set_scopes(&self, scopes: &[u8]) -> Result<(), Failure> {
        // SAFETY: as above.
        outcome(unsafe { fitbit_app_set_scopes(self.0, c(scopes).as_ptr()) })
    }

    pub fn set_proxy(&self, uri: Option<&[u8]>) -> Result<(), Failure> {
        let uri = uri.map(c);
        // SAFETY: as above.
        outcome(unsafe {
            fitbit_app_set_proxy(self.0, uri.as_ref().map_or(null(), |uri| uri.as_ptr()))
        })
    }

    pub fn set_header(&self, name: &[u8], value: &[u8]) -> Result<(), Failure> {
        // SAFETY: as above.
        outcome(unsafe { fitbit_app_set_header(self.0, c(name).as_ptr(), c(value).as_ptr()) })
    }

    /// The address and the session.
    pub fn step_one(&self, params: &[u8]) -> Result<(String, String), Failure> {
        let (mut uri, mut session) = (null(), null());
        // SAFETY: as above.
        let done =
            outcome(unsafe { fitbit_step_one(self.0, c(params).as_ptr(), &mut uri, &mut session) });
        let both = (owned(uri), owned(session));
        done.map(|()| (both.0.expect("an address"), both.1.expect("a session")))
    }

    pub fn step_two(&self, session: &[u8], redirect: &[u8]) -> Result<Client, Failure> {
        let (session, redirect) = (c(session), c(redirect));
        // SAFETY: as above; without a callback.
        let client = handle_of(|out| unsafe {
            fitbit_step_two(self.0, session.as_ptr(), redirect.as_ptr(), None, null_mut(), out)
        })?;
        Ok(Client(client.expect("success gives a client"), None))
    }

    pub fn load(&self, token: &[u8]) -> Result<Client, Failure> {
        self.saving(token, None, null_mut(), None)
    }

    /// A client whose tokens come into a list; `saves` is what the callback answers.
    pub fn keeping(&self, token: &[u8], saves: bool) -> Result<Client, Failure> {
        let mut kept = Box::new(Kept { saves, tokens: Vec::new() });
        let data: *mut Kept = &mut *kept;
        self.saving(token, Some(keep), data.cast(), Some(kept))
    }

    fn saving(
        &self,
        token: &[u8],
        save: Saver,
        data: *mut c_void,
        kept: Option<Box<Kept>>,
    ) -> Result<Client, Failure> {
        let token = c(token);
        // SAFETY: as above; `kept` outlives the client.
        let client =
            handle_of(|out| unsafe { fitbit_from_token(self.0, token.as_ptr(), save, data, out) })?;
        Ok(Client(client.expect("success gives a client"), kept))
    }

    pub fn verify_signature(&self, signature: &[u8], body: &[u8]) -> Result<(), Failure> {
        // SAFETY: as above.
        outcome(unsafe {
            let signature = c(signature);
            fitbit_verify_signature(self.0, signature.as_ptr(), body.as_ptr().cast(), body.len())
        })
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { fitbit_app_free(self.0) }
    }
}

pub struct Kept {
    saves: bool,
    tokens: Vec<String>,
}

unsafe extern "C" fn keep(token: Text, data: *mut c_void) -> c_int {
    // SAFETY: what `keeping` passed, which outlives its client; callbacks run one at a time.
    let kept = unsafe { &mut *data.cast::<Kept>() };
    kept.tokens.push(borrowed(token).expect("a token is no NULL").to_owned());
    c_int::from(kept.saves)
}

pub struct Client(Handle, Option<Box<Kept>>);

impl Client {
    /// The newest token that the callback got.
    pub fn last_kept(&self) -> Option<&str> {
        self.1.as_ref()?.tokens.last().map(String::as_str)
    }

    pub fn get(&self, path: &[u8]) -> Result<Response, Failure> {
        let path = c(path);
        // SAFETY: a living client, strings that live as long as the call; the same below.
        response(|out| unsafe { fitbit_get(self.0, path.as_ptr(), out) })
    }

    pub fn post(&self, path: &[u8], form: &[u8]) -> Result<Response, Failure> {
        let (path, form) = (c(path), c(form));
        // SAFETY: as above.
        response(|out| unsafe { fitbit_post(self.0, path.as_ptr(), form.as_ptr(), out) })
    }

    pub fn request(
        &self,
        method: &[u8],
        path: &[u8],
        content_type: &[u8],
        body: &[u8],
    ) -> Result<Response, Failure> {
        let (method, path, kind) = (c(method), c(path), c(content_type));
        let (body, len) = (body.as_ptr().cast(), body.len());
        // SAFETY: as above.
        response(|out| unsafe {
            fitbit_request(self.0, method.as_ptr(), path.as_ptr(), kind.as_ptr(), body, len, out)
        })
    }

    pub fn next_page(&self, page: &Response) -> Result<Option<Response>, Failure> {
        // SAFETY: as above.
        let next = handle_of(|out| unsafe { fitbit_next_page(self.0, page.0, out) })?;
        Ok(next.map(Response))
    }

    pub fn set_header(&self, name: &[u8], value: &[u8]) -> Result<(), Failure> {
        // SAFETY: as above.
        outcome(unsafe { fitbit_set_header(self.0, c(name).as_ptr(), c(value).as_ptr()) })
    }

    pub fn token(&self) -> String {
        // SAFETY: as above.
        let token = text_of(|out| unsafe { fitbit_token(self.0, out) });
        token.expect("it never fails").expect("there is always a token")
    }

    pub fn field(&self, name: &[u8]) -> Result<Option<String>, Failure> {
        let name = c(name);
        // SAFETY: as above.
        text_of(|out| unsafe { fitbit_token_field(self.0, name.as_ptr(), out) })
    }

    pub fn known(&self, name: &str) -> String {
        self.field(name.as_bytes()).expect("a name that is allowed").unwrap_or_default()
    }

    pub fn user_id(&self) -> Result<Option<String>, Failure> {
        // SAFETY: as above.
        text_of(|out| unsafe { fitbit_user_id(self.0, out) })
    }

    pub fn refresh(&self) -> Result<(), Failure> {
        // SAFETY: as above.
        outcome(unsafe { fitbit_refresh(self.0) })
    }

    pub fn save(&self) -> Result<(), Failure> {
        // SAFETY: as above.
        outcome(unsafe { fitbit_save(self.0) })
    }

    pub fn revoke(&self) -> Result<(), Failure> {
        // SAFETY: as above.
        outcome(unsafe { fitbit_revoke(self.0) })
    }

    pub fn rate_limit(&self) -> Option<RateLimit> {
        let mut limit = RateLimit::default();
        // SAFETY: as above.
        unsafe { fitbit_rate_limit(self.0, &mut limit) }.then_some(limit)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: freed once, before what its callback writes to.
        unsafe { fitbit_free(self.0) }
    }
}

pub struct Response(Handle);

fn response(call: impl FnOnce(*mut Handle) -> Handle) -> Result<Response, Failure> {
    Ok(Response(handle_of(call)?.expect("success gives a response")))
}

impl Response {
    pub fn status(&self) -> u16 {
        // SAFETY: a living response; the same below.
        unsafe { fitbit_response_status(self.0) }
    }

    pub fn body(&self) -> &[u8] {
        // SAFETY: as above; a NUL stands behind the body.
        unsafe {
            let (at, len) = (fitbit_response_body(self.0), fitbit_response_body_len(self.0));
            assert_eq!(*at.add(len), 0, "a NUL stands behind the body");
            std::slice::from_raw_parts(at.cast(), len)
        }
    }

    pub fn header(&self, name: &[u8]) -> Option<Vec<u8>> {
        // SAFETY: as above.
        let value = unsafe { fitbit_response_header(self.0, c(name).as_ptr()) };
        // SAFETY: a header need not be UTF-8, but ends with a NUL.
        (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_bytes().to_vec())
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        // SAFETY: freed once.
        unsafe { fitbit_response_free(self.0) }
    }
}
