//! Whose login it is, once the provider was asked: it becomes part of the token, wherever that is
//! kept, and is not asked for again.

use std::ffi::CStr;
use std::ptr::null_mut;
use std::sync::{Arc, Barrier, Mutex, OnceLock, Weak};
use std::time::Duration;

use fitbit_test_support::{Client, Error, Saver, code, interface};

use super::file::File;
use super::guarded::{Guarded, Row};
use super::identity::{asked, client_with};
use super::steps::{error_of, granted, json};
use super::world::{PROFILE, USER, app, provider, saved_token};

impl Guarded<'_> {
    fn save(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().save)(self.handle) })
    }

    fn user_id(&self) -> Result<String, Error> {
        let mut id = null_mut();
        Error::check(unsafe { (interface().user_id)(self.handle, &mut id) })?;
        let text = unsafe { CStr::from_ptr(id) }.to_str().unwrap().to_owned();
        unsafe { (interface().string_free)(id) };
        Ok(text)
    }
}

#[test]
fn the_answer_is_kept_in_the_token_and_offered_to_be_saved() {
    let provider = provider();
    let saver = Saver::new();
    let client = client_with(&provider, 3600, &saver);
    let before = json(&client.token());
    assert_eq!(client.token_field("user_id"), None);
    client.user_id().unwrap();
    assert_eq!(client.token_field("user_id").as_deref(), Some(USER));
    assert_eq!(saver.offered(), [client.token()]);
    let mut after = json(&client.token());
    assert_eq!(after.as_object_mut().unwrap().remove("user_id"), Some(USER.into()));
    assert_eq!(after, before, "nothing else has changed");
}

#[test]
fn a_token_that_was_saved_with_it_asks_nobody() {
    let provider = provider();
    let saver = Saver::new();
    client_with(&provider, 3600, &saver).user_id().unwrap();
    let saved = saver.offered().pop().unwrap();
    provider.reset_counts();
    let client = app(&provider).from_token(&saved, &saver).unwrap();
    assert_eq!(client.user_id().unwrap(), USER);
    assert_eq!((provider.connections(), saver.offered().len()), (0, 1));
}

#[test]
fn a_renewal_keeps_it() {
    let provider = provider();
    let saver = Saver::new();
    let client = client_with(&provider, 3600, &saver);
    client.user_id().unwrap();
    client.refresh().unwrap();
    client.refresh().unwrap();
    assert_eq!(client.user_id().unwrap(), USER);
    assert_eq!(json(&saver.offered()[2])["user_id"], USER);
    assert_eq!(asked(&provider), 1);
}

/// Time in callbacks is the program's own.
#[test]
fn a_callback_that_takes_its_time_to_save_the_id_fails_nothing() {
    let provider = provider();
    let app = app(&provider);
    app.set_timeout_ms(500).unwrap();
    let saver = Saver::doing(|_| {
        std::thread::sleep(Duration::from_millis(800));
        1
    });
    let client = app.from_token(&saved_token(&provider, 3600), &saver).unwrap();
    assert_eq!(client.user_id().unwrap(), USER);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(saver.offered(), [client.token()]);
}

/// Each thread's renewal and each one's question meet in the same token.
#[test]
fn renewals_meanwhile_lose_neither_the_id_nor_the_newest_token() {
    let provider = provider();
    let saver = Saver::new();
    let client = client_with(&provider, 3600, &saver);
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for nth in 0..8 {
            let (client, start) = (&client, &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..4 {
                    match nth % 2 {
                        0 => assert_eq!(client.user_id().unwrap(), USER),
                        _ => client.refresh().unwrap(),
                    }
                }
            });
        }
    });
    assert_eq!(client.token_field("user_id").as_deref(), Some(USER));
    assert_eq!(saver.offered().last(), Some(&client.token()));
    let again = app(&provider).from_token(&client.token(), &Saver::new()).unwrap();
    assert_eq!(again.get(PROFILE).unwrap().status, 200);
}

