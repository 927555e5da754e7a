//! Calls that a login's own callback makes on the same login: what would wait for itself fails at once.

use super::{Login, LoginState};
use crate::error::{Error, Result};

impl Login {
    /// On the thread that runs this client's own callback, a call that needs its renewal cannot work.
    pub fn refuse_inside_own_callback(&self) -> Result<()> {
        self.lock().refuse_inside_own_callback()
    }
}

impl LoginState {
    pub(super) fn refuse_inside_own_callback(&self) -> Result<()> {
        match &self.flight {
            Some(flight) if flight.is_led_by_this_thread() => Err(Error::inside_own_callback()),
            _ => Ok(()),
        }
    }
}
