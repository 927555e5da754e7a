//! Looking names up with the system's getaddrinfo. It cannot be ended, and has no time limit. So each name has
//! a thread of its own, and all calls that need the name share it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::call::Waker;
use crate::os::{self, PerProcess};

/// The most threads that look up names. Further names wait for one of them.
const MAX_THREADS: usize = 16;

/// The names that are being looked up in this process.
static LOOK_UPS: PerProcess<Mutex<LookUps>> = PerProcess::new();

#[derive(Default)]
struct LookUps {
    /// Looked up now, or waiting.
    by_name: HashMap<String, Arc<LookUp>>,
    waiting: VecDeque<String>,
    threads: usize,
}

/// A name that is being looked up.
pub(super) struct LookUp {
    found: OnceLock<io::Result<Vec<SocketAddr>>>,
    /// The calls that wait for it.
    wakers: Mutex<Vec<Waker>>,
}

/// The addresses of a host, known or being looked up. They have no port yet.
pub(super) enum Host {
    Known(Vec<SocketAddr>),
    Asked(Arc<LookUp>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes an address or a name. When the addresses of a name are known, the waker's call is woken.
pub(super) fn look_up(host: &str, waker: impl FnOnce() -> Waker) -> io::Result<Host> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let known = |ip: IpAddr| SocketAddr::new(ip, 0);
    if let Ok(ip) = bare.parse() {
        return Ok(Host::Known(vec![known(ip)]));
    }
    // Never asked of a name server, which could say anything (RFC 6761 section 6.3).
    if host.eq_ignore_ascii_case("localhost") {
        let both = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(Host::Known(both.map(known).into()));
    }
    LookUp::join(host, waker()).map(Host::Asked)
}

impl LookUp {
    fn join(host: &str, waker: Waker) -> io::Result<Arc<LookUp>> {
        let mut all = lock(LOOK_UPS.get_or_default());
        let joined = all.by_name.get(host).cloned();
        let look_up = joined.clone().unwrap_or_else(|| {
            Arc::new(LookUp { found: OnceLock::new(), wakers: Mutex::default() })
        });
        // The look-up may have ended since: then `found` is set, and no call has to be woken.
        waker.join(&mut lock(&look_up.wakers));
        if joined.is_some() {
            return Ok(look_up);
        }
        all.by_name.insert(host.to_owned(), look_up.clone());
        if all.threads == MAX_THREADS {
            all.waiting.push_back(host.to_owned());
            return Ok(look_up);
        }
        all.threads += 1;
        let name = host.to_owned();
        if let Err(why) = os::spawn("fitbit-look-up", || run(name)) {
            all.threads -= 1;
            all.by_name.remove(host);
            return Err(why);
        }
        Ok(look_up)
    }

    /// None: not yet.
    pub fn found(&self) -> Option<&io::Result<Vec<SocketAddr>>> {
        self.found.get()
    }
}

/// The thread: this name, and then those that wait for a thread.
fn run(mut name: String) {
    loop {
        let found = (&*name, 0).to_socket_addrs().map(Iterator::collect);
        let mut all = lock(LOOK_UPS.get_or_default());
        let look_up = all.by_name.remove(&name);
        let next = all.next();
        if next.is_none() {
            all.threads -= 1;
        }
        drop(all);
        if let Some(look_up) = look_up {
            let _ = look_up.found.set(found);
            lock(&look_up.wakers).drain(..).for_each(|waker| waker.wake());
        }
        match next {
            Some(next) => name = next,
            None => return,
        }
    }
}

impl LookUps {
    /// The next name that a call still waits for.
    fn next(&mut self) -> Option<String> {
        while let Some(name) = self.waiting.pop_front() {
            match self.by_name.get(&name) {
                // This map alone has it: its calls have ended.
                Some(look_up) if Arc::strong_count(look_up) == 1 => {
                    self.by_name.remove(&name);
                }
                Some(_) => return Some(name),
                None => {}
            }
        }
        None
    }
}
