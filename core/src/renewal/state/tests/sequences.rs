//! All sequences of what can happen to a login, each step decided by the ledger, with the invariants looked at
//! after each.

use std::collections::HashSet;

use super::*;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A call renews, and this is what it comes to.
    Renewal(Outcome),
    /// The same in a store that cannot be written.
    RenewalWithBrokenStore(Outcome),
    /// A call saves.
    Save,
    AnotherProcessRenews,
    ThreeSecondsPass,
    Revocation,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Granted,
    Lost,
    NotSent,
    Refused,
}

const EVENTS: [Event; 9] = [
    Event::Renewal(Outcome::Granted),
    Event::Renewal(Outcome::Lost),
    Event::Renewal(Outcome::NotSent),
    Event::Renewal(Outcome::Refused),
    Event::RenewalWithBrokenStore(Outcome::Granted),
    Event::Save,
    Event::AnotherProcessRenews,
    Event::ThreeSecondsPass,
    Event::Revocation,
];

/// A login, a store that keeps no marker, and what the provider knows.
#[derive(Clone)]
struct World {
    ledger: Ledger,
    stored: Option<Arc<Token>>,
    now: Instant,
    tokens: u32,
    /// The last request with a refresh token, if its response was lost, and when.
    lost: Option<(u32, Instant)>,
    dead: HashSet<String>,
    /// The token that the provider last granted, to this client or to the other process.
    newest: String,
    requests: u32,
}

impl World {
    fn new() -> World {
        let ledger = ledger(Saving::Stored);
        World {
            stored: Some(ledger.token().clone()),
            newest: ledger.token().access_token().to_owned(),
            ledger,
            now: Instant::now(),
            tokens: 1,
            lost: None,
            dead: HashSet::new(),
            requests: 0,
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Renewal(outcome) => self.renews(outcome, true),
            Event::RenewalWithBrokenStore(outcome) => self.renews(outcome, false),
            Event::Save => self.saves(),
            Event::AnotherProcessRenews => {
                // It knows no other token than the stored one.
                if self.stored.as_ref().is_some_and(|stored| stored.access_token() == self.newest) {
                    self.stored = Some(Arc::new(self.grant()));
                }
            }
            Event::ThreeSecondsPass => self.now += Duration::from_secs(3),
            Event::Revocation => self.revokes(),
        }
        self.looks_right(event);
    }

    fn grant(&mut self) -> Token {
        self.tokens += 1;
        let token = token(self.tokens);
        self.newest = token.access_token().to_owned();
        token
    }

    fn stored(&self) -> Stored {
        self.stored.clone().map_or(Stored::Nothing, Stored::Token)
    }

    fn commit(&mut self, write: &Write, works: bool) {
        match (write, works) {
            (Write::Token { .. }, false) => {
                return self.ledger.not_committed(Error::store("it is full"));
            }
            (Write::Token { token, .. }, true) => self.stored = Some(token.clone()),
            (Write::Remove, _) => self.stored = None,
            (Write::Nothing, _) => {}
        }
        self.ledger.committed(matches!(write, Write::Token { .. }));
    }

    fn renews(&mut self, outcome: Outcome, works: bool) {
        let (budget, bad) = (Budget::new(), self.ledger.token().clone());
        let goal = Goal::Renew(renewal(&bad, &budget));
        let is_paused = self.is_paused();
        if self.ledger.is_done(goal, &bad, Now::read()).is_err() {
            assert!(self.ledger.is_revoked());
            return;
        }
        let facts = Facts { time_to_wait: Duration::ZERO, ..facts(&bad, self.now) };
        let Ok(next) = self.ledger.next(goal, &facts) else {
            assert!(is_paused, "a renewal is refused outside the five seconds");
            return;
        };
        assert_eq!(next, Next::Ask, "it has no time to wait, and nothing to read");
        self.ledger.taken_out(&bad);
        let stored = self.stored();
        self.ledger.found_in_store(&stored, false).expect("one person");
        let write = match self.ledger.task(goal, next, Now::read()) {
            Task::Save => self.ledger.offer(&stored),
            Task::Refuse(Refusal::Dead) => return,
            Task::Ask => match self.asks(outcome) {
                true => self.ledger.write(&stored),
                false => return,
            },
            task => panic!("{task:?}"),
        };
        self.commit(&write, works);
    }

