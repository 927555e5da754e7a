//! Applications as the provider knows them, and the three that exist from the start.

use crate::control;
use serde_json::Value;

/// The demo application of kind Server.
pub const DEMO_SERVER_ID: &str = "22SRVR";
/// Its secret.
pub const DEMO_SERVER_SECRET: &str = "5e2f7e7a90c14d1b8a6d3b0f4c9e1a27";
/// The demo application of kind Client, which has no secret.
pub const DEMO_CLIENT_ID: &str = "22CLNT";
/// The demo application of kind Personal.
pub const DEMO_PERSONAL_ID: &str = "22PRSN";
/// Its secret.
pub const DEMO_PERSONAL_SECRET: &str = "b41d0c6e57f84a93a2e8c5d7196f3b08";
/// The redirect URIs of the three.
pub const DEMO_REDIRECT_URIS: [&str; 4] = [
    "http://127.0.0.1:8080/callback",
    "http://localhost:8080/callback",
    "https://app.example/callback",
    "myapp://callback",
];

/// The kind decides how an application proves who it is at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationKind {
    /// Has a secret and sends it in a Basic Authorization header.
    Server,
    /// Has none: sends `client_id` in the body, no Authorization header, and uses PKCE.
    Client,
    /// Reads its owner's data; may do either.
    Personal,
}

/// An application registered with the provider.
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
                _ => return Err("\"kind\" is server, client or personal".to_owned()),
            },
            redirect_uris: control::strings(&value["redirect_uris"])
                .ok_or("\"redirect_uris\" is a list")?,
        })
    }
}

pub(crate) fn demos() -> [Registration; 3] {
    let demo = |client_id: &str, client_secret: Option<&str>, kind| Registration {
        client_id: client_id.to_owned(),
        client_secret: client_secret.map(str::to_owned),
        kind,
        redirect_uris: DEMO_REDIRECT_URIS.map(str::to_owned).to_vec(),
    };
    [
        demo(DEMO_SERVER_ID, Some(DEMO_SERVER_SECRET), ApplicationKind::Server),
        demo(DEMO_CLIENT_ID, None, ApplicationKind::Client),
        demo(DEMO_PERSONAL_ID, Some(DEMO_PERSONAL_SECRET), ApplicationKind::Personal),
    ]
}
