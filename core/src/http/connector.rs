//! The parts of an exchange that ureq asks for: a connector, a transport, and a resolver that resolves nothing.

use std::fmt;
use std::sync::Arc;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use super::connection::Connection;
use super::exchange::Exchange;
use super::fault::Fault;
use super::pool::To;
use crate::sync::now;

/// Opens the connection for ureq.
#[derive(Clone)]
pub(super) struct Opener(pub Arc<Exchange>);

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

impl Connector for Opener {
    type Out = Bound;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<Bound>, ureq::Error> {
        let exchange = &self.0;
        let mut connection = exchange.connect().map_err(|fault| exchange.failed(fault))?;
        exchange.state().last_token = connection.last_token;
        if exchange.connection.is_renewal() {
            connection.keep_what_comes();
        }
        let is_tls = connection.is_tls();
        Ok(Some(Bound {
            connection: Some(connection),
            nothing: LazyBuffers::new(1, 1),
            exchange: exchange.clone(),
            is_tls,
        }))
    }
}

/// A connection while an exchange has it.
pub(super) struct Bound {
    /// None: it was put back into the pool.
    connection: Option<Box<Connection>>,
    /// The buffers that ureq would see of a connection that it does not use any more.
    nothing: LazyBuffers,
    exchange: Arc<Exchange>,
    is_tls: bool,
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").finish_non_exhaustive()
    }
}

impl Transport for Bound {
    fn buffers(&mut self) -> &mut dyn Buffers {
        match &mut self.connection {
            Some(connection) => &mut connection.buffers,
            None => &mut self.nothing,
        }
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let exchange = &self.exchange;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if exchange.resumes {
            return Ok(());
        }
        let deadline = {
            let mut state = exchange.state();
            if state.deadline.left().is_zero() {
                drop(state);
                return Err(exchange.failed(Fault::stopped()));
            }
            state.deadline = match exchange.connection.is_single_use() {
                true => state.deadline.once_sent(),
                false => state.deadline.sent(),
            };
            state.sent = true;
            if exchange.connection.is_renewal() {
                state.sent_at.get_or_insert_with(now);
            }
            state.deadline.clone()
        };
        let sent = connection.send(amount, &deadline);
        exchange.state().responding |= !connection.buffers.input().is_empty();
        sent.map_err(|fault| exchange.failed(fault))
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        let exchange = &self.exchange;
        let Some(connection) = &mut self.connection else { return Ok(false) };
        let deadline = exchange.deadline();
        match connection.receive(&deadline) {
            Ok(came) => {
                exchange.state().responding |= came;
                Ok(came)
            }
            Err(fault) => {
                // The whole request is sent: only the response is still to come.
                let is_stopped = matches!(fault, Fault::Stopped { .. });
                if is_stopped && connection.can_be_put_aside() {
                    exchange.state().cut = self.connection.take();
                }
                Err(exchange.failed(fault))
            }
        }
    }

    /// ureq asks this once, after a whole response, to keep the connection. This keeps it instead.
    fn is_open(&mut self) -> bool {
        let exchange = &self.exchange;
        let Some(connection) = self.connection.take() else { return false };
        if exchange.connection.closes() || exchange.resumes || !connection.is_wholly_sent() {
            return false;
        }
        match exchange.connection.is_renewal() {
            // The token endpoint decides after it has read the response.
            true => exchange.state().open = Some(connection),
            false => exchange.network.pool.put(To::of(&exchange.uri), connection),
        }
        false
    }

    fn is_tls(&self) -> bool {
        self.is_tls
    }
}

/// Names are looked up only when a connection is really opened.
#[derive(Debug, Default)]
pub(super) struct NoNames;

impl Resolver for NoNames {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}
