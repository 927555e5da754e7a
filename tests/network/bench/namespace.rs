//! A network namespace without a name: it is gone when nothing uses it any more, also after a panic
//! or a signal that kills the tests.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::thread;

/// `struct ifreq`, as far as TUNSETIFF looks at it.
#[repr(C)]
struct DeviceRequest {
    name: [u8; libc::IFNAMSIZ],
    flags: libc::c_short,
    padding: [u8; 22],
}

const TUN: &str = "tun0";

pub struct Namespace(File);

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

impl Namespace {
    /// A namespace whose one device, `tun0`, is the file that is returned with it. `set_up` is what
    /// `ip -batch` does there.
    pub fn new(set_up: &str) -> io::Result<(Namespace, OwnedFd)> {
        let make = || {
            check(unsafe { libc::unshare(libc::CLONE_NEWNET) })?;
            let device = device()?;
            ip(set_up)?;
            // The timestamps of TCP are then the clock's own, without an offset for each connection.
            // Where this is forbidden, they are not used.
            let _ = std::fs::write("/proc/sys/net/ipv4/tcp_timestamps", "2");
            Ok((Namespace(File::open("/proc/thread-self/ns/net")?), device))
        };
        // unshare(2) changes its own thread only.
        thread::scope(|scope| scope.spawn(make).join()).expect("it does not panic")
    }

    /// Moves this thread, and the threads and processes that it starts from now on. It calls nothing
    /// that must not be called between fork(2) and exec(2).
    pub fn enter(&self) -> io::Result<()> {
        check(unsafe { libc::setns(self.0.as_raw_fd(), libc::CLONE_NEWNET) })
    }

    /// Runs it in the namespace. Its sockets belong there for ever.
    pub fn run<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            self.enter().expect("a namespace can be entered by the one that made it");
            run()
        };
        match thread::scope(|scope| scope.spawn(inside).join()) {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    pub fn try_clone(&self) -> io::Result<Namespace> {
        self.0.try_clone().map(Namespace)
    }
}

fn device() -> io::Result<OwnedFd> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC);
    let device = options.open("/dev/net/tun")?;
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    let mut request = DeviceRequest { name: [0; libc::IFNAMSIZ], flags, padding: [0; 22] };
    request.name[..TUN.len()].copy_from_slice(TUN.as_bytes());
    check(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &mut request) })?;
    Ok(device.into())
}

/// Carries out commands of ip(8) in the namespace of this thread.
pub fn ip(commands: &str) -> io::Result<()> {
    let mut ip = Command::new("ip");
    ip.args(["-batch", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut ip = ip.spawn()?;
    ip.stdin.take().expect("it is piped").write_all(commands.as_bytes())?;
    let output = ip.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("ip: {}", String::from_utf8_lossy(&output.stderr))))
}
