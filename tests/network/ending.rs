//! Calls on a path that went silent end with their timeout, or when they are cancelled: while a name
//! is looked up, while a connection is made, during the TLS handshake, and behind a proxy.

use std::time::Duration;

use fitbit_test_support::in_parallel;

use crate::bench::{Call, End, Listening, Network, Path, Record, Script};

/// How precise the library promises to be. The quickest call of several shows it.
const PRECISE: Duration = Duration::from_millis(100);

/// Every call of them, on a machine that has other work.
const NOISE: Duration = Duration::from_secs(1);

/// So many calls of each kind.
const CALLS: usize = 5;

/// The stages that can be silent: an origin, and a proxy or none.
struct Stages {
    net: Network,
    _servers: Vec<Listening>,
    cases: Vec<(&'static str, Script)>,
}

fn stages() -> Option<Stages> {
    let net = Network::new(Path::rtt_ms(20))?;
    net.set_record("nameless.test", Record::Silence);
    net.name("dead.test", &[net.dead_v6(), net.dead_v4()]);
    let (mute, mute_proxy) = (net.live_v4(), net.live_v6());
    net.name("mute.test", &[mute]);
    net.name("mute-proxy.test", &[mute_proxy]);
    // They accept, and read until the client leaves.
    let silent = |mut connection: std::net::TcpStream| {
        std::io::copy(&mut connection, &mut std::io::sink()).map(drop)
    };
    let servers = vec![net.listen(mute, 4433, silent), net.listen(mute_proxy, 1080, silent)];
    let cases = vec![
        ("look-up", Script::to("https://nameless.test")),
        ("connect", Script::to("https://dead.test")),
        ("TLS", Script::to("https://mute.test:4433")),
        ("CONNECT", Script::to("https://mute.test").proxy("http://mute-proxy.test:1080")),
        ("SOCKS5", Script::to("https://mute.test").proxy("socks5://mute-proxy.test:1080")),
        ("SOCKS4", Script::to("https://mute.test").proxy("socks4://mute-proxy.test:1080")),
        (
            "look-up of the proxy",
            Script::to("https://mute.test").proxy("socks5h://nameless.test:1080"),
        ),
        ("connect to the proxy", Script::to("https://mute.test").proxy("http://dead.test:1080")),
    ];
    Some(Stages { net, _servers: servers, cases })
}

impl Stages {
    /// The calls of each stage, all in one process, each script finished by `finish`.
    fn run(&self, finish: impl Fn(Script) -> Script) -> Vec<(&'static str, Vec<Call>)> {
        let scripts: Vec<Script> =
            self.cases.iter().flat_map(|(_, s)| vec![finish(s.clone()); CALLS]).collect();
        let calls = self.net.run(&scripts).calls;
        let stages = self.cases.iter().zip(calls.chunks(CALLS));
        stages.map(|((stage, _), calls)| (*stage, calls.concat())).collect()
    }
}

#[track_caller]
fn assert_late_by(stage: &str, late: &[Duration]) {
    let (min, max) = (late.iter().min().unwrap(), late.iter().max().unwrap());
    println!("{stage}: late by {min:?} to {max:?}");
    assert!(*min <= PRECISE && *max <= NOISE, "{stage}: late by {min:?} to {max:?}");
}

#[test]
fn a_timeout_holds_at_every_stage_of_a_silent_path() {
    const TIMEOUT_MS: u64 = 2500;
    let Some(stages) = stages() else { return };
    let timeout = Duration::from_millis(TIMEOUT_MS);
    for (stage, calls) in stages.run(|script| script.timeout_ms(TIMEOUT_MS).get()) {
        for call in &calls {
            assert_eq!(call.code, "FITBIT_ERROR_TIMEOUT", "{stage}: {call:?}");
            // The clocks of the library and of the test are not rounded alike.
            assert!(call.lasted() + Duration::from_millis(5) >= timeout, "{stage}: {call:?}");
        }
        let late: Vec<Duration> =
            calls.iter().map(|call| call.lasted().saturating_sub(timeout)).collect();
        assert_late_by(stage, &late);
    }
}

/// The next call of an ended handle ends at once; after `fitbit_app_cancel` it runs as usual.
#[test]
fn a_call_is_ended_at_every_stage_of_a_silent_path() {
    let Some(stages) = stages() else { return };
    in_parallel([End::Cancel, End::Abort, End::Shutdown], |way| {
        let ended = stages.run(|script| {
            script.timeout_ms(20_000).ended_after_ms(way, 700).get().ended_after_ms(way, 300).get()
        });
        for (stage, calls) in ended {
            let stage = format!("{stage}, {way:?}");
            for call in &calls {
                assert_eq!(call.code, "FITBIT_ERROR_CANCELLED", "{stage}: {call:?}");
            }
            let (first, second): (Vec<&Call>, Vec<&Call>) =
                (calls.iter().step_by(2).collect(), calls.iter().skip(1).step_by(2).collect());
            assert_late_by(&stage, &first.iter().map(|c| c.lingered()).collect::<Vec<_>>());
            match way {
                End::Cancel => {
                    assert!(second.iter().all(|c| !c.asked_to_end.is_zero()), "{stage}");
                }
                _ => {
                    let late: Vec<Duration> = second.iter().map(|call| call.lasted()).collect();
                    assert_late_by(&format!("{stage}, again"), &late);
                }
            }
        }
    });
}
