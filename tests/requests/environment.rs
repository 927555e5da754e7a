//! What the library takes from the environment, and when: variables count as they are when the app
//! is made, and certificates are looked for at the first request to https.

use std::sync::OnceLock;

use fitbit_simulator::Target;
use fitbit_test_support::{c, code, library};

use crate::certificates::{file, provider};
use crate::relay::Proxy;
use crate::scripted::{Scripted, ok};

/// A host that nothing resolves but a proxy.
const HOST: &str = "https://api.fitbit.test";

/// Takes the steps of `environment.c` in a process whose environment is empty at first. Returns the
/// code and the message of every request.
fn run(api: &str, token: &str, steps: &[&str]) -> Vec<(u32, String)> {
    static PROGRAM: OnceLock<c::Program> = OnceLock::new();
    let source = library::root().join("tests/requests/environment.c");
    let program = PROGRAM.get_or_init(|| c::build(&source, "requests_environment", &[]));
    let mut command = program.command();
    command.env_clear().args([api, token]).args(steps);
    let printed = c::succeeded(command.output().expect("the program can be run"));
    let line = |line: &str| {
        let (code, message) = line.split_once(' ').expect("a code and a message");
        (code.parse().expect("a number"), message.to_owned())
    };
    printed.lines().map(line).collect()
}

/// The same with one address for all, and with the codes alone.
fn codes(uri: &str, steps: &[&str]) -> Vec<u32> {
    run(uri, uri, steps).into_iter().map(|(code, _)| code).collect()
}

#[test]
fn proxy_variables_are_read_when_the_app_is_made() {
    let provider = provider();
    let trusted = file(provider.ca_pem());
    let trusted = format!("SSL_CERT_FILE={}", &*trusted);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let proxy = Proxy::to(provider.port());
        let set = format!("{name}=http://{}", proxy.address);
        // Past the proxy the name does not resolve.
        assert_eq!(codes(HOST, &["new", &set, "get"]), [code::NETWORK], "{name}");
        assert_eq!(codes(HOST, &[&set, "NO_PROXY=*", "new", "NO_PROXY", "get"]), [code::NETWORK]);
        assert!(proxy.asked().is_empty(), "{name}");
        // Through it the certificate is another host's.
        assert_eq!(codes(HOST, &[&trusted, &set, "new", name, "get"]), [code::TLS], "{name}");
        assert_eq!(proxy.asked().len(), 1, "{name}");
        let steps = [&*trusted, &set, "new", "no_proxy=*", "get"];
        assert_eq!(codes(HOST, &steps), [code::TLS], "{name}");
        assert_eq!(proxy.asked().len(), 2, "{name}");
    }
}

#[test]
fn certificate_variables_are_read_when_the_app_is_made() {
    let (here, elsewhere) = (provider(), provider());
    let (right, wrong) = (file(here.ca_pem()), file(elsewhere.ca_pem()));
    let folder = library::target().join(format!("tmp/requests-roots-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ca.pem"), here.ca_pem()).unwrap();
    let from_file = format!("SSL_CERT_FILE={}", &*right);
    let from_folder = format!("SSL_CERT_DIR=/no/such/folder:{}", folder.display());
    let misleading = format!("SSL_CERT_FILE={}", &*wrong);
    for right in [&from_file, &from_folder] {
        let name = right.split('=').next().unwrap();
        assert_eq!(codes(here.uri(), &[right, "new", name, "get"]), [0], "{right}");
        assert_eq!(codes(here.uri(), &[right, "new", &misleading, "get"]), [0], "{right}");
        assert_eq!(codes(here.uri(), &["new", right, "get"]), [code::TLS], "{right}");
        let replaced = [&*misleading, "new", "SSL_CERT_FILE", right, "get"];
        assert_eq!(codes(here.uri(), &replaced), [code::TLS], "{right}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_bad_proxy_variable_is_reported_by_the_first_request_that_needs_it() {
    let (server, secure) = (Scripted::saying(ok), provider());
    let trusted = file(secure.ca_pem());
    let trusted = format!("SSL_CERT_FILE={}", &*trusted);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let bad = format!("{name}=://");
        // Also where the variable is gone by then.
        for steps in [&[&*bad, "new", "get"][..], &[&bad, "new", name, "get"]] {
            let reports = run(HOST, HOST, steps);
            assert_eq!(reports[0].0, code::INVALID_ARGUMENT, "{reports:?}");
            assert!(reports[0].1.starts_with(&format!("{name}: ")), "{reports:?}");
        }
        // A setter has overridden it.
        assert_eq!(codes(HOST, &[&bad, "new", "proxy:", "get"]), [code::NETWORK], "{name}");
        // Nobody needs it.
        let steps = [&*bad, &format!("NO_PROXY={}", &HOST[8..]), "new", "get"];
        assert_eq!(codes(HOST, &steps), [code::NETWORK], "{name}");
        assert_eq!(codes(secure.uri(), &[&trusted, &bad, "new", "get"]), [0], "{name}");
        let reports = run(&server.uri, HOST, &[&bad, "new", "get", "refresh", "get"]);
        let codes: Vec<_> = reports.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, [0, code::INVALID_ARGUMENT, 0], "{name}: {reports:?}");
    }
}

