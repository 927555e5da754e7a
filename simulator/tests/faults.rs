//! Every fault does what its documentation says, and acts or does not act as it says.

use fitbit_simulator::{DEMO_CLIENT_ID, Fault, FaultKind, Reply, Simulator, Target};
use flate2::write::GzDecoder;
use serde_json::{Value, json};
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

type Outcome = Result<(), Box<dyn Error>>;

/// As much of an endless answer as a test reads.
const ENOUGH: usize = 300_000;
/// How long nothing arrives before a test takes it for a stall.
const MOMENT: Duration = Duration::from_millis(50);

fn text<'a>(token: &'a Value, field: &str) -> &'a str {
    token[field].as_str().unwrap_or("")
}

/// What arrived of an answer, and how the connection ended.
#[derive(Debug)]
struct Seen {
    bytes: Vec<u8>,
    /// `None`: it had not ended when the test stopped listening.
    end: Option<io::Result<()>>,
}

impl Seen {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn body(&self) -> String {
        self.text().split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned())
    }

    fn was_reset(&self) -> bool {
        matches!(&self.end, Some(Err(error)) if error.kind() == ErrorKind::ConnectionReset)
    }
}

/// Sends a refresh and listens until the connection ends, or stalls, or has said enough.
fn raw_refresh(simulator: &Simulator, kind: &FaultKind, refresh_token: &str) -> io::Result<Seen> {
    let body = format!(
        "grant_type=refresh_token&client_id={DEMO_CLIENT_ID}&refresh_token={refresh_token}"
    );
    let mut connection = TcpStream::connect(("127.0.0.1", simulator.port()))?;
    let request = format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes())?;
    if kind == &FaultKind::StallBeforeAnswer {
        while simulator.log().is_empty() {
            std::thread::yield_now();
        }
        connection.set_read_timeout(Some(MOMENT))?;
    }
    let mut seen = Seen { bytes: Vec::new(), end: None };
    let mut buffer = [0; 64 * 1024];
    while seen.bytes.len() < ENOUGH {
        match connection.read(&mut buffer) {
            Ok(0) => {
                seen.end = Some(Ok(()));
                break;
            }
            Ok(count) => {
                seen.bytes.extend_from_slice(&buffer[..count]);
                if kind == &FaultKind::Stall {
                    connection.set_read_timeout(Some(MOMENT))?;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(error) => {
                seen.end = Some(Err(error));
                break;
            }
        }
    }
    Ok(seen)
}

fn refresh(simulator: &Simulator, refresh_token: &str) -> io::Result<Reply> {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", DEMO_CLIENT_ID),
    ];
    simulator.client()?.post_form("/oauth2/token", &[], &fields)
}

#[test]
fn every_fault_acts_or_does_not_as_it_says() -> Outcome {
    std::thread::scope(|scope| {
        for (name, kind) in FaultKind::all() {
            scope.spawn(move || {
                let outcome = (|| -> io::Result<(bool, u16, u64)> {
                    let simulator = Simulator::start()?;
                    let token = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
                    let refresh_token = text(&token, "refresh_token");
                    simulator.fault(Fault::once(Target::Refresh, kind.clone()));
                    raw_refresh(&simulator, &kind, refresh_token)?;
                    // The fault is spent, so this one tells whether the first rotated.
                    let after = refresh(&simulator, refresh_token)?;
                    let replays = simulator.replayed_refresh_tokens();
                    assert_eq!(simulator.requests(Target::Refresh), 2, "{name}");
                    assert_eq!(kind.name(), name);
                    let unlogged = ["close_before_read", "reset_before_read"].contains(&name);
                    let first = if unlogged { None } else { Some(name) };
                    let logged: Vec<_> = simulator.log().into_iter().map(|e| e.fault).collect();
                    let expected: Vec<_> = first.map(Some).into_iter().chain([None]).collect();
                    assert_eq!(logged, expected);
                    Ok((kind.acts(), after.status, replays))
                })();
                match outcome {
                    Ok((true, 400, 1) | (false, 200, 0)) => {}
                    other => panic!("{name}: {other:?}"),
                }
            });
        }
    });
    Ok(())
}

#[test]
fn every_fault_looks_as_it_says() -> Outcome {
    std::thread::scope(|scope| {
        for (name, kind) in FaultKind::all() {
            scope.spawn(move || {
                let seen = (|| -> io::Result<(Seen, Value)> {
                    let simulator = Simulator::start()?;
                    let token = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
                    simulator.fault(Fault::once(Target::Refresh, kind.clone()));
                    Ok((raw_refresh(&simulator, &kind, text(&token, "refresh_token"))?, token))
                })();
                match seen {
                    Ok((seen, token)) => looks_right(name, &seen, text(&token, "refresh_token")),
                    Err(error) => panic!("{name}: {error}"),
                }
            });
        }
    });
    Ok(())
}

