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

mod ask;
mod flight;
mod outcome;
mod round;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::app::Shared;
use crate::call::Deadline;
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::log::Level;
use crate::os::PerProcess;
use crate::store::Store;
use crate::sync::{Mutex, MutexGuard, now};
use crate::token::{Age, Now, Token};
pub(crate) use ask::Budget;
pub(crate) use flight::this_thread;
use flight::{Flight, Outcome};
use round::Round;

/// Nobody is asked for a token with less time than this left, or a quarter of the call's timeout:
/// the response would come too late, and the refresh token would be spent for it.
const MIN_TIME: Duration = Duration::from_millis(500);

fn min_time(deadline: &Deadline) -> Duration {
    MIN_TIME.min(deadline.whole() / 4)
}

/// After a renewal that possibly used the refresh token, the provider is not asked again for so long,
/// by any thread: whatever swallows answers is not flooded, and Fitbit repeats its answer for longer.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How long a call waits for one that goes first.
const TURN: Duration = Duration::from_millis(10);

/// The longest that a request whose token works is prolonged by a renewal after it.
const AFTER_A_RESPONSE: Duration = Duration::from_secs(2);

/// The longest that the end of a login, or its refusal, waits for the response to a renewal that was sent.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// How long an earlier call's response is read when nothing but what has come already is wanted.
const LOOK: Duration = Duration::from_millis(20);

/// The longest that a client of a token file is waited for because of a renewal marker.
const RESUMING: Duration = Duration::from_secs(5);

/// One person's token, and what becomes of it.
pub(crate) struct Login {
    app: Arc<Shared>,
    state: Mutex<State>,
    /// Whether a renewal may have to be repeated after a response: what most requests look at without
    /// the lock.
    is_troubled: AtomicBool,
    /// A call waits until the provider may be asked again. It goes first: calls with less time would ask
    /// again and again, and never get the response.
    somebody_pauses: PerProcess<AtomicBool>,
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
    /// The last renewal, if it failed and the provider did not end the login.
    failed: Option<Arc<FailedRenewal>>,
    /// When a renewal after a response last ended without asking the provider: another process held the
    /// store, say.
    tried_in_vain: Option<Instant>,
    /// A token whose refresh token the provider refused for good.
    dead: Option<Arc<Token>>,
    /// When the provider first refused the current refresh token. Only a request that was sent before can
    /// have used it.
    refused_at: Option<Instant>,
    /// The program ended this login.
    revoked: bool,
    flight: Option<Arc<Flight>>,
}

/// A renewal that brought no token.
struct FailedRenewal {
    /// What was to be renewed.
    token: Arc<Token>,
    error: Error,
    /// When it had failed.
    at: Instant,
    /// It possibly used the refresh token, or its response can still come.
    asks_later: bool,
}

impl FailedRenewal {
    /// How long the provider is not to be asked again.
    fn time_left(&self, now: Instant) -> Duration {
        let pause = match self.asks_later {
            true => ASK_AGAIN_AFTER,
            // Only where the provider has named a time: what was not sent starts no five seconds.
            false => self.error.retry_after().unwrap_or(Duration::ZERO),
        };
        pause.saturating_sub(now.saturating_duration_since(self.at))
    }

    /// What a call is told that may not ask for a token any more.
    fn asked_too_often(failed: Option<&Arc<FailedRenewal>>) -> Error {
        failed.map_or_else(Error::asked_too_often, |failed| failed.error.clone())
    }
}

/// What a flight is for.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    /// Another token than this one.
    Renew(Renewal<'a>),
    /// The token there is, into the store; nobody is asked for one.
    Save,
    /// The token there is, into another store, which takes every later one too.
    Move { to: &'a Arc<dyn Store> },
    /// This id into the token there is, which does not say whose it is, if it is of the same login as
    /// this one; then as for saving.
    Name { of: &'a Token, user_id: &'a str },
    /// The end of the login.
    Revoke,
}

#[derive(Clone, Copy)]
struct Renewal<'a> {
    bad: &'a Token,
    why: Why,
    budget: &'a Budget,
    /// It has less time or fewer attempts than its call.
    is_short: bool,
    /// An API request waits for it.
    for_request: bool,
    /// Only the response to an earlier call's renewal is read, and nobody is asked.
    only_reads: bool,
    /// The same, as a first step.
    reads: bool,
    /// That step was made.
    has_read: bool,
}

