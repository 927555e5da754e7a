//! When and how a token is renewed and saved: the one procedure.
//!
//! A refresh token can be single-use. So one thread at a time leads a renewal, every other one that needs
//! it joins and shares the result, and a new token is in the store's hands before any request uses it.
//! A token that could not be saved is kept, used, and offered again. docs/renewal.md has the states and
//! the invariants.
//!
//! - [`state`]: what is known of the token, and what to do next: pure
//! - [`goal`]: what a thread wants of the token, and why
//! - [`single_flight`]: a renewal or a save under way, and how the others wait for it
//! - [`join`]: whether a thread leads or joins
//! - [`leader`]: what the leader does, through the store
//! - [`attempt`]: what it does to get a new token
//! - [`refresh`]: the requests themselves
//! - [`retry`], [`budget`]: how often they are repeated
//! - [`lost_response`]: what a request without a token says of the refresh token
//! - [`per_request`]: what an API request needs before it is sent and after its response
//! - [`reentrancy`]: calls inside a login's own callback
//!
//! No lock of a client is held while the provider is asked or the store is at work. What a store locks (a
//! token file, a row) is held on purpose, to keep other processes from renewing too.

mod attempt;
mod budget;
mod goal;
mod join;
mod leader;
mod lost_response;
mod per_request;
mod reentrancy;
mod refresh;
mod retry;
mod single_flight;
mod state;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::app::Shared;
use crate::call::Deadline;
use crate::error::{Error, Result};
use crate::http::Parking;
use crate::os::PerProcess;
use crate::store::Store;
use crate::sync::{Mutex, MutexGuard};
use crate::token::{Age, Now, Token};
pub(crate) use budget::Budget;
use goal::{Caller, Goal, Renewal, Why};
use join::Joined;
use single_flight::SingleFlight;
use state::{Ledger, Saving};

/// The provider is not asked for a token with less time than this left, or a quarter of the call's timeout:
/// the response would come too late, and the refresh token would be used for it.
const MIN_TIME: Duration = Duration::from_millis(500);

fn min_time(deadline: &Deadline) -> Duration {
    MIN_TIME.min(deadline.whole() / 4)
}

/// The longest that the end of a login, or its refusal, waits for the response to a renewal that was sent.
const MAX_LAST_WAIT: Duration = Duration::from_secs(2);

/// The longest that a client of a token file is waited for because of a renewal marker.
const MAX_RESUMING: Duration = Duration::from_secs(5);

/// One person's token, and what becomes of it.
pub(crate) struct Login {
    app: Arc<Shared>,
    state: Mutex<LoginState>,
    /// Whether a renewal may have to be repeated after a response: what most requests look at without
    /// the lock.
    is_troubled: AtomicBool,
    /// A call waits until the provider may be asked again. It goes first: calls with less time would ask
    /// again and again, and never get the response.
    somebody_pauses: PerProcess<AtomicBool>,
}

/// What the threads of a login share.
struct LoginState {
    /// While a thread leads it works on a ledger of its own, and puts it here when it finishes. The others, and
    /// a child that is forked meanwhile, go by this one. Its token is the one that requests carry.
    ledger: Ledger,
    /// What the provider just granted, on its way into the store.
    pending: Option<Arc<Token>>,
    store: Arc<dyn Store>,
    flight: Option<Arc<SingleFlight>>,
    /// When a renewal after a response last ended without asking the provider: another process held the
    /// store, say.
    tried_in_vain: Option<Instant>,
}

impl LoginState {
    fn newest(&self) -> &Arc<Token> {
        self.pending.as_ref().unwrap_or(self.ledger.token())
    }

    fn flight_of_this_process(&self) -> Option<&Arc<SingleFlight>> {
        self.flight.as_ref().filter(|flight| flight.is_of_this_process())
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.parking().forget(self.id());
    }
}

impl Login {
    /// A login that is kept already.
    pub fn loaded(app: Arc<Shared>, token: Token, store: Arc<dyn Store>) -> Login {
        Login::new(app, token, Saving::Stored, store)
    }

    /// A new login, kept nowhere yet. A store that already holds another token has an older login.
    pub fn unsaved(app: Arc<Shared>, token: Token, store: Arc<dyn Store>) -> Login {
        Login::new(app, token, Saving::NeverStored, store)
    }

    fn new(app: Arc<Shared>, token: Token, saving: Saving, store: Arc<dyn Store>) -> Login {
        let ledger = Ledger::new(app.provider, token, saving);
        let is_troubled = AtomicBool::new(ledger.is_troubled());
        let state = LoginState { ledger, pending: None, store, flight: None, tried_in_vain: None };
        Login { app, state: Mutex::new(state), is_troubled, somebody_pauses: PerProcess::new() }
    }

    pub fn app(&self) -> &Arc<Shared> {
        &self.app
    }

    /// Different for each login that there is.
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn parking(&self) -> &Parking {
        self.app.transport().parking()
    }

    /// An earlier call has sent a renewal of this token, and its response can still come.
    fn has_parked(&self, token: &Token) -> bool {
        self.parking().has(self.id(), token.refresh_token())
    }

    fn lock(&self) -> MutexGuard<'_, LoginState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest token, also while it is being saved.
    pub fn newest(&self) -> Arc<Token> {
        self.lock().newest().clone()
    }

