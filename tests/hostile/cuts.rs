//! A connection that ends at each byte of an answer, orderly or with a reset: half an answer is never
//! taken for a whole one, and no login is lost.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use fitbit_test_support::{code, figures};

use crate::scene::{Attack, Call, Hostile, all_at_once, endure, new_token};
use crate::scripted::gzip;

/// The connection ends with a reset as soon as it is dropped.
pub fn reset(stream: &TcpStream) -> std::io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of::<libc::linger>() as libc::socklen_t;
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(stream);
    let set = unsafe {
        let linger = (&raw const linger).cast();
        libc::setsockopt(descriptor, libc::SOL_SOCKET, libc::SO_LINGER, linger, size)
    };
    assert_eq!(set, 0);
    Ok(())
}

/// These bytes, and then a reset.
fn reset_after(bytes: Vec<u8>) -> Attack {
    Arc::new(move |stream| {
        stream.write_all(&bytes)?;
        reset(stream)
    })
}

fn framings(body: &str) -> [Vec<u8>; 3] {
    let length = body.len();
    let (first, rest) = body.split_at(length / 2);
    let zipped = gzip(body.as_bytes());
    let packed = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        zipped.len()
    );
    [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes(),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
            first.len(),
            rest.len()
        )
        .into_bytes(),
        [packed.as_bytes(), &zipped].concat(),
    ]
}

#[test]
fn half_an_answer_is_never_a_whole_one_and_no_login_is_lost() {
    let mut cases = Vec::new();
    for call in [Call::Get, Call::Refresh, Call::Login] {
        let body = if call == Call::Get { r#"{"a":[1,2]}"#.to_owned() } else { new_token() };
        for answer in framings(&body) {
            for cut in 0..answer.len() {
                // A renewal is asked for again: a few of its many cuts will do.
                if call == Call::Get || cut % 7 == 0 {
                    cases.push((call, answer.clone(), body.clone(), cut));
                }
            }
        }
    }
    all_at_once(cases.chunks(25), |some| {
        for (call, answer, body, cut) in some {
            let cut_off = answer[..*cut].to_vec();
            let shown = String::from_utf8_lossy(&cut_off).into_owned();
            for attack in [crate::scene::bytes(cut_off.clone()), reset_after(cut_off)] {
                let server = Hostile::new(attack);
                match endure(&shown, &server, *call, 150) {
                    // Only what says where it ends has ended; the end of the chunks may lack its line.
                    Ok(got) if *call == Call::Get => assert_eq!(got, body.as_bytes(), "{shown:?}"),
                    Ok(_) => {
                        assert!(shown.ends_with("0\r\n") || shown.ends_with("0\r\n\r"), "{shown:?}")
                    }
                    Err(error) => assert!(
                        [code::NETWORK, code::PROTOCOL, code::TIMEOUT].contains(&error.code),
                        "{shown:?}: {error:?}"
                    ),
                }
            }
        }
    });
    figures::record("Hostile servers", "answers cut at a byte", 2 * cases.len(), 0);
}
