//! Many logins: an application keeps eight parked connections, and closes the oldest.

use std::collections::HashSet;
use std::thread;

use crate::endpoint::{Cut, Endpoint, Gate, Kind, Plan, Until};
use crate::scene::{App, By, Call, Keeper, Login, code, each, has_the_token, try_cut, wait_for};

const MAX_PARKED: usize = 8;

/// Every login with a renewal that was aborted, one after the other.
fn parked(app: &App, endpoint: &Endpoint, count: usize) -> Vec<Login> {
    let park = |_| {
        let login = Login::expired(app, endpoint, Keeper::Callback);
        try_cut(app, endpoint, &login, Call::Get, By::Abort, 0).expect("it is aborted at the cut");
        login
    };
    (0..count).map(park).collect()
}

/// The same by the end of their time. Each is sent when the one before it was.
fn out_of_time(app: &App, endpoint: &Endpoint, count: usize) -> Vec<Login> {
    let logins: Vec<_> =
        (0..count).map(|_| Login::expired(app, endpoint, Keeper::Callback)).collect();
    thread::scope(|scope| {
        for (sent, login) in logins.iter().enumerate() {
            scope.spawn(move || {
                let dup = login.dup();
                dup.0.set_timeout_ms(5000);
                assert_eq!(dup.0.get().unwrap_err().code, code::TIMEOUT);
            });
            wait_for(|| endpoint.asked().get(sent).is_some_and(|asked| asked.is_at_the_cut()));
        }
    });
    logins
}

/// The numbers of the requests whose connections are open.
fn open(endpoint: &Endpoint) -> Vec<usize> {
    let asked = endpoint.asked();
    let open = asked.iter().enumerate().filter(|(_, asked)| asked.is_open());
    open.map(|(number, _)| number).collect()
}

fn all_get_their_tokens(endpoint: &Endpoint, logins: &[Login]) {
    each(logins, logins.len(), |login| {
        login.on().get().unwrap();
        has_the_token(endpoint, login);
        assert_eq!(login.saved(), [login.token()]);
    });
}

#[test]
fn eight_of_fifty_logins_keep_their_parked_connections() {
    for (kind, by) in [(Kind::Google, By::Abort), (Kind::Fitbit, By::Time)] {
        // A closed connection loses its response: the provider says it again.
        let endpoint = Endpoint::new(kind).repeating();
        let gate = Gate::new();
        endpoint.always(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
        let app = endpoint.app();
        let logins = match by {
            By::Time => out_of_time(&app, &endpoint, 50),
            _ => parked(&app, &endpoint, 50),
        };
        assert_eq!(endpoint.requests(), 50);
        let youngest: Vec<_> = (50 - MAX_PARKED..50).collect();
        wait_for(|| endpoint.open() <= MAX_PARKED);
        assert_eq!(open(&endpoint), youngest, "{kind:?}, {by:?}");
        gate.open();
        all_get_their_tokens(&endpoint, &logins);
        assert_eq!(endpoint.requests(), 50 + 50 - MAX_PARKED, "{kind:?}, {by:?}");
        println!("50 logins, {kind:?}, {by:?}: {} requests for a token", endpoint.requests());
    }
}

#[test]
fn every_ninth_closes_the_oldest() {
    let endpoint = Endpoint::new(Kind::Google);
    endpoint.always(Plan::silent());
    let app = endpoint.app();
    let mut logins = Vec::new();
    for number in 0..MAX_PARKED + 4 {
        logins.extend(parked(&app, &endpoint, 1));
        let oldest = (number + 1).saturating_sub(MAX_PARKED);
        wait_for(|| open(&endpoint).first() == Some(&oldest));
        assert_eq!(open(&endpoint), (oldest..=number).collect::<Vec<_>>());
    }
}

/// A login that is parked a second time is not the oldest any more.
#[test]
fn one_login_has_one_parked_connection() {
    let endpoint = Endpoint::new(Kind::Google);
    let gate = Gate::new();
    endpoint.always(Plan::cut(Cut::InHead, Until::Open(gate.clone())));
    let app = endpoint.app();
    let logins = parked(&app, &endpoint, 1);
    for _ in 0..20 {
        let dup = logins[0].dup();
        dup.0.set_timeout_ms(60);
        dup.0.get().unwrap_err();
    }
    assert_eq!((endpoint.requests(), endpoint.open()), (1, 1));
    gate.open();
    all_get_their_tokens(&endpoint, &logins);
    assert_eq!(endpoint.requests(), 1);
}

#[test]
fn the_handles_of_an_application_share_the_eight_and_two_applications_do_not() {
    let endpoint = Endpoint::new(Kind::Google);
    endpoint.always(Plan::silent());
    let (one, other) = (endpoint.app(), endpoint.app());
    let dup = one.dup().unwrap();
    let mut logins = parked(&one, &endpoint, 5);
    logins.extend(parked(&dup, &endpoint, 5));
    wait_for(|| endpoint.open() <= MAX_PARKED);
    assert_eq!(open(&endpoint), (2..10).collect::<Vec<_>>());
    logins.extend(parked(&other, &endpoint, 9));
    wait_for(|| endpoint.open() <= 2 * MAX_PARKED);
    assert_eq!(open(&endpoint), (2..10).chain(11..19).collect::<Vec<_>>());
}

/// Twelve of twenty lose their connections each time.
#[test]
fn impatient_logins_at_once_get_their_tokens_in_the_end() {
    for kind in [Kind::Google, Kind::Fitbit] {
        let endpoint = Endpoint::new(kind).repeating();
        endpoint.always(Plan::late(150));
        let app = endpoint.app();
        let logins: Vec<_> =
            (0..20).map(|_| Login::expired(&app, &endpoint, Keeper::Callback)).collect();
        each(&logins, logins.len(), |login| {
            login.on().set_timeout_ms(100);
            wait_for(|| {
                let is_done = login.on().get().is_ok();
                if !is_done {
                    // Within the five seconds' pause a call returns at once.
                    thread::sleep(std::time::Duration::from_millis(20));
                }
                is_done
            });
            has_the_token(&endpoint, login);
        });
        let asked = endpoint.asked();
        let lines: HashSet<_> = asked.iter().map(|asked| asked.connection.number).collect();
        println!(
            "20 impatient logins at once, {kind:?}: {} requests for a token, {} connections",
            asked.len(),
            lines.len()
        );
        assert!(endpoint.requests() >= 20);
        wait_for(|| endpoint.open() <= MAX_PARKED);
    }
}
