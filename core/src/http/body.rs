//! A response's body: read from the connection, and decoded as its `Content-Encoding` says.
//!
//! The library asks for gzip and decodes gzip, in any case and under its old name `x-gzip` (RFC 9110
//! section 8.4.1). A body under another coding is handed out as it came, with all its headers. ureq
//! could decode gzip, too. But it takes an empty body for a damaged one, and knows only the name in lower
//! case. It also reports a damaged body without the response's status.

use std::io::{Error, ErrorKind, Read};

use flate2::bufread::GzDecoder;
use ureq::Timeout;
use ureq::http::{HeaderMap, header};
use zeroize::Zeroize;

use crate::call::Deadline;

/// The largest buffer that a body starts with, even if the server announces a longer body.
const FIRST_BUFFER: usize = 1024 * 1024;

/// A body with more codings than these is not decoded: each can cost as much time as the largest body.
const MAX_CODINGS: usize = 5;

/// A body that was read to its end.
pub(super) enum Body {
    Whole(Vec<u8>),
    /// It is not what its `Content-Encoding` says.
    Undecodable(Error),
}

/// Reads the body. If it is decoded, the headers that are no longer true are removed.
///
/// `max_body` limits the decoded body. It also limits the bytes that are read, with a little more for gzip,
/// which can make a body longer. If the system refuses memory, that is an error and does not end the process.
pub(super) fn read(
    body: ureq::Body,
    headers: &mut HeaderMap,
    max_body: usize,
    deadline: &Deadline,
) -> Result<Body, ureq::Error> {
    let codings = gzip_codings(headers);
    let max_read = match codings {
        0 => max_body,
        _ => max_packed(max_body),
    };
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    let mut bytes = Vec::new();
    reserve(&mut bytes, announced.unwrap_or(0).min(max_body).min(FIRST_BUFFER))?;
    let limit = u64::try_from(max_read).unwrap_or(u64::MAX);
    let outcome = body.into_with_config().limit(limit).reader().read_to_end(&mut bytes);
    if let Err(error) = outcome {
        return Err(match ureq::Error::from(error) {
            // The limit that the program knows.
            ureq::Error::BodyExceedsLimit(_) => too_large(max_body),
            error => error,
        });
    }
    if bytes.is_empty() || codings == 0 {
        reserve(&mut bytes, 0)?;
        return Ok(Body::Whole(bytes));
    }
    if codings > MAX_CODINGS {
        bytes.zeroize();
        let why = "it is packed more often than the library unpacks";
        return Ok(Body::Undecodable(Error::new(ErrorKind::InvalidData, why)));
    }
    for left in (0..codings).rev() {
        let limit = if left == 0 { max_body } else { max_packed(max_body) };
        let mut unpacked = Vec::new();
        let outcome = reserve(&mut unpacked, bytes.len().min(limit))
            .and_then(|()| unpack(&bytes, &mut unpacked, limit, deadline));
        // The bytes may hold a token.
        bytes.zeroize();
        match outcome {
            Ok(()) => bytes = unpacked,
            Err(error) => {
                unpacked.zeroize();
                return match error.kind() {
                    ErrorKind::TimedOut => Err(ureq::Error::Timeout(Timeout::Global)),
                    ErrorKind::OutOfMemory => Err(error.into()),
                    ErrorKind::FileTooLarge => Err(too_large(max_body)),
                    _ => Ok(Body::Undecodable(error)),
                };
            }
        }
    }
    reserve(&mut bytes, 0)?;
    headers.remove(header::CONTENT_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    Ok(Body::Whole(bytes))
}

/// How often the body is packed with gzip. 0 if any coding is unknown.
fn gzip_codings(headers: &HeaderMap) -> usize {
    let mut count = 0;
    for line in headers.get_all(header::CONTENT_ENCODING) {
        // A value may hold bytes that are not text.
        for coding in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") {
                count += 1;
            } else if !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity") {
                return 0;
            }
        }
    }
    count
}

/// The longest packed body. Deflate adds up to an eighth to bytes that it cannot pack (zlib's
/// `deflateBound`). Gzip adds a head that may hold a name and a comment.
fn max_packed(max_body: usize) -> usize {
    max_body.saturating_add(max_body / 8).saturating_add(1024)
}

/// Makes room for so many more bytes, and for the NUL that follows the body for C.
fn reserve(bytes: &mut Vec<u8>, more: usize) -> Result<(), Error> {
    let room = more.saturating_add(1);
    bytes.try_reserve_exact(room).map_err(|_| Error::from(ErrorKind::OutOfMemory))
}

fn too_large(max_body: usize) -> ureq::Error {
    ureq::Error::BodyExceedsLimit(u64::try_from(max_body).unwrap_or(u64::MAX))
}

/// All members of a gzip file (RFC 1952 section 2.2). Zero bytes behind the last are padding, as
/// gzip(1) sees it.
fn unpack(
    packed: &[u8],
    unpacked: &mut Vec<u8>,
    limit: usize,
    deadline: &Deadline,
) -> Result<(), Error> {
    let mut rest = packed;
    loop {
        // A member of a few bytes costs as much time as some kilobytes.
        if deadline.left().is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut member = GzDecoder::new(rest);
        let room = limit.saturating_sub(unpacked.len()).saturating_add(1);
        let room = u64::try_from(room).unwrap_or(u64::MAX);
        member.by_ref().take(room).read_to_end(unpacked)?;
        if unpacked.len() > limit {
            return Err(ErrorKind::FileTooLarge.into());
        }
        rest = member.into_inner();
        if rest.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
    }
}
