//! Calls with less time than the token endpoint takes: a few of them together get the token.

use std::thread;
use std::time::Duration;

use crate::endpoint::{Endpoint, Kind, Plan};
use crate::scene::{Call, KEEPERS, Keeper, Login, app_for, each, has_the_token};

const KINDS: [Kind; 3] = [Kind::Google, Kind::GoogleSingleUse, Kind::Fitbit];

/// The time of a call, and of the endpoint.
const PATIENCE_MS: u32 = 100;
const LATE_MS: u64 = 150;

/// Fewer than fit into the five seconds' pause, were there one: within a pause a call fails at once.
const MAX_CALLS: usize = 20;

#[test]
fn calls_with_less_time_than_the_token_endpoint_takes_get_a_token() {
    let cases: Vec<_> = KINDS
        .into_iter()
        .flat_map(|kind| KEEPERS.map(|keeper| (kind, keeper)))
        .flat_map(|(kind, keeper)| [false, true].map(|is_tls| (kind, keeper, is_tls)))
        .collect();
    // Few at a time: each of them needs the machine within a tenth of a second.
    each(&cases, 2, |&(kind, keeper, is_tls)| {
        let endpoint = Endpoint::with(kind, is_tls);
        endpoint.always(Plan::late(LATE_MS));
        let app = app_for(&endpoint, keeper);
        let login = Login::expired(&app, &endpoint, keeper);
        login.on().set_timeout_ms(PATIENCE_MS);
        let calls = (1..=MAX_CALLS).find(|_| login.on().get().is_ok());
        assert!(calls.is_some(), "{kind:?}, {keeper:?}: {:?}", login.on().get());
        assert!(calls > Some(1), "the endpoint is late");
        assert_eq!(endpoint.requests(), 1, "{kind:?}, {keeper:?}, TLS: {is_tls}");
        has_the_token(&endpoint, &login);
        assert_eq!(login.saved(), [login.token()]);
        assert!((0..MAX_CALLS).any(|_| login.on().get().is_ok()));
        // And once more, by fitbit_refresh.
        let second = login.token();
        assert!((0..MAX_CALLS).any(|_| login.on().call(Call::Refresh).is_ok()));
        assert_eq!(endpoint.requests(), 2, "{kind:?}, {keeper:?}, TLS: {is_tls}");
        assert_ne!(login.token()["access_token"], second["access_token"]);
        assert_eq!(endpoint.replayed(), 0);
    });
}

#[test]
fn twenty_logins_with_a_tenth_of_a_second_each_get_their_tokens() {
    for kind in KINDS {
        let endpoint = Endpoint::new(kind);
        endpoint.always(Plan::late(LATE_MS));
        let app = endpoint.app();
        let logins: Vec<_> =
            (0..20).map(|_| Login::expired(&app, &endpoint, Keeper::Callback)).collect();
        // One after the other: at most one of them is parked.
        for login in &logins {
            login.on().set_timeout_ms(PATIENCE_MS);
            assert!((0..MAX_CALLS).any(|_| login.on().get().is_ok()), "{:?}", login.on().get());
            has_the_token(&endpoint, login);
        }
        assert_eq!(endpoint.requests(), 20, "{kind:?}");
        assert_eq!(endpoint.replayed(), 0);
    }
}

/// The token works yet, and the renewal before the request has half of the time.
#[test]
fn a_renewal_of_a_token_that_expires_soon_is_read_after_its_half_of_the_time() {
    for kind in KINDS {
        let endpoint = Endpoint::new(kind);
        endpoint.always(Plan::late(LATE_MS));
        let app = endpoint.app();
        let login = Login::with(&app, &endpoint, Keeper::Callback, &endpoint.token(20));
        login.on().set_timeout_ms(PATIENCE_MS);
        let mut calls = 0;
        while login.saved().is_empty() && calls < MAX_CALLS {
            // A busy machine may have no time left for the request itself.
            let _ = login.on().get();
            thread::sleep(Duration::from_millis(20));
            calls += 1;
        }
        has_the_token(&endpoint, &login);
        assert_eq!(endpoint.requests(), 1, "{kind:?}");
        assert_eq!(login.saved(), [login.token()]);
    }
}

/// The API has refused the token that the login has.
#[test]
fn a_renewal_after_a_401_is_read_by_a_later_call() {
    for kind in KINDS {
        let endpoint = Endpoint::new(kind);
        endpoint.always(Plan::late(LATE_MS));
        let app = endpoint.app();
        let login = Login::with(&app, &endpoint, Keeper::Callback, &endpoint.token(3600));
        endpoint.expire_access_tokens();
        login.on().set_timeout_ms(PATIENCE_MS);
        assert!((0..MAX_CALLS).any(|_| login.on().get().is_ok()), "{:?}", login.on().get());
        assert_eq!(endpoint.requests(), 1, "{kind:?}");
        has_the_token(&endpoint, &login);
    }
}
