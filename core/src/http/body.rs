//! A response's body: read from the connection, and decoded as its `Content-Encoding` says.
//!
//! The library asks for gzip and decodes gzip, in any case and under its old name `x-gzip` (RFC 9110
//! section 8.4.1). A body under another coding is handed out as it came, with all its headers. ureq
//! could decode gzip as well; but it takes an empty body for a damaged one, knows only the name in
//! lower case, and reports a damaged body without the response's status.

use std::io::{Error, ErrorKind, Read};

use flate2::bufread::GzDecoder;
use ureq::Timeout;
use ureq::http::{HeaderMap, header};
use zeroize::Zeroize;

use crate::call::Deadline;

/// Where a body's buffer starts at most, whatever length the server announces.
const FIRST_BUFFER: usize = 1024 * 1024;

/// A body under more codings than these is not decoded: each can cost as much time as a body of
/// the largest size.
const MAX_CODINGS: usize = 5;

/// A body that was read to its end.
pub(super) enum Body {
    Whole(Vec<u8>),
    /// It is not what its `Content-Encoding` says.
    Undecodable(Error),
}

/// Reads the body. Where it is decoded here, the headers that do not hold any more are removed.
///
/// `max_body` is the limit of what is decoded, and, but for what gzip adds to bytes that it cannot
/// pack, of what is read. Memory that is refused is an error and does not end the process.
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
        // It may hold a token.
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

/// How often the body is packed with gzip; 0 as well where a coding is none that the library knows.
fn gzip_codings(headers: &HeaderMap) -> usize {
    let mut count = 0;
    for line in headers.get_all(header::CONTENT_ENCODING) {
        // A value may hold bytes that are no text.
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

/// How long a packed body can sensibly be: deflate adds up to an eighth to bytes that it cannot pack
/// (zlib's `deflateBound`), and gzip a head that may hold a name and a comment.
fn max_packed(max_body: usize) -> usize {
    max_body.saturating_add(max_body / 8).saturating_add(1024)
}

/// Room for so many bytes more, and for the NUL that the C interface puts behind the body.
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
