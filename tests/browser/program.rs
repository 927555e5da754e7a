//! A C program that logs in through the default browser, which a script of the test's stands in for.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fitbit_simulator::Simulator;
use fitbit_test_support::{c, library};

/// A folder of the test's own, gone when the test is.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fitbit-browser-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder can be made");
        Folder(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What the program takes for the default browser. It writes each argument into the folder, on a
    /// line of its own, and then does this.
    pub fn opener(&self, then: &str) {
        let script = format!(
            "#!/bin/sh\nPATH=/usr/bin:/bin\nprintf '%s\\n' \"$@\" > '{0}.new'\n\
             mv '{0}.new' '{0}'\n{then}\n",
            self.join("opened").display()
        );
        let path = self.join("xdg-open");
        fs::write(&path, script).expect("the folder can be written to");
        fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("it is ours");
    }

    /// The arguments that the browser was opened with, once it is.
    pub fn opened(&self) -> Vec<String> {
        loop {
            if let Ok(arguments) = fs::read_to_string(self.join("opened")) {
                let _ = fs::remove_file(self.join("opened"));
                return arguments.lines().map(str::to_owned).collect();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program, running.
pub struct Program {
    pub child: Child,
    says: BufReader<ChildStdout>,
}

/// What a program left behind.
pub struct End {
    pub ended_well: bool,
    pub said: String,
    pub complained: String,
}

fn built(source: &str, name: &str, once: &OnceLock<PathBuf>) -> Command {
    let path = once.get_or_init(|| c::build(&library::root().join(source), name, &[]).path);
    Command::new(path)
}

/// The program that says how its login ended, and lives on.
pub fn waiting(provider: &Simulator, callback_uri: &str, timeout_ms: u32) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let mut command = built("tests/browser/waiting.c", "browser_waiting", &BUILT);
    command.arg(provider.uri()).arg(callback_uri).arg(timeout_ms.to_string());
    command
}

/// The example that a user copies from.
pub fn example() -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    built("examples/login.c", "browser_example", &BUILT)
}

impl Program {
    /// Its PATH leads to the folder and nowhere else.
    pub fn start(mut command: Command, folder: &Folder) -> Program {
        let spoken = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spoken
            .env("PATH", folder.path())
            .current_dir(folder.path())
            .spawn()
            .expect("the program can be run");
        let says = BufReader::new(child.stdout.take().expect("it is piped"));
        Program { child, says }
    }

    /// What it says next.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).expect("programs print UTF-8");
        line.trim_end().to_owned()
    }

    /// Lets it end, and answers with the rest.
    pub fn end(mut self) -> End {
        if let Some(mut told) = self.child.stdin.take() {
            // One that has ended already need not be told.
            let _ = writeln!(told, "end");
        }
        let (mut said, mut complained) = (String::new(), String::new());
        self.says.read_to_string(&mut said).expect("programs print UTF-8");
        let mut errors = self.child.stderr.take().expect("it is piped");
        errors.read_to_string(&mut complained).expect("programs print UTF-8");
        let status = self.child.wait().expect("it was started");
        End { ended_well: status.success(), said, complained }
    }

    /// The states of its children, as the kernel has them: Z is a zombie.
    pub fn children(&self) -> Vec<char> {
        let mut states = vec![];
        for entry in fs::read_dir("/proc").expect("there is a /proc") {
            let path = entry.expect("it can be read").path().join("stat");
            let Ok(stat) = fs::read_to_string(path) else { continue };
            // pid (name) state parent ...
            let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
            let mut words = rest.split(' ');
            let (state, parent) = (words.next(), words.next());
            if parent == Some(&self.child.id().to_string()) {
                states.extend(state.and_then(|state| state.chars().next()));
            }
        }
        states
    }
}
