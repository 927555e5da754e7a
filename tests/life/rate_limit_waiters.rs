//! A call that waits for a rate limit holds up nobody: neither other threads of the same client nor
//! other clients, also where it is a renewal that is waited for.

use std::sync::Arc;
use std::thread::JoinHandle;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::level::WARN;
use fitbit_test_support::{Client, Saver};

use crate::heard::Heard;
use crate::providers::{BOTH, GOOGLE, Provider};

/// Whatever has to wait for the waiting call waits this long.
const MINUTES: u64 = 600;

/// A client that waits for any limit, whose token expires in so many seconds. What its logger hears
/// is kept as long as the process lives, for so long a call may be waiting.
fn patient(
    provider: &Provider,
    simulator: &Simulator,
    expires_in: i64,
) -> (Arc<Client>, &'static Heard) {
    let heard = Box::leak(Box::new(Heard::new()));
    let app = provider.app(simulator);
    app.set_rate_limit_wait(3600).unwrap();
    heard.listen(&app, WARN);
    let token = provider.token(simulator, expires_in);
    (Arc::new(app.from_token(&token, &Saver::new()).unwrap()), heard)
}

/// Starts a call in a thread of its own, which meets the limit and waits for minutes. The thread is
/// left behind: it ends with the process.
fn waiting<T: 'static>(
    simulator: &Simulator,
    on: Target,
    (client, heard): &(Arc<Client>, &'static Heard),
    call: impl FnOnce(&Client) -> T + Send + 'static,
) -> JoinHandle<()> {
    simulator.fault(Fault::once(on, FaultKind::Status429RetryAfter(MINUTES)));
    let client = client.clone();
    let waiting = std::thread::spawn(move || drop(call(&client)));
    while !heard.texts().iter().any(|line| line.starts_with("rate limited: waiting")) {
        std::thread::yield_now();
    }
    waiting
}

#[test]
fn others_go_on_while_a_request_waits() {
    for provider in &BOTH {
        let simulator = Simulator::start().unwrap();
        let patient = patient(provider, &simulator, 3600);
        let path = provider.path;
        let waiting = waiting(&simulator, Target::Api, &patient, move |client| client.get(path));
        let (client, _) = patient;
        client.get(path).unwrap();
        client.refresh().unwrap();
        client.get(path).unwrap();
        client.save().unwrap();
        client.user_id().unwrap();
        client.token();
        client.rate_limit();
        provider.client(&simulator).get(path).unwrap();
        assert!(!waiting.is_finished(), "all that while it waited");
    }
}

#[test]
fn others_renew_while_a_renewal_waits() {
    for provider in &BOTH {
        for expires_in in [-10, 3600] {
            let simulator = Simulator::start().unwrap();
            let patient = patient(provider, &simulator, expires_in);
            let waiting = waiting(&simulator, Target::Refresh, &patient, Client::refresh);
            let (client, _) = patient;
            client.get(provider.path).unwrap();
            client.refresh().unwrap();
            client.save().unwrap();
            client.revoke().unwrap();
            provider.client(&simulator).refresh().unwrap();
            assert!(!waiting.is_finished(), "all that while it waited");
        }
    }
}

#[test]
fn others_ask_whose_login_it_is_while_one_that_asks_waits() {
    let simulator = Simulator::start().unwrap();
    let patient = patient(&GOOGLE, &simulator, 3600);
    let waiting = waiting(&simulator, Target::Api, &patient, Client::user_id);
    let (client, _) = patient;
    client.user_id().unwrap();
    client.get(GOOGLE.path).unwrap();
    assert!(!waiting.is_finished(), "all that while it waited");
}

#[test]
fn threads_that_share_a_renewal_wait_each_for_itself_and_then_share_again() {
    for provider in &BOTH {
        let simulator = Simulator::start().unwrap();
        let (client, _) = patient(provider, &simulator, -10);
        simulator.fault(Fault::once(Target::Refresh, FaultKind::Status429RetryAfter(0)));
        simulator.fault(Fault::always(Target::Refresh, FaultKind::Latency(300)));
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| client.get(provider.path).map(|answer| answer.status)))
                .collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), Ok(200));
            }
        });
        assert_eq!(simulator.replayed_refresh_tokens(), 0);
        // One that comes late may find the limit over, and renew while the others wait.
        assert_eq!(simulator.requests(Target::Refresh), 2, "one was too many, one was enough");
    }
}
