//! One HTTP exchange: a connection for ureq to write a request to and read the response from, whose
//! every wait is the call's.
//!
//! ureq gets an agent for each exchange, with a connector of its own. It knows neither names nor
//! timeouts nor a pool: those are here.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;

use super::ahead::{Ahead, Begun};
use super::connection::Connection;
use super::fault::Fault;
use super::network::Network;
use crate::call::Deadline;
use crate::sync::now;

/// How long the body of a token response may take to be decoded, however little of the call is left.
const DECODING: Duration = Duration::from_secs(2);

/// How ureq is set up for each exchange. It follows no redirect: the secret in a request is for one host
/// only, so that a status of 300 to 399 is a response like any other.
pub(super) fn config() -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .allow_non_standard_methods(true)
        // All headers are put together here: what a program takes away stays away.
        .user_agent("")
        .accept("")
        .accept_encoding("")
        .proxy(None)
        .build()
}

/// Which connection a request may go out on, and what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionUse {
    /// Of an API request: one that is kept, or was opened for it, if there is any. It is kept afterwards.
    Any { can_be_repeated: bool },
    /// A new one, closed afterwards.
    Fresh,
    /// The same, for what is single-use: once it is sent, its response is waited for, also if the
    /// call is cancelled.
    SingleUse,
    /// Of a renewal. One with a single-use refresh token is as above. Any other may go out on a connection
    /// that renewals keep, unless it has to be a fresh one.
    Renewal { is_single_use: bool, fresh: bool },
}

impl ConnectionUse {
    pub fn closes(self) -> bool {
        match self {
            ConnectionUse::Any { .. } => false,
            ConnectionUse::Fresh | ConnectionUse::SingleUse => true,
            ConnectionUse::Renewal { is_single_use, .. } => is_single_use,
        }
    }

    pub(super) fn is_single_use(self) -> bool {
        match self {
            ConnectionUse::Any { .. } | ConnectionUse::Fresh => false,
            ConnectionUse::SingleUse => true,
            ConnectionUse::Renewal { is_single_use, .. } => is_single_use,
        }
    }

    pub(super) fn is_renewal(self) -> bool {
        matches!(self, ConnectionUse::Renewal { .. })
    }
}

/// A renewal that was sent, and whose call ended before the response had come.
pub(crate) struct Cut {
    connection: Box<Connection>,
    pub(super) sent_at: Instant,
}

impl Cut {
    pub fn since_sent(&self) -> Duration {
        now().saturating_duration_since(self.sent_at)
    }

    /// Whether something has come since its call ended, or the other side has closed.
    pub fn has_response(&self) -> bool {
        self.connection.is_readable()
    }
}

/// One exchange, shared by ureq's connection and by the caller, who looks at what became of it.
pub(super) struct Exchange {
    pub(super) connection: ConnectionUse,
    pub(super) uri: Uri,
    pub(super) network: Arc<Network>,
    /// Its request was sent by an earlier call: only the response is read.
    pub(super) resumes: bool,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub(super) deadline: Deadline,
    /// With the response still to come.
    pub(super) resumed: Option<Box<Connection>>,
    pub(super) dialled: bool,
    /// The connection's hash of the access token that came last on it.
    pub(super) last_token: Option<u64>,
    /// A byte of the HTTP request may have gone out. What TLS or a proxy was told is none of it.
    pub(super) sent: bool,
    /// Of a renewal: when that was.
    pub(super) sent_at: Option<Instant>,
    pub(super) responding: bool,
    pub(super) fault: Option<Fault>,
    /// After a whole response to a renewal: its connection, if it can be kept.
    pub(super) open: Option<Box<Connection>>,
    /// Of a renewal: its connection, where the response is still to come.
    pub(super) cut: Option<Box<Connection>>,
}

/// What became of an exchange.
pub(super) struct Ending {
    pub fault: Option<Fault>,
    pub sent: bool,
    /// The program ended the call while that could still end it.
    pub is_cancelled: bool,
    /// It went out on a connection that was open already, and nothing came back.
    pub was_not_answered_on_an_old_connection: bool,
}

