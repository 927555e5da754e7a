//! Every place at which a response can be cut, and everything that cuts it: the next call reads the rest.

use std::fmt::Debug;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::endpoint::{Asked, Cut, Endpoint, Framing, Gate, Kind, Plan, Until, now};
use crate::scene::{
    By, CALLS, Call, Error, KEEPERS, Keeper, Login, app_for, code, cut, each, has_the_token,
    lives_for, text, try_cut, wait_for,
};

const PLACES: [(Cut, Framing); 9] = [
    (Cut::BeforeHead, Framing::Length),
    (Cut::InHead, Framing::Length),
    (Cut::AfterHead, Framing::Length),
    (Cut::InBody, Framing::Length),
    (Cut::InBody, Framing::Chunked),
    (Cut::InBody, Framing::Gzip),
    (Cut::ButOneByte, Framing::Length),
    (Cut::ButOneByte, Framing::Chunked),
    (Cut::ButOneByte, Framing::Gzip),
];

#[derive(Clone, Copy, Debug)]
struct Cell {
    kind: Kind,
    is_tls: bool,
    place: (Cut, Framing),
    by: By,
    keeper: Keeper,
    call: Call,
    /// The next call is waiting when the rest comes.
    is_waited_for: bool,
}

/// An end of the call cuts no single-use renewal.
fn ends(kind: Kind) -> &'static [By] {
    if kind.is_single_use() { &[By::Time] } else { &[By::Abort, By::Cancel, By::Time] }
}

fn cells(kinds: &[Kind]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &kind in kinds {
        for is_tls in [false, true] {
            for place in PLACES {
                for &by in ends(kind) {
                    for keeper in KEEPERS {
                        for call in CALLS {
                            let is_waited_for = cells.len() % 2 == 0;
                            cells.push(Cell {
                                kind,
                                is_tls,
                                place,
                                by,
                                keeper,
                                call,
                                is_waited_for,
                            });
                        }
                    }
                }
            }
        }
    }
    cells
}

/// Cells that are measured at a time.
const AT_ONCE: usize = 12;

/// The time of a call that is to run out.
const SHORT_MS: u32 = 250;

const LIFE: i64 = 1234;

fn measure(cell: &Cell) -> Result<(), String> {
    // A busy machine may be late once.
    for milliseconds in [SHORT_MS, 4 * SHORT_MS, 16 * SHORT_MS] {
        if let Some(outcome) = measure_once(cell, milliseconds) {
            return outcome.map_err(|why| format!("{cell:?}: {why}"));
        }
    }
    Err(format!("{cell:?}: the machine is too busy"))
}

fn is<T: PartialEq + Debug>(what: &str, is: T, should: T) -> Result<(), String> {
    if is == should { Ok(()) } else { Err(format!("{what}: {is:?}, not {should:?}")) }
}

fn measure_once(cell: &Cell, milliseconds: u32) -> Option<Result<(), String>> {
    let endpoint = Endpoint::with(cell.kind, cell.is_tls);
    let app = app_for(&endpoint, cell.keeper);
    let login = Login::expired(&app, &endpoint, cell.keeper);
    let gate = Gate::new();
    let (place, framing) = cell.place;
    let plan = Plan::cut(place, Until::Open(gate.clone()));
    endpoint.plan(Plan { framing, expires_in: LIFE, ..plan });
    let begun = now();
    let asked = try_cut(&app, &endpoint, &login, cell.call, cell.by, milliseconds)?;
    Some(is_read_by_the_next_call(cell, &endpoint, &login, &asked, &gate, begun))
}

