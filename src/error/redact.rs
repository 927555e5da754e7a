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

/// The longest way to write one character that [`decode`] knows: `\u` and four digits, or a
/// numeric character reference with leading zeros.
const LONGEST_ESCAPE: usize = 8;

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
        let text: String = text
            .chars()
            .map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect();
        self.redact(&text, LINE_LIMIT)
    }

    /// A body as text, without secrets or control characters other than line breaks and tabs.
    pub fn clean_body(&self, body: &[u8]) -> String {
        let longest = self.0.first().map_or(0, |s| s.len() * LONGEST_ESCAPE);
        let body = &body[..body.len().min(BODY_LIMIT + longest)];
        let text: String = String::from_utf8_lossy(body)
            .chars()
            .filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
            .collect();
        self.redact(&text, BODY_LIMIT)
    }

    /// Replaces every secret that begins in the first `limit` bytes, and leaves out what follows
    /// them: a secret that the cut would halve is gone as a whole.
    fn redact(&self, text: &str, limit: usize) -> String {
        let bytes = text.as_bytes();
        let mut out = String::with_capacity(text.len().min(limit));
        let (mut at, mut copied) = (0, 0);
        while at < bytes.len().min(limit) {
            let mut possible = self.0.iter().filter(|secret| {
                let first = secret.as_bytes().first();
                first.is_some_and(|&first| readings(bytes, at, first) != [None, None])
            });
            match possible.find_map(|secret| match_at(bytes, at, secret.as_bytes())) {
                Some(end) => {
                    out.push_str(&text[copied..at]);
                    out.push_str(REDACTED);
                    at = end;
                    copied = end;
                }
                None => at += 1,
            }
        }
        while !text.is_char_boundary(at) {
            at += 1;
        }
        out.push_str(&text[copied..at]);
        out
    }
}

/// Where `secret` ends if it begins at `at`, however it is written.
fn match_at(text: &[u8], at: usize, secret: &[u8]) -> Option<usize> {
    // A `%` can stand for itself or begin an escape: both readings are followed, side by side.
    let mut ends = vec![];
    let mut starts = vec![at];
    for &wanted in secret {
        ends.clear();
        ends.extend(starts.iter().flat_map(|&at| readings(text, at, wanted)).flatten());
        ends.sort_unstable();
        ends.dedup();
        if ends.is_empty() {
            return None;
        }
        std::mem::swap(&mut starts, &mut ends);
    }
    starts.pop()
}

/// Where the text goes on after `wanted`, read as it stands and read as an escape.
fn readings(text: &[u8], at: usize, wanted: u8) -> [Option<usize>; 2] {
    let rest = text.get(at..).unwrap_or_default();
    let literal = rest.first().filter(|&&byte| byte == wanted).map(|_| at + 1);
    let escaped = decode(rest).filter(|&(byte, _)| byte == wanted).map(|(_, len)| at + len);
    [literal, escaped]
}

/// The byte that the text begins with, and how many bytes it takes to write it.
fn decode(text: &[u8]) -> Option<(u8, usize)> {
    let hex = |digits: Option<&[u8]>| {
        let digits = std::str::from_utf8(digits?).ok()?;
        u8::try_from(u32::from_str_radix(digits, 16).ok()?).ok()
    };
    let first = *text.first()?;
    let escaped = match first {
        b'\\' if text.get(1) == Some(&b'u') => hex(text.get(2..6)).map(|byte| (byte, 6)),
        b'\\' => text.get(1).map(|&byte| (byte, 2)),
        b'%' => hex(text.get(1..3)).map(|byte| (byte, 3)),
        b'+' => Some((b' ', 1)),
        b'&' => character_reference(text),
        _ => None,
    };
    Some(escaped.unwrap_or((first, 1)))
}

/// `&amp;`, `&#38;`, `&#x26;`
fn character_reference(text: &[u8]) -> Option<(u8, usize)> {
    let end = text.iter().take(LONGEST_ESCAPE).position(|&byte| byte == b';')?;
    let name = std::str::from_utf8(&text[1..end]).ok()?;
    let byte = match name {
        "amp" => b'&',
        "lt" => b'<',
        "gt" => b'>',
        "quot" => b'"',
        "apos" => b'\'',
        _ => match name.strip_prefix('#')?.strip_prefix(['x', 'X']) {
            Some(digits) => u8::from_str_radix(digits, 16).ok()?,
            None => name[1..].parse().ok()?,
        },
    };
    Some((byte, end + 1))
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
