//! What happens below the requests: framing, keep-alive, one write per answer, many clients at
//! once, TLS, and the end.

use fitbit_simulator::{
    Client, DEMO_CLIENT_ID, DEMO_REDIRECT_URIS, Decision, Fault, FaultKind, Handshakes, Simulator,
    Target,
};
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;

type Outcome = Result<(), Box<dyn Error>>;

fn connect(simulator: &Simulator) -> std::io::Result<TcpStream> {
    TcpStream::connect(("127.0.0.1", simulator.port()))
}

fn read_once(connection: &mut TcpStream) -> std::io::Result<String> {
    let mut buffer = [0; 16 * 1024];
    let count = connection.read(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..count]).into_owned())
}

fn bearer(simulator: &Simulator) -> String {
    let token = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
    format!("Bearer {}", token["access_token"].as_str().unwrap_or(""))
}

#[test]
fn an_answer_arrives_in_one_read_and_the_connection_is_kept() -> Outcome {
    let simulator = Simulator::start()?;
    let request = format!(
        "GET /1/user/-/bytes/2048.json HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\r\n",
        bearer(&simulator)
    );
    let mut connection = connect(&simulator)?;
    for _ in 0..3 {
        connection.write_all(request.as_bytes())?;
        let answer = read_once(&mut connection)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no end of the head")?;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert_eq!(body.len(), 2048);
    }
    assert_eq!(simulator.connections(), 1);
    assert_eq!(simulator.requests(Target::Api), 3);
    Ok(())
}

#[test]
fn requests_in_pieces_in_chunks_and_with_expectations_are_understood() -> Outcome {
    let simulator = Simulator::start()?;
    let mut connection = connect(&simulator)?;
    let head = "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (one, two) = head.split_at(61);
    connection.write_all(one.as_bytes())?;
    connection.write_all(two.as_bytes())?;
    assert_eq!(read_once(&mut connection)?, "HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(b"b\r\ngrant_type=\r\nd\r\nrefresh_token\r\n0\r\n\r\n")?;
    let answer = read_once(&mut connection)?;
    assert!(answer.contains("Missing parameters: client_id"), "{answer}");
    assert_eq!(simulator.requests(Target::Refresh), 1);
    assert_eq!(simulator.log()[0].body, b"grant_type=refresh_token");

    connection.write_all(b"nonsense\r\n\r\n")?;
    let mut rest = String::new();
    connection.read_to_string(&mut rest)?;
    assert!(rest.starts_with("HTTP/1.1 400 "), "refused and closed: {rest}");
    Ok(())
}

#[test]
fn counts_are_exact_under_64_clients() -> Outcome {
    const CLIENTS: usize = 64;
    const REQUESTS: usize = 20;
    let simulator = Simulator::start()?;
    let authorization = bearer(&simulator);
    let client = simulator.client()?;
    // The first request of everybody is held until all have arrived, so all are in flight.
    simulator.fault(Fault { times: 64, ..Fault::once(Target::Api, FaultKind::Latency(300)) });
    let barrier = Barrier::new(CLIENTS);
    let answered: usize = std::thread::scope(|scope| {
        let work = || {
            barrier.wait();
            let get = || client.get("/1/user/-/profile.json", &[("Authorization", &authorization)]);
            (0..REQUESTS).filter(|_| get().is_ok_and(|reply| reply.status == 200)).count()
        };
        let threads: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    });
    let all = CLIENTS * REQUESTS;
    assert_eq!(answered, all);
    assert_eq!(simulator.requests(Target::Api), all as u64);
    assert_eq!(simulator.requests(Target::ApiPath("/1/user/-/profile".to_owned())), all as u64);
    assert_eq!(simulator.requests(Target::ApiPath("/1.2/".to_owned())), 0);
    assert_eq!(simulator.requests(Target::Any), all as u64);
    assert_eq!(simulator.connections(), all as u64);
    assert_eq!(simulator.log().len(), all);
    let most = simulator.max_in_flight(Target::Api);
    assert!((2..=64).contains(&most), "{most}");

    simulator.reset_counts();
    assert_eq!(simulator.requests(Target::Any), 0);
    client.get("/1/user/-/profile.json", &[("Authorization", &authorization)])?;
    client.get("/1/user/-/profile.json", &[("Authorization", &authorization)])?;
    assert_eq!(simulator.max_in_flight(Target::Api), 1, "one after the other");
    Ok(())
}

#[test]
fn tls_works_for_those_who_trust_its_authority() -> Outcome {
    let simulator = Simulator::builder().tls(true).start()?;
    assert!(simulator.uri().starts_with("https://127.0.0.1:"));
    let authorization = bearer(&simulator);
    let headers = [("Authorization", authorization.as_str())];
    assert_eq!(simulator.client()?.get("/1/user/-/profile.json", &headers)?.status, 200);
    let by_name = Client::new(&format!("https://localhost:{}", simulator.port()));
    let by_name = by_name.trusting(simulator.ca_pem())?;
    assert_eq!(by_name.get("/1/user/-/profile.json", &headers)?.status, 200);
    let stranger = Simulator::builder().tls(true).start()?;
    let distrustful = Client::new(simulator.uri()).trusting(stranger.ca_pem())?;
    assert!(distrustful.get("/1/user/-/profile.json", &headers).is_err());

    let uri = format!(
        "{}/oauth2/authorize?client_id=22SRVR&response_type=code&scope=profile&redirect_uri={}",
        simulator.uri(),
        DEMO_REDIRECT_URIS[3]
    );
    assert!(simulator.visit(&uri, Decision::Grant)?.starts_with("myapp://callback?code="));
    Ok(())
}

#[test]
fn dropping_it_closes_what_is_open() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.fault(Fault::always(Target::Any, FaultKind::StallBeforeAnswer));
    let mut idle = connect(&simulator)?;
    let mut stalled = connect(&simulator)?;
    stalled.write_all(b"GET /1/user/-/profile.json HTTP/1.1\r\n\r\n")?;
    while simulator.log().is_empty() {
        std::thread::yield_now();
    }
    drop(simulator);
    let mut nothing = Vec::new();
    // An idle connection may not have been accepted yet, and is then reset.
    drop(idle.read_to_end(&mut nothing));
    drop(stalled.read_to_end(&mut nothing));
    assert!(nothing.is_empty());
    Ok(())
}

