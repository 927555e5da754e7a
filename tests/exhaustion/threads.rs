//! No thread can be started: only the lookup of a name needs one, and says so; everything else goes on.

use std::net::TcpListener;

use fitbit_test_support::figures;
use fitbit_test_support::world::{PROFILE, provider};

use crate::scene::Program;

#[test]
fn requests_renewals_and_logins_need_no_thread() {
    let provider = provider();
    let mut program = Program::of(&provider, None);
    assert_eq!(program.ask("no_threads"), "refused");
    for _ in 0..3 {
        assert!(program.ask(&format!("get {PROFILE}")).starts_with("200 "));
        program.must("refresh");
        assert!(program.ask("step").contains("code_challenge="));
    }
}

#[test]
fn a_name_that_cannot_be_looked_up_for_want_of_a_thread_is_an_error_until_there_is_one() {
    // A name for the system's lookup, an address for nobody else: it needs no name server.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let api = format!("https://127.1:{port}");
    let token = r#"{"access_token":"an.access.token","expires_at":4102444800}"#;
    let mut program = Program::start(&api, &api, token, None);
    let found = program.ask("get /");
    let rounds = 20;
    for _ in 0..rounds {
        assert_eq!(program.ask("no_threads"), "refused");
        let said = program.ask("get /");
        assert!(said.starts_with("FITBIT_ERROR_NETWORK"), "{said}");
        assert!(said.contains("Resource temporarily unavailable"), "{said}");
        assert_eq!(program.ask("threads_again"), "ok");
        // The lookup works again; what it found speaks no TLS.
        assert_eq!(program.ask("get /"), found);
        assert_ne!(found, said);
    }
    figures::record("Exhaustion", "lookups without a thread", rounds, 0);
}
