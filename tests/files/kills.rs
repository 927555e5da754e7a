//! kill -9 at random moments of a process that renews without a pause, against a provider whose
//! refresh tokens work once. While it repeats its answer no login is lost; where it does not, only
//! one whose process died between the provider's rotation and the new token's place in the file.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{PROFILE, app, provider};
use fitbit_test_support::{Error, code};

use crate::scene::{Folder, Keeper, is_marked, long_or, refresh_token_in};

/// The longest time from a keeper's start to its end, in microseconds: a few renewals.
const LONGEST_LIFE: u64 = 40_000;

/// Whoever is waiting for this long waits for nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Random, and the same again for the same seed (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn new() -> Chance {
        let given = std::env::var("FITBIT_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            u64::from(now.subsec_nanos()) | 1
        });
        eprintln!("FITBIT_SEED={seed}");
        Chance(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Starts a keeper, lets it renew for a random time, and kills it. `loops`: what it is told.
fn start_and_kill(provider: &Simulator, path: &Path, loops: &str, chance: &mut Chance) {
    if chance.below(2) == 0 {
        // So that as many die while the provider is asked as elsewhere.
        let latency = FaultKind::Latency(chance.below(15));
        provider.fault(Fault::always(Target::Refresh, latency));
    }
    let mut keeper = Keeper::new(provider, path);
    keeper.tell("open 1");
    keeper.tell(loops);
    if chance.below(4) > 0 {
        // Past its start, where there is nothing to lose.
        assert_eq!((keeper.hear(), keeper.hear()), ("ok".to_owned(), "ok".to_owned()));
    }
    sleep(Duration::from_micros(chance.below(LONGEST_LIFE)));
    assert!(!keeper.has_ended(), "nothing but the kill ends it");
    keeper.kill();
    provider.clear_faults();
}

/// Logs in from the file as a restarted program does; then once more, for the refresh token that
/// was read or saved.
fn restart(provider: &Simulator, path: &Path) -> Result<(), Error> {
    let client = app(provider).from_file(path)?;
    client.get(PROFILE)?;
    client.refresh()
}

#[test]
fn inside_the_grace_a_killed_process_never_loses_its_login() {
    survives("loop");
}

/// Its calls end before many a response has come, and the next ones read it.
#[test]
fn inside_the_grace_a_killed_process_without_patience_never_loses_its_login() {
    survives("loop 8");
}

fn survives(loops: &str) {
    let kills = long_or(500, 60);
    let provider = provider();
    provider.settings(|settings| {
        settings.grace = Some(Duration::from_secs(120));
        settings.keep_log = false;
    });
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let mut chance = Chance::new();
    let mut interrupted = 0;
    for kill in 1..=kills {
        start_and_kill(&provider, &path, loops, &mut chance);
        interrupted += u32::from(is_marked(&path));
        let outcome = restart(&provider, &path);
        assert!(outcome.is_ok(), "kill {kill}: {outcome:?}");
        assert!(!is_marked(&path));
    }
    assert!(interrupted > 0, "no kill fell into a renewal: nothing was shown");
    let refreshes = provider.requests(Target::Refresh);
    eprintln!(
        "{loops}: {kills} of {kills} restarts work; {interrupted} kills fell into a renewal; \
         {refreshes} refresh requests"
    );
}

/// The refresh token (none: it was another request) and the answer's status of each request that
/// the keeper sent.
fn keepers_requests(provider: &Simulator) -> Vec<(Option<String>, u16)> {
    let log = provider.log();
    let keepers = log.iter().filter(|entry| entry.header("user-agent") == Some("keeper"));
    let sent = |body: &[u8]| {
        let body = String::from_utf8_lossy(body).into_owned();
        body.split('&').find_map(|pair| Some(pair.strip_prefix("refresh_token=")?.to_owned()))
    };
    keepers.map(|entry| (sent(&entry.body), entry.status)).collect()
}

/// Whether the last thing that the killed process did was to ask with the very token that the file
/// still holds, and the provider carried that out: then nobody alive knows the answer.
fn was_unavoidable(provider: &Simulator, in_the_file: &str) -> bool {
    let rotation = (Some(in_the_file.to_owned()), 200);
    let noted = Instant::now();
    // An answer is noted a moment after the rotation.
    while !keepers_requests(provider).contains(&rotation) && noted.elapsed() < PATIENCE {
        sleep(Duration::from_millis(1));
    }
    keepers_requests(provider).last() == Some(&rotation)
}

#[test]
fn without_a_grace_only_what_the_provider_had_rotated_and_nobody_received_is_lost() {
    let kills = long_or(500, 60);
    let folder = Folder::new();
    let mut chance = Chance::new();
    let (mut interrupted, mut lost) = (0, 0);
    for kill in 1..=kills {
        // Its own provider for each, so that its log holds this one keeper's requests.
        let provider = provider();
        let path = folder.token_file(&provider, 3600);
        start_and_kill(&provider, &path, "loop", &mut chance);
        let (marked, in_the_file) = (is_marked(&path), refresh_token_in(&path));
        interrupted += u32::from(marked);
        let Err(error) = restart(&provider, &path) else { continue };
        assert_eq!(error.code, code::REAUTHORIZE, "kill {kill}: {error:?}");
        assert!(marked && was_unavoidable(&provider, &in_the_file), "kill {kill}: a fault");
        lost += 1;
    }
    eprintln!(
        "{kills} kills without a grace: {interrupted} fell into a renewal; {lost} logins lost, \
         each rotated by the provider and not yet in the file; 0 others"
    );
}
