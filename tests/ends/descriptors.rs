//! Programs that have closed their standard streams: the library's sockets are above 2, so that nothing
//! which the program prints goes to a provider. And programs that have no descriptor left.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{provider, saved_token};
use fitbit_test_support::{c, library};

#[test]
fn the_sockets_of_a_program_without_standard_streams_are_above_two() {
    let provider = provider();
    provider.fault(Fault::always(
        Target::ApiPath("/1.2/user/-/sleep".to_owned()),
        FaultKind::StallBeforeAnswer,
    ));
    provider.fault(Fault::always(Target::Any, FaultKind::Latency(20)));
    let source = library::root().join("tests/ends/descriptors.c");
    let program = c::build(&source, "ends_descriptors", &["-g"]);
    let said = program.run([provider.uri(), &saved_token(&provider, 20_000)]);
    assert_eq!(said, "5 worked, found 0, 0 while a call waited, looked often\n");
}

#[test]
fn calls_are_ended_although_no_descriptor_is_left() {
    let provider = provider();
    provider.fault(Fault::once(Target::Api, FaultKind::Status429Reset(100)));
    provider.fault(Fault::always(Target::Api, FaultKind::StallBeforeAnswer));
    let source = library::root().join("tests/ends/crowded.c");
    let program = c::build(&source, "ends_crowded", &["-g"]);
    let said = program.run([provider.uri(), &saved_token(&provider, 20_000)]);
    assert_eq!(said, "FITBIT_ERROR_CANCELLED soon\nFITBIT_ERROR_CANCELLED soon\n");
    assert_eq!(provider.connections(), 1, "the second call used the kept connection");
}

#[test]
fn apps_whose_look_ups_never_end_leave_no_descriptors() {
    let source = library::root().join("tests/ends/forgotten.c");
    let program = c::build(&source, "ends_forgotten", &["-g", "-ldl"]);
    let said = program.run([saved_token(&provider(), 20_000)]);
    assert_eq!(said, "0 more descriptors, 0 more threads\n");
}
