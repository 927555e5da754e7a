//! Where a renewal's response came from.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use super::connection::Connection;
use super::network::Network;
use super::pool::To;
use super::{Cut, Failure, Response};

/// The outcome of a renewal's exchange.
pub(crate) struct Renewed {
    pub outcome: std::result::Result<Response, Failure>,
    /// Another call can still read the response from this.
    pub cut: Option<Cut>,
    pub source: Source,
}

/// Where a renewal's response came from.
pub(crate) struct Source {
    pub(super) network: Arc<Network>,
    /// The hash of the last access token that came on the connection, for an earlier renewal.
    pub(super) last_token: Option<u64>,
    /// How long ago the request was sent, if an earlier call sent it.
    pub since_sent: Option<Duration>,
    pub(super) open: Option<(To, Box<Connection>)>,
}

impl Source {
    /// Earlier renewals went over the connection.
    pub fn was_kept(&self) -> bool {
        self.last_token.is_some()
    }

    /// The response to an earlier renewal holds the same access token.
    pub fn has_brought(&self, access_token: &str) -> bool {
        self.last_token == Some(self.network.hasher.hash_one(access_token))
    }

    /// Keeps the connection for the next renewal, after a response with this access token.
    pub fn keep(self, access_token: &str) {
        if let Some((to, open)) = self.open {
            let mut open = open.cleaned();
            open.last_token = Some(self.network.hasher.hash_one(access_token));
            self.network.of_renewals.put(to, open);
        }
    }
}
