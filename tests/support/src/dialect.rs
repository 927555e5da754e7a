//! The providers, as the tests need them: one table, a row each.
//!
//! Most of what the library promises holds for every provider, so most tests run once for each of
//! these rows: see [`world`](crate::world). What differs between the providers is a field here,
//! and a test that needs to know looks at that field and never at the name.

use std::time::{SystemTime, UNIX_EPOCH};

use fitbit_simulator::{
    ApplicationKind, DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, DEMO_REDIRECT_URIS, DEMO_SERVER_ID,
    DEMO_SERVER_SECRET, FaultKind, Simulator,
};
use serde_json::{Value, json};

use crate::{App, Error, handles};

/// What differs between the providers.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// Its enumerator in the header.
    pub provider: u32,
    /// As tokens and sessions name it.
    pub name: &'static str,
    /// An application with a secret, registered with the simulator.
    pub client_id: &'static str,
    pub client_secret: &'static str,
    /// Its redirect URI.
    pub callback_uri: &'static str,
    /// How the simulator registers such an application, one without a secret, and one that may
    /// send its secret either way.
    pub kind: ApplicationKind,
    pub public_kind: ApplicationKind,
    pub flexible_kind: ApplicationKind,
    /// Paths of the OAuth endpoints at the simulator: authorize, token, revoke.
    pub oauth_paths: [&'static str; 3],
    /// The authorize endpoint where none is set.
    pub authorize_uri: &'static str,
    /// What it calls itself in a redirect, if it does (RFC 9207).
    pub issuer: Option<&'static str>,
    /// What the person's refusal says, beside `access_denied`.
    pub denial: &'static str,
    /// What everything that can be read is called, in alphabetical order.
    pub read_scopes: &'static [&'static str],
    /// What step one adds to the address unless the program says otherwise.
    pub authorize_params: &'static [(&'static str, &'static str)],
    /// Whether id and secret go into a Basic header; if not, they go into the body.
    pub basic: bool,
    /// Seconds that an access token lives, as the provider says.
    pub token_life: i64,
    /// The same where an answer does not say.
    pub usual_life: i64,
    /// Whether a token says whose it is.
    pub token_names_its_user: bool,
    /// Whether a renewal spends the refresh token and hands out a new one.
    pub rotates: bool,
    /// Whether 410 means that the provider was switched off.
    pub retires: bool,
    /// A path, and the scope that it needs.
    pub profile: &'static str,
    pub profile_scope: &'static str,
    /// Another path, and the scope that it needs.
    pub sleep: &'static str,
    pub sleep_scope: &'static str,
    /// All scopes of a test's token.
    pub scopes: &'static [&'static str],
    /// The simulator's person, as the library names them.
    pub user: &'static str,
    /// How the API says that an access token has expired.
    pub expired_token: &'static str,
    /// The body of an API error of this type.
    pub api_error: fn(&str) -> Value,
    /// 429, with the seconds to wait where this provider says them.
    pub too_many_requests: fn(u64) -> FaultKind,
}

/// The simulator's name for the person who is signed in there.
pub const PERSON: &str = "26FWFL";

pub const FITBIT: Dialect = Dialect {
    provider: handles::FITBIT,
    name: "fitbit",
    client_id: DEMO_SERVER_ID,
    client_secret: DEMO_SERVER_SECRET,
    callback_uri: DEMO_REDIRECT_URIS[0],
    kind: ApplicationKind::Server,
    public_kind: ApplicationKind::Client,
    flexible_kind: ApplicationKind::Personal,
    oauth_paths: ["/oauth2/authorize", "/oauth2/token", "/oauth2/revoke"],
    authorize_uri: "https://www.fitbit.com/oauth2/authorize",
    issuer: None,
    denial: "The user denied the request.",
    read_scopes: &[
        "activity",
        "cardio_fitness",
        "electrocardiogram",
        "heartrate",
        "irregular_rhythm_notifications",
        "location",
        "nutrition",
        "oxygen_saturation",
        "profile",
        "respiratory_rate",
        "settings",
        "sleep",
        "social",
        "temperature",
        "weight",
    ],
    authorize_params: &[],
    basic: true,
    token_life: 28_800,
    usual_life: 28_800,
    token_names_its_user: true,
    rotates: true,
    retires: true,
    profile: "/1/user/-/profile.json",
    profile_scope: "profile",
    sleep: "/1.2/user/-/sleep/date/today.json",
    sleep_scope: "sleep",
    scopes: &["profile", "activity", "nutrition", "sleep"],
    user: PERSON,
    expired_token: "expired_token",
    api_error: |kind| json!({ "errors": [{ "errorType": kind, "message": "no" }] }),
    too_many_requests: FaultKind::Status429Reset,
};

