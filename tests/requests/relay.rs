//! What can stand between a client and a server: a relay at another address, a relay that lets
//! bytes through one by one, and a proxy that is asked with CONNECT.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn listen(
    address: &str,
    serve: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).expect("a free port");
    let bound = listener.local_addr().expect("it is bound");
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            // Whoever leaves ends the conversation; that is no failure of the one in between.
            std::thread::spawn(move || drop(serve(stream)));
        }
    });
    bound
}

/// Passes everything on until one side ends.
fn join(near: TcpStream, far: TcpStream) -> std::io::Result<()> {
    let (mut from, mut to) = (near.try_clone()?, far.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (far, near);
    std::io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Write)
}

/// Listens at `address` and passes everything on to `port` of 127.0.0.1.
pub fn relay(address: &str, port: u16) -> SocketAddr {
    listen(address, move |near| join(near, TcpStream::connect(("127.0.0.1", port))?))
}

/// The same, but the first `freely` bytes of what the server says apart, a byte of it takes
/// `pause`.
pub fn slow_relay(port: u16, freely: usize, pause: Duration) -> SocketAddr {
    listen("127.0.0.1", move |near| {
        let far = TcpStream::connect(("127.0.0.1", port))?;
        let (mut from, mut to) = (near.try_clone()?, far.try_clone()?);
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let mut near = near;
        for (count, byte) in BufReader::new(far).bytes().enumerate() {
            if count >= freely {
                std::thread::sleep(pause);
            }
            near.write_all(&[byte?])?;
        }
        Ok(())
    })
}

/// Takes connections and what is sent on them, and says `first` and then nothing.
pub fn silence(first: &'static [u8]) -> SocketAddr {
    listen("127.0.0.1", move |mut near| {
        near.write_all(first)?;
        std::io::copy(&mut near, &mut std::io::sink()).map(drop)
    })
}

/// A proxy that connects everybody to one port of 127.0.0.1, whatever host they name.
pub struct Proxy {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn to(port: u16) -> Proxy {
        Proxy::answering(move |mut near| {
            let far = TcpStream::connect(("127.0.0.1", port))?;
            near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            join(near, far)
        })
    }

    /// A proxy that says this instead of connecting anybody.
    pub fn saying(answer: &'static [u8]) -> Proxy {
        Proxy::answering(move |mut near| near.write_all(answer))
    }

    /// A proxy that begins an answer and never comes to its end, a byte every so often.
    pub fn endless(pause: Duration) -> Proxy {
        Proxy::answering(move |mut near| {
            near.write_all(b"HTTP/1.1 200 Connection established\r\nX-Filler: ")?;
            loop {
                std::thread::sleep(pause);
                near.write_all(b"a")?;
            }
        })
    }

    fn answering(
        answer: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Proxy {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = heads.clone();
        let address = listen("127.0.0.1", move |mut near| {
            let head = head(&mut near)?;
            kept.lock().expect("no panic with the lock held").push(head);
            answer(near)
        });
        Proxy { address, heads }
    }

    /// The head of every request that it got.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic with the lock held").clone()
    }

    /// The first line of each of them.
    pub fn asked(&self) -> Vec<String> {
        let heads = self.heads();
        heads.iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
    }
}

fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
