//! Nothing is collected: logins made, used and freed leave neither memory nor descriptors behind, and
//! a program that lives long with few of them, under faults, neither.

use std::time::{Duration, Instant};

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{figures, rest};

use crate::scene::Program;

/// What an allocator may keep to itself, in KiB.
const SLACK: i64 = 1024;

fn long() -> bool {
    std::env::var_os("FITBIT_LONG").is_some()
}

#[test]
fn logins_made_used_and_freed_leave_nothing_behind() {
    let (count, warm) = if long() { (10_000, 1_000) } else { (1_000, 200) };
    let provider = provider();
    let mut program = Program::of(&provider, None);
    program.must(&format!("cycles {warm} {PROFILE}"));
    provider.reset_counts();
    let (memory, open) = (program.number("resident"), program.number("descriptors"));
    program.must(&format!("cycles {count} {PROFILE}"));
    let (grown, opened) =
        (program.number("resident") - memory, program.number("descriptors") - open);
    assert!(grown <= SLACK, "{grown} KiB after {count} logins");
    assert_eq!(opened, 0, "descriptors after {count} logins");
    figures::record(
        "Exhaustion",
        "logins made, used and freed: KiB, descriptors left",
        count,
        format!("{grown}, {opened}"),
    );
}

/// How long the soak lasts: an hour in the long form, unless FITBIT_SOAK_MINUTES says otherwise.
fn soak_time() -> Duration {
    let minutes = std::env::var("FITBIT_SOAK_MINUTES").ok().and_then(|text| text.parse().ok());
    match minutes {
        Some(minutes) => Duration::from_secs_f64(60.0 * f64::max(minutes, 0.1)),
        None if long() => Duration::from_secs(3600),
        None => Duration::from_secs(15),
    }
}

/// Every fault but those that rightly end a login: both say invalid_grant.
fn faults() -> Vec<(&'static str, FaultKind)> {
    let mut faults = FaultKind::all();
    faults.retain(|(name, _)| !["status_400_invalid_grant", "status_400_rfc6749"].contains(name));
    faults
}

#[test]
fn a_long_life_under_faults_collects_nothing_and_loses_no_login() {
    let time = soak_time();
    let provider = provider();
    // As Fitbit does: a lost answer to a renewal is repeated.
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    let token = fitbit_test_support::world::saved_token(&provider, 3600);
    let token_uri = fitbit_test_support::world::token_uri(&provider);
    let limits = [("TIMEOUT_MS", "300".to_owned()), ("MAX_BODY", (1 << 20).to_string())];
    let mut program = Program::run(&token_uri, provider.uri(), &token, None, &limits);
    let get = format!("get {PROFILE}");
    let (begin, faults) = (Instant::now(), faults());
    let (mut rounds, mut failed, mut calls) = (0_u64, 0_u64, 0_u64);
    let mut after_warming_up = None;
    while begin.elapsed() < time || after_warming_up.is_none() {
        let (name, kind) = &faults[rounds as usize % faults.len()];
        // The first of the round's calls meets it once, or all of them do.
        let fault = match rounds % 3 {
            0 => Fault::once(Target::Api, kind.clone()),
            1 => Fault::once(Target::Refresh, kind.clone()),
            _ => Fault::always(Target::Any, kind.clone()),
        };
        provider.fault(fault);
        for line in [&*get, "refresh", "step"] {
            let said = program.ask(line);
            calls += 1;
            failed += u64::from(said.starts_with("FITBIT_ERROR_"));
            assert!(!said.starts_with("FITBIT_ERROR_INTERNAL"), "{name}, {line}: {said}");
            assert!(
                !said.starts_with("FITBIT_ERROR_REAUTHORIZE"),
                "{name}: a login is lost: {said}"
            );
        }
        provider.clear_faults();
        // The same client asks again after five seconds; another one knows nothing of the lost answer.
        match rounds % 16 {
            15 => rest(),
            _ => assert_eq!(program.ask("again"), "ok"),
        }
        // A renewal whose answer was lost is asked for again: a busy machine may need a second call.
        let renewed = (0..5).any(|_| program.ask("refresh") == "ok");
        assert!(renewed, "after {name}, round {rounds}");
        let got = (0..5).any(|_| program.ask(&get).starts_with("200 "));
        assert!(got, "after {name}, round {rounds}");
        rounds += 1;
        // Whatever is made once has been made by then.
        if after_warming_up.is_none()
            && rounds >= faults.len() as u64
            && begin.elapsed() >= time / 4
        {
            after_warming_up = Some((program.number("resident"), program.number("descriptors")));
        }
    }
    let (memory, open) = after_warming_up.expect("it has warmed up");
    let grown = program.number("resident") - memory;
    let opened = program.number("descriptors") - open;
    assert!(grown <= SLACK, "{grown} KiB in {rounds} rounds");
    assert!(opened <= 0, "{opened} descriptors in {rounds} rounds");
    assert!(failed > 0, "the faults were met");
    figures::record(
        "Exhaustion",
        &format!("a soak of {} s under faults: calls, of which failed", time.as_secs()),
        format!("{calls}, {failed}"),
        format!("lost 0, KiB {grown}, descriptors {opened}"),
    );
}
