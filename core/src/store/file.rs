//! A token kept in a file, shared by any number of processes on the machine.
//!
//! The file is private (0600, whatever the umask) and holds one JSON object. It is never written
//! in place: a new one is written beside it, brought to the disk, and renamed over it. Who changes
//! it holds a lock on a second file, `<path>.lock`, which the system takes back when a process dies;
//! reading needs no lock. Before the provider is asked, the token gets a renewal marker. A process that
//! finds the marker and gets the lock knows that the process which set it was killed or got no response,
//! and asks again while the provider still repeats its response.

use std::fs::{OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Decide, Marker, Store, Stored, Transaction, Write};
use crate::call::Deadline;
use crate::error::{Error, Input, Result};
use crate::os::{self, LockFile};
use crate::provider::Provider;
use crate::token::{Token, Unfit, without_bom};

/// The largest file that is read: tokens are a few hundred bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// How long a process that finds the file locked waits before it looks again: first, and, doubled
/// each time, at most. A lock that dies with its process cannot be waited for with a time limit in
/// any other way.
const MIN_WAIT: Duration = Duration::from_millis(1);
const MAX_WAIT: Duration = Duration::from_millis(50);

pub(crate) struct TokenFile {
    path: PathBuf,
}

/// What the file holds.
pub(crate) enum Content {
    /// There is no file, or it is empty.
    Nothing,
    Token(Token),
    /// Text that is no token, or one of another provider.
    Foreign(Error),
}

fn failed(what: &str, path: &Path, why: impl std::fmt::Display) -> Error {
    Error::store(&format!("{what} {}: {why}", path.display()))
}

impl TokenFile {
    pub fn at(path: &str) -> Result<TokenFile> {
        let is_folder = path.ends_with('/') || path.ends_with("/.");
        let path = PathBuf::from(path);
        if path.file_name().is_none() || is_folder {
            return Err(Error::invalid(Input::TokenFile, "it does not name a file"));
        }
        // Whatever becomes of the working directory.
        let path = std::path::absolute(&path).map_err(|why| failed("cannot find", &path, why))?;
        Ok(TokenFile { path })
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    /// What is stored. Fails where the file cannot be read or must not be trusted.
    pub fn read(&self, provider: &Provider) -> Result<Content> {
        let cannot = |why: &dyn std::fmt::Display| failed("cannot read", &self.path, why);
        let file = match os::open_private(OpenOptions::new().read(true), &self.path) {
            Ok(file) => file,
            Err(why) if why.kind() == ErrorKind::NotFound => {
                return self.check_directory().map(|()| Content::Nothing);
            }
            Err(why) => return Err(cannot(&in_words(why))),
        };
        os::check_private(&file).map_err(|why| cannot(&why))?;
        if os::is_mount_point(&file, &self.path) {
            // Docker: `-v token.json:/app/token.json`.
            return Err(Error::store(&format!(
                "{} is a mount point of its own and cannot be replaced: mount the directory that \
                 holds it",
                self.path.display()
            )));
        }
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|why| cannot(&why))?;
        if bytes.len() as u64 > MAX_SIZE {
            return Ok(Content::Foreign(cannot(&"it is too large for a token")));
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Ok(Content::Foreign(cannot(&"it is not UTF-8")));
        };
        if without_bom(text).trim().is_empty() {
            return Ok(Content::Nothing);
        }
        Ok(match Token::from_json(text, provider) {
            Ok(token) => Content::Token(token),
            Err(Unfit::ForeignProvider) => {
                Content::Foreign(cannot(&"it is another provider's token"))
            }
            Err(Unfit::Malformed(why)) => Content::Foreign(cannot(&why)),
        })
    }

    /// The directory that holds the file and what stands beside it.
    fn directory(&self) -> &Path {
        let directory = self.path.parent().filter(|directory| !directory.as_os_str().is_empty());
        directory.unwrap_or(Path::new("."))
    }

    /// Where a file is missing: whether one can be made there.
    fn check_directory(&self) -> Result<()> {
        match self.directory().metadata() {
            Err(why) if why.kind() == ErrorKind::NotFound => Err(Error::store(&format!(
                "cannot use {}: the directory {} does not exist",
                self.path.display(),
                self.directory().display()
            ))),
            _ => Ok(()),
        }
    }

    /// Fails in a child that the program's logger has forked inside of a renewal.
    fn check_lock(&self, what: &str, lock: &LockFile) -> Result<()> {
        match lock.is_of_this_process() {
            true => Ok(()),
            false => Err(failed(what, &self.path, "its lock is the parent process's")),
        }
    }

    /// Puts a token in the place of whatever is there. Only with the lock in hand.
    fn write(&self, lock: &LockFile, json: &str) -> Result<()> {
        self.check_lock("cannot write", lock)?;
        let new = self.beside(".new");
        self.write_through(&new, json).map_err(|why| {
            let _ = std::fs::remove_file(&new);
            failed("cannot write", &self.path, why)
        })
    }

