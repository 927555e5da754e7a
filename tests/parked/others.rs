//! Who else has to do with a parked renewal: other processes, other handles, other logins, and the ends of
//! the login and of its handles.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::endpoint::{Asked, Cut, Endpoint, Gate, Kind, Plan, Until};
use crate::scene::{
    App, By, Call, KEEPERS, Keeper, Login, Saver, app_for, code, cut, has_the_token, text, wait_for,
};

const KINDS: [Kind; 3] = [Kind::Google, Kind::GoogleSingleUse, Kind::Fitbit];

struct Parked {
    endpoint: Endpoint,
    app: App,
    login: Login,
    gate: Arc<Gate>,
    asked: Arc<Asked>,
}

fn parked_in(kind: Kind, is_tls: bool, keeper: Keeper) -> Parked {
    let endpoint = Endpoint::with(kind, is_tls).repeating();
    let app = app_for(&endpoint, keeper);
    let login = Login::expired(&app, &endpoint, keeper);
    let gate = Gate::new();
    endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
    let asked = cut(&app, &endpoint, &login, By::Time);
    Parked { endpoint, app, login, gate, asked }
}

fn parked(kind: Kind) -> Parked {
    parked_in(kind, false, Keeper::Callback)
}

#[test]
fn a_token_that_another_process_has_stored_is_taken_and_the_parked_connection_closed() {
    for kind in KINDS {
        for keeper in [Keeper::File, Keeper::Guard] {
            let here = parked_in(kind, false, keeper);
            // An application of its own stands for the other process.
            let other = app_for(&here.endpoint, Keeper::Callback);
            let theirs = Login::with(
                &other,
                &here.endpoint,
                Keeper::Callback,
                &here.login.first.to_string(),
            );
            theirs.on().get().unwrap();
            // The response that is parked is older than theirs.
            theirs.on().call(Call::Refresh).unwrap();
            let asked = here.endpoint.requests();
            here.login.stored_elsewhere(&theirs.token().to_string());
            here.login.on().get().unwrap();
            assert_eq!(here.endpoint.requests(), asked, "{kind:?}, {keeper:?}");
            assert_eq!(here.login.token(), theirs.token(), "{kind:?}, {keeper:?}");
            wait_for(|| !here.asked.is_open());
            here.login.on().call(Call::Refresh).unwrap();
            assert_eq!(here.endpoint.requests(), asked + 1);
        }
    }
}

#[test]
fn another_handle_of_the_login_reads_it() {
    for kind in KINDS {
        let here = parked(kind);
        let dup = here.login.dup();
        here.gate.open();
        dup.0.get().unwrap();
        assert_eq!(here.endpoint.requests(), 1, "{kind:?}");
        has_the_token(&here.endpoint, &here.login);
    }
}

#[test]
fn another_login_with_the_same_token_asks_itself() {
    for kind in KINDS {
        let here = parked(kind);
        let token = here.login.first.to_string();
        let twin = Login::with(&here.app, &here.endpoint, Keeper::Callback, &token);
        twin.on().get().unwrap();
        assert_eq!(here.endpoint.requests(), 2, "{kind:?}");
        assert!(here.asked.is_open(), "{kind:?}");
        here.gate.open();
        here.login.on().get().unwrap();
        assert_eq!(here.endpoint.requests(), 2, "{kind:?}");
    }
}

/// The free reads a single-use renewal: its token is nowhere else.
#[test]
fn the_last_free_saves_a_single_use_token_that_is_on_its_way() {
    for kind in [Kind::Fitbit, Kind::GoogleSingleUse] {
        for is_tls in [false, true] {
            for comes_before in [false, true] {
                let endpoint = Endpoint::with(kind, is_tls);
                let app = endpoint.app();
                let saver = Saver::new();
                let token = endpoint.token(-10);
                let client = app.from_token(&token, &saver).unwrap();
                let gate = Gate::new();
                endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
                client.set_timeout_ms(1500).unwrap();
                client.get(kind.provider().profile).unwrap_err();
                // Not the last handle.
                drop(client.dup().unwrap());
                assert_eq!((endpoint.requests(), endpoint.open()), (1, 1), "{kind:?}");
                if comes_before {
                    gate.open();
                }
                thread::scope(|scope| {
                    scope.spawn(|| {
                        thread::sleep(Duration::from_millis(200));
                        gate.open();
                    });
                    drop(client);
                });
                let first: Value = serde_json::from_str(&token).unwrap();
                let (access_token, refresh_token) =
                    endpoint.successor(text(&first, "refresh_token")).unwrap();
                let offered = saver.offered();
                assert_eq!(offered.len(), 1, "{kind:?}, TLS: {is_tls}");
                let saved: Value = serde_json::from_str(&offered[0]).unwrap();
                assert_eq!(text(&saved, "access_token"), access_token);
                assert_eq!(text(&saved, "refresh_token"), refresh_token);
                assert_eq!(endpoint.requests(), 1);
                wait_for(|| endpoint.open() == 0);
            }
        }
    }
}

