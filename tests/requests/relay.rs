//! What can stand between a client and a server: a relay at another address, a gate that counts who
//! comes, a relay that lets bytes through one by one, and a proxy that is asked with CONNECT.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Listens at a free port, and serves everybody in a thread of their own.
pub fn listen(
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
pub fn join(near: TcpStream, far: TcpStream) -> std::io::Result<()> {
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

/// Counts who comes, and passes everything on to a port of 127.0.0.1.
pub struct Gate {
    pub address: SocketAddr,
    visitors: Arc<AtomicUsize>,
}

impl Gate {
    pub fn to(port: u16) -> Gate {
        let visitors = Arc::new(AtomicUsize::new(0));
        let counted = visitors.clone();
        let address = listen("127.0.0.1", move |near| {
            counted.fetch_add(1, Ordering::SeqCst);
            join(near, TcpStream::connect(("127.0.0.1", port))?)
        });
        Gate { address, visitors }
    }

    pub fn visitors(&self) -> usize {
        self.visitors.load(Ordering::SeqCst)
    }
}

/// The same as a relay, but the first `freely` bytes of what the server says apart, a byte of it takes
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

/// Says this to everybody, reads on until they have nothing more to say, and goes.
pub fn saying(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = answer.into();
    listen("127.0.0.1", move |mut near| {
        near.write_all(&answer)?;
        near.shutdown(Shutdown::Write)?;
        std::io::copy(&mut near, &mut std::io::sink()).map(drop)
    })
}

/// Says to everybody what they say.
pub fn echo() -> SocketAddr {
    listen("127.0.0.1", |near| std::io::copy(&mut near.try_clone()?, &mut { near }).map(drop))
}

/// A proxy that connects everybody to one port of 127.0.0.1, whatever host they name.
pub struct Proxy {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    open: Arc<AtomicBool>,
}

impl Proxy {
    pub fn to(port: u16) -> Proxy {
        let proxy = Proxy::closed(b"", port);
        proxy.open();
        proxy
    }

    /// A proxy that says this instead of connecting anybody.
    pub fn saying(answer: &'static [u8]) -> Proxy {
        Proxy::answering(move |mut near| near.write_all(answer))
    }

    /// A proxy that says this to everybody until it is opened, and then connects them.
    pub fn closed(answer: &'static [u8], port: u16) -> Proxy {
        let open = Arc::new(AtomicBool::new(false));
        let is_open = open.clone();
        let proxy = Proxy::answering(move |mut near| {
            if !is_open.load(Ordering::SeqCst) {
                return near.write_all(answer);
            }
            let far = TcpStream::connect(("127.0.0.1", port))?;
            near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            join(near, far)
        });
        Proxy { open, ..proxy }
    }

    pub fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
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
        Proxy { address, heads, open: Arc::default() }
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

/// Everything up to the first empty line.
pub fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
