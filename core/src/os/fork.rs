//! Forked children: how often this process was forked, and the locks that a child must not keep.
//!
//! A child has a copy of each descriptor, and a lock belongs to the open file that parent and child
//! share: while the child lives, it holds its parent's lock, even when the parent is killed. So each
//! lock file is noted here, and a handler closes it in the child. Closing is all that it may do: an
//! unlock in the child would take the lock from the parent.
//!
//! The handlers run between `fork` and its return, where only what is async-signal-safe may be
//! called. They load and store atomics, and close descriptors.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};

use once_cell::race::OnceBox;

use super::unix::open_private;

/// How many forks are between this process and the one that loaded the library.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Forks of this process that have begun, and those of them that have ended.
static BEGUN: AtomicU32 = AtomicU32::new(0);
static ENDED: AtomicU32 = AtomicU32::new(0);

static HELD: Held = Held::new();

/// How often a lock file is opened again for a program that forks without a pause.
const MAX_TRIES: u32 = 1000;

/// Differs between a process and a child that was forked from it.
pub(crate) fn fork_count() -> u32 {
    // If the system has no memory for three pointers, the next call tries again.
    let _ = watch();
    FORKS.load(SeqCst)
}

/// Asks the system to run the handlers. Two threads may both do so: the handlers may run twice.
fn watch() -> io::Result<()> {
    static WATCHING: AtomicBool = AtomicBool::new(false);
    if !WATCHING.load(SeqCst) {
        #[cfg(not(miri))] // which cannot fork either
        // SAFETY: the handlers are functions of this library. A shared library on Linux is linked so
        // that it is never unloaded; elsewhere the header forbids it.
        match unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) } {
            0 => {}
            number => return Err(io::Error::from_raw_os_error(number)),
        }
        WATCHING.store(true, SeqCst);
    }
    Ok(())
}

#[cfg_attr(miri, allow(dead_code))]
extern "C" fn before() {
    BEGUN.fetch_add(1, SeqCst);
}

#[cfg_attr(miri, allow(dead_code))]
extern "C" fn in_parent() {
    ENDED.fetch_add(1, SeqCst);
}

#[cfg_attr(miri, allow(dead_code))]
extern "C" fn in_child() {
    HELD.close_all();
    // The threads that were forking too are not here.
    ENDED.store(BEGUN.load(SeqCst), SeqCst);
    FORKS.fetch_add(1, SeqCst);
}

/// A file that is opened to be locked. A forked child has neither the lock nor the descriptor.
pub(crate) struct LockFile {
    file: ManuallyDrop<File>,
    /// The count of the process that opened it.
    forks: u32,
}

impl LockFile {
    pub fn open(options: &mut OpenOptions, path: &Path) -> io::Result<LockFile> {
        watch()?;
        let mut tries = 0;
        loop {
            tries += 1;
            // In this order: if both are equal, all forks had ended when the second was read.
            let (ended, begun) = (ENDED.load(SeqCst), BEGUN.load(SeqCst));
            let file = LockFile::noted(open_private(options, path)?);
            // A child that was forked before the file was noted keeps its copy. If the file is opened again,
            // that does no harm: a lock belongs to one opening of the file.
            let is_alone = ended == begun && BEGUN.load(SeqCst) == begun;
            if is_alone || tries == MAX_TRIES {
                return Ok(file);
            }
            drop(file);
            std::thread::yield_now();
        }
    }

    fn noted(file: File) -> LockFile {
        HELD.note(file.as_raw_fd());
        LockFile { file: ManuallyDrop::new(file), forks: FORKS.load(SeqCst) }
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Not without a time limit: the lock of a process that dies cannot be waited for with one.
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        self.file.try_lock()
    }

    /// False in a forked child, where the descriptor may be another file's by now.
    pub fn is_of_this_process(&self) -> bool {
        self.forks == FORKS.load(SeqCst)
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if !self.is_of_this_process() {
            return; // it is closed
        }
        // This also unlocks the copy in a child that was not made by `fork`.
        let _ = self.file.unlock();
        HELD.forget(self.file.as_raw_fd());
        // SAFETY: this is the only place that drops it, and it is not used any more.
        unsafe { ManuallyDrop::drop(&mut self.file) };
    }
}

/// The descriptors that a child closes. It has no lock, and room for any number: it grows and never shrinks.
struct Held {
    descriptors: [AtomicI32; 64],
    more: OnceBox<Held>,
}

const NONE: RawFd = -1;

impl Held {
    const fn new() -> Held {
        Held { descriptors: [const { AtomicI32::new(NONE) }; 64], more: OnceBox::new() }
    }

    fn note(&self, descriptor: RawFd) {
        let is_noted = self.replace(NONE, descriptor);
        if !is_noted {
            self.more.get_or_init(|| Box::new(Held::new())).note(descriptor);
        }
    }

    fn forget(&self, descriptor: RawFd) {
        if !self.replace(descriptor, NONE)
            && let Some(more) = self.more.get()
        {
            more.forget(descriptor);
        }
    }

    fn replace(&self, old: RawFd, new: RawFd) -> bool {
        self.descriptors.iter().any(|one| one.compare_exchange(old, new, SeqCst, SeqCst).is_ok())
    }

    fn close_all(&self) {
        for descriptor in &self.descriptors {
            let descriptor = descriptor.swap(NONE, SeqCst);
            if descriptor != NONE {
                // SAFETY: it is a lock file's, whose owner does not close it in a forked child.
                unsafe { libc::close(descriptor) };
            }
        }
        if let Some(more) = self.more.get() {
            more.close_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_lock_files_is_noted_and_forgotten() {
        let held = Held::new();
        let all = |held: &Held| {
            let mut all = vec![];
            let mut held = Some(held);
            while let Some(one) = held {
                let here = one.descriptors.iter().map(|descriptor| descriptor.load(SeqCst));
                all.extend(here.filter(|&descriptor| descriptor != NONE));
                held = one.more.get();
            }
            all
        };
        (3..203).for_each(|descriptor| held.note(descriptor));
        assert_eq!(all(&held), (3..203).collect::<Vec<_>>());
        (3..203).step_by(2).for_each(|descriptor| held.forget(descriptor));
        assert_eq!(all(&held), (4..203).step_by(2).collect::<Vec<_>>());
        held.note(1000);
        assert_eq!(all(&held)[0], 1000, "the first place that is free");
    }
}