    fn write_through(&self, new: &Path, json: &str) -> io::Result<()> {
        match std::fs::remove_file(new) {
            Err(why) if why.kind() != ErrorKind::NotFound => return Err(why),
            _ => {} // what a killed process left behind
        }
        let mut file = os::open_private(OpenOptions::new().write(true).create_new(true), new)?;
        os::make_private(&file)?;
        file.write_all(json.as_bytes())?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(new, &self.path)?;
        os::sync_directory(self.directory())
    }

    /// Only with the lock in hand, whose file stays: another process may be waiting for it.
    fn remove(&self, lock: &LockFile) -> Result<()> {
        self.check_lock("cannot remove", lock)?;
        let removed = match std::fs::remove_file(&self.path) {
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| os::sync_directory(self.directory())),
        };
        removed.map_err(|why| failed("cannot remove", &self.path, why))
    }

    /// Whether a token can be saved here later: the directory can be written to, and its file system
    /// has locks.
    pub fn check_usable(&self) -> Result<()> {
        self.check_writable()?;
        match self.open_lock()?.try_lock() {
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(why)) => Err(failed("cannot lock", &self.beside(".lock"), why)),
        }
    }

    pub fn check_writable(&self) -> Result<()> {
        let directory = self.directory();
        os::check_writable(directory)
            .map_err(|why| failed("cannot make files in the directory", directory, why))
    }

    fn open_lock(&self) -> Result<LockFile> {
        let path = self.beside(".lock");
        let mut options = OpenOptions::new();
        let lock = match LockFile::open(options.read(true).write(true).create(true), &path) {
            Ok(lock) => lock,
            Err(why) => {
                self.check_directory()?;
                return Err(failed("cannot open", &path, in_words(why)));
            }
        };
        os::check_private(lock.file()).map_err(|why| failed("cannot use", &path, why))?;
        // Whatever the umask took away: the next process has to open it too.
        os::make_private(lock.file()).map_err(|why| failed("cannot use", &path, why))?;
        Ok(lock)
    }

    /// Keeps all other writers out until it is dropped, or its process dies.
    fn lock(&self, deadline: &Deadline) -> Result<LockFile> {
        let lock = self.open_lock()?;
        let mut wait = MIN_WAIT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if deadline.left().is_zero() => {
                    return Err(Error::timeout("while another process held the token file's lock"));
                }
                Err(TryLockError::WouldBlock) => {
                    deadline.pause(wait.min(deadline.left()));
                    wait = MAX_WAIT.min(wait * 2);
                }
                Err(TryLockError::Error(why)) => {
                    return Err(failed("cannot lock", &self.beside(".lock"), why));
                }
            }
        }
    }
}

/// Why a file cannot be opened: the system's own words for a link speak of levels.
fn in_words(why: io::Error) -> String {
    match os::is_refused_link(&why) {
        true => "it is a symbolic link, which is not followed".into(),
        false => why.to_string(),
    }
}

/// The open transaction of a token file.
struct Open<'a> {
    file: &'a TokenFile,
    lock: LockFile,
    provider: &'static Provider,
    /// There is no file, or it is empty, and it should hold this login.
    is_gone: bool,
}

impl Open<'_> {
    fn write(&self, token: &Token, with_marker: bool) -> Result<()> {
        let json = Zeroizing::new(match with_marker {
            true => token.to_json_marked(self.provider),
            false => token.to_json(self.provider),
        });
        self.file.write(&self.lock, &json)
    }

    fn mark(&self, token: &Token, with_marker: bool) -> Result<()> {
        match self.is_gone {
            // Perhaps another process has ended this login. A token in hand is still saved, but no refresh
            // token is used for it.
            true => Err(failed("cannot read", &self.file.path, "it is gone or empty")),
            false => self.write(token, with_marker),
        }
    }
}

impl Marker for Open<'_> {
    fn set(&self, token: &Token) -> Result<bool> {
        self.mark(token, true).map(|()| true)
    }

    fn clear(&self, token: &Token) -> Result<()> {
        self.mark(token, false)
    }
}

impl Store for TokenFile {
    fn transaction(&self, transaction: &Transaction, decide: &mut Decide) -> Result<()> {
        let Transaction { provider, never_stored, ref deadline, .. } = *transaction;
        if never_stored {
            // If it cannot be used it is left alone, without so much as a lock beside it.
            self.read(provider)?;
        }
        let lock = self.lock(deadline)?;
        let (stored, is_gone) = match self.read(provider)? {
            Content::Token(token) => (Stored::Token(Arc::new(token)), false),
            // A login that was never stored takes the place of anything.
            Content::Nothing | Content::Foreign(_) if never_stored => (Stored::Nothing, false),
            Content::Foreign(why) => return Err(why),
            Content::Nothing => (Stored::Nothing, true),
        };
        let open = Open { file: self, lock, provider, is_gone };
        match decide(stored, &open)? {
            Write::Token { token, possibly_used } => open.write(&token, possibly_used),
            Write::Remove => self.remove(&open.lock),
            Write::Nothing => Ok(()),
        }
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn keeps_a_marker(&self) -> bool {
        true
    }

    fn runs_program_code(&self) -> bool {
        false
    }
}
