//! Proxies that refuse, stall, die or talk nonsense: what a call says of it, when it ends, and that
//! the proxy's password shows nowhere.

use std::ffi::{CStr, c_char, c_void};
use std::io::Write;
use std::net::SocketAddr;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::world::PROFILE;
use fitbit_test_support::{Client, Error, code, level};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::certificates::{File, file};
use crate::named_proxies::world;
use crate::relay::{Proxy, echo, head, listen, saying, silence, slow_relay};
use crate::setup::{client_of, gives_up};
use crate::socks::Socks;

/// As they stand in an address: `us@er` and `hun/ter2hunter2`.
const CREDENTIALS: &str = "us%40er:hun%2Fter2hunter2";

/// What no text may hold: the password, as it is and escaped, and the beginning and the end of what
/// Basic makes of it.
const SECRETS: [&str; 4] = ["ter2hunter2", "hun%2F", "hun/", "dXNAZXI6aHVuL3Rlcj"];

/// Every line that the apps of this file have logged.
static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn logged() -> MutexGuard<'static, Vec<String>> {
    LOGGED.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "C" fn log(_: u32, message: *const c_char, _: *mut c_void) {
    let line = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    logged().push(line);
}

/// A person's client, whose way goes through the proxy at this address.
fn client(provider: &Simulator, trusted: &File, proxy: &str, timeout: u32) -> Client {
    client_of(provider, &["profile"], |app| {
        app.set_ca_file(trusted.as_ref()).unwrap();
        app.set_proxy(Some(proxy)).unwrap();
        app.set_timeout_ms(timeout).unwrap();
        app.set_logger(level::TRACE, Some(log), null_mut()).unwrap();
    })
}

/// Neither the error nor any line of the log tells the password.
fn keeps_the_secret(error: &Error) {
    let logged = logged();
    assert!(logged.iter().any(|line| line.starts_with("connecting to ")), "{logged:#?}");
    for secret in SECRETS {
        let telling = logged.iter().find(|line| line.contains(secret));
        assert!(!error.all_text().contains(secret) && telling.is_none(), "{error:?} {telling:?}");
    }
}

/// A request through a proxy that cannot be used.
fn fails(scheme: &str, address: SocketAddr, timeout: u32) -> Error {
    let (provider, trusted) = world();
    let credentials = if scheme.starts_with("socks4") { "" } else { &format!("{CREDENTIALS}@") };
    let proxy = format!("{scheme}://{credentials}{address}");
    let client = client(&provider, &trusted, &proxy, timeout);
    let (error, _) = gives_up(|| client.get(PROFILE));
    assert_eq!((error.http_status, &error.body), (0, &None), "it is not the provider's");
    keeps_the_secret(&error);
    assert_eq!(provider.requests(Target::Any), 0, "no other way was tried");
    error
}

/// How long a call may take that is not about time.
const AMPLE: u32 = 20_000;

#[test]
fn a_proxy_that_refuses_is_a_network_error() {
    for answer in [
        &b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"[..],
        b"HTTP/1.0 407 dXNAZXI6aHVuL3RlcjJodW50ZXIy\r\n\r\nhun/ter2hunter2",
        b"HTTP/1.1 403 Forbidden: hun%2Fter2hunter2\r\n\r\n",
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/hun/ter2hunter2\r\n\r\n",
        b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n\r\n",
        b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
        b"HTTP/1.1 504 Gateway Timeout\r\n\r\n",
        // It goes away without a word, or in the middle of one.
        b"",
    ] {
        let error = fails("http", Proxy::saying(answer).address, AMPLE);
        assert_eq!(error.code, code::NETWORK, "{}: {error:?}", answer.escape_ascii());
    }
}

#[test]
fn a_socks_proxy_that_refuses_is_a_network_error() {
    let mut answers: Vec<Vec<u8>> = vec![
        // No way of proving who one is; a wrong password.
        vec![5, 0xff],
        vec![5, 2, 1, 1],
        vec![5, 2, 1, 0xff],
        // It goes away without a word, or in the middle of one.
        vec![],
        vec![5],
        vec![5, 0, 5],
        vec![5, 0, 5, 0, 0, 1, 127, 0],
    ];
    answers.extend((1..=9).map(|reply| vec![5, 0, 5, reply, 0, 1, 0, 0, 0, 0, 0, 0]));
    for answer in answers {
        let shown = format!("{answer:?}");
        for scheme in ["socks5", "socks5h"] {
            let error = fails(scheme, saying(answer.clone()), AMPLE);
            assert_eq!(error.code, code::NETWORK, "{shown}: {error:?}");
        }
    }
    for reply in 91..=93 {
        let error = fails("socks4", saying(vec![0, reply, 0, 0, 0, 0, 0, 0]), AMPLE);
        assert_eq!(error.code, code::NETWORK, "{reply}: {error:?}");
    }
}

#[test]
fn a_proxy_that_is_not_there_is_a_network_error() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    for scheme in ["http", "https", "socks4", "socks4a", "socks5", "socks5h"] {
        let error = fails(scheme, nobody, AMPLE);
        assert_eq!(error.code, code::NETWORK, "{scheme}: {error:?}");
    }
}

#[test]
fn the_message_says_that_it_was_the_proxy() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let refuses = Proxy::saying(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    for (scheme, address) in [
        ("http", nobody),
        ("http", refuses.address),
        ("socks5", nobody),
        ("socks5", saying(vec![5, 0xff])),
    ] {
        let error = fails(scheme, address, AMPLE);
        assert!(error.message.contains("proxy"), "{scheme} {address}: {error:?}");
    }
}

