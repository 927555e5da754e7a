//! `fitbit_app_set_ca_file`: whom it makes the library trust, and which files it refuses at once.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::world::{PROFILE, USER, app, saved_token};
use fitbit_test_support::{App, Error, Saver, code, library};

use crate::certificates::{file, provider};
use crate::named_proxies::world;
use crate::program::{self, Report};
use crate::setup::client_of;

/// A key of nobody's, such as stands beside a certificate in one file.
const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nQSBrZXkgb2Ygbm9ib2R5J3M=\n-----END PRIVATE KEY-----\n";

/// A GET by an app that trusts this file, and its renewal.
fn ask(provider: &Simulator, trusted: &Path) -> Result<(), Error> {
    let client = client_of(provider, &["profile"], |app| app.set_ca_file(trusted).unwrap());
    let got = client.get(PROFILE).map(drop);
    let renewed = client.refresh();
    assert_eq!(got.clone().err().map(|e| e.code), renewed.err().map(|e| e.code), "alike: {got:?}");
    got
}

#[test]
fn a_private_authority_is_trusted_with_its_file_and_only_with_it() {
    let (provider, trusted) = world();
    ask(&provider, trusted.as_ref()).unwrap();
    provider.reset_counts();
    let client = client_of(&provider, &["profile"], |_| ());
    for outcome in [client.get(PROFILE).map(drop), client.refresh(), client.revoke()] {
        let error = outcome.unwrap_err();
        assert_eq!((error.code, error.http_status), (code::TLS, 0), "{error:?}");
    }
    assert_eq!(provider.requests(Target::Any), 0, "nobody was told anything");
    assert_ne!(provider.connections(), 0, "it was asked for its certificate");
}

#[test]
fn another_authority_is_not() {
    let ((provider, _), (_, other)) = (world(), world());
    let error = ask(&provider, other.as_ref()).unwrap_err();
    assert_eq!((error.code, error.http_status), (code::TLS, 0), "{error:?}");
    assert_eq!(provider.requests(Target::Any), 0, "nobody was told anything");
}

/// A GET in a process with this environment, by an app that trusts `pem_path`.
fn get(provider: &Simulator, pem_path: &str, set: &[(&str, &str)]) -> Report {
    let mut command = program::command(provider.uri(), provider.uri());
    command.args(["20000", "environment", pem_path]).envs(set.iter().copied());
    program::run(&mut command)
}

#[test]
fn the_file_replaces_what_the_environment_names() {
    let (here, elsewhere) = (provider(), provider());
    let (right, wrong) = (file(here.ca_pem()), file(elsewhere.ca_pem()));
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        for value in [&*wrong, "/no/such/file", &*file("no certificate"), ""] {
            let report = get(&here, &right, &[(variable, value)]);
            assert_eq!((report.code, report.status), (0, 200), "{variable}={value}: {report:?}");
        }
    }
    here.reset_counts();
    let report = get(&here, &wrong, &[("SSL_CERT_FILE", &right)]);
    assert_eq!((report.code, report.status), (code::TLS, 0), "{report:?}");
    assert_eq!(here.requests(Target::Any), 0, "nobody was told anything");
}

#[test]
fn every_certificate_of_a_file_counts_however_it_is_written() {
    let ((a, _), (b, _)) = (world(), world());
    let (first, second) = (a.ca_pem(), b.ca_pem());
    for bundle in [
        format!("{first}{second}"),
        format!("{second}{first}{second}{first}"),
        format!("{first}\n\n# the other one\nsubject=CN = b\n{second}and so on"),
        format!("{first}{second}").replace('\n', "\r\n"),
        format!("{KEY}{first}{second}"),
        format!("{first}{KEY}{second}{KEY}"),
        format!("{}\n{}", first.trim_end(), second.trim_end()),
        // Byte order marks, of a file and of files that were joined.
        format!("\u{feff}{first}{second}"),
        format!("\u{feff}{first}\u{feff}{second}"),
    ] {
        let trusted = file(&bundle);
        for provider in [&a, &b] {
            ask(provider, trusted.as_ref()).unwrap_or_else(|error| panic!("{bundle}: {error:?}"));
        }
    }
}

/// What is between the lines of a PEM file.
fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    BASE64_STANDARD.decode(base64).expect("the simulator writes PEM")
}

