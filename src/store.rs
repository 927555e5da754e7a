//! Where a client's token is kept: what a callback, a token file and a renewal guard have in common.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::token::Token;
use crate::transport::Deadline;

/// What a store is asked to do.
pub(crate) struct Keeping<'a> {
    pub provider: &'static Provider,
    /// The token that the client last read from or saved to this store; none: a login that was
    /// never stored, which takes the place of whatever is there.
    pub base: Option<&'a Arc<Token>>,
    /// A new token is to be asked for; otherwise the one there is is only to be saved.
    pub renewing: bool,
    pub deadline: Deadline,
}

/// What a store calls, once, with what it holds. It answers with what is to be kept; nothing: there
/// is nothing new; an error: the renewal failed, and the store has nothing to do. Before the provider is asked, the mark is called with the token that is about to
/// be spent; where it fails, nothing is asked.
pub(crate) type Run<'a> =
    dyn FnMut(Option<Arc<Token>>, Mark) -> Result<Option<Arc<Token>>> + Send + 'a;
pub(crate) type Mark<'a> = &'a dyn Fn(&Token) -> Result<()>;

/// Where a client's token is kept.
pub(crate) trait Store: Send + Sync {
    /// Carries out one round. Success: what `run` gave out is safely kept.
    fn keep(&self, keeping: Keeping, run: &mut Run) -> Result<()>;

    /// Whether somebody else can have stored a newer token.
    fn is_shared(&self) -> bool;

    /// Whether the time that it takes is the program's own, and not the call's.
    fn is_the_programs(&self) -> bool;
}

/// The program's callback: it takes new tokens and is never asked for one.
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
        match run(keeping.base.cloned(), &|_| Ok(()))? {
            Some(token) => self.offer(&token, keeping.provider),
            None => Ok(()),
        }
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn is_the_programs(&self) -> bool {
        true
    }
}
