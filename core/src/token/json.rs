//! A token's fields, as JSON.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use serde_json::value::RawValue;
use serde_json::{Deserializer, Value};
use zeroize::{Zeroize, Zeroizing};

use super::Unfit;

/// A JSON object whose values are kept as they were written, and wiped with it.
#[derive(Default)]
pub(crate) struct Fields(BTreeMap<String, Box<RawValue>>);

impl Deref for Fields {
    type Target = BTreeMap<String, Box<RawValue>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Fields {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        std::mem::take(&mut self.0).into_values().for_each(wipe);
    }
}

impl Fields {
    /// As one text. It does not grow: that would leave copies of it in memory.
    pub fn to_json(&self) -> String {
        let length: usize =
            self.iter().map(|(name, value)| length(name) + value.get().len() + 2).sum();
        let mut json = Vec::with_capacity(length + 2);
        match serde_json::to_writer(&mut json, &self.0) {
            Ok(()) => String::from_utf8(json).unwrap_or_default(),
            Err(_) => String::new(),
        }
    }
}

/// A text without the byte order mark that some editors and servers put before it.
pub(crate) fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A JSON object; a byte order mark before it is skipped.
pub(crate) fn parse(json: &[u8]) -> Result<Fields, Unfit> {
    let json = json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json);
    // Borrowed until all of it is known to be JSON: on an error, serde_json would drop values without wiping
    // them. Its own message may quote the text.
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(json).map_err(|error| {
        Unfit::Malformed(format!(
            "it is not a JSON object (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    Ok(Fields(fields.into_iter().map(|(name, value)| (name, value.to_owned())).collect()))
}

/// One member of a JSON object. The text may be large and of unknown origin, so the other members are not
/// parsed into values. Returns `Some(None)` for JSON without this member, and `None` for text that is not JSON.
pub(crate) fn member<'a>(json: &'a str, name: &str) -> Option<Option<&'a RawValue>> {
    let json = without_bom(json);
    let Some(members) = trimmed(json).strip_prefix('{') else {
        return serde_json::from_str::<&RawValue>(json).ok().map(|_| None);
    };
    let (mut found, mut rest) = (None, trimmed(members));
    if !rest.starts_with('}') {
        loop {
            let key = next(&mut rest).map(RawValue::get).filter(|key| key.starts_with('"'))?;
            rest = trimmed(rest).strip_prefix(':')?;
            let value = next(&mut rest)?;
            // An escaped name is at most this long.
            if key.len() <= 6 * name.len() + 2 && serde_json::from_str::<String>(key).ok()? == name
            {
                found = Some(value); // the last of them, as everywhere
            }
            rest = trimmed(rest);
            let Some(more) = rest.strip_prefix(',') else { break };
            rest = more;
        }
    }
    trimmed(rest.strip_prefix('}')?).is_empty().then_some(found)
}

/// Without the white space of JSON before it.
fn trimmed(json: &str) -> &str {
    json.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// Takes the value at the beginning of a text.
fn next<'a>(rest: &mut &'a str) -> Option<&'a RawValue> {
    let mut values = Deserializer::from_str(rest).into_iter();
    let value = values.next()?.ok()?;
    *rest = rest.get(values.byte_offset()..)?;
    Some(value)
}

/// A text as JSON.
pub(crate) fn raw(text: &str) -> Box<RawValue> {
    // Exactly as long as needed: a text that grows or shrinks leaves copies of itself in memory.
    let mut json = Vec::with_capacity(length(text));
    // A text can always be written as JSON: no step can fail.
    let json = serde_json::to_writer(&mut json, text).ok().and(String::from_utf8(json).ok());
    RawValue::from_string(json.unwrap_or_default()).unwrap_or_default()
}

/// The length of a text as JSON.
fn length(text: &str) -> usize {
    let of = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        ..b' ' => 6,
        _ => 1,
    };
    2 + text.bytes().map(of).sum::<usize>()
}

pub(super) fn number(number: i64) -> Box<RawValue> {
    RawValue::from_string(number.to_string()).unwrap_or_default()
}

fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or(Value::Null)
}

/// Wipes a value that may be a token.
pub(super) fn wipe(raw: Box<RawValue>) {
    Box::<str>::from(raw).zeroize();
}

pub(crate) fn is_nothing(field: &RawValue) -> bool {
    matches!(field.get(), "null" | "\"\"" | "[]" | "{}")
}

pub(super) fn is_false(field: &RawValue) -> bool {
    matches!(field.get(), "false" | "\"false\"" | "0" | "\"0\"")
}

pub(super) fn raw_true() -> Box<RawValue> {
    RawValue::from_string("true".to_owned()).unwrap_or_default()
}

pub(super) fn as_text(field: &RawValue) -> Option<Zeroizing<String>> {
    match field.get() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok().map(Zeroizing::new),
        text => Some(text.to_owned().into()),
    }
}

/// A field's text.
pub(crate) fn text(fields: &Fields, name: &str) -> Option<Zeroizing<String>> {
    fields.get(name).and_then(|field| as_text(field))
}

pub(crate) fn string(fields: &mut Fields, name: &str) -> Result<Option<Zeroizing<String>>, Unfit> {
    let Some(raw) = fields.remove(name) else { return Ok(None) };
    let text = serde_json::from_str::<String>(raw.get());
    wipe(raw);
    match text {
        Ok(text) => Ok(Some(text.into())),
        Err(_) => Err(Unfit::Malformed(format!("its {name} is not a string"))),
    }
}

/// A number of seconds, also from a float or a text.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_as_a_whole_tree_would_have_it() {
        for json in [
            r#"{}"#,
            r#" { } "#,
            r#"{"a":1}"#,
            "\n{\t\"b\" : [ {\"a\":2} ] ,\r\"a\" : \"x\" } ",
            r#"{"a":1,"a":{"a":[]}}"#,
            r#"{"\u0061":"é","é":null}"#,
            r#"[{"a":1}]"#,
            r#""a""#,
            "7",
            "",
            "{",
            r#"{"a"}"#,
            r#"{"a":1"#,
            r#"{"a":1,}"#,
            r#"{,"a":1}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":1}}"#,
            r#"{"a":1} {}"#,
            r#"{1:1}"#,
            r#"{a:1}"#,
            r#"{"a":1-}"#,
            r#"{"a":01}"#,
            r#"{"a"::1}"#,
            r#"{"a":1];"#,
        ] {
            let tree = serde_json::from_str::<Value>(json).ok().map(|tree| tree.get("a").cloned());
            assert_eq!(member(json, "a").map(|found| found.map(value)), tree, "{json}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_json_text() {
        for json in ["\u{feff}{\"a\":1}", "\u{feff} {\"a\":1}"] {
            assert!(parse(json.as_bytes()).is_ok_and(|fields| fields.contains_key("a")));
            assert_eq!(member(json, "a").map(|found| found.map(RawValue::get)), Some(Some("1")));
        }
        assert!(parse("\u{feff}\u{feff}{}".as_bytes()).is_err(), "one is one too many");
    }

    #[test]
    fn a_text_is_as_long_as_was_said_before() {
        let every: String = (0..0x250).filter_map(char::from_u32).collect();
        for text in ["", "plain", &every] {
            assert_eq!(raw(text).get().len(), length(text));
            assert_eq!(serde_json::from_str::<String>(raw(text).get()).ok().as_deref(), Some(text));
        }
    }
}