#[test]
fn a_proxy_whose_name_nobody_knows_is_a_network_error() {
    let (provider, trusted) = world();
    for scheme in ["http", "socks5", "socks5h"] {
        let proxy = format!("{scheme}://{CREDENTIALS}@proxy.invalid:3128");
        let (error, _) = gives_up(|| client(&provider, &trusted, &proxy, 8000).get(PROFILE));
        assert_eq!(error.code, code::NETWORK, "{scheme}: {error:?}");
        // Whoever looks for the fault is not to look for it at the provider.
        assert!(error.message.contains("proxy"), "{error:?}");
    }
}

#[test]
fn a_proxy_that_talks_nonsense_is_no_certificates_fault() {
    let nonsense: [&[u8]; 6] = [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example ESMTP hun/ter2hunter2\r\n",
        b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
        b"\x05\x63\x05\x63\x05\x63\x05\x63\x05\x63\x05\x63",
        b"HTTP/9.9 999\r\n\r\nHTTP/1.1 hun%2Fter2hunter2",
        b"{\"error\":\"dXNAZXI6aHVuL3RlcjJodW50ZXIy\"}\r\n\r\n",
    ];
    let mut wrong = Vec::new();
    for answer in nonsense {
        for scheme in ["http", "socks4", "socks4a", "socks5", "socks5h"] {
            let error = fails(scheme, saying(answer.to_vec()), AMPLE);
            if ![code::PROTOCOL, code::NETWORK].contains(&error.code) {
                wrong.push((scheme, answer.escape_ascii().to_string(), error.code, error.message));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_proxy_that_repeats_what_it_is_told_gives_no_password_away() {
    for scheme in ["http", "socks5", "socks5h", "https"] {
        let error = fails(scheme, echo(), 2000);
        let expected = [code::PROTOCOL, code::NETWORK, code::TLS];
        assert!(expected.contains(&error.code), "{scheme}: {error:?}");
    }
}

#[test]
fn a_head_that_is_too_long_comes_to_an_end() {
    let endless = [&b"HTTP/1.1 200 OK\r\nX: "[..], &[b'a'; 4_000_000]].concat();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Filler: a\r\n".repeat(10_000));
    for answer in [endless, many.into_bytes()] {
        let error = fails("http", saying(answer), AMPLE);
        assert!([code::PROTOCOL, code::NETWORK].contains(&error.code), "{error:?}");
    }
}

#[test]
fn what_is_no_tls_behind_a_tunnel_is_a_tls_error() {
    let greeting = b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 Bad Request\r\n\r\n";
    let error = fails("http", Proxy::saying(greeting).address, AMPLE);
    assert_eq!(error.code, code::TLS, "{error:?}");
    // A proxy that is to be spoken to over TLS, and does not.
    let error = fails("https", saying("HTTP/1.1 400 Bad Request\r\n\r\n"), AMPLE);
    assert_eq!(error.code, code::TLS, "{error:?}");
}

#[test]
fn a_proxy_that_stalls_ends_with_the_timeout() {
    let http: [&[u8]; 4] =
        [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nX", b"HTTP/1.1 200 OK\r\n\r\n"];
    let socks5: [&[u8]; 6] = [
        b"",
        b"\x05",
        b"\x05\x02",
        b"\x05\x00\x05\x00",
        b"\x05\x00\x05\x00\x00\x03\xffname",
        b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00",
    ];
    let socks4: [&[u8]; 3] = [b"", b"\x00\x5a", b"\x00\x5a\x00\x00\x00\x00\x00\x00"];
    let stalls = http.map(|said| ("http", said)).into_iter();
    let stalls = stalls.chain(socks5.map(|said| ("socks5", said)));
    let stalls = stalls.chain(socks4.map(|said| ("socks4", said)));
    for (scheme, said) in stalls.chain([("https", &b""[..]), ("https", b"\x16\x03\x03\x00\x7a")]) {
        let error = fails(scheme, silence(said), 300);
        assert_eq!(error.code, code::TIMEOUT, "{scheme} {}: {error:?}", said.escape_ascii());
    }
}

#[test]
fn a_proxy_that_drips_ends_with_the_timeout() {
    let provider = world().0;
    let socks = Socks::to(provider.port());
    // A handshake takes some 900 bytes: 45 seconds.
    let slow = slow_relay(socks.address.port(), 0, Duration::from_millis(50));
    let endless = Proxy::endless(Duration::from_millis(50));
    for (scheme, address) in [("socks5", slow), ("socks4a", slow), ("http", endless.address)] {
        let error = fails(scheme, address, 600);
        assert_eq!(error.code, code::TIMEOUT, "{scheme}: {error:?}");
    }
}

/// A trusted certificate, but for a name that tells the password: of a proxy that listens in to what it
/// tunnels, and of one that is spoken to over TLS.
#[test]
fn a_password_in_a_certificates_name_is_not_shown() {
    const PASSWORD: &str = "ter2hunter2.example";
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec![PASSWORD.to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let trusted = file(certificate.pem());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let (provider, _) = world();
    for scheme in ["http", "https"] {
        let config = config.clone();
        let address = listen("127.0.0.1", move |mut near| {
            if scheme == "http" {
                head(&mut near)?;
                near.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            }
            let mut session =
                ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
            session.complete_io(&mut near).map(drop)
        });
        let proxy = format!("{scheme}://us%40er:{PASSWORD}@{address}");
        let (error, _) = gives_up(|| client(&provider, &trusted, &proxy, AMPLE).get(PROFILE));
        assert_eq!(error.code, code::TLS, "{scheme}: {error:?}");
        assert!(error.message.contains("name"), "{scheme}: {error:?}");
        keeps_the_secret(&error);
    }
}
