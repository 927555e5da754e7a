//! Which address of a name to connect to: RFC 8305 sections 4 and 5.
//!
//! Both families take turns. The next address is tried after a quarter of a second, or as soon as an attempt
//! has failed. Earlier attempts go on. The first connection wins.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::os::{self, Interest};

/// The Connection Attempt Delay of RFC 8305.
const NEXT_AFTER: Duration = Duration::from_millis(250);

/// More addresses of a name than these are not tried.
const MAX_ADDRESSES: usize = 32;

/// One attempt to connect, without blocking.
pub(super) trait Attempt: Sized {
    fn begin(address: SocketAddr) -> io::Result<Self>;
    /// None: it is not known yet.
    fn outcome(&self) -> Option<io::Result<()>>;
}

pub(super) struct Race<A = Connecting> {
    waiting: VecDeque<SocketAddr>,
    running: Vec<A>,
    /// When the next address is tried, even if no attempt has failed.
    next_at: Instant,
    /// From an attempt that the network refused, or else from one that this machine refused.
    last_error: Option<io::Error>,
    is_from_the_network: bool,
}

impl<A: Attempt> Race<A> {
    pub fn new(addresses: &[SocketAddr], now: Instant) -> Race<A> {
        Race {
            waiting: in_turns(addresses),
            running: vec![],
            next_at: now,
            last_error: None,
            is_from_the_network: false,
        }
    }

    /// Looks at the attempts, and begins the next one if it is due. None: no connection yet. An error: all
    /// attempts have failed.
    pub fn step(&mut self, now: Instant) -> Option<io::Result<A>> {
        let mut at = 0;
        while at < self.running.len() {
            match self.running[at].outcome() {
                None => at += 1,
                Some(Ok(())) => return Some(Ok(self.running.swap_remove(at))),
                Some(Err(why)) => {
                    self.running.remove(at);
                    self.is_from_the_network = true;
                    self.last_error = Some(why);
                    self.next_at = now;
                }
            }
        }
        while now >= self.next_at
            && let Some(address) = self.waiting.pop_front()
        {
            match A::begin(address) {
                Ok(attempt) => {
                    self.running.push(attempt);
                    self.next_at = now + NEXT_AFTER;
                }
                // This machine's error does not say why the other addresses cannot be reached.
                Err(_) if self.is_from_the_network => {}
                Err(why) => self.last_error = Some(why),
            }
        }
        if !self.running.is_empty() || !self.waiting.is_empty() {
            return None;
        }
        let nothing = || io::Error::new(io::ErrorKind::AddrNotAvailable, "it has no address");
        Some(Err(self.last_error.take().unwrap_or_else(nothing)))
    }

    /// When [`Race::step`] is due, even if no attempt has ended.
    pub fn next_at(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.next_at)
    }

    pub fn running(&self) -> &[A] {
        &self.running
    }
}

/// The system's own order, with both families taking turns.
fn in_turns(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let is_first = |address: &&SocketAddr| address.is_ipv4() == addresses[0].is_ipv4();
    let mut first = addresses.iter().filter(is_first);
    let mut other = addresses.iter().filter(|address| !is_first(address));
    let mut order = VecDeque::with_capacity(addresses.len());
    while order.len() < addresses.len() {
        order.extend(first.next().into_iter().chain(other.next()));
    }
    order.truncate(MAX_ADDRESSES);
    order
}

/// A socket that is being connected.
pub(super) struct Connecting(Socket);

impl Connecting {
    pub fn interest(&self) -> Interest<'_> {
        Interest::writing(&self.0)
    }

    pub fn connected(self) -> io::Result<TcpStream> {
        self.0.set_tcp_nodelay(true)?;
        Ok(self.0.into())
    }
}

