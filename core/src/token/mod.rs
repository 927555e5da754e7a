//! A token: JSON in and out, when it expires, secrecy.
//!
//! Programs save a token as one JSON object. It can come from this library, from a provider's raw response, or
//! from the Python clients (scope as a list, `expires_at` as a float or missing). Fields that are unknown here
//! go out as they came in, byte for byte.
//!
//! In memory, the two tokens and the other fields are one text, so that a million idle clients cost little
//! more than their tokens. The text is wiped when it is dropped.

mod expiry;
mod json;
mod received;

use std::sync::atomic::{AtomicBool, Ordering};

use once_cell::race::OnceBox;
use serde_json::value::RawValue;
use ureq::http::HeaderValue;
use ureq::http::header::InvalidHeaderValue;
use zeroize::{Zeroize, Zeroizing};

use crate::provider::Provider;
use expiry::Moment;
pub(crate) use expiry::{Age, DEFAULT_LEEWAY, Now};
pub(crate) use json::{Fields, is_nothing, member, parse, raw, string, text, without_bom};
use json::{as_text, is_false, joined, number, seconds};

/// The fields that this library understands. In these, null and empty mean absent.
const KNOWN: [&str; 11] = [
    "access_token",
    "expires_at",
    "expires_in",
    "provider",
    "refresh_token",
    "refresh_token_expires_at",
    SINGLE_USE,
    RENEWING_SINCE,
    "scope",
    "token_type",
    "user_id",
];

/// The renewal marker: a token file sets it before the provider is asked for a new token.
const RENEWING_SINCE: &str = "renewing_since";

/// Notes that this login's refresh tokens are single-use, although the provider's usually are not.
const SINGLE_USE: &str = "refresh_token_single_use";

/// The longest access token that is accepted: it has to fit into a request's head.
const MAX_ACCESS_TOKEN: usize = 32 * 1024;

/// The longest life that is believed, ten years. A longer life is as good as unlimited.
const MAX_LIFE: i64 = 10 * 365 * 24 * 3600;

/// Why a text is not a token of this provider.
pub(crate) enum Unfit {
    /// It belongs to another provider.
    ForeignProvider,
    /// Anything else, in words.
    Malformed(String),
}

fn malformed(why: &str) -> Unfit {
    Unfit::Malformed(why.to_owned())
}

pub(crate) struct Token {
    /// The access token, the refresh token, and a JSON object of all other fields.
    text: Box<str>,
    access_len: u32,
    refresh_len: u32,
    /// The life of the access token in seconds, from its response. 0: not known.
    life: u32,
    /// Whether this token was requested because of a 401 to an older token.
    is_after_401: bool,
    /// Whether it was loaded with a renewal marker.
    has_marker: bool,
    /// Whether this process received it and no request has carried it yet.
    unused: AtomicBool,
    /// Whether any request that carried it got another response than 401.
    proven: AtomicBool,
    /// Seconds since the epoch, or [`UNKNOWN`].
    expires_at: i64,
    /// When this process received it; none: it was loaded.
    received: Option<Moment>,
    /// The header value of requests, made for the first one.
    authorization: OnceBox<HeaderValue>,
}

/// Not the expiry time of any token.
const UNKNOWN: i64 = i64::MIN;

impl Token {
    /// A token that the program saved, or got from somewhere else.
    pub fn from_json(json: &str, provider: &Provider) -> Result<Token, Unfit> {
        let fields = parse(json.as_bytes())?;
        let scopes =
            fields.get("scope").and_then(|s| joined(s).map(Zeroizing::new).or_else(|| as_text(s)));
        // A provider's raw response does not name the provider.
        let is_named = fields.get("provider").is_some_and(|name| !is_nothing(name));
        if !is_named && scopes.is_some_and(|s| provider.is_foreign(&s)) {
            return Err(Unfit::ForeignProvider);
        }
        Token::from_fields(fields, provider, None)
    }

