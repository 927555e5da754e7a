//! What the library says is kept here until an input has been worked off, and searched for secrets.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};

use crate::c;

static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// The app's and the first token's; what a server hands out afterwards is added by the target.
pub const CLIENT_SECRET: &str = "client-secret/7f21c0ffee+deadbeef=";
pub const ACCESS: &str = "access-token.51f0c2aa93b1.aa";
pub const REFRESH: &str = "refresh-token-0f3a77c1d2e4b5";
pub const SECRETS: [&str; 3] = [CLIENT_SECRET, ACCESS, REFRESH];

pub fn watch_panics(abort: bool) {
    // The library puts its own hook in place when it is first called: this one comes after it.
    c::touch();
    std::panic::set_hook(Box::new(move |panic| {
        eprintln!("{panic}");
        PANICS.fetch_add(1, SeqCst);
        if abort {
            std::process::abort();
        }
    }));
}

/// Forgets what an input before this one may have left.
pub fn begin() {
    PANICS.store(0, SeqCst);
    SAID.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

pub fn no_panic() {
    assert_eq!(PANICS.swap(0, SeqCst), 0, "the library panicked, and caught it");
}

/// The library has shown this text to the program.
pub fn said(text: &str) {
    SAID.lock().expect("no panic with the lock held").push(text.to_owned());
}

/// No text since the last time holds one of these, plain or escaped.
pub fn no_secret<'a>(secrets: impl IntoIterator<Item = &'a str>) {
    let said = std::mem::take(&mut *SAID.lock().expect("no panic with the lock held"));
    for secret in secrets {
        for text in &said {
            for reading in [text.clone(), without_backslashes(text), without_percents(text)] {
                assert!(!reading.contains(secret), "{secret:?} is shown in {text:?}");
            }
        }
    }
}

/// Whether a text is long enough to be no coincidence where it is found again.
pub fn is_telling(secret: &str) -> bool {
    secret.len() >= 16 && !secret.contains(['<', '&', '[', ' '])
}

fn without_backslashes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let unit = rest.strip_prefix('u').and_then(|rest| rest.get(..4));
        match (c, unit.and_then(|digits| u32::from_str_radix(digits, 16).ok())) {
            ('\\', Some(unit)) => {
                out.push(char::from_u32(unit).unwrap_or('?'));
                rest = &rest[5..];
            }
            ('\\', None) => {
                out.extend(rest.chars().next());
                rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
            }
            _ => out.push(c),
        }
    }
    out
}

pub fn without_percents(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                out.push(byte);
                rest = &tail[2..];
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
