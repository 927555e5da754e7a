//! Pages: how long they are, and tokens that go on where a page ended, for whoever asks the same
//! question again.

use super::admission::Caller;
use crate::answer::Answer;
use crate::google::errors;
use crate::provider::figures;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A question whose answer comes in pages.
#[derive(Debug)]
pub(crate) struct Question {
    /// Stands for everything that was asked, but for the token.
    digest: u64,
    pub(crate) size: i64,
    /// Where to go on.
    pub(crate) from: Option<i64>,
}

impl Question {
    /// `asked` is all of it in one text, without the token. A size that is too large is cut; 0 is
    /// the default one.
    pub(crate) fn new(
        caller: &Caller,
        asked: &str,
        size: Option<&str>,
        (default, most): (usize, usize),
        token: Option<&str>,
    ) -> Result<Self, Answer> {
        let size = size.map_or(Ok(0), str::parse::<usize>);
        let size = match size.map_err(|_| invalid("pageSize"))? {
            0 => default,
            size => size.min(most),
        };
        let digest = figures::number(&caller.user_id, asked, 0);
        let from = token.map(|token| read(token, digest).ok_or_else(|| invalid("pageToken")));
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        Ok(Self { digest, size, from: from.transpose()? })
    }

    pub(crate) fn token(&self, from: i64) -> String {
        URL_SAFE_NO_PAD.encode([self.digest.to_be_bytes(), from.to_be_bytes()].concat())
    }
}

fn read(token: &str, digest: u64) -> Option<i64> {
    let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
    let (of, from) = bytes.split_at(8);
    let same = of == digest.to_be_bytes();
    same.then(|| from.try_into().map(i64::from_be_bytes).ok()).flatten()
}

fn invalid(parameter: &str) -> Answer {
    let message = format!("Invalid {parameter}");
    errors::invalid_argument("INVALID_REQUEST_PARAMETER", &message)
}
