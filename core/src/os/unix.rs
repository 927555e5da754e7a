//! Unix: descriptors, private files, directories, mounts, programs, the cancellation of threads.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::mem::zeroed;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::ptr::null_mut;
use std::thread;

/// Standard input, output and error are 0, 1 and 2. A program may have closed them, and its code
/// may still print: a descriptor of the library must not get one of these numbers.
const FIRST_FREE: RawFd = 3;

/// The program that opens a URL in the browser that the person has chosen.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Only this user can read and write it.
const PRIVATE: u32 = 0o600;

/// Makes a file or socket with a descriptor above 2. If "/" can be opened, it never has a lower one, not even
/// for a moment: descriptors of "/" fill the lower numbers meanwhile. Nothing can be printed to them.
pub(crate) fn above_two<T: Into<OwnedFd> + From<OwnedFd>>(
    make: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let mut in_the_way = vec![];
    while let Ok(root) = File::open("/")
        && root.as_raw_fd() < FIRST_FREE
    {
        in_the_way.push(root);
    }
    let made: OwnedFd = make()?.into();
    // Another thread can close one of them meanwhile.
    Ok(match made.as_raw_fd() < FIRST_FREE {
        true => rustix::io::fcntl_dupfd_cloexec(made, FIRST_FREE)?.into(),
        false => made.into(),
    })
}

/// Whether an address cannot be listened on because the machine has none of its family.
pub(crate) fn is_no_such_family(why: &io::Error) -> bool {
    why.kind() == ErrorKind::AddrNotAvailable || why.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    above_two(|| options.open(path))
}

/// Opens a file that belongs to this library: never through a link, never waiting for a pipe's
/// other end, and not for the programs that this one starts. A new file is private.
pub(crate) fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    open(options.mode(PRIVATE).custom_flags(flags), path)
}

/// Whether [`open_private`] failed because the file is a symbolic link.
pub(crate) fn is_refused_link(why: &io::Error) -> bool {
    why.raw_os_error() == Some(libc::ELOOP)
}

/// Gives back what the umask took away from a new file.
pub(crate) fn make_private(file: &File) -> io::Result<()> {
    file.set_permissions(PermissionsExt::from_mode(PRIVATE))
}

/// A regular file of this user that nobody else can read or write.
pub(crate) fn check_private(file: &File) -> Result<(), String> {
    let about = file.metadata().map_err(|why| why.to_string())?;
    if !about.is_file() {
        return Err("it is not a regular file".into());
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".into());
    }
    if about.mode() & 0o077 != 0 {
        return Err(format!(
            "others can read it: its mode is {:04o}, not {PRIVATE:04o}",
            about.mode() & 0o7777
        ));
    }
    Ok(())
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    open(OpenOptions::new().read(true), path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes renames and removals in a directory to the disk. Some file systems cannot do that, and some
/// directories cannot be opened: neither is an error. A disk that fails or is full is an error.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let synced = open(OpenOptions::new().read(true), path).and_then(|folder| folder.sync_all());
    match synced {
        Err(why) if why.raw_os_error().is_some_and(means_not_possible) => Ok(()),
        synced => synced,
    }
}

/// Whether this process may make files in a directory.
pub(crate) fn check_writable(directory: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    Ok(accessat(CWD, directory, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?)
}

fn means_not_possible(number: i32) -> bool {
    // Not a match: on some systems ENOTSUP and EOPNOTSUPP are the same number.
    let numbers = [
        libc::EACCES,
        libc::EINVAL,
        libc::ENOTSUP,
        libc::EOPNOTSUPP,
        libc::ENOSYS,
        libc::EBADF,
        libc::EROFS,
    ];
    numbers.contains(&number)
}

/// The program that opens a URL in a browser; the URL is its only argument.
pub(crate) fn browser_opener() -> io::Result<Command> {
    let mut opener = Command::new(OPENER);
    opener.process_group(0); // a Ctrl-C in the program's terminal is not for the browser
    Ok(opener)
}

/// Whether something is mounted exactly on this file, which then cannot be replaced. The device
/// number does not tell: a file can be mounted from elsewhere in the same file system.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
pub(crate) fn is_mount_point(file: &File, path: &Path) -> bool {
    use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};

    let mount_root = StatxAttributes::MOUNT_ROOT;
    match statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::empty()) {
        Ok(about) if about.stx_attributes_mask.contains(mount_root) => {
            about.stx_attributes.contains(mount_root)
        }
        // Before Linux 5.8, and where a sandbox forbids it.
        _ => is_in_mount_table(path),
    }
}

