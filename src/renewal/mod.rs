//! When and how a token is renewed and saved: the one procedure.
//!
//! A refresh token can be single-use. So one thread at a time renews a client's token (a
//! *flight*), whoever else needs it waits and shares the result, and a new token is in the store's
//! hands before any request uses it. A token that could not be saved is kept, used, and offered
//! again. Where the token is kept is a [`Store`]: the program's callback, or something that
//! other processes read too; the procedure is the same.
//!
//! No lock of a client is held while the provider is asked or the store is at work; what a store locks
//! (a token file, a row) is held on purpose, to keep other processes from renewing too.

mod flight;
mod round;

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::app::Shared;
use crate::error::FitbitErrorCode::{FITBIT_ERROR_REAUTHORIZE, FITBIT_ERROR_TIMEOUT};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::token::{Age, Now, Token, Unfit};
use crate::transport::Deadline;
use flight::{Flight, Outcome};
use round::Round;

/// How often one call asks for a token whose answer seems lost.
const ATTEMPTS: u32 = 4;

/// The pause before the second attempt, give or take a half; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// One attempt gets half of the time left, but not less than this where there is so much: giving
/// up on an answer that is only slow can lose it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nobody is asked for a token with less time than this left, or a quarter of the app's timeout:
/// the answer would come too late, and the refresh token would be spent for it.
const LEAST_TIME: Duration = Duration::from_millis(500);

/// One person's token, and what becomes of it.
pub(crate) struct Login {
    app: Arc<Shared>,
    state: Mutex<State>,
}

struct State {
    store: Arc<dyn Store>,
    /// What requests carry.
    current: Arc<Token>,
    /// What the provider just answered, on its way into the store; then it becomes current.
    pending: Option<Arc<Token>>,
    /// What the store held when it was last read or written, as far as is known.
    base: Option<Arc<Token>>,
    /// The newest token is not known to be in the store.
    unsaved: bool,
    /// It is of a new login, which no store is known to have held.
    never_stored: bool,
    /// Why the store last failed.
    store_error: Option<Error>,
    /// A token whose refresh token the provider refused for good.
    dead: Option<Arc<Token>>,
    flight: Option<Arc<Flight>>,
}