/// The same for what other processes read.
#[test]
fn the_last_free_stores_a_single_use_token_that_is_on_its_way() {
    for keeper in [Keeper::File, Keeper::Guard] {
        let endpoint = Endpoint::new(Kind::Fitbit);
        let app = app_for(&endpoint, keeper);
        let login = Login::expired(&app, &endpoint, keeper);
        let gate = Gate::new();
        endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
        cut(&app, &endpoint, &login, By::Time);
        gate.open();
        let stored = login.stored();
        drop(login);
        let token: Value = serde_json::from_str(&stored()).unwrap();
        let other = endpoint.app();
        let next = Login::with(&other, &endpoint, Keeper::Callback, &token.to_string());
        next.on().get().unwrap();
        next.on().call(Call::Refresh).unwrap();
        assert!(token.get("renewing_since").is_none(), "{keeper:?}");
        assert_eq!((endpoint.requests(), endpoint.replayed()), (2, 0), "{keeper:?}");
    }
}

#[test]
fn the_last_free_waits_two_seconds_for_a_single_use_token() {
    for kind in [Kind::Fitbit, Kind::GoogleSingleUse] {
        let here = parked(kind);
        let begun = Instant::now();
        drop(here.login);
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(1500), "{took:?}");
        assert!(took < Duration::from_secs(8), "{took:?}");
        wait_for(|| !here.asked.is_open());
    }
}

/// What can be asked for again is not waited for: nothing is lost.
#[test]
fn the_last_free_closes_a_parked_renewal_of_google_at_once() {
    let here = parked(Kind::Google);
    let begun = Instant::now();
    drop(here.login);
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(1500), "{took:?}");
    wait_for(|| !here.asked.is_open());
}

#[test]
fn the_application_is_freed_before_or_after_the_login() {
    for kind in KINDS {
        let here = parked(kind);
        drop(here.app);
        here.gate.open();
        here.login.on().get().unwrap();
        assert_eq!(here.endpoint.requests(), 1, "{kind:?}");
        has_the_token(&here.endpoint, &here.login);
        let here = parked(kind);
        here.gate.open();
        drop(here.login);
        drop(here.app);
        wait_for(|| here.endpoint.open() == 0);
        // The application goes first, and the login that has the last part in it.
        let here = parked(kind);
        here.gate.open();
        drop(here.app);
        drop(here.login);
        wait_for(|| here.endpoint.open() == 0);
    }
}

#[test]
fn a_revoked_login_does_not_come_back_with_its_parked_token() {
    for kind in KINDS {
        for keeper in KEEPERS {
            for comes_before in [false, true] {
                let here = parked_in(kind, false, keeper);
                if comes_before {
                    here.gate.open();
                }
                here.login.on().revoke().unwrap();
                here.gate.open();
                let what = format!("{kind:?}, {keeper:?}");
                assert_eq!(here.endpoint.revoked().len(), 1, "{what}");
                for call in [Call::Get, Call::Refresh] {
                    let error = here.login.on().call(call).unwrap_err();
                    assert_eq!(error.code, code::REAUTHORIZE, "{what}: {error:?}");
                }
                assert_eq!(here.endpoint.requests(), 1, "{what}");
                wait_for(|| !here.asked.is_open());
                let file = (keeper == Keeper::File).then(|| here.login.path().to_owned());
                let saved = (keeper == Keeper::Callback).then(|| here.login.saved());
                drop(here.login);
                assert!(file.is_none_or(|path| !path.exists()), "{what}: the file is back");
                // A single-use token that has come is read first: the revocation is then of that one.
                let most = usize::from(comes_before && kind != Kind::Google);
                assert!(saved.is_none_or(|saved| saved.len() <= most), "{what}: it was offered");
            }
        }
    }
}

/// Nothing of an application is read any more that was shut down, and nothing stays open.
#[test]
fn a_shut_down_application_lets_its_parked_connections_go() {
    for kind in KINDS {
        let here = parked(kind);
        here.app.shutdown();
        let error = here.login.on().get().unwrap_err();
        assert_eq!(error.code, code::CANCELLED, "{kind:?}");
        drop(here.login);
        drop(here.app);
        wait_for(|| here.endpoint.open() == 0);
    }
}

/// What was ended with the program is not lost with it.
#[test]
fn the_last_free_after_a_shutdown_saves_a_single_use_token_that_is_on_its_way() {
    let endpoint = Endpoint::new(Kind::Fitbit);
    let app = endpoint.app();
    let saver = Saver::new();
    let client = app.from_token(&endpoint.token(-10), &saver).unwrap();
    let gate = Gate::new();
    endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
    client.set_timeout_ms(1500).unwrap();
    client.get(Kind::Fitbit.provider().profile).unwrap_err();
    app.shutdown();
    gate.open();
    drop(client);
    assert_eq!(saver.offered().len(), 1);
}

/// A new token of the same login is not replaced by an older one.
#[test]
fn a_login_that_moves_to_a_file_takes_its_parked_renewal_along() {
    for kind in KINDS {
        let endpoint = Endpoint::new(kind);
        let app = endpoint.app();
        let saver = Saver::new();
        let client = app.from_token(&endpoint.token(-10), &saver).unwrap();
        let gate = Gate::new();
        endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
        let hasty = client.dup().unwrap();
        hasty.set_timeout_ms(1500).unwrap();
        hasty.get(kind.provider().profile).unwrap_err();
        let path = crate::scene::private_file("");
        client.set_token_file(&path).unwrap();
        gate.open();
        client.get(kind.provider().profile).unwrap();
        assert_eq!(endpoint.requests(), 1, "{kind:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), client.token());
        assert_eq!(saver.offered().len(), 0);
    }
}
