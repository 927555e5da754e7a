//! Saving a new token: before any request uses it, one at a time, in the order of the tokens.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{Error, Saver, interface};

use super::scene::{access_tokens_sent, client_with, field};
use super::world::{PROFILE, app, provider, saved_token};

/// A saver that looks, while it saves, whether any request already carries the new token.
fn watchful_saver(provider: &Arc<Simulator>) -> (Saver, Arc<AtomicBool>) {
    let (provider, used_early) = (Arc::downgrade(provider), Arc::new(AtomicBool::new(false)));
    let seen = used_early.clone();
    let saver = Saver::doing(move |json| {
        std::thread::sleep(Duration::from_millis(300));
        let new = field(json, "access_token");
        let sent = provider.upgrade().map_or_else(Vec::new, |at| access_tokens_sent(&at));
        if sent.contains(&new) {
            seen.store(true, Ordering::SeqCst);
        }
        1
    });
    (saver, used_early)
}

#[test]
fn no_request_carries_a_new_token_before_it_is_saved() {
    // Expired; and good, so that other threads have no need to wait; and refused by the server.
    for (expires_in, refused) in [(-10, false), (3600, false), (3600, true)] {
        let provider = Arc::new(provider());
        let (saver, used_early) = watchful_saver(&provider);
        let client = client_with(&provider, expires_in, &saver);
        if refused {
            provider.expire_access_tokens();
        }
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        client.get(PROFILE).unwrap();
                    }
                });
            }
            client.refresh().unwrap();
        });
        assert!(!used_early.load(Ordering::SeqCst));
        let new = field(&saver.offered()[0], "access_token");
        assert!(access_tokens_sent(&provider).contains(&new) || expires_in > 0 && !refused);
    }
}

#[test]
fn every_new_token_is_offered_once_and_in_order() {
    let (provider, saver) = (provider(), Saver::new());
    let client = client_with(&provider, 3600, &saver);
    let mut held = Vec::new();
    for _ in 0..5 {
        client.refresh().unwrap();
        held.push(client.token());
        client.get(PROFILE).unwrap();
    }
    assert_eq!(saver.offered(), held, "byte for byte what fitbit_token gives");
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn a_saved_token_makes_a_client_that_goes_on() {
    let (provider, saver) = (provider(), Saver::new());
    let client = client_with(&provider, -10, &saver);
    client.get(PROFILE).unwrap();
    drop(client);
    let again = app(&provider).from_token(&saver.offered()[0], &Saver::new()).unwrap();
    assert_eq!(again.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 1);
    again.refresh().unwrap();
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn a_loaded_token_is_not_offered() {
    let (provider, saver) = (provider(), Saver::new());
    let client = client_with(&provider, 3600, &saver);
    client.get(PROFILE).unwrap();
    client.save().unwrap();
    drop(client);
    assert_eq!(saver.offered().len(), 0);
}

#[test]
fn a_failed_renewal_offers_nothing() {
    let (provider, saver) = (provider(), Saver::new());
    let client = client_with(&provider, -10, &saver);
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status404));
    client.get(PROFILE).unwrap_err();
    drop(client);
    assert_eq!(saver.offered().len(), 0);
}

#[test]
fn without_a_callback_tokens_are_renewed_all_the_same() {
    // Fault of a peer (section 2.1 note 8): without one, a 401 is not reacted to, and an expired
    // token's renewal is thrown at the program.
    let provider = provider();
    let app = app(&provider);
    let json = std::ffi::CString::new(saved_token(&provider, -10)).unwrap();
    let (c, mut client) = (interface(), null_mut());
    Error::check(unsafe { (c.from_token)(app.0, json.as_ptr(), None, null_mut(), &mut client) })
        .unwrap();
    let get = || {
        let path = std::ffi::CString::new(PROFILE).unwrap();
        let mut response = null_mut();
        Error::check(unsafe { (c.get)(client, path.as_ptr(), &mut response) }).unwrap();
        unsafe { (c.response_free)(response) };
    };
    get();
    assert_eq!(provider.requests(Target::Refresh), 1, "ahead");
    provider.expire_access_tokens();
    get();
    assert_eq!(provider.requests(Target::Refresh), 2, "after a 401");
    Error::check(unsafe { (c.refresh)(client) }).unwrap();
    Error::check(unsafe { (c.save)(client) }).unwrap();
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    unsafe { (c.free)(client) };
}

/// Counts its calls, and those that ran beside another one; saves every third token.
#[derive(Default)]
struct Overlaps {
    inside: AtomicBool,
    calls: AtomicUsize,
    overlaps: AtomicUsize,
}

unsafe extern "C" fn count_overlaps(_: *const c_char, user_data: *mut c_void) -> c_int {
    let seen = unsafe { &*user_data.cast::<Overlaps>() };
    if seen.inside.swap(true, Ordering::SeqCst) {
        seen.overlaps.fetch_add(1, Ordering::SeqCst);
    }
    std::thread::sleep(Duration::from_millis(2));
    let calls = seen.calls.fetch_add(1, Ordering::SeqCst) + 1;
    seen.inside.store(false, Ordering::SeqCst);
    c_int::from(calls.is_multiple_of(3))
}

struct Handle(*mut c_void);
unsafe impl Sync for Handle {}

impl Handle {
    fn get(&self) -> *mut c_void {
        self.0
    }
}

#[test]
fn callbacks_of_one_client_never_overlap() {
    let provider = provider();
    let app = app(&provider);
    let json = std::ffi::CString::new(saved_token(&provider, -10)).unwrap();
    let path = std::ffi::CString::new(PROFILE).unwrap();
    let (c, mut client) = (interface(), null_mut());
    let mut seen = Overlaps::default();
    let user_data = (&raw mut seen).cast();
    Error::check(unsafe {
        (c.from_token)(app.0, json.as_ptr(), Some(count_overlaps), user_data, &mut client)
    })
    .unwrap();
    let (client, start) = (Handle(client), Barrier::new(64));
    std::thread::scope(|scope| {
        for nth in 0..64 {
            let (client, path, start) = (&client, &path, &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..4 {
                    let mut response = null_mut();
                    let done = match nth % 4 {
                        0 => unsafe { (c.refresh)(client.get()) },
                        1 => unsafe { (c.save)(client.get()) },
                        _ => unsafe { (c.get)(client.get(), path.as_ptr(), &mut response) },
                    };
                    // A save or a renewal may well report that the token was not saved.
                    let _ = Error::check(done);
                    unsafe { (c.response_free)(response) };
                }
            });
        }
    });
    unsafe { (c.free)(client.0) };
    assert_eq!(seen.overlaps.load(Ordering::SeqCst), 0);
    assert!(seen.calls.load(Ordering::SeqCst) > 2);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}
