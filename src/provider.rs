//! The providers, as data.
//!
//! Nothing else asks which provider it talks to: what differs between them is a field here. Every
//! endpoint can be overridden per app (fitbit_app_set_endpoint).

/// How an application proves who it is at the token endpoint (RFC 6749 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// `Authorization: Basic`, with id and secret.
    Basic,
    /// Id and secret in the request's body.
    Body,
    /// A public client: the id in the body, and PKCE.
    None,
}

pub(crate) struct Provider {
    /// As sessions and tokens name it. Saved tokens carry it: it never changes.
    pub name: &'static str,
    pub display_name: &'static str,
    pub authorize_uri: &'static str,
    pub token_uri: &'static str,
    pub api_uri: &'static str,
    /// Every scope that lets something be read, space-separated.
    pub default_scopes: &'static str,
    /// What a client with a secret uses.
    pub client_auth: ClientAuth,
    /// `iss` of an authorization response (RFC 9207), where the provider sends one.
    pub issuer: Option<&'static str>,
    /// What the authorization request carries unless the program says otherwise.
    pub authorize_params: &'static [(&'static str, &'static str)],
    /// The usual life of an access token in seconds, for an answer that does not say.
    pub token_life: u32,
    /// Error types that mean: this access token has expired or is not valid.
    pub token_errors: &'static [&'static str],
    /// Error types that mean: the person did not grant the scope for this.
    pub scope_errors: &'static [&'static str],
    /// What replaces the provider, where its 410 Gone means that it was switched off.
    pub successor: Option<&'static str>,
}

/// The Fitbit Web API. Its switch-off, with its OAuth endpoints, was announced for 2026-11-02.
pub(crate) static FITBIT: Provider = Provider {
    name: "fitbit",
    display_name: "Fitbit",
    authorize_uri: "https://www.fitbit.com/oauth2/authorize",
    token_uri: "https://api.fitbit.com/oauth2/token",
    api_uri: "https://api.fitbit.com",
    default_scopes: "activity cardio_fitness electrocardiogram heartrate \
                     irregular_rhythm_notifications location nutrition oxygen_saturation profile \
                     respiratory_rate settings sleep social temperature weight",
    client_auth: ClientAuth::Basic,
    issuer: None,
    authorize_params: &[],
    token_life: 8 * 3600,
    token_errors: &["expired_token", "invalid_token"],
    scope_errors: &["insufficient_scope"],
    successor: Some("the Google Health API"),
};
