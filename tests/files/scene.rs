//! What the scenes of these tests are made of: a folder of the test's own, a token file in it, and
//! the keeper, a C program that lives on that file in a process of its own.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, thread};

use fitbit_simulator::{DEMO_SERVER_ID, DEMO_SERVER_SECRET, Simulator, Target};
use fitbit_test_support::c::{self, Program};
use fitbit_test_support::world::saved_token;
use fitbit_test_support::{Error, code, library};
use serde_json::Value;

/// A folder of the test's own, gone when the test is.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fitbit-files-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A token file whose token expires in so many seconds.
    pub fn token_file(&self, provider: &Simulator, expires_in: i64) -> PathBuf {
        let path = self.join("token.json");
        write_private(&path, saved_token(provider, expires_in));
        path
    }

    /// The names of what is in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes a file that only its owner can read, over what is there.
pub fn write_private(path: &Path, content: impl AsRef<[u8]>) {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(content.as_ref()).unwrap();
}

/// `path` with something behind it.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    format!("{}{suffix}", path.display()).into()
}

pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// What the token file holds.
pub fn stored(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).expect("a token file is JSON")
}

pub fn refresh_token_in(path: &Path) -> String {
    stored(path)["refresh_token"].as_str().expect("it has a refresh token").to_owned()
}

pub fn is_marked(path: &Path) -> bool {
    stored(path).get("renewing_since").is_some()
}

/// The token with the mark of a renewal that was begun a moment ago.
pub fn marked(token: &str) -> String {
    let mut token: Value = serde_json::from_str(token).unwrap();
    token["renewing_since"] = (token["expires_at"].as_i64().unwrap() - 28_800).into();
    token.to_string()
}

/// It failed for the store's sake, and says which file it is about.
#[track_caller]
pub fn assert_store_error<T>(outcome: Result<T, Error>, path: &Path) {
    let error = outcome.err().expect("the store is at fault");
    assert_eq!(error.code, code::STORE, "{error:?}");
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(error.message.contains(name), "it does not say which file: {error:?}");
}

/// Returns when the provider is working on a refresh request.
pub fn wait_for_refresh(provider: &Simulator) {
    while provider.max_in_flight(Target::Refresh) == 0 {
        thread::yield_now();
    }
}

/// No write can succeed until it is removed: the new file's place is taken.
pub struct Obstacle(PathBuf);

impl Obstacle {
    pub fn before(path: &Path) -> Obstacle {
        let new = beside(path, ".new");
        fs::create_dir(&new).unwrap();
        Obstacle(new)
    }
}

impl Drop for Obstacle {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id is everywhere").stdout;
    id == b"0\n"
}

/// Says aloud what is not tested on this machine: not everybody is root, or may mount a disk.
pub fn skipped(what: &str, why: &str) {
    fitbit_test_support::c::say_skipped(&format!("{what}: {why}"));
}

/// The count for the long form of a test, or the one for every day.
pub fn long_or(long: usize, short: usize) -> usize {
    if std::env::var_os("FITBIT_LONG").is_some() { long } else { short }
}

fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        c::build(&library::root().join("tests/files/keeper.c"), "files_keeper", &[])
    })
}

/// The user that has no rights, where this process has all.
pub const NOBODY: u32 = 65534;

/// The keeper, running.
pub struct Keeper {
    child: Child,
    says: BufReader<ChildStdout>,
    told: ChildStdin,
}

impl Keeper {
    pub fn new(provider: &Simulator, path: &Path) -> Keeper {
        Keeper::run(Command::new(&program().path), provider, path)
    }

    /// One that file modes count for: root is above them.
    pub fn without_rights(provider: &Simulator, path: &Path) -> Option<Keeper> {
        if !is_root() {
            return Some(Keeper::new(provider, path));
        }
        let mut setpriv = Command::new("setpriv");
        let nobody = NOBODY.to_string();
        setpriv.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
        let can = Command::new("setpriv")
            .args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", "test", "-x"])
            .arg(&program().path)
            .status();
        if !can.is_ok_and(|status| status.success()) {
            return None;
        }
        setpriv.arg(&program().path);
        Some(Keeper::run(setpriv, provider, path))
    }

    /// One that a command runs, such as `env`: what it runs stands at its end.
    pub fn run_by(mut command: Command, provider: &Simulator, path: &Path) -> Keeper {
        command.arg(&program().path);
        Keeper::run(command, provider, path)
    }

    fn run(mut command: Command, provider: &Simulator, path: &Path) -> Keeper {
        let mut child = command
            .args([provider.uri(), DEMO_SERVER_ID, DEMO_SERVER_SECRET])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        let told = child.stdin.take().unwrap();
        Keeper { child, says, told }
    }

    /// Tells it a line, and does not wait for what it says.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.told, "{line}").unwrap();
    }

    /// What it says next.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.hear()
    }

    /// Tells it something that has to succeed.
    #[track_caller]
    pub fn must(&mut self, line: &str) {
        assert_eq!(self.ask(line), "ok", "{line}");
    }

    /// Kills it where it stands.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it ended by itself, and should not have.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
