//! The path between the two namespaces: one thread that reads each TUN device, keeps a packet for half
//! of the round trip, and writes it to the other device. By destination address it does something else.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::packet::{self, Header, Kind};

/// What a TUN device takes at once, unless it is told otherwise.
const MAX_PACKET: usize = 1500;

/// What happens to packets that the client sends to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Forward,
    /// Nothing arrives, in either direction.
    Swallow,
    /// A SYN is answered with RST.
    Reset,
    /// A SYN is answered with "destination unreachable", with this code of ICMP or ICMPv6.
    Unreachable(u8),
    /// The first so many SYNs are lost.
    LoseSyns(u32),
    /// The first so many SYNs are answered with RST.
    ResetSyns(u32),
}

/// A packet as it entered the path. A TCP segment says itself when it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// On the clock of [`now`].
    pub at: Duration,
    pub by_client: bool,
    pub header: Header,
}

#[derive(Default)]
struct Shared {
    round_trip: AtomicU64,
    fates: Mutex<HashMap<IpAddr, Fate>>,
    over: AtomicBool,
}

/// The record of the packets. The forwarder must not wait for those who read it, so it sends them.
struct Record {
    coming: Receiver<Seen>,
    read: Vec<Seen>,
}

pub struct Forwarder {
    shared: Arc<Shared>,
    record: Mutex<Record>,
    wake: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

/// The time since the machine started: one clock for all processes and namespaces.
pub fn now() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let read = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    assert_eq!(read, 0, "the clock can be read");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

impl Forwarder {
    pub fn start(client: OwnedFd, servers: OwnedFd, round_trip: Duration) -> io::Result<Forwarder> {
        let wake = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
        if wake < 0 {
            return Err(io::Error::last_os_error());
        }
        let wake = unsafe { OwnedFd::from_raw_fd(wake) };
        let shared = Arc::new(Shared::default());
        let (seen, coming) = channel();
        let record = Mutex::new(Record { coming, read: Vec::new() });
        let path = Path {
            shared: shared.clone(),
            seen,
            client,
            servers,
            wake: wake.try_clone()?,
            held: BinaryHeap::new(),
            count: 0,
        };
        let thread = std::thread::Builder::new().name("forwarder".to_owned());
        let thread = Some(thread.spawn(move || path.run())?);
        let forwarder = Forwarder { shared, record, wake, thread };
        forwarder.set_round_trip(round_trip);
        Ok(forwarder)
    }

    pub fn round_trip(&self) -> Duration {
        Duration::from_nanos(self.shared.round_trip.load(Ordering::Relaxed))
    }

    pub fn set_round_trip(&self, time: Duration) {
        self.shared.round_trip.store(time.as_nanos() as u64, Ordering::Relaxed);
    }

    pub fn set_fate(&self, address: IpAddr, fate: Fate) {
        self.shared.fates.lock().expect("no thread panics with it").insert(address, fate);
    }

    /// Every packet so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        let mut record = self.record.lock().expect("no thread panics with it");
        let Record { coming, read } = &mut *record;
        read.extend(coming.try_iter());
        read.clone()
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let one = 1_u64.to_ne_bytes();
        unsafe { libc::write(self.wake.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the forwarder panicked");
        }
    }
}

/// A packet under way: when it is due, its number, whether the client gets it.
type Held = Reverse<(Duration, u64, bool, Vec<u8>)>;

struct Path {
    shared: Arc<Shared>,
    seen: Sender<Seen>,
    client: OwnedFd,
    servers: OwnedFd,
    wake: OwnedFd,
    held: BinaryHeap<Held>,
    count: u64,
}

impl Path {
    fn run(mut self) {
        hurry();
        while !self.shared.over.load(Ordering::SeqCst) {
            let due = self.deliver();
            self.wait(due);
            self.receive(true);
            self.receive(false);
        }
    }