fn pem(der: &[u8]) -> String {
    let base64 = BASE64_STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
}

#[test]
fn a_file_that_holds_no_certificate_is_refused_at_once() {
    let good = provider().ca_pem().to_owned();
    let der = der(&good);
    let end = good.find("-----END").expect("it has an end");
    let files = [
        ("empty", vec![]),
        ("blank", b"\n \n".to_vec()),
        ("text", b"no certificate".to_vec()),
        ("NULs", vec![0; 4096]),
        ("DER", der.clone()),
        ("a key alone", KEY.into()),
        ("without an end", good[..end].into()),
        ("cut short", good[..good.len() / 2].into()),
        ("cut short, after a whole one", [&good, &good[..good.len() / 2]].concat().into()),
        ("only a beginning", b"-----BEGIN CERTIFICATE-----\n".to_vec()),
        ("only an end", b"-----END CERTIFICATE-----\n".to_vec()),
        ("of something else", good.replace("CERTIFICATE", "CERTIFICATE REQUEST").into()),
        ("not base64", pem(b"").replace("\n\n", "\nnot base64!\n").into()),
        ("nothing between the lines", pem(b"").into()),
        ("some bytes", pem(b"these bytes are no certificate").into()),
        ("half of its bytes", pem(&der[..der.len() / 2]).into()),
        ("all but one of its bytes", pem(&der[..der.len() - 1]).into()),
    ];
    let mut wrong = Vec::new();
    let mut check = |what: &str, path: &Path| match demo().set_ca_file(path) {
        Err(error) if error.code == code::INVALID_ARGUMENT => {
            assert!(error.message.starts_with("pem_path: "), "{what}: {error:?}");
            assert!(!error.message.contains("QSBrZXk"), "{what}: {error:?}");
        }
        other => wrong.push((what.to_owned(), other)),
    };
    for (what, content) in files {
        check(what, file(content).as_ref());
    }
    let missing = Path::new(&*file("")).with_extension("missing");
    check("missing", &missing);
    check("no name", Path::new(""));
    check("a folder", &library::target());
    check("below a file", &Path::new(&*file(&good)).join("x"));
    check("a name that is too long", Path::new(&"x".repeat(70_000)));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn demo() -> App {
    App::new("ID", None, Some("https://app.example/")).unwrap()
}

#[test]
fn the_file_is_read_when_it_is_named() {
    let ((provider, trusted), (_, other)) = (world(), world());
    let app = app(&provider);
    app.set_ca_file(trusted.as_ref()).unwrap();
    std::fs::copy(&*other, &*trusted).unwrap();
    let one = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    one.get(PROFILE).unwrap();
    drop(trusted);
    one.refresh().unwrap();
    one.get(PROFILE).unwrap();
    one.revoke().unwrap();
    let another = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    assert_eq!(another.user_id().unwrap(), USER);
    another.get(PROFILE).unwrap();
}

#[test]
fn the_last_file_that_could_be_used_counts() {
    let ((a, first), (b, second)) = (world(), world());
    let set_up = |app: &App| {
        app.set_ca_file(first.as_ref()).unwrap();
        app.set_ca_file(second.as_ref()).unwrap();
        app.set_ca_file(file("no certificate").as_ref()).unwrap_err();
    };
    client_of(&b, &["profile"], set_up).get(PROFILE).unwrap();
    let error = client_of(&a, &["profile"], set_up).get(PROFILE).unwrap_err();
    assert_eq!(error.code, code::TLS, "{error:?}");
}

#[test]
fn each_app_trusts_its_own_file() {
    let ((a, first), (b, second)) = (world(), world());
    let ask = |provider, trusted| {
        client_of(provider, &["profile"], |app| app.set_ca_file(trusted).unwrap())
            .get(PROFILE)
            .map_err(|error| error.code)
            .map(drop)
    };
    for _ in 0..2 {
        assert_eq!(ask(&a, first.as_ref()), Ok(()));
        assert_eq!(ask(&a, second.as_ref()), Err(code::TLS));
        assert_eq!(ask(&b, second.as_ref()), Ok(()));
        assert_eq!(ask(&b, first.as_ref()), Err(code::TLS));
    }
}

#[test]
fn plain_http_needs_nobodys_trust() {
    let (_, trusted) = world();
    ask(&Simulator::start().unwrap(), trusted.as_ref()).unwrap();
}
