//! Logins without a network: both steps up to the exchange, tokens in and out, stores, callbacks
//! with their user data, handles freed in every order, two threads on one client.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::Mutex;

use fitbit_linked::FitbitLogLevel;

use crate::c::{self, Handle, Text, app, done, number, refused, taken, text};

/// Good until 2100; with a field that the library does not know, and one with an escape.
const TOKEN: &str = r#"{"access_token":"an.access-token","refresh_token":"a refresh \u0074oken",
    "token_type":"Bearer","expires_at":4102444800,"expires_in":28800,"user_id":"26FWFL",
    "scope":["profile","sleep"],"unknown":{"kept":[1,2.50]}}"#;

/// What a callback was told, and what it says.
struct Heard {
    answer: c_int,
    texts: Mutex<Vec<String>>,
}

impl Heard {
    fn new(answer: c_int) -> Heard {
        Heard { answer, texts: Mutex::default() }
    }

    fn data(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap().clone()
    }
}

unsafe extern "C" fn keep(text: *const c_char, data: *mut c_void) -> c_int {
    // SAFETY: every test passes a `Heard` that lives as long as its handles.
    let heard = unsafe { &*data.cast::<Heard>() };
    heard.texts.lock().unwrap().push(c::copied(text));
    heard.answer
}

unsafe extern "C" fn log(_: FitbitLogLevel, text: Text, data: *mut c_void) {
    // SAFETY: as above.
    unsafe { keep(text, data) };
}

/// A guard that finds nothing to renew.
unsafe extern "C" fn idle(renewal: Handle, data: *mut c_void) -> c_int {
    assert!(!renewal.is_null());
    // SAFETY: as above.
    unsafe { keep(c"guard".as_ptr(), data) }
}

fn client(app: Handle, heard: &Heard) -> Handle {
    let mut client = null_mut();
    // SAFETY: living handles and texts.
    done(unsafe {
        c::fitbit_from_token(app, text(TOKEN).as_ptr(), Some(keep), heard.data(), &raw mut client)
    });
    client
}

fn token(client: Handle) -> String {
    let mut token = null_mut();
    // SAFETY: a living handle.
    done(unsafe { c::fitbit_token(client, &raw mut token) });
    taken(token).expect("it has one")
}

fn token_field(client: Handle, name: &str) -> Option<String> {
    let mut value = null_mut();
    // SAFETY: a living handle and a text.
    done(unsafe { c::fitbit_token_field(client, text(name).as_ptr(), &raw mut value) });
    taken(value)
}

#[test]
fn step_two_refuses_what_does_not_belong_to_step_one_before_anything_is_sent() {
    let (app, heard) = (app(), Heard::new(1));
    let (mut uri, mut session, mut client) = (null_mut(), null_mut(), null_mut());
    // SAFETY: living handles and texts, freed once.
    unsafe {
        done(c::fitbit_step_one(
            app,
            c"scope=profile&prompt=none".as_ptr(),
            &raw mut uri,
            &raw mut session,
        ));
        let (uri, session) = (taken(uri).unwrap(), taken(session).unwrap());
        let state = uri.split("state=").nth(1).unwrap().split('&').next().unwrap();
        let mut step_two = |session: &str, redirect: &str| {
            let (session, redirect) = (text(session), text(redirect));
            let error = c::fitbit_step_two(
                app,
                session.as_ptr(),
                redirect.as_ptr(),
                Some(keep),
                heard.data(),
                &raw mut client,
            );
            assert!(client.is_null());
            error
        };
        let right = format!("/callback?code=x&state={state}");
        refused(step_two(&session, "/callback?code=x&state=forged"), "STATE_MISMATCH", "");
        refused(step_two(&session, ""), "STATE_MISMATCH", "");
        refused(step_two(&session, &format!("{right}&state=twice")), "STATE_MISMATCH", "");
        refused(step_two("{}", &right), "INVALID_ARGUMENT", "session");
        refused(step_two("[", &right), "INVALID_ARGUMENT", "session");
        let other = session.replace("22SRVR", "OTHER1");
        refused(step_two(&other, &right), "INVALID_ARGUMENT", "session");
        let denied = format!("http://127.0.0.1:8080/callback?error=access_denied&state={state}");
        refused(step_two(&session, &denied), "ACCESS_DENIED", "");
        c::fitbit_app_free(app);
    }
    assert!(heard.texts().is_empty());
}

