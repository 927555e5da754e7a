//! `FitbitApp`: the registered application.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fitbit_core::{
    App, ClientAuth, Endpoint, FITBIT, GOOGLE_HEALTH, Handle, Level, Provider, TokenStore,
};
use libc::c_char;

use crate::callback::{self, FitbitTokenCallback};
use crate::error::{Error, Result};
use crate::log::{FitbitLogCallback, FitbitLogLevel};
use crate::renewal::{self, FitbitRenewalGuard};
use crate::{
    FitbitError, Out, fallible, give, handle, infallible, number, optional_text, take, text,
};

/// Which service the application is registered with.
#[repr(C)]
pub enum FitbitProvider {
    /// The Fitbit Web API. Its switch-off was announced for 2026-11-02: from then on it answers
    /// FITBIT_ERROR_PROVIDER_RETIRED.
    Fitbit = 1,
    /// The Google Health API, its successor, with Google's OAuth: other scopes and paths, and every
    /// person consents anew.
    GoogleHealth = 2,
}

/// What can be overridden, for tests, for proxies of your own, and for what comes next.
#[repr(C)]
pub enum FitbitEndpoint {
    /// Where the person grants access.
    Authorize = 0,
    /// Where a code or a refresh token becomes a token.
    Token = 1,
    /// Where a token is revoked.
    Revoke = 2,
    /// What every path is appended to.
    Api = 3,
}

/// How the application proves who it is at the token endpoint (RFC 6749 section 2.3).
#[repr(C)]
pub enum FitbitClientAuth {
    /// What the provider prefers (Fitbit: BASIC, Google Health: BODY), and NONE without a secret. The default.
    Auto = 0,
    /// Id and secret in the Authorization header: Fitbit's application type "Server".
    Basic = 1,
    /// Id and secret in the request's body.
    Body = 2,
    /// The id alone, in the body: Fitbit's application type "Client".
    None = 3,
}

/// The registered application: its credentials, its settings, and the connections that all its
/// clients share. One thread makes it and sets it up; after that any number of threads use it at
/// once. Freed with fitbit_app_free(), before or after its clients: a client keeps what it needs.
pub struct FitbitApp {
    pub(crate) app: Arc<App>,
    pub(crate) guard: Arc<Mutex<FitbitRenewalGuard>>,
    pub(crate) handle: Arc<Handle>,
}

impl FitbitApp {
    /// Where a client of this app keeps its token: what the guard says, or the callback.
    pub(crate) fn store(
        &self,
        on_token: FitbitTokenCallback,
        user_data: *mut c_void,
    ) -> TokenStore {
        match *self.guard.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(guard) => renewal::store(guard, on_token, user_data),
            None => callback::store(on_token, user_data),
        }
    }
}

fn provider(value: MaybeUninit<FitbitProvider>) -> Result<&'static Provider> {
    const OLD: u32 = FitbitProvider::Fitbit as u32;
    const NEW: u32 = FitbitProvider::GoogleHealth as u32;
    match number(value) {
        OLD => Ok(&FITBIT),
        NEW => Ok(&GOOGLE_HEALTH),
        other => Err(Error::argument("provider", format!("{other} is no FitbitProvider"))),
    }
}

fn endpoint(value: MaybeUninit<FitbitEndpoint>) -> Result<Endpoint> {
    const AUTHORIZE: u32 = FitbitEndpoint::Authorize as u32;
    const TOKEN: u32 = FitbitEndpoint::Token as u32;
    const REVOKE: u32 = FitbitEndpoint::Revoke as u32;
    const API: u32 = FitbitEndpoint::Api as u32;
    match number(value) {
        AUTHORIZE => Ok(Endpoint::Authorize),
        TOKEN => Ok(Endpoint::Token),
        REVOKE => Ok(Endpoint::Revoke),
        API => Ok(Endpoint::Api),
        other => Err(Error::argument("endpoint", format!("{other} is no FitbitEndpoint"))),
    }
}

