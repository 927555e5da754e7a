//! HTTP, through ureq.
//!
//! One [`Transport`] belongs to an app and is shared by all its clients. It keeps connections for
//! API requests; a request that spends something single-use goes out on a connection of its own,
//! which cannot be one that the server is just closing.
//!
//! Some limits are inside the parsers under ureq, where nothing can set them; the manual states them in
//! its chapter on requests. ureq-proto 0.7: 128 header lines (`MAX_RESPONSE_HEADERS` in
//! `client/mod.rs`), 20 bytes of a chunk's size line with its extensions (`SANITY_CHECK` in
//! `chunk.rs`), no header in `100 Continue` (`HeadersWith100` in `client/recvresp.rs`). httparse 1.10:
//! no folded header lines, unless its `ParserConfig` allows them, which ureq-proto's `parser.rs` does
//! not use. ureq 3.5 limits the head to 64 KiB (`max_response_header_size` in `config.rs`).
//!
//! Redirects are never followed: the secret in a request is for one host only.

mod body;
mod certificates;
mod crypto;
mod dial;
mod environment;
mod no_proxy;
mod proxy;

use std::time::Instant;

use once_cell::sync::OnceCell;
use ureq::http::{HeaderValue, Method, Request, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody, Proxy, Timeout};

use crate::answer::Answer;
use crate::call::Deadline;
use crate::error::FitbitErrorCode::FITBIT_ERROR_CANCELLED;
use crate::error::redact::Secrets;
use crate::error::{Error, Result};
use crate::log::{Level, Log};
use body::Body;
pub(crate) use certificates::Certificates;
use dial::{Cut, Dialer, Resolver};
pub(crate) use environment::Environment;
pub(crate) use no_proxy::is_loopback;
pub(crate) use proxy::Proxies;

/// Idle connections kept per host: enough for a program of 64 threads on one app.
const IDLE_CONNECTIONS: usize = 64;

/// What each connection writes from and reads into. Both are filled with zeros when a connection is
/// opened, and held while it is idle. The second has room for more than the longest head that ureq
/// reads, 64 KiB: one that is too long shows by filling it further.
const OUTPUT_BUFFER: usize = 64 * 1024;
const INPUT_BUFFER: usize = 80 * 1024;

/// Which connection a request may go out on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// One that is already open, if there is any.
    Any,
    /// A new one, closed afterwards.
    Fresh,
    /// The same, for what is single-use: once it is sent, its answer is waited for, also if the call is
    /// cancelled.
    Spending,
}

/// A request that failed without an answer that can be used.
pub(crate) struct Failure {
    pub error: Error,
    /// Its message may repeat what the other side said.
    pub quotes: bool,
    /// It had gone out on a kept-alive connection, which died before any answer.
    pub kept_alive_connection_died: bool,
    /// Not a byte of the HTTP request had gone out, whatever TLS or a proxy was told.
    pub nothing_was_sent: bool,
}

pub(crate) struct Transport {
    proxies: Proxies,
    certificates: Certificates,
    dialer: Dialer,
    /// Made at the first request to https, because a machine without certificates can use plain
    /// http. If that fails, the next request tries again.
    tls: OnceCell<TlsConfig>,
    plain: OnceCell<Agents>,
    direct: OnceCell<Agents>,
    proxied: OnceCell<Agents>,
    log: Log,
}

/// What requests go out with on one way: plain http, https, or https through the proxy.
struct Agents {
    pooled: Agent,
    unpooled: Agent,
}

impl Failure {
    /// The error, without the secrets that the other side may have repeated.
    pub fn redacted(self, secrets: &Secrets) -> Error {
        if self.quotes { self.error.redacted(secrets) } else { self.error }
    }
}

impl Transport {
    pub fn new(proxies: Proxies, certificates: Certificates, log: Log) -> Transport {
        Transport {
            proxies,
            certificates,
            dialer: Dialer::new(log.clone()),
            tls: OnceCell::new(),
            plain: OnceCell::new(),
            direct: OnceCell::new(),
            proxied: OnceCell::new(),
            log,
        }
    }

    /// The one place that decides whether a request goes through a proxy.
    fn agents(&self, uri: &Uri) -> Result<&Agents> {
        if uri.scheme_str() != Some("https") {
            let nobody = || tls_config(Certificates::nobody());
            return Ok(self.plain.get_or_init(|| self.agents_with(None, nobody())));
        }
        let proxy = self.proxies.proxy_for(uri)?;
        let agents = if proxy.is_some() { &self.proxied } else { &self.direct };
        agents.get_or_try_init(|| {
            let tls = self.tls.get_or_try_init(|| self.certificates.roots().map(tls_config))?;
            Ok(self.agents_with(proxy, tls.clone()))
        })
    }

