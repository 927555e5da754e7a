//! The floor under TLS: rustls over a socket; the request is ready, the answer's bytes are counted.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{ACCESS_TOKEN, USER_AGENT, Work, drive};

pub fn run(work: &Work) {
    let pem = std::fs::read(work.ca_file.expect("an authority")).expect("its certificate");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.expect("good PEM")).expect("a good root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = work.server.strip_prefix("https://").expect("a TLS server");
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let socket = TcpStream::connect(host).expect("a connection");
    socket.set_nodelay(true).expect("it is open");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a good configuration");
    let mut stream = StreamOwned::new(connection, socket);
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\
         User-Agent: {USER_AGENT}\r\nAuthorization: Bearer {ACCESS_TOKEN}\r\n\r\n",
        work.operation
    );
    let mut buffer = vec![0; 64 * 1024];
    drive(|| {
        stream.write_all(request.as_bytes()).expect("it is sent");
        let (mut read, mut whole) = (0, None);
        while whole.is_none_or(|whole| read < whole) {
            let got = stream.read(&mut buffer[if whole.is_none() { read } else { 0 }..]);
            read += got.ok().filter(|got| *got > 0).expect("an answer");
            if whole.is_none() {
                whole = length(&buffer[..read]);
            }
        }
    });
}

/// Of the whole answer, once its head is there.
fn length(begin: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(begin);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let (_, field) = head.split_once("Content-Length: ")?;
    let body: usize = field.split("\r\n").next()?.parse().ok()?;
    Some(head.len() + 4 + body)
}
