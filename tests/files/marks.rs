//! The mark: who opens the file after a killed renewal renews at once, while the provider still
//! repeats its answer; who opens it during a living one waits, and reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{PROFILE, app, provider, saved_token};
use fitbit_test_support::{App, code, in_parallel, rest};

use crate::scene::{
    Folder, Keeper, is_marked, marked, refresh_token_in, stored, wait_for_refresh, write_private,
};

fn with_grace() -> Simulator {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    provider
}

fn hasty_app(provider: &Simulator) -> App {
    let app = app(provider);
    app.set_timeout_ms(2000).unwrap();
    app
}

#[test]
fn a_renewal_whose_process_was_killed_is_repeated_when_the_file_is_opened() {
    let provider = with_grace();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let before = refresh_token_in(&path);
    provider.fault(Fault::once(Target::Refresh, FaultKind::StallBeforeAnswer));
    let mut keeper = Keeper::new(&provider, &path);
    keeper.must("open 1");
    keeper.must("begin");
    wait_for_refresh(&provider);
    assert!(is_marked(&path));
    keeper.kill();
    assert_eq!(refresh_token_in(&path), before);

    let client = app(&provider).from_file(&path).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 2, "the killed one's, and one");
    assert!(!is_marked(&path));
    assert_ne!(refresh_token_in(&path), before);
    client.get(PROFILE).unwrap();
    client.refresh().expect("the login lives");
    let again = app(&provider).from_file(&path).unwrap();
    again.get(PROFILE).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 3);
}

#[test]
fn a_mark_in_the_file_costs_one_refresh_request() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    write_private(&path, marked(&saved_token(&provider, 3600)));
    let client = app(&provider).from_file(&path).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert!(!client.token().contains("renewing_since"));
    client.get(PROFILE).unwrap();
    app(&provider).from_file(&path).unwrap().get(PROFILE).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn who_finds_the_mark_of_a_living_process_waits_and_reads() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let mut keeper = Keeper::new(&provider, &path);
    keeper.must("open 1");
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(700)));
    keeper.must("begin");
    wait_for_refresh(&provider);
    assert!(is_marked(&path));
    let client = app(&provider).from_file(&path).unwrap();
    assert_eq!(stored(&path)["access_token"], client.token_field("access_token").unwrap());
    assert!(!is_marked(&path));
    keeper.must("end");
    client.get(PROFILE).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn with_a_mark_and_an_outage_the_old_token_is_used_while_it_lasts() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    write_private(&path, marked(&saved_token(&provider, 3600)));
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status503));
    let client = hasty_app(&provider).from_file(&path).unwrap();
    client.get(PROFILE).expect("the old access token lasts");
    assert!(is_marked(&path), "what became of the killed renewal is still not known");
    provider.clear_faults();
    rest();
    client.get(PROFILE).unwrap();
    assert!(!is_marked(&path), "the first request after the outage renewed");
    client.refresh().unwrap();
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn with_a_mark_an_outage_and_no_time_left_the_error_is_the_outages() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    write_private(&path, marked(&saved_token(&provider, -10)));
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status503));
    let client = hasty_app(&provider).from_file(&path).unwrap();
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::HTTP);
    provider.clear_faults();
    rest();
    client.get(PROFILE).expect("the request never reached the provider's books");
}

/// The header: it sends a request if the process that was renewing was killed, and only then.
#[test]
fn a_renewal_that_the_provider_refused_leaves_no_mark() {
    for (refusal, expected) in [
        (FaultKind::Status429RetryAfter(5), code::RATE_LIMITED),
        (FaultKind::Status401InvalidClient, code::INVALID_CLIENT),
        (FaultKind::Status400InvalidGrant, code::REAUTHORIZE),
    ] {
        let provider = provider();
        let folder = Folder::new();
        let path = folder.token_file(&provider, 3600);
        let client = app(&provider).from_file(&path).unwrap();
        provider.fault(Fault::always(Target::Refresh, refusal));
        assert_eq!(client.refresh().unwrap_err().code, expected);
        drop(client);
        let sent = provider.requests(Target::Refresh);
        app(&provider).from_file(&path).unwrap();
        assert_eq!(provider.requests(Target::Refresh), sent, "{expected}: nobody was killed");
        assert!(!is_marked(&path), "{expected}");
    }
}

#[test]
fn a_renewal_whose_answer_was_lost_leaves_the_mark() {
    let provider = with_grace();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    provider.fault(Fault::always(Target::Refresh, FaultKind::CloseAfterRead));
    let client = hasty_app(&provider).from_file(&path).unwrap();
    client.refresh().unwrap_err();
    drop(client);
    assert!(is_marked(&path));
    provider.clear_faults();
    let next = app(&provider).from_file(&path).unwrap();
    assert!(!is_marked(&path));
    next.refresh().expect("inside the grace nothing is lost");
}

