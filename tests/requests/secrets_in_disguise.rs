//! Secrets as providers write them: escaped for JSON, addresses and HTML, encoded, or cut off.

use fitbit_test_support::{Error, code};

use crate::scripted::{Scripted, whole};
use crate::setup::{ACCESS_TOKEN, ANY, CLIENT_SECRET, REFRESH_TOKEN, client_at, token};
use fitbit_test_support::{App, Saver};

/// The error of an API answer with this body.
fn error(body: &[u8]) -> Error {
    let body = body.to_vec();
    let server = Scripted::saying(move || whole("400 Bad Request", &body));
    client_at(&server.uri).get(ANY).unwrap_err()
}

fn each(secret: &str, write: impl Fn(char) -> String) -> String {
    secret.chars().map(write).collect()
}

fn utf16(c: char) -> impl Iterator<Item = u16> {
    let mut units = [0; 2];
    c.encode_utf16(&mut units).to_vec().into_iter()
}

fn json_units(c: char, upper: bool) -> String {
    let write = |unit| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
    utf16(c).map(write).collect()
}

fn percent(c: char, upper: bool) -> String {
    let write = |byte: &u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
    c.to_string().as_bytes().iter().map(write).collect()
}

/// The ways to write a secret that leave its plain letters alone, and those that leave nothing.
fn disguises(secret: &str) -> Vec<(&'static str, String)> {
    let plain = |c: char| c.is_ascii_alphanumeric();
    let special = |write: &dyn Fn(char) -> String| {
        each(secret, |c| if plain(c) { c.to_string() } else { write(c) })
    };
    let in_json = serde_json::Value::from(secret).to_string();
    let in_json = in_json.trim_matches('"').to_owned();
    vec![
        ("as it is", secret.to_owned()),
        ("JSON", in_json.clone()),
        ("JSON with \\/", in_json.replace('/', "\\/")),
        (
            "JSON with \\u for what is not ASCII",
            each(&in_json, |c| if c.is_ascii() { c.to_string() } else { json_units(c, false) }),
        ),
        ("\\u for whatever is special", special(&|c| json_units(c, false))),
        ("\\U in upper case", special(&|c| json_units(c, true))),
        ("\\u for everything", each(secret, |c| json_units(c, false))),
        ("percent", special(&|c| percent(c, true))),
        ("percent in lower case", special(&|c| percent(c, false))),
        ("percent for everything", each(secret, |c| percent(c, true))),
        ("a form", special(&|c| if c == ' ' { "+".to_owned() } else { percent(c, true) })),
        (
            "HTML",
            secret
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;"),
        ),
        (
            "HTML with &apos;",
            secret
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&#34;")
                .replace('\'', "&apos;"),
        ),
        ("HTML in numbers", special(&|c| format!("&#{};", u32::from(c)))),
        ("HTML in hexadecimal numbers", special(&|c| format!("&#x{:x};", u32::from(c)))),
        ("HTML in long numbers", each(secret, |c| format!("&#x{:04X};", u32::from(c)))),
    ]
}

/// Writes a secret in a body in every way; answers with those that are not redacted.
fn not_redacted(secret: &str, error: impl Fn(&[u8]) -> Error) -> Vec<String> {
    let shows = |(how, written): (&str, String)| {
        let body = error(format!("before: {written}").as_bytes()).body.unwrap_or_default();
        // Of one that itself looks like an escape, the escaping may stay, but no more.
        let clean = body.contains("[redacted]") && body.len() <= "before: [redacted]amp;".len();
        (!clean).then(|| format!("{secret} written as {how}: {body}"))
    };
    disguises(secret).into_iter().filter_map(shows).collect()
}

#[test]
fn tokens_are_redacted_however_they_are_written() {
    for secret in [ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET] {
        assert_eq!(not_redacted(secret, error), Vec::<String>::new());
    }
}

#[test]
fn client_secrets_are_redacted_however_they_are_written() {
    let secrets = [
        "a/b",
        "a+b=c",
        "a&b",
        "a%b",
        "a%25b%2Fc",
        "a\\b",
        "a\\\"b",
        "a\\\\b",
        "a\"b",
        "a'b<c>d",
        "two words",
        "é-ключ-秘密",
        "😀-smile",
        "&amp;",
        "\\u0041",
        "%41",
    ];
    let shown = secrets.map(|secret| not_redacted(secret, |body| error_of_secret(secret, body)));
    assert!(shown.iter().all(Vec::is_empty), "{:#?}", shown.concat());
}

/// The error of an API answer with this body, to a client whose app has this secret.
fn error_of_secret(secret: &str, body: &[u8]) -> Error {
    let body = body.to_vec();
    let server = Scripted::saying(move || whole("400 Bad Request", &body));
    let app = App::at(&server.uri, "ID", Some(secret), "https://app.example/");
    let client = app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap();
    client.get(ANY).unwrap_err()
}

