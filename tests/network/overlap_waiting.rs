//! A connection that was opened beside a renewal and has waited for it: what it may still carry.

use std::net::IpAddr;
use std::time::Duration;

use fitbit_test_support::in_parallel;

use crate::bench::{ANY, Provider, Script};
use crate::overlap::{PROVIDERS, delay_renewals, expired, network};

/// Google reads with this POST, so it may be sent twice.
const ROLL_UP: &str = "/v4/users/me/dataTypes/steps/dataPoints:dailyRollUp";

type Finish = fn(Script) -> Script;

/// How long a renewal takes, and how long the program needs to save its token.
#[derive(Clone, Copy, Debug)]
enum Waits {
    Renewal(u64),
    Saving(u64),
}

use Waits::{Renewal, Saving};

/// A server may be about to close a connection that has waited for more than two seconds.
#[test]
fn a_connection_that_has_waited_carries_what_can_be_sent_again() {
    let cases: [(Provider, Waits, Finish, usize); 12] = [
        (Provider::Fitbit, Renewal(1000), Script::get, 1),
        (Provider::Fitbit, Renewal(3000), Script::get, 1),
        (Provider::Fitbit, Renewal(1000), Script::post, 1),
        (Provider::Fitbit, Renewal(3000), Script::post, 2),
        (Provider::Google, Renewal(1000), Script::post, 1),
        (Provider::Google, Renewal(3000), Script::post, 2),
        (Provider::Google, Renewal(3000), Script::get, 1),
        (Provider::Google, Renewal(3000), |script| script.post_to(ROLL_UP), 1),
        (Provider::Fitbit, Renewal(3000), |script| script.post_to(ROLL_UP), 2),
        (Provider::Google, Saving(1000), Script::post, 1),
        (Provider::Google, Saving(3000), Script::post, 2),
        (Provider::Google, Saving(3000), Script::get, 1),
    ];
    in_parallel(cases, |(provider, waits, request, connections)| {
        let Some(net) = network() else { return };
        let (renewal_ms, script) = match waits {
            Renewal(ms) => (ms, expired(provider)),
            Saving(ms) => (0, expired(provider).saving_for_ms(ms)),
        };
        delay_renewals(&net, Duration::from_millis(renewal_ms));
        // The process stays for a while, so that it is the call that closes what it did not use.
        let call = net.call(request(script).pause_ms(500));
        let requests = net.requests("api.test");
        let what = format!("{provider:?}, {waits:?}, {requests:?}");
        assert_eq!((call.code.as_str(), call.status), ("FITBIT_OK", 200), "{what}: {call:?}");
        assert_eq!(requests.len(), 1, "{what}");
        assert!([ANY, ROLL_UP].contains(&requests[0].path.as_str()), "{what}");
        let flows = net.flows("api.test");
        assert_eq!(flows.len(), connections, "{what}: {flows:?}");
        assert_eq!(requests[0].connection, connections - 1, "{what}");
        // The first one was open beside the renewal; the second one came after it.
        let renewal = *net.flows("token.test")[0].sent.last().expect("it was sent");
        let responded = renewal + Duration::from_millis(renewal_ms);
        assert!(flows[0].opened < renewal, "{what}: {flows:?}");
        assert!(flows.iter().skip(1).all(|flow| flow.opened > responded), "{what}: {flows:?}");
        // The one that carried the request is kept.
        let closed: Vec<bool> = flows.iter().map(|flow| flow.is_closed_by(call.ended)).collect();
        assert_eq!(closed, [true, false][2 - connections..], "{what}: {flows:?}, {call:?}");
    });
}

/// Addresses are raced beside the renewal as they are otherwise (RFC 8305).
#[test]
fn dead_addresses_of_the_api_are_passed_beside_the_renewal() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        let pause = Duration::from_millis(1200);
        delay_renewals(&net, pause);
        let addresses = [net.dead_v6(), net.dead_v4(), net.live_v6()];
        net.name("api.test", &addresses);
        let call = net.call(expired(provider).get());
        assert_eq!((call.code.as_str(), call.status), ("FITBIT_OK", 200), "{call:?}");
        let syns = net.first_syns("api.test");
        let tried: Vec<IpAddr> = syns.iter().map(|(_, address)| *address).collect();
        assert_eq!(tried, addresses, "{provider:?}");
        // A busy machine can stop the library between its look at the clock and its SYN.
        let distance = Duration::from_millis(200);
        assert!(syns.windows(2).all(|pair| pair[1].0 - pair[0].0 >= distance), "{syns:?}");
        let renewal = *net.flows("token.test")[0].sent.last().expect("it was sent");
        assert!(syns[2].0 < renewal + pause, "{provider:?}: {syns:?}");
        assert!(net.connected("api.test").is_some_and(|at| at < renewal + pause));
        // No other connection was needed.
        assert_eq!(net.flows("api.test").len(), addresses.len(), "{provider:?}");
        assert_eq!(net.requests("api.test").len(), 1);
    });
}

/// Nothing of the API answers, and the renewal is done all the same.
#[test]
fn a_renewal_goes_on_beside_an_api_that_is_dead() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        net.name("api.test", &[net.dead_v6(), net.dead_v4()]);
        let script = expired(provider).timeout_ms(2500).get().refresh();
        let calls = net.run(&[script]).calls.remove(0);
        assert_eq!(calls[0].code, "FITBIT_ERROR_TIMEOUT", "{provider:?}: {calls:?}");
        assert_eq!(calls[1].code, "FITBIT_OK", "{provider:?}: {calls:?}");
        assert_eq!(net.requests("token.test").len(), 2, "{provider:?}");
        assert!(net.flows("api.test").iter().all(|flow| flow.closed.is_none()));
    });
}
