//! Applications as the providers know them.

use crate::control;
use serde_json::Value;

/// The kind says which provider an application is registered with, and so in whose dialect its
/// tokens are, and how it proves who it is at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationKind {
    /// Fitbit: has a secret and sends it in a Basic Authorization header.
    Server,
    /// Fitbit: has none; sends `client_id` in the body, no Authorization header, and uses PKCE.
    Client,
    /// Fitbit: reads its owner's data; may do either.
    Personal,
    /// Google: has a secret and sends it in the body or as Basic. Redirect URIs on 127.0.0.1 and
    /// `[::1]` need no registration and may have any port.
    Google,
}

/// In whose words a request and its answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Fitbit,
    Google,
}

impl ApplicationKind {
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Server | Self::Client | Self::Personal => Dialect::Fitbit,
            Self::Google => Dialect::Google,
        }
    }
}

/// An application registered with one of the providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub client_id: String,
    /// Its secret, unless it is of kind Client.
    pub client_secret: Option<String>,
    /// Its kind.
    pub kind: ApplicationKind,
    /// The redirect URIs it may use, compared character by character.
    pub redirect_uris: Vec<String>,
}

impl Registration {
    /// Reads the HTTP control's form of a registration.
    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        let text = |field: &str| value[field].as_str().map(str::to_owned);
        Ok(Self {
            client_id: text("client_id").ok_or("\"client_id\" is missing")?,
            client_secret: text("client_secret"),
            kind: match value["kind"].as_str() {
                Some("server") => ApplicationKind::Server,
                Some("client") => ApplicationKind::Client,
                Some("personal") => ApplicationKind::Personal,
                Some("google") => ApplicationKind::Google,
                _ => return Err("\"kind\" is server, client, personal or google".to_owned()),
            },
            redirect_uris: control::strings(&value["redirect_uris"])
                .ok_or("\"redirect_uris\" is a list")?,
        })
    }
}
