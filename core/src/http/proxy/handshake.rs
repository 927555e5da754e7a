//! The handshake with a proxy: CONNECT (RFC 9110 section 9.3.6), SOCKS4 and SOCKS4A, SOCKS5 (RFC 1928) with
//! user and password (RFC 1929).
//!
//! A handshake is pure: no socket, no clock. The caller sends the bytes of a [`Step::Send`], then calls
//! [`Tunnel::step`] again before it reads: a proxy may respond before it is asked.
//!
//! The messages of a [`Refusal`] are about the proxy, which is "it" in them. They repeat neither the password
//! nor the header that carries it, even if the proxy's response does.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use base64::prelude::{BASE64_STANDARD, Engine};
use zeroize::Zeroizing;

use crate::error::redaction::Secrets;

/// The most header lines of a response, as for any other response.
const MAX_HEADER_LINES: usize = 128;

/// The longest response to CONNECT, interim responses included.
const MAX_HEAD: usize = 64 * 1024;

/// How much of a status line's reason a message repeats.
const MAX_REASON: usize = 100;

/// The largest length that one byte can hold.
const MAX_COUNTED: usize = 255;

/// One proxy's handshake: what to send, and what its responses mean.
pub(in crate::http) struct Tunnel {
    /// Why the handshake cannot begin: its protocol has no room for the target or the credentials.
    unfit: Option<Refusal>,
    /// The first bytes of the handshake. Empty once they were handed out.
    first: Zeroizing<Vec<u8>>,
    awaited: Awaited,
    /// HTTP: the texts that no message may repeat.
    secrets: Vec<Zeroizing<String>>,
    /// HTTP: the length of the interim responses so far.
    skipped: usize,
    /// SOCKS5: user and password, if there are any.
    login: Option<Zeroizing<Vec<u8>>>,
    /// SOCKS5: the request for the target.
    request: Vec<u8>,
}

/// Which response the handshake waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Head,
    Socks4Reply,
    Socks5Method,
    Socks5Login,
    Socks5Reply,
    Nothing,
}

/// The host that a SOCKS5 proxy connects to.
pub(in crate::http) enum Target {
    Name(String),
    Ip(IpAddr),
}

#[derive(PartialEq, Eq)]
pub(in crate::http) enum Step {
    /// Send these bytes, which may hold the password, and call again.
    Send(Vec<u8>),
    /// The response is not complete: receive more bytes and call again.
    Read,
    /// The tunnel is open: bytes from now on reach the target.
    Open,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum Refusal {
    /// The proxy cannot reach this address. It may reach another address of the same name.
    Unreachable(String),
    /// Another address would not help: credentials, a rule, a status.
    Refused(String),
    /// The other side does not keep its protocol.
    Garbage(String),
}

impl Target {
    /// An IP address counts as an address, with brackets or without.
    pub fn of(host: &str) -> Target {
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match bracketed.unwrap_or(host).parse() {
            Ok(ip) => Target::Ip(ip),
            Err(_) => Target::Name(host.to_owned()),
        }
    }
}

impl Tunnel {
    pub fn http(host: &str, port: u16, user: Option<(&str, &str)>) -> Tunnel {
        let target = Target::of(host);
        let authority = match &target {
            Target::Name(name) => format!("{name}:{port}"),
            Target::Ip(ip) => SocketAddr::new(*ip, port).to_string(),
        };
        let mut tunnel = Tunnel::awaiting(Awaited::Head);
        let mut credentials = [""; 3];
        if let Some((user, password)) = user {
            let pair = Zeroizing::new([user, ":", password].concat());
            let basic = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
            tunnel.secrets = vec![Zeroizing::new(password.to_owned()), basic];
        }
        if let [_, basic] = &*tunnel.secrets {
            credentials = ["Proxy-Authorization: Basic ", basic, "\r\n"];
        }
        let [name, value, end] = credentials;
        // Its length is known before it is allocated: growing would leave copies of the password.
        let head = [
            "CONNECT ",
            &authority,
            " HTTP/1.1\r\nHost: ",
            &authority,
            "\r\nProxy-Connection: Keep-Alive\r\n",
            name,
            value,
            end,
            "\r\n",
        ];
        tunnel.first = Zeroizing::new(head.concat().into_bytes());
        tunnel.unfit = unfit_target(&target);
        tunnel
    }