#[test]
fn an_id_that_could_not_be_saved_is_told_and_offered_again() {
    let provider = provider();
    let mut answers = [0, 0].into_iter();
    let saver = Saver::doing(move |_| answers.next().unwrap_or(1));
    let client = client_with(&provider, 3600, &saver);
    assert_eq!(client.user_id().unwrap(), USER);
    assert_eq!(error_of(client.save()).code, code::STORE);
    client.save().unwrap();
    assert_eq!(saver.offered(), vec![client.token(); 3]);
    assert_eq!(asked(&provider), 1);
}

#[test]
fn the_first_token_of_a_login_that_was_not_saved_is_saved_with_it() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let mut answers = [0].into_iter();
    let saver = Saver::doing(move |_| answers.next().unwrap_or(1));
    let client = app.step_two(&session.session, &redirect, &saver).unwrap();
    client.user_id().unwrap();
    client.save().unwrap();
    assert_eq!(saver.offered().last(), Some(&client.token()));
    assert_eq!(json(&client.token())["user_id"], USER);
}

#[test]
fn a_token_file_keeps_it() {
    let provider = provider();
    let file = File::holding(&saved_token(&provider, 3600));
    let app = app(&provider);
    app.from_file(&file.path()).unwrap().user_id().unwrap();
    assert_eq!(json(&file.read())["user_id"], USER);
    assert_eq!(app.from_file(&file.path()).unwrap().user_id().unwrap(), USER);
    assert_eq!(asked(&provider), 1);
}

/// The store knows the newer token, and this client the person.
#[test]
fn a_file_that_another_program_has_written_meanwhile_keeps_its_token_and_gets_the_id() {
    let provider = provider();
    let file = File::holding(&saved_token(&provider, 3600));
    let app = app(&provider);
    let [first, second] = [(); 2].map(|()| app.from_file(&file.path()).unwrap());
    second.refresh().unwrap();
    assert_eq!(first.user_id().unwrap(), USER);
    let stored = json(&file.read());
    assert_eq!(stored["user_id"], USER);
    assert_eq!(stored["access_token"], second.token_field("access_token").unwrap());
}

#[test]
fn a_row_keeps_it() {
    let provider = provider();
    let row = Row::holding(&saved_token(&provider, 3600));
    let client = Guarded::from_token(&app(&provider), &row.read(), &row);
    assert_eq!(client.user_id().unwrap(), USER);
    assert_eq!(json(&row.read())["user_id"], USER);
}

#[test]
fn an_id_whose_transaction_was_not_committed_is_stored_by_a_later_one() {
    let provider = provider();
    let row = Row::holding(&saved_token(&provider, 3600));
    let client = Guarded::from_token(&app(&provider), &row.read(), &row);
    *row.failures.lock().unwrap() = 2;
    assert_eq!(client.user_id().unwrap(), USER);
    assert_eq!(error_of(client.save()).code, code::STORE, "it is not in the row");
    client.save().unwrap();
    assert_eq!(json(&row.read())["user_id"], USER);
    assert_eq!(asked(&provider), 1);
}

/// The same thread, in the callback that saves the id: it is known by then.
#[test]
fn inside_the_callback_that_saves_it_it_is_known() {
    let provider = provider();
    let own: Arc<OnceLock<Weak<Client>>> = Arc::default();
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let saver = Saver::doing({
        let (own, seen) = (own.clone(), seen.clone());
        move |_| {
            let client = own.get().and_then(Weak::upgrade);
            seen.lock().unwrap().extend(client.map(|client| client.user_id()));
            1
        }
    });
    let client = Arc::new(client_with(&provider, 3600, &saver));
    own.set(Arc::downgrade(&client)).unwrap();
    client.user_id().unwrap();
    assert_eq!(*seen.lock().unwrap(), [Ok(USER.to_owned())]);
}
