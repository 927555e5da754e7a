//! A private server: its own folder under the target folder, its own port, and an end that comes
//! with the test's, also when that panics or is killed.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fitbit_test_support::{c, library};

/// Whoever is waiting for this long is hanging.
pub const LONG: Duration = Duration::from_secs(50);

/// A server that is running.
pub struct Instance {
    server: Child,
    quit: &'static str,
    /// Last: it goes when the server has gone.
    _folder: Folder,
}

/// A folder of one server's own.
pub struct Folder(PathBuf);

/// Under which user a program runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// The one of the test.
    Same,
    /// Not the superuser, whom PostgreSQL refuses.
    Ordinary,
}

impl User {
    /// The name of the ordinary user, where the test is run by the superuser.
    fn other(self) -> Option<&'static str> {
        let superuser = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        (superuser && self == User::Ordinary).then_some("postgres")
    }

    /// A command that runs a program. It is sent a signal when the thread that started it ends.
    pub fn command(self, at_my_end: &str, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", at_my_end]);
        if let Some(user) = self.other() {
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        }
        command.arg(program).current_dir("/");
        command
    }
}

impl Folder {
    /// Under the target folder, or with the temporary files if that user cannot get there.
    pub fn of(user: User, name: &str) -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{name}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let preferred = Folder::make(user, library::target().join("fleet").join(&name));
        let writable = user
            .command("KILL", Path::new("test"))
            .arg("-w")
            .arg(&preferred.0)
            .status()
            .is_ok_and(|status| status.success());
        match writable {
            true => preferred,
            false => Folder::make(user, std::env::temp_dir().join(format!("libfitbit-{name}"))),
        }
    }

    fn make(user: User, path: PathBuf) -> Folder {
        std::fs::create_dir_all(&path).expect("a folder can be made");
        if let Some(user) = user.other() {
            must(Command::new("chown").arg(user).arg(&path));
        }
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(why) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays: {why}", self.0.display());
        }
    }
}

impl Instance {
    /// Starts a server and waits until it answers. `quit`: the signal that ends it at once.
    pub fn start(
        mut server: Command,
        quit: &'static str,
        folder: Folder,
        answers: impl Fn() -> bool,
    ) -> Instance {
        let log = std::fs::File::create(folder.path().join("log")).expect("its folder is there");
        let errors = log.try_clone().expect("a file can be opened twice");
        server.stdin(Stdio::null()).stdout(log).stderr(errors);
        let server = server.spawn().expect("the server can be run");
        let mut instance = Instance { server, quit, _folder: folder };
        let until = Instant::now() + LONG;
        while !answers() {
            let gone = instance.server.try_wait().expect("it was started");
            assert!(gone.is_none() && Instant::now() < until, "{}", instance.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        instance
    }

    fn said(&self) -> String {
        let log = std::fs::read_to_string(self._folder.path().join("log"));
        format!("the server does not run: {log:?}")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let id = self.server.id().to_string();
        let told = Command::new("kill").args(["-s", self.quit, &id]).status();
        if !told.is_ok_and(|told| told.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// Runs a command to its end, which must be success; answers with what it printed.
pub fn must(command: &mut Command) -> String {
    c::succeeded(output(command))
}

pub fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|why| panic!("{command:?}: {why}"))
}

/// Whether a C header is installed; says aloud that it is not. In CI it has to be there.
pub fn header_available(header: &str, flags: &[String]) -> bool {
    let mut compiler = Command::new("cc");
    compiler.args(["-E", "-include", header, "-x", "c", "/dev/null"]).args(flags);
    let found = output(&mut compiler).status.success();
    if !found {
        c::skip(&format!("{header} is not installed"));
    }
    found
}
