//! A program's signals are its own: the library neither dies of one nor gives up because of one.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{provider, saved_token};

use crate::run::{Way, command, talk};

/// Answers while the request is still being sent, closes, and reads no more.
fn answer_early(mut stream: TcpStream) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 4096])?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")?;
    stream.shutdown(Shutdown::Write)?;
    // Until the client has sent as much as the system keeps. If it has not, it meets no broken pipe.
    std::thread::sleep(Duration::from_millis(500));
    Ok(())
}

#[test]
fn signals_interrupt_no_request_and_a_closed_connection_raises_none() {
    let mut command = command("signals", Way::Plain).expect("no tool is needed");
    let provider = provider();
    // A waiting call is what a signal interrupts.
    provider.fault(Fault::always(Target::Any, FaultKind::Latency(10)));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let early = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || listener.incoming().flatten().try_for_each(answer_early));
    command.arg(provider.uri()).arg(saved_token(&provider, 20_000)).arg(format!("http://{early}"));
    talk(command, |_| {
        provider.clear_faults();
        provider.fault(Fault::always(Target::Any, FaultKind::ResetBeforeRead));
        "done".to_owned()
    });
    // No token was renewed twice because an answer seemed lost.
    assert_eq!(provider.requests(Target::Refresh), 20);
}
