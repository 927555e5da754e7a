//! Where a client's token is kept: a transaction that reads, decides, writes and commits.
//!
//! - [`callback`]: the program's function, which takes new tokens
//! - [mod@file]: a token file that processes share
//! - [`guard`]: a renewal inside a transaction of the program's own database

mod callback;
mod file;
mod guard;

use std::sync::Arc;

use crate::call::Deadline;
use crate::error::Result;
use crate::provider::Provider;
use crate::token::Token;
use callback::Callback;
pub(crate) use file::{Content, TokenFile};
use guard::GuardStore;
pub use guard::Offered;

/// What a store has to know before it begins a transaction.
pub(crate) struct Transaction {
    pub provider: &'static Provider,
    /// The token is of a new login, which takes the place of whatever is stored.
    pub never_stored: bool,
    /// The provider may be asked for a new token. Otherwise the token in hand is only saved.
    pub renews: bool,
    pub deadline: Deadline,
}

/// What a store holds.
#[derive(Clone)]
pub(crate) enum Stored {
    /// It cannot be read: it only takes tokens.
    Unreadable,
    Nothing,
    Token(Arc<Token>),
}

/// What a store is to write.
pub(crate) enum Write {
    Nothing,
    /// `possibly_used`: with the renewal marker, if the store keeps one.
    Token {
        token: Arc<Token>,
        possibly_used: bool,
    },
    /// The login is over.
    Remove,
}

/// Sets and removes the renewal marker while a transaction is open. It says that the refresh token is
/// possibly used.
pub(crate) trait Marker {
    /// If this fails, the provider is not asked. True: the store holds this token now.
    fn set(&self, token: &Token) -> Result<bool>;

    fn clear(&self, token: &Token) -> Result<()>;
}

/// Of a store that keeps no marker.
pub(crate) struct NoMarker;

impl Marker for NoMarker {
    fn set(&self, _: &Token) -> Result<bool> {
        Ok(false)
    }

    fn clear(&self, _: &Token) -> Result<()> {
        Ok(())
    }
}

/// Decides, with what is stored in hand, what is to be written. An error: the renewal failed, and nothing
/// is written.
pub(crate) type Decide<'a> = dyn FnMut(Stored, &dyn Marker) -> Result<Write> + Send + 'a;

/// Where a client's token is kept.
pub(crate) trait Store: Send + Sync {
    /// Reads, calls `decide` once, writes and commits. Success: what `decide` returned is safely kept, or
    /// removed if the store is the library's own.
    fn transaction(&self, transaction: &Transaction, decide: &mut Decide) -> Result<()>;

    /// Whether another process can have stored a newer token.
    fn is_shared(&self) -> bool;

    /// Whether it keeps the renewal marker.
    fn keeps_a_marker(&self) -> bool {
        false
    }

    /// Whether it saves anything at all.
    fn saves(&self) -> bool {
        true
    }

    /// Whether a transaction runs the program's code: then its time is the program's, not the call's.
    fn runs_program_code(&self) -> bool;
}

/// The program has said that it does not want the tokens.
pub(crate) struct NoStore;

impl Store for NoStore {
    fn transaction(&self, _: &Transaction, decide: &mut Decide) -> Result<()> {
        decide(Stored::Unreadable, &NoMarker).map(drop)
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn saves(&self) -> bool {
        false
    }

    fn runs_program_code(&self) -> bool {
        false
    }
}

/// Where a login's token is kept, as a program chooses it.
#[derive(Clone)]
pub struct TokenStore(pub(crate) Arc<dyn Store>);

impl TokenStore {
    /// The program does not want the tokens.
    pub fn none() -> TokenStore {
        TokenStore(Arc::new(NoStore))
    }

    /// `save` gets each new token as JSON, and returns whether it is saved.
    pub fn callback(save: impl Fn(&str) -> bool + Send + Sync + 'static) -> TokenStore {
        TokenStore(Arc::new(Callback(save)))
    }

    /// `guard` runs each renewal inside a transaction of the program's own database, and returns whether
    /// it has committed. `first` gets the first token of a new login, as a callback does.
    pub fn guard(
        guard: impl Fn(&Offered) -> bool + Send + Sync + 'static,
        first: Option<impl Fn(&str) -> bool + Send + Sync + 'static>,
    ) -> TokenStore {
        TokenStore(Arc::new(GuardStore::new(guard, first.map(Callback))))
    }
}