impl Attempt for Connecting {
    fn begin(address: SocketAddr) -> io::Result<Connecting> {
        // Above 2: text that the program prints must never go to a server.
        let domain = Domain::for_address(address);
        let socket = os::above_two(|| Socket::new(domain, Type::STREAM, Some(Protocol::TCP)))?;
        #[cfg(target_vendor = "apple")]
        socket.set_nosigpipe(true)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Ok(()) => Ok(Connecting(socket)),
            Err(why) if os::is_connecting(&why) => Ok(Connecting(socket)),
            Err(why) => Err(why),
        }
    }

    fn outcome(&self) -> Option<io::Result<()>> {
        match self.0.take_error() {
            Err(why) | Ok(Some(why)) => Some(Err(why)),
            // It has a peer as soon as it is connected.
            Ok(None) => self.0.peer_addr().is_ok().then_some(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::net::IpAddr;

    use super::*;

    thread_local! {
        /// The addresses that were tried, in order.
        static TRIED: RefCell<Vec<SocketAddr>> = const { RefCell::new(vec![]) };
    }

    /// The last octet of its address decides: 1 connects, 2 fails at once, 3 fails later, others stay silent.
    struct Scripted(SocketAddr);

    impl Attempt for Scripted {
        fn begin(address: SocketAddr) -> io::Result<Scripted> {
            TRIED.with_borrow_mut(|tried| tried.push(address));
            match kind(address) {
                2 => Err(io::ErrorKind::NetworkUnreachable.into()),
                _ => Ok(Scripted(address)),
            }
        }

        fn outcome(&self) -> Option<io::Result<()>> {
            match kind(self.0) {
                1 => Some(Ok(())),
                3 => Some(Err(io::ErrorKind::PermissionDenied.into())),
                _ => None,
            }
        }
    }

    fn kind(address: SocketAddr) -> u8 {
        match address.ip() {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => ip.octets()[15],
        }
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect()
    }

    fn tried() -> Vec<String> {
        TRIED.take().iter().map(|address| address.ip().to_string()).collect()
    }

    #[test]
    fn both_families_take_turns_and_the_first_stays_first() {
        let order = |texts: &[&str]| {
            in_turns(&addresses(texts)).iter().map(|one| one.ip().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            order(&["::1", "::2", "::3", "1.1.1.1", "1.1.1.2"]),
            ["::1", "1.1.1.1", "::2", "1.1.1.2", "::3"]
        );
        assert_eq!(order(&["1.1.1.1", "::1", "1.1.1.2"]), ["1.1.1.1", "::1", "1.1.1.2"]);
        assert_eq!(order(&["1.1.1.1"]), ["1.1.1.1"]);
        let mut many = vec!["1.1.1.1"; 100];
        many.push("::1");
        assert_eq!((order(&many)[1].as_str(), order(&many).len()), ("::1", MAX_ADDRESSES));
        assert!(order(&[]).is_empty());
        assert_eq!(in_turns(&addresses(&["1.1.1.1"; 100])).len(), MAX_ADDRESSES);
    }

    #[test]
    fn a_silent_address_is_followed_by_the_next_one_after_a_quarter_of_a_second() {
        let begun = Instant::now();
        let mut race = Race::<Scripted>::new(&addresses(&["10.0.0.9", "10.0.1.9"]), begun);
        assert!(race.step(begun).is_none());
        assert_eq!(race.next_at(), Some(begun + NEXT_AFTER));
        assert!(race.step(begun + NEXT_AFTER - Duration::from_millis(1)).is_none());
        assert_eq!(tried(), ["10.0.0.9"]);
        assert!(race.step(begun + NEXT_AFTER).is_none());
        assert_eq!(tried(), ["10.0.1.9"]);
        // The last attempts may take all the time that is left.
        assert_eq!(race.next_at(), None);
        assert!(race.step(begun + Duration::from_secs(3600)).is_none());
        assert_eq!(race.running().len(), 2);
    }

    #[test]
    fn any_error_leads_to_the_next_address_at_once() {
        let begun = Instant::now();
        let list = ["10.0.0.2", "10.0.1.2", "10.0.0.3", "10.0.0.1"];
        let mut race = Race::<Scripted>::new(&addresses(&list), begun);
        assert!(race.step(begun).is_none());
        assert_eq!(tried(), ["10.0.0.2", "10.0.1.2", "10.0.0.3"]);
        // The third has failed by now.
        assert!(race.step(begun).is_none());
        assert_eq!(tried(), ["10.0.0.1"]);
        assert!(race.step(begun).is_some_and(|outcome| outcome.is_ok()));
    }

    #[test]
    fn when_all_have_failed_the_last_error_of_the_network_is_reported() {
        let begun = Instant::now();
        let list = ["10.0.0.2", "10.0.0.3", "10.0.1.2"];
        let mut race = Race::<Scripted>::new(&addresses(&list), begun);
        assert!(race.step(begun).is_none());
        let error = race.step(begun).and_then(Result::err).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        TRIED.take();
        let nobody = Race::<Scripted>::new(&[], begun).step(begun).and_then(Result::err).unwrap();
        assert_eq!(nobody.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
