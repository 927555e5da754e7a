//! Every fault of the provider's token endpoint in turn: what the call says, how often it asked,
//! that it came back in time, and that the client is none the worse afterwards.

use std::time::{Duration, Instant};

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{Error, Saver, code};

use super::scene::{client_of, hasty_app};
use super::world::{DIALECT, PROFILE, provider};

const TIMEOUT: Duration = Duration::from_secs(6);

/// Generous: the machine may be busy with all the others.
const MARGIN: Duration = Duration::from_secs(10);

/// What a call is to say while the token endpoint is so, and whether it asks again.
enum Expected {
    /// The token came, late or oddly labelled.
    Success,
    /// This code, after one request.
    Final(u32),
    /// One of these codes, after several requests: the answer may have got lost.
    Lost(&'static [u32]),
    /// No time was left to ask again.
    TimedOut,
}

fn expected(kind: &FaultKind) -> Expected {
    use Expected::{Final, Lost, Success, TimedOut};
    match kind {
        FaultKind::Latency(_) | FaultKind::WrongContentType | FaultKind::SlowDrip(_) => Success,
        FaultKind::Status401InvalidClient => Final(code::INVALID_CLIENT),
        FaultKind::Status400InvalidGrant | FaultKind::Status400Rfc6749 => Final(code::REAUTHORIZE),
        FaultKind::Status410 if DIALECT.retires => Final(code::PROVIDER_RETIRED),
        FaultKind::Status429Reset(_)
        | FaultKind::Status429RetryAfter(_)
        | FaultKind::Status429RetryAfterDate(_)
        | FaultKind::Status429Bare
        | FaultKind::Status429Malformed => Final(code::RATE_LIMITED),
        FaultKind::Status409
        | FaultKind::Status500
        | FaultKind::Status502
        | FaultKind::Status503
        | FaultKind::LostAnswer503 => Lost(&[code::HTTP]),
        FaultKind::EmptyBody
        | FaultKind::MalformedJson
        | FaultKind::OkWithErrorInside
        | FaultKind::OkWithoutAccessToken
        | FaultKind::EndlessBody
        | FaultKind::EndlessHeaders
        | FaultKind::GzipBomb
        | FaultKind::Raw(_) => Lost(&[code::PROTOCOL]),
        FaultKind::TruncatedBody => Lost(&[code::NETWORK, code::PROTOCOL]),
        FaultKind::CloseBeforeRead
        | FaultKind::ResetBeforeRead
        | FaultKind::CloseAfterRead
        | FaultKind::ResetAfterRead => Lost(&[code::NETWORK]),
        FaultKind::Stall | FaultKind::StallBeforeAnswer => TimedOut,
        // Every other refusal is what its status says.
        _ => Final(code::HTTP),
    }
}

/// Runs one scene for every fault, all at once.
fn for_every_fault(scene: impl Fn(&str, FaultKind) + Sync) {
    std::thread::scope(|scope| {
        for (name, kind) in FaultKind::all() {
            let scene = &scene;
            scope.spawn(move || scene(name, kind));
        }
    });
}

/// A provider that repeats its answer for two minutes, as Fitbit does.
fn repeating_provider() -> Simulator {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    provider
}

fn check(name: &str, expected: &Expected, outcome: Result<u16, Error>, refreshes: u64) {
    let (codes, requests): (&[u32], _) = match expected {
        Expected::Success => return assert_eq!((outcome, refreshes), (Ok(200), 1), "{name}"),
        Expected::Final(code) => (&[*code], 1..=1),
        Expected::Lost(codes) => (*codes, 2..=10),
        Expected::TimedOut => (&[code::TIMEOUT], 1..=1),
    };
    let error = outcome.expect_err(name);
    assert!(codes.contains(&error.code), "{name}: {error:?}");
    assert!(requests.contains(&refreshes), "{name}: {refreshes} refresh requests");
}

#[test]
fn each_has_its_code_ends_in_time_and_leaves_a_working_client() {
    for_every_fault(|name, kind| {
        let (provider, expected) = (repeating_provider(), expected(&kind));
        let app = hasty_app(&provider, u32::try_from(TIMEOUT.as_millis()).unwrap());
        let client = client_of(&app, &provider, -10, &Saver::new());
        provider.fault(Fault::always(Target::Refresh, kind));

        let start = Instant::now();
        let outcome = client.get(PROFILE).map(|response| response.status);
        let took = start.elapsed();
        assert!(took < TIMEOUT + MARGIN, "{name} took {took:?}");
        let worked = outcome.is_ok();
        check(name, &expected, outcome, provider.requests(Target::Refresh));
        assert_eq!(provider.requests(Target::Api), u64::from(worked), "{name}");

        provider.clear_faults();
        let afterwards = client.get(PROFILE).map(|response| response.status);
        match expected {
            Expected::Final(code::REAUTHORIZE) => {
                assert_eq!(afterwards.unwrap_err().code, code::REAUTHORIZE, "{name}");
            }
            _ => assert_eq!(afterwards, Ok(200), "{name}"),
        }
    });
}

#[test]
fn none_but_the_end_of_the_login_fails_a_request_whose_token_still_lasts() {
    for_every_fault(|name, kind| {
        let (provider, expected) = (repeating_provider(), expected(&kind));
        let client = client_of(&hasty_app(&provider, 6000), &provider, 50, &Saver::new());
        let old = client.token_field("access_token").unwrap();
        provider.fault(Fault::always(Target::Refresh, kind));
        let outcome = client.get(PROFILE).map(|response| response.status);
        assert!(provider.requests(Target::Refresh) > 0, "{name}: it was to be renewed");
        if matches!(expected, Expected::Final(code::REAUTHORIZE)) {
            assert_eq!(outcome.unwrap_err().code, code::REAUTHORIZE, "{name}");
            return assert_eq!(provider.requests(Target::Api), 0, "{name}");
        }
        assert_eq!(outcome, Ok(200), "{name}");
        let renewed = client.token_field("access_token").unwrap() != old;
        assert_eq!(renewed, matches!(expected, Expected::Success), "{name}");
    });
}