    pub fn socks4(ip: Ipv4Addr, port: u16, user: Option<&str>) -> Tunnel {
        Tunnel::socks4_request(&Target::Ip(ip.into()), port, user)
    }

    pub fn socks4a(host: &str, port: u16, user: Option<&str>) -> Tunnel {
        Tunnel::socks4_request(&Target::of(host), port, user)
    }

    fn socks4_request(target: &Target, port: u16, user: Option<&str>) -> Tunnel {
        let user = user.unwrap_or_default();
        // With the address 0.0.0.1, the proxy looks up the name at the end.
        let (ip, name) = match target {
            Target::Ip(IpAddr::V4(ip)) => (*ip, None),
            Target::Ip(IpAddr::V6(_)) => (Ipv4Addr::UNSPECIFIED, None),
            Target::Name(name) => (Ipv4Addr::new(0, 0, 0, 1), Some(name)),
        };
        let mut request = vec![4, 1];
        request.extend_from_slice(&port.to_be_bytes());
        request.extend_from_slice(&ip.octets());
        for text in [user].into_iter().chain(name.map(String::as_str)) {
            request.extend_from_slice(text.as_bytes());
            request.push(0);
        }
        let unfit = if matches!(target, Target::Ip(IpAddr::V6(_))) {
            Some(refused("SOCKS4 cannot carry an IPv6 address"))
        } else if user.len() > MAX_COUNTED || user.contains('\0') {
            Some(refused("SOCKS4 cannot carry this user"))
        } else {
            unfit_target(target)
        };
        Tunnel { unfit, first: Zeroizing::new(request), ..Tunnel::awaiting(Awaited::Socks4Reply) }
    }

    pub fn socks5(target: &Target, port: u16, user: Option<(&str, &str)>) -> Tunnel {
        let mut request = vec![5, 1, 0];
        match target {
            Target::Ip(IpAddr::V4(ip)) => {
                request.push(1);
                request.extend_from_slice(&ip.octets());
            }
            Target::Ip(IpAddr::V6(ip)) => {
                request.push(4);
                request.extend_from_slice(&ip.octets());
            }
            Target::Name(name) => {
                request.push(3);
                request.extend_from_slice(&counted(name));
            }
        }
        request.extend_from_slice(&port.to_be_bytes());
        let login = user.map(|(user, password)| {
            let [user, password] = [user, password].map(|text| Zeroizing::new(counted(text)));
            Zeroizing::new([&[1], &**user, &**password].concat())
        });
        let fits = |text: &str| (1..=MAX_COUNTED).contains(&text.len());
        let unfit_user = match user {
            Some((user, password)) if !fits(user) || !fits(password) => {
                Some(refused("the user and the password have to have 1 to 255 bytes each"))
            }
            _ => None,
        };
        let greeting: &[u8] = if login.is_some() { &[5, 2, 2, 0] } else { &[5, 1, 0] };
        Tunnel {
            unfit: unfit_target(target).or(unfit_user),
            first: Zeroizing::new(greeting.to_vec()),
            login,
            request,
            ..Tunnel::awaiting(Awaited::Socks5Method)
        }
    }

    fn awaiting(awaited: Awaited) -> Tunnel {
        Tunnel {
            unfit: None,
            first: Zeroizing::default(),
            awaited,
            secrets: vec![],
            skipped: 0,
            login: None,
            request: vec![],
        }
    }

    /// Takes the handshake's bytes out of what was received, and says what to do next.
    pub fn step(&mut self, received: &mut Vec<u8>) -> Result<Step, Refusal> {
        if let Some(refusal) = &self.unfit {
            return Err(refusal.clone());
        }
        if !self.first.is_empty() {
            return Ok(Step::Send(std::mem::take(&mut *self.first)));
        }
        match self.awaited {
            Awaited::Head => self.head(received),
            Awaited::Socks4Reply => self.socks4_reply(received),
            Awaited::Socks5Method => self.socks5_method(received),
            Awaited::Socks5Login => self.socks5_login(received),
            Awaited::Socks5Reply => self.socks5_reply(received),
            Awaited::Nothing => Ok(self.open(received, 0)),
        }
    }

