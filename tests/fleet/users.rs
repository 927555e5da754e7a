//! Different people in one database do not wait for each other.

use fitbit_simulator::{Fault, FaultKind, Target};

use crate::database::{Database, Fleet};
use crate::with_both;

with_both! { one_persons_renewal_does_not_hold_up_another_persons }

fn one_persons_renewal_does_not_hold_up_another_persons<D: Database>(fleet: &Fleet<D>) {
    fleet.add("SLOW01");
    fleet.add("QUICK1");
    let mut slow = fleet.member("SLOW01", 2);
    let mut quick = [fleet.member("QUICK1", 2)];
    fleet.provider.fault(Fault::once(Target::Refresh, FaultKind::StallBeforeAnswer));
    fleet.provider.expire_access_tokens();
    slow.ask();
    fleet.wait_for_refreshes(1);
    fleet.outlives_another_expiry(&mut quick);
    assert!(slow.is_busy(), "the slow one still holds its lock");
}
