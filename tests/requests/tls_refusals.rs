//! Servers that must not be trusted, or that cannot be talked to safely: each is a TLS error, within
//! the timeout, and nothing that is secret is said to it.

use std::path::Path;

use fitbit_test_support::{App, Client, Error, Saver, code};

use crate::authority::{Authority, HERE, VALID, text};
use crate::relay::{listen, saying};
use crate::setup::{ACCESS_TOKEN, ANY, CLIENT_SECRET, REFRESH_TOKEN, gives_up, token};

/// A client of the server at `uri` that trusts what is in a file.
fn client(uri: &str, trusted: &Path) -> Client {
    let app = App::at(uri, "ID", Some(CLIENT_SECRET), "https://app.example/");
    app.set_ca_file(trusted).unwrap();
    app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap()
}

/// A request, a renewal and a revocation: all fail alike.
#[track_caller]
fn refused(uri: &str, trusted: &Path) -> Error {
    let client = client(uri, trusted);
    let (error, _) = gives_up(|| client.get(ANY));
    assert_eq!((error.code, error.http_status), (code::TLS, 0), "{error:?}");
    for outcome in [client.refresh(), client.revoke()] {
        assert_eq!(outcome.as_ref().unwrap_err().code, error.code, "{outcome:?}");
    }
    error
}

/// The same at openssl's server, which must learn nothing. `why`: a word of the reason, lest another
/// one hides that this one does not count.
#[track_caller]
fn refuses(authority: &Authority, name: &str, options: &str, trusted: &str, why: &str) {
    let server = authority.serve(name, options);
    let error = refused(&server.uri, &authority.pem(trusted));
    assert!(error.message.contains(why), "{error:?}");
    for secret in ["HTTP/1.1", "Bearer", ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET] {
        assert!(!server.was_told(secret), "{secret}");
    }
}

