//! Eight processes of four threads live on one token file, against a provider whose refresh tokens
//! work once and never again: each expiry costs one refresh request, and no request fails.

use fitbit_simulator::Target;
use fitbit_test_support::world::provider;

use crate::scene::{Folder, Keeper, long_or, stored};

const PROCESSES: usize = 8;
const THREADS: usize = 4;

fn fleet(clients_per_process: usize, expiries: usize) {
    let provider = provider();
    provider.settings(|settings| settings.keep_log = false);
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let mut fleet: Vec<_> = (0..PROCESSES).map(|_| Keeper::new(&provider, &path)).collect();
    for keeper in &mut fleet {
        keeper.must(&format!("open {clients_per_process}"));
    }
    for expiry in 1..=expiries {
        provider.expire_access_tokens();
        fleet.iter_mut().for_each(|keeper| keeper.tell(&format!("storm {THREADS}")));
        for keeper in &mut fleet {
            assert_eq!(keeper.hear(), "ok", "expiry {expiry}");
        }
        assert_eq!(provider.requests(Target::Refresh), expiry as u64);
    }
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    assert!(stored(&path).get("renewing_since").is_none());
    let refreshes = provider.requests(Target::Refresh);
    let requests = provider.requests(Target::Api);
    eprintln!("{expiries} expiries: {refreshes} refresh requests, {requests} API requests");
}

#[test]
fn threads_that_share_their_processs_client_renew_once_for_each_expiry() {
    fleet(1, long_or(300, 60));
}

#[test]
fn threads_with_a_client_each_renew_once_for_each_expiry() {
    fleet(THREADS, long_or(300, 60));
}
