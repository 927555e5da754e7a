//! What a process still holds in its memory when its login and its app are freed.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use fitbit_simulator::Decision;
use fitbit_test_support::world::provider;
use fitbit_test_support::{c, figures, library};

use crate::talk::talk;

mod talk;

/// What may remain, and why. A secret that is not here must not be found at all, and no more copies
/// than that. They lie in memory that is freed, and that the next allocation writes over: the buffer of
/// the connection that brought the last token is the HTTP library's, which does not wipe it. Seen
/// are none to two of each: where the allocator puts things is not ours, so one more is allowed.
const REMAINS: [(&str, usize, &str); 5] = [
    (
        "id and secret in base64",
        2,
        "the connection that carried the last request to the token endpoint",
    ),
    (
        "first access token",
        3,
        "the connection that brought it, where the renewal's did not lie over it",
    ),
    ("first refresh token", 3, "the same"),
    ("access token", 3, "the connection that brought it, and the request that carried it"),
    ("refresh token", 3, "the connection that brought it"),
];

/// Of the secrets of one life: how many copies were found, and how many bytes were searched.
fn scan(planted: &str) -> (BTreeMap<String, usize>, String, Vec<String>) {
    let provider = provider();
    // Built once: a program that runs cannot be built anew.
    static PROGRAM: OnceLock<c::Program> = OnceLock::new();
    let source = library::root().join("tests/secrets/scan.c");
    let program = PROGRAM.get_or_init(|| c::build(&source, "secrets_scan", &["-g"]));
    let mut command = program.command();
    command.arg(provider.uri()).arg(planted);
    let lines = talk(command, |question| match question.split_once(' ') {
        Some(("visit", uri)) => provider.visit(uri, Decision::Grant).expect("a redirect"),
        // Over what the program's own input buffer held of the line before.
        _ => "x".repeat(3000),
    });
    let mut found = BTreeMap::new();
    let mut bytes = String::new();
    for line in &lines {
        if let Some((name, copies)) = line.strip_prefix("= ").and_then(|l| l.split_once(": ")) {
            found.insert(name.to_owned(), copies.parse().expect("a number"));
        } else if let Some(searched) = line.strip_prefix("searched ") {
            bytes = searched.to_owned();
        }
    }
    (found, bytes, lines)
}

#[test]
fn what_remains_of_secrets_in_memory_is_known_and_has_a_reason() {
    let (found, bytes, lines) = scan("clean");
    assert_eq!(found.len(), 8, "{lines:#?}");
    for (name, copies) in &found {
        let allowed = REMAINS.iter().find(|(secret, ..)| secret == name);
        let most = allowed.map_or(0, |(_, most, _)| *most);
        let why = allowed.map_or("nothing may remain of it", |(_, _, why)| *why);
        assert!(*copies <= most, "{copies} copies of the {name} ({why}): {lines:#?}");
    }
    let copies: usize = found.values().sum();
    figures::record("Secrets", "8 secrets looked for in freed memory", bytes, 0);
    let what = "copies that remain, all in the HTTP library's freed buffers";
    figures::record("Secrets", what, copies, 0);
}

/// Proof that the search would have found one.
#[test]
fn planted_copies_of_a_secret_are_found() {
    let (planted, _, lines) = scan("planted");
    assert!(planted["access token"] >= 8, "{lines:#?}");
}
