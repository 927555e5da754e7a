//! A program without standard streams: the library's sockets are above 2, so that nothing which the
//! program prints goes to a provider.

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
    assert_eq!(said, "5 worked, FITBIT_ERROR_TIMEOUT, found 0, looked often\n");
}
