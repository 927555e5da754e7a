//! The response of a token endpoint becomes a token.

use super::json::{Fields, as_text, is_nothing, number, raw_true, seconds, wipe};
use super::{KNOWN, Now, SINGLE_USE, Token, Unfit, malformed};
use crate::error::Error;
use crate::provider::Provider;

impl Token {
    /// The token in a token endpoint's response. It replaces `old`.
    pub fn received(
        response: Fields,
        old: Option<&Token>,
        provider: &Provider,
        is_after_401: bool,
        at: Now,
    ) -> Result<Token, Error> {
        Token::from_response(response, old, provider, is_after_401, at).map_err(|unfit| {
            let why = match unfit {
                Unfit::ForeignProvider => "it is another provider's".to_owned(),
                Unfit::Malformed(why) => why,
            };
            Error::protocol(format!("the token received cannot be used: {why}"))
        })
    }

    /// The fields of the response, over those of the old token. Fields that are absent, null or empty keep
    /// their old values (Google leaves out the refresh token).
    fn from_response(
        mut response: Fields,
        old: Option<&Token>,
        provider: &Provider,
        is_after_401: bool,
        now: Now,
    ) -> Result<Token, Unfit> {
        let mut fields = match old {
            Some(old) => old.fields(provider),
            None => Fields::default(),
        };
        response.retain(|name, value| {
            !is_nothing(value) || (!fields.contains_key(name) && !KNOWN.contains(&name.as_str()))
        });
        response.remove("expires_at");
        response.remove(SINGLE_USE); // only a changed refresh token says so, below
        if !response.contains_key("access_token") {
            return Err(malformed("it has no access_token"));
        }
        if response.get("expires_in").and_then(|life| seconds(life)).is_none() {
            response.insert("expires_in".into(), number(provider.token_life.into()));
        }
        let refresh_token = |fields: &Fields| fields.get("refresh_token").and_then(|t| as_text(t));
        if refresh_token(&response).is_some_and(|new| refresh_token(&fields) != Some(new)) {
            fields.remove("refresh_token_expires_at"); // it was the old one's
            if old.is_some() && !provider.refresh_tokens_are_single_use {
                response.insert(SINGLE_USE.into(), raw_true());
            }
        }
        if let Some(seconds) =
            response.remove("refresh_token_expires_in").as_deref().and_then(seconds)
        {
            response.insert(
                "refresh_token_expires_at".into(),
                number(now.wall.saturating_add(seconds)),
            );
        }
        if let (Some(was), Some(is)) = (fields.get("user_id"), response.get("user_id"))
            && as_text(was) != as_text(is)
        {
            return Err(malformed("it belongs to another person: its user_id changed"));
        }
        for name in response.keys() {
            fields.remove(name).into_iter().for_each(wipe);
        }
        fields.append(&mut response);
        fields.remove("expires_at");
        fields.remove("provider");
        let mut token = Token::from_fields(fields, provider, Some(now))?;
        token.is_after_401 = is_after_401;
        Ok(token)
    }
}
