//! Sends requests and reads responses.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Instant;

use once_cell::sync::OnceCell;
use ureq::config::Config;
use ureq::http::{HeaderValue, Method, Request, Uri, header};
use ureq::{Agent, AsSendBody};

use super::ahead::Ahead;
use super::body::{self, Body};
use super::connector::{NoNames, Opener};
use super::exchange::{self, Ending, Exchange};
use super::network::Network;
use super::pool::{Pool, To};
use super::{
    Certificates, ConnectionUse, Cut, Failure, Parking, Proxies, Renewed, Response, Source,
};
use crate::call::Deadline;
use crate::error::{Error, ErrorKind};
use crate::log::{Level, Log};

pub(crate) struct Transport {
    network: Arc<Network>,
    /// The settings of ureq's agents. Each exchange has an agent with a connector of its own.
    config: Config,
    log: Log,
}

impl Transport {
    pub fn new(proxies: Proxies, certificates: Certificates, log: Log) -> Transport {
        let network = Network {
            proxies,
            certificates,
            tls: OnceCell::new(),
            pool: Pool::default(),
            of_renewals: Pool::default(),
            hasher: RandomState::new(),
            parking: Parking::default(),
            log: log.clone(),
        };
        Transport { network: Arc::new(network), config: exchange::config(), log }
    }

    /// Opens a connection for an API request while the call first does something else, unless one is idle.
    pub fn open_ahead(&self, uri: &Uri, deadline: &Deadline) {
        if deadline.has_something_beside() || self.network.pool.has(uri) {
            return;
        }
        // The request itself reports an error.
        if let Ok(dial) = self.network.dial(uri, deadline) {
            deadline.go_on_beside(Ahead::new(uri, dial));
        }
    }

    /// The renewals whose responses can still come.
    pub fn parking(&self) -> &Parking {
        &self.network.parking
    }

    /// At each call of the application: closes connections that are too old.
    pub fn tidy(&self) {
        self.network.parking.tidy();
        self.network.of_renewals.tidy();
    }

    /// Sends one request and reads the whole response, whatever its status, until `deadline`.
    pub fn send(
        &self,
        request: Request<impl AsSendBody>,
        connection: ConnectionUse,
        deadline: &Deadline,
        max_body: usize,
        clean: &dyn Fn(&str) -> String,
    ) -> std::result::Result<Response, Failure> {
        let exchange = Exchange::new(connection, request.uri(), &self.network, deadline, None);
        self.carry(request, &exchange, max_body, clean)
    }

    /// The same for a renewal. `cut`: it was sent by an earlier call, and only its response is read.
    pub fn renew(
        &self,
        request: Request<impl AsSendBody>,
        connection: ConnectionUse,
        cut: Option<Cut>,
        deadline: &Deadline,
        max_body: usize,
        clean: &dyn Fn(&str) -> String,
    ) -> Renewed {
        let exchange = Exchange::new(connection, request.uri(), &self.network, deadline, cut);
        let outcome = self.carry(request, &exchange, max_body, clean);
        Renewed {
            outcome,
            cut: exchange.take_cut(),
            source: Source {
                network: self.network.clone(),
                last_token: exchange.last_token(),
                since_sent: exchange.since_sent(),
                open: exchange.take_open().map(|open| (To::of(exchange.uri()), open)),
            },
        }
    }

