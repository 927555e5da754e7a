//! A small name server: A and AAAA over UDP, for the names that the test has given it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const A: u16 = 1;
const AAAA: u16 = 28;
const NO_SUCH_NAME: u8 = 3;

/// How long the server may need to notice that it is over.
const TICK: Duration = Duration::from_millis(100);

/// What is said about a name.
#[derive(Clone, Debug)]
pub enum Record {
    Addresses(Vec<IpAddr>),
    /// The same after a pause of the server's own.
    Delayed(Duration, Vec<IpAddr>),
    /// The first so many questions are told that there is no such name: two are one look-up.
    NoneAtFirst(u32, Vec<IpAddr>),
    /// Never a response.
    Silence,
}

#[derive(Default)]
struct Shared {
    records: Mutex<HashMap<String, Record>>,
    questions: Mutex<Vec<String>>,
    over: AtomicBool,
}

pub struct NameServer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Listens in the namespace of the thread that calls it.
    pub fn start(address: SocketAddr) -> io::Result<NameServer> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(TICK))?;
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        let thread = Some(std::thread::spawn(move || serving.serve(&socket)));
        Ok(NameServer { shared, thread })
    }

    pub fn set(&self, name: &str, record: Record) {
        let mut records = self.shared.records.lock().expect("no thread panics with it");
        records.insert(name.to_ascii_lowercase(), record);
    }

    /// How often this name was asked for: one look-up asks for A and for AAAA.
    pub fn questions(&self, name: &str) -> usize {
        let questions = self.shared.questions.lock().expect("no thread panics with it");
        questions.iter().filter(|asked| asked.eq_ignore_ascii_case(name)).count()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the name server panicked");
        }
    }
}

impl Shared {
    fn serve(&self, socket: &UdpSocket) {
        let mut packet = [0; 1500];
        while !self.over.load(Ordering::SeqCst) {
            let Ok((length, client)) = socket.recv_from(&mut packet) else { continue };
            let Some(question) = Question::read(&packet[..length]) else { continue };
            self.questions.lock().expect("no thread panics with it").push(question.name.clone());
            let mut records = self.records.lock().expect("no thread panics with it");
            let response = match records.get_mut(&question.name) {
                None => question.response(NO_SUCH_NAME, &[]),
                Some(Record::Silence) => continue,
                Some(Record::NoneAtFirst(left, _)) if *left > 0 => {
                    *left -= 1;
                    question.response(NO_SUCH_NAME, &[])
                }
                Some(Record::NoneAtFirst(_, addresses)) => question.response(0, addresses),
                Some(Record::Addresses(addresses)) => question.response(0, addresses),
                Some(Record::Delayed(pause, addresses)) => {
                    let (pause, response) = (*pause, question.response(0, addresses));
                    let socket = socket.try_clone().expect("a socket can be shared");
                    std::thread::spawn(move || {
                        std::thread::sleep(pause);
                        let _ = socket.send_to(&response, client);
                    });
                    continue;
                }
            };
            // A client that is gone needs no response.
            let _ = socket.send_to(&response, client);
        }
    }
}

struct Question<'a> {
    id: &'a [u8],
    /// As it stands in the packet.
    bytes: &'a [u8],
    name: String,
    kind: u16,
}

impl<'a> Question<'a> {
    fn read(packet: &'a [u8]) -> Option<Question<'a>> {
        let mut at = 12;
        let mut labels = Vec::new();
        loop {
            let length = usize::from(*packet.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(packet.get(at..at + length)?).to_ascii_lowercase());
            at += length;
        }
        let kind = u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]);
        let bytes = packet.get(12..at + 4)?;
        Some(Question { id: packet.get(..2)?, bytes, name: labels.join("."), kind })
    }

    fn response(&self, code: u8, addresses: &[IpAddr]) -> Vec<u8> {
        let mut records = Vec::new();
        let mut count = 0_u16;
        for address in addresses {
            let (kind, bytes) = match address {
                IpAddr::V4(address) => (A, address.octets().to_vec()),
                IpAddr::V6(address) => (AAAA, address.octets().to_vec()),
            };
            if kind != self.kind {
                continue;
            }
            count += 1;
            records.extend_from_slice(&[0xc0, 12]); // the name of the question
            records.extend_from_slice(&kind.to_be_bytes());
            records.extend_from_slice(&[0, 1, 0, 0, 0, 60, 0, bytes.len() as u8]);
            records.extend_from_slice(&bytes);
        }
        let mut response = self.id.to_vec();
        response.extend_from_slice(&[0x85, 0x80 | code, 0, 1]);
        response.extend_from_slice(&count.to_be_bytes());
        response.extend_from_slice(&[0; 4]);
        response.extend_from_slice(self.bytes);
        response.append(&mut records);
        response
    }
}
