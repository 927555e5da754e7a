//! A renewal whose call ended before its response came.

use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::sync::now;

/// A renewal that was sent, and whose call ended before the response had come.
pub(crate) struct Cut {
    pub(super) connection: Box<Connection>,
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
