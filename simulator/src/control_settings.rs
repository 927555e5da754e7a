//! `/_simulator/settings`: each setting by its name.

use crate::control::strings;
use crate::settings::{Consent, RefreshedToken, Settings};
use crate::simulator::Core;
use serde_json::Value;
use std::time::Duration;

/// Changes all of the named settings, or none if one cannot be.
pub(crate) fn change(core: &Core, body: &Value) -> Result<(), String> {
    let fields = body.as_object().ok_or("settings are an object")?;
    let mut outcome = Ok(());
    core.change_settings(|settings| {
        let mut changed = settings.clone();
        outcome = fields.iter().try_for_each(|(name, value)| {
            set(&mut changed, name, value).ok_or_else(|| format!("cannot set {name} to {value}"))
        });
        if outcome.is_ok() {
            *settings = changed;
        }
    });
    outcome
}

fn set(settings: &mut Settings, name: &str, value: &Value) -> Option<()> {
    let google = &mut settings.google;
    match name {
        "user_id" => settings.user_id = value.as_str()?.to_owned(),
        "consent" => {
            settings.consent = match value.as_str()? {
                "page" => Consent::Page,
                "grant" => Consent::Grant,
                "deny" => Consent::Deny,
                _ => return None,
            }
        }
        "granted_scopes" => settings.granted_scopes = or_null(value, strings)?,
        "append_fragment" => settings.append_fragment = value.as_bool()?,
        "code_life" => settings.code_life = seconds(value)?,
        "grace" => settings.grace = or_null(value, seconds)?,
        "token_life" => settings.token_life = value.as_u64()?,
        "omit_expires_in" => settings.omit_expires_in = value.as_bool()?,
        "old_access_token_survives_refresh" => {
            settings.old_access_token_survives_refresh = value.as_bool()?;
        }
        "allow_body_secret" => settings.allow_body_secret = value.as_bool()?,
        "intraday" => settings.intraday = value.as_bool()?,
        "rate_limit" => settings.rate_limit.limit = value.as_u64()?,
        "rate_limit_window" => settings.rate_limit.window = seconds(value)?,
        "links_origin" => settings.links_origin = or_null(value, text)?,
        "retired" => settings.retired = value.as_bool()?,
        "google_iss" => google.iss = or_null(value, text)?,
        "google_refreshed_token" => {
            google.refreshed_token = match value.as_str()? {
                "absent" => RefreshedToken::Absent,
                "new" => RefreshedToken::New,
                "empty" => RefreshedToken::Empty,
                "null" => RefreshedToken::Null,
                _ => return None,
            }
        }
        "google_strict_rotation" => google.strict_rotation = value.as_bool()?,
        "google_refreshed_scopes" => google.refreshed_scopes = or_null(value, strings)?,
        "google_refresh_token_life" => {
            google.refresh_token_life = or_null(value, Value::as_u64)?;
        }
        "keep_log" => settings.keep_log = value.as_bool()?,
        _ => return None,
    }
    Some(())
}

/// A value that may be null; `None`: it is neither null nor readable.
fn or_null<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { read(value).map(Some) }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn seconds(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_secs)
}
