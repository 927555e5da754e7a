//! Proxies behind the path: their own addresses are raced, the target's are tried in turn.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use fitbit_test_support::in_parallel;

use crate::bench::proxy::Proxy;
use crate::bench::{Call, Network, Path, Script};

const HTTPS: u16 = 443;

#[track_caller]
fn assert_good(call: &Call) {
    assert_eq!((call.code.as_str(), call.status), ("FITBIT_OK", 200), "{call:?}");
}

fn through(net: &Network, proxy: &str) -> Call {
    net.call(Script::to("https://api.test").proxy(proxy).timeout_ms(10_000).get())
}

fn at(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, HTTPS)
}

#[test]
fn socks4_is_asked_for_the_first_ipv4_address() {
    let Some(net) = Network::new(Path::rtt_ms(10)) else { return };
    let place = net.live_v4();
    let proxy = Proxy::socks(&net, place, 1080, HashMap::new());
    let first = net.live_v4();
    net.name("api.test", &[net.live_v6(), net.dead_v6(), first, net.live_v4()]);
    assert_good(&through(&net, &format!("socks4://{place}:1080")));
    assert_eq!(proxy.asked(), [at(first)]);
}

#[test]
fn socks4_refuses_a_name_without_ipv4_addresses() {
    let Some(net) = Network::new(Path::rtt_ms(10)) else { return };
    let place = net.live_v4();
    let proxy = Proxy::socks(&net, place, 1080, HashMap::new());
    net.name("api.test", &[net.live_v6()]);
    let call = through(&net, &format!("socks4://{place}:1080"));
    assert_eq!(call.code, "FITBIT_ERROR_NETWORK", "{call:?}");
    assert_eq!(proxy.asked(), []);
}

/// Replies 1, 3, 4, 5 and 6 of RFC 1928 are about the address.
#[test]
fn socks5_is_asked_for_the_next_address_when_one_is_unreachable() {
    let Some(net) = Network::new(Path::rtt_ms(10)) else { return };
    let place = net.live_v4();
    let addresses: Vec<IpAddr> =
        (0..5).map(|n| if n % 2 == 0 { net.live_v6() } else { net.live_v4() }).collect();
    let replies = addresses.iter().copied().zip([1, 3, 4, 5, 6]).collect();
    let proxy = Proxy::socks(&net, place, 1080, replies);
    let good = net.live_v4();
    net.name("api.test", &[addresses.as_slice(), &[good]].concat());
    assert_good(&through(&net, &format!("socks5://{place}:1080")));
    let mut asked = proxy.asked();
    assert_eq!(asked.last(), Some(&at(good)));
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 6, "{asked:?}");
}

/// Another address does not help against a rule.
#[test]
fn socks5_is_asked_once_when_its_rules_forbid_the_target() {
    let Some(net) = Network::new(Path::rtt_ms(10)) else { return };
    let place = net.live_v4();
    let forbidden = net.live_v4();
    let proxy = Proxy::socks(&net, place, 1080, HashMap::from([(forbidden, 2)]));
    net.name("api.test", &[forbidden, net.live_v4()]);
    let call = through(&net, &format!("socks5://{place}:1080"));
    assert_eq!(call.code, "FITBIT_ERROR_NETWORK", "{call:?}");
    assert_eq!(proxy.asked(), [at(forbidden)]);
}

#[test]
fn the_addresses_of_a_proxy_are_raced() {
    let Some(net) = Network::new(Path::rtt_ms(20)) else { return };
    let target = net.live_v4();
    net.name("api.test", &[target]);
    in_parallel(["socks4", "socks5", "http"], |scheme| {
        let place = net.live_v4();
        let proxy = match scheme {
            "http" => Proxy::http(&net, place, 3128, at(target)),
            _ => Proxy::socks(&net, place, 3128, HashMap::new()),
        };
        let name = format!("{scheme}-proxy.test");
        net.name(&name, &[net.dead_v4(), net.dead_v6(), net.dead_v4(), place]);
        let call = through(&net, &format!("{scheme}://{name}:3128"));
        assert_good(&call);
        assert_eq!(proxy.asked(), [at(target)]);
        let connected = net.connected(&name).unwrap().saturating_sub(call.began);
        // Three dead ones before it, a quarter of a second each; the rest is room for noise.
        assert!(connected < Duration::from_millis(2000), "{scheme}: {connected:?}");
        let syns = net.first_syns(&name);
        let too_close = Duration::from_millis(200);
        assert!(syns.windows(2).all(|pair| pair[1].0 - pair[0].0 >= too_close), "{syns:?}");
    });
}