    /// What it means if the proxy closes the connection.
    pub fn closed(&self) -> Refusal {
        let why = "it closed the connection before its response was complete";
        match self.awaited {
            Awaited::Socks4Reply | Awaited::Socks5Reply => unreachable(why),
            // The proxy does not know the target yet, or it looks up the name itself. Another
            // attempt would repeat a wrong password.
            _ => refused(why),
        }
    }

    fn head(&mut self, received: &mut Vec<u8>) -> Result<Step, Refusal> {
        loop {
            let room = MAX_HEAD.saturating_sub(self.skipped).min(received.len());
            let Some(head) = Head::parse(&received[..room])? else {
                return match self.skipped + room < MAX_HEAD {
                    true => Ok(Step::Read),
                    false => Err(garbage("the head of its response is longer than 64 KiB")),
                };
            };
            let length = head.length;
            match head.code {
                // No response to CONNECT switches to another protocol.
                100 | 102..=199 => {
                    received.drain(..length);
                    self.skipped += length;
                }
                // A 2xx has no body, even if its headers announce one.
                200..=299 => return Ok(self.open(received, length)),
                code => {
                    let answered = format!("it answered {code} {}", self.shown(head.reason));
                    return Err(refused(answered.trim_end()));
                }
            }
        }
    }

    /// The reason, without secrets: a proxy may repeat the credentials in it.
    fn shown(&self, reason: &str) -> String {
        let secrets = Secrets::new(self.secrets.iter().map(|secret| secret.as_str()));
        let printable = |c: &char| matches!(c, ' '..='~');
        secrets.clean_line(reason).chars().filter(printable).take(MAX_REASON).collect()
    }

    fn socks4_reply(&mut self, received: &mut Vec<u8>) -> Result<Step, Refusal> {
        match **received {
            [] | [0] => Ok(Step::Read),
            [0, 90, ..] if received.len() < 8 => Ok(Step::Read),
            [0, 90, ..] => Ok(self.open(received, 8)),
            [0, 91, ..] => Err(unreachable("it rejected the request, or the request failed")),
            [0, 92, ..] => Err(refused("it cannot reach an identd server on this machine")),
            [0, 93, ..] => Err(refused("the identd server on this machine names another user")),
            [0, code, ..] => Err(Refusal::Garbage(format!("{code} is no reply of SOCKS4"))),
            _ => Err(garbage("its response is not SOCKS4")),
        }
    }

    fn socks5_method(&mut self, received: &mut Vec<u8>) -> Result<Step, Refusal> {
        match (&**received, &mut self.login) {
            ([] | [5], _) => Ok(Step::Read),
            ([5, 0, ..], _) => Ok(self.send_socks5_request(received)),
            ([5, 2, ..], Some(login)) => {
                self.awaited = Awaited::Socks5Login;
                received.drain(..2);
                Ok(Step::Send(std::mem::take(&mut **login)))
            }
            ([5, 2, ..], None) => Err(refused("it asks for a user and a password")),
            ([5, 0xff, ..], Some(_)) => {
                Err(refused("it accepts neither a password nor a connection without one"))
            }
            ([5, 0xff, ..], None) => Err(refused("it accepts no connection without credentials")),
            ([5, ..], _) => Err(garbage("it chose an authentication that was not offered")),
            _ => Err(garbage("its response is not SOCKS5")),
        }
    }

    fn socks5_login(&mut self, received: &mut Vec<u8>) -> Result<Step, Refusal> {
        match **received {
            [] | [1] => Ok(Step::Read),
            [1, 0, ..] => Ok(self.send_socks5_request(received)),
            [1, ..] => Err(refused("it does not accept the user and the password")),
            _ => Err(garbage("its response to user and password is not SOCKS5")),
        }
    }