    /// Writes what is due; says when the next packet is.
    fn deliver(&mut self) -> Option<Duration> {
        while let Some(Reverse((due, ..))) = self.held.peek() {
            if *due > now() {
                return Some(*due);
            }
            let Some(Reverse((.., to_client, packet))) = self.held.pop() else { break };
            let device = if to_client { &self.client } else { &self.servers };
            // A full queue or a device that is gone loses packets, as networks do.
            unsafe { libc::write(device.as_raw_fd(), packet.as_ptr().cast(), packet.len()) };
        }
        None
    }

    fn wait(&self, due: Option<Duration>) {
        let on =
            |fd: &OwnedFd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let mut files = [on(&self.client), on(&self.servers), on(&self.wake)];
        let left = due.map(|due| due.saturating_sub(now())).map(|left| libc::timespec {
            tv_sec: left.as_secs() as libc::time_t,
            tv_nsec: left.subsec_nanos().into(),
        });
        let left = left.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        unsafe {
            libc::ppoll(files.as_mut_ptr(), files.len() as _, left, std::ptr::null());
        }
    }

    fn receive(&mut self, by_client: bool) {
        let device = if by_client { self.client.as_raw_fd() } else { self.servers.as_raw_fd() };
        let mut packet = [0; MAX_PACKET];
        loop {
            let read = unsafe { libc::read(device, packet.as_mut_ptr().cast(), packet.len()) };
            let Ok(read @ 1..) = usize::try_from(read) else { return };
            self.take(by_client, &packet[..read]);
        }
    }

    fn take(&mut self, by_client: bool, packet: &[u8]) {
        let Some(header) = packet::header(packet) else { return };
        let at = now();
        let far = if by_client { header.destination } else { header.source };
        // What the kernel says to its neighbours by itself.
        if header.destination.ip().is_multicast() {
            return;
        }
        // Nobody reads it any more when the bench is being taken down.
        let _ = self.seen.send(Seen { at: sent(&header, at), by_client, header });
        let round_trip = Duration::from_nanos(self.shared.round_trip.load(Ordering::Relaxed));
        let syn = by_client && header.kind == Kind::Syn;
        match self.fate(far.ip(), syn) {
            Fate::Forward => self.hold(at + round_trip / 2, !by_client, packet.to_vec()),
            Fate::Reset if syn => {
                packet::reset(packet).into_iter().for_each(|r| self.hold(at + round_trip, true, r));
            }
            Fate::Unreachable(code) if syn => {
                let refusal = packet::unreachable(packet, code);
                refusal.into_iter().for_each(|r| self.hold(at + round_trip, true, r));
            }
            _ => {}
        }
    }

    fn fate(&self, address: IpAddr, syn: bool) -> Fate {
        let mut fates = self.shared.fates.lock().expect("no thread panics with it");
        match fates.get_mut(&address) {
            Some(Fate::LoseSyns(left)) if syn && *left > 0 => {
                *left -= 1;
                Fate::Swallow
            }
            Some(Fate::ResetSyns(left)) if syn && *left > 0 => {
                *left -= 1;
                Fate::Reset
            }
            None | Some(Fate::LoseSyns(_) | Fate::ResetSyns(_)) => Fate::Forward,
            Some(fate) => *fate,
        }
    }

    fn hold(&mut self, due: Duration, to_client: bool, packet: Vec<u8>) {
        self.count += 1;
        self.held.push(Reverse((due, self.count, to_client, packet)));
    }
}

/// On a busy machine the forwarder may read a segment some time after it was sent.
fn sent(header: &Header, read: Duration) -> Duration {
    let late = |timestamp: u32| (read.as_millis() as u32).wrapping_sub(timestamp);
    match header.timestamp.map(late) {
        // A longer time is one of another clock.
        Some(late) if late < 1000 => read.saturating_sub(Duration::from_millis(late.into())),
        _ => read,
    }
}

/// A forwarder that waits for a processor would note its packets late. Where this is refused, it may.
fn hurry() {
    let first = libc::sched_param { sched_priority: 1 };
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &first) };
}
