//! How faults are switched: which requests they fall on, how often, in which company, and that
//! the control stays reachable under all of them.

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn a_fault_skips_then_falls_so_many_times_on_its_target_only() -> Outcome {
    let simulator = Simulator::start()?;
    let path = "/1/user/-/profile.json";
    let on = Target::ApiPath("/1/user/-/pro".to_owned());
    simulator.fault(Fault { on, kind: FaultKind::Status500, times: 2, skip: 1 });
    let client = simulator.client()?;
    let statuses = |paths: &[&str]| -> io::Result<Vec<u16>> {
        paths.iter().map(|path| Ok(client.get(path, &[])?.status)).collect()
    };
    let paths = [path, "/1/user/-/devices.json", path, path, path];
    assert_eq!(statuses(&paths)?, [401, 401, 500, 500, 401]);

    simulator.fault(Fault::always(Target::Api, FaultKind::Status502));
    simulator.fault(Fault::always(Target::Authorize, FaultKind::Status500));
    assert_eq!(statuses(&[path, path, "/oauth2/authorize"])?, [502, 502, 500]);
    simulator.clear_faults();
    assert_eq!(statuses(&[path, "/oauth2/authorize"])?, [401, 400]);
    Ok(())
}

#[test]
fn latency_goes_together_with_the_next_fault() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.fault(Fault::once(Target::Api, FaultKind::Latency(30)));
    simulator.fault(Fault::once(Target::Any, FaultKind::Status503));
    let before = std::time::Instant::now();
    assert_eq!(simulator.client()?.get("/1/user/-/profile.json", &[])?.status, 503);
    assert!(before.elapsed() >= Duration::from_millis(30));
    Ok(())
}

#[test]
fn a_kept_connection_can_be_closed_when_the_next_request_begins() -> Outcome {
    let simulator = Simulator::start()?;
    let mut connection = TcpStream::connect(("127.0.0.1", simulator.port()))?;
    let mut buffer = [0; 4096];
    let request = b"GET /1/user/-/profile.json HTTP/1.1\r\nHost: x\r\n\r\n";
    connection.write_all(request)?;
    assert!(connection.read(&mut buffer)? > 0);
    simulator.fault(Fault::once(Target::Any, FaultKind::CloseBeforeRead));
    connection.write_all(b"G")?;
    assert_eq!(connection.read(&mut buffer)?, 0);
    assert_eq!((simulator.requests(Target::Any), simulator.requests(Target::Api)), (2, 1));

    simulator.fault(Fault::always(Target::Any, FaultKind::ResetBeforeRead));
    assert!(simulator.client()?.get("/1/user/-/profile.json", &[]).is_err());
    let control = simulator.client()?.send("DELETE", "/_simulator/fault", &[], b"")?;
    assert_eq!(control.status, 200, "the way out of it stays open");
    assert_eq!(simulator.client()?.get("/1/user/-/profile.json", &[])?.status, 401);
    Ok(())
}

#[test]
fn secrets_are_echoed_raw_and_decoded() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.fault(Fault::once(Target::Exchange, FaultKind::EchoSecrets));
    let headers = [("Authorization", "Basic aWQ6c2VjcmV0")];
    let fields = [("grant_type", "authorization_code"), ("code", "a/b c")];
    let reply = simulator.client()?.post_form("/oauth2/token", &headers, &fields)?;
    let message = reply.json()["errors"][0]["message"].as_str().unwrap_or("").to_owned();
    for part in ["Basic aWQ6c2VjcmV0", "code=a%2Fb%20c", "authorization_code a/b c"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    Ok(())
}