    /// After a response of two bytes.
    fn send_socks5_request(&mut self, received: &mut Vec<u8>) -> Step {
        self.awaited = Awaited::Socks5Reply;
        received.drain(..2);
        Step::Send(std::mem::take(&mut self.request))
    }

    /// A refusal counts as soon as its code is there: some proxies say no more.
    fn socks5_reply(&mut self, received: &mut Vec<u8>) -> Result<Step, Refusal> {
        // A client does not need the address that the proxy bound, but has to read it.
        let length = match **received {
            [] | [5] | [5, 0] | [5, 0, 0] | [5, 0, 0, 3] => return Ok(Step::Read),
            [5, 0, 0, 1, ..] => 10,
            [5, 0, 0, 3, name, ..] => 7 + usize::from(name),
            [5, 0, 0, 4, ..] => 22,
            [5, 0, ..] => return Err(garbage("its reply holds no address of SOCKS5")),
            [5, code, ..] => return Err(socks5_refusal(code)),
            _ => return Err(garbage("its reply is not SOCKS5")),
        };
        match received.len() < length {
            true => Ok(Step::Read),
            false => Ok(self.open(received, length)),
        }
    }

    /// After a last response of this length. Bytes after it are left: the caller knows whether the target may
    /// send first.
    fn open(&mut self, received: &mut Vec<u8>, length: usize) -> Step {
        self.awaited = Awaited::Nothing;
        received.drain(..length);
        Step::Open
    }
}

/// Without the credentials, so that no log shows them.
impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("awaited", &self.awaited).finish_non_exhaustive()
    }
}

/// Without the bytes, which may hold the password.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            Step::Read => f.write_str("Read"),
            Step::Open => f.write_str("Open"),
        }
    }
}

/// The parts of a response's head that matter here.
struct Head<'a> {
    code: u16,
    reason: &'a str,
    length: usize,
}

impl Head<'_> {
    /// `None` where more bytes are needed.
    fn parse(received: &[u8]) -> Result<Option<Head<'_>>, Refusal> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADER_LINES];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = httparse::ParserConfig::default()
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .parse_response(&mut response, received);
        let length = match parsed {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(garbage("its response has more than 128 header lines"));
            }
            Err(why) => return Err(Refusal::Garbage(format!("its response is not HTTP: {why}"))),
        };
        match response.code {
            Some(code @ 100..) => {
                Ok(Some(Head { code, reason: response.reason.unwrap_or_default(), length }))
            }
            _ => Err(garbage("its response has no status that HTTP knows")),
        }
    }
}

fn unreachable(why: &str) -> Refusal {
    Refusal::Unreachable(why.to_owned())
}

fn refused(why: &str) -> Refusal {
    Refusal::Refused(why.to_owned())
}

fn garbage(why: &str) -> Refusal {
    Refusal::Garbage(why.to_owned())
}

/// Refuses a name that would end a header line, or that is too long for a length of one byte.
fn unfit_target(target: &Target) -> Option<Refusal> {
    let Target::Name(name) = target else { return None };
    if !(1..=MAX_COUNTED).contains(&name.len()) {
        return Some(refused("the target's name has to have 1 to 255 bytes"));
    }
    let is_visible = name.bytes().all(|byte| byte.is_ascii_graphic());
    (!is_visible).then(|| refused("the target's name is no host name"))
}

/// A text with its length before it. Longer texts are never sent.
fn counted(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap_or_default();
    [&[length], text.as_bytes()].concat()
}

fn socks5_refusal(code: u8) -> Refusal {
    match code {
        1 => unreachable("it reports a general failure"),
        2 => refused("its rules do not allow this connection"),
        3 => unreachable("it reports that the network is unreachable"),
        4 => unreachable("it reports that the host is unreachable"),
        5 => unreachable("it reports that the connection was refused"),
        6 => unreachable("it reports that the time to live has expired"),
        7 => refused("it does not support the command to connect"),
        8 => unreachable("it does not support this type of address"),
        code => Refusal::Refused(format!("it reports the unknown error {code}")),
    }
}

#[cfg(test)]
mod tests;