impl Exchange {
    pub fn new(
        connection: ConnectionUse,
        uri: &Uri,
        network: &Arc<Network>,
        deadline: &Deadline,
        cut: Option<Cut>,
    ) -> Arc<Exchange> {
        let resumes = cut.is_some();
        let (resumed, sent_at) = cut.map(|cut| (cut.connection, cut.sent_at)).unzip();
        Arc::new(Exchange {
            connection,
            uri: uri.clone(),
            network: network.clone(),
            resumes,
            state: Mutex::new(State {
                deadline: match resumes && connection.is_single_use() {
                    true => deadline.once_sent(),
                    false => deadline.clone(),
                },
                resumed,
                dialled: false,
                last_token: None,
                sent: resumes,
                sent_at,
                responding: false,
                fault: None,
                open: None,
                cut: None,
            }),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call's time, as far as what was sent lets it be ended.
    pub fn deadline(&self) -> Deadline {
        self.state().deadline.clone()
    }

    pub fn ending(&self) -> Ending {
        let mut state = self.state();
        Ending {
            fault: state.fault.take(),
            sent: state.sent,
            is_cancelled: state.deadline.is_cancelled(),
            was_not_answered_on_an_old_connection: !state.dialled && !state.responding,
        }
    }

    /// The same for decoding what is in hand: if it holds a token, that is not dropped.
    pub fn deadline_to_decode(&self) -> Deadline {
        let deadline = self.deadline();
        match self.connection {
            ConnectionUse::Any { .. } | ConnectionUse::Fresh => deadline,
            ConnectionUse::SingleUse | ConnectionUse::Renewal { .. } => {
                deadline.uncancellable().anew(DECODING)
            }
        }
    }

    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    pub fn closes(&self) -> bool {
        self.connection.closes()
    }

    /// How long ago the request was sent; none: by this call.
    pub fn since_sent(&self) -> Option<Duration> {
        let at = self.state().sent_at.filter(|_| self.resumes)?;
        Some(now().saturating_duration_since(at))
    }

    /// The hash of the access token that came last on this connection, before this exchange.
    pub fn last_token(&self) -> Option<u64> {
        self.state().last_token
    }

    /// After a whole response to a renewal: its connection, if the next renewal can go out on it.
    pub fn take_open(&self) -> Option<Box<Connection>> {
        self.state().open.take()
    }

    /// After a renewal failed: what another call can go on with.
    pub fn take_cut(&self) -> Option<Cut> {
        let mut state = self.state();
        let sent_at = state.sent_at?;
        let connection = state.cut.take()?.put_aside();
        Some(Cut { connection, sent_at })
    }

    /// The exchange has failed. ureq is told so with an error that it cannot take for the end of a
    /// body (`do_read` in its `run.rs` does that with some kinds).
    pub(super) fn failed(&self, fault: Fault) -> ureq::Error {
        self.state().fault = Some(fault);
        io::Error::other("the exchange has failed").into()
    }

    /// One that is open already, or on the way.
    fn begun(&self, deadline: &Deadline) -> Option<Begun> {
        match self.connection {
            ConnectionUse::Any { can_be_repeated } => {
                let ahead = deadline.take_beside::<Ahead>();
                let idle = self.network.pool.take(&self.uri).map(Begun::Open);
                idle.or_else(|| ahead?.for_request(&self.uri, can_be_repeated))
            }
            ConnectionUse::Renewal { is_single_use: false, fresh: false } => {
                self.network.of_renewals.take(&self.uri).map(Begun::Open)
            }
            _ => None,
        }
    }

    /// A connection that is open already, or a new one.
    pub(super) fn connect(&self) -> Result<Box<Connection>, Fault> {
        let (deadline, resumed) = {
            let mut state = self.state();
            (state.deadline.clone(), state.resumed.take())
        };
        if let Some(connection) = resumed {
            return Ok(connection);
        }
        if deadline.left().is_zero() {
            return Err(Fault::stopped());
        }
        let begun = match self.begun(&deadline) {
            Some(Begun::Open(connection)) => return Ok(connection),
            Some(Begun::Dialling(dial)) => Some(dial),
            None => None,
        };
        // One that was begun ahead counts as old: the request goes out again if that one comes to nothing.
        let mut is_ahead = begun.is_some();
        let fresh = || self.network.dial(&self.uri, &deadline).map_err(Fault::Setup);
        let mut dial = begun.map_or_else(fresh, Ok)?;
        self.state().dialled = !is_ahead;
        loop {
            // Before each step: a call that was ended opens nothing.
            if deadline.left().is_zero() {
                return Err(Fault::Stopped { when: dial.when() });
            }
            match dial.step(now()) {
                Ok(Some(stream)) => return Ok(Connection::new(stream)),
                Ok(None) => {
                    let _ = deadline.wait(&dial.interests(), dial.next_at());
                }
                Err(_) if is_ahead => {
                    is_ahead = false;
                    dial = fresh()?;
                    self.state().dialled = true;
                }
                Err(fault) => return Err(fault),
            }
        }
    }
}
