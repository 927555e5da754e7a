//! From a fault to what is sent: `after` spoils the answer to a request that was carried out,
//! `instead` makes one up for a request that was not.

use crate::answer::{Answer, Framing, HTML};
use crate::delivery::Delivery;
use crate::fault::FaultKind;
use crate::provider::Provider;
use crate::request::Request;
use flate2::{Compress, Compression, Crc, FlushCompress};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What is sent of `answer` under a fault that acts.
pub(crate) fn after(kind: &FaultKind, mut answer: Answer) -> Delivery {
    match kind {
        FaultKind::EmptyBody => Delivery::Whole(Answer::empty(200)),
        FaultKind::TruncatedBody => {
            let mut bytes = answer.head(Framing::Length(answer.body.len().max(2)), false);
            bytes.extend_from_slice(&answer.body[..answer.body.len() / 2]);
            Delivery::ThenClose(bytes)
        }
        FaultKind::WrongContentType => {
            answer.content_type = HTML;
            Delivery::Whole(answer)
        }
        FaultKind::MalformedJson => {
            let half = answer.body.len() / 2;
            // A half that is empty would be an empty body, which is another fault.
            let cut = if half == 0 { b"{\"".as_slice() } else { &answer.body[..half] };
            answer.body = cut.into();
            Delivery::Whole(answer)
        }
        FaultKind::OkWithoutAccessToken => {
            if let Ok(Value::Object(mut fields)) = serde_json::from_slice(&answer.body) {
                fields.remove("access_token");
                answer.body = Value::Object(fields).to_string().into_bytes().into();
            }
            Delivery::Whole(answer)
        }
        FaultKind::CloseAfterRead => Delivery::ThenClose(Vec::new()),
        FaultKind::ResetAfterRead => Delivery::Reset,
        FaultKind::Stall => {
            Delivery::ThenStall(answer.head(Framing::Length(answer.body.len().max(1)), false))
        }
        FaultKind::StallBeforeAnswer => Delivery::ThenStall(Vec::new()),
        FaultKind::SlowDrip(ms) => Delivery::Drip(answer, Duration::from_millis(*ms)),
        FaultKind::EndlessBody => {
            let mut start = answer.head(Framing::Chunked, false);
            start.extend_from_slice(b"b\r\n{\"filler\":\"\r\n");
            let again = [b"1000\r\n".as_slice(), &[b'a'; 0x1000], b"\r\n"].concat();
            Delivery::Endless { start, again }
        }
        FaultKind::EndlessHeaders => {
            let again = [b"X-Filler: ".as_slice(), &[b'a'; 1000], b"\r\n"].concat();
            Delivery::Endless { start: b"HTTP/1.1 200 OK\r\n".to_vec(), again }
        }
        FaultKind::GzipBomb => {
            let bomb = Answer { body: gzip_bomb(), ..answer };
            Delivery::Whole(bomb.header("Content-Encoding", "gzip"))
        }
        FaultKind::LostAnswer503 => Delivery::Whole(Answer::error_page(503)),
        _ => Delivery::Whole(answer),
    }
}

/// What is sent to a request that was not acted upon.
pub(crate) fn instead(kind: &FaultKind, request: &Request, provider: &Provider) -> Delivery {
    let answer = match kind {
        FaultKind::Status401Empty => Answer::empty(401),
        FaultKind::Status400Rfc6749 => {
            let description = "Token has been expired or revoked.";
            let error = json!({"error": "invalid_grant", "error_description": description});
            Answer::json(400, &error)
        }
        FaultKind::Status410 => Answer::error_page(410),
        FaultKind::Status500 => Answer::error_page(500),
        FaultKind::Status502 => Answer::error_page(502),
        FaultKind::Status503 => Answer::error_page(503),
        FaultKind::RedirectTo(origin) => redirect(302, origin, request),
        FaultKind::Redirect307(origin) => redirect(307, origin, request),
        FaultKind::Raw(bytes) => return Delivery::ThenClose(bytes.clone()),
        FaultKind::Json(status, value) => Answer::json(*status, value),
        // The others are errors in the words of the provider.
        kind => provider.scripted_error(kind, request),
    };
    Delivery::Whole(answer)
}

fn redirect(status: u16, origin: &str, request: &Request) -> Answer {
    Answer::redirect(status, format!("{}{}", origin.trim_end_matches('/'), request.target()))
}

/// 256 MiB of spaces and an empty object: even a client that decodes all of it has valid JSON.
///
/// A compressed mebibyte that ends at a byte's boundary and refers to nothing before it (which is
/// what a full flush does) is repeated, since compressing all of it would take a second.
fn gzip_bomb() -> Arc<[u8]> {
    static BOMB: OnceLock<Arc<[u8]>> = OnceLock::new();
    const MEBIBYTES: usize = 256;

    let make = || {
        let spaces = vec![b' '; 1024 * 1024];
        let block = deflate(&spaces, FlushCompress::Full);
        let (mut crc, mut one) = (Crc::new(), Crc::new());
        one.update(&spaces);

        // The gzip header: deflate, no name, no time, unknown system (RFC 1952 section 2.3).
        let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        for _ in 0..MEBIBYTES {
            bomb.extend_from_slice(&block);
            crc.combine(&one);
        }
        bomb.extend_from_slice(&deflate(b"{}", FlushCompress::Finish));
        crc.update(b"{}");
        bomb.extend_from_slice(&crc.sum().to_le_bytes());
        bomb.extend_from_slice(&crc.amount().to_le_bytes());
        bomb.into()
    };
    Arc::clone(BOMB.get_or_init(make))
}

fn deflate(bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut compressed = Vec::with_capacity(64 * 1024);
    let mut compressor = Compress::new(Compression::best(), false);
    // The room is ample for what is compressed here; a failure would give an undecodable body,
    // which the test of this fault would find.
    let _ = compressor.compress_vec(bytes, &mut compressed, flush);
    compressed
}
