//! Programs in the client's namespace, and the one that calls the library: client.c.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fitbit_test_support::{c, library};

use super::{NAME_SERVER, Network};

/// A path that every server responds to.
pub const ANY: &str = "/1/user/-/any.json";

/// `fitbit_app_cancel`, `fitbit_abort` of the call's handle, `fitbit_app_shutdown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Cancel,
    Abort,
    Shutdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    Fitbit,
    Google,
}

/// What one thread of the program does.
#[derive(Clone, Debug, Default)]
pub struct Script(String);

impl Script {
    /// An app whose requests go to this origin, those to the token endpoint too.
    pub fn to(origin: &str) -> Script {
        Script::default().word("token", origin).word("api", origin)
    }

    /// The same for an app of that provider.
    pub fn of(provider: Provider, origin: &str) -> Script {
        let name = match provider {
            Provider::Fitbit => "fitbit",
            Provider::Google => "google",
        };
        Script::default().word("provider", name).word("token", origin).word("api", origin)
    }

    /// Its token has expired, and is renewed at this origin.
    pub fn renews_at(self, origin: &str) -> Script {
        self.token_at(origin).expires_in(-3600)
    }

    /// Tokens are renewed at this origin.
    pub fn token_at(self, origin: &str) -> Script {
        self.word("token", origin)
    }

    /// How many seconds are left to the token of the next client that is made.
    pub fn expires_in(self, seconds: i64) -> Script {
        self.word("expires", &seconds.to_string())
    }

    /// Nobody knows whether the refresh token of the next client is used.
    pub fn in_doubt(self) -> Script {
        self.word("doubt", "1")
    }

    /// The next client keeps its token in this file.
    pub fn file(self, path: &Path) -> Script {
        self.word("file", path.to_str().expect("it is UTF-8"))
    }

    /// How long the program takes from now on to save a token.
    pub fn saving_for_ms(self, milliseconds: u64) -> Script {
        self.word("saving", &milliseconds.to_string())
    }

    /// The calls that follow are those of another client of the same app.
    pub fn another(self) -> Script {
        self.word("another", "1")
    }

    /// Makes the client, which contacts nobody unless its file says so.
    pub fn opened(self) -> Script {
        self.word("open", "1")
    }

    /// So many other handles of the login make the next call, too, each in a thread of its own.
    pub fn with(self, handles: usize) -> Script {
        self.word("with", &handles.to_string())
    }

    pub fn pause_ms(self, milliseconds: u64) -> Script {
        self.word("pause", &milliseconds.to_string())
    }

    fn word(mut self, name: &str, value: &str) -> Script {
        assert!(!value.contains(' '), "a word has no blanks");
        self.0 += &format!("{name}={value} ");
        self
    }

    pub fn timeout_ms(self, milliseconds: u64) -> Script {
        self.word("timeout", &milliseconds.to_string())
    }

    pub fn proxy(self, uri: &str) -> Script {
        self.word("proxy", uri)
    }

    /// The next call is ended in this way, so long after it has begun.
    pub fn ended_after_ms(self, way: End, milliseconds: u64) -> Script {
        let way = match way {
            End::Cancel => "cancel",
            End::Abort => "abort",
            End::Shutdown => "shutdown",
        };
        self.word(way, &milliseconds.to_string())
    }

    /// `fitbit_get`.
    pub fn get(self) -> Script {
        self.word("get", ANY)
    }

    /// `fitbit_post`.
    pub fn post(self) -> Script {
        self.post_to(ANY)
    }

    pub fn post_to(self, path: &str) -> Script {
        self.word("post", path)
    }

    /// `fitbit_refresh`.
    pub fn refresh(self) -> Script {
        self.word("refresh", "1")
    }
}

/// One call, as the program saw it. The times are those of [`now`](super::now).
#[derive(Clone, Debug)]
pub struct Call {
    /// `FITBIT_OK`, or the error's name.
    pub code: String,
    pub status: u16,
    pub began: Duration,
    /// When something began to end it; zero if nothing did.
    pub asked_to_end: Duration,
    pub ended: Duration,
    pub message: String,
}

impl Call {
    pub fn lasted(&self) -> Duration {
        self.ended - self.began
    }

    /// How many round trips of this path it lasted for.
    pub fn round_trips(&self, net: &Network) -> f64 {
        self.lasted().as_secs_f64() / net.round_trip().as_secs_f64()
    }

    /// How long the call lasted after something had begun to end it.
    pub fn lingered(&self) -> Duration {
        self.ended.saturating_sub(self.asked_to_end)
    }
}

/// What the program did.
#[derive(Debug)]
pub struct Ran {
    /// Of each script, in its order.
    pub calls: Vec<Vec<Call>>,
    /// How many look-up threads ran at once, at most.
    pub look_up_threads: usize,
}

impl Ran {
    /// All calls of all scripts.
    pub fn all(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().flatten()
    }
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<c::Program> = OnceLock::new();
    let source = library::root().join("tests/network/bench/client.c");
    &PROGRAM.get_or_init(|| c::build(&source, "network_client", &["-g"])).path
}

