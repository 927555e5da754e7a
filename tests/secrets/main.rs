//! What a process still holds in its memory when its login and its app are freed.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use fitbit_simulator::{Decision, Fault, FaultKind, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{c, figures, library};

use crate::talk::talk;

mod talk;

/// What may remain, and why. A secret that is not here must not be found at all, and no more copies
/// than that; a copy counts as well where the allocator has written over its first 16 bytes. They lie in
/// memory that is freed, and that the next allocation writes over, and none is the library's own: they
/// are ureq's buffers, http's header values, and what oauth2 makes of an app and of a request, none of
/// which is wiped. Where the allocator puts things is not ours, so one more than was seen is allowed.
const REMAINS: [(&str, usize, &str); 6] = [
    ("client secret", 3, "oauth2's app, and `id:secret` of its Basic authentication"),
    (
        "id and secret in base64",
        4,
        "oauth2's Basic authentication, its header value, and the connection that carried it",
    ),
    (
        "first access token",
        2,
        "the connection that brought it, where the renewal's did not lie over it",
    ),
    ("first refresh token", 2, "the form that oauth2 wrote to renew it, or the connection"),
    (
        "access token",
        4,
        "the connection that brought it, the request that carried it, and its header value",
    ),
    ("refresh token", 2, "the connection that brought it"),
];

/// Of the secrets of one life: how many copies were found, and how many bytes were searched.
fn scan(planted: &str) -> (BTreeMap<String, usize>, String, Vec<String>) {
    let provider = provider();
    // On a busy machine the slow response can take so long that it is asked for again.
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    // Built once: a program that runs cannot be built anew.
    static PROGRAM: OnceLock<c::Program> = OnceLock::new();
    let source = library::root().join("tests/secrets/scan.c");
    let program = PROGRAM.get_or_init(|| c::build(&source, "secrets_scan", &["-g"]));
    let mut command = program.command();
    command.arg(provider.uri()).arg(planted);
    let lines = talk(command, |question| match question.split_once(' ') {
        Some(("visit", uri)) => provider.visit(uri, Decision::Grant).expect("a redirect"),
        // A response of a few hundred bytes takes longer than the program waits for it.
        _ if question == "slow" => {
            provider.fault(Fault::once(Target::Refresh, FaultKind::SlowDrip(1)));
            String::new()
        }
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

#[track_caller]
fn only_known_ones_remain(found: &BTreeMap<String, usize>, lines: &[String]) {
    assert_eq!(found.len(), 8, "{lines:#?}");
    for (name, copies) in found {
        let allowed = REMAINS.iter().find(|(secret, ..)| secret == name);
        let most = allowed.map_or(0, |(_, most, _)| *most);
        let why = allowed.map_or("nothing may remain of it", |(_, _, why)| *why);
        assert!(*copies <= most, "{copies} copies of the {name} ({why}): {lines:#?}");
    }
}

/// What one call has read of a response is kept for the next one, and then wiped.
#[test]
fn a_response_that_two_calls_read_leaves_no_further_copies() {
    let (found, _, lines) = scan("late");
    only_known_ones_remain(&found, &lines);
}

#[test]
fn what_remains_of_secrets_in_memory_is_known_and_has_a_reason() {
    let (found, bytes, lines) = scan("clean");
    only_known_ones_remain(&found, &lines);
    let copies: usize = found.values().sum();
    figures::record("Secrets", "8 secrets looked for in freed memory", bytes, 0);
    let what = "copies that remain, all in freed memory of oauth2, http and ureq";
    figures::record("Secrets", what, copies, 0);
}

/// Proof that the search would have found one.
#[test]
fn planted_copies_of_a_secret_are_found() {
    let (planted, _, lines) = scan("planted");
    assert!(planted["access token"] >= 8, "{lines:#?}");
}
