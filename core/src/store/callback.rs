//! The program's callback: it takes new tokens and is never asked for one.

use zeroize::Zeroizing;

use super::{Change, Held, Keeping, NO_MARK, Run, Store};
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::token::Token;

/// It gets a token's JSON. True: the token is saved.
pub(crate) struct Callback<F>(pub F);

impl<F: Fn(&str) -> bool + Send + Sync> Callback<F> {
    pub fn offer(&self, token: &Token, provider: &Provider) -> Result<()> {
        match (self.0)(&Zeroizing::new(token.to_json(provider))) {
            true => Ok(()),
            false => Err(Error::store("the token callback did not save the token")),
        }
    }
}

impl<F: Fn(&str) -> bool + Send + Sync> Store for Callback<F> {
    fn keep(&self, keeping: Keeping, run: &mut Run) -> Result<()> {
        match run(Held::Unreadable, NO_MARK)? {
            Change::Keep(token) => self.offer(&token, keeping.provider),
            Change::None | Change::Remove => Ok(()),
        }
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn is_the_programs(&self) -> bool {
        true
    }
}