#[test]
fn an_empty_variable_is_unset() {
    let provider = provider();
    let right = file(provider.ca_pem());
    let right = format!("SSL_CERT_FILE={}", &*right);
    let unset = run(provider.uri(), provider.uri(), &["new", "get"]);
    assert_eq!(unset[0].0, code::TLS);
    for empty in [&["SSL_CERT_FILE="][..], &["SSL_CERT_DIR="], &["SSL_CERT_FILE=", "SSL_CERT_DIR="]]
    {
        let steps = [empty, &["new", "get"]].concat();
        assert_eq!(run(provider.uri(), provider.uri(), &steps), unset, "{empty:?}");
    }
    assert_eq!(codes(provider.uri(), &["SSL_CERT_DIR=", &right, "new", "get"]), [0]);
    let proxy = Proxy::to(provider.port());
    let set = format!("ALL_PROXY=http://{}", proxy.address);
    for empty in ["HTTPS_PROXY=", "https_proxy=", "all_proxy=", "NO_PROXY=", "no_proxy="] {
        assert_eq!(codes(HOST, &[&right, &set, empty, "new", "get"]), [code::TLS], "{empty}");
    }
    assert_eq!(proxy.asked().len(), 5);
    let steps = [&*set, "no_proxy=", "NO_PROXY=*", "new", "get"];
    assert_eq!(codes(HOST, &steps), [code::NETWORK], "the lower-case form says nothing");
}

#[test]
fn plain_http_needs_no_certificates_whatever_the_other_endpoints_are() {
    let server = Scripted::saying(ok);
    let missing = "SSL_CERT_FILE=/no/such/file";
    let proxies =
        [&[][..], &["HTTPS_PROXY=http://127.0.0.1:9"], &["HTTPS_PROXY=https://localhost:9"]];
    for set in proxies {
        let steps = [set, &[missing, "new", "get", "refresh", "revoke", "get"]].concat();
        let reports = run(&server.uri, HOST, &steps);
        let codes: Vec<_> = reports.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, [0, code::TLS, code::TLS, 0], "{set:?}: {reports:?}");
        for (_, message) in &reports[1..3] {
            assert_eq!(message, "SSL_CERT_FILE names no certificate that can be read", "{set:?}");
        }
    }
}

#[test]
fn certificates_are_read_once_and_again_only_after_a_failure() {
    let (here, elsewhere) = (provider(), provider());
    let (right, wrong) = (file(here.ca_pem()), file(elsewhere.ca_pem()));
    let later = file("");
    let steps = [
        &*format!("SSL_CERT_FILE={}", &*later),
        "new",
        "get",
        "refresh",
        &format!("copy:{}:{}", &*right, &*later),
        "get",
        &format!("copy:{}:{}", &*wrong, &*later),
        // Each on a new connection. The simulator does not know this client, but is trusted.
        "refresh",
        "revoke",
    ];
    let reports = codes(here.uri(), &steps);
    assert_eq!(reports[..3], [code::TLS, code::TLS, 0]);
    assert_eq!(here.connections(), 3);
    assert_eq!(here.requests(Target::Any), 3, "the renewal and the revocation too: {reports:?}");
}
