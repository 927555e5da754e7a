//! Inside a guard: the client's own calls, other handles, time, and whose user data it gets.

use std::ffi::CString;
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fitbit_simulator::Target;
use fitbit_test_support::interface::{Handle, RateLimit};
use fitbit_test_support::world::{PROFILE, app, client, provider, saved_token};
use fitbit_test_support::{Error, code, interface};

use crate::scene::{Commit, Guarded, Renewal, Row, committing, get, guarded_app, same, token};
use crate::scene::{with, with_guard};

type Call = unsafe fn(Handle) -> Handle;

/// What would wait for the guard that it is called in.
const WAITING: [(&str, Call); 6] = [
    ("get", |client| unsafe { (interface().get)(client, c"/1/x.json".as_ptr(), &mut null_mut()) }),
    ("post", |client| unsafe {
        (interface().post)(client, c"/1/x.json".as_ptr(), null(), &mut null_mut())
    }),
    ("delete", |client| unsafe {
        (interface().delete)(client, c"/1/x.json".as_ptr(), &mut null_mut())
    }),
    ("refresh", |client| unsafe { (interface().refresh)(client) }),
    ("save", |client| unsafe { (interface().save)(client) }),
    ("set_token_file", |client| {
        let path = std::env::temp_dir().join("fitbit-guard-must-not-write-this");
        let path = CString::new(path.to_str().unwrap()).unwrap();
        unsafe { (interface().set_token_file)(client, path.as_ptr()) }
    }),
];

/// What a guard noted, to be looked at afterwards.
type Notes<T> = Arc<Mutex<Vec<T>>>;

#[test]
fn the_clients_own_requests_are_refused_at_once_before_and_after_the_run() {
    let provider = provider();
    let stored = saved_token(&provider, -10);
    let row = Row::holding(&stored);
    let notes: Notes<_> = Notes::default();
    let refused = |client: Handle| {
        WAITING.map(|(name, call)| {
            (name, Error::check(unsafe { call(client) }).map_err(|error| error.code))
        })
    };
    let guard = {
        let (row, notes) = (row.clone(), notes.clone());
        move |renewal: &Renewal| {
            let before = refused(renewal.client);
            let committed = row.transaction(renewal, Commit::Works);
            notes.lock().unwrap().extend([before, refused(renewal.client)]);
            committed
        }
    };
    let client = Guarded::from_token(&guarded_app(&provider), &stored, guard);
    assert_eq!(client.get(PROFILE), Ok(200));
    for (name, outcome) in notes.lock().unwrap().iter().flatten() {
        assert_eq!(*outcome, Err(code::INVALID_ARGUMENT), "{name}");
    }
    assert_eq!(notes.lock().unwrap().len(), 2);
    assert_eq!((provider.requests(Target::Refresh), provider.requests(Target::Api)), (1, 1));
}

