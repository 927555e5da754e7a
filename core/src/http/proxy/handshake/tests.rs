use super::*;

const USER: (&str, &str) = ("us@er", "hun/ter2hunter2");
const BASIC: &str = "dXNAZXI6aHVuL3RlcjJodW50ZXIy";
const OPENED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
const NAME: &str = "api.fitbit.com";

fn named(host: &str) -> Target {
    Target::of(host)
}

fn http() -> Tunnel {
    Tunnel::http(NAME, 443, Some(USER))
}

fn socks4() -> Tunnel {
    Tunnel::socks4(Ipv4Addr::new(192, 0, 2, 7), 443, None)
}

fn socks5() -> Tunnel {
    Tunnel::socks5(&named(NAME), 443, None)
}

fn socks5_with_login() -> Tunnel {
    Tunnel::socks5(&named(NAME), 443, Some(USER))
}

/// How a conversation went: what was sent, how it ended, and what was left of the bytes.
#[derive(Debug, PartialEq, Eq)]
struct Talk {
    sent: Vec<Vec<u8>>,
    /// `None`: it waits for more bytes.
    end: Option<Result<(), Refusal>>,
    left: Vec<u8>,
}

/// Hands out the pieces one after the other, each when the tunnel wants to read.
fn talk<'a>(mut tunnel: Tunnel, pieces: impl IntoIterator<Item = &'a [u8]>) -> Talk {
    let (mut sent, mut received) = (vec![], vec![]);
    let mut pieces = pieces.into_iter();
    let end = loop {
        match tunnel.step(&mut received) {
            Ok(Step::Send(bytes)) => sent.push(bytes),
            Ok(Step::Open) => break Some(Ok(())),
            Err(refusal) => break Some(Err(refusal)),
            Ok(Step::Read) => match pieces.next() {
                Some(piece) => received.extend_from_slice(piece),
                None => break None,
            },
        }
    };
    Talk { sent, end, left: received }
}

fn end(tunnel: Tunnel, response: &[u8]) -> Option<Result<(), Refusal>> {
    talk(tunnel, [response]).end
}

fn refusal(tunnel: Tunnel, response: &[u8]) -> Refusal {
    let shown = response.escape_ascii();
    match end(tunnel, response) {
        Some(Err(refusal)) => refusal,
        other => panic!("{shown}: {other:?}"),
    }
}