/// The same server is talked to.
#[track_caller]
fn accepts(authority: &Authority, name: &str, options: &str, trusted: &str) {
    let mut server = authority.serve(name, options);
    let client = client(&server.uri, &authority.pem(trusted));
    let got = std::thread::spawn(move || client.get(ANY).map(|answer| answer.status));
    server.answer("\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(got.join().expect("it does not panic"), Ok(204));
    // So this test would see what the others must not.
    assert!(server.was_told(ACCESS_TOKEN));
}

#[test]
fn a_good_server_is_talked_to() {
    let Some(authority) = Authority::new() else { return };
    authority.signed_by("ca", "good", &HERE, VALID, "sha256");
    for options in ["-tls1_3", "-tls1_2"] {
        accepts(&authority, "good", options, "ca");
    }
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let (Some(authority), Some(other)) = (Authority::new(), Authority::new()) else { return };
    authority.signed_by("ca", "good", &HERE, VALID, "sha256");
    std::fs::copy(other.pem("ca"), authority.pem("other")).unwrap();
    // Both authorities have the same name: what counts is the key.
    refuses(&authority, "good", "", "other", "BadSignature");
}

#[test]
fn a_certificate_whose_time_is_over_or_has_not_come_is_refused() {
    let Some(authority) = Authority::new() else { return };
    authority.signed_by("ca", "old", &HERE, ["20200101000000Z", "20210101000000Z"], "sha256");
    authority.signed_by("ca", "new", &HERE, ["20980101000000Z", "20990101000000Z"], "sha256");
    refuses(&authority, "old", "", "ca", "expired");
    refuses(&authority, "new", "", "ca", "not valid yet");
}

#[test]
fn a_certificate_for_somebody_else_is_refused() {
    let Some(authority) = Authority::new() else { return };
    let names = [
        ("address", "subjectAltName=IP:127.0.0.2"),
        ("host", "subjectAltName=DNS:localhost"),
        // An address is no name, and no pattern fits it.
        ("written", "subjectAltName=DNS:127.0.0.1"),
        ("pattern", "subjectAltName=DNS:*.0.0.1"),
        // What the subject says does not count (RFC 9110 section 4.3.4).
        ("127.0.0.1", "basicConstraints=CA:FALSE"),
    ];
    for (name, extension) in names {
        authority.signed_by("ca", name, &[extension], VALID, "sha256");
        refuses(&authority, name, "", "ca", "not valid for name");
    }
    let for_clients = [HERE[0], "extendedKeyUsage=clientAuth"];
    authority.signed_by("ca", "client", &for_clients, VALID, "sha256");
    refuses(&authority, "client", "", "ca", "extended key usage");
}

/// The message lists the names of the certificate, which the server chooses.
#[test]
fn a_secret_in_a_certificate_is_in_no_error() {
    let Some(authority) = Authority::new() else { return };
    let secret = "s3cret-in-a-certificate";
    let extension = format!("subjectAltName=DNS:{secret}");
    authority.signed_by("ca", "telling", &[&extension], VALID, "sha256");
    let server = authority.serve("telling", "");
    let app = App::at(&server.uri, "ID", Some(secret), "https://app.example/");
    app.set_ca_file(&authority.pem("ca")).unwrap();
    let client = app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap();
    for error in [client.get(ANY).unwrap_err(), client.refresh().unwrap_err()] {
        assert!(error.message.contains("valid for DnsName(\"[redacted]\")"), "{error:?}");
        assert!(!error.message.contains(secret), "{error:?}");
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let Some(authority) = Authority::new() else { return };
    authority.self_signed("leaf", &["basicConstraints=CA:FALSE", HERE[0]]);
    refuses(&authority, "leaf", "", "ca", "UnknownIssuer");
    authority.self_signed("root", &["basicConstraints=critical,CA:TRUE", HERE[0]]);
    refuses(&authority, "root", "", "ca", "CaUsedAsEndEntity");
    // An authority's own certificate is not a server's, even a trusted one's.
    refuses(&authority, "root", "", "root", "CaUsedAsEndEntity");
}

#[test]
fn a_servers_own_certificate_may_be_all_that_is_trusted() {
    let Some(authority) = Authority::new() else { return };
    authority.self_signed("leaf", &["basicConstraints=CA:FALSE", HERE[0]]);
    accepts(&authority, "leaf", "", "leaf");
    // That it is trusted makes it nobody else's.
    authority
        .self_signed("elsewhere", &["basicConstraints=CA:FALSE", "subjectAltName=IP:127.0.0.2"]);
    refuses(&authority, "elsewhere", "", "elsewhere", "not valid for name");
}

#[test]
fn a_certificate_that_a_mere_server_has_signed_is_refused() {
    let Some(authority) = Authority::new() else { return };
    authority.signed_by("ca", "server", &["basicConstraints=CA:FALSE", HERE[0]], VALID, "sha256");
    authority.signed_by("server", "forged", &HERE, VALID, "sha256");
    authority.write("chain.crt", &text(&authority.pem("server")));
    refuses(&authority, "forged", "-cert_chain chain.crt", "ca", "EndEntityUsedAsCa");
    // The same chain with an authority in the middle is a good one.
    let between = ["basicConstraints=critical,CA:TRUE"];
    authority.signed_by("ca", "between", &between, VALID, "sha256");
    authority.signed_by("between", "signed", &HERE, VALID, "sha256");
    authority.write("chain.crt", &text(&authority.pem("between")));
    accepts(&authority, "signed", "-cert_chain chain.crt", "ca");
}

#[test]
fn a_signature_that_can_be_forged_is_refused() {
    let Some(authority) = Authority::new() else { return };
    authority.signed_by("ca", "weak", &HERE, VALID, "sha1");
    refuses(
        &authority,
        "weak",
        "-cipher DEFAULT:@SECLEVEL=0",
        "ca",
        "UnsupportedSignatureAlgorithm",
    );
}

#[test]
fn a_version_of_tls_that_is_too_old_is_refused() {
    let Some(authority) = Authority::new() else { return };
    authority.signed_by("ca", "good", &HERE, VALID, "sha256");
    for version in ["-tls1_1", "-tls1"] {
        let options = format!("{version} -cipher DEFAULT:@SECLEVEL=0");
        refuses(&authority, "good", &options, "ca", "ProtocolVersion");
    }
}

#[test]
fn a_server_that_accepts_no_safe_cipher_is_refused() {
    let Some(authority) = Authority::new() else { return };
    authority.signed_by("ca", "good", &HERE, VALID, "sha256");
    // Neither forward secrecy nor a cipher that authenticates.
    let options = "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0";
    refuses(&authority, "good", options, "ca", "HandshakeFailure");
}

#[test]
fn a_server_that_asks_for_a_certificate_of_ours_is_refused() {
    let Some(authority) = Authority::new() else { return };
    authority.signed_by("ca", "good", &HERE, VALID, "sha256");
    refuses(&authority, "good", "-tls1_2 -Verify 1", "ca", "HandshakeFailure");
    // In TLS 1.3 the refusal comes behind the request: that is no different from a connection that
    // somebody broke. The message says what the server said.
    let server = authority.serve("good", "-tls1_3 -Verify 1");
    let (error, _) = gives_up(|| client(&server.uri, &authority.pem("ca")).get(ANY));
    assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{error:?}");
    assert!(error.message.contains("CertificateRequired"), "{error:?}");
}

#[test]
fn a_proxy_that_nobody_vouches_for_is_not_told_its_password() {
    let Some(authority) = Authority::new() else { return };
    authority.self_signed("leaf", &["basicConstraints=CA:FALSE", HERE[0]]);
    let server = authority.serve("leaf", "");
    let proxy = server.uri.replace("https://", "https://user:hunter2hunter2@");
    let app = App::at("https://api.fitbit.test", "ID", None, "https://app.example/");
    app.set_ca_file(&authority.pem("ca")).unwrap();
    app.set_proxy(Some(&proxy)).unwrap();
    let client = app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap();
    let (error, _) = gives_up(|| client.get(ANY));
    assert_eq!((error.code, error.http_status), (code::TLS, 0), "{error:?}");
    assert!(!server.was_told("CONNECT") && !server.was_told("Basic"));
}

#[test]
fn an_alert_or_an_old_greeting_is_a_refusal() {
    let Some(authority) = Authority::new() else { return };
    // A ServerHello of TLS 1.1, with a random of zeros and TLS_RSA_WITH_AES_128_CBC_SHA.
    let hello = [&[22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2][..], &[0; 33], &[0, 47, 0]].concat();
    // handshake_failure, protocol_version, internal_error, unrecognized_name.
    let alerts = [40, 70, 80, 112].map(|alert| vec![21, 3, 3, 0, 2, 2, alert]);
    for answer in alerts.into_iter().chain([hello]) {
        refused(&format!("https://{}", saying(answer)), &authority.pem("ca"));
    }
}

#[test]
fn a_server_that_leaves_in_the_handshake_is_a_network_error() {
    let Some(authority) = Authority::new() else { return };
    // At once, after the greeting, and in the middle of its own.
    let addresses = [
        listen("127.0.0.1", |_| Ok(())),
        saying([]),
        saying([22, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3]),
    ];
    for address in addresses {
        let client = client(&format!("https://{address}"), &authority.pem("ca"));
        let (error, _) = gives_up(|| client.get(ANY));
        // Nothing was refused: a connection that broke is worth another try.
        assert_eq!((error.code, error.http_status), (code::NETWORK, 0), "{error:?}");
    }
}