#[test]
fn a_token_goes_in_and_comes_out_with_the_fields_that_nobody_knows() {
    let (app, heard) = (app(), Heard::new(1));
    let client = client(app, &heard);
    assert_eq!(token_field(client, "access_token").as_deref(), Some("an.access-token"));
    assert_eq!(token_field(client, "refresh_token").as_deref(), Some("a refresh token"));
    assert_eq!(token_field(client, "scope").as_deref(), Some("profile sleep"));
    assert_eq!(token_field(client, "unknown").as_deref(), Some(r#"{"kept":[1,2.50]}"#));
    assert_eq!(token_field(client, "shoe_size"), None);
    let json = token(client);
    let mut copy = null_mut();
    // SAFETY: living handles and texts; the app goes first, which its clients outlive.
    unsafe {
        let json = text(&json);
        done(c::fitbit_from_token(app, json.as_ptr(), None, null_mut(), &raw mut copy));
        c::fitbit_app_free(app);
        assert_eq!(token(copy).as_bytes(), json.as_bytes());
        c::fitbit_free(copy);
        c::fitbit_free(client);
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let app = app();
    let mut client = null_mut();
    for wrong in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"access_token":7}"#,
        r#"{"access_token":"two words"}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
        r#"{"access_token":"\ud800"}"#,
        "{\"access_token\":\"a\"}x",
    ] {
        let wrong = text(wrong);
        // SAFETY: living handles and texts.
        let error =
            unsafe { c::fitbit_from_token(app, wrong.as_ptr(), None, null_mut(), &raw mut client) };
        refused(error, "INVALID_ARGUMENT", "token_json");
        assert!(client.is_null());
    }
    let foreign = text(r#"{"access_token":"a","provider":"google_health"}"#);
    // SAFETY: living handles and texts.
    let error =
        unsafe { c::fitbit_from_token(app, foreign.as_ptr(), None, null_mut(), &raw mut client) };
    refused(error, "REAUTHORIZE", "the token is another provider's");
    // SAFETY: it is freed once.
    unsafe { c::fitbit_app_free(app) };
}

#[test]
fn a_guard_that_runs_nothing_renews_nothing() {
    for answer in [0, 1] {
        let (app, heard) = (app(), Heard::new(answer));
        // SAFETY: living handles, callbacks and their data.
        unsafe {
            done(c::fitbit_app_set_renewal_guard(app, Some(idle)));
            let client = client(app, &heard);
            refused(c::fitbit_refresh(client), "STORE", "");
            assert!(heard.texts().contains(&"guard".to_owned()));
            c::fitbit_app_free(app);
            c::fitbit_free(client);
        }
    }
}

#[test]
fn a_path_that_leads_elsewhere_is_refused_before_anything_is_sent() {
    let (app, heard) = (app(), Heard::new(1));
    let client = client(app, &heard);
    for wrong in ["", "profile.json", "https://example.com/"] {
        let (path, mut response) = (text(wrong), null_mut());
        // SAFETY: living handles and texts.
        let error = unsafe { c::fitbit_get(client, path.as_ptr(), &raw mut response) };
        refused(error, "INVALID_ARGUMENT", "path");
        assert!(response.is_null());
    }
    // SAFETY: they are freed once.
    unsafe {
        c::fitbit_free(client);
        c::fitbit_app_cancel(app);
        c::fitbit_app_free(app);
    }
}

#[test]
fn handles_on_one_login_are_set_ended_and_freed_in_any_order() {
    for end_all in [false, true] {
        let (app, heard) = (app(), Heard::new(1));
        let client = client(app, &heard);
        let (mut dup, mut last, mut other) = (null_mut(), null_mut(), null_mut());
        let mut response = null_mut();
        // SAFETY: living handles and texts, freed once.
        unsafe {
            done(c::fitbit_set_header(client, c"X-Mine".as_ptr(), c"a".as_ptr()));
            done(c::fitbit_dup(client, &raw mut dup));
            done(c::fitbit_set_header(dup, c"X-Mine".as_ptr(), null_mut()));
            done(c::fitbit_set_timeout_ms(dup, 1000));
            done(c::fitbit_set_rate_limit_wait(dup, 1));
            done(c::fitbit_app_dup(app, &raw mut other));
            c::fitbit_app_free(app);
            c::fitbit_abort(client);
            if end_all {
                c::fitbit_app_shutdown(other);
                refused(c::fitbit_refresh(dup), "CANCELLED", "");
            }
            refused(
                c::fitbit_get(client, c"/1/a.json".as_ptr(), &raw mut response),
                "CANCELLED",
                "",
            );
            assert!(response.is_null());
            done(c::fitbit_dup(client, &raw mut last));
            done(c::fitbit_save(client));
            assert_eq!(token(client), token(dup));
            c::fitbit_free(client);
            c::fitbit_app_abort(other);
            c::fitbit_app_free(other);
            c::fitbit_free(dup);
            assert!(token_field(last, "access_token").is_some());
            c::fitbit_free(last);
        }
        assert!(heard.texts().is_empty(), "nothing was unsaved");
    }
}

struct Shared(Handle);

// SAFETY: the header says that a client may be used by many threads.
unsafe impl Sync for Shared {}

#[test]
fn two_threads_use_one_client() {
    let (app, heard) = (app(), Heard::new(1));
    let shared = Shared(client(app, &heard));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let client = &shared;
                for _ in 0..2 {
                    assert!(token(client.0).contains("an.access-token"));
                    assert!(token_field(client.0, "scope").is_some());
                    // SAFETY: a living handle.
                    done(unsafe { c::fitbit_save(client.0) });
                }
            });
        }
    });
    assert!(heard.texts().is_empty(), "it is what the program had saved");
    // SAFETY: they are freed once, after the threads.
    unsafe {
        c::fitbit_free(shared.0);
        c::fitbit_app_free(app);
    }
}

