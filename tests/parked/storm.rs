//! Threads with random patience, before a token endpoint with random delays. It repeats no response: what
//! is lost is lost.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
    logins: AtomicUsize,
    lost: AtomicUsize,
}

/// One thread's calls, on logins of its own or on the one of all.
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

fn storm(kind: Kind, is_tls: bool) -> (usize, String) {
    let time = match std::env::var_os("FITBIT_LONG") {
        Some(_) => Duration::from_secs(60),
        None => Duration::from_secs(10),
    };
    let endpoint = Endpoint::with(kind, is_tls);
    let app = endpoint.app();
    let figures = Figures::default();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // The scripts are ready before the requests.
        scope.spawn(|| {
            let mut chance = Chance::new(99);
            while !is_over.load(Ordering::SeqCst) {
                endpoint.always(chance.plan());
                thread::sleep(Duration::from_millis(1));
            }
        });
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (app, endpoint, figures) = (&app, &endpoint, &figures);
                scope.spawn(move || {
                    let mut chance = Chance::new(number as u64);
                    let begun = Instant::now();
                    while begun.elapsed() < time {
                        let login = Login::expired(app, endpoint, Keeper::Callback);
                        figures.logins.fetch_add(1, Ordering::Relaxed);
                        while begun.elapsed() < time {
                            if !impatient(&login, &mut chance, figures) {
                                figures.lost.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    let lost = of(&figures.lost);
    let said = format!(
        "{kind:?}, TLS: {is_tls}: {} of {} calls were good, {} of them fitbit_refresh; {} requests \
         for a token; {lost} of {} logins lost",
        of(&figures.successes),
        of(&figures.calls),
        of(&figures.renewed),
        endpoint.requests(),
        of(&figures.logins),
    );
    drop(app);
    wait_for(|| endpoint.open() == 0);
    (lost, said)
}

#[test]
fn a_storm_of_impatient_calls_loses_no_login_of_google() {
    for is_tls in [false, true] {
        let (lost, said) = storm(Kind::Google, is_tls);
        println!("STORM {said}");
        assert_eq!(lost, 0, "{said}");
    }
}

/// Where more than eight responses are on their way at once some are lost; eight threads have eight.
#[test]
fn a_storm_of_impatient_calls_loses_no_single_use_login() {
    for kind in [Kind::Fitbit, Kind::GoogleSingleUse] {
        for is_tls in [false, true] {
            let (lost, said) = storm(kind, is_tls);
            println!("STORM {said}");
            assert_eq!(lost, 0, "{said}");
        }
    }
}