/// Whoever answers like that has spent the refresh token.
#[test]
fn a_renewal_that_brought_what_cannot_be_used_leaves_the_mark() {
    in_parallel(
        [r#"{"access_token":"a b"}"#, r#"{"access_token":"a","token_type":"mac"}"#],
        |text| {
            let provider = with_grace();
            let folder = Folder::new();
            let path = folder.token_file(&provider, 3600);
            let head = format!("Content-Type: application/json\r\nContent-Length: {}", text.len());
            let whole = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{text}");
            provider.fault(Fault::always(Target::Refresh, FaultKind::Raw(whole.into())));
            let client = hasty_app(&provider).from_file(&path).unwrap();
            assert_eq!(client.refresh().unwrap_err().code, code::PROTOCOL);
            assert!(is_marked(&path), "{text}");
            provider.clear_faults();
            rest();
            client.refresh().expect("it is asked for again");
            assert!(!is_marked(&path), "{text}");
        },
    );
}

#[test]
fn a_refused_renewal_does_not_make_each_later_request_renew() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let client = app(&provider).from_file(&path).unwrap();
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status429RetryAfter(600)));
    for _ in 0..2 {
        assert_eq!(client.refresh().unwrap_err().code, code::RATE_LIMITED);
    }
    for _ in 0..5 {
        client.get(PROFILE).unwrap();
    }
    assert_eq!(provider.requests(Target::Refresh), 2);
}

/// What the killed process's request did is as unknown as before.
#[test]
fn a_refusal_does_not_wipe_out_the_mark_that_was_there() {
    let provider = with_grace();
    let folder = Folder::new();
    let path = folder.join("token.json");
    write_private(&path, marked(&saved_token(&provider, 3600)));
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status429RetryAfter(600)));
    drop(app(&provider).from_file(&path).unwrap());
    assert!(is_marked(&path));
}

/// The first request can have spent the refresh token, whatever is said to the second one.
#[test]
fn a_refusal_after_a_lost_answer_leaves_the_mark() {
    let provider = with_grace();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    provider.fault(Fault::once(Target::Refresh, FaultKind::CloseAfterRead));
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status429RetryAfter(600)));
    let client = app(&provider).from_file(&path).unwrap();
    assert_eq!(client.refresh().unwrap_err().code, code::RATE_LIMITED);
    assert_eq!(provider.requests(Target::Refresh), 2);
    assert!(is_marked(&path));
}

#[test]
fn a_renewal_that_was_never_sent_delays_no_later_request() {
    // It takes connections and never says a word: the TLS handshake does not end.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let visitors = Arc::new(AtomicUsize::new(0));
    let counted = visitors.clone();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in silent.incoming() {
            counted.fetch_add(1, SeqCst);
            kept.push(stream);
        }
    });
    let provider = provider();
    let app = hasty_app(&provider);
    app.set_endpoint(1, &format!("https://{address}/token")).unwrap();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let client = app.from_file(&path).unwrap();
    assert_eq!(client.refresh().unwrap_err().code, code::TIMEOUT);
    let came = visitors.load(SeqCst);
    assert!(came > 0);
    for _ in 0..3 {
        client.get(PROFILE).unwrap();
    }
    rest();
    client.get(PROFILE).unwrap();
    assert_eq!(visitors.load(SeqCst), came, "the refresh token is not used: nobody is in a hurry");
    assert!(!is_marked(&path));
    // Nor does it hold up the next renewal.
    assert_eq!(client.refresh().unwrap_err().code, code::TIMEOUT);
    assert!(visitors.load(SeqCst) > came);
}

/// A client that read the file while another one was renewing has seen a marker that is gone.
#[test]
fn with_the_lock_in_hand_the_marker_in_the_file_decides() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let renewing = app(&provider).from_file(&path).unwrap();
    provider.fault(Fault::always(Target::Refresh, FaultKind::Latency(700)));
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status401InvalidClient));
    std::thread::scope(|scope| {
        let renewal = scope.spawn(|| renewing.refresh().unwrap_err().code);
        wait_for_refresh(&provider);
        assert!(is_marked(&path));
        let reading = app(&provider).from_file(&path).unwrap();
        assert_eq!(renewal.join().unwrap(), code::INVALID_CLIENT);
        assert!(!is_marked(&path));
        let asked = provider.requests(Target::Refresh);
        assert_eq!(asked, 1, "opening it asks for nothing: the marker was another client's");
        for _ in 0..3 {
            reading.get(PROFILE).unwrap();
        }
        rest();
        reading.get(PROFILE).unwrap();
        assert_eq!(provider.requests(Target::Refresh), asked, "the refresh token is not used");
    });
}

