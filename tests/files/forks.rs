//! A child that is forked while its parent renews inherits the open lock. It must not keep it: the
//! parent goes on renewing, and so does everybody else, the child too.

use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{app, provider};

use crate::scene::{Folder, Keeper, wait_for_refresh};

#[test]
fn a_child_forked_during_a_renewal_does_not_keep_the_file_locked() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let mut keeper = Keeper::new(&provider, &path);
    keeper.must("open 1");
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(500)));
    keeper.must("begin");
    wait_for_refresh(&provider);
    keeper.must("fork");
    keeper.must("end");
    // The child lives on, and has nothing to do with the file.
    let impatient = app(&provider);
    impatient.set_timeout_ms(5000).unwrap();
    let client = impatient.from_file(&path).unwrap();
    client.refresh().expect("nobody is renewing");
    keeper.must("refresh");
}

#[test]
fn a_child_forked_during_a_renewal_reads_what_its_parent_saved() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let mut keeper = Keeper::new(&provider, &path);
    keeper.must("open 1");
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(500)));
    keeper.must("begin");
    wait_for_refresh(&provider);
    keeper.must("fork renew");
    keeper.must("end");
    keeper.must("reap");
    keeper.must("refresh");
    assert_eq!(provider.requests(Target::Refresh), 2);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

/// Whoever is waiting for the lock gives up long before the child ends.
#[test]
fn a_child_forked_during_a_renewal_gives_the_lock_up_when_its_parent_is_killed() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let mut keeper = Keeper::new(&provider, &path);
    keeper.must("open 1");
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(2000)));
    keeper.must("begin");
    wait_for_refresh(&provider);
    keeper.must("fork");
    keeper.kill();
    let impatient = app(&provider);
    impatient.set_timeout_ms(5000).unwrap();
    let client = impatient.from_file(&path).unwrap();
    client.refresh().expect("nobody holds the lock");
}
