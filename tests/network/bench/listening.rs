//! Whatever TCP server a test brings along, in the namespace of the servers.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A listener with a thread for each connection. All of them end when it is dropped.
pub struct Listening {
    listener: TcpListener,
    connections: Arc<Mutex<HashMap<usize, TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Listening {
    /// In the namespace of the thread that calls it. A server that fails closes the connection.
    pub fn start(
        address: SocketAddr,
        serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Listening> {
        let listener = TcpListener::bind(address)?;
        let connections = Arc::<Mutex<HashMap<usize, TcpStream>>>::default();
        let (accepting, open, serve) =
            (listener.try_clone()?, connections.clone(), Arc::new(serve));
        let accepting = std::thread::spawn(move || {
            for number in 0.. {
                let Ok((connection, _)) = accepting.accept() else { return };
                let Ok(other) = connection.try_clone() else { continue };
                open.lock().expect("no thread panics with it").insert(number, other);
                let (serve, open) = (serve.clone(), open.clone());
                std::thread::spawn(move || {
                    let served = serve(connection);
                    // The last descriptor: now it is closed.
                    open.lock().expect("no thread panics with it").remove(&number);
                    served
                });
            }
        });
        Ok(Listening { listener, connections, accepting: Some(accepting) })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // This makes accept(2) fail.
        unsafe { libc::shutdown(self.listener.as_raw_fd(), libc::SHUT_RDWR) };
        let ended = self.accepting.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|e| e.is_ok()) || std::thread::panicking(), "a server panicked");
        for connection in self.connections.lock().expect("no thread panics with it").values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}