    fn from_fields(
        mut fields: Fields,
        provider: &Provider,
        received: Option<Now>,
    ) -> Result<Token, Unfit> {
        fields.retain(|name, value| !is_nothing(value) || !KNOWN.contains(&name.as_str()));
        if let Some(other) = fields.remove("provider").as_deref().and_then(as_text)
            && *other != provider.name
        {
            return Err(Unfit::ForeignProvider);
        }
        let has_marker = fields.remove(RENEWING_SINCE).is_some();
        let is_known = provider.refresh_tokens_are_single_use;
        if is_known || fields.get(SINGLE_USE).is_some_and(|value| is_false(value)) {
            fields.remove(SINGLE_USE);
        }
        let access = string(&mut fields, "access_token")?.unwrap_or_default();
        let refresh = string(&mut fields, "refresh_token")?.unwrap_or_default();
        if access.is_empty() && refresh.is_empty() {
            return Err(malformed("it has neither an access_token nor a refresh_token"));
        }
        if !access.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed("its access_token is not printable ASCII without spaces"));
        }
        if access.len() > MAX_ACCESS_TOKEN {
            return Err(malformed("its access_token is too long"));
        }
        if let Some(kind) = fields.get("token_type")
            && !as_text(kind).is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
        {
            return Err(malformed("its token_type is not Bearer"));
        }
        if let Some(scope) = fields.get("scope").and_then(|scope| joined(scope)) {
            fields.insert("scope".into(), raw(&scope));
        }
        let life = fields.get("expires_in").and_then(|value| seconds(value));
        let life = life.map(|s| s.clamp(0, MAX_LIFE));
        let loaded = fields.remove("expires_at").as_deref().and_then(seconds);
        let expires_at = match (received, life) {
            (Some(now), Some(life)) => Some(now.wall.saturating_add(life)),
            _ => loaded,
        };
        if let Some(life) = life {
            fields.insert("expires_in".into(), number(life));
        }
        let rest = Zeroizing::new(fields.to_json());
        let (Ok(access_len), Ok(refresh_len)) = (access.len().try_into(), refresh.len().try_into())
        else {
            return Err(malformed("it is too long"));
        };
        let mut text = String::with_capacity(access.len() + refresh.len() + rest.len());
        text.push_str(&access);
        text.push_str(&refresh);
        text.push_str(&rest);
        Ok(Token {
            text: text.into_boxed_str(),
            access_len,
            refresh_len,
            life: life.and_then(|s| s.try_into().ok()).unwrap_or(0),
            is_after_401: false,
            has_marker,
            unused: AtomicBool::new(received.is_some()),
            proven: AtomicBool::new(false),
            expires_at: expires_at.unwrap_or(UNKNOWN),
            received: received.map(|now| now.monotonic),
            authorization: OnceBox::new(),
        })
    }

    pub fn access_token(&self) -> &str {
        &self.text[..self.access_len as usize]
    }

    /// The `Authorization` header's value. Its bytes are shared by all requests that carry it.
    pub fn authorization(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        let made = self.authorization.get_or_try_init(|| {
            let mut value = HeaderValue::try_from(["Bearer ", self.access_token()].concat())?;
            value.set_sensitive(true);
            Ok(Box::new(value))
        });
        made.cloned()
    }

    /// Empty: it has none.
    pub fn refresh_token(&self) -> &str {
        &self.text[self.access_len as usize..][..self.refresh_len as usize]
    }

    /// Seconds since the epoch; none: not known.
    fn expires_at(&self) -> Option<i64> {
        (self.expires_at != UNKNOWN).then_some(self.expires_at)
    }

    /// Whether its refresh token can be used only once.
    pub fn is_single_use(&self, provider: &Provider) -> bool {
        let rest = || parse(self.rest().as_bytes()).unwrap_or_default();
        provider.refresh_tokens_are_single_use || rest().contains_key(SINGLE_USE)
    }

    fn rest(&self) -> &str {
        &self.text[self.access_len as usize + self.refresh_len as usize..]
    }

    /// Whether both are the same token, even if a database has changed its JSON.
    pub fn same_as(&self, other: &Token) -> bool {
        self.access_token() == other.access_token() && self.refresh_token() == other.refresh_token()
    }

    /// Whether both have one of their tokens in common: a renewal need not bring a new refresh token.
    pub fn is_of_same_login_as(&self, other: &Token) -> bool {
        self.access_token() == other.access_token()
            || (!self.refresh_token().is_empty() && self.refresh_token() == other.refresh_token())
    }

    /// The same token, which now says whose it is.
    pub fn of_user(&self, user_id: &str) -> Token {
        let mut rest = parse(self.rest().as_bytes()).unwrap_or_default();
        rest.insert("user_id".to_owned(), raw(user_id));
        let rest = Zeroizing::new(rest.to_json());
        let copy = |flag: &AtomicBool| AtomicBool::new(flag.load(Ordering::Relaxed));
        Token {
            text: [self.access_token(), self.refresh_token(), &rest].concat().into_boxed_str(),
            unused: copy(&self.unused),
            proven: copy(&self.proven),
            authorization: OnceBox::new(),
            ..*self
        }
    }

    /// Whether the refresh token has an expiry time that is over.
    pub fn refresh_token_is_past_its_end(&self, now: Now) -> bool {
        let rest = parse(self.rest().as_bytes()).unwrap_or_default();
        let end = rest.get("refresh_token_expires_at").and_then(|end| seconds(end));
        end.is_some_and(|end| end <= now.wall)
    }

    pub fn belongs_to_same_person_as(&self, other: &Token, provider: &Provider) -> bool {
        match (self.field("user_id", provider), other.field("user_id", provider)) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => true,
        }
    }

    /// Every field, as it is handed to the program.
    fn fields(&self, provider: &Provider) -> Fields {
        let mut fields = parse(self.rest().as_bytes()).unwrap_or_default();
        let mut put = |name: &str, value: Box<RawValue>| fields.insert(name.to_owned(), value);
        if !self.access_token().is_empty() {
            put("access_token", raw(self.access_token()));
        }
        if !self.refresh_token().is_empty() {
            put("refresh_token", raw(self.refresh_token()));
        }
        if let Some(expires_at) = self.expires_at() {
            put("expires_at", number(expires_at));
        }
        put("provider", raw(provider.name));
        fields
    }

    /// The token as the program saves it.
    pub fn to_json(&self, provider: &Provider) -> String {
        self.fields(provider).to_json()
    }

    /// The token with the renewal marker.
    pub fn to_json_marked(&self, provider: &Provider) -> String {
        let mut fields = self.fields(provider);
        fields.insert(RENEWING_SINCE.to_owned(), number(Now::read().wall));
        fields.to_json()
    }

    /// It was loaded with a renewal marker: its refresh token is possibly used.
    pub fn has_renewal_marker(&self) -> bool {
        self.has_marker
    }

    /// One field as text: a string's text, anything else as JSON.
    pub fn field(&self, name: &str, provider: &Provider) -> Option<String> {
        let mut text = as_text(self.fields(provider).get(name)?)?;
        Some(std::mem::take(&mut *text))
    }

    /// A request is about to carry this token.
    pub fn mark_used(&self) {
        if self.unused.load(Ordering::Relaxed) {
            self.unused.store(false, Ordering::Relaxed);
        }
    }

    /// A request that carried this token got another response than 401.
    pub fn mark_proven(&self) {
        if !self.proven.load(Ordering::Relaxed) {
            self.proven.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a 401 for this token may lead to a renewal. Not if a 401 led to this token and every request
    /// with it got 401, too: a server that always sends 401 would be asked for ever.
    pub fn may_be_renewed_after_401(&self) -> bool {
        !self.is_after_401 || self.proven.load(Ordering::Relaxed)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("expires_at", &self.expires_at()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_of_a_token_shows_nothing_secret() {
        let json = r#"{"access_token":"first-secret","refresh_token":"other-secret","id_token":"x-secret"}"#;
        let token = Token::from_json(json, &crate::provider::FITBIT).unwrap_or_else(|_| panic!());
        token.authorization().expect("it is a header's value");
        let shown = format!("{token:?} {token:#?} {:?}", token.authorization());
        assert!(shown.contains("expires_at") && !shown.contains("secret"), "{shown}");
    }
}
