//! A token endpoint that answers with anything but a plain token: what cannot be used is never used, what
//! is used is one header line, and the login that was there is there afterwards.

use std::sync::Mutex;

use fitbit_test_support::{Saver, code, figures};

use crate::scene::{
    Call, Hostile, NEW_ACCESS_TOKEN, NEW_REFRESH_TOKEN, all_at_once, bytes, endure,
};
use crate::scripted::{Scripted, ok};
use crate::setup::{ANY, client_at};

fn answered(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A token with this in place of its access token, as JSON writes it.
fn with_access_token(json: &str) -> String {
    format!(r#"{{"access_token":{json},"refresh_token":"{NEW_REFRESH_TOKEN}","expires_in":28800}}"#)
}

/// A good token, and these fields.
fn with_fields(fields: &str) -> String {
    format!(
        r#"{{"access_token":"{NEW_ACCESS_TOKEN}","refresh_token":"{NEW_REFRESH_TOKEN}",{fields}}}"#
    )
}

/// Bodies that hold no token that can be used.
fn useless() -> Vec<Vec<u8>> {
    let deep = 100_000;
    let texts = [
        String::new(),
        " ".into(),
        "null".into(),
        "{}".into(),
        "[]".into(),
        "\"a token\"".into(),
        "1e999".into(),
        "<!doctype html><html><body>Sign in</body></html>".into(),
        format!("access_token={NEW_ACCESS_TOKEN}&token_type=bearer"),
        r#"{"error":"invalid_grant"}"#.into(),
        r#"{"error":"invalid_grant","access_token":null}"#.into(),
        r#"{"errors":[{"errorType":"invalid_grant"}],"success":false}"#.into(),
        format!(r#"[{}]"#, with_access_token("\"a\"")),
        format!(r#"{{"token":{}}}"#, with_access_token("\"a\"")),
        with_access_token("null"),
        with_access_token("\"\""),
        with_access_token("1"),
        with_access_token("true"),
        with_access_token("{}"),
        with_access_token("[\"a\"]"),
        // A header of the attacker's own, if any of these went out.
        with_access_token(r#""a\r\nX-Injected: b""#),
        with_access_token(r#""a\nX-Injected: b""#),
        with_access_token(r#""a\rX-Injected: b""#),
        with_access_token(r#""a b""#),
        with_access_token(r#"" a""#),
        with_access_token(r#""a\tb""#),
        with_access_token(r#""a\u0000b""#),
        with_access_token(r#""a\u007fb""#),
        with_access_token(r#""a\u001b[2Jb""#),
        with_access_token(r#""a\u2028b""#),
        with_access_token(r#""\u00e9""#),
        with_access_token(r#""é""#),
        with_access_token(r#""\ud83d\ude00""#),
        with_access_token(r#""\ud800""#),
        with_access_token(r#""\udc00\ud800""#),
        with_access_token("\"a\nb\""),
        with_access_token("\"a\0b\""),
        with_access_token(&format!("\"{}\"", "a".repeat(33 * 1024))),
        // More than an answer may have.
        with_access_token(&format!("\"{}\"", "a".repeat(10 << 20))),
        with_fields(&format!(r#""filler":"{}""#, "a".repeat(10 << 20))),
        with_fields(r#""token_type":"mac""#),
        with_fields(r#""token_type":1"#),
        with_fields(r#""token_type":"Bearer\r\n""#),
        with_fields(r#""refresh_token":1"#),
        with_fields(r#""refresh_token":["a"]"#),
        with_fields(r#""refresh_token":"\ud800""#),
        with_fields(r#""user_id":"SOMEBODYELSE""#),
        format!("{}{}", "[".repeat(deep), "]".repeat(deep)),
        "{\"a\":".repeat(deep / 2),
        with_fields(&format!(r#""deep":{}"#, "[".repeat(deep))),
        format!("{}}}", with_fields(r#""a":1"#)),
        with_fields(r#""a":1,"#),
        with_fields(r#""a":01"#),
        with_fields(r#""a":NaN"#),
        format!("\u{feff}\u{feff}{}", with_fields(r#""a":1"#)),
    ];
    let mut bodies: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    bodies.push(with_access_token("\"a\u{1}\"").into_bytes());
    for invalid in [b"\xff".as_slice(), b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80"]
    {
        let (before, after) = (b"{\"access_token\":\"a".as_slice(), b"\"}".as_slice());
        bodies.push([before, invalid, after].concat());
    }
    // UTF-16, as somebody's framework writes it.
    bodies.push(with_fields(r#""a":1"#).encode_utf16().flat_map(u16::to_le_bytes).collect());
    bodies
}

/// Bodies whose token can be used, whatever else they say.
fn usable() -> Vec<String> {
    let deep = 1000;
    [
        with_fields(r#""a":1"#),
        format!("\u{feff}{}", with_fields(r#""a":1"#)),
        with_fields(r#""error":"invalid_grant""#),
        with_fields(r#""expires_in":-1"#),
        with_fields(r#""expires_in":0"#),
        with_fields(r#""expires_in":1e300"#),
        with_fields(r#""expires_in":-1e300"#),
        with_fields(r#""expires_in":1e9999"#),
        with_fields(r#""expires_in":18446744073709551616"#),
        with_fields(r#""expires_in":9223372036854775807"#),
        with_fields(r#""expires_in":-9223372036854775808"#),
        with_fields(&format!(r#""expires_in":{}"#, "9".repeat(10_000))),
        with_fields(r#""expires_in":"28800""#),
        with_fields(r#""expires_in":"never""#),
        with_fields(r#""expires_in":[]"#),
        with_fields(r#""expires_at":9223372036854775807"#),
        with_fields(r#""refresh_token_expires_in":1e300"#),
        with_fields(r#""refresh_token_expires_at":-1"#),
        with_fields(r#""scope":["a",1,null,{}]"#),
        with_fields(r#""scope":"a\u0000b""#),
        with_fields(r#""scope":7"#),
        with_fields(r#""number":123456789012345678901234567890.12345678901234567890e-400"#),
        with_fields(r#""\u0000":"\u0000","":"","\ud83d":1"#.replace("\\ud83d", "😀").as_str()),
        with_fields(r#""lone":"\ud800""#),
        with_fields(&format!(r#""deep":{}{}"#, "[".repeat(deep), "]".repeat(deep))),
        with_fields(&format!(r#""deep":{}1{}"#, "{\"a\":".repeat(deep), "}".repeat(deep))),
        with_fields(&format!(r#""filler":"{}""#, "a".repeat(200_000))),
        with_fields(r#""access_token":"THE.last-of-two-counts-always""#),
        with_fields(r#""refresh_token":"a\r\n\u0000&grant_type=password""#),
        with_fields(r#""expires_in":1,"expires_in":28800"#),
        with_fields(r#""provider":"fitbit""#),
        with_fields(r#""renewing_since":1"#),
        format!("\r\n\t {} \n", with_fields(r#""a":1"#)),
    ]
    .into()
}

#[test]
fn an_answer_without_a_token_that_can_be_used_leaves_the_login_as_it_was() {
    let mut cases = Vec::new();
    for body in useless() {
        for call in [Call::Refresh, Call::Login] {
            cases.push((body.clone(), call));
        }
    }
    let wrong = Mutex::new(Vec::new());
    all_at_once(cases.chunks(8), |some| {
        for (body, call) in some {
            let shown: String = String::from_utf8_lossy(body).chars().take(160).collect();
            let server = Hostile::new(bytes(answered("application/json", body)));
            let outcome = endure(&shown, &server, *call, 2000);
            // A person who is another one is found out by a renewal; a login believes who comes.
            let other_person = shown.contains("SOMEBODYELSE") && *call == Call::Login;
            let right = other_person
                || outcome.as_ref().is_err_and(|error| {
                    error.code == code::PROTOCOL && (error.http_status, &error.body) == (0, &None)
                });
            if !right {
                wrong.lock().unwrap().push(format!("{call:?} {shown:?}: {outcome:?}"));
            }
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    figures::record("Hostile servers", "token answers that cannot be used", cases.len(), 0);
}

#[test]
fn a_token_among_nonsense_is_used_in_one_header_line_and_survives_a_round_trip() {
    let bodies = usable();
    for body in &bodies {
        let shown: String = body.chars().take(160).collect();
        let answer = body.clone();
        let server = Scripted::answering(move |_, asked| match asked.target() {
            "/oauth2/token" => {
                crate::scripted::whole("200 OK\r\nContent-Type: text/html", answer.as_bytes())
            }
            _ => ok(),
        });
        let client = client_at(&server.uri);
        client.refresh().unwrap_or_else(|error| panic!("{shown}: {error:?}"));
        client.get(ANY).unwrap_or_else(|error| panic!("{shown}: {error:?}"));
        let access_token = client.token_field("access_token").unwrap();
        let asked = server.asked();
        let request = asked.iter().rev().find(|asked| asked.method() == "GET").expect("one came");
        assert_eq!(request.headers("authorization"), [format!("Bearer {access_token}")], "{shown}");
        assert!(request.headers("x-injected").is_empty(), "{shown}");
        // Every field can be read; and what was saved is loaded again.
        for field in ["scope", "expires_in", "expires_at", "refresh_token", "", "\u{1}", "lone"] {
            let _ = client.token_field(field);
        }
        let saved = client.token();
        let app = fitbit_test_support::App::at(&server.uri, "ID", None, "https://app.example/");
        let loaded = app.from_token(&saved, &Saver::new());
        let loaded = loaded.unwrap_or_else(|error| panic!("{shown}: {error:?}"));
        assert_eq!(loaded.token(), saved, "{shown}");
        // A refresh token is a form's field, whatever is in it.
        client.refresh().unwrap_or_else(|error| panic!("{shown}: {error:?}"));
        let form =
            server.asked().last().map(|asked| String::from_utf8_lossy(&asked.body).into_owned());
        let form = fitbit_test_support::form(&form.unwrap());
        let grants: Vec<_> = form.iter().filter(|(name, _)| name == "grant_type").collect();
        assert_eq!(grants, [&("grant_type".to_owned(), "refresh_token".to_owned())], "{shown}");
    }
    figures::record(
        "Hostile servers",
        "tokens among nonsense, used and read again",
        bodies.len(),
        0,
    );
}