#[test]
fn the_basic_header_is_redacted_and_its_base64_too() {
    // An answer of the token endpoint that repeats what it was sent.
    for slash in ["/", "\\/", "%2F", "&#47;", "\\u002f"] {
        let server = Scripted::answering(move |_, asked| {
            let header = asked.headers("authorization").join("").replace('/', slash);
            whole("400 Bad Request", format!("you sent {header}, did you?"))
        });
        // The base64 of these has every special character that base64 has.
        let app = App::at(&server.uri, "ID??>", Some("secret>>>???~~~"), "https://app.example/");
        let client = app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap();
        let error = client.refresh().unwrap_err();
        assert_eq!(error.body.as_deref(), Some("you sent Basic [redacted], did you?"), "{slash}");
    }
}

#[test]
fn types_and_messages_are_redacted_too() {
    let body = format!(
        r#"{{"errors":[{{"errorType":"bad {ACCESS_TOKEN}","message":"Token {ACCESS_TOKEN}\u0000 or {REFRESH_TOKEN}"}}]}}"#
    );
    let error = error(body.as_bytes());
    assert_eq!(error.provider_type.as_deref(), Some("bad [redacted]"));
    assert!(error.message.contains("Token [redacted] or [redacted]"), "{}", error.message);
    assert!(!error.all_text().contains("Of_the"), "{error:?}");
}

#[test]
fn a_type_in_a_header_is_redacted_too() {
    let head = format!("403 Forbidden\r\nWWW-Authenticate: Bearer error=\"no {ACCESS_TOKEN}\"");
    let server = Scripted::saying(move || whole(&head, ""));
    let error = client_at(&server.uri).get(ANY).unwrap_err();
    assert_eq!(error.provider_type.as_deref(), Some("no [redacted]"));
}

#[test]
fn control_characters_inside_a_secret_hide_it_from_nobody() {
    let split = format!("{}\0\x1b\x07{}", &ACCESS_TOKEN[..6], &ACCESS_TOKEN[6..]);
    let error = error(split.as_bytes());
    assert_eq!(error.body.as_deref(), Some("[redacted]"));
}

/// How much of the secret's beginning is in the text, in characters.
fn left_of(secret: &str, text: &str) -> usize {
    (1..=secret.len()).rev().find(|&length| text.contains(&secret[..length])).unwrap_or(0)
}

#[test]
fn a_secret_at_the_cut_of_a_long_body_leaves_nothing_behind() {
    const CUT: usize = 64 * 1024;
    for before in (CUT - 40..CUT + 4).step_by(3) {
        // The padding has no character of the token's beginning.
        let body = format!("{}{ACCESS_TOKEN} {REFRESH_TOKEN}", "-".repeat(before));
        let error = error(body.as_bytes());
        let text = error.body.unwrap();
        assert_eq!(left_of(ACCESS_TOKEN, &text), 0, "{before}");
    }
}

#[test]
fn what_is_stripped_before_a_secret_does_not_move_it_into_the_cut() {
    // Control characters are dropped and bytes that are no text grow, so that the cut of the text
    // is another one than that of the bytes.
    for (filler, length) in
        [(&b"\0"[..], 70_000), (b"\0", 65_000), (b"\xff", 21_845), (b"\x1b-", 40_000)]
    {
        for shift in 0..60 {
            let longest = REFRESH_TOKEN.len() * 8;
            let near = (64 * 1024 + longest).saturating_sub(shift);
            let mut body = filler.repeat(length);
            body.resize(near.max(body.len()), b'-');
            body.extend_from_slice(ACCESS_TOKEN.as_bytes());
            let text = error(&body).body.unwrap();
            let left = left_of(ACCESS_TOKEN, &text);
            assert!(left == 0, "{left} characters, behind {length} times {filler:?} and {shift}");
        }
    }
}

#[test]
fn a_message_cut_to_its_length_leaves_no_part_of_a_secret_either() {
    for before in 980..1030 {
        let message = format!("{}{ACCESS_TOKEN}", "-".repeat(before));
        let body = format!(r#"{{"errors":[{{"errorType":"a","message":"{message}"}}]}}"#);
        let error = error(body.as_bytes());
        assert_eq!(
            (error.code, left_of(ACCESS_TOKEN, &error.message)),
            (code::HTTP, 0),
            "{before}"
        );
    }
}

#[test]
fn the_token_that_was_renewed_and_the_one_before_it_are_both_redacted() {
    let renewed = r#"{"access_token":"the-second-token","refresh_token":"second-refresh","token_type":"Bearer","expires_in":28800,"user_id":"26FWFL"}"#;
    let both = format!(
        r#"{{"errors":[{{"errorType":"invalid_token","message":"{ACCESS_TOKEN} the-second-token second-refresh"}}]}}"#
    );
    let server = Scripted::answering(move |_, asked| {
        if asked.method() == "POST" { whole("200 OK", renewed) } else { whole("401 No", &both) }
    });
    let error = client_at(&server.uri).get(ANY).unwrap_err();
    assert_eq!((error.code, error.http_status), (code::HTTP, 401));
    let text = error.all_text();
    for secret in [ACCESS_TOKEN, "the-second-token", "second-refresh"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
