//! oauth2-rs alone, as its documentation says, its client kept. Requests go through one kept ureq
//! agent, a connection that stays open, and without redirects, which its manual warns of.

use std::io::Read;

use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, Scope, SyncHttpClient,
    TokenResponse, TokenUrl,
};

use super::{CALLBACK_URI, CLIENT_ID, CLIENT_SECRET, SCOPES, Work, bare_ureq, drive};

pub fn run(work: &Work) {
    let client = BasicClient::new(ClientId::new(CLIENT_ID.to_owned()))
        .set_client_secret(ClientSecret::new(CLIENT_SECRET.to_owned()))
        .set_auth_uri(
            AuthUrl::new("https://www.fitbit.com/oauth2/authorize".to_owned()).expect("an address"),
        )
        .set_token_uri(TokenUrl::new(format!("{}/oauth2/token", work.server)).expect("an address"))
        .set_redirect_uri(RedirectUrl::new(CALLBACK_URI.to_owned()).expect("an address"));
    let http = Http(bare_ureq::agent(work.ca_file, None));
    match work.operation {
        "address" => drive(|| {
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            let (address, state) = client
                .authorize_url(CsrfToken::new_random)
                .add_scopes(SCOPES.split(' ').map(|scope| Scope::new(scope.to_owned())))
                .set_pkce_challenge(challenge)
                .url();
            assert!(address.as_str().len() > verifier.secret().len() + state.secret().len());
        }),
        "exchange" => drive(|| {
            let verifier = "0123456789abcdef0123456789abcdef0123456789a".to_owned();
            let token = client
                .exchange_code(AuthorizationCode::new("abcdef0123".to_owned()))
                .set_pkce_verifier(PkceCodeVerifier::new(verifier))
                .request(&http)
                .expect("a token");
            assert!(token.refresh_token().is_some());
        }),
        "refresh" => {
            let mut refresh_token = RefreshToken::new("one".to_owned());
            drive(|| {
                let token = client.exchange_refresh_token(&refresh_token).request(&http);
                let token = token.expect("a token");
                refresh_token = token.refresh_token().expect("it rotates").clone();
            });
        }
        operation => panic!("{operation} is not for an OAuth client"),
    }
}

struct Http(ureq::Agent);

impl SyncHttpClient for Http {
    type Error = ureq::Error;

    fn call(&self, request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
        let answer = self.0.run(request)?;
        let (head, body) = answer.into_parts();
        let mut bytes = Vec::new();
        body.into_reader().read_to_end(&mut bytes)?;
        Ok(HttpResponse::from_parts(head, bytes))
    }
}
