//! A SOCKS proxy of the test's own (RFC 1928, RFC 1929, and SOCKS4 with its 4A), which keeps what it
//! was asked and connects everybody to one port of 127.0.0.1, whatever host they name.

use std::io::{Read, Result, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};

use crate::relay::{join, listen};

/// What one visitor asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    pub version: u8,
    pub user: String,
    pub password: String,
    /// A name, or an address that the client had looked up itself.
    pub host: String,
    pub port: u16,
}

/// What a proxy says to a wish that it does not grant.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// One of SOCKS5's replies.
    Reply(u8),
    /// It closes in the middle of the reply.
    Close,
    /// It resets the connection instead.
    Reset,
}

pub struct Socks {
    pub address: SocketAddr,
    wishes: Arc<Mutex<Vec<Wish>>>,
}

impl Socks {
    pub fn to(port: u16) -> Socks {
        Socks::after(&[], port)
    }

    /// It refuses its first visitors so, and connects the later ones.
    pub fn after(refusals: &'static [Refusal], port: u16) -> Socks {
        let wishes = Arc::new(Mutex::new(Vec::new()));
        let kept = wishes.clone();
        let address = listen("127.0.0.1", move |mut near| {
            let wish = negotiate(&mut near)?;
            let granted: &[u8] = if wish.version == 4 { &[0, 90] } else { &[5, 0, 0, 1] };
            let refusal = {
                let mut kept = kept.lock().expect("no panic with the lock held");
                kept.push(wish);
                refusals.get(kept.len() - 1)
            };
            if let Some(refusal) = refusal {
                return refuse(near, *refusal);
            }
            let far = TcpStream::connect(("127.0.0.1", port))?;
            // Address and port that it bound, which matter to nobody.
            near.write_all(&[granted, &[0; 6]].concat())?;
            join(near, far)
        });
        Socks { address, wishes }
    }

    pub fn wishes(&self) -> Vec<Wish> {
        self.wishes.lock().expect("no panic with the lock held").clone()
    }
}

fn refuse(mut near: TcpStream, refusal: Refusal) -> Result<()> {
    match refusal {
        Refusal::Reply(reply) => near.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]),
        Refusal::Close => near.write_all(&[5, 0]),
        Refusal::Reset => {
            // So that closing it sends a reset.
            let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
            let size = size_of_val(&at_once) as libc::socklen_t;
            let value = (&raw const at_once).cast();
            let (socket, level) = (near.as_raw_fd(), libc::SOL_SOCKET);
            match unsafe { libc::setsockopt(socket, level, libc::SO_LINGER, value, size) } {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        }
    }
}

fn negotiate(near: &mut TcpStream) -> Result<Wish> {
    match bytes::<1>(near)?[0] {
        4 => socks4(near),
        _ => socks5(near),
    }
}

fn socks4(near: &mut TcpStream) -> Result<Wish> {
    let [_connect, high, low, a, b, c, d] = bytes(near)?;
    let user = until_nul(near)?;
    let host = match [a, b, c] {
        [0, 0, 0] => until_nul(near)?,
        _ => Ipv4Addr::new(a, b, c, d).to_string(),
    };
    Ok(Wish { version: 4, user, host, port: u16::from_be_bytes([high, low]), ..Wish::default() })
}

fn socks5(near: &mut TcpStream) -> Result<Wish> {
    let mut wish = Wish { version: 5, ..Wish::default() };
    let methods = counted(near)?;
    let asks = methods.contains('\u{2}');
    near.write_all(&[5, if asks { 2 } else { 0 }])?;
    if asks {
        bytes::<1>(near)?;
        wish.user = counted(near)?;
        wish.password = counted(near)?;
        near.write_all(&[1, 0])?;
    }
    let [_version, _connect, _reserved, kind] = bytes(near)?;
    wish.host = match kind {
        1 => Ipv4Addr::from(bytes::<4>(near)?).to_string(),
        4 => Ipv6Addr::from(bytes::<16>(near)?).to_string(),
        _ => counted(near)?,
    };
    wish.port = u16::from_be_bytes(bytes(near)?);
    Ok(wish)
}

fn bytes<const N: usize>(near: &mut TcpStream) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    near.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// So many bytes as the first one says.
fn counted(near: &mut TcpStream) -> Result<String> {
    let mut text = vec![0; bytes::<1>(near)?[0].into()];
    near.read_exact(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn until_nul(near: &mut TcpStream) -> Result<String> {
    let mut text = Vec::new();
    loop {
        match bytes::<1>(near)? {
            [0] => return Ok(String::from_utf8_lossy(&text).into_owned()),
            [byte] => text.push(byte),
        }
    }
}