    fn is_paused(&self) -> bool {
        let mine = self.ledger.token().refresh_token();
        self.lost.is_some_and(|(of, at)| {
            mine == format!("r{of}") && self.now - at < Duration::from_secs(5)
        })
    }

    /// A request is sent. True: it brought a token.
    fn asks(&mut self, outcome: Outcome) -> bool {
        let own = self.ledger.token().clone();
        assert!(!self.dead.contains(own.refresh_token()), "a dead refresh token is sent");
        assert!(!self.is_paused(), "a possibly used one is sent within five seconds");
        self.requests += 1;
        match outcome {
            Outcome::Granted => {
                let token = self.grant();
                self.ledger.granted(token);
                self.lost = None;
                return true;
            }
            Outcome::Lost => {
                let number = own.refresh_token()[1..].parse().expect("a number");
                self.lost = Some((number, self.now));
                self.ledger.failed(lost(), self.now);
            }
            Outcome::NotSent => {
                let was_in_doubt = self.ledger.is_possibly_used();
                self.ledger.failed(not_sent(), self.now);
                assert_eq!(self.ledger.is_possibly_used(), was_in_doubt);
            }
            Outcome::Refused => {
                self.dead.insert(own.refresh_token().to_owned());
                self.ledger.died();
            }
        }
        false
    }

    fn saves(&mut self) {
        let newest = self.ledger.token().clone();
        if !matches!(self.ledger.is_done(Goal::Save, &newest, Now::read()), Ok(false)) {
            return;
        }
        self.ledger.taken_out(&newest);
        let stored = self.stored();
        self.ledger.found_in_store(&stored, false).expect("one person");
        let write = self.ledger.offer(&stored);
        self.commit(&write, true);
    }

    fn revokes(&mut self) {
        let newest = self.ledger.token().clone();
        self.ledger.taken_out(&newest);
        if self.ledger.is_revoked() {
            let write = self.ledger.after_revocation(&self.stored());
            return self.commit(&write, true);
        }
        self.ledger.found_in_store(&self.stored(), false).expect("one person");
        self.ledger.revoked();
        self.commit(&Write::Remove, true);
    }

    fn looks_right(&self, event: Event) {
        let own = self.ledger.token();
        let in_store = self.stored.as_ref().is_some_and(|stored| stored.same_as(own));
        let is_newest = own.access_token() == self.newest;
        if !self.ledger.is_revoked() {
            let other_has_it =
                self.stored.as_ref().is_some_and(|s| s.access_token() == self.newest);
            assert!(is_newest || other_has_it, "{event:?}: the newest token is lost");
            let is_behind = !is_newest;
            assert!(
                self.ledger.is_unsaved() || in_store || is_behind,
                "{event:?}: it is not saved"
            );
        }
        assert!(!in_store || !self.dead.contains(own.refresh_token()) || !self.ledger.is_unsaved());
        assert_eq!(self.ledger.is_over(), self.dead.contains(own.refresh_token()), "{event:?}");
    }
}

/// Goes through all sequences of so many events.
fn explore(world: &World, events: u32, seen: &mut (u32, u32)) {
    if events == 0 {
        seen.0 += 1;
        seen.1 += world.requests;
        return;
    }
    for event in EVENTS {
        let mut world = world.clone();
        world.happens(event);
        explore(&world, events - 1, seen);
    }
}

#[test]
fn no_sequence_of_events_loses_a_token_or_sends_one_too_early() {
    let mut seen = (0, 0);
    explore(&World::new(), 5, &mut seen);
    assert_eq!(seen.0, 9u32.pow(5), "sequences");
    assert!(seen.1 > seen.0 / 2, "{} requests are too few to say anything", seen.1);
}
