//! A small mutator for where there is no libFuzzer: the same seed gives the same inputs.

/// What these formats are made of: mutations splice it in.
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "-1",
    "1e999",
    "99999999999999999999",
    "\\u0000",
    "\\ud800",
    "\\/",
    "\"\"",
    "access_token",
    "refresh_token",
    "expires_in",
    "expires_at",
    "scope",
    "user_id",
    "token_type",
    "Bearer",
    "provider",
    "fitbit",
    "google_health",
    "renewing_since",
    "refresh_token_expires_at",
    "errors",
    "errorType",
    "message",
    "error",
    "error_description",
    "invalid_grant",
    "expired_token",
    "details",
    "reason",
    "code=",
    "state=",
    "&",
    "=",
    "?",
    "#_=_",
    "iss=",
    "error=",
    "%2e",
    "%2F",
    "%5c",
    "..",
    "/",
    "//",
    "%00",
    "\r\n",
    "\r\n\r\n",
    "\n",
    ": ",
    "Retry-After: ",
    "Fitbit-Rate-Limit-Reset: ",
    "Content-Type: ",
    "Content-Encoding: gzip",
    "Transfer-Encoding: chunked",
    "Content-Length: ",
    "WWW-Authenticate: Bearer error=\"",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 401 Unauthorized\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "pagination",
    "next",
    "nextPageToken",
    "http://own/api/v1/",
    "https://",
    "http://127.0.0.1",
    "access-token.51f0c2aa93b1.aa",
    "refresh-token-0f3a77c1d2e4b5",
    "client-secret/7f21c0ffee+deadbeef=",
    "s6Yr8OFlBPkfxlQmLsXJ1yyDQiTDRJXxT8Ilxq4Nhe0",
];

/// xorshift64*, and what it does to inputs.
pub struct Mutator(u64);

impl Mutator {
    pub fn new(seed: u64) -> Mutator {
        Mutator(seed | 1)
    }

    fn next(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        random as usize % most.max(1)
    }

    /// One of the seeds, changed in one to four places.
    pub fn input(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut data = seeds[self.next(seeds.len())].clone();
        for _ in 0..=self.next(4) {
            self.change(&mut data, seeds);
        }
        data.truncate(8 * 1024);
        data
    }

    fn change(&mut self, data: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.next(data.len() + 1);
        let to = at + self.next((data.len() - at).min(24) + 1);
        match self.next(8) {
            0 if at < data.len() => data[at] = self.next(256) as u8,
            1 if at < data.len() => data[at] ^= 1 << self.next(8),
            2 => drop(data.drain(at..to)),
            3 => {
                let copy = data[at..to].to_vec();
                data.splice(at..at, copy);
            }
            4 => {
                let word = WORDS[self.next(WORDS.len())];
                data.splice(at..to, word.bytes());
            }
            5 => {
                let word = WORDS[self.next(WORDS.len())];
                data.splice(at..at, word.bytes());
            }
            6 => {
                let other = &seeds[self.next(seeds.len())];
                let from = self.next(other.len() + 1);
                data.splice(at.., other[from..].iter().copied());
            }
            _ => {
                let count = self.next(300);
                let byte = data.get(at).copied().unwrap_or(b'[');
                data.splice(at..at, std::iter::repeat_n(byte, count));
            }
        }
    }
}
