//! What the forwarder reads in an IP packet, and the refusals that it writes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// The router in whose name an address is called unreachable.
const ROUTER_V4: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 1);
const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x79, 0, 0, 0, 0, 1);

/// So much of a packet is quoted by ICMPv6: together with the headers it stays below 1,280 bytes.
const MAX_QUOTE: usize = 1200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Syn,
    SynAck,
    Reset,
    /// The last segment of its direction; it may carry bytes.
    Fin,
    /// Any other TCP segment.
    Tcp,
    Udp,
    Other,
}

/// What the test needs to know of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub kind: Kind,
    /// Bytes behind the TCP or UDP header.
    pub payload: usize,
    /// The sender's clock in milliseconds: TSval of RFC 7323.
    pub timestamp: Option<u32>,
}

struct Ip<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    payload: &'a [u8],
}

fn ip(packet: &[u8]) -> Option<Ip<'_>> {
    match packet.first()? >> 4 {
        4 => {
            let header = usize::from(packet[0] & 15) * 4;
            let address = |at: usize| -> Option<IpAddr> {
                Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?).into())
            };
            Some(Ip {
                source: address(12)?,
                destination: address(16)?,
                protocol: *packet.get(9)?,
                payload: packet.get(header..)?,
            })
        }
        // No packet of the bench has extension headers.
        6 => {
            let address = |at: usize| -> Option<IpAddr> {
                Some(Ipv6Addr::from(<[u8; 16]>::try_from(packet.get(at..at + 16)?).ok()?).into())
            };
            Some(Ip {
                source: address(8)?,
                destination: address(24)?,
                protocol: *packet.get(6)?,
                payload: packet.get(40..)?,
            })
        }
        _ => None,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// `None`: not an IP packet.
pub fn header(packet: &[u8]) -> Option<Header> {
    let ip = ip(packet)?;
    let mut timestamp = None;
    let (kind, payload) = match ip.protocol {
        TCP => {
            let (offset, flags) = (usize::from(ip.payload.get(12)? >> 4) * 4, *ip.payload.get(13)?);
            let kind = match (flags & 0x02 != 0, flags & 0x04 != 0, flags & 0x10 != 0) {
                (true, _, false) => Kind::Syn,
                (true, _, true) => Kind::SynAck,
                (_, true, _) => Kind::Reset,
                _ if flags & 0x01 != 0 => Kind::Fin,
                _ => Kind::Tcp,
            };
            timestamp = ip.payload.get(20..offset).and_then(timestamp_in);
            (kind, ip.payload.len().saturating_sub(offset))
        }
        UDP => (Kind::Udp, ip.payload.len().saturating_sub(8)),
        _ => (Kind::Other, 0),
    };
    let (source, destination) = match kind {
        Kind::Other => (0, 0),
        _ => (u16_at(ip.payload, 0)?, u16_at(ip.payload, 2)?),
    };
    Some(Header {
        source: SocketAddr::new(ip.source, source),
        destination: SocketAddr::new(ip.destination, destination),
        kind,
        payload,
        timestamp,
    })
}

fn timestamp_in(mut options: &[u8]) -> Option<u32> {
    loop {
        options = match options {
            [1, rest @ ..] => rest,
            [8, 10, a, b, c, d, ..] => return Some(u32::from_be_bytes([*a, *b, *c, *d])),
            [0, ..] => return None,
            [_, length, ..] => options.get(usize::from(*length).max(2)..)?,
            _ => return None,
        };
    }
}

/// The RST that refuses this SYN.
pub fn reset(syn: &[u8]) -> Option<Vec<u8>> {
    let ip = ip(syn)?;
    let sequence = u32::from_be_bytes(ip.payload.get(4..8)?.try_into().ok()?);
    let mut segment = Vec::new();
    segment.extend_from_slice(ip.payload.get(2..4)?);
    segment.extend_from_slice(ip.payload.get(0..2)?);
    segment.extend_from_slice(&[0; 4]);
    segment.extend_from_slice(&sequence.wrapping_add(1).to_be_bytes());
    segment.extend_from_slice(&[5 << 4, 0x14, 0, 0, 0, 0, 0, 0]); // RST and ACK
    Some(wrap(ip.destination, ip.source, TCP, segment, 16))
}

/// "Destination unreachable" with this code, from a router, about this packet.
pub fn unreachable(packet: &[u8], code: u8) -> Option<Vec<u8>> {
    let ip = ip(packet)?;
    let (kind, router, protocol): (u8, IpAddr, u8) = match ip.source {
        IpAddr::V4(_) => (3, ROUTER_V4.into(), ICMP),
        IpAddr::V6(_) => (1, ROUTER_V6.into(), ICMPV6),
    };
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(&packet[..packet.len().min(MAX_QUOTE)]);
    Some(wrap(router, ip.source, protocol, message, 2))
}

/// Puts an IP header before `payload`, and the checksum at its place.
fn wrap(from: IpAddr, to: IpAddr, protocol: u8, mut payload: Vec<u8>, sum_at: usize) -> Vec<u8> {
    let length = payload.len() as u16;
    let mut pseudo = Vec::new();
    let mut packet = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = vec![0x45, 0];
            header.extend_from_slice(&(length + 20).to_be_bytes());
            header.extend_from_slice(&[0, 0, 0x40, 0, 64, protocol, 0, 0]);
            header.extend_from_slice(&from.octets());
            header.extend_from_slice(&to.octets());
            let sum = checksum(&[&header]);
            header[10..12].copy_from_slice(&sum);
            if protocol != ICMP {
                pseudo.extend_from_slice(&header[12..20]);
            }
            header
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend_from_slice(&length.to_be_bytes());
            header.extend_from_slice(&[protocol, 64]);
            header.extend_from_slice(&from.octets());
            header.extend_from_slice(&to.octets());
            pseudo.extend_from_slice(&header[8..40]);
            header
        }
        _ => unreachable!("both addresses come from one packet"),
    };
    if !pseudo.is_empty() {
        pseudo.extend_from_slice(&[0, protocol]);
        pseudo.extend_from_slice(&length.to_be_bytes());
    }
    let sum = checksum(&[&pseudo, &payload]);
    payload[sum_at..sum_at + 2].copy_from_slice(&sum);
    packet.append(&mut payload);
    packet
}

/// RFC 1071. Every part but the last has an even length.
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 = words
        .map(|word| u32::from(u16::from_be_bytes([word[0], word.get(1).copied().unwrap_or(0)])))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}