fn is_read_by_the_next_call(
    cell: &Cell,
    endpoint: &Endpoint,
    login: &Login,
    asked: &Arc<Asked>,
    gate: &Gate,
    begun: i64,
) -> Result<(), String> {
    is("open connections while it is parked", endpoint.open(), 1)?;
    is("tokens saved while it is parked", login.saved().len(), 0)?;
    let outcome = thread::scope(|scope| {
        if !cell.is_waited_for {
            gate.open();
            wait_for(|| asked.is_answered() || !asked.is_open());
        }
        let reading = scope.spawn(|| login.on().call(cell.call));
        if cell.is_waited_for {
            thread::sleep(Duration::from_millis(30));
        }
        gate.open();
        reading.join().unwrap()
    });
    outcome.map_err(|error| format!("the next call: {error:?}"))?;
    is("requests for a token", endpoint.requests(), 1)?;
    is("bytes sent on the parked connection", asked.sent_too_early(), 0)?;
    has_the_token(endpoint, login);
    let token = login.token();
    let saved: Vec<_> = login.saved().iter().map(|token| token["access_token"].clone()).collect();
    is("saved tokens", saved, vec![token["access_token"].clone()])?;
    is("the stored token", &login.saved()[0], &token)?;
    if !lives_for(&token, LIFE, begun, asked.wall) {
        return Err(format!("{}, it was asked at {}", token["expires_at"], asked.wall));
    }
    let flag = token.get("refresh_token_single_use").is_some();
    is("refresh_token_single_use", flag, cell.kind == Kind::GoogleSingleUse)?;
    let carried = match cell.call {
        Call::Get => vec![text(&token, "access_token").to_owned()],
        Call::Refresh => Vec::new(),
    };
    is("tokens that requests carried", endpoint.carried(), carried)?;
    wait_for(|| !asked.is_open());
    login.on().get().map_err(|error| format!("a request later: {error:?}"))?;
    login.on().call(Call::Refresh).map_err(|error| format!("a renewal later: {error:?}"))?;
    is("requests for a token in the end", endpoint.requests(), 2)?;
    is(
        "the second one's connection",
        endpoint.asked()[1].connection.number == asked.connection.number,
        false,
    )?;
    is("refresh tokens sent twice", endpoint.replayed(), 0)
}

fn all_are_read(cells: &[Cell]) {
    let failed: Vec<String> =
        each(cells, AT_ONCE, measure).into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} of {} cells:\n{}", failed.len(), cells.len(), failed.join("\n"));
}

#[test]
fn a_cut_renewal_of_google_is_read_by_the_next_call() {
    all_are_read(&cells(&[Kind::Google]));
}

#[test]
fn a_single_use_renewal_whose_time_is_over_is_read_by_the_next_call() {
    all_are_read(&cells(&[Kind::Fitbit, Kind::GoogleSingleUse]));
}

/// What came of the response is kept from call to call.
#[test]
fn a_response_that_is_cut_again_and_again_is_read_in_parts() {
    let cells: Vec<_> = [Kind::Google, Kind::Fitbit, Kind::GoogleSingleUse]
        .into_iter()
        .flat_map(|kind| [(kind, false), (kind, true)])
        .collect();
    each(&cells, cells.len(), |&(kind, is_tls)| {
        let endpoint = Endpoint::with(kind, is_tls);
        let app = app_for(&endpoint, Keeper::Callback);
        let login = Login::expired(&app, &endpoint, Keeper::Callback);
        // About 300 bytes, so a second or more.
        endpoint.plan(Plan::cut(Cut::InHead, Until::Dripped(Duration::from_millis(4))));
        let hasty = login.dup();
        hasty.0.set_timeout_ms(120);
        let calls = (1..=500).find(|_| is_enough(hasty.0.get()));
        assert!(calls > Some(2), "{kind:?}: it was not cut: {calls:?}");
        assert_eq!(endpoint.requests(), 1, "{kind:?}, TLS: {is_tls}");
        has_the_token(&endpoint, &login);
        assert_eq!(login.saved().len(), 1);
    });
}

/// A login that is lost stays lost.
fn is_enough(outcome: Result<(), Error>) -> bool {
    outcome.map_or_else(|error| error.code == code::REAUTHORIZE, |()| true)
}

