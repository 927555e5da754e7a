//! Every line that the library logs in this process, searched for every secret.
//!
//! Each app of the tests logs here, at the level that tells most. When the process ends, no line may
//! hold a secret that one of its simulators issued or received, as it is or escaped, and each line
//! has to be one: a few words, no control character, no query. Otherwise the process fails,
//! whatever its tests say. A storm logs the same lines again and again: each is kept once.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{CStr, c_char, c_void};
use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};

/// The lines, and where each was first logged: the thread of a test has the test's name.
static LINES: Mutex<BTreeMap<Box<[u8]>, String>> = Mutex::new(BTreeMap::new());

/// What the process exits with where a line is wrong: as when a test fails.
const FAILED: i32 = 101;

const LONGEST_LINE: usize = 4096;

/// So much of a secret is searched for, for half of one is one too.
const TELLING: usize = 16;

/// What is shorter is no secret but a word that a test made up: `code=x`.
const SHORTEST: usize = 8;

/// The journal's end, for `fitbit_app_set_logger`; the search at the end of the process is arranged.
pub fn logger() -> unsafe extern "C" fn(u32, *const c_char, *mut c_void) {
    static ARRANGED: Once = Once::new();
    ARRANGED.call_once(|| {
        let refused = unsafe { libc::atexit(search) };
        assert_eq!(refused, 0, "a search at the end of the process can be arranged");
    });
    write
}

unsafe extern "C" fn write(_: u32, message: *const c_char, _: *mut c_void) {
    let line = unsafe { CStr::from_ptr(message) }.to_bytes();
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    if !lines.contains_key(line) {
        let test = std::thread::current().name().unwrap_or("a thread").to_owned();
        lines.insert(line.into(), test);
    }
}

extern "C" fn search() {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let needles = found(lines.keys());
    let mut wrong = false;
    for (line, test) in &*lines {
        let secret = needles.iter().filter_map(|needle| position(line, needle)).min();
        let why = match secret {
            Some(_) => Some("it holds a secret"),
            None => fault(line),
        };
        if let Some(why) = why {
            wrong = true;
            let shown = String::from_utf8_lossy(&line[..secret.unwrap_or(line.len())]);
            let _ = writeln!(std::io::stderr(), "LOGGED in {test}: {why}: {shown:?}");
        }
    }
    if wrong {
        unsafe { libc::_exit(FAILED) };
    }
}

/// What is wrong with a line, whatever it says.
fn fault(line: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(line) else { return Some("it is not UTF-8") };
    let mut words = text.split(' ');
    if text.trim().is_empty() {
        Some("it is empty")
    } else if text.len() > LONGEST_LINE {
        Some("it is too long")
    } else if text.chars().any(char::is_control) {
        Some("it has a control character")
    } else if words.any(|word| word.contains('/') && word.contains('?')) {
        Some("it has a query")
    } else {
        None
    }
}

/// Whatever a secret could be recognised by, and is in one of the lines. Few lines are searched for
/// very many secrets: first only for how each begins.
fn found<'a>(lines: impl Iterator<Item = &'a Box<[u8]>> + Clone) -> HashSet<Vec<u8>> {
    let beginnings: HashSet<&[u8]> =
        lines.clone().flat_map(|line| line.windows(SHORTEST)).collect();
    let secrets = fitbit_simulator::all_secrets();
    let needles = secrets.iter().filter(|secret| secret.len() >= SHORTEST).flat_map(|secret| {
        let telling = &secret.as_bytes()[..secret.len().min(TELLING)];
        // In what Basic encodes, a secret stands behind an id of any length.
        let basic = (0..3).map(|skipped| base64(&telling[skipped..]));
        [telling.to_vec(), percent_encoded(telling)].into_iter().chain(basic)
    });
    needles
        .filter(|needle| beginnings.contains(&needle[..SHORTEST]))
        .filter(|needle| lines.clone().any(|line| position(line, needle).is_some()))
        .collect()
}

fn position(line: &[u8], needle: &[u8]) -> Option<usize> {
    line.windows(needle.len()).position(|window| window == needle)
}

fn percent_encoded(bytes: &[u8]) -> Vec<u8> {
    let encode = |byte: &u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => vec![*byte],
        _ => format!("%{byte:02X}").into_bytes(),
    };
    bytes.iter().flat_map(encode).collect()
}

/// The characters that whole groups of three bytes make: what follows depends on what follows.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |three: &[u8]| {
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        [18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift) as usize & 63])
    };
    bytes.chunks_exact(3).flat_map(encode).collect()
}