pub const GOOGLE_HEALTH: Dialect = Dialect {
    provider: handles::GOOGLE_HEALTH,
    name: "google_health",
    client_id: DEMO_GOOGLE_ID,
    client_secret: DEMO_GOOGLE_SECRET,
    callback_uri: DEMO_REDIRECT_URIS[0],
    kind: ApplicationKind::Google,
    public_kind: ApplicationKind::Google,
    flexible_kind: ApplicationKind::Google,
    oauth_paths: ["/o/oauth2/v2/auth", "/token", "/revoke"],
    authorize_uri: "https://accounts.google.com/o/oauth2/v2/auth",
    issuer: Some("https://accounts.google.com"),
    denial: "access_denied",
    read_scopes: &[
        "https://www.googleapis.com/auth/googlehealth.activity_and_fitness.readonly",
        "https://www.googleapis.com/auth/googlehealth.ecg.readonly",
        "https://www.googleapis.com/auth/googlehealth.health_metrics_and_measurements.readonly",
        "https://www.googleapis.com/auth/googlehealth.irn.readonly",
        "https://www.googleapis.com/auth/googlehealth.location.readonly",
        "https://www.googleapis.com/auth/googlehealth.logged_symptoms.readonly",
        "https://www.googleapis.com/auth/googlehealth.mindfulness.readonly",
        "https://www.googleapis.com/auth/googlehealth.nutrition.readonly",
        "https://www.googleapis.com/auth/googlehealth.profile.readonly",
        "https://www.googleapis.com/auth/googlehealth.reproductive_health.readonly",
        "https://www.googleapis.com/auth/googlehealth.settings.readonly",
        "https://www.googleapis.com/auth/googlehealth.sleep.readonly",
    ],
    authorize_params: &[("access_type", "offline"), ("prompt", "consent")],
    basic: false,
    token_life: 3599,
    usual_life: 3600,
    token_names_its_user: false,
    rotates: false,
    retires: false,
    profile: "/v4/users/me/profile",
    profile_scope: "https://www.googleapis.com/auth/googlehealth.profile.readonly",
    sleep: "/v4/users/me/dataTypes/sleep/dataPoints",
    sleep_scope: "https://www.googleapis.com/auth/googlehealth.sleep.readonly",
    scopes: &[
        "https://www.googleapis.com/auth/googlehealth.profile.readonly",
        "https://www.googleapis.com/auth/googlehealth.activity_and_fitness.readonly",
        "https://www.googleapis.com/auth/googlehealth.nutrition.readonly",
        "https://www.googleapis.com/auth/googlehealth.sleep.readonly",
    ],
    user: "6409668277961255840",
    expired_token: "UNAUTHENTICATED",
    api_error: |kind| json!({ "error": { "code": 401, "message": "no", "status": kind } }),
    too_many_requests: FaultKind::Status429RetryAfter,
};

/// The rows.
const ALL: [Dialect; 2] = [FITBIT, GOOGLE_HEALTH];

impl Dialect {
    /// The other row.
    pub fn other(&self) -> Dialect {
        ALL.into_iter().find(|row| row.name != self.name).expect("there are two")
    }

    /// The demo application that has a secret, at that provider.
    pub fn app(&self, provider: &Simulator) -> App {
        self.app_at(provider.uri(), self.client_id, Some(self.client_secret), self.callback_uri)
    }

    /// A token as the provider hands it out, for the demo application.
    pub fn raw_token(&self, provider: &Simulator) -> Value {
        provider.issue_token(self.client_id, PERSON, self.scopes)
    }

    /// The same as a program would have saved it: with an `expires_at`, so many seconds from now.
    pub fn saved_token(&self, provider: &Simulator, expires_in: i64) -> String {
        let mut token = self.raw_token(provider);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        token["expires_at"] = (now.as_secs() as i64 + expires_in).into();
        token.to_string()
    }

    /// `fitbit_app_new`, for this provider.
    pub fn new_app(
        &self,
        client_id: &str,
        client_secret: Option<&str>,
        callback_uri: Option<&str>,
    ) -> Result<App, Error> {
        App::of(self.provider, client_id, client_secret, callback_uri)
    }

    /// An app whose every endpoint is a server of the test's own.
    pub fn app_at(
        &self,
        server: &str,
        client_id: &str,
        client_secret: Option<&str>,
        callback_uri: &str,
    ) -> App {
        let app = self.new_app(client_id, client_secret, Some(callback_uri)).expect("a valid app");
        let [authorize, token, revoke] = self.oauth_paths;
        for (endpoint, path) in (0..).zip([authorize, token, revoke, ""]) {
            app.set_endpoint(endpoint, &format!("{server}{path}")).expect("a valid endpoint");
        }
        app
    }
}
