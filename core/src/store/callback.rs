//! The program's callback: it takes new tokens and is never asked for one.

use zeroize::Zeroizing;

use super::{Decide, NoMarker, Store, Stored, Transaction, Write};
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::token::Token;

/// It gets a token's JSON. True: the token is saved.
pub(crate) struct Callback<F>(pub F);

impl<F: Fn(&str) -> bool + Send + Sync> Callback<F> {
    fn offer(&self, token: &Token, provider: &Provider) -> Result<()> {
        match (self.0)(&Zeroizing::new(token.to_json(provider))) {
            true => Ok(()),
            false => Err(Error::store("the token callback did not save the token")),
        }
    }
}

impl<F: Fn(&str) -> bool + Send + Sync> Store for Callback<F> {
    fn transaction(&self, transaction: &Transaction, decide: &mut Decide) -> Result<()> {
        match decide(Stored::Unreadable, &NoMarker)? {
            Write::Token { token, .. } => self.offer(&token, transaction.provider),
            Write::Nothing | Write::Remove => Ok(()),
        }
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn runs_program_code(&self) -> bool {
        true
    }
}
