//! A whole conversation: the fuzzer chooses the calls, and plays the server byte by byte.
//!
//! One byte of flags, three that choose calls, and then what the server says, API and token
//! endpoint alike, in the order of the requests: 0xFE ends a write, 0xFF an answer (the byte behind it
//! says whether the connection stays), 0xFD takes the next byte as it is.

use super::{HASTE, PROVIDERS, app, choice};
use crate::judge::{self, ACCESS, CLIENT_SECRET, REFRESH};
use crate::server::{self, Said, Then};

pub fn conversation(data: &[u8]) {
    let (flags, data) = choice(data, 8);
    let calls = data.get(..3).unwrap_or(data);
    let said = data.get(3..).unwrap_or_default();
    let provider = PROVIDERS[usize::from(flags & 1)];
    let expires_at = if flags & 2 == 0 { 99_999_999_999_i64 } else { 1 };
    let token = format!(
        r#"{{"access_token":"{ACCESS}","refresh_token":"{REFRESH}","expires_at":{expires_at}}}"#
    );
    let app = app(provider, HASTE);
    let client = app.keeping(token.as_bytes(), flags & 4 == 0).expect("a good token");
    let answers = answers(said);
    let spoken: Vec<u8> = answers.iter().flat_map(|said| said.pieces.concat()).collect();
    server::will_say(answers);
    let tokens = || [client.known("access_token"), client.known("refresh_token")];
    for call in calls {
        let before = tokens();
        match call % 8 {
            0 => drop(client.get(b"/profile.json")),
            1 => drop(client.refresh()),
            2 => drop(client.user_id()),
            3 => {
                if let Ok(page) = client.get(b"/list.json?limit=2") {
                    assert!(page.body().len() <= 64 << 10, "larger than was allowed");
                    drop(client.next_page(&page));
                }
            }
            4 => drop(client.post(b"/log.json", b"a=b")),
            5 => drop(client.request(b"DELETE", b"/log/1.json", b"", b"")),
            6 => drop(client.save()),
            _ => drop(client.revoke()),
        }
        let held = client.known("refresh_token");
        assert!(!held.is_empty(), "the login is lost");
        assert!(held == REFRESH || was_said(&held, &spoken), "{held:?} is nobody's");
        assert!(!client.known("access_token").is_empty(), "a token in hand was dropped");
        if let Some(kept) = client.last_kept() {
            assert_eq!(kept, client.token(), "what was given to be saved is not what is used");
        }
        if let Some(limit) = client.rate_limit() {
            assert!(limit.limit >= -1 && limit.remaining >= -1 && limit.reset_seconds >= -1);
        }
        // In the texts of this call none of the tokens that it began or ended with. One that is long
        // replaced, or is only given out later, is no secret that the client could know.
        let secrets = [before, tokens()].concat();
        let secrets = secrets.iter().map(String::as_str).filter(|secret| judge::is_telling(secret));
        judge::no_secret(secrets.chain([CLIENT_SECRET]));
    }
    let json = client.token();
    let again = app.load(json.as_bytes()).expect("its own token");
    assert_eq!(again.token(), json);
    drop(client);
    judge::no_secret([CLIENT_SECRET]);
}

/// Whether the server can have handed this out: as it stands, or in a body that is packed.
fn was_said(held: &str, spoken: &[u8]) -> bool {
    let plain = spoken.windows(held.len()).any(|window| window == held.as_bytes());
    let lower = spoken.to_ascii_lowercase();
    let has = |what: &[u8]| lower.windows(what.len()).any(|window| window == what);
    plain || has(b"chunked") || has(b"gzip") || has(b"\\")
}

fn answers(data: &[u8]) -> Vec<Said> {
    let mut answers = Vec::new();
    let (mut pieces, mut piece) = (Vec::new(), Vec::new());
    let mut bytes = data.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            0xfd => piece.extend(bytes.next()),
            0xfe => pieces.push(std::mem::take(&mut piece)),
            0xff => {
                let then = if bytes.next() == Some(&b'k') { Then::Keep } else { Then::Close };
                pieces.push(std::mem::take(&mut piece));
                answers.push(Said { pieces: std::mem::take(&mut pieces), then });
            }
            _ => piece.push(byte),
        }
    }
    pieces.push(piece);
    answers.push(Said { pieces, then: Then::Close });
    answers
}
