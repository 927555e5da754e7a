//! Where a client's token is kept: what a callback, a token file and a renewal guard have in common.

mod callback;
pub(crate) mod file;
mod guard;

use std::sync::Arc;

use crate::call::Deadline;
use crate::error::Result;
use crate::provider::Provider;
use crate::token::Token;
use callback::Callback;
use guard::GuardStore;
pub use guard::Offered;

/// What a store is asked to do.
pub(crate) struct Keeping {
    pub provider: &'static Provider,
    /// The token to be kept is of a new login, which takes the place of whatever is there.
    pub never_stored: bool,
    /// A new token is to be asked for; otherwise the one there is is only to be saved.
    pub renewing: bool,
    pub deadline: Deadline,
}

/// What a store holds.
#[derive(Clone)]
pub(crate) enum Held {
    /// It cannot be read.
    Unreadable,
    Nothing,
    Token(Arc<Token>),
}

/// What is to become of what a store holds.
pub(crate) enum Change {
    /// There is nothing new.
    None,
    Keep(Arc<Token>),
    /// The login is over.
    Remove,
}

/// What a store calls, once, with what it holds. It answers with what is to become of that; an
/// error: the renewal failed, and the store has nothing to do.
pub(crate) type Run<'a> = dyn FnMut(Held, Mark) -> Result<Change> + Send + 'a;

/// Notes in the store that a token is about to be spent (true), or that it was not spent after all.
/// Where the first fails, nobody is asked. True: the store holds this token now.
pub(crate) type Mark<'a> = &'a dyn Fn(&Token, bool) -> Result<bool>;

/// Where nothing is noted.
pub(crate) const NO_MARK: Mark<'static> = &|_, _| Ok(false);

/// Where a client's token is kept.
pub(crate) trait Store: Send + Sync {
    /// Carries out one round. Success: what `run` gave out is safely kept, or removed where the store
    /// is the library's own.
    fn keep(&self, keeping: Keeping, run: &mut Run) -> Result<()>;

    /// Whether somebody else can have stored a newer token.
    fn is_shared(&self) -> bool;

    /// Whether it keeps the renewal marker.
    fn keeps_a_marker(&self) -> bool {
        false
    }

    /// Whether it saves anything at all.
    fn saves(&self) -> bool {
        true
    }

    /// Whether the time that it takes is the program's own, and not the call's.
    fn is_the_programs(&self) -> bool;
}

/// No store: the program has said that it does not want the tokens.
pub(crate) struct NoStore;

impl Store for NoStore {
    fn keep(&self, _: Keeping, run: &mut Run) -> Result<()> {
        run(Held::Unreadable, NO_MARK).map(drop)
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn saves(&self) -> bool {
        false
    }

    fn is_the_programs(&self) -> bool {
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
