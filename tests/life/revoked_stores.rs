//! What becomes of a revoked login's token file, and of its row behind a guard: the newest stored
//! token is the one that is revoked, and nobody finds the login again.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{Saver, code};
use serde_json::json;

use crate::guarded::{Guarded, Transaction};
use crate::providers::{BOTH, FITBIT, Folder, GOOGLE, field, read, revoked_tokens, wait_for, with};

#[test]
fn the_token_file_is_removed_and_a_new_login_can_take_its_place() {
    for of in BOTH {
        let (simulator, folder) = (provider(), Folder::new());
        let path = folder.login(&of, &simulator);
        let app = of.app(&simulator);
        let client = app.from_file(&path).unwrap();
        client.revoke().unwrap();
        assert_eq!(folder.names(), ["token.json.lock"]);
        assert_eq!(app.from_file(&path).err().unwrap().code, code::REAUTHORIZE);
        drop(client);
        assert_eq!(folder.names(), ["token.json.lock"]);

        folder.login(&of, &simulator);
        let again = app.from_file(&path).unwrap();
        again.refresh().unwrap();
        again.get(of.path).unwrap();
        assert_eq!(folder.names(), ["token.json", "token.json.lock"]);
    }
}

#[test]
fn another_client_of_the_same_file_is_told_that_the_login_is_over() {
    for of in BOTH {
        let (simulator, folder) = (provider(), Folder::new());
        let path = folder.login(&of, &simulator);
        let app = of.app(&simulator);
        let (client, other) = (app.from_file(&path).unwrap(), app.from_file(&path).unwrap());
        client.revoke().unwrap();
        for outcome in [other.get(of.path).map(drop), other.refresh()] {
            let error = outcome.unwrap_err();
            assert!([code::REAUTHORIZE, code::STORE].contains(&error.code), "{error:?}");
        }
        assert_eq!(simulator.requests(Target::Refresh), 0, "nothing is spent for a file that went");
        other.revoke().unwrap();
        drop(other);
        assert_eq!(folder.names(), ["token.json.lock"], "nobody brings it back");
    }
}

#[test]
fn the_newest_token_of_the_file_is_the_one_that_is_revoked() {
    for of in BOTH {
        let (simulator, folder) = (provider(), Folder::new());
        let path = folder.login(&of, &simulator);
        let app = of.app(&simulator);
        let (client, other) = (app.from_file(&path).unwrap(), app.from_file(&path).unwrap());
        other.refresh().unwrap();
        let newest = field(&read(&path), "refresh_token").unwrap();
        client.revoke().unwrap();
        assert_eq!(revoked_tokens(&simulator), [newest]);
        assert_eq!(simulator.requests(Target::Refresh), 1);
    }
}

#[test]
fn a_renewal_by_another_client_of_the_file_is_waited_for() {
    for of in BOTH {
        let (simulator, folder) = (provider(), Folder::new());
        let path = folder.login(&of, &simulator);
        let app = of.app(&simulator);
        let (client, other) = (app.from_file(&path).unwrap(), app.from_file(&path).unwrap());
        simulator.fault(Fault::once(Target::Refresh, FaultKind::Latency(700)));
        std::thread::scope(|scope| {
            let renewing = scope.spawn(|| other.refresh());
            wait_for(&simulator, Target::Refresh);
            client.revoke().unwrap();
            renewing.join().unwrap().unwrap();
        });
        assert_eq!(revoked_tokens(&simulator), [other.token_field("refresh_token").unwrap()]);
        assert_eq!(folder.names(), ["token.json.lock"]);
    }
}

#[test]
fn who_learns_the_persons_id_meanwhile_does_not_bring_the_file_back() {
    let (simulator, folder) = (provider(), Folder::new());
    let path = folder.login(&GOOGLE, &simulator);
    let app = GOOGLE.app(&simulator);
    let (client, other) = (app.from_file(&path).unwrap(), app.from_file(&path).unwrap());
    simulator.fault(Fault::once(Target::Api, FaultKind::Latency(700)));
    let identity = FaultKind::Json(200, json!({"healthUserId": "7"}));
    simulator.fault(Fault::once(Target::Api, identity));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| other.user_id());
        wait_for(&simulator, Target::Api);
        client.revoke().unwrap();
        assert_eq!(asking.join().unwrap().unwrap(), "7");
    });
    assert_eq!(folder.names(), ["token.json.lock"]);
}

#[test]
fn a_revocation_that_failed_leaves_the_file_as_it_was() {
    let (simulator, folder) = (provider(), Folder::new());
    let path = folder.login(&FITBIT, &simulator);
    let client = FITBIT.app(&simulator).from_file(&path).unwrap();
    let before = read(&path);
    simulator.fault(Fault::always(Target::Revoke, FaultKind::Status503));
    assert_eq!(client.revoke().unwrap_err().code, code::HTTP);
    simulator.clear_faults();
    assert_eq!(read(&path), before);
    client.refresh().unwrap();
    client.revoke().unwrap();
    assert!(!path.exists());
}

