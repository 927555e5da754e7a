//! How many round trips a call waits for, counted on the path: beside curl, through proxies, and in an
//! application that has made calls before.

use std::collections::HashMap;
use std::net::SocketAddr;

use fitbit_test_support::{c, in_parallel};

use crate::bench::proxy::Proxy;
use crate::bench::{ANY, Call, Network, Path, Provider, Script, now};

const PATH_MS: u64 = 100;
const PROVIDERS: [Provider; 2] = [Provider::Fitbit, Provider::Google];

/// A request with an expired token beside curl's request without one.
const MAX_TIMES_CURL: f64 = 1.35;

/// Times are compared in pairs, the quickest of so many.
const MIN_PAIRS: usize = 2;
const MAX_PAIRS: usize = 10;

#[track_caller]
fn assert_good(call: &Call) {
    assert_eq!((call.code.as_str(), call.status), ("FITBIT_OK", 200), "{call:?}");
}

fn network() -> Option<Network> {
    let net = Network::new(Path::rtt_ms(PATH_MS))?;
    net.name("api.test", &[net.live_v4()]);
    net.name("token.test", &[net.live_v6()]);
    Some(net)
}

/// An app whose API and token endpoint are two hosts.
fn script(provider: Provider) -> Script {
    let script = Script::of(provider, "https://api.test").token_at("https://token.test");
    script.timeout_ms(20_000)
}

/// How long something took: counted on the path, and by the clock, in round trips.
#[derive(Clone, Copy, Debug)]
struct Took {
    counted: u32,
    timed: f64,
}

fn took(net: &Network, call: &Call) -> Took {
    assert_good(call);
    Took { counted: net.counted(call), timed: call.round_trips(net) }
}

/// curl's request to the API, in a process of its own. Its clock leaves out how long a process needs to
/// begin.
fn curl(net: &Network, options: &[&str]) -> Option<Took> {
    if !c::available("curl") {
        return None;
    }
    let began = now();
    let url = format!("https://api.test{ANY}");
    let output = net.curl().args(["-w", "%{time_total}"]).args(options).arg(url).output();
    let seconds: f64 = c::succeeded(output.expect("curl can be run")).parse().expect("a time");
    let timed = seconds / net.round_trip().as_secs_f64();
    Some(Took { counted: net.counted_between(began, now()), timed })
}

/// The library's calls and curl's, until the library's quickest is quick enough beside curl's.
#[track_caller]
fn assert_beside_curl(
    what: &str,
    net: &Network,
    times: f64,
    call: impl Fn() -> Call,
    curls: &[&str],
) {
    let mut pairs = Vec::new();
    for _ in 0..MAX_PAIRS {
        let Some(curl) = curl(net, curls) else { return };
        pairs.push((took(net, &call()), curl));
        let quickest = |side: fn(&(Took, Took)) -> Took| {
            let each = pairs.iter().map(side);
            // What else the machine does makes a call slower only.
            each.min_by(|a, b| a.timed.total_cmp(&b.timed)).expect("there is one")
        };
        let (library, curl) = (quickest(|pair| pair.0), quickest(|pair| pair.1));
        let ratio = library.timed / curl.timed;
        println!("{what}: {library:?}, curl {curl:?}: {ratio:.2} times curl's");
        if pairs.len() >= MIN_PAIRS && ratio <= times {
            return;
        }
    }
    panic!("{what}: {pairs:?}");
}

#[test]
fn curl_and_a_get_wait_for_four_round_trips() {
    let Some(net) = network() else { return };
    for provider in PROVIDERS {
        // Name, TCP, TLS, request.
        net.assert_round_trips("cold GET", 4, || net.call(script(provider).get()));
    }
    let get = || net.call(script(Provider::Fitbit).get());
    assert_beside_curl("cold GET", &net, 1.2, get, &[]);
}

/// Name, TCP, TLS, renewal, request: the API's connection is made beside the renewal.
#[test]
fn an_expired_token_costs_a_cold_get_one_round_trip() {
    let cases = PROVIDERS.into_iter().flat_map(|provider| [(provider, false), (provider, true)]);
    in_parallel(cases, |(provider, in_file)| {
        let Some(net) = network() else { return };
        let expired = || match in_file {
            false => script(provider).expires_in(-3600),
            true => script(provider).expires_in(-3600).file(&net.file("token.json")),
        };
        let get = || net.call(expired().get());
        let what = format!("{provider:?}, in a file: {in_file}, expired token and cold GET");
        net.assert_round_trips(&what, 5, get);
        // How long a disk needs to write a file is not compared.
        if !in_file {
            assert_beside_curl(&what, &net, MAX_TIMES_CURL, get, &[]);
        }
    });
}

#[test]
fn an_expired_token_costs_a_cold_get_one_round_trip_through_proxies() {
    let proxies = [
        // The proxy's name, TCP, CONNECT, TLS, renewal, request.
        ("http://proxy.test:3128", 6),
        // Both names, TCP, two messages of SOCKS, TLS, renewal, request.
        ("socks5://proxy.test:3128", 8),
    ];
    let cases = PROVIDERS.into_iter().flat_map(|provider| proxies.map(|proxy| (provider, proxy)));
    in_parallel(cases, |(provider, (uri, round_trips))| {
        let Some(net) = network() else { return };
        let place = net.live_v4();
        net.name("proxy.test", &[place]);
        let _proxy = match uri.starts_with("http") {
            true => Proxy::http(&net, place, 3128, SocketAddr::new(net.live_v4(), 443)),
            false => Proxy::socks(&net, place, 3128, HashMap::new()),
        };
        let script = || script(provider).proxy(uri);
        let what = format!("{provider:?}, {uri}, cold GET");
        net.assert_round_trips(&what, round_trips - 1, || net.call(script().get()));
        let expired = || net.call(script().expires_in(-3600).get());
        let what = format!("{provider:?}, {uri}, expired token and cold GET");
        net.assert_round_trips(&what, round_trips, expired);
        assert_beside_curl(&what, &net, MAX_TIMES_CURL, expired, &["-x", uri]);
    });
}

/// Both the API's connection and, where there can be one, the renewals' are open and idle.
#[test]
fn a_renewal_in_a_warm_app_waits_for_few_round_trips() {
    let cases = [
        // Renewal and request; of Fitbit also name, TCP and TLS.
        (Provider::Google, 2.2, 2),
        (Provider::Fitbit, 6.0, 5),
    ];
    in_parallel(cases, |(provider, max, round_trips)| {
        let Some(net) = network() else { return };
        let script = script(provider).expires_in(-3600).get().another().get().get();
        let mut quickest = f64::MAX;
        for _ in 0..MAX_PAIRS {
            let calls = net.run(std::slice::from_ref(&script)).calls.remove(0);
            let [_, renewal, get] = [0, 1, 2].map(|number| took(&net, &calls[number]));
            println!("{provider:?}, warm: renewal and GET {renewal:?}, GET {get:?}");
            if (renewal.counted, get.counted) == (round_trips, 1) {
                quickest = quickest.min(renewal.timed);
            }
            if quickest <= max {
                return;
            }
        }
        panic!("{provider:?}: {quickest} round trips");
    });
}
