//! How an exchange with the token endpoint can end, and at which stage: the data of the table.

use fitbit_simulator::FaultKind;
use fitbit_test_support::{FITBIT, GOOGLE_HEALTH};

/// Where the exchange has got to when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Lookup,
    Connect,
    Proxy,
    Socks,
    Handshake,
    RequestHead,
    RequestBody,
    BeforeResponse,
    ResponseHead,
    ResponseBody,
    InsteadOfProvider,
    InsteadOfResponse,
}

use Stage::*;

pub const STAGES: [Stage; 12] = [
    Lookup,
    Connect,
    Proxy,
    Socks,
    Handshake,
    RequestHead,
    RequestBody,
    BeforeResponse,
    ResponseHead,
    ResponseBody,
    InsteadOfProvider,
    InsteadOfResponse,
];

impl Stage {
    pub fn label(self) -> &'static str {
        match self {
            Lookup => "name lookup",
            Connect => "connect",
            Proxy => "proxy, CONNECT",
            Socks => "proxy, SOCKS5",
            Handshake => "TLS handshake",
            RequestHead => "request head",
            RequestBody => "request body",
            BeforeResponse => "before the response",
            ResponseHead => "response head",
            ResponseBody => "response body",
            InsteadOfProvider => "response, before the provider acts",
            InsteadOfResponse => "response, after the provider acted",
        }
    }

    /// Whether a byte of the HTTP request has gone out.
    pub fn is_sent(self) -> bool {
        self >= RequestHead
    }

    /// Whether the provider has carried the request out.
    pub fn has_acted(self) -> bool {
        matches!(self, BeforeResponse | ResponseHead | ResponseBody | InsteadOfResponse)
    }
}

/// What ends the exchange.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// FIN; after the handshake close_notify first.
    Close,
    /// FIN without close_notify.
    BareClose,
    /// RST; to a SYN: the connection is refused.
    Reset,
    /// The same without TLS, as a simulator on loopback is spoken to.
    PlainClose,
    PlainReset,
    /// Nothing more is said until the call's time is up.
    Silence,
    /// The same, and then the exchange goes on as usual.
    SilenceThenAnswer,
    /// A fatal TLS alert.
    Alert,
    /// Bytes that are no TLS.
    NoTls,
    /// Bytes that are no HTTP (no SOCKS to a SOCKS proxy's client).
    NoHttp,
    /// `fitbit_app_cancel`, and nothing more is said.
    Cancel,
    /// `fitbit_app_cancel`, and then the exchange goes on as usual.
    CancelThenAnswer,
    NoSuchName,
    /// A proxy's answer to CONNECT: status and reason.
    ProxyRefuses(&'static str),
    SocksRefuses,
    /// A certificate that nobody vouches for.
    Untrusted,
    /// The provider's own response, with a body that is cut or framed in this way.
    Body(Framing, Closing),
    Answer(&'static Answer),
    /// A fault of the simulator, by its name.
    Simulated(&'static str),
}

/// How much of the response's body is sent, and what says where it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Framing {
    HalfOfChunks,
    /// Whole as far as HTTP can tell.
    HalfOfGzip,
    HalfWithoutLength,
    WholeWithoutLength,
    WholeWithLength,
}

/// How the connection ends behind a body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Closing {
    Close,
    BareClose,
    Reset,
    PlainClose,
}

/// A complete response that is not the one that was asked for.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub label: &'static str,
    pub status: u16,
    pub headers: &'static str,
    pub body: Body,
}