#[test]
fn another_persons_token_in_the_file_is_neither_revoked_nor_removed() {
    let (simulator, folder) = (provider(), Folder::new());
    let path = folder.login(&FITBIT, &simulator);
    let client = FITBIT.app(&simulator).from_file(&path).unwrap();
    let foreign = with(&FITBIT.token(&simulator, 3600), "user_id", Some("27ABCD"));
    std::fs::write(&path, &foreign).unwrap();
    assert_eq!(client.revoke().unwrap_err().code, code::STORE);
    assert_eq!(simulator.requests(Target::Any), 0);
    assert_eq!(read(&path), foreign);
    client.get(FITBIT.path).unwrap();
}

#[test]
fn a_file_that_could_not_be_removed_is_removed_by_the_next_call() {
    let (simulator, folder) = (provider(), Folder::new());
    let path = folder.login(&FITBIT, &simulator);
    let client = FITBIT.app(&simulator).from_file(&path).unwrap();
    let token = read(&path);
    simulator.fault(Fault::once(Target::Revoke, FaultKind::Latency(500)));
    std::thread::scope(|scope| {
        let revoking = scope.spawn(|| client.revoke());
        wait_for(&simulator, Target::Revoke);
        // A folder cannot be removed as a file is.
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let error = revoking.join().unwrap().unwrap_err();
        assert_eq!(error.code, code::STORE, "{error:?}");
    });
    std::fs::remove_dir(&path).unwrap();
    folder.write_private(&token);
    client.revoke().unwrap();
    assert_eq!(folder.names(), ["token.json.lock"]);
}

#[test]
fn a_guard_is_entered_once_and_has_nothing_to_store() {
    for of in BOTH {
        let simulator = provider();
        let token = of.token(&simulator, 3600);
        let client = Guarded::new(of.app(&simulator), &token);
        client.revoke().unwrap();
        client.revoke().unwrap();
        assert_eq!((client.entered(), client.given()), (1, vec![None]));
        assert_eq!(client.row(), token, "the row is the program's to delete");
        assert_eq!(client.get(of.path).unwrap_err().code, code::REAUTHORIZE);
        assert_eq!(client.entered(), 1);
        assert_eq!(simulator.requests(Target::Any), 1);
    }
}

#[test]
fn the_newest_token_behind_a_guard_is_the_one_that_is_revoked() {
    for of in BOTH {
        let simulator = provider();
        let token = of.token(&simulator, 3600);
        let client = Guarded::new(of.app(&simulator), &token);
        let elsewhere = of.app(&simulator).from_token(&token, &Saver::new()).unwrap();
        elsewhere.refresh().unwrap();
        client.store(&elsewhere.token());
        client.revoke().unwrap();
        let newest = elsewhere.token_field("refresh_token").unwrap();
        assert_eq!(revoked_tokens(&simulator), [newest]);
        assert_eq!(client.given(), [None]);
    }
}

#[test]
fn a_guard_that_does_not_run_ends_nothing() {
    let simulator = provider();
    let client = Guarded::new(FITBIT.app(&simulator), &FITBIT.token(&simulator, 3600));
    client.set_next(Transaction::Fails);
    assert_eq!(client.revoke().unwrap_err().code, code::STORE);
    assert_eq!(simulator.requests(Target::Any), 0);
    client.get(FITBIT.path).unwrap();
    client.set_next(Transaction::Commits);
    client.revoke().unwrap();
    assert_eq!(simulator.requests(Target::Revoke), 1);
}

#[test]
fn a_guard_that_does_not_commit_is_reported_and_the_call_can_be_repeated() {
    let simulator = provider();
    let client = Guarded::new(FITBIT.app(&simulator), &FITBIT.token(&simulator, 3600));
    client.set_next(Transaction::RollsBack);
    assert_eq!(client.revoke().unwrap_err().code, code::STORE);
    assert_eq!(simulator.requests(Target::Revoke), 1);
    client.set_next(Transaction::Commits);
    client.revoke().unwrap();
    assert_eq!(client.get(FITBIT.path).unwrap_err().code, code::REAUTHORIZE);
}

#[test]
fn a_revocation_behind_a_guard_that_failed_leaves_the_login_alive() {
    let simulator = provider();
    let client = Guarded::new(FITBIT.app(&simulator), &FITBIT.token(&simulator, 3600));
    simulator.fault(Fault::always(Target::Revoke, FaultKind::Status503));
    assert_eq!(client.revoke().unwrap_err().code, code::HTTP, "whatever the guard returns");
    simulator.clear_faults();
    client.get(FITBIT.path).unwrap();
    client.revoke().unwrap();
    assert_eq!(client.entered(), 2);
}
