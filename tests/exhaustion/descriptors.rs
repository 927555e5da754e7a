//! No descriptor left: whatever needs a new connection is an error, what has one goes on, and everything
//! does when there are some again.

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{Dialect, figures, fitbit, google_health};

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
        provider.fault(Fault::once(Target::Api, FaultKind::CloseAfterRead));
        program.ask(&get);
        program.ask("child free");
    }
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    figures::record("Exhaustion", "calls without a descriptor", 2 * rounds, 0);
}

/// A call that waits needs one descriptor beside its sockets. The next call uses it again.
#[test]
fn calls_one_after_the_other_share_the_descriptor_that_wakes_them() {
    let provider = provider();
    let mut program = Program::of(&provider, None);
    let call = |program: &mut Program| {
        let said = program.ask(&format!("get {PROFILE}"));
        assert!(said.starts_with("200 "), "{said}");
        program.must("refresh");
    };
    call(&mut program);
    let open = program.number("descriptors");
    (0..20).for_each(|_| call(&mut program));
    assert_eq!(program.number("descriptors"), open);
}

/// A login whose token has expired.
fn program_of(dialect: &Dialect, provider: &Simulator) -> Program {
    let token_uri = format!("{}{}", provider.uri(), dialect.oauth_paths[1]);
    Program::of_client(
        [dialect.client_id, dialect.client_secret],
        [&token_uri, provider.uri()],
        &dialect.saved_token(provider, -10),
        None,
        &[("PROVIDER", dialect.provider.to_string())],
    )
}

/// The request's connection is opened while the token is renewed, if there is a descriptor for it.
#[test]
fn a_renewal_does_without_a_connection_beside_it_that_finds_no_descriptor() {
    for dialect in [fitbit::DIALECT, google_health::DIALECT] {
        // One wakes the call. A connection that renewals keep is still open when the request goes out.
        let least = if dialect.rotates { 2 } else { 3 };
        for left in least..=4 {
            let provider = provider();
            let mut program = program_of(&dialect, &provider);
            program.must(&format!("leave_descriptors {left}"));
            let said = program.ask(&format!("get {}", dialect.profile));
            assert!(said.starts_with("200 "), "{} {left}: {said}", dialect.provider);
            assert_eq!(provider.requests(Target::Refresh), 1);
        }
    }
}

/// It is read on its own connection. The request's can take that one's place.
#[test]
fn the_response_to_an_earlier_renewal_is_read_without_another_descriptor() {
    for dialect in [fitbit::DIALECT, google_health::DIALECT] {
        let provider = provider();
        provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(1500)));
        let mut program = program_of(&dialect, &provider);
        let get = format!("get {}", dialect.profile);
        program.must("timeout 500");
        let said = program.ask(&get);
        assert!(said.starts_with("FITBIT_ERROR_TIMEOUT"), "{said}");
        program.must("leave_descriptors 0");
        program.must("timeout 10000");
        let said = program.ask(&get);
        assert!(said.starts_with("200 "), "{said}");
        assert_eq!(provider.requests(Target::Refresh), 1);
    }
}