#[derive(Debug, PartialEq)]
pub enum Body {
    Nothing,
    Text(&'static str),
    /// It says `Content-Encoding: gzip`, and is none.
    Undecodable,
    /// An error in the provider's own shape, of this type.
    Words(&'static str),
}

impl Answer {
    /// The error type, where the body is the provider's own error.
    pub fn word(&self) -> Option<&'static str> {
        match self.body {
            Body::Words(word) => Some(word),
            _ => None,
        }
    }

    /// A refusal, in contrast to a passing fault, is said by a provider that did nothing.
    fn is_refusal(&self) -> bool {
        let passing = self.word().is_none_or(|word| PASSING_WORDS.contains(&word));
        (400..=499).contains(&self.status) && self.status != 409 && !passing
    }

    /// The bytes, as this provider says its own words.
    pub fn bytes(&self, provider: u32) -> Vec<u8> {
        let (kind, body) = match self.body {
            Body::Nothing => ("", String::new()),
            Body::Text(text) if text.starts_with('{') => (JSON, text.to_owned()),
            Body::Text(text) => (HTML, text.to_owned()),
            Body::Undecodable => (GZIP, "this is not gzip".to_owned()),
            Body::Words(word) => (JSON, words(provider, word)),
        };
        let length = match self.status {
            101 | 204 => String::new(),
            _ => format!("Content-Length: {}\r\n", body.len()),
        };
        let (status, headers) = (self.status, self.headers);
        format!(
            "HTTP/1.1 {status} As Said\r\n{headers}{kind}{length}Connection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

const JSON: &str = "Content-Type: application/json\r\n";
const HTML: &str = "Content-Type: text/html\r\n";
const GZIP: &str = "Content-Type: application/json\r\nContent-Encoding: gzip\r\n";

fn words(provider: u32, word: &str) -> String {
    match provider {
        FITBIT => {
            format!(r#"{{"errors":[{{"errorType":"{word}","message":"no"}}],"success":false}}"#)
        }
        GOOGLE_HEALTH => format!(r#"{{"error":"{word}","error_description":"no"}}"#),
        _ => unreachable!("there are two providers"),
    }
}

/// What a provider says of itself when it is only out of order for a moment.
pub const PASSING_WORDS: [&str; 3] =
    ["internal_failure", "server_error", "temporarily_unavailable"];

const PAGE: Body = Body::Text("<html><body><h1>This page is somebody else's</h1></body></html>\n");

const fn page(label: &'static str, status: u16) -> Answer {
    Answer { label, status, headers: "", body: PAGE }
}

const fn said(label: &'static str, status: u16, word: &'static str) -> Answer {
    Answer { label, status, headers: "", body: Body::Words(word) }
}

/// Every complete response of the table.
pub const ANSWERS: &[Answer] = &[
    page("200, an HTML page", 200),
    Answer { body: Body::Text(r#"{"status":"ok"}"#), ..page("200, JSON without a token", 200) },
    Answer { body: Body::Undecodable, ..page("200, a body that cannot be decoded", 200) },
    Answer { body: Body::Nothing, ..page("200, nothing in it", 200) },
    Answer { body: Body::Nothing, ..page("204", 204) },
    Answer {
        headers: "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        body: Body::Nothing,
        ..page("101", 101)
    },
    Answer { headers: "Location: http://127.0.0.1:9/\r\n", ..page("302, elsewhere", 302) },
    Answer { headers: "Location: http://127.0.0.1:9/\r\n", ..page("307, elsewhere", 307) },
    page("400, an HTML page", 400),
    page("403, an HTML page", 403),
    page("404, an HTML page", 404),
    Answer {
        headers: "Proxy-Authenticate: Basic\r\n",
        ..page("407, an HTML page, without any proxy", 407)
    },
    page("410, an HTML page", 410),
    Answer { headers: "Retry-After: 30\r\n", ..page("429, an HTML page", 429) },
    Answer {
        body: Body::Text(r#"{"message":"Forbidden"}"#),
        ..page("403, JSON that is not the provider's", 403)
    },
    Answer {
        headers: "Retry-After: 30\r\n",
        body: Body::Text(r#"{"message":"Limit Exceeded"}"#),
        ..page("429, JSON that is not the provider's", 429)
    },
    Answer { body: Body::Undecodable, ..page("400, a body that cannot be decoded", 400) },
    Answer { body: Body::Nothing, ..page("400, nothing in it", 400) },
    page("409, an HTML page", 409),
    page("500, an HTML page", 500),
    page("502, an HTML page", 502),
    page("503, an HTML page", 503),
    page("504, an HTML page", 504),
    Answer { body: Body::Undecodable, ..page("503, a body that cannot be decoded", 503) },
    said("200, `server_error`", 200, "server_error"),
    said("400, `internal_failure`", 400, "internal_failure"),
    said("400, `server_error`", 400, "server_error"),
    said("400, `temporarily_unavailable`", 400, "temporarily_unavailable"),
    said("409, the provider's own", 409, "request"),
    said("500, `internal_failure`", 500, "internal_failure"),
    said("503, `temporarily_unavailable`", 503, "temporarily_unavailable"),
    said("400, `invalid_grant`", 400, "invalid_grant"),
    said("401, `invalid_client`", 401, "invalid_client"),
    said("400, `invalid_request`", 400, "invalid_request"),
    said("403, `access_denied`", 403, "access_denied"),
    Answer {
        headers: "Retry-After: 30\r\n",
        ..said("429, the provider's own", 429, "rate_limit_exceeded")
    },
];

/// A part of the table: ends of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Connection,
    Refusal,
    Body,
    Answer,
    Simulated,
}

impl End {
    pub fn kind(&self) -> Kind {
        match self {
            End::NoSuchName | End::ProxyRefuses(_) | End::SocksRefuses | End::Untrusted => {
                Kind::Refusal
            }
            End::Body(..) => Kind::Body,
            End::Answer(_) => Kind::Answer,
            End::Simulated(_) => Kind::Simulated,
            _ => Kind::Connection,
        }
    }

    pub fn label(&self) -> String {
        match self {
            End::Close => "clean close".into(),
            End::BareClose => "close without close_notify".into(),
            End::Reset => "reset".into(),
            End::PlainClose => "clean close, plain http".into(),
            End::PlainReset => "reset, plain http".into(),
            End::Silence => "silence".into(),
            End::SilenceThenAnswer => "silence, and then the usual response".into(),
            End::Alert => "TLS alert".into(),
            End::NoTls => "bytes that are not TLS".into(),
            End::NoHttp => "bytes that are not HTTP".into(),
            End::Cancel => "cancelled, and silence".into(),
            End::CancelThenAnswer => "cancelled, and then the usual response".into(),
            End::NoSuchName => "no such name".into(),
            End::ProxyRefuses(status) => format!("the proxy says {status}"),
            End::SocksRefuses => "the SOCKS5 proxy refuses".into(),
            End::Untrusted => "a certificate that is not trusted".into(),
            End::Body(framing, closing) => {
                let body = match framing {
                    Framing::HalfOfChunks => "half of a chunked body",
                    Framing::HalfOfGzip => "half of a gzip stream, with its own length",
                    Framing::HalfWithoutLength => "half of a body without a length",
                    Framing::WholeWithoutLength => "a whole body without a length",
                    Framing::WholeWithLength => "a whole body with its length",
                };
                let close = match closing {
                    Closing::Close => "clean close",
                    Closing::BareClose => "close without close_notify",
                    Closing::Reset => "reset",
                    Closing::PlainClose => "clean close on plain http",
                };
                format!("{body}, {close}")
            }
            End::Answer(answer) => answer.label.into(),
            End::Simulated(name) => format!("`{name}`"),
        }
    }

    /// What the simulator does, where the end is one of its faults.
    pub fn fault(&self) -> Option<FaultKind> {
        let End::Simulated(name) = self else { return None };
        FaultKind::all().into_iter().find(|(other, _)| other == name).map(|(_, kind)| kind)
    }

    /// The call has to be given up, or is: it gets only a little time.
    pub fn takes_all_the_time(&self) -> bool {
        matches!(
            self,
            End::Silence
                | End::SilenceThenAnswer
                | End::Cancel
                | End::Simulated("stall" | "stall_before_answer")
        )
    }

    /// The response comes all the same, if its connection is still open then.
    pub fn is_answered_late(&self) -> bool {
        matches!(self, End::SilenceThenAnswer | End::CancelThenAnswer)
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(self, End::Cancel | End::CancelThenAnswer)
    }

    /// Whether the token endpoint is spoken to without TLS.
    pub fn is_plain(&self) -> bool {
        matches!(
            self,
            End::PlainClose
                | End::PlainReset
                | End::Simulated(_)
                | End::Body(_, Closing::PlainClose)
        )
    }
}

/// All ends, in the order of the document.
pub fn ends() -> Vec<End> {
    use Closing::{BareClose, Close, PlainClose, Reset};
    use Framing::*;
    let mut ends = vec![
        End::Close,
        End::BareClose,
        End::Reset,
        End::PlainClose,
        End::PlainReset,
        End::Silence,
        End::SilenceThenAnswer,
        End::Alert,
        End::NoTls,
        End::NoHttp,
        End::Cancel,
        End::CancelThenAnswer,
        End::NoSuchName,
        End::ProxyRefuses("403 Forbidden"),
        End::ProxyRefuses("407 Proxy Authentication Required"),
        End::ProxyRefuses("502 Bad Gateway"),
        End::SocksRefuses,
        End::Untrusted,
        End::Body(HalfOfChunks, Close),
        End::Body(HalfOfGzip, Close),
        End::Body(HalfWithoutLength, Close),
        End::Body(HalfWithoutLength, PlainClose),
        End::Body(HalfWithoutLength, BareClose),
        End::Body(HalfWithoutLength, Reset),
        End::Body(WholeWithoutLength, Close),
        End::Body(WholeWithoutLength, PlainClose),
        End::Body(WholeWithoutLength, BareClose),
        End::Body(WholeWithoutLength, Reset),
        End::Body(WholeWithLength, BareClose),
    ];
    ends.extend(ANSWERS.iter().map(End::Answer));
    ends.extend(FaultKind::all().into_iter().map(|(name, _)| End::Simulated(name)));
    ends
}

/// Whether an exchange can end so at this stage; if not, why not.
pub fn possible(end: &End, stage: Stage) -> Result<(), &'static str> {
    let is_response = matches!(stage, InsteadOfProvider | InsteadOfResponse);
    match end {
        End::Answer(_) | End::Simulated(_) if !is_response => {
            return Err("A complete response has come to its end: no stage cuts it short.");
        }
        End::Answer(answer) if answer.is_refusal() && stage.has_acted() => {
            return Err("A provider that refuses has not acted.");
        }
        End::Answer(_) => return Ok(()),
        End::Simulated(_) => {
            let acts = end.fault().is_some_and(|kind| kind.acts());
            return match acts == stage.has_acted() {
                true => Ok(()),
                false => Err("The simulator's fault says by itself whether the provider acts."),
            };
        }
        _ if is_response => {
            return Err("What ends a connection is not a complete response.");
        }
        _ => {}
    }
    match end {
        End::NoSuchName if stage != Lookup => Err("Only a name lookup can find no such name."),
        End::ProxyRefuses(_) if stage != Proxy => Err("Only a proxy refuses CONNECT."),
        End::SocksRefuses if stage != Socks => Err("Only a SOCKS proxy refuses in SOCKS."),
        End::Untrusted if stage != Handshake => {
            Err("A certificate is looked at in the handshake and never again.")
        }
        End::Body(..) if stage != ResponseBody => Err("Only a response has such a body."),
        End::NoSuchName
        | End::ProxyRefuses(_)
        | End::SocksRefuses
        | End::Untrusted
        | End::Body(..) => Ok(()),
        End::Silence | End::Cancel => Ok(()),
        End::SilenceThenAnswer | End::CancelThenAnswer if !stage.is_sent() => {
            Err("A call that ends before its request has gone out gets no response later.")
        }
        _ if stage == Lookup => Err("A name lookup has no connection of the library's."),
        End::Reset => Ok(()),
        _ if stage == Connect => Err("Nothing is said or closed before there is a connection."),
        End::PlainClose | End::PlainReset if stage == Handshake => {
            Err("Plain http has no handshake.")
        }
        End::PlainClose | End::PlainReset if !stage.is_sent() => {
            Err("Plain http is for loopback, which no proxy sees.")
        }
        End::BareClose if !stage.is_sent() => {
            Err("No close_notify is expected before the handshake is done: it is a clean close.")
        }
        End::Alert | End::NoTls if matches!(stage, Proxy | Socks) => {
            Err("An http:// or socks5:// proxy is spoken to without TLS.")
        }
        End::NoHttp if stage == Handshake => {
            Err("In the handshake bytes that are not HTTP are bytes that are not TLS.")
        }
        _ => Ok(()),
    }
}

/// One row of the table: an end at a stage where it is possible.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub end: End,
    pub stage: Stage,
}

impl Row {
    pub fn label(&self) -> String {
        format!("{}; {}", self.end.label(), self.stage.label())
    }
}

pub fn rows() -> Vec<Row> {
    let all = ends().into_iter().flat_map(|end| STAGES.map(|stage| Row { end, stage }));
    all.filter(|row| possible(&row.end, row.stage).is_ok()).collect()
}

/// An end at a stage where it is not possible, and why.
pub fn holes() -> Vec<(Row, &'static str)> {
    let all = ends().into_iter().flat_map(|end| STAGES.map(|stage| Row { end, stage }));
    all.filter_map(|row| Some((row, possible(&row.end, row.stage).err()?))).collect()
}
