//! Forms, as addresses and bodies hold them.
//!
//! This is a reader of the tests' own, so that a mistake of the library's cannot hide behind the
//! same mistake here.

/// The fields of a form, decoded, in their order.
pub fn form(text: &str) -> Vec<(String, String)> {
    let fields = text.split('&').filter(|field| !field.is_empty());
    fields.map(|field| field.split_once('=').unwrap_or((field, ""))).map(decode_both).collect()
}

fn decode_both((name, value): (&str, &str)) -> (String, String) {
    (decode(name), decode(value))
}

fn decode(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => decoded.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(&tail[..2]).expect("two digits follow a %");
                decoded.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
                rest = &tail[2..];
            }
            byte => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).expect("a form holds UTF-8")
}

/// The value of a field of a form.
pub fn field(text: &str, name: &str) -> Option<String> {
    form(text).into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
}
