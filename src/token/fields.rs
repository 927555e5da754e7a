//! A token's fields, as JSON writes them.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;
use zeroize::{Zeroize, Zeroizing};

use super::Unfit;

/// A JSON object whose values are kept as they were written.
pub(crate) type Fields = BTreeMap<String, Box<RawValue>>;

pub(crate) fn parse(json: &[u8]) -> Result<Fields, Unfit> {
    // serde_json's own message may quote the text.
    serde_json::from_slice(json).map_err(|error| {
        Unfit::Malformed(format!(
            "it is not a JSON object (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

pub(crate) fn raw(value: &Value) -> Box<RawValue> {
    // Long enough from the beginning: a text that grows leaves pieces of itself behind.
    let mut text = Vec::with_capacity(value.as_str().map_or(32, |text| 2 * text.len() + 2));
    // A value always has a text, and that text is always JSON: no step can fail.
    let text = serde_json::to_writer(&mut text, value).ok().and(String::from_utf8(text).ok());
    RawValue::from_string(text.unwrap_or_default()).unwrap_or_default()
}

fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or(Value::Null)
}

/// Wipes what may be a token.
pub(super) fn wipe(raw: Box<RawValue>) {
    Box::<str>::from(raw).zeroize();
}

/// Wipes them all.
pub(super) fn wipe_all(fields: Fields) {
    fields.into_values().for_each(wipe);
}

pub(crate) fn is_nothing(field: &RawValue) -> bool {
    matches!(field.get(), "null" | "\"\"" | "[]" | "{}")
}

pub(super) fn as_text(field: &RawValue) -> Option<String> {
    match field.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        text => Some(text.to_owned()),
    }
}

pub(super) fn string(fields: &mut Fields, name: &str) -> Result<Option<Zeroizing<String>>, Unfit> {
    let Some(raw) = fields.remove(name) else { return Ok(None) };
    let value = value(&raw);
    wipe(raw);
    match value {
        Value::String(text) => Ok(Some(text.into())),
        _ => Err(Unfit::Malformed(format!("its {name} is not a string"))),
    }
}

/// A number of seconds, also where it is a float or a text.
pub(super) fn seconds(field: &RawValue) -> Option<i64> {
    let number = match value(field) {
        Value::Number(number) => number,
        Value::String(text) => serde_json::from_str(text.trim()).ok()?,
        _ => return None,
    };
    number.as_i64().or(number.as_f64().map(|seconds| seconds as i64))
}

/// A list of scopes as OAuth writes it: one text, separated by spaces.
pub(super) fn joined(scope: &RawValue) -> Option<String> {
    let Value::Array(scopes) = value(scope) else { return None };
    let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
    Some(scopes.join(" "))
}
