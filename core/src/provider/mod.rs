//! The providers, as data.
//!
//! No other code asks which provider it talks to: each difference between providers is a field here. An app
//! can override every endpoint (fitbit_app_set_endpoint).

pub(crate) mod error_response;
mod retry_after;

/// How an application proves who it is at the token endpoint (RFC 6749 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// `Authorization: Basic`, with id and secret.
    Basic,
    /// Id and secret in the request's body.
    Body,
    /// A public client: the id in the body, and PKCE.
    None,
}

/// How a page of a list names the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paging {
    /// `pagination.next` is the URL of the next page.
    NextUrl,
    /// `nextPageToken` goes into the same request, as `pageToken`.
    PageToken,
}

/// How to ask whose token it is, if the token does not say so.
pub(crate) struct Identity {
    /// The API path to ask.
    pub path: &'static str,
    /// The response's field that holds the person's id.
    pub field: &'static str,
}

/// A service that people log in to, as data.
pub struct Provider {
    /// The name in sessions and tokens. Saved tokens hold it: it never changes.
    pub(crate) name: &'static str,
    pub(crate) display_name: &'static str,
    pub(crate) authorize_uri: &'static str,
    pub(crate) token_uri: &'static str,
    pub(crate) revoke_uri: &'static str,
    pub(crate) api_uri: &'static str,
    /// Every scope for reading, separated by spaces.
    pub(crate) default_scopes: &'static str,
    /// Whether scopes are URLs or plain words. So the scopes of a token show which provider it is from.
    pub(crate) scopes_are_urls: bool,
    /// How a client with a secret authenticates.
    pub(crate) client_auth: ClientAuth,
    /// Whether a refresh token can be used only once: the response to a renewal brings the next one.
    pub(crate) refresh_tokens_are_single_use: bool,
    /// Whether a revocation proves which application it comes from.
    pub(crate) revocation_is_authenticated: bool,
    /// None: a token says whose it is.
    pub(crate) identity: Option<Identity>,
    pub(crate) paging: Paging,
    /// The ends of paths that are read with POST: such a request changes nothing.
    pub(crate) reads_by_post: &'static [&'static str],
    /// Whether the callback of a program on this machine may have any port (RFC 8252 section 7.3).
    pub(crate) any_loopback_port: bool,
    /// `iss` of an authorization response (RFC 9207), if the provider sends one.
    pub(crate) issuer: Option<&'static str>,
    /// Parameters of the authorization request, unless the program sets them.
    pub(crate) authorize_params: &'static [(&'static str, &'static str)],
    /// The usual life of an access token in seconds, for a response without `expires_in`.
    pub(crate) token_life: u32,
    /// Why a refresh token can have an expiry time from the start.
    pub(crate) refresh_token_end: &'static str,
    /// Error types or reasons that mean: this access token has expired or is not valid.
    pub(crate) token_errors: &'static [&'static str],
    /// Error types or reasons that mean: the person did not grant the scope for this.
    pub(crate) scope_errors: &'static [&'static str],
    /// The successor, if the provider's 410 Gone means that it was switched off.
    pub(crate) successor: Option<&'static str>,
    /// Whether a notification is signed with HMAC-SHA1, keyed with the client secret and `&`.
    pub(crate) signs_with_client_secret: bool,
}

impl Provider {
    /// Whether scopes such as these cannot be this provider's.
    pub(crate) fn is_foreign(&self, scopes: &str) -> bool {
        let mut scopes = scopes.split_whitespace().peekable();
        scopes.peek().is_some()
            && !scopes.any(|scope| scope.contains("://") == self.scopes_are_urls)
    }
}

/// The Fitbit Web API. Its switch-off, with its OAuth endpoints, was announced for 2026-11-02.
pub static FITBIT: Provider = Provider {
    name: "fitbit",
    display_name: "Fitbit",
    authorize_uri: "https://www.fitbit.com/oauth2/authorize",
    token_uri: "https://api.fitbit.com/oauth2/token",
    revoke_uri: "https://api.fitbit.com/oauth2/revoke",
    api_uri: "https://api.fitbit.com",
    default_scopes: "activity cardio_fitness electrocardiogram heartrate \
                     irregular_rhythm_notifications location nutrition oxygen_saturation profile \
                     respiratory_rate settings sleep social temperature weight",
    scopes_are_urls: false,
    client_auth: ClientAuth::Basic,
    refresh_tokens_are_single_use: true,
    revocation_is_authenticated: true,
    identity: None,
    paging: Paging::NextUrl,
    reads_by_post: &[],
    any_loopback_port: false,
    issuer: None,
    authorize_params: &[],
    token_life: 8 * 3600,
    refresh_token_end: "the provider had limited it",
    token_errors: &["expired_token", "invalid_token"],
    scope_errors: &["insufficient_scope"],
    successor: Some("the Google Health API (FITBIT_PROVIDER_GOOGLE_HEALTH)"),
    signs_with_client_secret: true,
};

/// The Google Health API, with Google's OAuth. Its refresh tokens do not rotate.
pub static GOOGLE_HEALTH: Provider = Provider {
    name: "google_health",
    display_name: "Google Health",
    authorize_uri: "https://accounts.google.com/o/oauth2/v2/auth",
    token_uri: "https://oauth2.googleapis.com/token",
    revoke_uri: "https://oauth2.googleapis.com/revoke",
    api_uri: "https://health.googleapis.com",
    default_scopes: concat!(
        "https://www.googleapis.com/auth/googlehealth.activity_and_fitness.readonly ",
        "https://www.googleapis.com/auth/googlehealth.ecg.readonly ",
        "https://www.googleapis.com/auth/googlehealth.health_metrics_and_measurements.readonly ",
        "https://www.googleapis.com/auth/googlehealth.irn.readonly ",
        "https://www.googleapis.com/auth/googlehealth.location.readonly ",
        "https://www.googleapis.com/auth/googlehealth.logged_symptoms.readonly ",
        "https://www.googleapis.com/auth/googlehealth.mindfulness.readonly ",
        "https://www.googleapis.com/auth/googlehealth.nutrition.readonly ",
        "https://www.googleapis.com/auth/googlehealth.profile.readonly ",
        "https://www.googleapis.com/auth/googlehealth.reproductive_health.readonly ",
        "https://www.googleapis.com/auth/googlehealth.settings.readonly ",
        "https://www.googleapis.com/auth/googlehealth.sleep.readonly",
    ),
    scopes_are_urls: true,
    client_auth: ClientAuth::Body,
    refresh_tokens_are_single_use: false,
    revocation_is_authenticated: false,
    identity: Some(Identity { path: "/v4/users/me/identity", field: "healthUserId" }),
    paging: Paging::PageToken,
    reads_by_post: &[":rollUp", ":dailyRollUp"],
    any_loopback_port: true,
    issuer: Some("https://accounts.google.com"),
    // Without the first there is no refresh token, without the second only at the first consent.
    authorize_params: &[("access_type", "offline"), ("prompt", "consent")],
    token_life: 3600,
    refresh_token_end: "a Google project in testing gets refresh tokens of seven days",
    token_errors: &["UNAUTHENTICATED", "invalid_token"],
    scope_errors: &["ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficient_scope"],
    successor: None,
    signs_with_client_secret: false,
};