fn looks_right(name: &str, seen: &Seen, refresh_token: &str) {
    let all = seen.text();
    let body = seen.body();
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    let status = all.get(9..12).unwrap_or("");
    let has = |header: &str| all.contains(header);
    let message = json["errors"][0]["message"].as_str().unwrap_or("");
    let error_type = json["errors"][0]["errorType"].as_str().unwrap_or("");
    let token = json["access_token"].is_string();
    let closed = matches!(seen.end, Some(Ok(())));
    let right = match name {
        "latency" | "slow_drip" => status == "200" && token,
        "status_401_expired" => status == "401" && error_type == "expired_token",
        "status_401_invalid" => status == "401" && error_type == "invalid_token",
        "status_401_empty" => status == "401" && body.is_empty() && closed,
        "status_401_invalid_client" => status == "401" && error_type == "invalid_client",
        "status_400_invalid_grant" => {
            status == "400" && error_type == "invalid_grant" && message.contains(refresh_token)
        }
        "status_400_rfc6749" => status == "400" && json["error"] == "invalid_grant",
        "status_403_scope" => status == "403" && error_type == "insufficient_scope",
        "status_403_permissions" => status == "403" && error_type == "insufficient_permissions",
        "status_404" => status == "404" && error_type == "not_found",
        "status_409" => status == "409" && error_type == "request",
        "status_422" => status == "422" && error_type == "validation",
        "status_410" => status == "410" && body.contains("<html>"),
        "status_429_reset" => status == "429" && has("\r\nFitbit-Rate-Limit-Reset: 1\r\n"),
        "status_429_retry_after" => status == "429" && has("\r\nRetry-After: 1\r\n"),
        "status_429_retry_after_date" => {
            status == "429" && has("\r\nRetry-After: ") && has(" GMT\r\n")
        }
        "status_429_bare" => status == "429" && !has("Retry-After") && !has("Rate-Limit"),
        "status_429_malformed" => status == "429" && has("\r\nRetry-After: soon, -5\r\n"),
        "status_500" => status == "500" && body.contains("<html>"),
        "status_502" => status == "502" && body.contains("<html>"),
        "status_503" | "lost_answer_503" => status == "503" && body.contains("<html>"),
        "empty_body" => status == "200" && body.is_empty() && closed,
        "truncated_body" => {
            let (length, _) = announced(&all);
            status == "200" && closed && !body.is_empty() && length > body.len()
        }
        "wrong_content_type" => has("\r\nContent-Type: text/html") && token,
        "malformed_json" => {
            status == "200" && json.is_null() && announced(&all).0 == body.len() && !body.is_empty()
        }
        "ok_with_error_inside" => status == "200" && error_type == "system" && !token,
        "ok_without_access_token" => status == "200" && !token && json["refresh_token"].is_string(),
        "close_before_read" | "close_after_read" => closed && all.is_empty(),
        "reset_before_read" | "reset_after_read" => seen.was_reset() && all.is_empty(),
        "stall" => {
            status == "200" && announced(&all).0 > 0 && body.is_empty() && seen.end.is_none()
        }
        "stall_before_answer" => all.is_empty() && seen.end.is_none(),
        "endless_body" => {
            has("\r\nTransfer-Encoding: chunked\r\n") && all.len() >= ENOUGH && !body.is_empty()
        }
        "endless_headers" => !has("\r\n\r\n") && all.len() >= ENOUGH,
        "gzip_bomb" => has("\r\nContent-Encoding: gzip\r\n"),
        "redirect_to" => status == "302" && has("Location: http://127.0.0.1:9/oauth2/token\r\n"),
        "redirect_307" => status == "307" && has("Location: http://127.0.0.1:9/oauth2/token\r\n"),
        "echo_secrets" => {
            status == "400" && message.contains(&format!("&refresh_token={refresh_token}"))
        }
        "control_characters" => {
            message.contains("\u{1b}[31m")
                && message.contains("\r\n")
                && message.contains('\0')
                && body.contains("\\r\\n")
                && body.contains("\\u001b")
                && body.contains("\\u0000")
        }
        "raw" => all == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" && closed,
        "json" => status == "418" && json == json!({"scripted": true}),
        _ => panic!("{name} is not described here"),
    };
    assert!(right, "{name}: {} {:?}", &all[..all.len().min(2000)], seen.end);
}

/// The Content-Length, and whether there is one.
fn announced(answer: &str) -> (usize, bool) {
    let length = answer
        .split_once("\r\nContent-Length: ")
        .and_then(|(_, rest)| rest.split("\r\n").next().and_then(|digits| digits.parse().ok()));
    (length.unwrap_or(0), length.is_some())
}

#[test]
fn the_bomb_is_small_and_decodes_to_256_mebibytes() -> Outcome {
    struct Count(usize, u8);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            self.1 = bytes.last().copied().unwrap_or(self.1);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let simulator = Simulator::start()?;
    simulator.fault(Fault::once(Target::Any, FaultKind::GzipBomb));
    let bomb = simulator.client()?.get("/1/user/-/profile.json", &[])?;
    assert!(bomb.body.len() < 400_000, "{}", bomb.body.len());
    let mut decoder = GzDecoder::new(Count(0, 0));
    decoder.write_all(&bomb.body)?;
    // Checks length and CRC as well.
    let Count(length, last) = decoder.finish()?;
    assert_eq!((length, last), (256 * 1024 * 1024 + 2, b'}'));
    Ok(())
}
