//! Whose login it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ApiRequest, Client};
use crate::call::{Bell, Deadline};
use crate::error::{Error, Result};
use crate::os::fork_count;
use crate::renewal::this_thread;
use crate::token::member;

impl Client {
    /// From the token. Where a provider's tokens do not say it, it is asked for once, and kept in the
    /// token.
    pub fn user_id(&self) -> Result<String> {
        if let Some(known) = self.token_field("user_id") {
            return Ok(known);
        }
        let Some(identity) = &self.app().provider.identity else {
            return Err(Error::protocol("the token does not say whose it is: it has no user_id"));
        };
        self.login.refuse_inside_own_callback()?;
        let request = ApiRequest::new(self.api_uri(), "GET", identity.path, None, None)?;
        self.patiently(Deadline::unless_cancelled, |budget, deadline| {
            let _mine = self.own().asking_who.take(deadline)?;
            if let Some(known) = self.token_field("user_id") {
                return Ok(known); // another thread has asked meanwhile
            }
            let asked = self.login.newest();
            let answer = self.attempt(&request, budget, deadline)?;
            let person = std::str::from_utf8(&answer.body).unwrap_or_default();
            let id = member(person, identity.field).flatten();
            let id = id.and_then(|id| serde_json::from_str::<String>(id.get()).ok());
            let id = id.filter(|id| !id.is_empty()).ok_or_else(|| {
                Error::protocol(format!("the identity has no {}", identity.field))
            })?;
            self.login.name(&asked, &id, deadline);
            Ok(id)
        })
    }
}

/// One thread at a time; the others wait, at most until their deadline.
#[derive(Default)]
pub(super) struct Turn {
    /// The fork count and the thread whose it is. A child that was forked meanwhile waits for no thread
    /// of its parent's.
    taken: Mutex<Option<(u32, usize)>>,
    free: Arc<Bell>,
}

/// A turn that was taken; dropping it gives it back.
struct Mine<'a>(&'a Turn);

impl Turn {
    fn lock(&self) -> MutexGuard<'_, Option<(u32, usize)>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, deadline: &Deadline) -> Result<Mine<'_>> {
        let mine = (fork_count(), this_thread());
        if *self.lock() == Some(mine) {
            return Err(Error::inside_own_callback());
        }
        self.free.wait(deadline, || {
            let mut taken = self.lock();
            if taken.is_none_or(|(forks, _)| forks != mine.0) {
                *taken = Some(mine);
            }
            *taken == Some(mine)
        });
        match *self.lock() == Some(mine) {
            true => Ok(Mine(self)),
            false => Err(Error::timeout("while another thread was asking whose login it is")),
        }
    }
}

impl Drop for Mine<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
        self.0.free.ring();
    }
}
