//! Expiry after expiry: whoever comes first renews, everybody else uses what was stored.

use crate::database::{Database, Fleet};
use crate::with_both;
use fitbit_test_support::world::USER;

with_both! { each_expiry_is_one_refresh_request_and_no_failed_request }

const EXPIRIES: u64 = 100;

/// Three processes of four threads each; strict rotation, no grace.
fn each_expiry_is_one_refresh_request_and_no_failed_request<D: Database>(fleet: &Fleet<D>) {
    fleet.add(USER);
    let mut members = [(); 3].map(|()| fleet.member(USER, 4));
    for _ in 0..EXPIRIES {
        fleet.outlives_another_expiry(&mut members);
    }
    assert_eq!(fleet.refreshes(), EXPIRIES);
    assert_eq!(fleet.provider.replayed_refresh_tokens(), 0);
    for member in members {
        assert_eq!(member.complaints(), "");
        member.leave();
    }
}
