//! A child that was forked while a connection is open has a copy of it: two processes that talk over
//! one connection read each other's answers. So the child opens its own, and leaves its parent's alone.

use std::sync::atomic::{AtomicUsize, Ordering};

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::{figures, form, world};

use crate::scene::Program;
use crate::scripted::{Scripted, whole};

/// Answers each request with its path and the connection that it came on.
fn echo() -> Scripted {
    Scripted::answering(|_, asked| {
        whole("200 OK", format!("{} on {}", asked.target(), asked.connection))
    })
}

#[test]
fn a_child_opens_a_connection_of_its_own() {
    let server = echo();
    let mut program = Program::at(&server.uri);
    assert!(program.ask("get /first").ends_with("/first on 0"));
    assert!(program.ask("child get /child").ends_with("/child on 1"));
    // And a child's child, which inherits nothing that is open here but the first.
    assert!(program.ask("child child get /grandchild").ends_with("/grandchild on 2"));
    assert!(program.ask("get /parent").ends_with("/parent on 0"), "its own still lives");
}

#[test]
fn parent_and_child_never_read_each_others_answers() {
    let server = echo();
    let mut program = Program::at(&server.uri);
    program.ask("get /first");
    let rounds = 100;
    for round in 0..rounds {
        let said = program.ask(&format!("both get /{round}"));
        let (parent, child) = said.split_once(" | ").expect("both say something");
        assert!(parent.ends_with(&format!("/{round} on 0")), "{said}");
        assert!(child.contains(&format!("/{round} on ")) && !child.ends_with(" on 0"), "{said}");
    }
    figures::record("Exhaustion", "a fork with a connection open, both ask at once", rounds, 0);
}

#[test]
fn a_childs_end_and_its_cancelling_leave_the_parents_connection_alone() {
    let server = echo();
    let mut program = Program::at(&server.uri);
    program.ask("get /first");
    for line in ["child cancel", "child free"] {
        program.must(line);
        assert!(program.ask("get /parent").ends_with("/parent on 0"), "after {line}");
    }
}

#[test]
fn the_same_holds_over_tls() {
    let provider = Simulator::builder().tls(true).start().unwrap();
    let folder = std::env::temp_dir().join(format!("fitbit-fork-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, provider.ca_pem()).unwrap();
    let mut program = Program::of(&provider, Some(&ca_file));
    let get = format!("get {}", world::PROFILE);
    assert!(program.ask(&get).starts_with("200 "));
    for (line, connections) in [("child", 2), ("both", 3)] {
        let said = program.ask(&format!("{line} {get}"));
        assert!(said.split(" | ").all(|said| said.starts_with("200 ")), "{said}");
        assert_eq!(provider.connections(), connections, "{line}");
    }
    program.must("child free");
    // A farewell in the child's TLS would have ended the parent's.
    assert!(program.ask(&get).starts_with("200 "));
    assert_eq!(provider.connections(), 3);
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn a_childs_renewal_is_its_own() {
    let provider = world::provider();
    provider.settings(|settings| settings.grace = Some(std::time::Duration::from_secs(120)));
    let mut program = Program::of(&provider, None);
    program.must("refresh");
    program.must("child refresh");
    assert!(program.ask(&format!("get {}", world::PROFILE)).starts_with("200 "));
    assert_eq!(provider.requests(Target::Refresh), 2);
}

#[test]
fn a_child_logs_in_with_a_state_and_a_verifier_of_its_own() {
    static ROUNDS: AtomicUsize = AtomicUsize::new(0);
    let server = echo();
    let mut program = Program::at(&server.uri);
    // Random numbers drawn in advance would be the same in both.
    for already_drawn in 0..5 {
        let said = program.ask("both step");
        let (parent, child) = said.split_once(" | ").expect("both say something");
        for name in ["state", "code_challenge"] {
            let of = |address: &str| {
                let (_, query) = address.split_once('?').expect("it has a query");
                fitbit_test_support::field(query, name).expect("it is there")
            };
            assert_ne!(of(parent), of(child), "{name} after {already_drawn} more logins");
        }
        assert!(!form(parent).is_empty());
        for _ in 0..already_drawn {
            program.ask("step");
        }
        ROUNDS.fetch_add(1, Ordering::Relaxed);
    }
    figures::record(
        "Exhaustion",
        "logins begun in parent and child",
        ROUNDS.load(Ordering::Relaxed),
        0,
    );
}

/// A fork while other threads are in the middle of a call is not supported (a child has their locks, and
/// not them: about one in two hundred waits for ever), but even then nobody gets another one's bytes.
#[test]
fn even_forked_while_other_threads_ask_nobody_reads_anothers_answer() {
    let server = echo();
    let mut program = Program::at(&server.uri);
    let count = if std::env::var_os("FITBIT_LONG").is_some() { 5000 } else { 300 };
    let said = program.ask(&format!("crowd {count}"));
    let numbers: Vec<i32> = said.split(' ').map(|number| number.parse().unwrap()).collect();
    let [answered, hung, wrong] = numbers[..] else { panic!("{said}") };
    assert_eq!((answered + hung, wrong), (count, 0), "{said}");
    assert!(hung < count / 10, "{said}: most children are answered");
    figures::record(
        "Exhaustion",
        "forks while four threads ask (not supported): tried; stuck, wrong answers",
        count,
        format!("{hung} stuck, {wrong} wrong"),
    );
}