impl<'a> Renewal<'a> {
    fn new(bad: &'a Token, why: Why, budget: &'a Budget) -> Renewal<'a> {
        Renewal {
            bad,
            why,
            budget,
            is_short: false,
            for_request: false,
            only_reads: false,
            reads: false,
            has_read: false,
        }
    }

    fn short(self) -> Renewal<'a> {
        Renewal { is_short: true, ..self }
    }

    fn only_reading(self) -> Renewal<'a> {
        Renewal { only_reads: true, ..self.short() }
    }

    fn for_request(self) -> Renewal<'a> {
        Renewal { for_request: true, ..self }
    }
}

/// What a thread finds that needs a renewal or a save.
enum Joined<'a> {
    Done(Arc<Token>),
    /// It has to do it itself. `reads`: an earlier call's response comes first.
    Leads {
        state: MutexGuard<'a, State>,
        reads: bool,
    },
}

/// Why a token is to be renewed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Expired,
    ExpiringSoon,
    /// The provider answered 401.
    Rejected,
    AskedFor,
    /// What became of an earlier renewal is not known: its refresh token is possibly used.
    InDoubt,
}

impl Why {
    fn in_words(self) -> &'static str {
        match self {
            Why::Expired => "it has expired",
            Why::ExpiringSoon => "it expires soon",
            Why::Rejected => "the provider answered 401",
            Why::AskedFor => "the program asked for it",
            Why::InDoubt => "how an earlier renewal of it ended is not known",
        }
    }
}

impl State {
    fn newest(&self) -> &Arc<Token> {
        self.pending.as_ref().unwrap_or(&self.current)
    }

    /// The last renewal failed, or its outcome is not known.
    fn is_troubled(&self) -> bool {
        self.failed.is_some() || self.current.is_possibly_used()
    }

    fn is_dead(&self, token: &Token) -> bool {
        same_refresh_token(self.dead.as_deref(), token)
    }

    /// The last renewal, if it was of this token and failed.
    fn failed_renewal_of(&self, token: &Token) -> Option<&Arc<FailedRenewal>> {
        self.failed.as_ref().filter(|failed| failed.token.same_as(token))
    }

    /// How long a renewal has to wait after one that possibly used the refresh token; an error: there
    /// is no time for that in this call. `goes_first`: no other call has waited for longer.
    fn pause_before(
        &self,
        renewal: Renewal,
        time_left: Duration,
        goes_first: bool,
    ) -> Result<Option<Duration>> {
        let failed = self.failed_renewal_of(self.newest());
        if renewal.budget.is_empty() {
            return Err(FailedRenewal::asked_too_often(failed));
        }
        let Some(failed) = failed.filter(|failed| failed.asks_later) else { return Ok(None) };
        match failed.time_left(now()) {
            Duration::ZERO if goes_first => Ok(None),
            Duration::ZERO if time_left.is_zero() => {
                Err(failed.error.clone().asked_too_early(TURN))
            }
            Duration::ZERO => Ok(Some(TURN)),
            wait if time_left < wait => Err(failed.error.clone().asked_too_early(wait)),
            wait => Ok(Some(wait)),
        }
    }

    fn must_be_saved(&self) -> Result<()> {
        if !self.unsaved {
            return Ok(());
        }
        if self.revoked {
            return Err(Error::revoked());
        }
        if self.is_dead(&self.current) {
            return Err(Error::refused_login(None));
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

/// The call that goes first when the provider may be asked again, as long as this lives.
struct Pausing<'a>(&'a AtomicBool);

impl Pausing<'_> {
    /// None: another one goes first.
    fn begin(somebody_pauses: &AtomicBool) -> Option<Pausing<'_>> {
        let is_first = !somebody_pauses.swap(true, Ordering::SeqCst);
        is_first.then(|| Pausing(somebody_pauses))
    }
}

