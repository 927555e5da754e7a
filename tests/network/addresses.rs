//! Which addresses of a name are tried, and when.

use std::net::IpAddr;
use std::time::Duration;

use fitbit_test_support::in_parallel;

use crate::bench::{Call, Family, Fate, Network, Path, Script};

/// How long the library gives an attempt before the next one begins beside it.
const DELAY: Duration = Duration::from_millis(250);

#[track_caller]
fn assert_good(call: &Call) {
    assert_eq!((call.code.as_str(), call.status), ("FITBIT_OK", 200), "{call:?}");
}

/// How long it took from the call's beginning.
#[track_caller]
fn connected(net: &Network, name: &str, call: &Call) -> Duration {
    net.connected(name).expect("a connection was made").saturating_sub(call.began)
}

#[test]
fn a_name_of_twelve_addresses_connects_to_its_last_one() {
    let Some(net) = Network::new(Path::rtt_ms(80)) else { return };
    let names: [(&str, Vec<IpAddr>); 3] = [
        ("v4.test", (0..11).map(|_| net.dead_v4()).chain([net.live_v4()]).collect()),
        ("v6.test", (0..11).map(|_| net.dead_v6()).chain([net.live_v6()]).collect()),
        ("four.test", (0..4).map(|_| net.dead_v4()).chain([net.live_v4()]).collect()),
    ];
    in_parallel(names, |(name, addresses)| {
        net.name(name, &addresses);
        let call = net.get(&format!("https://{name}"));
        assert_good(&call);
        let tried: Vec<IpAddr> = net.first_syns(name).iter().map(|(_, address)| *address).collect();
        assert_eq!(tried, addresses, "{name}");
        let dead = addresses.len() as u32 - 1;
        let limit = dead * DELAY + 4 * net.round_trip() + Duration::from_secs(1);
        let connected = connected(&net, name, &call);
        assert!(connected <= limit, "{name}: {connected:?}");
    });
}

#[test]
fn families_are_interleaved() {
    let Some(net) = Network::new(Path::rtt_ms(20)) else { return };
    let (a, b, c) = (net.dead_v6(), net.dead_v6(), net.dead_v6());
    let (d, e) = (net.dead_v4(), net.live_v4());
    net.name("api.test", &[a, b, c, d, e]);
    assert_good(&net.get("https://api.test"));
    let tried: Vec<IpAddr> = net.first_syns("api.test").iter().map(|(_, a)| *a).collect();
    assert_eq!(tried, [a, d, b, e]);
}

#[test]
fn an_attempt_lasts_as_long_as_the_call_has_time() {
    let Some(net) = Network::new(Path::rtt_ms(2300)) else { return };
    net.name("satellite.test", &[net.live_v4()]);
    // The system repeats a SYN after 1, 3 and 7 seconds, newer ones after 1, 2 and 3.
    net.name("lossy.test", &[net.address(Family::V6, Fate::LoseSyns(3))]);
    in_parallel(["satellite.test", "lossy.test"], |name| {
        let call = net.call(Script::to(&format!("https://{name}")).timeout_ms(30_000).get());
        assert_good(&call);
        let mut ports: Vec<u16> = net.syns(name).iter().map(|(_, _, port)| *port).collect();
        ports.dedup();
        assert_eq!(ports.len(), 1, "{name} was tried with more than one socket");
    });
}

/// Each kind of refusal, by six addresses before a live one: if each was waited for, it would take
/// six times 250 ms.
#[test]
fn an_address_that_is_refused_leads_to_the_next_one_at_once() {
    let Some(net) = Network::new(Path::rtt_ms(20)) else { return };
    let kinds = [
        (Family::V4, Fate::Reset),
        (Family::V6, Fate::Reset),
        (Family::V4, Fate::Unreachable(0)),
        (Family::V4, Fate::Unreachable(1)),
        (Family::V4, Fate::Unreachable(3)),
        (Family::V4, Fate::Unreachable(9)),
        (Family::V4, Fate::Unreachable(10)),
        (Family::V4, Fate::Unreachable(13)),
        (Family::V6, Fate::Unreachable(0)),
        (Family::V6, Fate::Unreachable(1)),
        (Family::V6, Fate::Unreachable(3)),
        (Family::V6, Fate::Unreachable(4)),
        (Family::V6, Fate::Unreachable(5)),
        (Family::V6, Fate::Unreachable(6)),
    ];
    // Four at a time, so that the machine's own work stays small beside 1.5 seconds.
    for kinds in kinds.chunks(4) {
        in_parallel(kinds.iter().enumerate(), |(number, &(family, fate))| {
            let name = format!("{fate:?}-{family:?}-{number}.test").replace(['(', ')'], "");
            let name = name.to_ascii_lowercase();
            let refused = (0..6).map(|_| net.address(family, fate));
            net.name(&name, &refused.chain([net.live_v4()]).collect::<Vec<_>>());
            let call = net.get(&format!("https://{name}"));
            assert_good(&call);
            // Another family's live address comes second, and the others are not needed.
            let tried = net.first_syns(&name).len();
            assert_eq!(tried, if family == Family::V4 { 7 } else { 2 }, "{name}");
            let connected = connected(&net, &name, &call);
            let limit = if family == Family::V4 { 4 * DELAY } else { DELAY + DELAY / 2 };
            assert!(connected < limit, "{name}: {connected:?}");
        });
    }
}

#[test]
fn a_name_whose_every_address_is_refused_fails_at_once() {
    let Some(net) = Network::new(Path::rtt_ms(20)) else { return };
    let refused = [Fate::Reset, Fate::Unreachable(1)].map(|fate| net.address(Family::V4, fate));
    net.name("api.test", &refused);
    let call = net.get("https://api.test");
    assert_eq!(call.code, "FITBIT_ERROR_NETWORK", "{call:?}");
    assert!(call.lasted() < Duration::from_secs(5), "{call:?}");
    let call = net.get("https://unknown.test");
    assert_eq!(call.code, "FITBIT_ERROR_NETWORK", "{call:?}");
    assert!(call.message.contains("unknown.test"), "{call:?}");
    net.name("empty.test", &[]);
    let call = net.get("https://empty.test");
    assert_eq!(call.code, "FITBIT_ERROR_NETWORK", "{call:?}");
}

/// The last attempt has failed, but an earlier one is still under way.
#[test]
fn a_slow_address_wins_after_a_faster_one_has_refused() {
    let Some(net) = Network::new(Path::rtt_ms(20)) else { return };
    let slow = net.address(Family::V4, Fate::LoseSyns(1));
    net.name("api.test", &[slow, net.address(Family::V4, Fate::Reset)]);
    let call = net.get("https://api.test");
    assert_good(&call);
    assert_eq!(net.first_syns("api.test").len(), 2);
}

/// Only the connection that won is kept: the others are closed.
#[test]
fn a_connection_that_came_second_is_closed() {
    let Some(net) = Network::new(Path::rtt_ms(700)) else { return };
    let addresses = [net.live_v4(), net.live_v4(), net.live_v4()];
    net.name("api.test", &addresses);
    let call = net.get("https://api.test");
    assert_good(&call);
    assert_eq!(net.first_syns("api.test").len(), 3);
    let tls: Vec<IpAddr> = net
        .seen()
        .iter()
        .filter(|seen| seen.by_client && seen.header.payload > 0)
        .map(|seen| seen.header.destination.ip())
        .filter(|address| addresses.contains(address))
        .collect();
    assert!(tls.iter().all(|address| *address == addresses[0]), "{tls:?}");
}
