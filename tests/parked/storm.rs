//! Threads with random patience, before a token endpoint with random delays. It repeats no response: what
//! is lost is lost.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::endpoint::{Cut, Endpoint, Framing, Kind, Plan, Until};
use crate::scene::{Call, Keeper, Login, code, wait_for};

const THREADS: usize = 8;

/// Random, and the same again for the same seed (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn new(number: u64) -> Chance {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Chance((u64::from(now.subsec_nanos()) << 8) + number + 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn plan(&mut self) -> Plan {
        let places = [Cut::BeforeHead, Cut::InHead, Cut::AfterHead, Cut::InBody, Cut::ButOneByte];
        let framings = [Framing::Length, Framing::Chunked, Framing::Gzip];
        let time = Duration::from_millis(self.below(300));
        Plan {
            framing: framings[self.below(3) as usize],
            ..Plan::cut(places[self.below(5) as usize], Until::Passed(time))
        }
    }
}

#[derive(Default)]
struct Figures {
    calls: AtomicUsize,
    successes: AtomicUsize,
    renewed: AtomicUsize,
    lost: AtomicUsize,
}

/// One call; false: its login has ended.
fn impatient(login: &Login, chance: &mut Chance, figures: &Figures) -> bool {
    let dup = login.dup();
    dup.0.set_timeout_ms(20 + chance.below(180) as u32);
    let call = if chance.below(3) == 0 { Call::Refresh } else { Call::Get };
    figures.calls.fetch_add(1, Ordering::Relaxed);
    match dup.0.call(call) {
        Ok(()) => {
            figures.successes.fetch_add(1, Ordering::Relaxed);
            figures.renewed.fetch_add(usize::from(call == Call::Refresh), Ordering::Relaxed);
            true
        }
        Err(error) if error.code == code::REAUTHORIZE => false,
        Err(_) => {
            // Within a pause a call returns at once.
            thread::sleep(Duration::from_millis(5));
            true
        }
    }
}

/// Each thread has a login of its own, or all have the same.
fn storm(kind: Kind, is_tls: bool, logins: usize) -> (usize, String) {
    let time = match std::env::var_os("FITBIT_LONG") {
        Some(_) => Duration::from_secs(60),
        None => Duration::from_secs(5),
    };
    let endpoint = Endpoint::with(kind, is_tls);
    let app = endpoint.app();
    let figures = Figures::default();
    let is_over = AtomicBool::new(false);
    let login = || Mutex::new(Arc::new(Login::expired(&app, &endpoint, Keeper::Callback)));
    let current: Vec<_> = (0..logins).map(|_| login()).collect();
    let calls = |number: usize| {
        let mut chance = Chance::new(number as u64);
        let place = &current[number % logins];
        let begun = Instant::now();
        while begun.elapsed() < time {
            let login = place.lock().unwrap().clone();
            if impatient(&login, &mut chance, &figures) {
                continue;
            }
            let mut current = place.lock().unwrap();
            if Arc::ptr_eq(&current, &login) {
                figures.lost.fetch_add(1, Ordering::Relaxed);
                *current = Arc::new(Login::expired(&app, &endpoint, Keeper::Callback));
            }
        }
    };
    let calls = &calls;
    thread::scope(|scope| {
        // The scripts are ready before the requests.
        scope.spawn(|| {
            let mut chance = Chance::new(99);
            while !is_over.load(Ordering::SeqCst) {
                endpoint.always(chance.plan());
                thread::sleep(Duration::from_millis(1));
            }
        });
        let threads: Vec<_> =
            (0..THREADS).map(|number| scope.spawn(move || calls(number))).collect();
        for thread in threads {
            thread.join().unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    let lost = of(&figures.lost);
    let said = format!(
        "{kind:?}, TLS: {is_tls}, logins: {logins}: {} of {} calls were good, {} of them \
         fitbit_refresh; {} requests for a token; {lost} logins lost",
        of(&figures.successes),
        of(&figures.calls),
        of(&figures.renewed),
        endpoint.requests(),
    );
    drop(current);
    drop(app);
    wait_for(|| endpoint.open() == 0);
    (lost, said)
}

fn storms(kinds: &[Kind]) {
    for &kind in kinds {
        for (is_tls, logins) in [(false, THREADS), (true, THREADS), (true, 1)] {
            let (lost, said) = storm(kind, is_tls, logins);
            println!("STORM {said}");
            assert_eq!(lost, 0, "{said}");
        }
    }
}

#[test]
fn a_storm_of_impatient_calls_loses_no_login_of_google() {
    storms(&[Kind::Google]);
}

/// Eight responses at most are on their way, and as many can be parked.
#[test]
fn a_storm_of_impatient_calls_loses_no_single_use_login() {
    storms(&[Kind::Fitbit, Kind::GoogleSingleUse]);
}
