//! Handles that free themselves, for tests that are not about freeing.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex};

use crate::interface::{Handle, RateLimit, RenewalGuard, TokenCallback, interface};

/// The error codes, as the header numbers them.
pub mod code {
    pub const INVALID_ARGUMENT: u32 = 1;
    pub const STATE_MISMATCH: u32 = 2;
    pub const ACCESS_DENIED: u32 = 3;
    pub const AUTHORIZATION: u32 = 4;
    pub const INVALID_CLIENT: u32 = 5;
    pub const REAUTHORIZE: u32 = 6;
    pub const INSUFFICIENT_SCOPE: u32 = 7;
    pub const RATE_LIMITED: u32 = 8;
    pub const HTTP: u32 = 9;
    pub const PROVIDER_RETIRED: u32 = 10;
    pub const NETWORK: u32 = 11;
    pub const TIMEOUT: u32 = 12;
    pub const TLS: u32 = 13;
    pub const PROTOCOL: u32 = 14;
    pub const STORE: u32 = 15;
    pub const CANCELLED: u32 = 16;
    pub const INTERNAL: u32 = 17;
    pub const SIGNATURE: u32 = 18;
}

/// Everything that a `FitbitError` says, read and freed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: u32,
    pub message: String,
    pub http_status: u16,
    pub provider_type: Option<String>,
    pub body: Option<String>,
    pub retry_after: i64,
}

impl Error {
    /// Reads and frees what a function returned.
    // Tests pass what the library gave them a moment ago, and are about more than that.
    #[allow(clippy::not_unsafe_ptr_arg_deref)]
    pub fn check(error: Handle) -> Result<(), Error> {
        if error.is_null() {
            return Ok(());
        }
        let c = interface();
        unsafe {
            let read = Error {
                code: (c.error_code)(error),
                message: text((c.error_message)(error)).unwrap_or_default(),
                http_status: (c.error_http_status)(error),
                provider_type: text((c.error_provider_type)(error)),
                body: text((c.error_body)(error)),
                retry_after: (c.error_retry_after)(error),
            };
            (c.error_free)(error);
            Err(read)
        }
    }

    /// Everything that a log could show of it.
    pub fn all_text(&self) -> String {
        format!("{}\n{:?}\n{:?}", self.message, self.provider_type, self.body)
    }
}

fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_str().expect("texts of the library are UTF-8").to_owned())
}

fn owned(string: *mut c_char) -> Option<String> {
    let copy = text(string);
    unsafe { (interface().string_free)(string) };
    copy
}

fn c_text(text: &str) -> CString {
    CString::new(text).expect("no NUL inside")
}

/// What step one gave.
#[derive(Clone, Debug)]
pub struct Session {
    pub authorization_uri: String,
    pub session: String,
}

/// A token callback that keeps every token it was offered, and does what it is told.
#[derive(Clone)]
pub struct Saver(Arc<Mutex<SaverState>>);

type OnToken = Box<dyn FnMut(&str) -> c_int + Send>;

struct SaverState {
    offered: Vec<String>,
    on_token: OnToken,
}

impl Saver {
    /// Saves everything.
    pub fn new() -> Saver {
        Saver::doing(|_| 1)
    }

    /// Answers as `on_token` does: 1 for saved.
    pub fn doing(on_token: impl FnMut(&str) -> c_int + Send + 'static) -> Saver {
        Saver(Arc::new(Mutex::new(SaverState {
            offered: Vec::new(),
            on_token: Box::new(on_token),
        })))
    }

    /// Every token that the callback was called with, oldest first.
    pub fn offered(&self) -> Vec<String> {
        self.0.lock().expect("no panic in a callback").offered.clone()
    }

    unsafe extern "C" fn called(token_json: *const c_char, user_data: *mut c_void) -> c_int {
        let saver = unsafe { &*user_data.cast::<Saver>() };
        let json = text(token_json).expect("a callback gets a token");
        let mut on_token = {
            let mut state = saver.0.lock().expect("no panic in a callback");
            state.offered.push(json.clone());
            std::mem::replace(
                &mut state.on_token,
                Box::new(|_| panic!("callbacks run one at a time")),
            )
        };
        let answer = on_token(&json);
        saver.0.lock().expect("no panic in a callback").on_token = on_token;
        answer
    }
}

impl Default for Saver {
    fn default() -> Saver {
        Saver::new()
    }
}

/// A `FitbitApp`.
pub struct App(pub Handle);

unsafe impl Send for App {}
unsafe impl Sync for App {}

pub const FITBIT: u32 = 1;