/// The bytes that a tunnel sends before it has received anything.
fn first(mut tunnel: Tunnel) -> Vec<u8> {
    match tunnel.step(&mut vec![]) {
        Ok(Step::Send(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

fn first_refusal(mut tunnel: Tunnel) -> Refusal {
    let refusal = tunnel.step(&mut vec![]).unwrap_err();
    assert_eq!(tunnel.step(&mut vec![5, 0]), Err(refusal.clone()), "it stays");
    refusal
}

fn message(refusal: &Refusal) -> &str {
    let (Refusal::Unreachable(text) | Refusal::Refused(text) | Refusal::Garbage(text)) = refusal;
    text
}

fn is_garbage(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Garbage(_))
}

fn is_unreachable(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Unreachable(_))
}

fn is_refused(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Refused(_))
}

/// A head of this status with this many header lines.
fn head(status: &str, lines: usize) -> Vec<u8> {
    let lines: String = (0..lines).map(|n| format!("X-{n}: filler\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{lines}\r\n").into_bytes()
}

/// A head of exactly this length.
fn head_of(status: &str, length: usize) -> Vec<u8> {
    let without = format!("HTTP/1.1 {status}\r\nX: \r\n\r\n").len();
    let filler = "a".repeat(length - without);
    format!("HTTP/1.1 {status}\r\nX: {filler}\r\n\r\n").into_bytes()
}

fn socks5_reply(code: u8) -> Vec<u8> {
    vec![5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0]
}

#[test]
fn connect_names_the_target_and_the_credentials() {
    let plain = "CONNECT api.fitbit.com:443 HTTP/1.1\r\n\
                 Host: api.fitbit.com:443\r\n\
                 Proxy-Connection: Keep-Alive\r\n";
    let anonymous = first(Tunnel::http(NAME, 443, None));
    assert_eq!(String::from_utf8(anonymous).unwrap(), format!("{plain}\r\n"));
    let known = first(http());
    let authorization = format!("Proxy-Authorization: Basic {BASIC}\r\n");
    assert_eq!(String::from_utf8(known).unwrap(), format!("{plain}{authorization}\r\n"));
}

#[test]
fn connect_writes_addresses_as_authorities() {
    for (host, authority) in [
        ("::1", "[::1]:8443"),
        ("[2001:db8::1]", "[2001:db8::1]:8443"),
        ("192.0.2.7", "192.0.2.7:8443"),
        ("localhost", "localhost:8443"),
    ] {
        let sent = String::from_utf8(first(Tunnel::http(host, 8443, None))).unwrap();
        assert!(sent.starts_with(&format!("CONNECT {authority} HTTP/1.1\r\n")), "{sent}");
        assert!(sent.contains(&format!("\r\nHost: {authority}\r\n")), "{sent}");
    }
}

#[test]
fn any_2xx_opens_the_tunnel() {
    for response in [
        OPENED,
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 201 Created\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nVia: 1.1 proxy\r\n\r\n",
        b"HTTP/1.1 299 Fine\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        // A 2xx has no body, even if its headers announce one.
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        // Old ways of writing header lines.
        b"HTTP/1.1 200 OK\r\nX: one\r\n two\r\nY : three\r\n\r\n",
    ] {
        let talk = talk(http(), [response]);
        assert_eq!((talk.end, talk.left), (Some(Ok(())), vec![]), "{}", response.escape_ascii());
    }
}

#[test]
fn interim_responses_are_skipped() {
    for interim in [
        &b"HTTP/1.1 100 Continue\r\n\r\n"[..],
        b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 199 Odd\r\n\r\n",
    ] {
        assert_eq!(end(http(), &[interim, OPENED].concat()), Some(Ok(())));
        let refused = [interim, b"HTTP/1.1 403 Forbidden\r\n\r\n"].concat();
        assert_eq!(message(&refusal(http(), &refused)), "it answered 403 Forbidden");
        assert_eq!(end(http(), interim), None, "the response is still to come");
    }
}

#[test]
fn every_other_status_is_refused_with_its_reason() {
    for (response, expected) in [
        ("HTTP/1.1 407 Proxy Authentication Required", "407 Proxy Authentication Required"),
        ("HTTP/1.0 407", "407"),
        ("HTTP/1.1 101 Switching Protocols", "101 Switching Protocols"),
        ("HTTP/1.1 301 Moved", "301 Moved"),
        ("HTTP/1.1 400 Bad Request", "400 Bad Request"),
        ("HTTP/1.1 502 Bad Gateway ", "502 Bad Gateway"),
        ("HTTP/1.1 999 Odd", "999 Odd"),
        // Text that is not ASCII is not repeated.
        ("HTTP/1.1 403 Verboten: \u{fc}", "403"),
        ("HTTP/1.1 403 Ta\tb", "403 Ta b"),
    ] {
        let refusal = refusal(http(), format!("{response}\r\nX: y\r\n\r\nbody").as_bytes());
        let expected = format!("it answered {expected}");
        assert_eq!(refusal, Refusal::Refused(expected), "{response}");
    }
}

#[test]
fn a_long_reason_is_cut() {
    let response = format!("HTTP/1.1 500 {}\r\n\r\n", "x".repeat(5000));
    let expected = format!("it answered 500 {}", "x".repeat(100));
    assert_eq!(refusal(http(), response.as_bytes()), Refusal::Refused(expected));
}

#[test]
fn a_proxy_that_repeats_the_credentials_gives_none_away() {
    let (_, password) = USER;
    let padding = "x".repeat(93);
    for reason in [
        password.to_owned(),
        "hun%2Fter2hunter2".to_owned(),
        BASIC.to_owned(),
        format!("no {BASIC}, no {password}"),
        // The cut falls into the middle of it.
        format!("{padding}{password}"),
        format!("{padding}{BASIC}"),
    ] {
        let response = format!("HTTP/1.1 407 {reason}\r\nX: {password}\r\n\r\n{password}");
        let refusal = refusal(http(), response.as_bytes());
        let text = message(&refusal);
        assert!(is_refused(&refusal) && text.starts_with("it answered 407 "), "{text}");
        for part in ["hun", "ter2", "dXN"] {
            assert!(!text.contains(part), "{text}");
        }
    }
    for response in [format!("{password}\r\n\r\n"), format!("HTTP/1.1 {BASIC}\r\n\r\n")] {
        let refusal = refusal(http(), response.as_bytes());
        let text = message(&refusal);
        assert!(is_garbage(&refusal) && !text.contains("hun") && !text.contains("dXN"), "{text}");
    }
}

#[test]
fn a_response_that_is_not_http_is_garbage_at_once() {
    for response in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"220 mail.example ESMTP\r\n",
        b"\x05\x00",
        b"\x00\x01\x02\x03\x04\x05\x06\x07",
        b"HTTP/9.9 999 Odd\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header line\r\n\r\n",
        b"{\"error\":\"odd\"}\r\n\r\n",
    ] {
        let refusal = refusal(http(), response);
        assert!(is_garbage(&refusal), "{}: {refusal:?}", response.escape_ascii());
    }
}

#[test]
fn up_to_128_header_lines_are_read() {
    for lines in [0, 30, 127, 128] {
        assert_eq!(end(http(), &head("200 OK", lines)), Some(Ok(())), "{lines}");
        let refusal = refusal(http(), &head("403 Forbidden", lines));
        assert_eq!(message(&refusal), "it answered 403 Forbidden", "{lines}");
    }
    for lines in [129, 130, 5000] {
        let refusal = refusal(http(), &head("200 OK", lines));
        assert!(is_garbage(&refusal) && message(&refusal).contains("128"), "{refusal:?}");
    }
}

#[test]
fn up_to_64_kib_of_head_are_read() {
    for length in [MAX_HEAD - 1, MAX_HEAD] {
        assert_eq!(end(http(), &head_of("200 OK", length)), Some(Ok(())), "{length}");
    }
    let too_long = head_of("200 OK", MAX_HEAD + 1);
    let refusal = refusal(http(), &too_long);
    assert!(is_garbage(&refusal) && message(&refusal).contains("64 KiB"), "{refusal:?}");
    // However it arrives, and without waiting for its end.
    for cut in [1, 20, MAX_HEAD - 1, MAX_HEAD] {
        let (begin, rest) = too_long.split_at(cut);
        assert_eq!(talk(http(), [begin, rest]).end, Some(Err(refusal.clone())), "{cut}");
    }
    assert_eq!(end(http(), &too_long[..MAX_HEAD]), Some(Err(refusal.clone())));
    assert_eq!(end(http(), &too_long[..MAX_HEAD - 1]), None);
}

#[test]
fn interim_responses_come_to_an_end() {
    let interim = head_of("100 Continue", 1024);
    let refusal = refusal(http(), &interim.repeat(65));
    assert!(is_garbage(&refusal) && message(&refusal).contains("64 KiB"), "{refusal:?}");
    let last = head_of("200 OK", 1024);
    assert_eq!(end(http(), &[&*interim.repeat(63), &*last].concat()), Some(Ok(())));
}

#[test]
fn socks4_asks_for_an_address_and_socks4a_for_a_name() {
    let address = [&[4, 1, 1, 187, 192, 0, 2, 7][..], b"me\0"].concat();
    let ip = Ipv4Addr::new(192, 0, 2, 7);
    assert_eq!(first(Tunnel::socks4(ip, 443, Some("me"))), address);
    assert_eq!(first(socks4()), [4, 1, 1, 187, 192, 0, 2, 7, 0]);
    let name = [&[4, 1, 1, 187, 0, 0, 0, 1][..], b"me\0api.fitbit.com\0"].concat();
    assert_eq!(first(Tunnel::socks4a(NAME, 443, Some("me"))), name);
    // An IP address needs no name server.
    assert_eq!(first(Tunnel::socks4a("192.0.2.7", 443, Some("me"))), address);
}

#[test]
fn socks5_asks_for_a_name_or_an_address() {
    let v4 = [&[5, 1, 0, 1][..], &[192, 0, 2, 7, 1, 187]].concat();
    let v6 = [&[5, 1, 0, 4][..], &[0x20, 1, 0xd, 0xb8], &[0; 11], &[1, 1, 187]].concat();
    let name = [&[5, 1, 0, 3, 14][..], NAME.as_bytes(), &[1, 187]].concat();
    for (target, request) in [
        (Target::Ip([192, 0, 2, 7].into()), &v4),
        (named("192.0.2.7"), &v4),
        (named("2001:db8::1"), &v6),
        (named("[2001:db8::1]"), &v6),
        (named(NAME), &name),
    ] {
        let sent = talk(Tunnel::socks5(&target, 443, None), [&socks5_reply(0)[..]]).sent;
        assert_eq!(sent, [&[5, 1, 0][..], request]);
    }
}

#[test]
fn socks5_sends_the_password_only_when_it_is_asked_for() {
    let request = [&[5, 1, 0, 3, 14][..], NAME.as_bytes(), &[1, 187]].concat();
    let login = [&[1, 5][..], b"us@er", &[15], b"hun/ter2hunter2"].concat();
    let asked = talk(socks5_with_login(), [&[5, 2][..], &[1, 0], &socks5_reply(0)[2..]]);
    assert_eq!(asked.sent, [vec![5, 2, 2, 0], login, request.clone()]);
    let not_asked = talk(socks5_with_login(), [&socks5_reply(0)[..]]);
    assert_eq!(not_asked.sent, [vec![5, 2, 2, 0], request]);
    assert_eq!((asked.end, not_asked.end), (Some(Ok(())), Some(Ok(()))));
}

#[test]
fn the_address_that_a_socks5_proxy_bound_is_read_exactly() {
    let name = [&[3, 255][..], &[b'x'; 255]].concat();
    let addresses: [&[u8]; 5] = [&[1, 0, 0, 0, 0], &[4; 17], &name, &[3, 0], &[3, 1, 3]];
    for address in addresses {
        let reply = [&[5, 0, 5, 0, 0], address, &[0, 80]].concat();
        let whole = talk(socks5(), [&*reply]);
        assert_eq!((whole.end, whole.left), (Some(Ok(())), vec![]), "{address:?}");
        let last = reply.len() - 1;
        assert_eq!(end(socks5(), &reply[..last]), None, "{address:?}: a byte is missing");
    }
}

#[test]
fn socks5_replies_say_whether_another_address_may_help() {
    for code in 1..=255 {
        let whole = refusal(socks5(), &socks5_reply(code));
        let unreachable = matches!(code, 1 | 3..=6 | 8);
        assert_eq!((is_unreachable(&whole), is_refused(&whole)), (unreachable, !unreachable));
        // Some proxies say no more than this.
        assert_eq!(refusal(socks5(), &[5, 0, 5, code]), whole, "{code}");
    }
}

#[test]
fn socks5_proxies_refuse_credentials() {
    for (tunnel, response) in [
        (socks5(), &[5, 0xff][..]),
        (socks5(), &[5, 2]),
        (socks5_with_login(), &[5, 0xff]),
        (socks5_with_login(), &[5, 2, 1, 1]),
        (socks5_with_login(), &[5, 2, 1, 0xff]),
    ] {
        let refusal = refusal(tunnel, response);
        assert!(is_refused(&refusal), "{response:?}: {refusal:?}");
    }
}

#[test]
fn a_response_that_is_not_socks5_is_garbage_at_once() {
    for response in [
        &b"HTTP/1.1 200 OK\r\n\r\n"[..],
        &[4],
        &[0, 90],
        // Methods that were not offered.
        &[5, 1],
        &[5, 0x63],
        // Another version, a reserved byte, an address of no type.
        &[5, 0, 4],
        &[5, 0, 5, 0, 1],
        &[5, 0, 5, 0, 0, 0],
        &[5, 0, 5, 0, 0, 2],
        &[5, 2, 5, 0],
    ] {
        let refusal = refusal(socks5_with_login(), response);
        assert!(is_garbage(&refusal), "{response:?}: {refusal:?}");
    }
}

#[test]
fn socks4_replies_say_whether_another_address_may_help() {
    let reply = |code| [0, code, 0, 0, 0, 0, 0, 0];
    assert_eq!(end(socks4(), &reply(90)), Some(Ok(())));
    for code in (0..=255).filter(|code| *code != 90) {
        let whole = refusal(socks4(), &reply(code));
        let fits = match code {
            91 => is_unreachable(&whole),
            92 | 93 => is_refused(&whole),
            _ => is_garbage(&whole),
        };
        assert!(fits, "{code}: {whole:?}");
        assert_eq!(refusal(socks4(), &[0, code]), whole, "{code}");
    }
    for version in 1..=255 {
        assert!(is_garbage(&refusal(socks4(), &[version])), "{version}");
    }
}

#[test]
fn a_target_that_a_protocol_cannot_carry_is_refused_before_anything_is_sent() {
    for name in ["", &"x".repeat(256), "a b", "a\r\nX: y", "a\0b", "b\u{fc}cher.example"] {
        for tunnel in [
            Tunnel::http(name, 443, None),
            Tunnel::socks4a(name, 443, None),
            Tunnel::socks5(&Target::Name(name.to_owned()), 443, None),
        ] {
            assert!(is_refused(&first_refusal(tunnel)), "{name}");
        }
    }
    assert!(is_refused(&first_refusal(Tunnel::socks4a("[::1]", 443, None))));
    let longest = "x".repeat(255);
    let sent = talk(Tunnel::socks5(&named(&longest), 443, None), [&[5, 0][..]]).sent;
    assert_eq!(sent[1], [&[5, 1, 0, 3, 255], longest.as_bytes(), &[1, 187]].concat());
    assert!(first(Tunnel::http(&longest, 443, None)).len() > 2 * 255);
    assert!(first(Tunnel::socks4a(&longest, 443, None)).len() > 255);
}

#[test]
fn credentials_that_a_protocol_cannot_carry_are_refused_before_anything_is_sent() {
    let long = "x".repeat(256);
    for user in [("", "p"), ("u", ""), (&*long, "p"), ("u", &*long)] {
        assert!(is_refused(&first_refusal(Tunnel::socks5(&named(NAME), 443, Some(user)))));
    }
    for user in ["a\0b", &long] {
        assert!(is_refused(&first_refusal(Tunnel::socks4(Ipv4Addr::LOCALHOST, 443, Some(user)))));
        assert!(is_refused(&first_refusal(Tunnel::socks4a(NAME, 443, Some(user)))));
    }
    let longest = "x".repeat(255);
    let tunnel = Tunnel::socks5(&named(NAME), 443, Some((&longest, &longest)));
    let login = &talk(tunnel, [&[5, 2][..]]).sent[1];
    assert_eq!(*login, [&[1, 255], longest.as_bytes(), &[255], longest.as_bytes()].concat());
}

type Conversation = (fn() -> Tunnel, Vec<u8>);

/// Every kind of tunnel with responses to it, whole ones and some that end too early.
fn conversations() -> Vec<Conversation> {
    let mut all: Vec<Conversation> = vec![
        (http, OPENED.to_vec()),
        (http, b"HTTP/1.1 200 OK\n\n".to_vec()),
        (http, b"\r\nHTTP/1.0 200 OK\r\nX: one\r\n two\r\n\r\n".to_vec()),
        (http, [b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n", OPENED].concat()),
        (http, head("200 OK", 30)),
        (http, head("200 OK", 128)),
        (http, head("200 OK", 129)),
        (http, b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n".to_vec()),
        (http, b"HTTP/1.1 200 OK\r\nX".to_vec()),
        (http, b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        (socks4, vec![0, 90, 1, 2, 3, 4, 5, 6]),
        (socks4, vec![0, 90, 1, 2, 3, 4, 5]),
        (socks5, [&[5, 0, 5, 0, 0, 3, 5][..], b"bound", &[0, 80]].concat()),
        (socks5, [&[5, 0, 5, 0, 0, 4][..], &[7; 18]].concat()),
        (socks5, vec![5, 0xff]),
        (socks5, vec![5, 0, 5, 0, 0, 9]),
        (socks5, vec![5, 0, 5, 0, 0, 3, 5]),
        (socks5_with_login, [&[5, 2, 1, 0][..], &socks5_reply(0)[2..]].concat()),
        (socks5_with_login, vec![5, 2, 1, 1]),
    ];
    all.extend((91..=94).map(|code| (socks4 as fn() -> Tunnel, vec![0, code, 0, 0, 0, 0, 0, 0])));
    all.extend((0..=9).map(|code| (socks5 as fn() -> Tunnel, socks5_reply(code))));
    all
}

#[test]
fn a_response_means_the_same_however_it_is_split() {
    for (tunnel, response) in conversations() {
        let shown = response.escape_ascii().to_string();
        // A refusal may come before the last byte: the bytes that it leaves unread do not matter then.
        let outcome = |talk: Talk| (talk.sent, talk.end);
        let whole = outcome(talk(tunnel(), [&*response]));
        for cut in 0..=response.len() {
            let (begin, rest) = response.split_at(cut);
            let split = outcome(talk(tunnel(), [begin, rest]));
            assert_eq!(split, whole, "{cut}: {shown}");
        }
        assert_eq!(outcome(talk(tunnel(), response.chunks(1))), whole, "{shown}");
    }
}

#[test]
fn bytes_behind_the_handshake_are_left() {
    let opening = conversations()
        .into_iter()
        .filter(|(tunnel, response)| matches!(end(tunnel(), response), Some(Ok(()))));
    let mut kinds = 0;
    for (tunnel, response) in opening {
        kinds += 1;
        for behind in [&b"\0"[..], b"\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
            let together = [&*response, behind].concat();
            let talk = talk(tunnel(), [&*together]);
            assert_eq!(talk.end, Some(Ok(())));
            assert_eq!(talk.left, behind, "the handshake's own bytes are gone");
        }
    }
    assert_eq!(kinds, 11);
}

#[test]
fn an_open_tunnel_stays_open() {
    let mut tunnel = socks4();
    let mut received = vec![];
    tunnel.step(&mut received).unwrap();
    received.extend([0, 90, 0, 0, 0, 0, 0, 0]);
    assert_eq!(tunnel.step(&mut received), Ok(Step::Open));
    assert_eq!(tunnel.step(&mut received), Ok(Step::Open));
    received.push(1);
    assert_eq!(tunnel.step(&mut received), Ok(Step::Open));
    assert_eq!(received, [1]);
}

#[test]
fn a_closed_connection_is_the_targets_fault_only_after_a_socks_request() {
    /// Takes the tunnel through these responses, and closes the connection then.
    fn closed(mut tunnel: Tunnel, responses: &[u8]) -> Refusal {
        let mut received = responses.to_vec();
        loop {
            match tunnel.step(&mut received) {
                Ok(Step::Send(_)) => {}
                Ok(Step::Read) => return tunnel.closed(),
                other => panic!("{other:?}"),
            }
        }
    }
    for (tunnel, responses) in [
        (socks4(), &[][..]),
        (socks4(), &[0, 90, 0]),
        (socks5(), &[5, 0]),
        (socks5(), &[5, 0, 5]),
        (socks5(), &[5, 0, 5, 0, 0, 1, 127]),
        (socks5_with_login(), &[5, 2, 1, 0]),
    ] {
        let refusal = closed(tunnel, responses);
        assert!(is_unreachable(&refusal), "{responses:?}: {refusal:?}");
    }
    for (tunnel, responses) in [
        (http(), &b""[..]),
        (http(), b"HTTP/1.1 200 OK\r\n"),
        (socks5(), b""),
        (socks5(), b"\x05"),
        // A wrong password must not be sent once for every address.
        (socks5_with_login(), b"\x05\x02"),
        (socks5_with_login(), b"\x05\x02\x01"),
    ] {
        let refusal = closed(tunnel, responses);
        assert!(is_refused(&refusal), "{responses:?}: {refusal:?}");
    }
}

#[test]
fn debug_output_shows_no_credentials() {
    for mut tunnel in [http(), socks5_with_login()] {
        let mut received = vec![5, 2];
        let before = format!("{tunnel:?} {tunnel:#?}");
        let sent = [tunnel.step(&mut received), tunnel.step(&mut received)];
        let shown = format!("{before} {tunnel:?} {sent:?}");
        for secret in ["hun", "dXN", "us@er", "104, 117, 110"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