/// A guard that finds nothing to renew once the logger has heard something.
unsafe extern "C" fn idle_when_heard(_: Handle, data: *mut c_void) -> c_int {
    // SAFETY: as above.
    let heard = unsafe { &*data.cast::<Heard>() };
    while heard.texts().is_empty() {
        std::thread::yield_now();
    }
    heard.answer
}

#[test]
fn a_thread_waits_for_another_ones_renewal_and_the_logger_hears_of_it() {
    let (app, heard) = (app(), Heard::new(0));
    // SAFETY: living handles, callbacks and their data; freed once, after the threads.
    unsafe {
        done(c::fitbit_app_set_logger(app, number(5), Some(log), heard.data()));
        done(c::fitbit_app_set_renewal_guard(app, Some(idle_when_heard)));
        let shared = Shared(client(app, &heard));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let client = &shared;
                    refused(c::fitbit_refresh(client.0), "STORE", "");
                });
            }
        });
        assert!(heard.texts().iter().any(|line| line.contains("waiting for another thread")));
        c::fitbit_app_free(app);
        c::fitbit_free(shared.0);
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri opens no file with O_NONBLOCK, as token files are")]
fn a_token_moves_into_a_file_and_is_loaded_from_there() {
    let folder = std::env::temp_dir().join(format!("fitbit-linked-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = text(folder.join("token.json").to_str().unwrap());
    let (app, heard) = (app(), Heard::new(1));
    let client = client(app, &heard);
    let mut loaded = null_mut();
    // SAFETY: living handles and texts.
    unsafe {
        done(c::fitbit_set_token_file(client, path.as_ptr()));
        let before = token(client);
        c::fitbit_free(client);
        done(c::fitbit_from_file(app, path.as_ptr(), &raw mut loaded));
        assert_eq!(token(loaded), before);
        c::fitbit_free(loaded);
        c::fitbit_app_free(app);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