/// No other system mounts a single file.
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
pub(crate) fn is_mount_point(_: &File, _: &Path) -> bool {
    false
}

#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
fn is_in_mount_table(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;

    let Ok(path) = path.canonicalize() else { return false };
    let table = read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    mounts(&table).any(|mount_point| mount_point == path.as_os_str().as_bytes())
}

/// The mount points of `/proc/self/mountinfo`: the fifth field of each line, where blanks, line ends
/// and backslashes are written as three octal digits.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn mounts(table: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let lines = table.split(|&byte| byte == b'\n');
    lines.filter_map(|line| line.split(|&byte| byte == b' ').nth(4)).map(|field| {
        let mut path = Vec::with_capacity(field.len());
        let mut rest = field;
        while let [first, tail @ ..] = rest {
            let escaped = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
            let escaped = escaped.and_then(|digits| u8::from_str_radix(digits, 8).ok());
            let (byte, tail) = match (first, escaped) {
                (b'\\', Some(byte)) => (byte, &tail[3..]),
                _ => (*first, tail),
            };
            path.push(byte);
            rest = tail;
        }
        path
    })
}

/// Starts a thread of the library's own. It blocks all signals: the program's handlers run on the
/// program's threads, and end the waiting there.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // SAFETY: a set of signals is plain data, which sigfillset fills in.
    let (mut all, mut before) = unsafe { (zeroed::<libc::sigset_t>(), zeroed::<libc::sigset_t>()) };
    // SAFETY: both are sets of this function; only this thread's mask changes. It cannot fail.
    unsafe {
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
    }
    // The new thread has the mask that this one has now.
    let begun = thread::Builder::new().name(name.to_owned()).spawn(body);
    // SAFETY: the system filled the set in a moment ago.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, null_mut()) };
    begun.map(drop)
}

/// Runs `body` while this thread cannot be cancelled. `pthread_cancel` ends a thread by an exception
/// that must not pass through Rust's frames; it takes effect after `body`.
#[cfg(not(any(target_os = "android", miri)))]
pub fn without_cancellation<T>(body: impl FnOnce() -> T) -> T {
    use libc::c_int;

    // The libc crate has neither for every system.
    unsafe extern "C" {
        fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    }
    const DISABLE: c_int = if cfg!(target_vendor = "apple") { 0 } else { 1 };

    struct Restore(c_int);

    impl Drop for Restore {
        fn drop(&mut self) {
            let mut before = 0;
            // SAFETY: it sets a mark of this thread alone, to a value that the system gave.
            unsafe { pthread_setcancelstate(self.0, &mut before) };
        }
    }

    let mut before = 0;
    // SAFETY: it sets a mark of this thread alone; the old value goes into a variable that lives.
    let disabled = unsafe { pthread_setcancelstate(DISABLE, &mut before) } == 0;
    let _restore = disabled.then(|| Restore(before));
    body()
}

/// Android has no cancellation of threads; Miri does not know it.
#[cfg(any(target_os = "android", miri))]
pub fn without_cancellation<T>(body: impl FnOnce() -> T) -> T {
    body()
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_from_the_mount_table() {
        let table = b"29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
            515 29 8:1 /a/token.json /app/my\\040data/token.json rw - ext4 /dev/sda1 rw\n\
            516 29 8:1 /b /app/a\\134b\\012c rw - ext4 /dev/sda1 rw\n\
            odd\n\
            517 29 8:1 /b /app/ends\\04 rw - ext4 /dev/sda1 rw\n";
        let found: Vec<_> = mounts(table).collect();
        let paths: [&[u8]; 4] =
            [b"/", b"/app/my data/token.json", b"/app/a\\b\nc", b"/app/ends\\04"];
        assert_eq!(found, paths);
    }

    #[test]
    fn the_mount_table_names_the_root_and_no_ordinary_file() {
        assert!(is_in_mount_table(Path::new("/proc")));
        let file = std::env::current_exe().unwrap_or_default();
        assert!(!is_in_mount_table(&file));
    }
}
