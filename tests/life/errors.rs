//! Google's API errors, in the shape of google.rpc.Status and in every other shape that a server on
//! the way may give them.

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{Error, code};
use serde_json::{Value, json};

use crate::providers::GOOGLE;

const PATH: &str = "/v4/users/me/profile";

fn info(reason: impl Into<Value>) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason.into(),
        "domain": "googleapis.com",
        "metadata": {"service": "health.googleapis.com"},
    })
}

fn status(http: u16, status: &str, details: Value) -> Value {
    let error = json!({"code": http, "message": "In words.", "status": status});
    let mut body = json!({ "error": error });
    if !details.is_null() {
        body["error"]["details"] = details;
    }
    body
}

/// The error of a request that is answered so, every time.
fn error_of(simulator: &Simulator, kind: FaultKind) -> Error {
    simulator.clear_faults();
    simulator.reset_counts();
    simulator.fault(Fault::always(Target::Api, kind));
    GOOGLE.client(simulator).get(PATH).unwrap_err()
}

/// An answer with these bytes as its body.
fn answering(status: u16, headers: &str, body: &str) -> FaultKind {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Status\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    FaultKind::Raw([head.as_bytes(), body.as_bytes()].concat())
}

#[test]
fn status_reason_and_message_are_read() {
    let simulator = provider();
    let other = json!({"@type": "type.googleapis.com/google.rpc.Help", "reason": "NOT_THIS"});
    for details in [json!([info("ACCOUNT_NOT_LINKED")]), json!([other, info("ACCOUNT_NOT_LINKED")])]
    {
        let body = status(400, "INVALID_ARGUMENT", details);
        let error = error_of(&simulator, FaultKind::Json(400, body.clone()));
        assert_eq!((error.code, error.http_status), (code::HTTP, 400));
        assert_eq!(error.provider_type.as_deref(), Some("INVALID_ARGUMENT"));
        for part in ["INVALID_ARGUMENT", "ACCOUNT_NOT_LINKED", "In words", "Google Health", "400"] {
            assert!(error.message.contains(part), "{part}: {}", error.message);
        }
        assert!(!error.message.contains("NOT_THIS"), "{}", error.message);
        assert_eq!(serde_json::from_str::<Value>(&error.body.unwrap()).unwrap(), body);
    }
}

#[test]
fn without_error_info_the_status_and_the_message_are_told() {
    let simulator = provider();
    for details in [Value::Null, json!([]), json!([{"@type": "x"}]), json!([info(7)])] {
        let body = status(404, "NOT_FOUND", details.clone());
        let error = error_of(&simulator, FaultKind::Json(404, body));
        assert_eq!(error.code, code::HTTP, "{details}");
        assert_eq!(error.provider_type.as_deref(), Some("NOT_FOUND"), "{details}");
        assert!(error.message.contains("In words"), "{details}: {}", error.message);
    }
}