    fn agents_with(&self, proxy: Option<&Proxy>, tls: TlsConfig) -> Agents {
        let agent = |idle: usize| {
            let config = Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .allow_non_standard_methods(true)
                // All headers are put together here: what a program takes away stays away.
                .user_agent("")
                .accept("")
                .accept_encoding("")
                .proxy(proxy.cloned())
                .tls_config(tls.clone())
                .input_buffer_size(INPUT_BUFFER)
                .output_buffer_size(OUTPUT_BUFFER)
                .max_idle_connections(idle)
                .max_idle_connections_per_host(idle)
                .build();
            Agent::with_parts(config, self.dialer.clone(), Resolver::default())
        };
        Agents { pooled: agent(IDLE_CONNECTIONS), unpooled: agent(0) }
    }

    /// Sends one request and reads the whole answer, whatever its status, until `deadline`.
    pub fn send(
        &self,
        request: Request<impl AsSendBody>,
        connection: Connection,
        deadline: &Deadline,
        max_body: usize,
        clean: &dyn Fn(&str) -> String,
    ) -> std::result::Result<Answer, Failure> {
        if !self.log.wants(Level::Debug) {
            return self.carry(request, connection, deadline, max_body);
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let begun = Instant::now();
        let outcome = self.carry(request, connection, deadline, max_body);
        self.log.line(Level::Debug, || {
            let what = match &outcome {
                Ok(answer) => format!("{}, {} bytes", answer.status, answer.body.len()),
                Err(failure) if failure.error.is(FITBIT_ERROR_CANCELLED) => "cancelled".to_owned(),
                Err(failure) => format!("{:?}", failure.error.code()),
            };
            let milliseconds = begun.elapsed().as_millis();
            // A program can put anything into a path, a token too.
            format!("{method} {}: {what}, {milliseconds} ms", clean(uri.path()))
        });
        outcome
    }

    /// Whom a message has to name, where a connection was not made or did not last.
    fn way_to(&self, uri: &Uri) -> String {
        let host = uri.host().unwrap_or_default();
        match self.proxies.proxy_for(uri) {
            Ok(Some(proxy)) => {
                format!("{host} through the proxy {}:{}", proxy.host(), proxy.port())
            }
            _ => host.to_owned(),
        }
    }

    fn carry(
        &self,
        mut request: Request<impl AsSendBody>,
        connection: Connection,
        deadline: &Deadline,
        max_body: usize,
    ) -> std::result::Result<Answer, Failure> {
        let uri = request.uri().clone();
        let agents = self.agents(&uri).map_err(|error| Failure {
            error,
            quotes: false,
            kept_alive_connection_died: false,
            nothing_was_sent: true,
        })?;
        let agent = match connection {
            Connection::Any => &agents.pooled,
            Connection::Fresh | Connection::Spending => {
                // Said, it is also closed without the lock that all connections are kept under.
                let close = HeaderValue::from_static("close");
                request.headers_mut().insert(header::CONNECTION, close);
                &agents.unpooled
            }
        };
        let asks_for_head = request.method() == Method::HEAD;
        let call = dial::Call::begin(deadline.clone(), connection == Connection::Spending);
        let described = |error| match call.is_cancelled() {
            true => Error::cancelled(),
            false => describe(error, &self.way_to(&uri), call.was_sent()),
        };
        let response = match agent.run(request) {
            Ok(response) => response,
            Err(error) => {
                return Err(Failure {
                    quotes: quotes(&error),
                    // Cancelling shuts a connection down as well.
                    kept_alive_connection_died: call.was_not_answered_on_an_old_connection()
                        && is_hangup(&error)
                        && !call.is_cancelled(),
                    nothing_was_sent: !call.was_sent(),
                    error: described(error),
                });
            }
        };
        let (mut head, body) = response.into_parts();
        if head.status.is_informational() {
            // 101: no request asks for another protocol. The others are never the last word.
            return Err(Failure {
                error: Error::protocol(format!(
                    "{} answered 101 and switched to another protocol",
                    self.way_to(&uri)
                )),
                quotes: false,
                kept_alive_connection_died: false,
                nothing_was_sent: false,
            });
        }
        if asks_for_head || matches!(head.status.as_u16(), 204 | 304) {
            // No body, whatever the headers say of its encoding.
            return Ok(Answer {
                status: head.status.as_u16(),
                headers: head.headers,
                body: vec![],
            });
        }
        let failed = |error, quotes| Failure {
            error,
            quotes,
            kept_alive_connection_died: false,
            nothing_was_sent: false,
        };
        let body = match body::read(body, &mut head.headers, max_body) {
            Ok(Body::Whole(body)) => body,
            // Its status and its headers say what to do; the body is only words for people.
            Ok(Body::Undecodable(_)) if head.status.as_u16() >= 300 => vec![],
            Ok(Body::Undecodable(why)) => {
                let what = "the answer is not what HTTP promises: its body is not the gzip that its \
                            headers announce";
                return Err(failed(Error::protocol(format!("{what}: {why}")), false));
            }
            Err(ureq::Error::BodyExceedsLimit(_)) if head.status.as_u16() >= 300 => vec![],
            Err(error) => {
                let quotes = quotes(&error);
                return Err(failed(described(error), quotes));
            }
        };
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

fn tls_config(roots: RootCerts) -> TlsConfig {
    TlsConfig::builder()
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(crypto::provider())
        .build()
}

fn is_hangup(error: &ureq::Error) -> bool {
    use std::io::ErrorKind::*;
    matches!(error, ureq::Error::Io(error) if matches!(
        Cut::of(error).unwrap_or(error).kind(),
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected
    ))
}

/// Whether the error repeats what a server or a proxy said, and not only what this machine says.
fn quotes(error: &ureq::Error) -> bool {
    use ureq::Error::*;
    !matches!(
        error,
        Timeout(_) | Io(_) | HostNotFound | ConnectionFailed | Rustls(_) | Tls(_) | TlsRequired
    )
}

/// What rustls refuses; a SOCKS proxy's nonsense is the same kind of error.
fn tls_error(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The one place that turns what ureq says into an error of ours.
fn describe(error: ureq::Error, way: &str, sent: bool) -> Error {
    use std::io::ErrorKind::{InvalidData, TimedOut, UnexpectedEof};
    let ended = "ended before the response was complete";
    // Once a byte of the request has gone out, the response is lost, whatever TLS reports: anybody on
    // the way can spoil a record, and make the other side send a fatal alert. Only before that can a
    // certificate or a handshake have been refused.
    let tls = |why: &rustls::Error| match sent {
        true => Error::network(format!("the TLS connection to {way} {ended}: {why}")),
        false => Error::tls(format!("the TLS connection to {way} failed: {why}")),
    };
    match error {
        ureq::Error::Timeout(Timeout::Resolve) => Error::timeout("while a name was resolved"),
        ureq::Error::Timeout(_) => Error::timeout("before the answer was complete"),
        ureq::Error::Io(error) => match Cut::of(&error).unwrap_or(&error).kind() {
            UnexpectedEof if sent => Error::network(format!("the connection to {way} {ended}")),
            TimedOut => Error::timeout("before the answer was complete"),
            // How rustls reports what it refuses, through the stream that it reads from.
            InvalidData => match tls_error(&error) {
                Some(why) => tls(why),
                None => Error::protocol(format!(
                    "the connection to {way} failed: the other side does not keep its protocol: {error}"
                )),
            },
            _ => Error::network(format!("the connection to {way} failed: {error}")),
        },
        ureq::Error::HostNotFound => {
            Error::network(format!("the connection to {way} failed: no name resolved"))
        }
        ureq::Error::ConnectionFailed => {
            Error::network(format!("no connection to {way} could be made"))
        }
        ureq::Error::ConnectProxyFailed(why) => Error::network(format!("the proxy refused: {why}")),
        ureq::Error::Rustls(error) => tls(&error),
        ureq::Error::Tls(why) => Error::tls(format!("the TLS connection to {way} failed: {why}")),
        ureq::Error::TlsRequired => Error::tls("the connection is not encrypted"),
        ureq::Error::BodyExceedsLimit(limit) => {
            Error::protocol(format!("the answer is larger than the {limit} bytes allowed"))
        }
        ureq::Error::LargeResponseHeader(..) => Error::protocol("the answer's head is too large"),
        error => Error::protocol(format!("the answer is not what HTTP promises: {error}")),
    }
}
