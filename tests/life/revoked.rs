//! What a client is worth whose login was revoked: nobody is asked anything with it, and its token is
//! offered to no one.

use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex};

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{Client, Error, Saver, code, interface};

use crate::providers::{BOTH, FITBIT, Folder, GOOGLE, Provider, revoked_tokens};
use crate::revoke::assert_over;

/// Every call that would send something; a page of a list is there from before.
fn assert_nobody_is_asked(simulator: &Simulator, client: &Client, of: &Provider, folder: &Folder) {
    let before = simulator.requests(Target::Any);
    assert_over(client.get(of.path));
    assert_over(client.post(of.path, Some("a=b")));
    assert_over(client.delete(of.path));
    assert_over(client.request("PUT", of.path, None, Some(b"{}")));
    assert_over(client.refresh());
    assert_over(client.set_token_file(&folder.token_file()));
    client.revoke().unwrap();
    client.save().unwrap();
    assert_eq!(simulator.requests(Target::Any), before);
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn after_a_revocation_nobody_is_asked_anything() {
    for of in BOTH {
        let (simulator, folder) = (provider(), Folder::new());
        for expires_in in [3600, -10] {
            let client = of.client_with(&simulator, expires_in, &Saver::new());
            let token = client.token();
            client.revoke().unwrap();
            assert_nobody_is_asked(&simulator, &client, &of, &folder);
            assert_eq!(client.token(), token, "what there was can still be looked at");
        }
    }
}

#[test]
fn after_a_revocation_there_is_no_next_page() {
    let simulator = provider();
    let client = FITBIT.client(&simulator);
    let list = "/1/user/-/activities/list.json?afterDate=2026-01-01&sort=asc&offset=0&limit=5";
    let page = client.get(list).unwrap();
    client.revoke().unwrap();
    let before = simulator.requests(Target::Any);
    assert_over(client.next_page(&page));
    assert_eq!(simulator.requests(Target::Any), before);
}

#[test]
fn after_a_revocation_nobody_is_asked_whose_login_it_was() {
    let simulator = provider();
    let (fitbit, google) = (FITBIT.client(&simulator), GOOGLE.client(&simulator));
    fitbit.revoke().unwrap();
    google.revoke().unwrap();
    let before = simulator.requests(Target::Any);
    assert_eq!(fitbit.user_id().unwrap(), "26FWFL", "the token says it");
    assert_over(google.user_id());
    assert_eq!(simulator.requests(Target::Any), before);
}

#[test]
fn an_unsaved_token_is_offered_to_no_one_any_more() {
    for of in BOTH {
        let simulator = provider();
        let saver = Saver::doing(|_| 0);
        let client = of.client_with(&simulator, 3600, &saver);
        assert_eq!(client.refresh().unwrap_err().code, code::STORE);
        assert_eq!(client.save().unwrap_err().code, code::STORE);
        let newest = client.token_field("refresh_token").unwrap();
        let offered = saver.offered().len();
        client.revoke().unwrap();
        assert_over(client.save());
        assert_over(client.get(of.path));
        drop(client);
        assert_eq!(saver.offered().len(), offered);
        assert_eq!(revoked_tokens(&simulator), [newest]);
    }
}

#[test]
fn inside_the_clients_own_callback_it_is_refused_at_once() {
    for of in BOTH {
        let simulator = provider();
        let own = Arc::new(AtomicPtr::<c_void>::default());
        let outcome = Arc::new(Mutex::new(None));
        let saver = Saver::doing({
            let (own, outcome) = (own.clone(), outcome.clone());
            move |_| {
                let handle = own.load(Ordering::SeqCst);
                let revoked = Error::check(unsafe { (interface().revoke)(handle) });
                *outcome.lock().unwrap() = Some(revoked);
                1
            }
        });
        let client = of.client_with(&simulator, 3600, &saver);
        own.store(client.handle, Ordering::SeqCst);
        client.refresh().unwrap();
        let inside = outcome.lock().unwrap().take().expect("the callback ran");
        assert_eq!(inside.unwrap_err().code, code::INVALID_ARGUMENT);
        assert_eq!(simulator.requests(Target::Revoke), 0);
        client.get(of.path).unwrap();
        client.revoke().unwrap();
    }
}
