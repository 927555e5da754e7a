//! The one place that takes secrets out of text.
//!
//! Providers put tokens into their error messages, as they are or escaped: for JSON (`\/`,
//! `\u003d`), for a form or address (`%2F`, `+`), for HTML (`&#47;`, `&amp;`). So a secret is
//! searched for character by character, and each character of the text may stand for itself or
//! be written in any of these ways. Control characters go first, so that none can split a secret.

const REDACTED: &str = "[redacted]";

/// As much of a provider's error body as an error keeps.
const BODY_LIMIT: usize = 64 * 1024;

/// As much of a provider's message as an error's message repeats.
const LINE_LIMIT: usize = 1024;

/// So much of a secret is one, where the text ends in the middle of it: whoever wrote the text may
/// have cut it.
const TELLING: usize = 6;

/// What must not be seen: every secret that a request carried and that its client holds.
pub(crate) struct Secrets<'a>(Vec<&'a str>);

impl<'a> Secrets<'a> {
    pub fn new(secrets: impl IntoIterator<Item = &'a str>) -> Secrets<'a> {
        let mut secrets: Vec<_> = secrets.into_iter().filter(|s| !s.is_empty()).collect();
        // The longest first: one secret can be the beginning of another.
        secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        Secrets(secrets)
    }

    /// One line of text without secrets or control characters, cut to a sensible length.
    pub fn clean_line(&self, text: &str) -> String {
        self.redact(&one_line(text, text.len()), LINE_LIMIT)
    }

    /// A body as text, without secrets or control characters other than line breaks and tabs.
    pub fn clean_body(&self, body: &[u8]) -> String {
        // Far enough behind the limit that what is stripped does not matter, and no further.
        let body = &body[..body.len().min(16 * BODY_LIMIT)];
        let text: String = String::from_utf8_lossy(body)
            .chars()
            .filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
            .collect();
        self.redact(&text, BODY_LIMIT)
    }

    /// Replaces every secret that begins in the first `limit` bytes, and leaves out what follows
    /// them: a secret that the cut would halve is gone as a whole.
    fn redact(&self, text: &str, limit: usize) -> String {
        let mut out = String::with_capacity(text.len().min(limit));
        let (mut at, mut copied) = (0, 0);
        while at < text.len().min(limit) {
            match self.0.iter().find_map(|secret| match_at(text, at, secret)) {
                Some(end) => {
                    out.push_str(&text[copied..at]);
                    out.push_str(REDACTED);
                    at = end;
                    copied = end;
                }
                None => at += text[at..].chars().next().map_or(1, char::len_utf8),
            }
        }
        out.push_str(&text[copied..at]);
        out
    }
}

/// A text without line breaks and other control characters, at most so many bytes of it.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    text.char_indices()
        .take_while(|(at, _)| *at < limit)
        .map(|(_, c)| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect()
}

/// Where `secret` ends if it begins at `at`, however it is written, or the end of a text that ends
/// in the middle of it.
fn match_at(text: &str, at: usize, secret: &str) -> Option<usize> {
    // Most places are no beginning: look before anything is allocated.
    let first = secret.chars().next()?;
    if readings(&text[at..], first) == [None, None] {
        return None;
    }
    // A `%` can stand for itself or begin an escape: both readings are followed, side by side.
    let (mut starts, mut ends) = (vec![at], vec![]);
    for (matched, wanted) in secret.chars().enumerate() {
        ends.clear();
        for &start in &starts {
            let lengths = readings(&text[start..], wanted);
            ends.extend(lengths.into_iter().flatten().map(|length| start + length));
        }
        ends.sort_unstable();
        ends.dedup();
        if ends.is_empty() {
            let cut = starts.contains(&text.len()) && matched >= TELLING;
            return cut.then_some(text.len());
        }
        std::mem::swap(&mut starts, &mut ends);
    }
    starts.pop()
}

/// How many bytes of the text stand for `wanted`: as it is, and as an escape.
fn readings(text: &str, wanted: char) -> [Option<usize>; 2] {
    let literal = text.starts_with(wanted).then(|| wanted.len_utf8());
    let escaped = match text.as_bytes().first() {
        Some(b'\\') => json_escape(text),
        Some(b'%') => return [literal, percent_encoding(text, wanted)],
        Some(b'+') => Some((' ', 1)),
        Some(b'&') => character_reference(text),
        _ => None,
    };
    [literal, escaped.filter(|&(is, _)| is == wanted).map(|(_, length)| length)]
}

/// `\/`, `\u003d`, `\ud83d\ude00`: the character, and how many bytes it takes.
fn json_escape(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(0) else {
        return text[1..].chars().next().map(|c| (c, 1 + c.len_utf8()));
    };
    match char::from_u32(first.into()) {
        Some(character) => Some((character, 6)),
        None => {
            let pair = char::decode_utf16([first, unit(6)?]).next()?;
            Some((pair.ok()?, 12))
        }
    }
}

/// `%C3%A9`, as long as `wanted` takes.
fn percent_encoding(text: &str, wanted: char) -> Option<usize> {
    let mut buffer = [0; 4];
    let bytes = wanted.encode_utf8(&mut buffer).as_bytes();
    let mut rest = text;
    for &byte in bytes {
        let digits = rest.strip_prefix('%')?.get(..2)?;
        if u8::from_str_radix(digits, 16) != Ok(byte) {
            return None;
        }
        rest = &rest[3..];
    }
    Some(3 * bytes.len())
}

/// `&amp;`, `&#38;`, `&#x26;`: the character, and how many bytes it takes.
fn character_reference(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let name = &text[1..end];
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
    };
    Some((character, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        let secrets = Secrets::new(["a/b=c&d\"e"]);
        for written in [
            "a/b=c&d\"e",
            r#"a\/b=c&d\"e"#,
            r"a\u002fb\u003Dc\u0026d\u0022e",
            "a%2Fb%3dc%26d%22e",
            "a&#47;b&#x3D;c&amp;d&quot;e",
        ] {
            assert_eq!(secrets.clean_line(&format!("<{written}>")), "<[redacted]>", "{written}");
            assert_eq!(secrets.clean_body(format!("<{written}>").as_bytes()), "<[redacted]>");
        }
    }

    #[test]
    fn a_secret_that_looks_like_an_escape_is_found_as_it_is_and_escaped() {
        let secrets = Secrets::new(["100%25&amp;\\"]);
        for written in ["100%25&amp;\\", "100%2525%26amp%3B%5C", "100%25&amp;amp;\\\\"] {
            assert_eq!(secrets.clean_line(&format!("<{written}>")), "<[redacted]>", "{written}");
        }
    }

    #[test]
    fn control_characters_neither_pass_nor_hide_a_secret() {
        let secrets = Secrets::new(["secret"]);
        assert_eq!(secrets.clean_line("x\u{1b}[31m se\u{0}cr\u{7}et\ny"), "x[31m [redacted] y");
    }

    #[test]
    fn the_cut_of_a_long_body_never_halves_a_secret() {
        let secrets = Secrets::new(["0123456789"]);
        for padding in BODY_LIMIT - 12..BODY_LIMIT + 2 {
            let body = format!("{}0123456789", "x".repeat(padding));
            let clean = secrets.clean_body(body.as_bytes());
            assert!(!clean.contains('0'), "{padding}");
        }
    }

    #[test]
    fn text_of_other_scripts_survives() {
        let secrets = Secrets::new(["ключ"]);
        assert_eq!(secrets.clean_line("дверь ключ замок"), "дверь [redacted] замок");
    }
}
