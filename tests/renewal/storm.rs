//! Many threads on one client: one renewal, everybody gets an answer.

use std::sync::Barrier;

use fitbit_simulator::Target;
use fitbit_test_support::Saver;

use fitbit_test_support::world::{PROFILE, app, provider, saved_token};

#[test]
fn sixty_four_threads_with_an_expired_token_send_one_refresh_request() {
    let provider = provider();
    let saver = Saver::new();
    let client = app(&provider).from_token(&saved_token(&provider, -10), &saver).unwrap();
    let start = Barrier::new(64);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                start.wait();
                assert_eq!(client.get(PROFILE).unwrap().status, 200);
            });
        }
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(provider.requests(Target::Api), 64);
    assert_eq!(saver.offered().len(), 1);
}