fn client_auth(value: MaybeUninit<FitbitClientAuth>) -> Result<Option<ClientAuth>> {
    const AUTO: u32 = FitbitClientAuth::Auto as u32;
    const BASIC: u32 = FitbitClientAuth::Basic as u32;
    const BODY: u32 = FitbitClientAuth::Body as u32;
    const NONE: u32 = FitbitClientAuth::None as u32;
    match number(value) {
        AUTO => Ok(None),
        BASIC => Ok(Some(ClientAuth::Basic)),
        BODY => Ok(Some(ClientAuth::Body)),
        NONE => Ok(Some(ClientAuth::None)),
        other => Err(Error::argument("method", format!("{other} is no FitbitClientAuth"))),
    }
}

fn log_level(value: MaybeUninit<FitbitLogLevel>) -> Result<Level> {
    const ERROR: u32 = FitbitLogLevel::FITBIT_LOG_ERROR as u32;
    const WARN: u32 = FitbitLogLevel::FITBIT_LOG_WARN as u32;
    const INFO: u32 = FitbitLogLevel::FITBIT_LOG_INFO as u32;
    const DEBUG: u32 = FitbitLogLevel::FITBIT_LOG_DEBUG as u32;
    const TRACE: u32 = FitbitLogLevel::FITBIT_LOG_TRACE as u32;
    match number(value) {
        ERROR => Ok(Level::Error),
        WARN => Ok(Level::Warn),
        INFO => Ok(Level::Info),
        DEBUG => Ok(Level::Debug),
        TRACE => Ok(Level::Trace),
        other => Err(Error::argument("most", format!("{other} is no FitbitLogLevel"))),
    }
}

/// # The application
///
/// Make it once, set it up with the fitbit_app_set_ functions, then use it from any number of
/// threads. From its first use on, by anything that logs in or makes a client, the fitbit_app_set_
/// functions answer FITBIT_ERROR_INVALID_ARGUMENT, also where that first use failed.
///
/// ---
/// Makes an application.
///
/// This function reads the environment's proxy (see fitbit_app_set_proxy()) and trusted certificates (see
/// fitbit_app_set_ca_file()). Later changes of the environment do not count. No other thread may change
/// it while this function runs.
///
/// @param provider       the service that it is registered with
/// @param client_id      as registered; not empty
/// @param client_secret  as registered, not empty; or NULL for an application without one (PKCE
///                       protects it)
/// @param callback_uri   where the person is sent back to, exactly as registered: it is sent byte for
///                       byte. NULL: this app only starts from saved tokens, and its steps answer
///                       FITBIT_ERROR_INVALID_ARGUMENT.
/// @param app            receives the application; NULL on failure
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_new(
    provider: MaybeUninit<FitbitProvider>,
    client_id: *const c_char,
    client_secret: *const c_char,
    callback_uri: *const c_char,
    app: *mut *mut FitbitApp,
) -> *mut FitbitError {
    // SAFETY: the header's rules on out-pointers and strings.
    fallible(|| unsafe {
        let out = Out::cleared(app, null_mut());
        let new = App::new(
            self::provider(provider)?,
            text(client_id, "client_id")?,
            optional_text(client_secret, "client_secret")?,
            optional_text(callback_uri, "callback_uri")?,
        )?;
        out.check("app")?;
        let handle = new.handle();
        out.set(give(FitbitApp { app: Arc::new(new), guard: Arc::default(), handle }));
        Ok(())
    })
}

/// Sets the scopes that are asked for.
///
/// @param scopes  separated by spaces, as the provider names them; default: every scope with which
///                something can be read. Fitbit: activity cardio_fitness electrocardiogram heartrate
///                irregular_rhythm_notifications location nutrition oxygen_saturation profile
///                respiratory_rate settings sleep social temperature weight. Google Health:
///                https://www.googleapis.com/auth/googlehealth. and then activity_and_fitness, ecg,
///                health_metrics_and_measurements, irn, location, logged_symptoms, mindfulness,
///                nutrition, profile, reproductive_health, settings or sleep, and then .readonly.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_scopes(
    app: *mut FitbitApp,
    scopes: *const c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and strings.
    fallible(|| unsafe { Ok(handle(app, "app")?.app.set_scopes(text(scopes, "scopes")?)?) })
}

