//! `FitbitApp`.

use std::ffi::{c_char, c_int, c_void};
use std::path::Path;
use std::ptr::null_mut;
use std::sync::Arc;

use super::text::{c_text, or_null, owned, text};
use super::{Client, Error, Saver};
use crate::interface::{Handle, LogCallback, RenewalGuard, TokenCallback, interface};
use crate::journal;

/// What step one gave.
#[derive(Clone, Debug)]
pub struct Session {
    pub authorization_uri: String,
    pub session: String,
}

/// A `FitbitApp`.
pub struct App(pub Handle);

unsafe impl Send for App {}
unsafe impl Sync for App {}

/// `FitbitProvider`.
pub const FITBIT: u32 = 1;
pub const GOOGLE_HEALTH: u32 = 2;

/// `FitbitLogLevel`.
pub mod level {
    pub const ERROR: u32 = 1;
    pub const WARN: u32 = 2;
    pub const INFO: u32 = 3;
    pub const DEBUG: u32 = 4;
    pub const TRACE: u32 = 5;
}

impl App {
    pub fn new(
        client_id: &str,
        client_secret: Option<&str>,
        callback_uri: Option<&str>,
    ) -> Result<App, Error> {
        App::of(FITBIT, client_id, client_secret, callback_uri)
    }

    /// It logs everything to the [`journal`].
    pub fn of(
        provider: u32,
        client_id: &str,
        client_secret: Option<&str>,
        callback_uri: Option<&str>,
    ) -> Result<App, Error> {
        let (id, secret, uri) =
            (c_text(client_id), client_secret.map(c_text), callback_uri.map(c_text));
        let mut app = null_mut();
        let c = interface();
        Error::check(unsafe {
            (c.app_new)(provider, id.as_ptr(), or_null(&secret), or_null(&uri), &mut app)
        })?;
        let app = App(app);
        app.set_logger(level::TRACE, Some(journal::logger()), null_mut())?;
        Ok(app)
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
        Error::check(unsafe {
            (interface().app_set_header)(self.0, name.as_ptr(), or_null(&value))
        })
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

    pub fn set_rate_limit_wait(&self, seconds: u32) -> Result<(), Error> {
        Error::check(unsafe { (interface().app_set_rate_limit_wait)(self.0, seconds) })
    }

    pub fn set_proxy(&self, uri: Option<&str>) -> Result<(), Error> {
        let uri = uri.map(c_text);
        Error::check(unsafe { (interface().app_set_proxy)(self.0, or_null(&uri)) })
    }

    pub fn set_ca_file(&self, pem_path: &Path) -> Result<(), Error> {
        let path = c_text(pem_path.to_str().expect("test files have plain names"));
        Error::check(unsafe { (interface().app_set_ca_file)(self.0, path.as_ptr()) })
    }

    // Tests pass what outlives the app, and are about more than that.
    #[allow(clippy::not_unsafe_ptr_arg_deref)]
    pub fn set_logger(
        &self,
        most: u32,
        log: LogCallback,
        user_data: *mut c_void,
    ) -> Result<(), Error> {
        Error::check(unsafe { (interface().app_set_logger)(self.0, most, log, user_data) })
    }

    pub fn verify_signature(&self, signature: &str, body: &[u8]) -> Result<(), Error> {
        let signature = c_text(signature);
        Error::check(unsafe {
            (interface().verify_signature)(
                self.0,
                signature.as_ptr(),
                body.as_ptr().cast(),
                body.len(),
            )
        })
    }

    pub fn step_one(&self, params: Option<&str>) -> Result<Session, Error> {
        let params = params.map(c_text);
        let params = or_null(&params);
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

    /// `open` is called with the address, in place of the default browser, and answers 1 for opened.
    pub fn login(
        &self,
        timeout_ms: u32,
        mut open: impl FnMut(&str) -> c_int,
        saver: &Saver,
    ) -> Result<Client, Error> {
        let mut open: &mut dyn FnMut(&str) -> c_int = &mut open;
        self.client(saver, |on_token, user_data, client| unsafe {
            (interface().login)(
                self.0,
                timeout_ms,
                Some(opened),
                (&raw mut open).cast(),
                on_token,
                user_data,
                client,
            )
        })
    }

    /// Ends the calls of this app and its clients that run now.
    pub fn cancel(&self) {
        unsafe { (interface().app_cancel)(self.0) }
    }

    /// Another handle on this application. It counts as the first use.
    pub fn dup(&self) -> Result<App, Error> {
        let mut dup = null_mut();
        Error::check(unsafe { (interface().app_dup)(self.0, &mut dup) })?;
        Ok(App(dup))
    }

    /// Ends the calls that take this handle, now and later.
    pub fn abort(&self) {
        unsafe { (interface().app_abort)(self.0) }
    }

    /// Ends every call of the application and of its clients, now and later.
    pub fn shutdown(&self) {
        unsafe { (interface().app_shutdown)(self.0) }
    }

    pub fn from_token(&self, token_json: &str, saver: &Saver) -> Result<Client, Error> {
        let json = c_text(token_json);
        self.client(saver, |on_token, user_data, client| unsafe {
            (interface().from_token)(self.0, json.as_ptr(), on_token, user_data, client)
        })
    }

    pub fn from_file(&self, path: &Path) -> Result<Client, Error> {
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
        let saver = Arc::new(saver.clone());
        let user_data = Arc::as_ptr(&saver).cast_mut();
        let mut handle = null_mut();
        let outcome = Error::check(call(Some(Saver::called), user_data.cast(), &mut handle));
        let client = Client::new(handle, saver);
        match outcome {
            Ok(()) => Ok(client),
            Err(error) => {
                assert!(client.handle.is_null(), "a failed call leaves no client behind");
                Err(error)
            }
        }
    }
}

unsafe extern "C" fn opened(uri: *const c_char, open: *mut c_void) -> c_int {
    let open = unsafe { &mut *open.cast::<&mut dyn FnMut(&str) -> c_int>() };
    open(&text(uri).expect("a browser gets an address"))
}

impl Drop for App {
    fn drop(&mut self) {
        unsafe { (interface().app_free)(self.0) }
    }
}
