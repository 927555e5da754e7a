//! After a 401: whether the token is renewed, and that the request goes out once more.

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{Client, Saver, code};
use serde_json::json;

use super::scene::{access_tokens_sent, client_with, field};
use super::world::{DIALECT, PROFILE, app, provider, saved_token};

/// A client with a token that looks good for an hour.
fn trusting_client(provider: &Simulator) -> Client {
    client_with(provider, 3600, &Saver::new())
}

fn raw_401(headers: &str, body: &str) -> FaultKind {
    let length = body.len();
    let head = format!("HTTP/1.1 401 Unauthorized\r\n{headers}\r\nContent-Length: {length}");
    FaultKind::Raw(format!("{head}\r\nConnection: close\r\n\r\n{body}").into_bytes())
}

/// What a GET sends when its first request meets this: API requests, refresh requests.
fn sent_after(kind: FaultKind) -> (u64, u64) {
    let provider = provider();
    let client = trusting_client(&provider);
    provider.fault(Fault::once(Target::Api, kind));
    if let Err(error) = client.get(PROFILE) {
        assert_eq!((error.code, error.http_status), (code::HTTP, 401));
    }
    (provider.requests(Target::Api), provider.requests(Target::Refresh))
}

#[test]
fn after_expired_token_the_request_goes_out_once_more_with_the_renewed_one() {
    let (provider, saver) = (provider(), Saver::new());
    let saved = saved_token(&provider, 3600);
    let client = app(&provider).from_token(&saved, &saver).unwrap();
    provider.expire_access_tokens();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 1);
    let (old, new) = (field(&saved, "access_token"), field(&saver.offered()[0], "access_token"));
    assert_eq!(access_tokens_sent(&provider), [old, new]);
}

#[test]
fn after_invalid_token_the_request_goes_out_once_more_with_the_renewed_one() {
    let provider = provider();
    let client = trusting_client(&provider);
    provider.invalidate(&client.token_field("access_token").unwrap());
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!((provider.requests(Target::Api), provider.requests(Target::Refresh)), (2, 1));
}

#[test]
fn oauths_own_shape_of_the_401_counts_too() {
    let said = json!({ "error": "invalid_token", "error_description": "expired" });
    assert_eq!(sent_after(FaultKind::Json(401, said)), (2, 1));
}

#[test]
fn a_challenge_without_a_body_counts_too() {
    for challenge in [
        r#"WWW-Authenticate: Bearer error="invalid_token""#,
        r#"www-authenticate: bearer realm="Fitbit", error="invalid_token""#,
        r#"WWW-Authenticate: Bearer scope="profile", error="invalid_token", error_description="x""#,
        r#"WWW-Authenticate: Bearer error_description="the token expired",error="invalid_token""#,
    ] {
        assert_eq!(sent_after(raw_401(challenge, "")), (2, 1), "{challenge}");
        assert_eq!(sent_after(raw_401(challenge, "<html></html>")), (2, 1), "{challenge}");
    }
}

#[test]
fn a_challenge_is_read_as_its_grammar_allows_it() {
    // RFC 9110 section 11.2: a parameter is a token or a quoted string, with optional spaces; and
    // a server may send several challenges, in one field or in several.
    let challenges = [
        "WWW-Authenticate: Bearer error=invalid_token",
        r#"WWW-Authenticate: Bearer error = "invalid_token""#,
        "WWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: Bearer error=\"invalid_token\"",
    ];
    let unread = challenges.iter().filter(|challenge| sent_after(raw_401(challenge, "")) != (2, 1));
    assert_eq!(unread.collect::<Vec<_>>(), [&""; 0]);
}

