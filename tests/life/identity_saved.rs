//! What Google said of whose login it is stays with the token: through renewals, other clients and
//! failed saves.

use std::sync::{Arc, Mutex};
use std::thread::scope;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{Saver, code};

use crate::guarded::{Guarded, Transaction};
use crate::identity::{asked, assert_known, known_id};
use crate::providers::{Folder, GOOGLE, field, read, wait_for};

#[test]
fn the_id_survives_renewals() {
    let simulator = provider();
    let id = known_id(&simulator);
    let saver = Saver::new();
    let client = GOOGLE.client_with(&simulator, 3600, &saver);
    client.user_id().unwrap();
    for round in 2..4 {
        client.refresh().unwrap();
        let newest = saver.offered().pop().unwrap();
        assert_eq!(saver.offered().len(), round);
        assert_known(&simulator, &newest, &id);
    }
    assert_eq!(asked(&simulator), 1);
}

#[test]
fn the_id_survives_a_renewal_by_another_client_of_the_file() {
    let (simulator, folder) = (provider(), Folder::new());
    let id = known_id(&simulator);
    let path = folder.login(&GOOGLE, &simulator);
    let app = GOOGLE.app(&simulator);
    let (client, other) = (app.from_file(&path).unwrap(), app.from_file(&path).unwrap());
    client.user_id().unwrap();
    other.refresh().unwrap();
    assert_known(&simulator, &read(&path), &id);
    let before = simulator.requests(Target::Any);
    assert_eq!(other.user_id().unwrap(), id);
    assert_eq!(simulator.requests(Target::Any), before, "the file had said it");
}

#[test]
fn a_renewal_at_the_same_time_loses_neither_the_new_token_nor_the_id() {
    for identity_is_late in [true, false] {
        let simulator = provider();
        let id = known_id(&simulator);
        let saver = Saver::new();
        let client = GOOGLE.client_with(&simulator, 3600, &saver);
        let late = if identity_is_late { Target::Api } else { Target::Refresh };
        simulator.fault(Fault::once(late.clone(), FaultKind::Latency(500)));
        scope(|scope| {
            let slow = scope.spawn(|| match identity_is_late {
                true => client.user_id().map(drop),
                false => client.refresh(),
            });
            wait_for(&simulator, late);
            match identity_is_late {
                true => client.refresh().unwrap(),
                false => drop(client.user_id().unwrap()),
            }
            slow.join().unwrap().unwrap();
        });
        assert_eq!((simulator.requests(Target::Refresh), asked(&simulator)), (1, 1));
        assert_eq!(client.token_field("user_id"), Some(id.clone()));
        let newest = saver.offered().pop().unwrap();
        assert_eq!(newest, client.token(), "what is in use is what was saved last");
        assert_known(&simulator, &newest, &id);
        client.get(GOOGLE.path).unwrap();
    }
}

#[test]
fn a_token_that_could_not_be_saved_with_the_id_is_kept_and_offered_again() {
    let simulator = provider();
    let id = known_id(&simulator);
    let answer = Arc::new(Mutex::new(0));
    let saver = Saver::doing({
        let answer = answer.clone();
        move |_| *answer.lock().unwrap()
    });
    let client = GOOGLE.client_with(&simulator, 3600, &saver);
    assert_eq!(client.user_id().unwrap(), id, "not saved is no failure of this call");
    assert_eq!(client.user_id().unwrap(), id);
    assert_eq!(asked(&simulator), 1);
    assert_eq!(client.save().unwrap_err().code, code::STORE);
    *answer.lock().unwrap() = 1;
    client.save().unwrap();
    assert_known(&simulator, &saver.offered().pop().unwrap(), &id);
}

#[test]
fn an_id_that_a_guard_did_not_commit_is_handed_out_again() {
    let simulator = provider();
    let id = known_id(&simulator);
    let client = Guarded::new(GOOGLE.app(&simulator), &GOOGLE.token(&simulator, 3600));
    client.set_next(Transaction::RollsBack);
    assert_eq!(client.user_id().unwrap(), id);
    assert_eq!(field(&client.row(), "user_id"), None);
    client.set_next(Transaction::Commits);
    client.save().unwrap();
    assert_known(&simulator, &client.row(), &id);
}

#[test]
fn an_id_that_a_token_file_could_not_take_is_written_later() {
    let (simulator, folder) = (provider(), Folder::new());
    let id = known_id(&simulator);
    let path = folder.login(&GOOGLE, &simulator);
    let client = GOOGLE.app(&simulator).from_file(&path).unwrap();
    let obstacle = path.with_extension("json.new");
    std::fs::create_dir(&obstacle).unwrap();
    assert_eq!(client.user_id().unwrap(), id);
    std::fs::remove_dir(&obstacle).unwrap();
    client.save().unwrap();
    assert_known(&simulator, &read(&path), &id);
}

#[test]
fn an_expired_token_is_renewed_before_google_is_asked() {
    let simulator = provider();
    let id = known_id(&simulator);
    let saver = Saver::new();
    let client = GOOGLE.client_with(&simulator, -10, &saver);
    assert_eq!(client.user_id().unwrap(), id);
    assert_eq!((simulator.requests(Target::Refresh), asked(&simulator)), (1, 1));
    let offered = saver.offered();
    assert_eq!(offered.len(), 2, "the renewed token, and the same one with the id");
    assert_eq!(field(&offered[0], "user_id"), None);
    assert_eq!(field(&offered[1], "user_id"), Some(id));
    assert_eq!(field(&offered[0], "access_token"), field(&offered[1], "access_token"));
}

#[test]
fn the_id_is_not_put_into_another_persons_login_that_was_stored_meanwhile() {
    let (simulator, folder) = (provider(), Folder::new());
    let id = known_id(&simulator);
    let path = folder.login(&GOOGLE, &simulator);
    let client = GOOGLE.app(&simulator).from_file(&path).unwrap();
    let another = simulator.issue_token(GOOGLE.client_id, "27ABCD", &["profile.readonly"]);
    simulator.fault(Fault::once(Target::Api, FaultKind::Latency(700)));
    scope(|scope| {
        let asking = scope.spawn(|| client.user_id());
        wait_for(&simulator, Target::Api);
        folder.write_private(&another.to_string());
        assert_eq!(asking.join().unwrap().unwrap(), id, "it was asked of the login there was");
    });
    let stored = read(&path);
    assert_eq!(field(&stored, "access_token").as_deref(), another["access_token"].as_str());
    assert_eq!(field(&stored, "user_id"), None, "that is not this person");
}