impl App {
    pub fn new(
        client_id: &str,
        client_secret: Option<&str>,
        callback_uri: Option<&str>,
    ) -> Result<App, Error> {
        let (id, secret, uri) =
            (c_text(client_id), client_secret.map(c_text), callback_uri.map(c_text));
        let or_null = |text: &Option<CString>| text.as_ref().map_or(null(), |text| text.as_ptr());
        let mut app = null_mut();
        let c = interface();
        Error::check(unsafe {
            (c.app_new)(FITBIT, id.as_ptr(), or_null(&secret), or_null(&uri), &mut app)
        })?;
        Ok(App(app))
    }

    /// An app whose every endpoint is a server of the test's own.
    pub fn at(
        server: &str,
        client_id: &str,
        client_secret: Option<&str>,
        callback_uri: &str,
    ) -> App {
        let app = App::new(client_id, client_secret, Some(callback_uri)).expect("a valid app");
        for (endpoint, path) in
            ["/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", ""].iter().enumerate()
        {
            app.set_endpoint(endpoint as u32, &format!("{server}{path}"))
                .expect("a valid endpoint");
        }
        app
    }

    pub fn set_endpoint(&self, endpoint: u32, uri: &str) -> Result<(), Error> {
        Error::check(unsafe {
            (interface().app_set_endpoint)(self.0, endpoint, c_text(uri).as_ptr())
        })
    }

    pub fn set_scopes(&self, scopes: &str) -> Result<(), Error> {
        Error::check(unsafe { (interface().app_set_scopes)(self.0, c_text(scopes).as_ptr()) })
    }

    pub fn set_client_auth(&self, method: u32) -> Result<(), Error> {
        Error::check(unsafe { (interface().app_set_client_auth)(self.0, method) })
    }

    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<(), Error> {
        let (name, value) = (c_text(name), value.map(c_text));
        let value = value.as_ref().map_or(null(), |value| value.as_ptr());
        Error::check(unsafe { (interface().app_set_header)(self.0, name.as_ptr(), value) })
    }

    pub fn set_timeout_ms(&self, milliseconds: u32) -> Result<(), Error> {
        Error::check(unsafe { (interface().app_set_timeout_ms)(self.0, milliseconds) })
    }

    pub fn set_refresh_leeway(&self, seconds: u32) -> Result<(), Error> {
        Error::check(unsafe { (interface().app_set_refresh_leeway)(self.0, seconds) })
    }

    pub fn set_max_body(&self, bytes: usize) -> Result<(), Error> {
        Error::check(unsafe { (interface().app_set_max_body)(self.0, bytes) })
    }

    pub fn step_one(&self, params: Option<&str>) -> Result<Session, Error> {
        let params = params.map(c_text);
        let params = params.as_ref().map_or(null(), |params| params.as_ptr());
        let (mut uri, mut session) = (null_mut(), null_mut());
        Error::check(unsafe { (interface().step_one)(self.0, params, &mut uri, &mut session) })?;
        Ok(Session {
            authorization_uri: owned(uri).expect("success gives an address"),
            session: owned(session).expect("success gives a session"),
        })
    }

    pub fn step_two(
        &self,
        session: &str,
        redirect_uri: &str,
        saver: &Saver,
    ) -> Result<Client, Error> {
        let (session, redirect_uri) = (c_text(session), c_text(redirect_uri));
        self.client(saver, |on_token, user_data, client| unsafe {
            (interface().step_two)(
                self.0,
                session.as_ptr(),
                redirect_uri.as_ptr(),
                on_token,
                user_data,
                client,
            )
        })
    }

    pub fn from_token(&self, token_json: &str, saver: &Saver) -> Result<Client, Error> {
        let json = c_text(token_json);
        self.client(saver, |on_token, user_data, client| unsafe {
            (interface().from_token)(self.0, json.as_ptr(), on_token, user_data, client)
        })
    }

    pub fn from_file(&self, path: &std::path::Path) -> Result<Client, Error> {
        let path = c_text(path.to_str().expect("test files have plain names"));
        self.client(&Saver::new(), |_, _, client| unsafe {
            (interface().from_file)(self.0, path.as_ptr(), client)
        })
    }

    /// The clients that are made after this get it with their own user data: see [`Saver`].
    pub fn set_renewal_guard(&self, guard: RenewalGuard) -> Result<(), Error> {
        Error::check(unsafe { (interface().app_set_renewal_guard)(self.0, guard) })
    }

