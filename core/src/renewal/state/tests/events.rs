//! The transitions one by one.

use super::*;

#[test]
fn a_loaded_token_is_stored_and_a_new_login_is_not() {
    let loaded = ledger(Saving::Stored);
    assert!(!loaded.is_unsaved() && loaded.base.is_some() && !loaded.is_troubled());
    let new = ledger(Saving::NeverStored);
    assert!(new.is_unsaved() && new.is_never_stored() && new.base.is_none());
    assert!(Ledger::new(&FITBIT, marked(1), Saving::Stored).is_possibly_used());
}

#[test]
fn a_granted_token_is_unsaved_until_the_store_has_committed() {
    for (before, after) in [
        (Saving::Stored, Saving::Unsaved),
        (Saving::Unsaved, Saving::Unsaved),
        (Saving::NeverStored, Saving::NeverStored),
    ] {
        let mut ledger = ledger(before);
        ledger.granted(token(2));
        assert_eq!((access(ledger.token()), ledger.saving), ("a2", after));
        let nowhere = Stored::Unreadable;
        assert_eq!(written(&ledger.offer(&nowhere)), Some(("a2", false)));
        ledger.not_committed(Error::store("the disk is full"));
        assert_eq!(ledger.saving, after);
        let why = ledger.must_be_saved().expect_err("it is not saved").message().to_owned();
        assert!(why.ends_with("kept to be offered again: the disk is full"), "{why}");
        assert_eq!(written(&ledger.offer(&nowhere)), Some(("a2", false)), "offered again");
        ledger.committed(true);
        assert_eq!(ledger.saving, Saving::Stored);
        assert!(ledger.must_be_saved().is_ok() && written(&ledger.offer(&nowhere)).is_none());
    }
}

#[test]
fn a_transaction_that_writes_nothing_saves_nothing() {
    let mut ledger = ledger(Saving::Unsaved);
    ledger.committed(false);
    assert_eq!(ledger.saving, Saving::Unsaved);
}

#[test]
fn a_granted_token_ends_what_was_known_of_the_last_refresh_token() {
    let mut ledger = ledger(Saving::Stored);
    let now = Instant::now();
    ledger.failed(lost(), now);
    ledger.refused(now);
    ledger.granted(token(2));
    assert!(!ledger.is_troubled() && ledger.refused_at.is_none());
    assert_eq!(next(&ledger, now).ok(), Some(Next::Ask), "no pause");
}

#[test]
fn only_a_token_that_this_client_did_not_read_or_write_replaces_its_own() {
    // What the store holds, what it was last known to hold, and which token is the newest afterwards.
    for (holds, knew, newest) in [
        (3, 1, "a3"), // another process has renewed
        (1, 1, "a2"), // this client has, and could not save it
        (2, 1, "a2"), // it could
        (1, 3, "a1"), // another process has put an older one back
    ] {
        let mut ledger = ledger(Saving::Stored);
        ledger.base = Some(Arc::new(token(knew)));
        ledger.granted(token(2));
        let found = ledger.found_in_store(&stored(token(holds)), true).expect("the same person");
        assert_eq!(access(ledger.token()), newest, "{holds} {knew}");
        assert_eq!(found == Found::AnotherToken, newest != "a2", "{holds} {knew}");
        assert_eq!(ledger.is_unsaved(), holds != 2 && newest == "a2", "{holds} {knew}");
    }
}

#[test]
fn a_new_login_is_not_replaced_by_what_a_store_holds_unless_it_is_over() {
    let mut ledger = ledger(Saving::NeverStored);
    let older = stored(token(9));
    assert_eq!(ledger.found_in_store(&older, false).ok(), Some(Found::NothingNew));
    ledger.died();
    assert_eq!(ledger.found_in_store(&older, false).ok(), Some(Found::AnotherToken));
}

#[test]
fn a_new_login_that_was_offered_once_gives_way_to_a_third_token() {
    for (holds, third_wins) in [(Stored::Nothing, true), (stored(token(9)), true)] {
        let mut ledger = ledger(Saving::NeverStored);
        ledger.offer(&holds);
        ledger.not_committed(Error::store("uncertain"));
        assert_eq!(ledger.found_in_store(&holds, false).ok(), Some(Found::NothingNew));
        let found = ledger.found_in_store(&stored(token(3)), false).ok();
        assert_eq!(found == Some(Found::AnotherToken), third_wins);
    }
}

