//! Windows. Only the calls without a file, a connection or a browser work so far. The others fail before they
//! have changed anything.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::Command;
use std::thread;

const TOKEN_FILES: &str = "token files are not supported on Windows yet";

fn unsupported(why: &str) -> io::Error {
    io::Error::new(ErrorKind::Unsupported, why)
}

/// A file that is opened to be locked. None can be opened yet.
pub(crate) enum LockFile {}

impl LockFile {
    pub fn open(_: &mut OpenOptions, _: &Path) -> io::Result<LockFile> {
        Err(unsupported(TOKEN_FILES))
    }

    pub fn file(&self) -> &File {
        match *self {}
    }

    pub fn try_lock(&self) -> Result<(), TryLockError> {
        match *self {}
    }

    pub fn is_of_this_process(&self) -> bool {
        match *self {}
    }
}

/// Windows has no `fork`.
pub(crate) fn fork_count() -> u32 {
    0
}

/// Every socket of the library passes through here.
pub(crate) fn above_two<T>(_: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    Err(unsupported("network connections are not supported on Windows yet"))
}

/// Whether an address cannot be listened on because the machine has none of its family.
pub(crate) fn is_no_such_family(why: &io::Error) -> bool {
    const WSAEAFNOSUPPORT: i32 = 10047;
    why.kind() == ErrorKind::AddrNotAvailable || why.raw_os_error() == Some(WSAEAFNOSUPPORT)
}

pub(crate) fn open_private(_: &mut OpenOptions, _: &Path) -> io::Result<File> {
    Err(unsupported(TOKEN_FILES))
}

pub(crate) fn is_refused_link(_: &io::Error) -> bool {
    false
}

pub(crate) fn make_private(_: &File) -> io::Result<()> {
    Err(unsupported(TOKEN_FILES))
}

pub(crate) fn check_private(_: &File) -> Result<(), String> {
    Err(TOKEN_FILES.to_owned())
}

pub(crate) fn check_writable(_: &Path) -> io::Result<()> {
    Err(unsupported(TOKEN_FILES))
}

pub(crate) fn is_mount_point(_: &File, _: &Path) -> bool {
    false
}

pub(crate) fn sync_directory(_: &Path) -> io::Result<()> {
    Err(unsupported(TOKEN_FILES))
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// A login could not be finished without connections, so no browser is opened for one.
pub(crate) fn browser_opener() -> io::Result<Command> {
    Err(unsupported("opening a browser is not supported on Windows yet"))
}

/// Starts a thread of the library's own.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
}

/// Windows has no cancellation of threads.
pub fn without_cancellation<T>(body: impl FnOnce() -> T) -> T {
    body()
}