    fn client(
        &self,
        saver: &Saver,
        call: impl FnOnce(TokenCallback, *mut c_void, *mut Handle) -> Handle,
    ) -> Result<Client, Error> {
        let user_data = Box::into_raw(Box::new(saver.clone()));
        let mut handle = null_mut();
        let outcome = Error::check(call(Some(Saver::called), user_data.cast(), &mut handle));
        let client = Client { handle, saver: user_data };
        match outcome {
            Ok(()) => Ok(client),
            Err(error) => {
                assert!(client.handle.is_null(), "a failed call leaves no client behind");
                Err(error)
            }
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        unsafe { (interface().app_free)(self.0) }
    }
}

/// A `FitbitClient`, with the callback that it calls.
pub struct Client {
    pub handle: Handle,
    saver: *mut Saver,
}

unsafe impl Send for Client {}
unsafe impl Sync for Client {}

impl Client {
    pub fn get(&self, path: &str) -> Result<Response, Error> {
        let path = c_text(path);
        response(|out| unsafe { (interface().get)(self.handle, path.as_ptr(), out) })
    }

    pub fn post(&self, path: &str, form: Option<&str>) -> Result<Response, Error> {
        let (path, form) = (c_text(path), form.map(c_text));
        let form = form.as_ref().map_or(null(), |form| form.as_ptr());
        response(|out| unsafe { (interface().post)(self.handle, path.as_ptr(), form, out) })
    }

    pub fn delete(&self, path: &str) -> Result<Response, Error> {
        let path = c_text(path);
        response(|out| unsafe { (interface().delete)(self.handle, path.as_ptr(), out) })
    }

    pub fn request(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: Option<&[u8]>,
    ) -> Result<Response, Error> {
        let (method, path, kind) = (c_text(method), c_text(path), content_type.map(c_text));
        let kind = kind.as_ref().map_or(null(), |kind| kind.as_ptr());
        let (bytes, len) = body.map_or((null(), 0), |body| (body.as_ptr().cast(), body.len()));
        response(|out| unsafe {
            (interface().request)(
                self.handle,
                method.as_ptr(),
                path.as_ptr(),
                kind,
                bytes,
                len,
                out,
            )
        })
    }

    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<(), Error> {
        let (name, value) = (c_text(name), value.map(c_text));
        let value = value.as_ref().map_or(null(), |value| value.as_ptr());
        Error::check(unsafe { (interface().set_header)(self.handle, name.as_ptr(), value) })
    }

    pub fn token(&self) -> String {
        let mut json = null_mut();
        Error::check(unsafe { (interface().token)(self.handle, &mut json) })
            .expect("there is a token");
        owned(json).expect("success gives a token")
    }

    pub fn token_field(&self, name: &str) -> Option<String> {
        let mut value = null_mut();
        let name = c_text(name);
        Error::check(unsafe { (interface().token_field)(self.handle, name.as_ptr(), &mut value) })
            .expect("a field can be asked for");
        owned(value)
    }

    pub fn user_id(&self) -> Result<String, Error> {
        let mut id = null_mut();
        Error::check(unsafe { (interface().user_id)(self.handle, &mut id) })?;
        Ok(owned(id).expect("success gives an id"))
    }

    pub fn refresh(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().refresh)(self.handle) })
    }

    pub fn save(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().save)(self.handle) })
    }

    pub fn set_token_file(&self, path: &std::path::Path) -> Result<(), Error> {
        let path = c_text(path.to_str().expect("test files have plain names"));
        Error::check(unsafe { (interface().set_token_file)(self.handle, path.as_ptr()) })
    }

    pub fn rate_limit(&self) -> Option<RateLimit> {
        let mut limit = RateLimit::default();
        unsafe { (interface().rate_limit)(self.handle, &mut limit) }.then_some(limit)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe {
            (interface().free)(self.handle);
            drop(Box::from_raw(self.saver));
        }
    }
}

/// Everything that a `FitbitResponse` says, and the handle for its headers.
#[derive(Debug)]
pub struct Response {
    pub handle: Handle,
    pub status: u16,
    pub body: Vec<u8>,
}

unsafe impl Send for Response {}
unsafe impl Sync for Response {}

fn response(call: impl FnOnce(*mut Handle) -> Handle) -> Result<Response, Error> {
    let mut handle = null_mut();
    let outcome = Error::check(call(&mut handle));
    if let Err(error) = outcome {
        assert!(handle.is_null(), "a failed call leaves no response behind");
        return Err(error);
    }
    let c = interface();
    unsafe {
        let (body, len) = ((c.response_body)(handle).cast::<u8>(), (c.response_body_len)(handle));
        assert_eq!(*body.add(len), 0, "a NUL stands behind the body");
        Ok(Response {
            handle,
            status: (c.response_status)(handle),
            body: std::slice::from_raw_parts(body, len).to_vec(),
        })
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<String> {
        text(unsafe { (interface().response_header)(self.handle, c_text(name).as_ptr()) })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("this body is text")
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        unsafe { (interface().response_free)(self.handle) }
    }
}
