//! The bench does what it says: otherwise the other tests could pass by mistake.

use std::net::IpAddr;
use std::time::Duration;

use crate::bench::{Family, Fate, Network, Path, Record, Script};

#[test]
fn a_request_takes_the_round_trips_of_its_path() {
    let Some(net) = Network::new(Path::rtt_ms(100)) else { return };
    net.name("api.test", &[net.live_v6()]);
    let call = net.get("https://api.test");
    assert_eq!((call.code.as_str(), call.status), ("FITBIT_OK", 200), "{call:?}");
    // The name, TCP, TLS, the request.
    assert!(call.round_trips(&net) >= 4.0, "{call:?}");
    assert_eq!(net.questions("api.test"), 2);
    let connected = net.connected("api.test").unwrap() - call.began;
    assert!(connected >= 2 * net.round_trip(), "{connected:?}");
    assert_eq!(net.first_syns("api.test").len(), 1);
    assert_eq!(net.counted(&call), 4, "{call:?}");
    net.set_round_trip(Duration::from_millis(300));
    let call = net.get("https://api.test");
    assert!(call.lasted() >= Duration::from_millis(1200), "{call:?}");
    assert_eq!(net.counted(&call), 4, "{call:?}");
}

/// What servers and programs need for themselves does not make it more.
#[test]
fn round_trips_are_counted_and_not_timed() {
    let Some(net) = Network::new(Path::rtt_ms(100)) else { return };
    net.name("api.test", &[net.live_v4()]);
    let slow = vec![net.live_v6()];
    net.name("slow.test", &slow);
    net.set_record("slow.test", Record::Delayed(Duration::from_millis(350), slow));
    net.serve("slow.test", |session| {
        while let Some(request) = session.request()? {
            std::thread::sleep(Duration::from_millis(550));
            session.grant(&request)?;
        }
        Ok(())
    });
    let call = net.get("https://slow.test");
    assert!(call.round_trips(&net) >= 13.0, "{call:?}");
    assert_eq!(net.counted(&call), 4, "{call:?}");
    // Two after each other, and of these the second one.
    let calls = net.run(&[Script::to("https://api.test").get().get()]).calls.remove(0);
    assert_eq!(net.counted_between(calls[0].began, calls[1].ended), 5, "{calls:?}");
    assert_eq!(net.counted(&calls[1]), 1, "{calls:?}");
}

#[test]
fn connections_are_seen_from_their_first_syn_to_their_end() {
    let Some(net) = Network::new(Path::rtt_ms(20)) else { return };
    net.name("api.test", &[net.live_v4()]);
    net.name("refused.test", &[net.address(Family::V4, Fate::ResetSyns(1))]);
    let script = Script::to("https://api.test").get().get().pause_ms(300);
    let calls = net.run(&[script]).calls.remove(0);
    let flows = net.flows("api.test");
    assert_eq!(flows.len(), 1, "{flows:?}");
    assert!(flows[0].opened > calls[0].began, "{flows:?}, {calls:?}");
    assert!(flows[0].answered.is_some_and(|at| at < flows[0].sent[0] + net.round_trip()));
    let closed = flows[0].closed.expect("the program has ended");
    assert!(closed > calls[1].ended + Duration::from_millis(200), "{flows:?}, {calls:?}");
    let requests = net.requests("api.test");
    let connections: Vec<usize> = requests.iter().map(|request| request.connection).collect();
    assert_eq!(connections, [0, 0]);

    let call = net.get("https://refused.test");
    assert_eq!(call.code, "FITBIT_ERROR_NETWORK", "{call:?}");
    let call = net.get("https://refused.test");
    assert_eq!(call.code, "FITBIT_OK", "{call:?}");
    let flows = net.flows("refused.test");
    assert_eq!(flows.len(), 2, "{flows:?}");
    assert_eq!(flows[0].answered, None, "{flows:?}");
}

#[test]
fn an_expired_token_is_renewed_over_the_same_path() {
    let Some(net) = Network::new(Path::rtt_ms(100)) else { return };
    net.name("api.test", &[net.live_v6()]);
    net.name("token.test", &[net.live_v4()]);
    let script = Script::to("https://api.test").renews_at("https://token.test");
    let call = net.call(script.timeout_ms(20_000).get());
    assert_eq!((call.code.as_str(), call.status), ("FITBIT_OK", 200), "{call:?}");
    assert!(net.connected("token.test").is_some());
    // The token endpoint's name, TCP, TLS, the renewal; the request needs its token.
    assert!(call.round_trips(&net) >= 5.0, "{call:?}");
}

#[test]
fn names_have_the_order_that_the_test_gives_them() {
    let Some(net) = Network::new(Path::rtt_ms(2)) else { return };
    let alternating: Vec<IpAddr> = (0..8).flat_map(|_| [net.live_v4(), net.live_v6()]).collect();
    let grouped: Vec<IpAddr> =
        (0..6).map(|_| net.live_v4()).chain((0..6).map(|_| net.live_v6())).collect();
    let backwards: Vec<IpAddr> = grouped.iter().rev().copied().collect();
    for (name, addresses) in [("alternating.test", &alternating), ("grouped.test", &grouped)] {
        net.name(name, addresses);
        assert_eq!(&net.order(name), addresses, "{name}");
    }
    net.name("grouped.test", &backwards);
    assert_eq!(net.order("grouped.test"), backwards);
    assert_eq!(net.order("unknown.test"), [] as [IpAddr; 0]);
}

/// A plain client sees each fate as the system tells it.
#[test]
fn the_path_treats_each_address_as_the_test_says() {
    let Some(net) = Network::new(Path::rtt_ms(20)) else { return };
    let cases = [
        (Family::V4, Fate::Reset, "Connection refused"),
        (Family::V6, Fate::Reset, "Connection refused"),
        (Family::V4, Fate::Unreachable(1), "No route to host"),
        (Family::V4, Fate::Unreachable(3), "Connection refused"),
        (Family::V4, Fate::Unreachable(13), "No route to host"),
        (Family::V6, Fate::Unreachable(1), "Permission denied"),
        (Family::V6, Fate::Unreachable(4), "Connection refused"),
        (Family::V6, Fate::Unreachable(5), "Permission denied"),
        (Family::V6, Fate::Unreachable(6), "Permission denied"),
        (Family::V4, Fate::Swallow, "timed out"),
        (Family::V6, Fate::Swallow, "timed out"),
    ];
    for (family, fate, why) in cases {
        let address = net.address(family, fate);
        // Python would be shorter, bash is everywhere.
        let connect = "exec 3<>\"/dev/tcp/$0/443\"";
        let mut shell = net.command("timeout");
        shell.args(["1", "bash", "-c", connect]).arg(address.to_string());
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        match why {
            "timed out" => assert_eq!(output.status.code(), Some(124), "{fate:?}: {said}"),
            why => assert!(said.contains(why), "{family:?} {fate:?}: {said}"),
        }
    }
}

#[test]
fn lost_syns_are_counted() {
    let Some(net) = Network::new(Path::rtt_ms(10)) else { return };
    net.name("api.test", &[net.address(Family::V4, Fate::LoseSyns(1))]);
    let call = net.get("https://api.test");
    assert_eq!(call.code, "FITBIT_OK", "{call:?}");
    assert_eq!(net.syns("api.test").len(), 2);
    // The system sends a SYN again after a second.
    assert!(call.lasted() >= Duration::from_millis(900), "{call:?}");
}
