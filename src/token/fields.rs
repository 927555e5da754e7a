//! A token's fields, as JSON writes them.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

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
    // A value always has a text, and that text is always JSON: neither step can fail.
    RawValue::from_string(value.to_string()).unwrap_or_default()
}

fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or(Value::Null)
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

pub(super) fn string(fields: &mut Fields, name: &str) -> Result<Option<String>, Unfit> {
    match fields.remove(name).as_deref().map(value) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Unfit::Malformed(format!("its {name} is not a string"))),
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