/// Overrides an endpoint.
///
/// @param endpoint  which one; default: the provider's own
/// @param uri       an https address without user name, query and fragment. http is for loopback
///                  only, which is exactly localhost, 127.0.0.0/8 and [::1]. A path is kept: API
///                  paths are appended to it. Set all four where a test must not leave the machine.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_endpoint(
    app: *mut FitbitApp,
    endpoint: MaybeUninit<FitbitEndpoint>,
    uri: *const c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and strings.
    fallible(|| unsafe {
        let app = handle(app, "app")?;
        Ok(app.app.set_endpoint(self::endpoint(endpoint)?, text(uri, "uri")?)?)
    })
}

/// Sets how the application proves who it is at the token endpoint.
///
/// @param method  default: FITBIT_CLIENT_AUTH_AUTO. BASIC and BODY need a secret; NONE
///                leaves a secret unsent.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_client_auth(
    app: *mut FitbitApp,
    method: MaybeUninit<FitbitClientAuth>,
) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe {
        let app = handle(app, "app")?;
        Ok(app.app.set_client_auth(client_auth(method)?)?)
    })
}

/// Sets a header of every API request; User-Agent goes to the token endpoint too.
///
/// For one person's own headers (Accept-Language chooses Fitbit's units) see fitbit_set_header().
///
/// @param name   Authorization, Host, Content-Length, Transfer-Encoding, Connection, Proxy-*, Expect,
///               TE and Upgrade are refused
/// @param value  without line breaks, up to 8 KiB, for up to 64 names; NULL: send none. Default:
///               User-Agent is "libfitbit/" and the version, Accept is any type, Accept-Encoding
///               is gzip; there are no others. An answer in another encoding comes as it is.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_header(
    app: *mut FitbitApp,
    name: *const c_char,
    value: *const c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and strings.
    fallible(|| unsafe {
        let app = handle(app, "app")?;
        Ok(app.app.set_header(text(name, "name")?, optional_text(value, "value")?)?)
    })
}

/// Sets how long one call may take as a whole: names, connections, a renewal on the way and the
/// answer's body included, the time in your callbacks excluded. For short timeouts see
/// fitbit_set_timeout_ms().
///
/// @param milliseconds  at least 1; default: 30000
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_timeout_ms(
    app: *mut FitbitApp,
    milliseconds: u32,
) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe {
        Ok(handle(app, "app")?.app.set_timeout(Duration::from_millis(milliseconds.into()))?)
    })
}

/// Sets how long before its expiry a token is renewed.
///
/// @param seconds  default: 60; never more than a tenth of the token's life is used. 0: only when it
///                 has expired.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_refresh_leeway(
    app: *mut FitbitApp,
    seconds: u32,
) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe {
        Ok(handle(app, "app")?.app.set_refresh_leeway(Duration::from_secs(seconds.into()))?)
    })
}

/// Sets the largest body that is accepted; above it a request is FITBIT_ERROR_PROTOCOL.
///
/// @param bytes  after unpacking; at least 1; default: 16777216 (16 MiB). The packed body may be an
///               eighth longer.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_max_body(
    app: *mut FitbitApp,
    bytes: usize,
) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe { Ok(handle(app, "app")?.app.set_max_body(bytes)?) })
}

/// Sets how long a call may wait for a rate limit (429), beside its timeout. Where the provider says how
/// long to wait, and that is within the limit, every call that asks it waits and tries again; otherwise
/// it is FITBIT_ERROR_RATE_LIMITED at once, and fitbit_error_retry_after() says how long. Waits of one
/// call add up. Only fitbit_step_two() and fitbit_login() never wait: their request goes out once.
///
/// @param seconds  default: 0, never wait. It is compared with what fitbit_error_retry_after() would say,
///                 a second more than the provider's own number: to cover 10 pass 11, and 3601 for
///                 Fitbit's hour. A 429 that does not say how long (-1) is never waited for.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_rate_limit_wait(
    app: *mut FitbitApp,
    seconds: u32,
) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe {
        Ok(handle(app, "app")?.app.set_rate_limit_wait(Duration::from_secs(seconds.into()))?)
    })
}

