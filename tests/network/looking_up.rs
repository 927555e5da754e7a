//! Names that nobody answers for: how many threads wait for them, and for how long.

use std::time::Duration;

use crate::bench::{End, Network, Path, Record, Script};

const MAX_THREADS: usize = 16;

/// What a busy machine may add to a timeout.
const NOISE: Duration = Duration::from_secs(1);

#[test]
fn a_look_up_is_shared_by_all_calls_that_need_the_name() {
    let Some(net) = Network::new(Path::rtt_ms(10)) else { return };
    let mut scripts = Vec::new();
    for number in 0..5 {
        let name = format!("slow-{number}.test");
        let addresses = [net.live_v4(), net.live_v6()];
        net.name(&name, &addresses);
        net.set_record(&name, Record::Delayed(Duration::from_millis(1500), addresses.into()));
        scripts.extend(vec![Script::to(&format!("https://{name}")).timeout_ms(20_000).get(); 8]);
    }
    let ran = net.run(&scripts);
    for call in ran.all() {
        assert_eq!(call.code, "FITBIT_OK", "{call:?}");
    }
    assert_eq!(ran.look_up_threads, 5);
    for number in 0..5 {
        assert_eq!(net.questions(&format!("slow-{number}.test")), 2);
    }
}

#[test]
fn at_most_sixteen_names_are_looked_up_at_once() {
    let Some(net) = Network::new(Path::rtt_ms(10)) else { return };
    let times = [700, 1500, 2500];
    let mut scripts = Vec::new();
    for number in 0..40 {
        let name = format!("silent-{number}.test");
        net.set_record(&name, Record::Silence);
        let time = times[number % times.len()];
        scripts.extend(vec![Script::to(&format!("https://{name}")).timeout_ms(time).get(); 3]);
    }
    let ran = net.run(&scripts);
    assert_eq!(ran.look_up_threads, MAX_THREADS);
    for (call, number) in ran.all().zip(0..) {
        let timeout = Duration::from_millis(times[number / 3 % times.len()]);
        assert_eq!(call.code, "FITBIT_ERROR_TIMEOUT", "{call:?}");
        assert!(call.lasted() < timeout + NOISE, "{timeout:?}: {call:?}");
    }
}

/// A call whose time is over does not take the name away from those that can still wait.
#[test]
fn a_look_up_goes_on_for_calls_that_have_more_time() {
    let Some(net) = Network::new(Path::rtt_ms(10)) else { return };
    let addresses = [net.live_v4()];
    net.name("slow.test", &addresses);
    net.set_record("slow.test", Record::Delayed(Duration::from_secs(2), addresses.into()));
    let to = || Script::to("https://slow.test");
    let ran = net.run(&[
        to().timeout_ms(500).get(),
        to().timeout_ms(20_000).ended_after_ms(End::Abort, 500).get(),
        to().timeout_ms(20_000).get(),
    ]);
    let codes: Vec<&str> = ran.all().map(|call| call.code.as_str()).collect();
    assert_eq!(codes, ["FITBIT_ERROR_TIMEOUT", "FITBIT_ERROR_CANCELLED", "FITBIT_OK"]);
    assert_eq!(ran.look_up_threads, 1);
    assert_eq!(net.questions("slow.test"), 2);
}