    fn carry(
        &self,
        request: Request<impl AsSendBody>,
        exchange: &Arc<Exchange>,
        max_body: usize,
        clean: &dyn Fn(&str) -> String,
    ) -> std::result::Result<Response, Failure> {
        if !self.log.wants(Level::Debug) {
            return self.exchange(request, exchange, max_body);
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let begun = Instant::now();
        let outcome = self.exchange(request, exchange, max_body);
        self.log.line(Level::Debug, || {
            let what = match &outcome {
                Ok(response) => format!("{}, {} bytes", response.status, response.body.len()),
                Err(failure) if failure.error.is(ErrorKind::Cancelled) => "cancelled".to_owned(),
                Err(failure) => format!("{}", failure.error.kind()),
            };
            let milliseconds = begun.elapsed().as_millis();
            // A program can put any text into a path, even a token.
            format!("{method} {}: {what}, {milliseconds} ms", clean(uri.path()))
        });
        outcome
    }

    fn exchange(
        &self,
        mut request: Request<impl AsSendBody>,
        exchange: &Arc<Exchange>,
        max_body: usize,
    ) -> std::result::Result<Response, Failure> {
        let uri = request.uri().clone();
        if exchange.closes() {
            let close = HeaderValue::from_static("close");
            request.headers_mut().insert(header::CONNECTION, close);
        }
        let asks_for_head = request.method() == Method::HEAD;
        let agent = Agent::with_parts(self.config.clone(), Opener(exchange.clone()), NoNames);
        let failed = |error: ureq::Error| {
            let Ending { fault, sent, is_cancelled, was_not_answered_on_an_old_connection } =
                exchange.ending();
            let is_hangup = fault.as_ref().map_or(is_hangup(&error), |fault| fault.is_hangup());
            Failure {
                quotes: fault.as_ref().map_or(quotes(&error), |fault| fault.quotes()),
                kept_alive_connection_died: was_not_answered_on_an_old_connection
                    && is_hangup
                    && !is_cancelled,
                nothing_was_sent: !sent,
                error: match fault {
                    _ if is_cancelled => Error::cancelled(),
                    Some(fault) => fault.describe(&self.network.way_to(&uri), sent),
                    None => describe(error, &self.network.way_to(&uri)),
                },
            }
        };
        let response = agent.run(request).map_err(&failed)?;
        let (mut head, body) = response.into_parts();
        if head.status.is_informational() {
            // 101: no request asks for another protocol. Other interim responses are never the last one.
            return Err(Failure {
                error: Error::protocol(format!(
                    "{} answered 101 and switched to another protocol",
                    self.network.way_to(&uri)
                )),
                quotes: false,
                kept_alive_connection_died: false,
                nothing_was_sent: false,
            });
        }
        if asks_for_head || matches!(head.status.as_u16(), 204 | 304) {
            // There is no body, even if the headers name its encoding.
            return Ok(Response {
                status: head.status.as_u16(),
                headers: head.headers,
                body: vec![],
            });
        }
        let deadline = exchange.deadline_to_decode();
        let body = match body::read(body, &mut head.headers, max_body, &deadline) {
            Ok(Body::Whole(body)) => body,
            // Status and headers say what to do. The body is only text for people.
            Ok(Body::Undecodable(_)) if head.status.as_u16() >= 300 => vec![],
            Ok(Body::Undecodable(why)) => {
                let what = "the answer is not what HTTP promises: its body is not the gzip that its \
                            headers announce";
                return Err(Failure {
                    error: Error::protocol(format!("{what}: {why}")),
                    quotes: false,
                    kept_alive_connection_died: false,
                    nothing_was_sent: false,
                });
            }
            Err(ureq::Error::BodyExceedsLimit(_)) if head.status.as_u16() >= 300 => vec![],
            Err(error) => {
                return Err(Failure { kept_alive_connection_died: false, ..failed(error) });
            }
        };
        Ok(Response { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// How ureq says by itself that the connection has ended too early.
fn is_hangup(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof)
}

/// Whether the error repeats text of a server, and not only of this machine.
fn quotes(error: &ureq::Error) -> bool {
    !matches!(error, ureq::Error::Timeout(_) | ureq::Error::Io(_))
}

/// The error for a response that ureq refuses. Errors of a connection are [`Fault`](super::fault::Fault)s.
fn describe(error: ureq::Error, way: &str) -> Error {
    match error {
        ureq::Error::Timeout(_) => Error::timeout("before the answer was complete"),
        ureq::Error::Io(why) if why.kind() == std::io::ErrorKind::UnexpectedEof => Error::network(
            format!("the connection to {way} ended before the response was complete"),
        ),
        ureq::Error::Io(why) => Error::network(format!("the connection to {way} failed: {why}")),
        ureq::Error::BodyExceedsLimit(limit) => {
            Error::protocol(format!("the answer is larger than the {limit} bytes allowed"))
        }
        ureq::Error::LargeResponseHeader(..) => Error::protocol("the answer's head is too large"),
        error => Error::protocol(format!("the answer is not what HTTP promises: {error}")),
    }
}
