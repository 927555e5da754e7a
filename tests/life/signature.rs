//! `fitbit_verify_signature`: a notification is genuine if its signature is
//! base64(HMAC-SHA1(client secret + "&", body)), and in no other case.

use std::io::Write;
use std::process::{Command, Stdio};
use std::ptr::{null, null_mut};

use fitbit_test_support::{App, Error, FITBIT, GOOGLE_HEALTH, c, code, interface};

const BODY: &[u8] = br#"[{"collectionType":"foods","date":"2020-06-01","ownerId":"228S74","ownerType":"user","subscriptionId":"1234"}]"#;
const SECRET: &str = "123ab4567c890d123e4567f8abcdef91";
/// `printf %s "$BODY" | openssl dgst -sha1 -hmac "$SECRET&" -binary | base64`
const SIGNATURE: &str = "SpzSSf5m27LWQC4iAyk+OnDsI0s=";

/// Secrets, bodies, and what that command says of them. The last secret is longer than a block of
/// SHA-1, and so is hashed before it is a key.
const VECTORS: [(&str, &[u8], &str); 5] = [
    (SECRET, BODY, SIGNATURE),
    (SECRET, b"", "Du8mUKuWQRY6oP1Bq9xCvY68zq4="),
    (SECRET, b"NULs \0 are\0\0 bytes, and so is \xff\n", "gcK0/B9h0+OYDof9KoXaSkpi8fI="),
    ("&=%+ é", b"{}", "nUNiVDtwNDcuhiErScv9siydzys="),
    (
        "a secret of more than sixty-four bytes, which is a block of the hash, and then some",
        b"[]",
        "H63guatwi3VIn/+SxklVKs5dfew=",
    ),
];

fn app(secret: &str) -> App {
    App::of(FITBIT, "22SRVR", Some(secret), None).unwrap()
}

fn is_refused(app: &App, signature: &str, body: &[u8]) {
    let error = app.verify_signature(signature, body).expect_err(signature);
    assert_eq!((error.code, error.http_status), (code::SIGNATURE, 0), "{error:?}");
    assert!(signature.is_empty() || !error.all_text().contains(signature), "{error:?}");
}

fn is_an_invalid(argument: &str, outcome: Result<(), Error>) {
    let error = outcome.unwrap_err();
    assert_eq!(error.code, code::INVALID_ARGUMENT, "{error:?}");
    assert!(error.message.starts_with(&format!("{argument}:")), "{error:?}");
}

#[test]
fn what_another_tool_signed_is_genuine() {
    for (secret, body, signature) in VECTORS {
        app(secret).verify_signature(signature, body).expect(secret);
    }
}

#[test]
fn what_openssl_signs_is_genuine() {
    // It knows `version`, and no `--version` before 3.0.
    if Command::new("openssl").arg("version").output().is_err() {
        return c::skip("openssl is not installed");
    }
    let app = app(SECRET);
    for length in [0, 1, 19, 20, 63, 64, 65, 1000, 1024 * 1024] {
        let body: Vec<u8> = (0..length).map(|at| (at * 7 % 251) as u8).collect();
        app.verify_signature(&signed_by_openssl(&body), &body).unwrap();
    }
}

fn signed_by_openssl(body: &[u8]) -> String {
    let openssl = |arguments: &[&str], input: &[u8]| {
        let mut command = Command::new("openssl");
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it is installed");
        child.stdin.take().expect("it is a pipe").write_all(input).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{arguments:?}");
        output.stdout
    };
    let mac = openssl(&["dgst", "-sha1", "-hmac", &format!("{SECRET}&"), "-binary"], body);
    String::from_utf8(openssl(&["base64", "-A"], &mac)).expect("base64 is text")
}

#[test]
fn every_changed_bit_of_the_body_is_refused() {
    let app = app(SECRET);
    for bit in 0..BODY.len() * 8 {
        let mut body = BODY.to_vec();
        body[bit / 8] ^= 1 << (bit % 8);
        is_refused(&app, SIGNATURE, &body);
    }
    is_refused(&app, SIGNATURE, &BODY[..BODY.len() - 1]);
    is_refused(&app, SIGNATURE, &[BODY, b"\n"].concat());
    is_refused(&app, SIGNATURE, &[BODY, b"\0"].concat());
    is_refused(&app, SIGNATURE, b"");
}

#[test]
fn every_changed_bit_of_the_signature_is_refused() {
    let app = app(SECRET);
    let mut changed = 0;
    for bit in 0..SIGNATURE.len() * 8 {
        let mut bytes = SIGNATURE.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // The eighth bit makes text that is not UTF-8: see below. So the rest is what can come.
        if let Ok(signature) = std::str::from_utf8(&bytes) {
            is_refused(&app, signature, BODY);
            changed += 1;
        }
    }
    assert_eq!(changed, SIGNATURE.len() * 7);
}

