//! Proxies for the servers' namespace: SOCKS4, SOCKS5 and CONNECT.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use super::{Listening, Network};

/// A proxy that remembers which targets it was asked for.
pub struct Proxy {
    asked: Arc<Mutex<Vec<SocketAddr>>>,
    _listening: Listening,
}

/// The SOCKS5 replies to addresses that cannot be reached; every other address is connected to.
pub type Replies = HashMap<IpAddr, u8>;

impl Proxy {
    /// Speaks SOCKS4 and SOCKS5, whichever the client begins with.
    pub fn socks(net: &Network, address: IpAddr, port: u16, replies: Replies) -> Proxy {
        let asked = Arc::<Mutex<Vec<SocketAddr>>>::default();
        let noted = asked.clone();
        let listening = net.listen(address, port, move |mut client| {
            let target = match byte(&mut client)? {
                4 => socks4(&mut client)?,
                _ => socks5(&mut client)?,
            };
            noted.lock().expect("no thread panics with it").push(target.address);
            let reply = replies.get(&target.address.ip()).copied().unwrap_or(0);
            client.write_all(&target.response(reply))?;
            if reply != 0 {
                return Ok(());
            }
            relay(client, TcpStream::connect(target.address)?)
        });
        Proxy { asked, _listening: listening }
    }

    /// CONNECT to any name leads to `target`.
    pub fn http(net: &Network, address: IpAddr, port: u16, target: SocketAddr) -> Proxy {
        let asked = Arc::<Mutex<Vec<SocketAddr>>>::default();
        let noted = asked.clone();
        let listening = net.listen(address, port, move |mut client| {
            let mut head = BufReader::new(client.try_clone()?);
            let mut line = String::new();
            while head.read_line(&mut line)? > 0 && line != "\r\n" {
                line.clear();
            }
            noted.lock().expect("no thread panics with it").push(target);
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            relay(client, TcpStream::connect(target)?)
        });
        Proxy { asked, _listening: listening }
    }

    /// The targets that it was asked for, in order.
    pub fn asked(&self) -> Vec<SocketAddr> {
        self.asked.lock().expect("no thread panics with it").clone()
    }
}

struct Target {
    address: SocketAddr,
    version: u8,
}

impl Target {
    fn response(&self, reply: u8) -> Vec<u8> {
        match self.version {
            4 => vec![0, if reply == 0 { 90 } else { 91 }, 0, 0, 0, 0, 0, 0],
            _ => vec![5, reply, 0, 1, 0, 0, 0, 0, 0, 0],
        }
    }
}

fn bytes<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn byte(stream: &mut TcpStream) -> io::Result<u8> {
    Ok(bytes::<1>(stream)?[0])
}

fn port(stream: &mut TcpStream) -> io::Result<u16> {
    Ok(u16::from_be_bytes(bytes(stream)?))
}

fn socks4(client: &mut TcpStream) -> io::Result<Target> {
    byte(client)?;
    let port = port(client)?;
    let address = Ipv4Addr::from(bytes::<4>(client)?);
    while byte(client)? != 0 {}
    Ok(Target { address: (address, port).into(), version: 4 })
}

fn socks5(client: &mut TcpStream) -> io::Result<Target> {
    for _ in 0..byte(client)? {
        byte(client)?;
    }
    client.write_all(&[5, 0])?;
    let address: IpAddr = match bytes::<4>(client)?[3] {
        1 => Ipv4Addr::from(bytes::<4>(client)?).into(),
        4 => Ipv6Addr::from(bytes::<16>(client)?).into(),
        _ => return Err(io::Error::other("names are looked up by the client")),
    };
    Ok(Target { address: (address, port(client)?).into(), version: 5 })
}

fn relay(client: TcpStream, server: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let up = std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (server, client);
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
    up.join().map_err(|_| io::Error::other("the relay panicked"))
}
