//! The one place where a thread blocks, and what wakes it there.

use std::io;
use std::time::Duration;

#[cfg(unix)]
pub(crate) use std::os::fd::AsFd as AsSocket;
#[cfg(windows)]
pub(crate) use std::os::windows::io::AsSocket;

/// A socket that a thread waits for: to read, to write, or both.
#[derive(Clone, Copy)]
#[cfg_attr(windows, expect(dead_code))] // nothing waits for a socket there yet
pub(crate) struct Interest<'a> {
    #[cfg(unix)]
    socket: std::os::fd::BorrowedFd<'a>,
    #[cfg(windows)]
    socket: std::os::windows::io::BorrowedSocket<'a>,
    reads: bool,
    writes: bool,
}

impl<'a> Interest<'a> {
    fn new(socket: &'a impl AsSocket, reads: bool, writes: bool) -> Interest<'a> {
        #[cfg(unix)]
        let socket = socket.as_fd();
        #[cfg(windows)]
        let socket = socket.as_socket();
        Interest { socket, reads, writes }
    }

    pub fn reading(socket: &'a impl AsSocket) -> Interest<'a> {
        Interest::new(socket, true, false)
    }

    pub fn writing(socket: &'a impl AsSocket) -> Interest<'a> {
        Interest::new(socket, false, true)
    }

    pub fn both(socket: &'a impl AsSocket) -> Interest<'a> {
        Interest::new(socket, true, true)
    }
}

#[cfg(all(unix, not(miri)))]
pub(crate) use unix::{Wake, is_connecting, wait};
#[cfg(any(windows, miri))]
pub(crate) use without_sockets::{Wake, is_connecting, wait};

#[cfg(all(unix, not(miri)))]
mod unix {
    use std::os::fd::{AsFd, OwnedFd};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::super::above_two;
    use super::{Duration, Interest, io};

    /// Whether a socket that does not block has begun to connect.
    pub(crate) fn is_connecting(why: &io::Error) -> bool {
        matches!(why.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR))
    }

    /// Wakes the thread that waits with it. A wake-up that comes too early is kept for the next wait.
    pub(crate) struct Wake {
        reader: OwnedFd,
        /// None: one descriptor is both ends.
        writer: Option<OwnedFd>,
    }

    impl Wake {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        pub fn new() -> io::Result<Wake> {
            use rustix::event::{EventfdFlags, eventfd};
            let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
            let both = above_two(|| Ok::<OwnedFd, _>(eventfd(0, flags)?))?;
            Ok(Wake { reader: both, writer: None })
        }

        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        pub fn new() -> io::Result<Wake> {
            use rustix::fs::{OFlags, fcntl_setfl};
            use rustix::io::{FdFlags, fcntl_setfd};
            let (reader, writer) = rustix::pipe::pipe()?;
            let (reader, writer) = (above_two(|| Ok(reader))?, above_two(|| Ok(writer))?);
            for end in [&reader, &writer] {
                fcntl_setfd(end, FdFlags::CLOEXEC)?;
                fcntl_setfl(end, OFlags::NONBLOCK)?;
            }
            Ok(Wake { reader, writer: Some(writer) })
        }

        /// Async-signal-safe; errno stays as it is.
        pub fn wake(&self) {
            keeping_errno(|| {
                // It fails if it is full: then the thread is woken already.
                let writer = self.writer.as_ref().unwrap_or(&self.reader);
                let _ = rustix::io::write(writer, &1u64.to_ne_bytes());
            });
        }

        /// Drops the wake-ups so far.
        fn clear(&self) {
            // An eventfd gives its whole count at once. What is left of a pipe ends the next wait.
            let _ = rustix::io::read(&self.reader, &mut [0; 64]);
        }
    }

    /// Waits until a socket is ready, until [`Wake::wake`], a signal, or for so long. The caller checks which
    /// of them it was.
    pub(crate) fn wait(
        wake: Option<&Wake>,
        interests: &[Interest],
        time: Duration,
    ) -> io::Result<()> {
        let mut all = Vec::with_capacity(interests.len() + 1);
        if let Some(wake) = wake {
            all.push(PollFd::from_borrowed_fd(wake.reader.as_fd(), PollFlags::IN));
        }
        all.extend(interests.iter().map(|interest| {
            let mut events = PollFlags::empty();
            events.set(PollFlags::IN, interest.reads);
            events.set(PollFlags::OUT, interest.writes);
            PollFd::from_borrowed_fd(interest.socket, events)
        }));
        match poll(&mut all, Timespec::try_from(time).ok().as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(why) => return Err(why.into()),
        }
        if let Some(wake) = wake
            && !all[0].revents().is_empty()
        {
            wake.clear();
        }
        Ok(())
    }

    /// A signal handler must leave errno as it found it.
    fn keeping_errno(body: impl FnOnce()) {
        #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
        use libc::__errno as location;
        #[cfg(any(target_os = "linux", target_os = "emscripten"))]
        use libc::__errno_location as location;
        #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
        use libc::__error as location;

        // SAFETY: it gives the address of this thread's errno, which lives as long as the thread.
        let errno = unsafe { location() };
        // SAFETY: as above.
        let before = unsafe { errno.read() };
        body();
        // SAFETY: as above.
        unsafe { errno.write(before) };
    }
}

/// Without sockets: for Windows, where the library does not connect yet, and for Miri, which cannot wait
/// for one.
#[cfg(any(windows, miri))]
mod without_sockets {
    use std::sync::{Condvar, Mutex, PoisonError};

    use super::{Duration, Interest, io};

    #[derive(Default)]
    pub(crate) struct Wake {
        is_woken: Mutex<bool>,
        woken: Condvar,
    }

    pub(crate) fn is_connecting(why: &io::Error) -> bool {
        why.kind() == io::ErrorKind::WouldBlock
    }

    impl Wake {
        pub fn new() -> io::Result<Wake> {
            Ok(Wake::default())
        }

        pub fn wake(&self) {
            *self.is_woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.woken.notify_one();
        }
    }

    pub(crate) fn wait(
        wake: Option<&Wake>,
        interests: &[Interest],
        time: Duration,
    ) -> io::Result<()> {
        if !interests.is_empty() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let Some(wake) = wake else {
            std::thread::sleep(time);
            return Ok(());
        };
        let is_woken = wake.is_woken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = wake.woken.wait_timeout_while(is_woken, time, |is_woken| !*is_woken);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
        Ok(())
    }
}
