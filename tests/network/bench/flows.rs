//! The record of the path, read as connections and as round trips.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Call, Kind, Network, Seen};

/// The clocks of TCP's timestamps are milliseconds.
const ROUNDED: Duration = Duration::from_millis(2);

/// So many calls have a chance of one that is not delayed.
const MAX_CALLS: usize = 5;

/// A connection that the client opened, or tried to.
#[derive(Clone, Debug)]
pub struct Flow {
    pub to: IpAddr,
    pub port: u16,
    /// Its first SYN.
    pub opened: Duration,
    /// When the client got the SYN-ACK.
    pub answered: Option<Duration>,
    /// When the client sent bytes.
    pub sent: Vec<Duration>,
    /// The client's FIN or RST.
    pub closed: Option<Duration>,
}

impl Flow {
    /// Whether the client had closed it by then.
    pub fn is_closed_by(&self, time: Duration) -> bool {
        self.closed.is_some_and(|closed| closed <= time + ROUNDED)
    }
}

impl Network {
    /// The client's connections to the addresses of a name, in the order of their first SYNs.
    pub fn flows(&self, name: &str) -> Vec<Flow> {
        let addresses = self.addresses_of(name);
        let mut flows: Vec<Flow> = Vec::new();
        for seen in self.seen() {
            let (near, far) = ends(&seen);
            if !addresses.contains(&far.ip()) || seen.header.kind == Kind::Udp {
                continue;
            }
            let flow = flows.iter_mut().find(|f| f.to == far.ip() && f.port == near.port());
            match (flow, seen.by_client, seen.header.kind) {
                (None, true, Kind::Syn) => flows.push(Flow {
                    to: far.ip(),
                    port: near.port(),
                    opened: seen.at,
                    answered: None,
                    sent: vec![],
                    closed: None,
                }),
                (Some(flow), false, Kind::SynAck) => {
                    flow.answered.get_or_insert(seen.at + self.round_trip() / 2);
                }
                (Some(flow), true, kind) => {
                    if seen.header.payload > 0 {
                        flow.sent.push(seen.at);
                    }
                    if matches!(kind, Kind::Fin | Kind::Reset) {
                        flow.closed.get_or_insert(seen.at);
                    }
                }
                _ => {}
            }
        }
        flows
    }

    /// How many round trips a call waited for, one after the other, by the record of the path.
    pub fn counted(&self, call: &Call) -> u32 {
        self.counted_between(call.began, call.ended)
    }

    /// A call waits for so many round trips. The count is never too low, and a machine that delays packets
    /// by more than a round trip can make it too high. So the lowest of several counts decides.
    #[track_caller]
    pub fn assert_round_trips(&self, what: &str, expected: u32, call: impl Fn() -> Call) {
        let mut counts = Vec::new();
        for _ in 0..MAX_CALLS {
            let call = call();
            assert_eq!(call.code, "FITBIT_OK", "{what}: {call:?}");
            let counted = self.counted(&call);
            assert!(counted >= expected, "{what}: {counted} round trips: {call:?}");
            if counted == expected {
                return;
            }
            counts.push(counted);
        }
        panic!("{what}: {counts:?} round trips and not {expected}");
    }

    /// The longest chain of packets, each of which was sent after the one before had arrived. It is never
    /// shorter than what the call really waited for.
    pub fn counted_between(&self, began: Duration, ended: Duration) -> u32 {
        let way = self.round_trip() / 2;
        // When a packet arrives at the other side, and the number of round trips it stands for.
        let (mut to_servers, mut to_client) = (Vec::new(), Vec::new());
        let furthest = |arrived: &[(Duration, u32)], by: Duration| {
            let before = arrived.iter().filter(|(at, _)| *at <= by + ROUNDED);
            before.map(|(_, count)| *count).max()
        };
        let seen = self.seen();
        let mut seen: Vec<&Seen> = seen.iter().filter(|seen| carries(seen)).collect();
        seen.sort_by_key(|seen| seen.at);
        for seen in seen {
            if seen.at + ROUNDED < began || seen.at > ended {
                continue;
            }
            let arrives = seen.at + way;
            if seen.by_client {
                to_servers.push((arrives, furthest(&to_client, seen.at).unwrap_or(0)));
            } else if let Some(count) = furthest(&to_servers, seen.at) {
                to_client.push((arrives, count + 1));
            }
        }
        furthest(&to_client, ended).unwrap_or(0)
    }
}

/// The client's, the servers'.
fn ends(seen: &Seen) -> (SocketAddr, SocketAddr) {
    match seen.by_client {
        true => (seen.header.source, seen.header.destination),
        false => (seen.header.destination, seen.header.source),
    }
}

/// Whether somebody may have waited for it: an ACK alone changes nothing.
fn carries(seen: &Seen) -> bool {
    matches!(seen.header.kind, Kind::Syn | Kind::SynAck) || seen.header.payload > 0
}