#[test]
fn a_401_that_says_something_else_or_nothing_renews_nothing() {
    let said = |kind: &str| FaultKind::Json(401, (DIALECT.api_error)(kind));
    for kind in [
        FaultKind::Status401Empty,
        said("invalid_client"),
        said("invalid_request"),
        said("oauth"),
        said("EXPIRED"),
        FaultKind::Json(401, json!({})),
        FaultKind::Json(401, json!({ "error": "invalid_client" })),
        FaultKind::Json(401, json!({ "message": DIALECT.expired_token })),
        FaultKind::Json(401, json!({ "errors": [] })),
        FaultKind::Json(401, json!({ "errors": DIALECT.expired_token })),
        raw_401("WWW-Authenticate: Bearer", ""),
        raw_401(r#"WWW-Authenticate: Bearer error="insufficient_scope""#, ""),
        raw_401(r#"WWW-Authenticate: Basic realm="invalid_token""#, ""),
        raw_401("Content-Type: text/plain", DIALECT.expired_token),
    ] {
        assert_eq!(sent_after(kind.clone()), (1, 0), "{kind:?}");
    }
}

#[test]
fn another_status_that_says_expired_token_renews_nothing() {
    let provider = provider();
    let client = trusting_client(&provider);
    let said = (DIALECT.api_error)(DIALECT.expired_token);
    for status in [400, 403, 500] {
        provider.fault(Fault::once(Target::Api, FaultKind::Json(status, said.clone())));
        assert_eq!(client.get(PROFILE).unwrap_err().http_status, status);
    }
    assert_eq!(provider.requests(Target::Refresh), 0);
}

#[test]
fn a_request_of_any_method_is_repeated_as_it_was() {
    for method in ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "REPORT"] {
        let provider = provider();
        let client = trusting_client(&provider);
        provider.expire_access_tokens();
        let path = &format!("{PROFILE}?why=401");
        let body = (method != "GET").then_some(b"\x00\xffamount=1".as_slice());
        // Most of these are refused in the end; what matters is what was sent.
        let _ = client.request(method, path, body.and(Some("application/x-thing")), body);
        let log = provider.log();
        let sent: Vec<_> = log.iter().filter(|entry| entry.target == *path).collect();
        assert_eq!(sent.len(), 2, "{method}");
        assert_eq!(provider.requests(Target::Refresh), 1, "{method}");
        for entry in &sent {
            assert_eq!(entry.method, method);
            assert_eq!(entry.body, body.unwrap_or_default(), "{method}");
            let kind = body.and(Some("application/x-thing"));
            assert_eq!(entry.header("content-type"), kind, "{method}");
        }
        assert_ne!(sent[0].header("authorization"), sent[1].header("authorization"));
    }
}

#[test]
fn a_head_request_is_repeated_after_a_challenge() {
    let provider = provider();
    let client = trusting_client(&provider);
    let challenge = raw_401(r#"WWW-Authenticate: Bearer error="invalid_token""#, "");
    provider.fault(Fault::once(Target::Api, challenge));
    let _ = client.request("HEAD", PROFILE, None, None);
    assert_eq!((provider.requests(Target::Api), provider.requests(Target::Refresh)), (2, 1));
}

#[test]
fn a_second_401_ends_the_call() {
    let provider = provider();
    let client = trusting_client(&provider);
    provider.fault(Fault::always(Target::Api, FaultKind::Status401Expired));
    let error = client.get(PROFILE).unwrap_err();
    assert_eq!((error.code, error.http_status), (code::HTTP, 401));
    assert_eq!(error.provider_type.as_deref(), Some(DIALECT.expired_token));
    assert_eq!((provider.requests(Target::Api), provider.requests(Target::Refresh)), (2, 1));
}

#[test]
fn a_token_that_a_401_brought_and_that_gets_a_401_first_is_not_renewed_again() {
    let provider = provider();
    let client = trusting_client(&provider);
    provider.fault(Fault::always(Target::Api, FaultKind::Status401Invalid));
    for _ in 0..5 {
        let error = client.get(PROFILE).unwrap_err();
        assert_eq!((error.code, error.http_status), (code::HTTP, 401));
    }
    assert_eq!((provider.requests(Target::Api), provider.requests(Target::Refresh)), (6, 1));
    provider.clear_faults();
    assert_eq!(client.get(PROFILE).unwrap().status, 200, "the login is as good as ever");
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn once_it_was_answered_otherwise_a_token_that_a_401_brought_is_renewed_again() {
    let others = [None, Some(FaultKind::Status404), Some(FaultKind::Status500)];
    for other in others {
        let provider = provider();
        let client = trusting_client(&provider);
        provider.expire_access_tokens();
        if let Some(kind) = other {
            provider.fault(Fault { on: Target::Api, kind, times: 1, skip: 1 });
        }
        let _ = client.get(PROFILE);
        assert_eq!(provider.requests(Target::Refresh), 1);
        provider.expire_access_tokens();
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert_eq!(provider.requests(Target::Refresh), 2);
    }
}

#[test]
fn an_answer_that_never_came_proves_nothing_of_a_token_that_a_401_brought() {
    let provider = provider();
    let client = trusting_client(&provider);
    provider.expire_access_tokens();
    provider.fault(Fault { on: Target::Api, kind: FaultKind::CloseAfterRead, times: 0, skip: 1 });
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::NETWORK);
    provider.clear_faults();
    provider.fault(Fault::always(Target::Api, FaultKind::Status401Invalid));
    assert_eq!(client.get(PROFILE).unwrap_err().http_status, 401);
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn the_program_can_still_renew_a_token_that_a_401_brought() {
    let provider = provider();
    let client = trusting_client(&provider);
    provider.fault(Fault::always(Target::Api, FaultKind::Status401Invalid));
    client.get(PROFILE).unwrap_err();
    client.refresh().unwrap();
    assert_eq!(provider.requests(Target::Refresh), 2);
}

#[test]
fn a_401_for_a_token_that_was_renewed_meanwhile_takes_the_newer_one() {
    let provider = provider();
    let client = trusting_client(&provider);
    let old = client.token_field("access_token").unwrap();
    provider.fault(Fault::once(Target::Api, FaultKind::Latency(700)));
    provider.fault(Fault::once(Target::Api, FaultKind::Status401Expired));
    std::thread::scope(|scope| {
        let late = scope.spawn(|| client.get(PROFILE).map(|response| response.status));
        while provider.max_in_flight(Target::Api) == 0 {
            std::thread::yield_now();
        }
        client.refresh().unwrap();
        assert_eq!(late.join().unwrap(), Ok(200));
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(access_tokens_sent(&provider), [old, client.token_field("access_token").unwrap()]);
}