#[test]
fn only_a_missing_scope_is_insufficient_scope() {
    let simulator = provider();
    for (reason, expected) in [
        (json!([info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")]), code::INSUFFICIENT_SCOPE),
        (json!([info("SERVICE_DISABLED")]), code::HTTP),
        (json!([info("access_token_scope_insufficient")]), code::HTTP),
        (Value::Null, code::HTTP),
    ] {
        let body = status(403, "PERMISSION_DENIED", reason.clone());
        let error = error_of(&simulator, FaultKind::Json(403, body));
        assert_eq!((error.code, error.http_status), (expected, 403), "{reason}");
        assert_eq!(error.provider_type.as_deref(), Some("PERMISSION_DENIED"));
        assert_eq!(simulator.requests(Target::Any), 1);
    }
    let body = status(400, "X", json!([info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")]));
    assert_eq!(error_of(&simulator, FaultKind::Json(400, body)).code, code::HTTP);
    let challenge = "WWW-Authenticate: Bearer realm=\"https://accounts.google.com/\", \
                     error=\"insufficient_scope\", scope=\"a b\"\r\n";
    let error = error_of(&simulator, answering(403, challenge, ""));
    assert_eq!(error.code, code::INSUFFICIENT_SCOPE, "{error:?}");
}

#[test]
fn unauthenticated_renews_once_and_the_request_is_sent_once_more() {
    let simulator = provider();
    let bare = "WWW-Authenticate: Bearer realm=\"https://accounts.google.com/\", \
                error=\"invalid_token\"\r\n";
    for kind in [
        FaultKind::Status401Expired,
        FaultKind::Status401Invalid,
        FaultKind::Json(401, status(401, "UNAUTHENTICATED", Value::Null)),
        answering(401, bare, ""),
        answering(401, bare, "<html>no</html>"),
    ] {
        simulator.clear_faults();
        simulator.reset_counts();
        let client = GOOGLE.client(&simulator);
        simulator.fault(Fault::once(Target::Api, kind.clone()));
        simulator.fault(Fault::once(Target::Api, FaultKind::Json(200, json!({}))));
        assert_eq!(client.get(PATH).unwrap().status, 200, "{kind:?}");
        assert_eq!((simulator.requests(Target::Refresh), simulator.requests(Target::Api)), (1, 2));

        let error = error_of(&simulator, kind.clone());
        assert_eq!((error.code, error.http_status), (code::HTTP, 401), "{kind:?}");
        assert_eq!((simulator.requests(Target::Refresh), simulator.requests(Target::Api)), (1, 2));
    }
}

#[test]
fn a_401_that_says_something_else_renews_nothing() {
    let simulator = provider();
    for kind in [
        FaultKind::Json(401, status(401, "PERMISSION_DENIED", Value::Null)),
        FaultKind::Json(401, json!({"error": {"code": 401, "message": "UNAUTHENTICATED"}})),
        FaultKind::Json(401, json!({"error": "login_required"})),
        FaultKind::Status401Empty,
        answering(401, "", "<html>UNAUTHENTICATED</html>"),
    ] {
        let error = error_of(&simulator, kind.clone());
        assert_eq!((error.code, error.http_status), (code::HTTP, 401), "{kind:?}");
        assert_eq!((simulator.requests(Target::Refresh), simulator.requests(Target::Api)), (0, 1));
    }
}

#[test]
fn a_quota_says_how_long_to_wait_where_it_does() {
    let simulator = provider();
    let body = status(429, "RESOURCE_EXHAUSTED", json!([info("RATE_LIMIT_EXCEEDED")]));
    for (header, retry_after) in [
        ("Retry-After: 20\r\n", 21),
        ("retry-after:  0 \r\n", 1),
        ("", -1),
        ("Retry-After: soon\r\n", -1),
        ("Retry-After: -5\r\n", -1),
        ("Retry-After: 99999999999999999999\r\n", -1),
    ] {
        let error = error_of(&simulator, answering(429, header, &body.to_string()));
        assert_eq!((error.code, error.retry_after), (code::RATE_LIMITED, retry_after), "{header}");
        assert_eq!(error.provider_type.as_deref(), Some("RESOURCE_EXHAUSTED"));
        assert!(error.message.contains("RATE_LIMIT_EXCEEDED"), "{}", error.message);
        assert_eq!(simulator.requests(Target::Any), 1);
    }
}

#[test]
fn a_server_in_trouble_is_http_and_is_not_asked_again() {
    let simulator = provider();
    for http in [500, 502, 503, 504, 599] {
        for body in [
            status(http, "UNAVAILABLE", Value::Null).to_string(),
            // Not even if it speaks of tokens and scopes.
            status(http, "UNAUTHENTICATED", json!([info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")]))
                .to_string(),
            "<html><title>Error</title></html>".to_owned(),
            String::new(),
        ] {
            let error = error_of(&simulator, answering(http, "", &body));
            assert_eq!((error.code, error.http_status), (code::HTTP, http), "{body}");
            assert_eq!(error.body.as_deref(), Some(&*body));
            assert_eq!(simulator.requests(Target::Any), 1, "{body}");
        }
    }
}

/// `[[[[…]]]]`, and the same of objects.
fn deep(levels: usize) -> [String; 2] {
    let list = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let object = format!("{}1{}", r#"{"error":"#.repeat(levels), "}".repeat(levels));
    [list, object]
}

#[test]
fn no_shape_of_an_error_is_too_odd() {
    let simulator = provider();
    let values = [
        json!(null),
        json!(7),
        json!([]),
        json!({"error": null}),
        json!({"error": 7}),
        json!({"error": []}),
        json!({"error": [{"status": "PERMISSION_DENIED"}]}),
        json!([status(403, "PERMISSION_DENIED", Value::Null)]),
        json!({"error": {}}),
        json!({"error": {"code": "403", "status": 7, "message": 7}}),
        json!({"error": {"status": ["A"], "message": {"a": "b"}, "details": 7}}),
        json!({"error": {"status": "", "message": "", "details": {"@type": "x", "reason": "y"}}}),
        json!({"error": {"details": [7, null, [], "text", {"@type": 7, "reason": 7}, {}]}}),
        json!({"errors": []}),
        json!({"errors": {}}),
        json!({"errors": [7]}),
        json!({"errors": [{"errorType": 7, "message": []}], "error": {"status": "OTHER"}}),
    ];
    let texts = values.iter().map(Value::to_string).chain(deep(100)).chain(deep(100_000));
    for body in texts.chain(["{\"error\":{\"status\":\"A\"".into(), "\u{0}\u{1}".into()]) {
        let error = error_of(&simulator, answering(403, "", &body));
        let shown: String = body.chars().take(80).collect();
        assert_eq!((error.code, error.http_status), (code::HTTP, 403), "{shown}");
        assert!(error.message.contains("403"), "{shown}: {}", error.message);
        assert!(error.body.is_some_and(|body| body.len() <= 64 * 1024 + 100), "{shown}");
        assert_eq!(simulator.requests(Target::Any), 1, "{shown}");
    }
}

#[test]
fn an_empty_word_is_no_word() {
    let simulator = provider();
    for body in [
        json!({"error": {"code": 403, "status": "", "message": "", "details": [info("")]}}),
        json!({"error": "", "error_description": ""}),
        json!({"errors": [{"errorType": "", "message": ""}]}),
    ] {
        let error = error_of(&simulator, FaultKind::Json(403, body));
        assert_eq!(error.provider_type, None, "{error:?}");
        assert_eq!(error.message, "Google Health answered 403");
    }
}

#[test]
fn no_part_of_an_error_shows_a_secret() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    let secrets = ["access_token", "refresh_token"].map(|name| client.token_field(name).unwrap());
    for secret in secrets.iter().map(String::as_str).chain([GOOGLE.client_secret]) {
        let mut body = status(403, secret, json!([info(secret)]));
        body["error"]["message"] = format!("The token {secret} may not").into();
        body["error"]["details"][0]["metadata"] = json!({secret: [secret]});
        simulator.clear_faults();
        simulator.fault(Fault::always(Target::Api, FaultKind::Json(403, body)));
        let error = client.get(PATH).unwrap_err();
        assert!(!error.all_text().contains(secret), "{error:?}");
        assert_eq!(error.provider_type.as_deref(), Some("[redacted]"));
    }
    simulator.clear_faults();
    simulator.fault(Fault::always(Target::Api, FaultKind::EchoSecrets));
    let error = client.get(PATH).unwrap_err();
    assert!(!simulator.secrets().iter().any(|secret| error.all_text().contains(secret)));
}

#[test]
fn control_characters_of_the_provider_stay_out_of_the_message() {
    let simulator = provider();
    let error = error_of(&simulator, FaultKind::ControlCharacters);
    assert_eq!(error.provider_type.as_deref(), Some("INVALID_ARGUMENT"));
    assert!(!error.message.chars().any(char::is_control), "{:?}", error.message);
}