#[test]
fn every_changed_bit_of_the_secret_is_refused() {
    for bit in 0..SECRET.len() * 8 {
        let mut bytes = SECRET.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(secret) = std::str::from_utf8(&bytes) {
            is_refused(&app(secret), SIGNATURE, BODY);
        }
    }
    // The "&" belongs to the key, and not to the secret.
    is_refused(&app(&format!("{SECRET}&")), SIGNATURE, BODY);
    is_refused(&app(SECRET.trim_end_matches('1')), SIGNATURE, BODY);
}

#[test]
fn a_signature_has_one_way_to_be_written() {
    let app = app(SECRET);
    let bare = SIGNATURE.trim_end_matches('=');
    assert!(SIGNATURE.len() == 28 && bare.len() == 27, "20 bytes leave room for one =");
    // 27 characters have two bits more than 20 bytes: three other last characters mean the same.
    let last = "tuv";
    for other in last.chars() {
        is_refused(&app, &format!("{}{other}=", &bare[..26]), BODY);
    }
    let url_safe = SIGNATURE.replace('+', "-").replace('/', "_");
    assert_ne!(url_safe, SIGNATURE, "this one shows the difference");
    let hex = "4a9cd249fe66dbb2d6402e2203293e3a70ec234b";
    for other in [
        "",
        "=",
        bare,
        &url_safe,
        hex,
        &hex.to_uppercase(),
        &SIGNATURE.to_lowercase(),
        &format!(" {SIGNATURE}"),
        &format!("{SIGNATURE} "),
        &format!("{SIGNATURE}\n"),
        &format!("{SIGNATURE}="),
        &format!("\"{SIGNATURE}\""),
        &format!("sha1={SIGNATURE}"),
        &format!("{SIGNATURE},{SIGNATURE}"),
        &SIGNATURE.replace('=', "%3D"),
        &SIGNATURE.repeat(100_000),
        "\u{1f512}",
    ] {
        is_refused(&app, other, BODY);
    }
}

#[test]
fn a_mega_byte_is_verified_as_a_whole() {
    let app = app(SECRET);
    let mut body = vec![b'x'; 1024 * 1024];
    let signature = "w/Lee6ksOxF1GsaGCqP34s7k3bk=";
    app.verify_signature(signature, &body).unwrap();
    *body.last_mut().unwrap() = b'y';
    is_refused(&app, signature, &body);
}

#[test]
fn no_body_is_an_empty_one_and_nothing_else_may_be_null() {
    let app = app(SECRET);
    let verify = interface().verify_signature;
    let (empty, not_utf8) = (c"Du8mUKuWQRY6oP1Bq9xCvY68zq4=".as_ptr(), c"\xff".as_ptr());
    let check = |error| Error::check(error);
    unsafe {
        check(verify(app.0, empty, null(), 0)).unwrap();
        check(verify(app.0, empty, BODY.as_ptr().cast(), 0)).unwrap();
        is_an_invalid("app", check(verify(null_mut(), empty, null(), 0)));
        is_an_invalid("signature", check(verify(app.0, null(), null(), 0)));
        is_an_invalid("signature", check(verify(app.0, not_utf8, null(), 0)));
        is_an_invalid("body", check(verify(app.0, empty, null(), 1)));
        is_an_invalid("body_len", check(verify(app.0, empty, BODY.as_ptr().cast(), usize::MAX)));
    }
}

#[test]
fn without_a_secret_nothing_can_be_verified() {
    let app = App::of(FITBIT, "22CLNT", None, None).unwrap();
    is_an_invalid("app", app.verify_signature(SIGNATURE, BODY));
}

#[test]
fn a_secret_that_is_not_sent_verifies_all_the_same() {
    let app = app(SECRET);
    app.set_client_auth(3).unwrap();
    app.verify_signature(SIGNATURE, BODY).unwrap();
}

#[test]
fn google_health_signs_otherwise() {
    for secret in [Some(SECRET), None] {
        let app = App::of(GOOGLE_HEALTH, "google", secret, None).unwrap();
        is_an_invalid("app", app.verify_signature(SIGNATURE, BODY));
    }
}

#[test]
fn many_threads_verify_at_once() {
    let app = app(SECRET);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let app = &app;
            scope.spawn(move || {
                for (secret, body, signature) in VECTORS.into_iter().cycle().take(200 + thread) {
                    match secret == SECRET {
                        true => app.verify_signature(signature, body).unwrap(),
                        false => is_refused(app, signature, body),
                    }
                }
            });
        }
    });
}

#[test]
fn verifying_is_no_use_of_the_app_and_a_use_of_the_app_does_not_end_it() {
    let app = app(SECRET);
    app.verify_signature(SIGNATURE, BODY).unwrap();
    is_refused(&app, "", BODY);
    app.set_timeout_ms(1000).unwrap();
    app.set_scopes("sleep").unwrap();
    let token = r#"{"access_token":"a","refresh_token":"r"}"#;
    app.from_token(token, &fitbit_test_support::Saver::new()).unwrap();
    is_an_invalid("app", app.set_timeout_ms(1000));
    app.verify_signature(SIGNATURE, BODY).unwrap();
    is_refused(&app, SIGNATURE, b"{}");
}