#[test]
fn the_clients_own_token_and_settings_can_be_read_and_set() {
    let provider = provider();
    let stored = saved_token(&provider, -10);
    let row = Row::holding(&stored);
    let notes: Notes<_> = Notes::default();
    let guard = {
        let (row, notes) = (row.clone(), notes.clone());
        move |renewal: &Renewal| {
            let before = token(renewal.client);
            let committed = row.transaction(renewal, Commit::Works);
            let c = interface();
            let mut text = null_mut();
            let (name, value) = (c"Accept-Language".as_ptr(), c"de_DE".as_ptr());
            let free = |text| unsafe { (c.string_free)(text) };
            let others = unsafe {
                let field =
                    Error::check((c.token_field)(renewal.client, c"scope".as_ptr(), &mut text));
                free(text);
                let user = Error::check((c.user_id)(renewal.client, &mut text));
                free(text);
                let header = Error::check((c.set_header)(renewal.client, name, value));
                (c.rate_limit)(renewal.client, &mut RateLimit::default());
                [field, user, header]
            };
            notes.lock().unwrap().push((before, token(renewal.client), others));
            committed
        }
    };
    let client = Guarded::from_token(&guarded_app(&provider), &stored, guard);
    assert_eq!(client.get(PROFILE), Ok(200));
    let notes = notes.lock().unwrap();
    let (before, after, others) = &notes[0];
    assert!(same(before, &stored));
    assert!(same(after, &row.read().unwrap()));
    assert_eq!(*others, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(provider.log().last().unwrap().header("accept-language"), Some("de_DE"));
}

#[test]
fn other_clients_of_the_same_app_work() {
    let provider = provider();
    let app = guarded_app(&provider);
    let (mine, theirs) = (saved_token(&provider, -10), saved_token(&provider, -10));
    let (row, their_row) = (Row::holding(&mine), Row::holding(&theirs));
    let guard = committing(&their_row, Commit::Works);
    let neighbour = Arc::new(Guarded::from_token(&app, &theirs, guard));
    let notes: Notes<_> = Notes::default();
    let guard = {
        let (row, notes, neighbour) = (row.clone(), notes.clone(), neighbour.clone());
        move |renewal: &Renewal| {
            let outcome = (get(neighbour.handle, PROFILE), neighbour.refresh(), neighbour.save());
            notes.lock().unwrap().push(outcome);
            row.transaction(renewal, Commit::Works)
        }
    };
    let client = Guarded::from_token(&app, &mine, guard);
    assert_eq!(client.get(PROFILE), Ok(200));
    assert_eq!(*notes.lock().unwrap(), [(Ok(200), Ok(()), Ok(()))]);
    assert_eq!((neighbour.entered(), provider.requests(Target::Refresh)), (2, 3));
    assert!(same(&row.read().unwrap(), &client.token()));
    assert!(same(&their_row.read().unwrap(), &neighbour.token()));
}

#[test]
fn each_guard_gets_its_own_clients_user_data() {
    let provider = provider();
    let app = guarded_app(&provider);
    let tokens = [(); 3].map(|()| saved_token(&provider, -10));
    let rows = tokens.each_ref().map(|token| Row::holding(token));
    let clients: Vec<_> = std::iter::zip(&tokens, &rows)
        .map(|(token, row)| Guarded::from_token(&app, token, committing(row, Commit::Works)))
        .collect();
    drop(app);
    for (nth, client) in clients.iter().enumerate() {
        assert_eq!(client.get(PROFILE), Ok(200));
        assert!(same(&rows[nth].read().unwrap(), &client.token()));
        let entered: Vec<_> = clients.iter().map(Guarded::entered).collect();
        assert_eq!(entered.iter().sum::<usize>(), nth + 1);
    }
}

#[test]
fn a_guards_time_does_not_count_against_the_timeout() {
    let provider = provider();
    let app = app(&provider);
    app.set_timeout_ms(1200).unwrap();
    let app = with_guard(app);
    let stored = saved_token(&provider, -10);
    let row = Row::holding(&stored);
    let slow = {
        let row = row.clone();
        move |renewal: &Renewal| {
            std::thread::sleep(Duration::from_millis(1300));
            let committed = row.transaction(renewal, Commit::Works);
            std::thread::sleep(Duration::from_millis(1300));
            committed
        }
    };
    let client = Guarded::from_token(&app, &stored, slow);
    assert_eq!(client.get(PROFILE), Ok(200));
    assert_eq!((client.entered(), provider.requests(Target::Refresh)), (1, 1));
}

#[test]
fn a_guard_cannot_be_set_after_the_apps_first_use() {
    let provider = provider();
    let used = app(&provider);
    used.from_token(&saved_token(&provider, 3600), &fitbit_test_support::Saver::new()).unwrap();
    assert_eq!(used.set_renewal_guard(None).unwrap_err().code, code::INVALID_ARGUMENT);
    let begun = app(&provider);
    begun.step_one(None).unwrap();
    assert_eq!(begun.set_renewal_guard(None).unwrap_err().code, code::INVALID_ARGUMENT);
    let none = Error::check(unsafe { (interface().app_set_renewal_guard)(null_mut(), None) });
    assert_eq!(none.unwrap_err().code, code::INVALID_ARGUMENT);
}

#[test]
fn a_guard_that_is_taken_away_again_leaves_the_callback_in_charge() {
    let provider = provider();
    let app = guarded_app(&provider);
    app.set_renewal_guard(None).unwrap();
    let saver = fitbit_test_support::Saver::new();
    let client = app.from_token(&saved_token(&provider, -10), &saver).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(saver.offered().len(), 1);
}

#[test]
fn a_client_without_a_guard_can_be_used_in_a_guard() {
    let provider = provider();
    let stored = saved_token(&provider, -10);
    let row = Row::holding(&stored);
    let plain = Mutex::new(Some(client(&provider)));
    let guard = {
        let row = row.clone();
        move |renewal: &Renewal| {
            // Made outside, freed in here.
            let plain = plain.lock().unwrap().take();
            let worked = plain.is_none_or(|plain| plain.get(PROFILE).is_ok());
            i32::from(worked) & row.transaction(renewal, Commit::Works)
        }
    };
    let client = Guarded::from_token(&guarded_app(&provider), &with(&stored, "note", "x"), guard);
    assert_eq!(client.get(PROFILE), Ok(200));
    assert_eq!(client.save(), Ok(()));
    assert_eq!(client.entered(), 1);
}