impl Drop for Pausing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.app.transport().forget_parked(self.id());
    }
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
            failed: None,
            tried_in_vain: None,
            dead: None,
            refused_at: None,
            revoked: false,
            flight: None,
        };
        let is_troubled = AtomicBool::new(state.is_troubled());
        Login { app, state: Mutex::new(state), is_troubled, somebody_pauses: PerProcess::new() }
    }

    pub fn app(&self) -> &Arc<Shared> {
        &self.app
    }

    /// Different for each login that there is.
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// An earlier call has sent a renewal of this token, and its response can still come.
    fn has_parked(&self, token: &Token) -> bool {
        self.app.transport().has_parked(self.id(), token.refresh_token())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest token there is, also while it is being saved.
    pub fn newest(&self) -> Arc<Token> {
        self.lock().newest().clone()
    }

    /// The token that a request is to carry, renewed where its age demands it.
    ///
    /// A token that still works never waits for another thread's renewal, nor for one that is likely
    /// to fail again: that comes after the response ([`Login::renew_after_response`]).
    pub fn token_for_request(
        &self,
        budget: &Budget,
        deadline: &mut Deadline,
    ) -> Result<Arc<Token>> {
        let token = self.settled(deadline, false)?;
        match self.age(&token) {
            Age::Lasting => Ok(token),
            Age::Expired => {
                let renewal = Renewal::new(&token, Why::Expired, budget).for_request();
                self.renew(renewal, deadline)
            }
            Age::ExpiringSoon if !self.is_renewed_first(&token, budget) => Ok(token),
            Age::ExpiringSoon => {
                // What goes wrong here is not the request's problem yet, and half of the time is
                // left to it.
                let mut half = deadline.at_most(deadline.left() / 2);
                let renewal = Renewal::new(&token, Why::ExpiringSoon, budget).short().for_request();
                let renewed = self.renew(renewal, &mut half);
                deadline.give_back(half.given_back());
                match renewed {
                    Err(error) if error.is(ErrorKind::Reauthorize) => Err(error),
                    Err(error) if self.age(&token) == Age::Expired => Err(error),
                    Err(error) => {
                        self.app.log.line(Level::Warn, || {
                            format!("the token was not renewed, and still lasts: {error}")
                        });
                        Ok(token)
                    }
                    Ok(renewed) => Ok(renewed),
                }
            }
        }
    }

    /// Whether a token that still works is renewed before a request: not while another thread does
    /// it, and not if that failed the last time.
    fn is_renewed_first(&self, token: &Token, budget: &Budget) -> bool {
        let state = self.lock();
        let in_flight = state.flight.as_ref().is_some_and(|flight| flight.is_of_this_process());
        let in_doubt = token.is_possibly_used() || state.failed_renewal_of(token).is_some();
        !in_flight && !in_doubt && !budget.is_empty()
    }

    /// After the response to a request whose token works: asks once more for a token whose renewal
    /// failed in an earlier call; if it possibly used the refresh token, not within five seconds. The
    /// request's own result stands.
    pub fn renew_after_response(&self, budget: &Budget, deadline: &mut Deadline) {
        if budget.is_touched() || !self.is_troubled.load(Ordering::Relaxed) {
            return;
        }
        let state = self.lock();
        let token = state.current.clone();
        let failed = state.failed_renewal_of(&token);
        let why = match token.is_possibly_used() {
            true => Why::InDoubt,
            false if failed.is_some() && self.age(&token) == Age::ExpiringSoon => Why::ExpiringSoon,
            false => return,
        };
        let before = state.failed.clone();
        let in_vain = state.tried_in_vain;
        let too_early = failed.is_some_and(|failed| !failed.time_left(now()).is_zero())
            || in_vain.is_some_and(|at| now().saturating_duration_since(at) < ASK_AGAIN_AFTER);
        let in_flight = state.flight.as_ref().is_some_and(|flight| flight.is_of_this_process());
        if in_flight || state.revoked || state.is_dead(&token) {
            return;
        }
        drop(state);
        if too_early {
            let transport = self.app.transport();
            if transport.has_parked_response(self.id(), token.refresh_token()) {
                let renewal = Renewal::new(&token, why, budget).only_reading();
                let _ = self.renew(renewal, &mut deadline.at_most(LOOK));
            }
            return;
        }
        let mut short = match why {
            Why::InDoubt => deadline.at_most(AFTER_A_RESPONSE),
            // It is not in doubt yet: if it is sent, its answer is worth waiting for.
            _ => deadline.sent_within(AFTER_A_RESPONSE),
        };
        // What goes wrong here goes wrong again when a request needs it.
        let renewed = self.renew(Renewal::new(&token, why, &budget.one()).short(), &mut short);
        deadline.give_back(short.given_back());
        let mut state = self.lock();
        let same = match (&before, &state.failed) {
            (Some(before), Some(after)) => Arc::ptr_eq(before, after),
            (before, after) => before.is_none() && after.is_none(),
        };
        state.tried_in_vain = (renewed.is_err() && same).then(now);
    }

    /// After a 401 that says the token is not valid: the token to repeat the request with, if
    /// there can be a better one.
    pub fn token_after_401(
        &self,
        bad: &Token,
        budget: &Budget,
        deadline: &mut Deadline,
    ) -> Result<Option<Arc<Token>>> {
        let state = self.lock();
        if state.current.same_as(bad) {
            let gave_up = budget.is_empty() && state.failed_renewal_of(bad).is_none();
            if gave_up || !bad.may_be_renewed_after_401() {
                return Ok(None);
            }
        }
        drop(state);
        let renewal = Renewal::new(bad, Why::Rejected, budget).for_request();
        self.renew(renewal, deadline).map(Some)
    }

    /// Renews now, whatever the clock says, and saves.
    pub fn refresh(&self, budget: &Budget, deadline: &mut Deadline) -> Result<()> {
        let held = self.settled(deadline, true)?;
        self.renew(Renewal::new(&held, Why::AskedFor, budget), deadline)?;
        self.lock().must_be_saved()
    }

    /// On the thread that runs this client's own callback, what would need its renewal cannot work.
    pub fn refuse_inside_own_callback(&self) -> Result<()> {
        self.lock().refuse_inside_own_callback()
    }

    /// Offers an unsaved token now. A renewal by another thread is waited for: it may bring a token
    /// that is not saved yet.
    pub fn save(&self, deadline: &mut Deadline) -> Result<()> {
        let state = self.lock();
        state.refuse_inside_own_callback()?;
        let flight = state.flight.clone().filter(|flight| flight.is_of_this_process());
        drop(state);
        if let Some(Err(late)) = flight.map(|flight| flight.wait(deadline).map(drop)) {
            let state = self.lock();
            // If no new token has come, nothing has to be saved.
            return match state.unsaved || state.pending.is_some() {
                true => Err(late),
                false => Ok(()),
            };
        }
        match self.settled(deadline, true) {
            Err(_) if self.lock().revoked => {} // and has nothing to be saved, or says so
            settled => drop(settled?),
        }
        self.lock().must_be_saved()
    }

    /// Notes whose token it is, and saves that with it.
    pub fn name(&self, of: &Token, user_id: &str, deadline: &mut Deadline) {
        // What goes wrong here is kept and offered again.
        let _ = self.fly(Purpose::Name { of, user_id }, deadline);
    }

    /// Ends the login at the provider, and here.
    pub fn revoke(&self, deadline: &mut Deadline) -> Result<()> {
        let mut reading = deadline.at_most(LAST_WAIT);
        self.read_parked(&mut reading);
        deadline.give_back(reading.given_back());
        self.fly(Purpose::Revoke, deadline).map(drop)
    }

    /// Saves the token into another store, over what is there, and every later one too.
    pub fn move_to(&self, store: Arc<dyn Store>, deadline: &mut Deadline) -> Result<()> {
        self.lock().refuse_inside_own_callback()?;
        self.fly(Purpose::Move { to: &store }, deadline).map(drop)
    }

    /// Renews a token at once that was loaded with a renewal marker: the process that set it was killed
    /// or got no answer, and the provider repeats its answer only for a while.
    pub fn resume(&self, deadline: &Deadline) {
        let token = self.newest();
        if token.is_possibly_used() {
            let (budget, mut short) = (Budget::new(), deadline.at_most(RESUMING));
            // What goes wrong here goes wrong again when a request needs it.
            let renewal = Renewal::new(&token, Why::InDoubt, &budget).short();
            let _ = self.renew(renewal, &mut short);
        }
    }

    /// Before the login ends: the response to a renewal that was sent and cut may hold the only token that is
    /// still good. Nobody is asked again.
    fn read_parked(&self, deadline: &mut Deadline) {
        let token = self.newest();
        if self.has_parked(&token) && token.is_single_use(self.app.provider) {
            let budget = Budget::new();
            let renewal = Renewal::new(&token, Why::InDoubt, &budget).only_reading();
            // Without it everything is as it was before.
            let _ = self.renew(renewal, deadline);
        }
    }

    /// The last chance to save its token.
    pub fn finish(&self, deadline: &mut Deadline) {
        let mut reading = deadline.anew(LAST_WAIT);
        self.read_parked(&mut reading);
        deadline.give_back(reading.given_back());
        let _ = self.save(deadline);
    }

    /// The current token, after an unsaved one was offered once more. A thread that renews offers it as
    /// well, and need not be waited for.
    fn settled(&self, deadline: &mut Deadline, waits_for_renewal: bool) -> Result<Arc<Token>> {
        let state = self.lock();
        state.refuse_inside_own_callback()?;
        if state.revoked {
            return Err(Error::revoked());
        }
        let flight = state.flight.as_ref();
        let renews = flight.is_some_and(|flight| flight.renews() && flight.is_of_this_process());
        if !state.unsaved || renews && !waits_for_renewal {
            return Ok(state.current.clone());
        }
        drop(state);
        // Whatever keeps the store from saving it, the token is in hand and good to be used: half of
        // the time is left for that.
        let mut half = deadline.at_most(deadline.left() / 2);
        let _ = self.fly(Purpose::Save, &mut half);
        deadline.give_back(half.given_back());
        let state = self.lock();
        if state.revoked { Err(Error::revoked()) } else { Ok(state.current.clone()) }
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

    /// Whether there is nothing left to do for this purpose.
    fn is_met(&self, purpose: Purpose, state: &State) -> bool {
        match purpose {
            Purpose::Move { .. } => false,
            Purpose::Name { .. } => state.newest().field("user_id", self.app.provider).is_some(),
            // Where its removal failed, that is tried again.
            Purpose::Revoke => state.revoked && state.store_error.is_none(),
            Purpose::Save => !state.unsaved || state.is_dead(state.newest()),
            Purpose::Renew(Renewal { bad, .. }) => {
                self.is_better(&state.current, bad) && !state.is_dead(&state.current)
            }
        }
    }

    /// Whether `token` can take the place of one that is not to be used any more.
    fn is_better(&self, token: &Token, bad: &Token) -> bool {
        token.access_token() != bad.access_token() && self.age(token) != Age::Expired
    }

    fn renew(&self, renewal: Renewal, deadline: &mut Deadline) -> Result<Arc<Token>> {
        self.fly(Purpose::Renew(renewal), deadline)
    }

    /// Renews or saves, or waits for the thread that does.
    fn fly(&self, purpose: Purpose, deadline: &mut Deadline) -> Result<Arc<Token>> {
        let mut purpose = purpose;
        loop {
            let state = match self.join(purpose, deadline)? {
                Joined::Done(token) => return Ok(token),
                Joined::Leads { state, reads } => {
                    if let Purpose::Renew(renewal) = &mut purpose {
                        renewal.reads = reads;
                    }
                    state
                }
            };
            let (landed, may_ask) = self.lead(purpose, state, deadline);
            match (purpose, landed) {
                (Purpose::Renew(renewal), Err(_))
                    if may_ask && !renewal.only_reads && deadline.left() > min_time(deadline) =>
                {
                    purpose = Purpose::Renew(Renewal { has_read: true, ..renewal });
                }
                (_, landed) => return landed,
            }
        }
    }

    /// Waits until there is nothing left to do, or until this thread may do it.
    fn join(&self, purpose: Purpose, deadline: &mut Deadline) -> Result<Joined<'_>> {
        let mut pausing = None;
        let mut state = self.lock();
        let mut told = false;
        loop {
            if state.revoked && !matches!(purpose, Purpose::Revoke) {
                return Err(Error::revoked());
            }
            if self.is_met(purpose, &state) {
                return Ok(Joined::Done(state.current.clone()));
            }
            let Some(flight) = state.flight.clone() else {
                let Purpose::Renew(renewal) = purpose else {
                    return Ok(Joined::Leads { state, reads: false });
                };
                let has_time = !deadline.left().is_zero();
                if has_time && !renewal.has_read && self.has_parked(state.newest()) {
                    return Ok(Joined::Leads { state, reads: true });
                }
                if renewal.only_reads {
                    return Err(Error::unanswered_renewal());
                }
                // Nobody is asked with less than the least time left: once more than that is enough.
                let time_left = deadline.left().saturating_sub(2 * min_time(deadline));
                let goes_first = pausing.is_some()
                    || !self.somebody_pauses.get_or_default().load(Ordering::SeqCst);
                let Some(wait) = state.pause_before(renewal, time_left, goes_first)? else {
                    return Ok(Joined::Leads { state, reads: false });
                };
                if wait > TURN && pausing.is_none() {
                    pausing = Pausing::begin(self.somebody_pauses.get_or_default());
                }
                drop(state);
                self.app.log.line(Level::Trace, || {
                    format!("waiting {} ms before the provider is asked again", wait.as_millis())
                });
                deadline.pause(wait);
                state = self.lock();
                continue;
            };
            if !flight.is_of_this_process() {
                state.flight = None;
                continue;
            }
            state.refuse_inside_own_callback()?;
            drop(state); // the logger may look at this client
            if !told {
                told = true;
                let line = "waiting for another thread, which renews or saves this token";
                self.app.log.line(Level::Trace, || line.to_owned());
            }
            let outcome = flight.wait(deadline)?;
            state = self.lock();
            match (purpose, &*outcome) {
                // It was offered a moment ago; once is enough.
                (Purpose::Save, Outcome { offered: true, .. }) => {
                    return Ok(Joined::Done(state.current.clone()));
                }
                (_, Outcome { fell_short: true, .. } | Outcome { was_needless: true, .. }) => {}
                (Purpose::Renew(_), Outcome { token, .. }) if flight.renews() => {
                    return token.clone().map(Joined::Done);
                }
                _ => {}
            }
        }
    }

    /// Renews or saves. True: it has only read an earlier call's response, in vain, and may ask.
    fn lead(
        &self,
        purpose: Purpose,
        mut state: MutexGuard<'_, State>,
        deadline: &mut Deadline,
    ) -> (Result<Arc<Token>>, bool) {
        let flight = Flight::begin(matches!(purpose, Purpose::Renew(_)));
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
            failed: state.failed.clone(),
            dead: state.dead.clone(),
            refused_at: state.refused_at,
            revoked: state.revoked,
            error: Some(Error::internal("a renewal did not come to its end")),
            offered: false,
            fell_short: false,
            was_needless: false,
            is_asking: false,
            may_ask: false,
        };
        drop(state);
        let flown = round.fly(purpose, deadline);
        let is_over = matches!(purpose, Purpose::Renew(_) | Purpose::Revoke) && !round.was_needless;
        if flown.is_ok() && is_over {
            self.app.transport().forget_parked(self.id());
        }
        round.fell_short = flown.as_ref().is_err_and(|error| {
            let late = error.is(ErrorKind::Timeout) && deadline.left() < min_time(deadline);
            let is_short = matches!(purpose, Purpose::Renew(Renewal { is_short: true, .. }))
                && !error.is(ErrorKind::Reauthorize);
            late || is_short || round.may_ask || deadline.is_cancelled()
        });
        round.error = flown.err();
        let may_ask = round.may_ask;
        (round.land(), may_ask)
    }
}