#[test]
fn another_persons_token_is_an_error_and_is_not_taken() {
    let mut ledger = Ledger::new(&FITBIT, with(1, r#""user_id":"ME""#), Saving::Stored);
    let other = stored(with(2, r#""user_id":"YOU""#));
    let error = ledger.found_in_store(&other, true).expect_err("it is not mine");
    assert_eq!(error.message(), "another person's token is stored");
    assert_eq!((access(ledger.token()), ledger.is_unsaved()), ("a1", false));
}

#[test]
fn another_processs_token_comes_with_its_own_doubt() {
    for (other, is_possibly_used) in [(token(2), false), (marked(2), true)] {
        let mut ledger = ledger(Saving::Stored);
        ledger.failed(lost(), Instant::now());
        ledger.refused(Instant::now());
        assert_eq!(ledger.found_in_store(&stored(other), true).ok(), Some(Found::AnotherToken));
        assert_eq!(ledger.is_possibly_used(), is_possibly_used);
        assert!(ledger.failed.is_none() && ledger.refused_at.is_none() && !ledger.is_unsaved());
    }
}

#[test]
fn the_marker_in_the_store_is_the_truth_where_there_can_be_one() {
    for (keeps_a_marker, found, was, is) in [
        (true, marked(1), false, true),
        (true, token(1), true, false),
        (false, marked(1), false, false),
        (false, token(1), true, true),
    ] {
        let mut ledger = ledger(Saving::Stored);
        ledger.possibly_used = was;
        ledger.found_in_store(&stored(found), keeps_a_marker).expect("its own");
        assert_eq!(ledger.is_possibly_used(), is, "{keeps_a_marker} {was}");
    }
}

#[test]
fn the_same_token_in_the_store_is_saved_unless_only_this_client_knows_the_user_id() {
    let id = r#""user_id":"ME""#;
    for (mine, theirs, is_saved) in [
        (token(1), token(1), true),
        (token(1), with(1, id), true),
        (with(1, id), with(1, id), true),
        (with(1, id), token(1), false),
    ] {
        let knows = [&mine, &theirs].into_iter().any(|t| t.field("user_id", &FITBIT).is_some());
        let mut ledger = Ledger::new(&FITBIT, mine, Saving::Unsaved);
        ledger.found_in_store(&stored(theirs), true).expect("its own");
        assert_eq!(!ledger.is_unsaved(), is_saved);
        assert_eq!(ledger.token().field("user_id", &FITBIT).is_some(), knows);
    }
}

#[test]
fn a_marked_token_is_in_the_store() {
    let mut ledger = ledger(Saving::NeverStored);
    ledger.marked();
    assert_eq!(ledger.saving, Saving::Stored);
    assert!(ledger.base.is_some_and(|base| base.same_as(&token(1))));
}

#[test]
fn only_what_possibly_used_the_refresh_token_leaves_a_marker() {
    let now = Instant::now();
    let mut ledger = ledger(Saving::Stored);
    assert!(ledger.failed(not_sent(), now), "the marker can go");
    assert!(!ledger.is_possibly_used());
    assert!(!ledger.failed(lost(), now) && ledger.is_possibly_used());
    assert!(!ledger.failed(not_sent(), now), "that says nothing of the request before");
    assert!(ledger.is_possibly_used());
}

#[test]
fn an_unsaved_token_in_doubt_is_offered_with_its_marker() {
    let mut ledger = ledger(Saving::Unsaved);
    ledger.failed(lost(), Instant::now());
    assert_eq!(written(&ledger.offer(&Stored::Nothing)), Some(("a1", true)));
}

#[test]
fn a_cancelled_call_leaves_its_error_to_no_other_call() {
    let now = Instant::now();
    let cancelled = |possibly_used, is_expected| Failure {
        error: Error::cancelled(),
        possibly_used,
        is_expected,
    };
    let mut unsent = ledger(Saving::Stored);
    unsent.failed(lost(), now);
    unsent.failed(cancelled(false, false), now);
    assert!(unsent.failed.is_none(), "as if it had not been tried");
    for failure in [cancelled(true, false), cancelled(false, true)] {
        let mut ledger = ledger(Saving::Stored);
        ledger.failed(failure, now);
        let failed = ledger.failed_renewal_of(&token(1));
        let error = FailedRenewal::asked_too_often(failed);
        assert!(error.message().contains("before an earlier renewal of the token was answered"));
    }
}

#[test]
fn a_panic_while_a_request_is_under_way_leaves_the_refresh_token_possibly_used() {
    let mut ledger = ledger(Saving::Stored);
    ledger.interrupted();
    assert!(ledger.is_possibly_used() && ledger.is_troubled());
}

#[test]
fn a_dead_refresh_token_is_never_sent_and_never_offered() {
    let mut ledger = ledger(Saving::Unsaved);
    ledger.failed(lost(), Instant::now());
    ledger.died();
    assert_eq!(task(&ledger), Task::Refuse(Refusal::Dead));
    assert!(written(&ledger.offer(&Stored::Nothing)).is_none());
    assert!(!ledger.is_troubled() && ledger.is_over());
    let error = ledger.must_be_saved().expect_err("it never will be");
    assert!(error.message().contains("the provider refused this login's refresh token"));
    // With another access token it is as dead.
    let json = r#"{"access_token":"a9","refresh_token":"r1","expires_at":1}"#;
    ledger.found_in_store(&stored(read(json)), true).expect("the same person");
    assert_eq!((access(ledger.token()), task(&ledger)), ("a9", Task::Refuse(Refusal::Dead)));
}

#[test]
fn a_token_of_a_new_login_revives_a_dead_one() {
    let mut ledger = ledger(Saving::Stored);
    ledger.died();
    ledger.found_in_store(&stored(token(2)), true).expect("the same person");
    assert!(!ledger.is_over());
    assert_eq!(task(&ledger), Task::Ask);
}

#[test]
fn the_first_refusal_is_remembered() {
    let (mut ledger, first) = (ledger(Saving::Stored), Instant::now());
    assert_eq!(ledger.refused(first), first);
    assert_eq!(ledger.refused(first + Duration::from_secs(9)), first);
}

#[test]
fn a_revoked_login_removes_its_own_token_and_no_other() {
    let mut ledger = ledger(Saving::Stored);
    ledger.revoked();
    assert!(matches!(ledger.after_revocation(&stored(token(1))), Write::Remove));
    for other in [stored(token(2)), Stored::Nothing, Stored::Unreadable] {
        assert!(matches!(ledger.after_revocation(&other), Write::Nothing));
    }
    ledger.saving = Saving::Unsaved;
    assert!(ledger.must_be_saved().expect_err("over").message().contains("revoked"));
}

#[test]
fn a_revocation_is_done_when_its_token_is_removed_from_the_store() {
    let (mut ledger, newest) = (ledger(Saving::Stored), token(1));
    let is_done = |ledger: &Ledger| ledger.is_done(Goal::Revoke, &newest, Now::read()).ok();
    assert_eq!(is_done(&ledger), Some(false));
    ledger.revoked();
    ledger.not_committed(Error::store("cannot remove"));
    assert_eq!(is_done(&ledger), Some(false));
    ledger.committed(false);
    assert_eq!(is_done(&ledger), Some(true));
    let of = token(1);
    for goal in [Goal::Save, Goal::Move, Goal::Name { of: &of, user_id: "ME" }] {
        assert!(ledger.is_done(goal, &newest, Now::read()).is_err(), "the login is over");
    }
}

#[test]
fn a_moved_token_takes_the_place_of_what_the_new_store_holds() {
    let mut ledger = ledger(Saving::Stored);
    ledger.moved();
    assert!(ledger.is_never_stored() && ledger.base.is_none());
    let found = ledger.found_in_store(&stored(token(9)), true);
    assert_eq!(found.ok(), Some(Found::NothingNew));
    assert_eq!(written(&ledger.offer(&stored(token(9)))), Some(("a1", false)));
}

#[test]
fn a_user_id_is_saved_with_the_token_and_brings_back_no_login() {
    let other = read(r#"{"access_token":"x","refresh_token":"y"}"#);
    let mine = token(1);
    for (of, store, named, saving) in [
        (&mine, stored(token(1)), Named::ToBeSaved, Saving::Unsaved),
        (&mine, Stored::Unreadable, Named::ToBeSaved, Saving::Unsaved),
        (&mine, Stored::Nothing, Named::NotToBeSaved, Saving::Stored),
        (&other, stored(token(1)), Named::Unchanged, Saving::Stored),
    ] {
        let mut ledger = ledger(Saving::Stored);
        assert_eq!(ledger.named(of, "ME", &store), named);
        assert_eq!(ledger.saving, saving);
        let id = ledger.token().field("user_id", &FITBIT);
        assert_eq!(id.is_some(), named != Named::Unchanged);
    }
    let mut ledger = Ledger::new(&FITBIT, with(1, r#""user_id":"ME""#), Saving::Stored);
    assert_eq!(ledger.named(&mine, "YOU", &stored(token(1))), Named::Unchanged);
}

#[test]
fn a_user_id_does_not_end_the_doubt() {
    let mut ledger = ledger(Saving::Stored);
    ledger.failed(lost(), Instant::now());
    ledger.named(&token(1), "ME", &Stored::Unreadable);
    assert!(ledger.is_possibly_used() && ledger.failed_renewal_of(&token(1)).is_some());
}

#[test]
fn a_forked_child_goes_on_with_the_token_that_its_parent_was_saving() {
    let mut ledger = ledger(Saving::Stored);
    ledger.failed(lost(), Instant::now());
    let newest = Arc::new(token(2));
    ledger.taken_out(&newest);
    assert!(Arc::ptr_eq(ledger.token(), &newest));
    assert!(!ledger.is_troubled() && !ledger.is_unsaved(), "the parent saves it");
}

#[test]
fn a_leader_starts_without_the_last_error_of_the_store() {
    let mut ledger = ledger(Saving::Unsaved);
    ledger.not_committed(Error::store("the disk is full"));
    let newest = ledger.token().clone();
    ledger.taken_out(&newest);
    assert!(ledger.store_error().is_none() && ledger.is_unsaved());
}

#[test]
fn a_token_that_was_taken_or_written_does_not_come_back_over_a_newer_one() {
    let mut taken = ledger(Saving::Stored);
    taken.found_in_store(&stored(token(2)), true).expect("the same person");
    let mut written = ledger(Saving::Stored);
    written.granted(token(2));
    written.committed(true);
    for mut ledger in [taken, written] {
        ledger.granted(token(3));
        ledger.not_committed(Error::store("the disk is full"));
        let found = ledger.found_in_store(&stored(token(2)), true);
        assert_eq!((found.ok(), access(ledger.token())), (Some(Found::NothingNew), "a3"));
    }
}
