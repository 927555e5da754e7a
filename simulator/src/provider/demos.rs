//! The applications that exist from the start: one of each kind.

use super::registration::{ApplicationKind, Registration};

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
/// The demo application of kind Google.
pub const DEMO_GOOGLE_ID: &str = "620184410597-demo.apps.googleusercontent.com";
/// Its secret.
pub const DEMO_GOOGLE_SECRET: &str = "GOCSPX-d3mo_9aB2cD4eF6gH8iJ0kL2";
/// The redirect URIs of the four.
pub const DEMO_REDIRECT_URIS: [&str; 4] = [
    "http://127.0.0.1:8080/callback",
    "http://localhost:8080/callback",
    "https://app.example/callback",
    "myapp://callback",
];

pub(crate) fn all() -> [Registration; 4] {
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
        demo(DEMO_GOOGLE_ID, Some(DEMO_GOOGLE_SECRET), ApplicationKind::Google),
    ]
}