/// An end does not cut what is single-use. The call is CANCELLED, and the token is saved.
#[test]
fn a_single_use_renewal_that_was_sent_is_finished_by_an_ended_call() {
    let mut cells = cells(&[Kind::Fitbit, Kind::GoogleSingleUse]);
    cells.retain(|cell| !cell.is_waited_for);
    each(&cells, AT_ONCE, |cell| {
        for by in [By::Abort, By::Cancel] {
            let endpoint = Endpoint::with(cell.kind, cell.is_tls);
            let app = app_for(&endpoint, cell.keeper);
            let login = Login::expired(&app, &endpoint, cell.keeper);
            let (place, framing) = cell.place;
            let gate = Gate::new();
            endpoint.plan(Plan { framing, ..Plan::cut(place, Until::Open(gate.clone())) });
            let dup = login.dup();
            let outcome = thread::scope(|scope| {
                let running = scope.spawn(|| dup.0.call(cell.call));
                wait_for(|| endpoint.requests() == 1 && endpoint.asked()[0].is_at_the_cut());
                match by {
                    By::Abort => dup.0.abort(),
                    _ => app.cancel(),
                }
                thread::sleep(Duration::from_millis(50));
                gate.open();
                running.join().unwrap()
            });
            assert_eq!(outcome.expect_err("it was ended").code, code::CANCELLED, "{cell:?}");
            assert_eq!(endpoint.requests(), 1, "{cell:?}");
            has_the_token(&endpoint, &login);
            assert_eq!(login.saved(), [login.token()], "{cell:?}");
            login.on().get().unwrap();
            assert_eq!(endpoint.requests(), 1, "{cell:?}");
        }
    });
}

/// It was ended, and goes on. Then its time is over.
#[test]
fn an_ended_single_use_renewal_whose_time_is_over_is_read_by_the_next_call() {
    for is_tls in [false, true] {
        let endpoint = Endpoint::with(Kind::Fitbit, is_tls);
        let app = app_for(&endpoint, Keeper::Callback);
        let login = Login::expired(&app, &endpoint, Keeper::Callback);
        let gate = Gate::new();
        endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
        let dup = login.dup();
        dup.0.set_timeout_ms(1500);
        thread::scope(|scope| {
            let running = scope.spawn(|| dup.0.get());
            wait_for(|| endpoint.requests() == 1 && endpoint.asked()[0].is_at_the_cut());
            dup.0.abort();
            running.join().unwrap().unwrap_err();
        });
        assert_eq!(endpoint.open(), 1);
        gate.open();
        login.on().get().unwrap();
        assert_eq!(endpoint.requests(), 1);
        has_the_token(&endpoint, &login);
        assert_eq!(login.saved(), [login.token()]);
    }
}

/// Nothing says beforehand that this response brings another refresh token.
#[test]
fn a_cut_renewal_that_makes_a_login_single_use_is_read_by_the_next_call() {
    for by in [By::Abort, By::Time] {
        let endpoint = Endpoint::new(Kind::GoogleSingleUse);
        let app = app_for(&endpoint, Keeper::Callback);
        let mut token: Value = serde_json::from_str(&endpoint.token(-10)).unwrap();
        token.as_object_mut().unwrap().remove("refresh_token_single_use");
        let login = Login::with(&app, &endpoint, Keeper::Callback, &token.to_string());
        let gate = Gate::new();
        endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
        cut(&app, &endpoint, &login, by);
        gate.open();
        login.on().get().unwrap();
        assert_eq!(endpoint.requests(), 1);
        has_the_token(&endpoint, &login);
        assert_eq!(login.token()["refresh_token_single_use"], Value::Bool(true));
        assert_eq!(login.saved(), [login.token()]);
    }
}

/// A connection of a renewal can be a kept one. It is parked in the same way.
#[test]
fn a_renewal_that_is_cut_on_a_kept_connection_is_read_there() {
    for is_tls in [false, true] {
        for by in [By::Abort, By::Cancel, By::Time] {
            let endpoint = Endpoint::with(Kind::Google, is_tls);
            let app = app_for(&endpoint, Keeper::Callback);
            let login = Login::expired(&app, &endpoint, Keeper::Callback);
            login.on().call(Call::Refresh).unwrap();
            let gate = Gate::new();
            endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
            let asked = try_cut(&app, &endpoint, &login, Call::Refresh, by, 1500).unwrap();
            assert_eq!(asked.connection.number, endpoint.asked()[0].connection.number);
            assert!(!asked.closes);
            gate.open();
            // The next renewal is the one that was cut.
            login.on().call(Call::Refresh).unwrap();
            assert_eq!(endpoint.requests(), 2, "TLS: {is_tls}, {by:?}");
            wait_for(|| !asked.is_open());
            assert_eq!(login.saved().len(), 2);
            login.on().get().unwrap();
        }
    }
}
