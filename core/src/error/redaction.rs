//! The one place that takes secrets out of text.
//!
//! Providers put tokens into their error messages, as they are or escaped: for JSON (`\/`,
//! `\u003d`), for a form or URL (`%2F`, `+`), for HTML (`&#47;`, `&amp;`). So the search goes character by
//! character. Each character may be plain or escaped in any of these ways. It may be escaped several times:
//! JSON in a JSON string (`\\/`), a URL in a URL (`%252F`). Control characters are removed first, so that none
//! can split a secret.

const REDACTED: &str = "[redacted]";

/// How many bytes of a provider's error body an error keeps.
const BODY_LIMIT: usize = 64 * 1024;

/// How many bytes of a provider's message an error's message repeats.
const LINE_LIMIT: usize = 1024;

/// If the text ends in the middle of a secret, so many characters of it count as the secret: the text may
/// have been cut.
const TELLING: usize = 6;

/// So many characters of a secret count as the secret, even if other text follows them.
const PART: usize = 64;

/// How many escapes around one character are looked for. JSON in JSON in JSON in JSON has 15 backslashes
/// before a quotation mark.
const ESCAPES: usize = 32;

/// How many steps one search may take. The longest body needs one step for each place and secret. Only a
/// text that repeats itself as a secret does needs more; it is not shown.
const STEPS: usize = 64 * BODY_LIMIT;

/// The secrets that no text may show: those that a request carried and those that its client holds.
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
        // Control characters are stripped: so more than the limit is looked at, but not everything.
        let body = &body[..body.len().min(16 * BODY_LIMIT)];
        let text: String = String::from_utf8_lossy(body)
            .chars()
            .filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
            .collect();
        self.redact(&text, BODY_LIMIT)
    }

    /// Replaces every secret that begins in the first `limit` bytes, and leaves out the text after them. So
    /// the limit cannot leave half of a secret.
    fn redact(&self, text: &str, limit: usize) -> String {
        let mut out = String::with_capacity(text.len().min(limit));
        let mut search = Search { text, steps: 0, starts: vec![], ends: vec![] };
        // Secrets can overlap: the search goes on inside a hidden one.
        let (mut at, mut hidden) = (0, 0);
        while at < text.len().min(limit) && hidden < text.len() {
            let end = self.0.iter().filter_map(|secret| search.match_at(at, secret)).max();
            if let Some(end) = end {
                if let Some(shown) = text.get(hidden..at) {
                    out.push_str(shown);
                    out.push_str(REDACTED);
                }
                hidden = hidden.max(end);
            }
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
        out.push_str(text.get(hidden..at).unwrap_or_default());
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

/// A text, and how many steps the search for secrets in it has taken.
struct Search<'a> {
    text: &'a str,
    steps: usize,
    starts: Vec<usize>,
    ends: Vec<usize>,
}

impl Search<'_> {
    /// Where `secret` ends if it begins at `at`, in any way of writing. A part that counts as the secret is
    /// enough. Returns the end of the text if the search would take too long.
    fn match_at(&mut self, at: usize, secret: &str) -> Option<usize> {
        let mut part = None;
        // A `%` can stand for itself or begin an escape: both readings are followed, side by side.
        self.starts.clear();
        self.starts.push(at);
        for (matched, wanted) in secret.chars().enumerate() {
            let furthest = self.starts.last().copied();
            if self.steps > STEPS {
                return Some(self.text.len());
            }
            if matched >= PART || matched >= TELLING && furthest == Some(self.text.len()) {
                part = part.max(furthest);
            }
            self.ends.clear();
            for &start in &self.starts {
                self.steps += readings(self.text, start, wanted, &mut self.ends);
            }
            if self.ends.is_empty() {
                return part;
            }
            self.ends.sort_unstable();
            self.ends.dedup();
            std::mem::swap(&mut self.starts, &mut self.ends);
        }
        part.max(self.starts.last().copied())
    }
}

/// Adds to `ends` the end of each way to write `wanted` at `at`: the character itself, an escape of it, an
/// escape of that escape (`%252F`), and so on. Returns how many it looked at.
fn readings(text: &str, at: usize, wanted: char, ends: &mut Vec<usize>) -> usize {
    let mut steps = 0;
    let mut reading = first(&text[at..]);
    while let Some((is, rest)) = reading.filter(|_| steps < ESCAPES) {
        steps += 1;
        if is == wanted {
            ends.push(text.len() - rest.len());
        }
        reading = match is {
            '\\' => json_escape(rest),
            '%' => percent_encoding(rest, wanted),
            '+' => Some((' ', rest)),
            '&' => character_reference(rest),
            _ => None,
        };
    }
    steps
}

/// The first character, and what follows it.
fn first(text: &str) -> Option<(char, &str)> {
    let mut rest = text.chars();
    Some((rest.next()?, rest.as_str()))
}

/// A number of so many hexadecimal digits, and what follows it.
fn hexadecimal(text: &str, digits: usize) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(digits)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

/// The text after the sign of an escape that is itself escaped.
fn unescaped<'a>(mut text: &'a str, again: &str) -> &'a str {
    for _ in 0..ESCAPES {
        text = text.strip_prefix(again).unwrap_or(text);
    }
    text
}

