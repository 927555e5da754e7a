//! No descriptor left: whatever needs a new connection is an error, what has one goes on, and everything
//! does when there are some again.

use fitbit_simulator::Target;
use fitbit_test_support::figures;
use fitbit_test_support::world::{PROFILE, provider};

use crate::scene::Program;

#[test]
fn without_a_descriptor_a_request_is_a_network_error_and_the_next_one_goes_on() {
    let provider = provider();
    let mut program = Program::of(&provider, None);
    let get = format!("get {PROFILE}");
    let rounds = 4;
    for _ in 0..rounds {
        program.must("no_descriptors");
        for line in [&*get, "refresh"] {
            let said = program.ask(line);
            assert!(said.starts_with("FITBIT_ERROR_NETWORK"), "{line}: {said}");
            assert!(said.contains("Too many open files"), "the reason is named: {said}");
        }
        program.must("descriptors_again");
        program.must("refresh");
        let said = program.ask(&get);
        assert!(said.starts_with("200 "), "{said}");
        // A kept-alive connection needs no new one.
        program.must("no_descriptors");
        assert!(program.ask(&get).starts_with("200 "));
        program.must("descriptors_again");
        // The next round begins without one.
        provider.fault(fitbit_simulator::Fault::once(
            Target::Api,
            fitbit_simulator::FaultKind::CloseAfterRead,
        ));
        program.ask(&get);
        program.ask("child free");
    }
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    figures::record("Exhaustion", "calls without a descriptor", 2 * rounds, 0);
}
