//! The lock is lost between the provider's answer and the COMMIT: a database connection is cut, a
//! lock expires under a slow holder. The client keeps its new token and offers it again.

use fitbit_simulator::{Fault, FaultKind, Target};
use std::time::Duration;

use crate::database::{Database, Fleet};
use crate::member::Member;
use crate::redis::Redis;
use crate::with_both;
use fitbit_test_support::world::USER;

/// Time enough to take a lock away while the provider is still silent.
const SLOW: FaultKind = FaultKind::Latency(2500);

with_both! {
    a_client_that_could_not_commit_keeps_its_token_and_commits_it_at_its_next_request
    a_client_that_could_not_commit_commits_its_token_when_it_is_freed
    a_process_that_took_the_lock_meanwhile_gets_the_same_answer_repeated
    a_new_login_stored_meanwhile_is_taken_and_not_overwritten
}

/// Has a process renew, and takes the lock away while it waits for the provider.
fn lose_the_lock<D: Database>(fleet: &Fleet<D>, holder: &mut Member) {
    fleet.provider.fault(Fault::once(Target::Refresh, SLOW));
    fleet.provider.expire_access_tokens();
    let before = fleet.refreshes();
    holder.ask();
    fleet.wait_for_refreshes(before + 1);
    fleet.database.break_lock(USER);
    assert!(holder.is_busy(), "the lock was lost before the provider answered");
}

/// Strict rotation, no grace: the only copy of the new refresh token is in that process.
fn a_client_that_could_not_commit_keeps_its_token_and_commits_it_at_its_next_request<
    D: Database,
>(
    fleet: &Fleet<D>,
) {
    fleet.add(USER);
    let mut holder = fleet.member(USER, 1);
    let before = fleet.stored_refresh_token(USER);
    lose_the_lock(fleet, &mut holder);
    holder.must_be_answered();
    assert_eq!(fleet.stored_refresh_token(USER), before, "nothing could be committed");

    holder.ask();
    holder.must_be_answered();
    assert_ne!(fleet.stored_refresh_token(USER), before, "it was offered again");
    assert_eq!(fleet.refreshes(), 1);

    let mut members = [holder, fleet.member(USER, 2)];
    fleet.outlives_another_expiry(&mut members);
    assert_eq!(fleet.provider.replayed_refresh_tokens(), 0);
}

fn a_client_that_could_not_commit_commits_its_token_when_it_is_freed<D: Database>(
    fleet: &Fleet<D>,
) {
    fleet.add(USER);
    let mut holder = fleet.member(USER, 1);
    lose_the_lock(fleet, &mut holder);
    holder.must_be_answered();
    holder.leave();
    fleet.outlives_another_expiry(&mut [fleet.member(USER, 1)]);
    assert_eq!(fleet.refreshes(), 2);
    assert_eq!(fleet.provider.replayed_refresh_tokens(), 0);
}

/// With the provider's grace: two refresh requests, one new token, no failed request.
fn a_process_that_took_the_lock_meanwhile_gets_the_same_answer_repeated<D: Database>(
    fleet: &Fleet<D>,
) {
    fleet.provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    fleet.add(USER);
    let (mut holder, mut other) = (fleet.member(USER, 1), fleet.member(USER, 1));
    lose_the_lock(fleet, &mut holder);
    other.ask();
    holder.must_be_answered();
    other.must_be_answered();
    assert_eq!(fleet.refreshes(), 2);
    fleet.outlives_another_expiry(&mut [holder, other]);
}

/// The person logged in anew while an old login was being renewed without its lock.
fn a_new_login_stored_meanwhile_is_taken_and_not_overwritten<D: Database>(fleet: &Fleet<D>) {
    fleet.add(USER);
    let mut holder = fleet.member(USER, 1);
    lose_the_lock(fleet, &mut holder);
    fleet.add(USER);
    let newer = fleet.stored_refresh_token(USER);
    holder.must_be_answered();
    holder.ask();
    holder.must_be_answered();
    assert_eq!(fleet.stored_refresh_token(USER), newer);
    fleet.outlives_another_expiry(&mut [holder]);
}

#[test]
fn a_cut_connection_to_redis_does_not_lose_the_lock_and_the_token_is_stored_at_once() {
    crate::database::with::<Redis>(|fleet| {
        fleet.add(USER);
        let mut holder = fleet.member(USER, 1);
        let before = fleet.stored_refresh_token(USER);
        fleet.provider.fault(Fault::once(Target::Refresh, SLOW));
        fleet.provider.expire_access_tokens();
        holder.ask();
        fleet.wait_for_refreshes(1);
        fleet.database.cut_connections();
        assert!(holder.is_busy(), "the connection was cut before the provider answered");
        holder.must_be_answered();
        assert_ne!(fleet.stored_refresh_token(USER), before);
        assert!(!fleet.database.is_locked(USER));
        fleet.outlives_another_expiry(&mut [holder]);
        assert_eq!(fleet.refreshes(), 2);
    });
}

#[test]
fn a_slow_holder_neither_stores_under_the_lock_of_another_nor_frees_it() {
    crate::database::with::<Redis>(|fleet| {
        fleet.add(USER);
        let mut holder = fleet.member(USER, 1);
        let before = fleet.stored_refresh_token(USER);
        lose_the_lock(fleet, &mut holder);
        fleet.database.lock_for_another(USER);
        assert!(holder.is_busy(), "somebody else got the lock before the provider answered");
        holder.must_be_answered();
        assert_eq!(fleet.stored_refresh_token(USER), before);
        assert!(fleet.database.is_locked(USER));

        fleet.database.unlock(USER);
        holder.ask();
        holder.must_be_answered();
        assert_ne!(fleet.stored_refresh_token(USER), before);
        assert_eq!(fleet.refreshes(), 1);
    });
}