/// The character that a `\` and the beginning of this text stand for (`/`, `u003d`, `ud83d\ude00`), and the
/// rest.
fn json_escape<'a>(text: &'a str) -> Option<(char, &'a str)> {
    let unit = |text: &'a str| hexadecimal(text.strip_prefix('u')?, 4);
    let Some((high, rest)) = unit(text) else {
        return first(text);
    };
    match char::from_u32(high) {
        Some(character) => Some((character, rest)),
        None => {
            let (low, rest) = unit(unescaped(rest, "\\"))?;
            let pair = char::decode_utf16([high as u16, low as u16]).next()?;
            Some((pair.ok()?, rest))
        }
    }
}

/// The character that a `%` and the beginning of this text stand for, and the rest: `2F`, or as many bytes as
/// `wanted` has (`C3%A9`).
fn percent_encoding(text: &str, wanted: char) -> Option<(char, &str)> {
    let (byte, mut rest) = hexadecimal(text, 2)?;
    if byte < 0x80 {
        return Some((char::from_u32(byte)?, rest));
    }
    let mut buffer = [0; 4];
    let mut bytes = wanted.encode_utf8(&mut buffer).bytes().map(u32::from);
    if bytes.next() != Some(byte) {
        return None;
    }
    for byte in bytes {
        let (is, behind) = hexadecimal(unescaped(rest.strip_prefix('%')?, "25"), 2)?;
        if is != byte {
            return None;
        }
        rest = behind;
    }
    Some((wanted, rest))
}

/// The character that a `&` and the beginning of this text stand for (`amp;`, `#38;`, `#x26;`), and the rest.
fn character_reference(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(11).position(|byte| byte == b';')?;
    let name = &text[..end];
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
    Some((character, &text[end + 1..]))
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

    #[test]
    fn a_secret_that_was_escaped_more_than_once_is_found() {
        let secrets = Secrets::new(["1//0a=b&c\"é😀"]);
        for written in [
            r#"1\\/\\/0a\\u003db\\u0026c\\\"\\u00e9\\ud83d\\ude00"#,
            r#"1\\\/\\\/0a\\\\u003Db\\\\u0026c\\\\\\\"\\\\u00e9\\\\ud83d\\\\ude00"#,
            "1%252F%252f0a%253Db%2526c%2522%25C3%25A9%25F0%259F%2598%2580",
            "1%25252F%25252f0a%25253Db%252526c%252522%2525C3%2525A9%2525F0%25259F%252598%252580",
            "1&amp;#47;&amp;#x2f;0a&amp;#61;b&amp;amp;c&amp;quot;&amp;#233;&amp;amp;#128512;",
            r"1%5C/%5c/0a\u0026#61;b\u0026amp;c%5C%22&#92;u00e9&amp;#92;ud83d\\ude00",
        ] {
            assert_eq!(secrets.clean_line(&format!("<{written}>")), "<[redacted]>", "{written}");
            assert_eq!(secrets.clean_body(format!("<{written}>").as_bytes()), "<[redacted]>");
        }
    }

    #[test]
    fn a_secret_of_escapes_is_found_however_often_they_are_escaped() {
        let secrets = Secrets::new([r#"a%25b\\"&amp;+c"#]);
        for written in [
            r#"a%25b\\"&amp;+c"#,
            r#"a%25b\\\\\"&amp;+c"#,
            r#"a%25b\\\\\\\\\\\"&amp;+c"#,
            "a%2525b%5C%5C%22%26amp;%2Bc",
            "a%252525b%255C%255C%2522%2526amp%253B%252Bc",
            r"a%25b\\&quot;&amp;amp;+c",
            r"a%25b\\&amp;quot;&amp;amp;amp;+c",
        ] {
            assert_eq!(secrets.clean_line(&format!("<{written}>")), "<[redacted]>", "{written}");
        }
    }

    // It would take minutes or hours if every place were compared with the whole of each secret.
    #[test]
    fn a_text_that_repeats_itself_as_a_long_secret_does_takes_no_time() {
        for piece in ["a", "%25", "\\", "&amp;"] {
            let long = piece.repeat((256 << 10) / piece.len());
            let secrets = ["b", "c", "d", "e"].map(|end| format!("{long}{end}"));
            let secrets = Secrets::new(secrets.iter().map(String::as_str));
            let body = piece.repeat((1 << 20) / piece.len());
            assert_eq!(secrets.clean_body(body.as_bytes()), REDACTED, "{piece}");
        }
    }

    #[test]
    fn a_long_beginning_of_a_secret_is_one() {
        let secret: String = ('!'..='~').filter(|c| !"%&+\\".contains(*c)).collect();
        let secrets = Secrets::new([secret.as_str()]);
        let begun = |length| secrets.clean_line(&format!("<{} ...>", &secret[..length]));
        assert_eq!(begun(PART), "<[redacted] ...>");
        assert_eq!(begun(PART - 1), format!("<{} ...>", &secret[..PART - 1]));
    }

    #[test]
    fn a_beginning_hides_no_secret_that_begins_within_it() {
        let round = "0123456789".repeat(10);
        let secrets = [format!("{round}the-end"), format!("{round}another"), "789them".to_owned()];
        let secrets = Secrets::new(secrets.iter().map(String::as_str));
        for text in [
            format!("0123456789{round}the-end"),
            format!("{round}{round}the-end"),
            format!("{round}another"),
            format!("{round}them"),
            format!("0123456789{round}them"),
        ] {
            assert_eq!(secrets.clean_line(&format!("<{text}>")), "<[redacted]>", "{text}");
        }
    }

    #[test]
    fn secrets_that_overlap_are_hidden_as_one() {
        let secrets = Secrets::new(["secret", "retreat"]);
        assert_eq!(
            secrets.clean_line("secretreat secretretreat"),
            "[redacted] [redacted][redacted]"
        );
    }
}
