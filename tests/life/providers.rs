//! The two providers at one simulator, as these tests need them: an app, a login and a path of
//! each, and what was sent to them.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use fitbit_simulator::{
    DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET,
    Entry, Simulator, Target,
};
use fitbit_test_support::world::USER;
use fitbit_test_support::{App, Client, GOOGLE_HEALTH, Saver};
use serde_json::Value;

/// What differs between the providers.
pub struct Provider {
    number: u32,
    pub client_id: &'static str,
    pub client_secret: &'static str,
    /// Authorize, token and revoke.
    oauth_paths: [&'static str; 3],
    scopes: &'static [&'static str],
    /// A path that the test's token may read.
    pub path: &'static str,
}

pub const FITBIT: Provider = Provider {
    number: fitbit_test_support::FITBIT,
    client_id: DEMO_SERVER_ID,
    client_secret: DEMO_SERVER_SECRET,
    oauth_paths: ["/oauth2/authorize", "/oauth2/token", "/oauth2/revoke"],
    scopes: &["profile", "activity", "sleep"],
    path: "/1/user/-/profile.json",
};

pub const GOOGLE: Provider = Provider {
    number: GOOGLE_HEALTH,
    client_id: DEMO_GOOGLE_ID,
    client_secret: DEMO_GOOGLE_SECRET,
    oauth_paths: ["/o/oauth2/v2/auth", "/token", "/revoke"],
    scopes: &["profile.readonly", "activity_and_fitness.readonly", "sleep.readonly"],
    path: "/v4/users/me/identity",
};

pub const BOTH: [Provider; 2] = [FITBIT, GOOGLE];

impl Provider {
    /// Whether a renewal uses up the refresh token.
    pub fn rotates(&self) -> bool {
        self.number == fitbit_test_support::FITBIT
    }

    pub fn app(&self, simulator: &Simulator) -> App {
        self.app_at(simulator.uri())
    }

    pub fn app_at(&self, server: &str) -> App {
        self.app_with_secret(server, Some(self.client_secret))
    }

    pub fn app_with_secret(&self, server: &str, secret: Option<&str>) -> App {
        let redirect = Some(DEMO_REDIRECT_URIS[0]);
        let app = App::of(self.number, self.client_id, secret, redirect).expect("a valid app");
        let paths = self.oauth_paths.into_iter().chain([""]);
        for (endpoint, path) in (0..).zip(paths) {
            let uri = format!("{server}{path}");
            app.set_endpoint(endpoint, &uri).expect("a valid endpoint");
        }
        app
    }

    /// A login as a program would have saved it, that expires in so many seconds.
    pub fn token(&self, simulator: &Simulator, expires_in: i64) -> String {
        let mut token = simulator.issue_token(self.client_id, USER, self.scopes);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        token["expires_at"] = (now.as_secs() as i64 + expires_in).into();
        token.to_string()
    }

    pub fn client(&self, simulator: &Simulator) -> Client {
        self.client_with(simulator, 3600, &Saver::new())
    }

    pub fn client_with(&self, simulator: &Simulator, expires_in: i64, saver: &Saver) -> Client {
        let token = self.token(simulator, expires_in);
        self.app(simulator).from_token(&token, saver).expect("a good token")
    }
}

/// Every request that was sent to the revocation endpoint.
pub fn revocations(simulator: &Simulator) -> Vec<Entry> {
    let mut entries = simulator.log();
    entries.retain(|entry| entry.target.ends_with("/revoke"));
    entries
}

/// The tokens that were sent there, in order.
pub fn revoked_tokens(simulator: &Simulator) -> Vec<String> {
    revocations(simulator).iter().map(|entry| form_field(&entry.body, "token").unwrap()).collect()
}

/// A field of a form, decoded.
pub fn form_field(body: &[u8], name: &str) -> Option<String> {
    let body = std::str::from_utf8(body).expect("a form is text");
    let value = body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let escaped = others.get(..2).filter(|_| first == b'%');
        let digits = escaped.map(|digits| std::str::from_utf8(digits).expect("two digits"));
        bytes.push(digits.map_or(first, |digits| u8::from_str_radix(digits, 16).expect("hex")));
        rest = if digits.is_some() { &others[2..] } else { others };
    }
    Some(String::from_utf8(bytes).expect("a form is UTF-8"))
}

/// Returns when such a request is being answered.
pub fn wait_for(simulator: &Simulator, target: Target) {
    while simulator.max_in_flight(target.clone()) == 0 {
        std::thread::yield_now();
    }
}

/// One field of a token, as text.
pub fn field(token: &str, name: &str) -> Option<String> {
    let token: Value = serde_json::from_str(token).expect("a token is JSON");
    token.get(name).map(|field| field.as_str().map_or_else(|| field.to_string(), str::to_owned))
}

/// The token with a field changed, or without it.
pub fn with(token: &str, name: &str, value: Option<&str>) -> String {
    let mut token: Value = serde_json::from_str(token).expect("a token is JSON");
    match value {
        Some(value) => token[name] = value.into(),
        None => drop(token.as_object_mut().expect("a token is an object").remove(name)),
    }
    token.to_string()
}

/// A folder of the test's own, gone when the test is.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fitbit-life-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    /// Where the token file of these tests is.
    pub fn token_file(&self) -> PathBuf {
        self.0.join("token.json")
    }

    /// A token file that holds a good login.
    pub fn login(&self, provider: &Provider, simulator: &Simulator) -> PathBuf {
        let path = self.token_file();
        provider.client(simulator).set_token_file(&path).unwrap();
        path
    }

    /// A token file as it would have been, written over what is there.
    pub fn write_private(&self, token: &str) {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(self.token_file()).unwrap();
        file.write_all(token.as_bytes()).unwrap();
    }

    /// The names of what is in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
