//! A process is killed (-9) while it holds the lock and waits for the provider.

use fitbit_simulator::{Fault, FaultKind, Target};
use std::time::Duration;

use crate::database::{Database, Fleet};
use crate::redis::Redis;
use crate::with_both;
use fitbit_test_support::world::USER;

with_both! {
    the_login_survives_a_kill_after_the_provider_acted_for_as_long_as_it_repeats_its_answer
    the_login_survives_a_kill_before_the_provider_acts
}

/// The window between the answer and the COMMIT.
fn the_login_survives_a_kill_after_the_provider_acted_for_as_long_as_it_repeats_its_answer<
    D: Database,
>(
    fleet: &Fleet<D>,
) {
    fleet.provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    killed_while_it_renews(fleet, &[FaultKind::StallBeforeAnswer]);
}

/// Strict rotation, no grace: the refresh token that is stored has not been spent.
fn the_login_survives_a_kill_before_the_provider_acts<D: Database>(fleet: &Fleet<D>) {
    killed_while_it_renews(fleet, &[FaultKind::Latency(5000), FaultKind::CloseBeforeRead]);
    assert_eq!(fleet.provider.replayed_refresh_tokens(), 0);
}

fn killed_while_it_renews<D: Database>(fleet: &Fleet<D>, faults: &[FaultKind]) {
    fleet.add(USER);
    let mut victim = fleet.member_with_a_short_lock(USER, 1);
    let mut members = [(); 2].map(|()| fleet.member_with_a_short_lock(USER, 1));
    let before = fleet.stored_refresh_token(USER);
    for fault in faults {
        fleet.provider.fault(Fault::once(Target::Refresh, fault.clone()));
    }
    fleet.provider.expire_access_tokens();
    victim.ask();
    fleet.wait_for_refreshes(1);
    members.iter_mut().for_each(|member| member.ask());
    victim.kill();
    members.iter_mut().for_each(|member| member.must_be_answered());
    assert_eq!(fleet.refreshes(), 2, "one for the victim, one for the living");
    assert_ne!(fleet.stored_refresh_token(USER), before);
    fleet.outlives_another_expiry(&mut members);
}

#[test]
fn the_lock_in_redis_outlives_its_holder_until_it_expires() {
    crate::database::with::<Redis>(|fleet| {
        fleet.add(USER);
        let mut victim = fleet.member_with_a_short_lock(USER, 1);
        let mut other = fleet.member_with_a_short_lock(USER, 1);
        fleet.provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(5000)));
        fleet.provider.fault(Fault::once(Target::Refresh, FaultKind::CloseBeforeRead));
        fleet.provider.expire_access_tokens();
        victim.ask();
        fleet.wait_for_refreshes(1);
        victim.kill();
        other.ask();
        assert!(fleet.database.is_locked(USER), "nobody but time frees it");
        assert_eq!(fleet.refreshes(), 1);
        other.must_be_answered();
        assert!(!fleet.database.is_locked(USER));
    });
}
