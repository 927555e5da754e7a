//! One HTTP exchange: ureq writes the request to a connection and reads the response from it. Each wait uses
//! the call's deadline.
//!
//! Each exchange has a ureq agent with a connector of its own. ureq resolves no names, has no timeouts and
//! keeps no connections: all that is here.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;

use super::ahead::{Ahead, Begun};
use super::connection::Connection;
use super::cut::Cut;
use super::fault::Fault;
use super::network::Network;
use crate::call::Deadline;
use crate::sync::now;

/// How long the body of a token response may take to be decoded, however little of the call is left.
const DECODING: Duration = Duration::from_secs(2);

/// The settings of ureq for each exchange. It follows no redirect, because the secret in a request is for one
/// host only. So a status of 300 to 399 is a response like any other.
pub(super) fn config() -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .allow_non_standard_methods(true)
        // ureq adds no headers: a header that a program removes stays removed.
        .user_agent("")
        .accept("")
        .accept_encoding("")
        .proxy(None)
        .build()
}

/// Which connection a request may use, and what happens to the connection afterwards.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionUse {
    /// Of an API request: a kept one, or one that was opened for it, or else a new one. It is kept afterwards.
    Any { can_be_repeated: bool },
    /// A new one, closed afterwards.
    Fresh,
    /// The same, for a code or a revocation. Once the request is sent, the call waits for its response, even
    /// if it is cancelled.
    SingleUse,
    /// Of a renewal. With a single-use refresh token, it is as above. Any other renewal may use a connection
    /// that renewals keep, unless `fresh` asks for a new one.
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

/// One exchange. ureq's connection and the caller share it; the caller reads its outcome here.
pub(super) struct Exchange {
    pub(super) connection: ConnectionUse,
    pub(super) uri: Uri,
    pub(super) network: Arc<Network>,
    /// An earlier call has sent its request: only the response is read.
    pub(super) resumes: bool,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub(super) deadline: Deadline,
    /// The connection of an earlier call's request, with the response still to come.
    pub(super) resumed: Option<Box<Connection>>,
    pub(super) dialled: bool,
    /// The hash of the last access token that came on the connection.
    pub(super) last_token: Option<u64>,
    /// A byte of the HTTP request may have gone out. Bytes of TLS or for a proxy do not count.
    pub(super) sent: bool,
    /// Of a renewal: when the first byte went out.
    pub(super) sent_at: Option<Instant>,
    pub(super) responding: bool,
    pub(super) fault: Option<Fault>,
    /// After a whole response to a renewal: its connection, if it can be kept.
    pub(super) open: Option<Box<Connection>>,
    /// Of a renewal: its connection, if the response is still to come.
    pub(super) cut: Option<Box<Connection>>,
}

/// How an exchange ended.
pub(super) struct Ending {
    pub fault: Option<Fault>,
    pub sent: bool,
    /// The program ended the call at a time when that could still end it.
    pub is_cancelled: bool,
    /// The connection was open before this request, and no response came.
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

    /// The call's deadline. If something single-use was sent, the program cannot end it.
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

    /// The same for decoding a response that has come: it may hold a token, which must not be lost.
    pub fn deadline_to_decode(&self) -> Deadline {
        let deadline = self.deadline();
        match self.connection {
            ConnectionUse::Any { .. } | ConnectionUse::Fresh => deadline,
            ConnectionUse::SingleUse | ConnectionUse::Renewal { .. } => {
                deadline.uncancellable().restarted(DECODING)
            }
        }
    }

    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    pub fn closes(&self) -> bool {
        self.connection.closes()
    }

    /// How long ago an earlier call sent the request. None: this call sends it.
    pub fn since_sent(&self) -> Option<Duration> {
        let at = self.state().sent_at.filter(|_| self.resumes)?;
        Some(now().saturating_duration_since(at))
    }

    /// The hash of the access token that came last on this connection, before this exchange.
    pub fn last_token(&self) -> Option<u64> {
        self.state().last_token
    }

    /// After a whole response to a renewal: its connection, if the next renewal can use it.
    pub fn take_open(&self) -> Option<Box<Connection>> {
        self.state().open.take()
    }

    /// After a renewal failed: its connection, if another call can still read the response.
    pub fn take_cut(&self) -> Option<Cut> {
        let mut state = self.state();
        let sent_at = state.sent_at?;
        let connection = state.cut.take()?.put_aside();
        Some(Cut { connection, sent_at })
    }

    /// Notes the failure and returns an error for ureq. ureq takes errors of some kinds for the end of a body
    /// (`do_read` in its `run.rs`); it does not do so with this one.
    pub(super) fn failed(&self, fault: Fault) -> ureq::Error {
        self.state().fault = Some(fault);
        io::Error::other("the exchange has failed").into()
    }

    /// A connection that is open already, or being opened.
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
        // A connection that was begun ahead counts as old: if it fails, the request gets a new one.
        let mut is_ahead = begun.is_some();
        let fresh = || self.network.dial(&self.uri, &deadline).map_err(Fault::Setup);
        let mut dial = begun.map_or_else(fresh, Ok)?;
        self.state().dialled = !is_ahead;
        loop {
            // Before each step: a call that was ended opens no connection.
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
