//! Accepting connections, a thread for each, and getting rid of all of them at the end.

use crate::connection;
use crate::simulator::Core;
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// The connections that are open; `None` once the simulator stops.
#[derive(Debug)]
pub(crate) struct OpenConnections(Mutex<Option<HashMap<u64, TcpStream>>>);

impl Default for OpenConnections {
    fn default() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }
}

impl OpenConnections {
    /// `false`: too late, the simulator stops.
    fn add(&self, id: u64, tcp: &TcpStream) -> io::Result<bool> {
        let handle = tcp.try_clone()?;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(open.as_mut().map(|open| open.insert(id, handle)).is_some())
    }

    fn remove(&self, id: u64) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open.as_mut() {
            open.remove(&id);
        }
    }

    fn close_all(&self) {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        for tcp in open.into_iter().flat_map(HashMap::into_values) {
            // One that the client closed first cannot be shut down, and need not be.
            let _ = tcp.shutdown(Shutdown::Both);
        }
    }

    fn stopped(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// Binds to the loopback interface; a simulator is nobody else's business.
pub(crate) fn bind(port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

pub(crate) fn start(core: Arc<Core>, listener: TcpListener) -> io::Result<JoinHandle<()>> {
    Builder::new().name("simulator".to_owned()).spawn(move || accept(&core, &listener))
}

/// Stops the accepting thread and closes what is open. Threads that are in the middle of an
/// answer find their connection closed and end by themselves.
pub(crate) fn stop(core: &Core, address: SocketAddr, accepting: JoinHandle<()>) {
    core.open.close_all();
    // `accept` has no other way to be woken. If nothing listens any more, nothing waits either.
    drop(TcpStream::connect(address));
    // A panic of that thread has been reported on its way.
    let _ = accepting.join();
}

fn accept(core: &Arc<Core>, listener: &TcpListener) {
    for (id, tcp) in (0..).zip(listener.incoming()) {
        if core.open.stopped() {
            return;
        }
        // A client that left before it was accepted is an error here; there will be others.
        let Ok(tcp) = tcp else { continue };
        core.counts.connection();
        if !core.open.add(id, &tcp).unwrap_or(false) {
            continue;
        }
        let shared = Arc::clone(core);
        let serve = move || {
            let stream = connection::serve(&shared, id, tcp);
            // The table's handle goes first: the connection ends when the last one is closed.
            shared.open.remove(id);
            drop(stream);
        };
        if Builder::new().name(format!("simulator {id}")).spawn(serve).is_err() {
            // Without a thread for it the client sees a close.
            core.open.remove(id);
        }
    }
}