impl Network {
    /// A program in the client's namespace. It asks this bench's name server, and has no environment
    /// but a PATH. It ends with the thread that starts it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let etc = self.etc().expect("the temporary folder can be written to");
        let namespace = self.client.try_clone().expect("a descriptor can be had");
        let options = format!("lowerdir={}:/etc", etc.display());
        let options = CString::new(options).expect("a path has no NUL");
        let mut command = Command::new(program);
        command.env_clear().stdin(Stdio::null());
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        let enter = move || {
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            namespace.enter()?;
            look_up_by(&options)
        };
        // It makes system calls only, and allocates nothing.
        unsafe { command.pre_exec(enter) };
        command
    }

    /// The program of the bench, with a thread for each script.
    pub fn run(&self, scripts: &[Script]) -> Ran {
        let mut command = self.command(program());
        command.arg(self.folder.join("ca.pem")).args(scripts.iter().map(|script| &script.0));
        let out = c::succeeded(command.output().expect("the program can be run"));
        read(&out, scripts.len()).unwrap_or_else(|| panic!("the program said {out:?}"))
    }

    /// One GET with a time of 30 seconds.
    pub fn get(&self, origin: &str) -> Call {
        self.call(Script::to(origin).timeout_ms(30_000).get())
    }

    /// The one call of a script.
    pub fn call(&self, script: Script) -> Call {
        let mut ran = self.run(&[script]);
        let call = ran.calls[0].pop().expect("the script makes a call");
        assert!(ran.calls[0].is_empty(), "the script makes one call");
        call
    }

    /// curl, with the same certificates and names.
    pub fn curl(&self) -> Command {
        let mut curl = self.command("curl");
        curl.args(["-sS", "-o", "/dev/null", "--cacert"]).arg(self.folder.join("ca.pem"));
        curl
    }

    /// What getaddrinfo(3) gives a program that starts now.
    pub fn order(&self, name: &str) -> Vec<std::net::IpAddr> {
        let output = self.command("getent").args(["ahosts", name]).output();
        let out = String::from_utf8(output.expect("getent is part of the C library").stdout);
        let out = out.expect("addresses are ASCII");
        let streams = out.lines().filter(|line| line.contains("STREAM"));
        let first = streams.filter_map(|line| line.split(' ').next());
        first.map(|address| address.parse().expect("an address")).collect()
    }

    /// The files of /etc that decide how names are looked up.
    fn etc(&self) -> io::Result<std::path::PathBuf> {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let etc = self.folder.join(number.to_string());
        fs::create_dir_all(&etc)?;
        let servers = format!("nameserver {NAME_SERVER}\noptions timeout:10 attempts:3\n");
        fs::write(etc.join("resolv.conf"), servers)?;
        fs::write(etc.join("nsswitch.conf"), "hosts: files dns\n")?;
        fs::write(etc.join("hosts"), "127.0.0.1 localhost\n")?;
        fs::write(etc.join("gai.conf"), self.precedences())?;
        Ok(etc)
    }

    /// RFC 6724 would sort a name's addresses. A precedence for each address keeps their order.
    fn precedences(&self) -> String {
        let mut text = "label ::/0 1\nprecedence ::/0 1\n".to_owned();
        let names = self.names.lock().expect("no thread panics with it");
        for addresses in names.values() {
            for (rank, address) in addresses.iter().enumerate() {
                let mapped = match address {
                    std::net::IpAddr::V4(address) => address.to_ipv6_mapped(),
                    std::net::IpAddr::V6(address) => *address,
                };
                text += &format!("precedence {mapped}/128 {}\n", 1000 - rank);
            }
        }
        text
    }
}

/// Lays a folder over /etc, for this process alone.
fn look_up_by(options: &CString) -> io::Result<()> {
    let check = |result: i32| if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    let (none, overlay) = (std::ptr::null(), c"overlay".as_ptr());
    unsafe {
        check(libc::unshare(libc::CLONE_NEWNS))?;
        let private = libc::MS_REC | libc::MS_PRIVATE;
        check(libc::mount(none, c"/".as_ptr(), none, private, none.cast()))?;
        let options = options.as_ptr().cast();
        check(libc::mount(overlay, c"/etc".as_ptr(), overlay, libc::MS_RDONLY, options))
    }
}

fn read(out: &str, scripts: usize) -> Option<Ran> {
    let mut calls = vec![Vec::new(); scripts];
    let mut lines: Vec<&str> = out.lines().collect();
    let look_up_threads = lines.pop()?.parse().ok()?;
    for line in lines {
        let mut words = line.splitn(7, ' ');
        let script: usize = words.next()?.parse().ok()?;
        let code = words.next()?.to_owned();
        let status = words.next()?.parse().ok()?;
        let mut time = || Some(Duration::from_nanos(words.next()?.parse().ok()?));
        let (began, asked_to_end, ended) = (time()?, time()?, time()?);
        let message = words.next().unwrap_or_default().to_owned();
        let call = Call { code, status, began, asked_to_end, ended, message };
        calls.get_mut(script)?.push(call);
    }
    Some(Ran { calls, look_up_threads })
}