/// Sends https requests through a proxy. Plain http, which is for loopback, never goes through one.
///
/// Default: what the environment names, HTTPS_PROXY, else ALL_PROXY, but for the hosts in NO_PROXY (or
/// their lower-case forms) and for loopback. fitbit_app_new() reads these variables; later changes do
/// not count, and an empty variable is unset. If a variable does not name a usable proxy, requests
/// that need the proxy are FITBIT_ERROR_INVALID_ARGUMENT. After this call the environment does not count.
/// A proxy that cannot be reached, or refuses, is FITBIT_ERROR_NETWORK.
///
/// NO_PROXY is a list, separated by commas, blanks or semicolons. "*" is every host. A name stands for
/// itself and every name below it. An IP address or a CIDR block ("10.0.0.0/8") stands for addresses that
/// an endpoint writes out. "name:port" is that port only.
///
/// @param uri  "http://user:password@proxy.example:3128" for CONNECT, https:// for the same over TLS,
///             socks5:// and socks4:// (names are looked up here), socks5h:// and socks4a:// (names are
///             looked up by the proxy). User and password are optional and percent-encoded. NULL: no
///             proxy at all.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_proxy(
    app: *mut FitbitApp,
    uri: *const c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and strings.
    fallible(|| unsafe { Ok(handle(app, "app")?.app.set_proxy(optional_text(uri, "uri")?)?) })
}

/// Trusts the certificates in a file, and no others.
///
/// Default: what the platform trusts, or what SSL_CERT_FILE and SSL_CERT_DIR name in its place.
/// fitbit_app_new() reads these variables; an empty one is unset. The first request to https reads the
/// certificates. If there are none, that request fails with FITBIT_ERROR_TLS and the next one looks
/// again; plain http to loopback needs none.
///
/// @param pem_path  one or more certificates in PEM form; read now. A file that cannot be read, or holds
///                  none, is FITBIT_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_ca_file(
    app: *mut FitbitApp,
    pem_path: *const c_char,
) -> *mut FitbitError {
    // SAFETY: the header's rules on handles and strings.
    fallible(|| unsafe { Ok(handle(app, "app")?.app.set_ca_file(text(pem_path, "pem_path")?)?) })
}

/// Tells the program what the app and its clients do: see FitbitLogCallback.
///
/// @param most       the least important level that is told; lines above it are not even put together
/// @param log        or NULL for none; default: none
/// @param user_data  passed to log; must live until the app and all its clients are freed
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_logger(
    app: *mut FitbitApp,
    most: MaybeUninit<FitbitLogLevel>,
    log: FitbitLogCallback,
    user_data: *mut c_void,
) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe {
        let app = handle(app, "app")?;
        Ok(app.app.set_log(crate::log::log(log_level(most)?, log, user_data))?)
    })
}

/// Wraps every renewal of this app's clients in a transaction of your own database, so that a fleet
/// of processes shares its logins: see FitbitRenewalGuard.
///
/// The guard gets the user_data that the client was made with. With a guard, on_token gets the first
/// token of fitbit_step_two() only; where it is NULL, the guard gets that one too.
///
/// @param guard  or NULL for none; default: none
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn fitbit_app_set_renewal_guard(
    app: *mut FitbitApp,
    guard: FitbitRenewalGuard,
) -> *mut FitbitError {
    // SAFETY: the header's rule on handles.
    fallible(|| unsafe {
        let app = handle(app, "app")?;
        app.app.check_unused()?;
        *app.guard.lock().unwrap_or_else(PoisonError::into_inner) = guard;
        Ok(())
    })
}

/// Frees a handle on an application; its clients and other handles go on. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_app_free(app: *mut FitbitApp) {
    // SAFETY: the header's rule on handles.
    infallible((), || unsafe { take(app) });
}