#[test]
fn handshakes_and_the_requests_of_token_connections_are_counted() -> Outcome {
    let simulator = Simulator::builder().tls(true).start()?;
    assert_eq!(simulator.handshakes(), Handshakes::default());
    let client = simulator.client()?;
    let refused = client.post_form("/oauth2/token", &[], &[("grant_type", "refresh_token")])?;
    assert_eq!(refused.status, 400);
    let full = Handshakes { full: 1, ..Handshakes::default() };
    assert_eq!((simulator.handshakes(), simulator.token_connections()), (full, vec![1]));
    // One client has one configuration, and that keeps its sessions.
    client.get("/1/user/-/profile.json", &[])?;
    let both = Handshakes { resumed: 1, ..full };
    assert_eq!((simulator.handshakes(), simulator.token_connections()), (both, vec![1]));
    let counts = client.get("/_simulator/counts", &[])?;
    let counts: serde_json::Value = serde_json::from_slice(&counts.body)?;
    assert_eq!(counts["handshakes"]["full"], 1);
    assert_eq!(counts["token_connections"], serde_json::json!([1]));
    simulator.reset_counts();
    assert_eq!(simulator.handshakes(), Handshakes::default());
    assert_eq!(simulator.token_connections(), Vec::<u64>::new());
    Ok(())
}

#[test]
fn requests_on_one_connection_to_the_token_endpoint_are_counted_together() -> Outcome {
    let simulator = Simulator::start()?;
    let body = "grant_type=refresh_token";
    let request = format!(
        "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for requests in [3, 1] {
        let mut connection = connect(&simulator)?;
        for _ in 0..requests {
            connection.write_all(request.as_bytes())?;
            read_once(&mut connection)?;
        }
    }
    assert_eq!(simulator.token_connections(), [3, 1]);
    Ok(())
}