/// What a flight is for.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    /// Another token than this one, which aged, was answered with 401, or is not wanted any more.
    Renew { bad: &'a Token, after_401: bool },
    /// The token there is, into the store; nobody is asked for one.
    Save,
    /// The token there is, into another store, which takes every later one too.
    Move { to: &'a Arc<dyn Store> },
}

impl State {
    fn newest(&self) -> &Arc<Token> {
        self.pending.as_ref().unwrap_or(&self.current)
    }

    fn is_dead(&self, token: &Token) -> bool {
        same_refresh_token(self.dead.as_deref(), token)
    }

    fn must_be_saved(&self) -> Result<()> {
        if !self.unsaved {
            return Ok(());
        }
        if self.is_dead(&self.current) {
            return Err(Error::reauthorize("the provider refused this login's refresh token"));
        }
        let why = self.store_error.as_ref().map_or("", |error| error.message());
        Err(Error::store(&format!("the token is not saved, but kept to be offered again: {why}")))
    }

    fn refuse_inside_own_callback(&self) -> Result<()> {
        match &self.flight {
            Some(flight) if flight.is_mine() => Err(Error::inside_own_callback()),
            _ => Ok(()),
        }
    }
}

fn same_refresh_token(dead: Option<&Token>, token: &Token) -> bool {
    dead.is_some_and(|dead| dead.refresh_token() == token.refresh_token())
}

impl Login {
    /// A login that is kept already.
    pub fn loaded(app: Arc<Shared>, token: Token, store: Arc<dyn Store>) -> Login {
        let token = Arc::new(token);
        Login::new(app, token.clone(), Some(token), store)
    }

    /// A new login, kept nowhere yet. A store that already holds another token has an older login.
    pub fn unsaved(app: Arc<Shared>, token: Token, store: Arc<dyn Store>) -> Login {
        Login::new(app, Arc::new(token), None, store)
    }

    fn new(
        app: Arc<Shared>,
        current: Arc<Token>,
        base: Option<Arc<Token>>,
        store: Arc<dyn Store>,
    ) -> Login {
        let unsaved = base.is_none();
        let state = State {
            store,
            current,
            pending: None,
            base,
            unsaved,
            never_stored: unsaved,
            store_error: None,
            dead: None,
            flight: None,
        };
        Login { app, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest token there is, also while it is being saved.
    pub fn newest(&self) -> Arc<Token> {
        self.lock().newest().clone()
    }

    /// The token that a request is to carry, renewed where its age demands it.
    pub fn token_for_request(&self, deadline: &mut Deadline) -> Result<Arc<Token>> {
        let token = self.settled(deadline)?;
        match self.age(&token) {
            Age::Lasting => Ok(token),
            Age::Expired => self.fly(Purpose::Renew { bad: &token, after_401: false }, deadline),
            Age::Leaving => {
                // It still works: what goes wrong here is not the request's problem yet, and half
                // of the time is left to it.
                let mut half = deadline.at_most(deadline.left() / 2);
                let renewed = self.fly(Purpose::Renew { bad: &token, after_401: false }, &mut half);
                deadline.give_back(half.given_back());
                match renewed {
                    Err(error) if error.is(FITBIT_ERROR_REAUTHORIZE) => Err(error),
                    Err(error) if self.age(&token) == Age::Expired => Err(error),
                    Err(_) => Ok(token),
                    Ok(renewed) => Ok(renewed),
                }
            }
        }
    }

    /// After a 401 that says the token is not valid: the token to repeat the request with, if
    /// there can be a better one.
    pub fn token_after_401(
        &self,
        bad: &Token,
        deadline: &mut Deadline,
    ) -> Result<Option<Arc<Token>>> {
        if self.lock().current.same_as(bad) && !bad.may_be_renewed_after_401() {
            return Ok(None);
        }
        self.fly(Purpose::Renew { bad, after_401: true }, deadline).map(Some)
    }

    /// Renews now, whatever the clock says, and saves.
    pub fn refresh(&self, deadline: &mut Deadline) -> Result<()> {
        let held = self.settled(deadline)?;
        self.fly(Purpose::Renew { bad: &held, after_401: false }, deadline)?;
        self.lock().must_be_saved()
    }

    /// Offers an unsaved token now.
    pub fn save(&self, deadline: &mut Deadline) -> Result<()> {
        self.settled(deadline)?;
        self.lock().must_be_saved()
    }

    /// Saves the token into another store, over what is there, and every later one too.
    pub fn move_to(&self, store: Arc<dyn Store>, deadline: &mut Deadline) -> Result<()> {
        self.lock().refuse_inside_own_callback()?;
        self.fly(Purpose::Move { to: &store }, deadline).map(drop)
    }

    /// Renews a token at once whose renewal was begun by a process that is not there any more: the
    /// provider may have spent its refresh token, and repeats the answer only for a while.
    pub fn resume(&self, deadline: &mut Deadline) {
        let token = self.newest();
        if token.is_interrupted() {
            // What goes wrong here goes wrong again when a request needs it.
            let _ = self.fly(Purpose::Renew { bad: &token, after_401: false }, deadline);
        }
    }

    /// The current token, after an unsaved one was offered once more.
    fn settled(&self, deadline: &mut Deadline) -> Result<Arc<Token>> {
        let state = self.lock();
        state.refuse_inside_own_callback()?;
        if !state.unsaved {
            return Ok(state.current.clone());
        }
        drop(state);
        // Whatever keeps the store from saving it, the token is in hand and good to be used: half of
        // the time is left for that.
        let mut half = deadline.at_most(deadline.left() / 2);
        let _ = self.fly(Purpose::Save, &mut half);
        deadline.give_back(half.given_back());
        Ok(self.lock().current.clone())
    }

    fn least_time(&self) -> Duration {
        LEAST_TIME.min(self.app.timeout / 4)
    }

    fn age(&self, token: &Token) -> Age {
        token.age(Now::read(), self.app.refresh_leeway, self.app.provider)
    }

    /// Whether there is nothing left to do for this purpose.
    fn is_met(&self, purpose: Purpose, state: &State) -> bool {
        match purpose {
            Purpose::Move { .. } => false,
            Purpose::Save => !state.unsaved || state.is_dead(state.newest()),
            Purpose::Renew { bad, .. } => {
                self.is_better(&state.current, bad) && !state.is_dead(&state.current)
            }
        }
    }

    /// Whether `token` can take the place of one that is not to be used any more.
    fn is_better(&self, token: &Token, bad: &Token) -> bool {
        token.access_token() != bad.access_token() && self.age(token) != Age::Expired
    }

    /// Renews or saves, or waits for the thread that does.
    fn fly(&self, purpose: Purpose, deadline: &mut Deadline) -> Result<Arc<Token>> {
        let mut state = self.lock();
        loop {
            if self.is_met(purpose, &state) {
                return Ok(state.current.clone());
            }
            let Some(flight) = state.flight.clone() else { break };
            if flight.process != std::process::id() {
                state.flight = None;
                continue;
            }
            state.refuse_inside_own_callback()?;
            state = flight.wait(state, deadline)?;
            match (purpose, flight.outcome.get()) {
                // It was offered a moment ago; once is enough.
                (Purpose::Save, Some(Outcome { offered: true, .. })) => {
                    return Ok(state.current.clone());
                }
                // There may be time left here.
                (_, Some(Outcome { out_of_time: true, .. })) => {}
                (Purpose::Renew { .. }, Some(Outcome { renewal: true, token, .. })) => {
                    return token.clone();
                }
                _ => {}
            }
        }
        let flight = Flight::begin();
        state.flight = Some(flight.clone());
        let mut round = Round {
            login: self,
            flight,
            store: state.store.clone(),
            own: state.newest().clone(),
            base: state.base.clone(),
            unsaved: state.unsaved,
            never_stored: state.never_stored,
            store_error: None,
            dead: state.dead.clone(),
            error: Some(Error::internal("a renewal did not come to its end")),
            renewal: matches!(purpose, Purpose::Renew { .. }),
            offered: false,
            out_of_time: false,
        };
        drop(state);
        let flown = round.fly(purpose, deadline);
        round.out_of_time = flown.as_ref().is_err_and(|error| error.is(FITBIT_ERROR_TIMEOUT))
            && deadline.left() < self.least_time();
        round.error = flown.err();
        round.land()
    }

    /// Asks the provider for the token that follows `own`, again and again with the same refresh
    /// token while the answer may only have got lost: Fitbit repeats its answer for two minutes,
    /// and the request may never have arrived. `perhaps_spent` becomes true if that happened once.
    fn ask(
        &self,
        own: &Token,
        after_401: bool,
        perhaps_spent: &mut bool,
        deadline: &Deadline,
    ) -> Result<Token> {
        let transport = self.app.transport()?;
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            if deadline.left() < self.least_time() {
                return Err(Error::timeout("before the token could be renewed"));
            }
            let patience = deadline.at_most(PATIENCE.max(deadline.left() / 2));
            let asked = self.app.token_endpoint.refresh(
                own.refresh_token(),
                own.access_token(),
                transport,
                patience,
            );
            let error = match asked {
                Ok(fields) => {
                    let token =
                        Token::from_answer(&fields, Some(own), self.app.provider, after_401);
                    return token.map_err(|unfit| match unfit {
                        Unfit::ForeignProvider => {
                            Error::protocol("the token received cannot be used")
                        }
                        Unfit::Malformed(why) => {
                            Error::protocol(format!("the token received cannot be used: {why}"))
                        }
                    });
                }
                Err(error) => error,
            };
            *perhaps_spent |= error.may_be_a_lost_answer();
            let jittered = pause.mul_f64(0.5 + random());
            let too_late = deadline.left() < jittered + self.least_time();
            if attempt == ATTEMPTS || !error.may_be_a_lost_answer() || too_late {
                return Err(error);
            }
            std::thread::sleep(jittered);
            pause *= 2;
        }
        Err(Error::internal("the attempts have no end"))
    }
}

/// Anything from 0 up to 1, different in each process and at each call.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or(0))
        / f64::from(u32::MAX)
}
