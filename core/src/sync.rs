//! The locks that the threads of one login share. They are the standard library's own, except with `--cfg
//! explored`: then the scheduler of tests/explored replaces them, and tries every order of threads.

#[cfg(explored)]
pub(crate) use explored::{Wake, wait};
#[cfg(explored)]
pub(crate) use fitbit_explorer::{Mutex, MutexGuard, cancelling, now};
#[cfg(not(explored))]
pub(crate) use std::sync::{Mutex, MutexGuard};

#[cfg(not(explored))]
pub(crate) use crate::os::{Wake, wait};

/// The atomic that only the end of a call changes for other threads.
#[cfg(not(explored))]
pub(crate) mod cancelling {
    pub use std::sync::atomic::AtomicU64;
}

#[cfg(not(explored))]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[cfg(explored)]
mod explored {
    use std::io;
    use std::time::Duration;

    use fitbit_explorer::Event;

    use crate::os::{self, Interest};

    /// A thread that waits for another thread waits on the scheduler. A thread that waits for the network waits
    /// as usual.
    pub(crate) struct Wake {
        event: Event,
        system: os::Wake,
    }

    impl Wake {
        pub fn new() -> io::Result<Wake> {
            Ok(Wake { event: Event::default(), system: os::Wake::new()? })
        }

        pub fn wake(&self) {
            self.event.notify();
            self.system.wake();
        }
    }

    pub(crate) fn wait(
        wake: Option<&Wake>,
        interests: &[Interest],
        time: Duration,
    ) -> io::Result<()> {
        if let (Some(wake), []) = (wake, interests)
            && wake.event.wait(time)
        {
            return Ok(());
        }
        os::wait(wake.map(|wake| &wake.system), interests, time)
    }
}
