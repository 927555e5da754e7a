//! What a kept-alive request does not do: start a thread, resolve a name.
//!
//! ureq left alone does both as soon as a timeout is set, and the default one is.

use fitbit_test_support::{c, library};

use crate::scripted::{Scripted, ok};

#[test]
fn a_kept_alive_get_with_the_default_timeout_starts_no_thread_and_resolves_no_name() {
    let server = Scripted::saying(ok);
    let source = library::root().join("tests/requests/counts.c");
    let program = c::build(&source, "requests_counts", &[]);
    let port = server.uri.rsplit(':').next().unwrap();
    let local = format!("http://localhost:{port}");
    // A name that no resolver knows (RFC 6761 section 6.4).
    let printed = program.run([&*local, "https://fitbit.invalid", "50"]);
    let counts: Vec<Vec<u32>> = printed
        .lines()
        .map(|line| line.split(' ').map(|number| number.parse().unwrap()).collect())
        .collect();
    let [shown, first, others] = &counts[..] else { panic!("{printed}") };
    assert!(shown[0] >= 1 && shown[1] >= 1, "the counting itself has to work: {printed}");
    assert_eq!(others[..], [0, 0, 1], "threads, names, tasks: {printed}");
    assert_eq!(first[1], 0, "localhost is loopback, and asked of nobody: {printed}");
    assert_eq!((server.asked().len(), server.connections()), (51, 1));
}

#[test]
fn a_request_from_the_last_destructor_of_a_thread_is_answered() {
    let server = Scripted::saying(ok);
    let source = library::root().join("tests/requests/last_destructor.c");
    let program = c::build(&source, "requests_last_destructor", &[]);
    assert_eq!(program.run([&*server.uri]), "thread 0\ndestructor 0\n");
}
