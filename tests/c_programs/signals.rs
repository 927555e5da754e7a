//! A program's signals are its own: the library neither dies of one nor gives up because of one.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{provider, saved_token};

use crate::run::{Way, command, talk};

#[test]
fn signals_interrupt_no_request_and_a_closed_connection_raises_none() {
    let mut command = command("signals", Way::Plain).expect("no tool is needed");
    let provider = provider();
    // A waiting call is what a signal interrupts.
    provider.fault(Fault::always(Target::Any, FaultKind::Latency(10)));
    command.arg(provider.uri()).arg(saved_token(&provider, 20_000));
    talk(command, |_| {
        provider.clear_faults();
        provider.fault(Fault::always(Target::Any, FaultKind::ResetBeforeRead));
        "done".to_owned()
    });
    // No token was renewed twice because an answer seemed lost.
    assert_eq!(provider.requests(Target::Refresh), 20);
}
