//! Debian's squid (CONNECT) and microsocks (SOCKS5) as private servers, which ask for a user and a
//! password that an address can hold only escaped.

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fitbit_test_support::c;

use crate::authority::openssl_available;

/// Whoever is waiting for this long is hanging.
const LONG: Duration = Duration::from_secs(30);

/// Who may pass, and how an address has to write it.
pub const USER: &str = "us@r%41";
pub const PASSWORD: &str = "p:a@s%2F+ ü";
pub const CREDENTIALS: &str = "us%40r%2541:p%3Aa%40s%252F%2B%20%C3%BC";

/// Which program, and how it is spoken to.
#[derive(Clone, Copy)]
pub enum Kind<'a> {
    Squid,
    /// Over TLS, with this certificate and its key.
    SquidOverTls(&'a Path, &'a Path),
    Microsocks,
}

impl Kind<'_> {
    /// Where Debian puts it.
    fn program(self) -> &'static Path {
        Path::new(match self {
            Kind::Squid | Kind::SquidOverTls(..) => "/usr/sbin/squid",
            Kind::Microsocks => "/usr/bin/microsocks",
        })
    }

    /// How its address begins.
    pub fn schemes(self) -> &'static [&'static str] {
        match self {
            Kind::Squid => &["http"],
            Kind::SquidOverTls(..) => &["https"],
            Kind::Microsocks => &["socks5", "socks5h"],
        }
    }
}

/// One of them, until it is dropped.
pub struct RealProxy {
    program: Child,
    pub port: u16,
    folder: PathBuf,
}

impl RealProxy {
    /// `None`, said aloud, where it is not installed.
    pub fn start(kind: Kind) -> Option<RealProxy> {
        if !kind.program().exists() {
            c::skip(&format!("{} is not installed", kind.program().display()));
            return None;
        }
        // It makes the password's hash for squid.
        if !matches!(kind, Kind::Microsocks) && !openssl_available() {
            return None;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        Some(RealProxy::at(kind, port))
    }

    /// At a port where one ran before.
    pub fn at(kind: Kind, port: u16) -> RealProxy {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        // Not under the target folder: squid's own user may have no way there.
        let name = format!("libfitbit-proxy-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("it is ours");
        // It ends with the thread of the test, also where that is killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(kind.program()).current_dir("/");
        match kind {
            Kind::Squid | Kind::SquidOverTls(..) => {
                command.args(["-N", "-f"]).arg(squid_conf(kind, &folder, port))
            }
            Kind::Microsocks => {
                command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
                command.args(["-u", USER, "-P", PASSWORD])
            }
        };
        let log = fs::File::create(folder.join("log")).expect("the folder is ours");
        let errors = log.try_clone().expect("a file can be opened twice");
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let program = command.spawn().expect("the proxy can be run");
        let mut proxy = RealProxy { program, port, folder };
        let until = Instant::now() + LONG;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let gone = proxy.program.try_wait().expect("it was started");
            assert!(gone.is_none() && Instant::now() < until, "{}", proxy.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        proxy
    }

    fn said(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log"));
        format!("the proxy does not run: {log:?}")
    }
}

impl Drop for RealProxy {
    fn drop(&mut self) {
        // It may have gone by itself.
        let _ = self.program.kill();
        let _ = self.program.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// CONNECT to any port, for whoever knows the password.
fn squid_conf(kind: Kind, folder: &Path, port: u16) -> PathBuf {
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::write(&path, content).expect("the folder is ours");
        path
    };
    let passwords = write("passwords", &format!("{USER}:{}\n", hashed(PASSWORD)));
    let listen = match kind {
        Kind::SquidOverTls(certificate, key) => format!(
            "https_port 127.0.0.1:{port} tls-cert={} tls-key={}",
            certificate.display(),
            key.display()
        ),
        _ => format!("http_port 127.0.0.1:{port}"),
    };
    let conf = format!(
        "{listen}\n\
         visible_hostname localhost\n\
         pid_filename none\n\
         coredump_dir {}\n\
         cache_log stdio:/dev/null\n\
         access_log none\n\
         cache deny all\n\
         cache_mem 1 MB\n\
         netdb_filename none\n\
         pinger_enable off\n\
         shutdown_lifetime 0 seconds\n\
         auth_param basic program /usr/lib/squid/basic_ncsa_auth {}\n\
         auth_param basic children 1\n\
         auth_param basic realm test\n\
         acl known proxy_auth REQUIRED\n\
         acl forbidden dstdomain forbidden.test\n\
         http_access deny forbidden\n\
         http_access allow known\n\
         http_access deny all\n",
        folder.display(),
        passwords.display()
    );
    write("squid.conf", &conf)
}

/// As basic_ncsa_auth reads it.
fn hashed(password: &str) -> String {
    let mut openssl = Command::new("openssl")
        .args(["passwd", "-apr1", "-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is installed");
    let mut stdin = openssl.stdin.take().expect("it is piped");
    stdin.write_all(password.as_bytes()).expect("it reads");
    drop(stdin);
    c::succeeded(openssl.wait_with_output().expect("it ends")).trim().to_owned()
}