/// A gateway's page knows nothing of the refresh token.
#[test]
fn a_refusal_that_is_not_the_providers_own_leaves_the_marker() {
    for (kind, expected) in [
        (FaultKind::Status429Bare, code::RATE_LIMITED),
        (FaultKind::Status401InvalidClient, code::INVALID_CLIENT),
    ] {
        let provider = with_grace();
        let folder = Folder::new();
        let path = folder.token_file(&provider, 3600);
        provider.fault(Fault::always(Target::Refresh, kind));
        let client = app(&provider).from_file(&path).unwrap();
        assert_eq!(client.refresh().unwrap_err().code, expected);
        assert!(!is_marked(&path), "{expected}: the provider's own words");
    }
    in_parallel(
        [
            (400, "<html>Bad Request</html>"),
            (400, r#"{"status":400,"error":"Bad Request"}"#),
            (403, r#"{"timestamp":1,"status":403,"error":"Forbidden"}"#),
            (403, r#"{"message":"no"}"#),
            (407, ""),
            (429, "slow down"),
        ],
        |(status, body)| {
            let provider = with_grace();
            let folder = Folder::new();
            let path = folder.token_file(&provider, 3600);
            let head = format!("HTTP/1.1 {status} No\r\nContent-Length: {}", body.len());
            let response = format!("{head}\r\n\r\n{body}");
            provider.fault(Fault::always(Target::Refresh, FaultKind::Raw(response.into())));
            let client = app(&provider).from_file(&path).unwrap();
            let expected = if status == 429 { code::RATE_LIMITED } else { code::HTTP };
            assert_eq!(client.refresh().unwrap_err().code, expected, "{status} {body}");
            assert_eq!(
                provider.requests(Target::Refresh),
                1,
                "{status} {body}: the same wall again"
            );
            assert!(is_marked(&path), "{status} {body}");
            provider.clear_faults();
            rest();
            client.get(PROFILE).unwrap();
            assert!(!is_marked(&path), "{status} {body}: asked again after the response");
        },
    );
}

#[test]
fn a_login_in_doubt_takes_its_marker_into_another_file() {
    let provider = with_grace();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    provider.fault(Fault::always(Target::Refresh, FaultKind::CloseAfterRead));
    let client = hasty_app(&provider).from_file(&path).unwrap();
    client.refresh().unwrap_err();
    let other = folder.join("other.json");
    client.set_token_file(&other).unwrap();
    assert!(is_marked(&other));
    drop(client);
    provider.clear_faults();
    app(&provider).from_file(&other).unwrap().refresh().expect("the provider repeats its answer");
}

/// A thread that joins a renewal of doubt gets what it asked for, also if the doubt was none.
#[test]
fn a_refresh_that_joins_a_renewal_which_was_not_needed_renews_all_the_same() {
    let provider = with_grace();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let unmarked = std::fs::read_to_string(&path).unwrap();
    let client = app(&provider).from_file(&path).unwrap();
    provider.fault(Fault { times: 4, ..Fault::always(Target::Refresh, FaultKind::Status503) });
    client.refresh().unwrap_err();
    assert!(is_marked(&path));
    let asked = provider.requests(Target::Refresh);
    rest();
    // Another process holds the lock, and finds out that the refresh token was not used.
    let lock = std::fs::File::open(folder.join("token.json.lock")).unwrap();
    lock.lock().unwrap();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| client.get(PROFILE).map(|response| response.status));
        while provider.requests(Target::Api) == 0 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(300));
        let joining = scope.spawn(|| client.refresh());
        std::thread::sleep(Duration::from_millis(300));
        write_private(&path, &unmarked);
        lock.unlock().unwrap();
        assert_eq!(asking.join().unwrap(), Ok(200));
        joining.join().unwrap().unwrap();
    });
    assert_eq!(provider.requests(Target::Refresh), asked + 1, "the refresh was asked for");
}

#[test]
fn a_lock_that_another_process_holds_prolongs_one_request_in_five_seconds() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    write_private(&path, marked(&saved_token(&provider, 3600)));
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status503));
    let client = hasty_app(&provider).from_file(&path).unwrap();
    rest();
    let lock = std::fs::File::open(folder.join("token.json.lock")).unwrap();
    lock.lock().unwrap();
    let asked = provider.requests(Target::Refresh);
    client.get(PROFILE).unwrap();
    let begin = std::time::Instant::now();
    for _ in 0..3 {
        client.get(PROFILE).unwrap();
    }
    // Each that waits for the lock takes two seconds.
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(provider.requests(Target::Refresh), asked);
}
