//! What the stories need of a database, and of the example that is written for it.

use fitbit_simulator::{DEMO_SERVER_ID, Simulator, Target};
use fitbit_test_support::c::Program;
use fitbit_test_support::world;
use serde_json::Value;
use std::time::Instant;

use crate::instance::LONG;
use crate::member::{Member, add};

/// A private instance of a database. It stops when it is dropped.
pub trait Database: Sized {
    /// Starts one; `None` where it is not installed, which is said aloud.
    fn start() -> Option<Self>;

    /// The example, as it stands in the repository.
    fn example(&self) -> &'static Program;

    /// The same, if need be with a lock that expires soon.
    fn example_with_a_short_lock(&self) -> &'static Program;

    /// The example's first argument.
    fn address(&self) -> String;

    /// The token that is stored, as it stands there.
    fn stored(&self, user: &str) -> String;

    /// Takes the lock from whoever holds it; others may take it then.
    fn break_lock(&self, user: &str);
}

/// A provider, a database, and the logins in it.
pub struct Fleet<D> {
    pub provider: Simulator,
    pub database: D,
}

/// Tells a story with this database, where it is installed.
pub fn with<D: Database>(story: impl FnOnce(&Fleet<D>)) {
    let Some(database) = D::start() else { return };
    story(&Fleet { provider: world::provider(), database });
}

impl<D: Database> Fleet<D> {
    /// Stores a first token of this person, with the example's own means.
    pub fn add(&self, user: &str) {
        let token = self.provider.issue_token(DEMO_SERVER_ID, user, &["profile"]);
        let mut token = token;
        token["expires_at"] = 4_102_444_800_i64.into(); // 2100: only the provider says "expired"
        add(self.database.example(), &self.database.address(), user, &token.to_string());
    }

    /// A process that serves this person with so many threads. It has read the stored token, and
    /// made its first requests.
    pub fn member(&self, user: &str, threads: usize) -> Member {
        self.running(self.database.example(), user, threads)
    }

    pub fn member_with_a_short_lock(&self, user: &str, threads: usize) -> Member {
        self.running(self.database.example_with_a_short_lock(), user, threads)
    }

    fn running(&self, program: &Program, user: &str, threads: usize) -> Member {
        let mut member =
            Member::start(program, &self.provider, &self.database.address(), user, threads);
        member.must_be_answered();
        member
    }

    /// The refresh token that is stored.
    pub fn stored_refresh_token(&self, user: &str) -> String {
        let token: Value = serde_json::from_str(&self.database.stored(user)).expect("JSON");
        token["refresh_token"].as_str().expect("a text").to_owned()
    }

    /// Waits until the provider has received so many refresh requests.
    pub fn wait_for_refreshes(&self, number: u64) {
        let until = Instant::now() + LONG;
        while self.refreshes() < number {
            assert!(Instant::now() < until, "{} refresh requests came", self.refreshes());
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    pub fn refreshes(&self) -> u64 {
        self.provider.requests(Target::Refresh)
    }

    /// The next expiry is one more refresh request, and an answer for everybody: the login lives.
    pub fn outlives_another_expiry(&self, members: &mut [Member]) {
        let before = self.refreshes();
        self.provider.expire_access_tokens();
        members.iter_mut().for_each(Member::ask);
        members.iter_mut().for_each(Member::must_be_answered);
        assert_eq!(self.refreshes(), before + 1, "one refresh request per expiry");
    }
}
