//! A child that is forked while a renewal is under way: its parent's thread does not exist in it,
//! so it must not wait for it.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{c, library};

use super::scene::delay;
use super::world::{DIALECT, PROFILE, provider, saved_token, token_uri};

/// Runs the program, tells it to fork when `now` returns (which may read what it says), and
/// answers with all that it said afterwards.
pub fn forked(
    name: &str,
    provider: &Simulator,
    token: &str,
    path_and_more: &[&str],
    now: impl FnOnce(&mut dyn BufRead),
) -> Vec<String> {
    run_forked("tests/renewal/fork_program.c", name, provider, token, path_and_more, now)
}

fn run_forked(
    source: &str,
    name: &str,
    provider: &Simulator,
    token: &str,
    path_and_more: &[&str],
    now: impl FnOnce(&mut dyn BufRead),
) -> Vec<String> {
    let source = library::root().join(source);
    let program = c::build(&source, &format!("{name}_{}", DIALECT.name), &[]);
    let mut running = program
        .command()
        .args([&DIALECT.provider.to_string(), &token_uri(provider), provider.uri()])
        .args([DIALECT.client_id, DIALECT.client_secret, token])
        .args(path_and_more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(running.stdout.take().unwrap());
    now(&mut said);
    writeln!(running.stdin.take().unwrap(), "fork").unwrap();
    let said = said.lines().map(Result::unwrap).collect();
    assert!(running.wait().unwrap().success());
    said
}

#[test]
fn a_child_forked_while_the_token_is_being_saved_waits_for_nobody() {
    let provider = provider();
    let token = saved_token(&provider, -10);
    let said = forked("renewal_fork_saving", &provider, &token, &[PROFILE, "hold"], |said| {
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "saving\n");
    });
    // The child may inherit what the parent's thread was just printing.
    let said: Vec<_> = said.into_iter().filter(|line| line != "saving").collect();
    assert_eq!(said, ["child 200", "parent 200"]);
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_child_forked_while_the_provider_is_asked_asks_itself() {
    let provider = provider();
    let token = saved_token(&provider, -10);
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    delay(&provider, Target::Refresh, 1500);
    let mut said = forked("renewal_fork_asking", &provider, &token, &[PROFILE], |_| {
        while provider.max_in_flight(Target::Refresh) == 0 {
            std::thread::yield_now();
        }
    });
    said.retain(|line| line != "saving");
    said.sort();
    assert_eq!(said, ["child 200", "parent 200"]);
    assert_eq!(provider.requests(Target::Refresh), 2);
}

/// The child inherits that a thread goes first when the provider may be asked again. It has no such
/// thread.
#[test]
fn a_child_forked_while_a_thread_waits_to_ask_again_asks_in_its_turn() {
    let provider = provider();
    let token = saved_token(&provider, -10);
    provider.fault(Fault { times: 4, ..Fault::always(Target::Refresh, FaultKind::Status503) });
    let mut said = forked("renewal_fork_pausing", &provider, &token, &[PROFILE, "pause"], |said| {
        let mut lines = said.lines().map(Result::unwrap);
        assert_eq!(lines.next().as_deref(), Some("first FITBIT_ERROR_HTTP"));
        assert_eq!(lines.next().as_deref(), Some("pausing"));
    });
    // The child may inherit what the parent's thread was just printing.
    said.retain(|line| line != "pausing");
    said.sort();
    assert_eq!(said, ["child 200", "parent FITBIT_ERROR_CANCELLED"]);
    assert_eq!(provider.requests(Target::Refresh), 5);
}

/// The thread that leads in the child puts the ledger back that it took before the revocation.
#[test]
fn a_child_that_revokes_the_login_inside_its_callback_sends_no_more_requests() {
    let provider = provider();
    let token = saved_token(&provider, 3600);
    let source = "tests/renewal/fork_revoke_program.c";
    let said = run_forked(source, "renewal_fork_revoking", &provider, &token, &[PROFILE], |_| {});
    assert_eq!(said, ["revocation succeeded", "request FITBIT_ERROR_REAUTHORIZE"]);
    assert_eq!(provider.requests(Target::Api), 0);
}
