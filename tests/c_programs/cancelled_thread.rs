//! A program that cancels its threads: none of them ends inside a call.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{provider, saved_token};

use crate::run::{Way, command, talk};

#[test]
fn a_thread_that_is_cancelled_inside_a_call_ends_after_it() {
    let mut command = command("cancelled_thread", Way::Plain).expect("no tool is needed");
    let provider = provider();
    provider.fault(Fault::once(Target::Api, FaultKind::Latency(300)));
    command.arg(provider.uri()).arg(saved_token(&provider, 20_000));
    talk(command, |_| {
        while provider.max_in_flight(Target::Api) == 0 {
            std::thread::yield_now();
        }
        "it is".to_owned()
    });
    assert_eq!(provider.requests(Target::Api), 2);
    assert_eq!(provider.requests(Target::Refresh), 1);
}