    /// Renews now, whatever the clock says, and saves.
    pub fn refresh(&self, budget: &Budget, deadline: &mut Deadline) -> Result<()> {
        let token = self.settled(deadline, true)?;
        self.renew(Renewal::new(&token, Why::AskedFor, budget, Caller::Program), deadline)?;
        self.lock().ledger.must_be_saved()
    }

    /// Offers an unsaved token now. A renewal by another thread is waited for: it may bring a token
    /// that is not saved yet.
    pub fn save(&self, deadline: &mut Deadline) -> Result<()> {
        let state = self.lock();
        state.refuse_inside_own_callback()?;
        let flight = state.flight_of_this_process().cloned();
        drop(state);
        if let Some(Err(late)) = flight.map(|flight| flight.wait(deadline).map(drop)) {
            let state = self.lock();
            // If no new token has come, nothing has to be saved.
            return match state.ledger.is_unsaved() || state.pending.is_some() {
                true => Err(late),
                false => Ok(()),
            };
        }
        match self.settled(deadline, true) {
            // It has nothing to be saved, or says so.
            Err(_) if self.lock().ledger.is_revoked() => {}
            settled => drop(settled?),
        }
        self.lock().ledger.must_be_saved()
    }

    /// Notes whose token it is, and saves that with it.
    pub fn name(&self, of: &Token, user_id: &str, deadline: &mut Deadline) {
        // What goes wrong here is kept and offered again.
        let _ = self.lead_or_join(Goal::Name { of, user_id }, deadline);
    }

    /// Ends the login at the provider, and here.
    pub fn revoke(&self, deadline: &mut Deadline) -> Result<()> {
        let mut reading = deadline.at_most(MAX_LAST_WAIT);
        self.read_parked(&mut reading);
        deadline.give_back(reading.given_back());
        self.lead_or_join(Goal::Revoke, deadline).map(drop)
    }

    /// Saves the token into another store, over what is there, and every later one too.
    pub fn move_to(&self, store: Arc<dyn Store>, deadline: &mut Deadline) -> Result<()> {
        self.refuse_inside_own_callback()?;
        match self.join(Goal::Move, deadline)? {
            Joined::Done(_) => Ok(()),
            Joined::Leads { leader, .. } => leader.move_to(store, deadline),
        }
    }

    /// Renews a token at once that was loaded with a renewal marker: the process that set it was killed
    /// or got no response, and the provider repeats its response only for a while.
    pub fn resume(&self, deadline: &Deadline) {
        let state = self.lock();
        let (token, is_in_doubt) = (state.newest().clone(), state.ledger.is_possibly_used());
        drop(state);
        if is_in_doubt {
            let (budget, mut short) = (Budget::new(), deadline.at_most(MAX_RESUMING));
            // What goes wrong here goes wrong again when a request needs it.
            let renewal = Renewal::new(&token, Why::InDoubt, &budget, Caller::Nobody);
            let _ = self.renew(renewal, &mut short);
        }
    }

    /// Before the login ends: the response to a renewal that was sent and cut may hold the only token that is
    /// still good. The provider is not asked again.
    fn read_parked(&self, deadline: &mut Deadline) {
        let token = self.newest();
        if self.has_parked(&token) && token.is_single_use(self.app.provider) {
            let budget = Budget::new();
            // Without it everything is as it was before.
            let _ = self.renew(Renewal::only_reading(&token, Why::InDoubt, &budget), deadline);
        }
    }

    /// The last chance to save its token.
    pub fn finish(&self, deadline: &mut Deadline) {
        let mut reading = deadline.restarted(MAX_LAST_WAIT);
        self.read_parked(&mut reading);
        deadline.give_back(reading.given_back());
        let _ = self.save(deadline);
    }

    /// The current token, after an unsaved one was offered once more. A thread that renews offers it as
    /// well, and need not be waited for.
    fn settled(&self, deadline: &mut Deadline, waits_for_renewal: bool) -> Result<Arc<Token>> {
        let state = self.lock();
        state.refuse_inside_own_callback()?;
        if state.ledger.is_revoked() {
            return Err(Error::revoked());
        }
        let renews = state.flight_of_this_process().is_some_and(|flight| flight.renews());
        if !state.ledger.is_unsaved() || renews && !waits_for_renewal {
            return Ok(state.ledger.token().clone());
        }
        drop(state);
        // Whatever keeps the store from saving it, the token is in hand and good to be used: half of
        // the time is left for that.
        let mut half = deadline.at_most(deadline.left() / 2);
        let _ = self.lead_or_join(Goal::Save, &mut half);
        deadline.give_back(half.given_back());
        let state = self.lock();
        match state.ledger.is_revoked() {
            true => Err(Error::revoked()),
            false => Ok(state.ledger.token().clone()),
        }
    }

    /// Why its refresh token is no good any more, if its end was known.
    fn refresh_token_end(&self, token: &Token) -> Option<&'static str> {
        token
            .refresh_token_is_past_its_end(Now::read())
            .then_some(self.app.provider.refresh_token_end)
    }

    fn age(&self, token: &Token) -> Age {
        token.age(Now::read(), self.app.refresh_leeway, self.app.provider)
    }
}
