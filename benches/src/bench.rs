//! What every row is measured with: the servers, the built programs, and which tools are there.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fitbit_test_support::{c, library};

use crate::server::Server;
use crate::subject::Subject;
use crate::tls;

/// The Python clients, at the last versions that were published.
const PYTHON_PACKAGES: [&str; 2] = ["fitbit-api==2.0.0", "fitbit==0.3.1"];

pub struct Bench {
    pub plain: Server,
    pub tls: Server,
    pub ca_file: PathBuf,
    /// Only what no noise can touch: what `--check` compares.
    pub checking: bool,
    /// The clean build is timed too.
    pub building: bool,
    /// Peers and tools that were not there, and why: said aloud, and on the page.
    skipped: RefCell<Vec<String>>,
    built: RefCell<Vec<(String, PathBuf)>>,
    python: OnceCell<Option<PathBuf>>,
}

impl Bench {
    pub fn new(checking: bool, building: bool) -> Bench {
        let folder = Bench::folder().join("ca");
        std::fs::create_dir_all(&folder).expect("the target folder can be written to");
        let identity = tls::identity(&folder);
        Bench {
            plain: Server::plain(),
            tls: Server::tls(identity.server),
            ca_file: identity.ca_file,
            checking,
            building,
            skipped: RefCell::default(),
            built: RefCell::default(),
            python: OnceCell::new(),
        }
    }

    /// Where the bench keeps what it makes, below the target folder.
    pub fn folder() -> PathBuf {
        let folder = library::target().join("bench");
        std::fs::create_dir_all(&folder).expect("the target folder can be written to");
        folder
    }

    /// The folder of this package.
    pub fn here() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// Builds `benches/peers/NAME.c` against this library and `libraries`, the first time.
    pub fn c(&self, name: &str, libraries: &[&str]) -> PathBuf {
        let mut built = self.built.borrow_mut();
        if let Some((_, program)) = built.iter().find(|(known, _)| known == name) {
            return program.clone();
        }
        let source = Bench::here().join("peers").join(format!("{name}.c"));
        let flags: Vec<_> = ["-O2", "-Wl,--as-needed"].iter().chain(libraries).copied().collect();
        let program = c::build(&source, &format!("bench_{name}"), &flags).path;
        built.push((name.to_owned(), program.clone()));
        program
    }

    /// A subject written in Rust: this very program, which then does the part named.
    pub fn rust(name: &str, part: &str) -> Subject {
        let program = std::env::current_exe().expect("a program has a file");
        Subject::new(name, &program).arg("--peer").arg(part)
    }

    pub fn has_valgrind(&self) -> bool {
        let found = runs("valgrind", &["--version"]);
        if !found {
            assert!(!self.checking, "valgrind counts, and is not installed");
            self.skip("instruction counts", "valgrind is not installed");
        }
        found
    }

    pub fn has_iddawc(&self) -> bool {
        let found = runs("pkg-config", &["--exists", "libiddawc", "libulfius"]);
        if !found {
            self.skip("iddawc", "libiddawc-dev is not installed");
        }
        found
    }

    /// Debian's headers of GnuTLS's libcurl, which libiddawc-dev brings, take the place of OpenSSL's:
    /// most programs run with the latter, so it is linked by its own name where that is there.
    pub fn libcurl(&self) -> &'static str {
        let by_name = "-l:libcurl.so.4";
        if runs("cc", &["-shared", "-o", "/dev/null", by_name]) { by_name } else { "-lcurl" }
    }

    /// A Python that has the clients, in an environment of its own below the target folder.
    pub fn python(&self) -> Option<&Path> {
        let make = || {
            let environment = Bench::folder().join("python");
            let python = environment.join("bin/python");
            let path = python.to_str().expect("the target folder has a name in UTF-8");
            let ready = || runs(path, &["-c", "import fitbit_api, fitbit"]);
            if ready() {
                return Some(python.clone());
            }
            let folder = environment.to_str().expect("the same");
            let made = runs("python3", &["-m", "venv", folder])
                && runs(path, &[&["-m", "pip", "install"], &PYTHON_PACKAGES[..]].concat())
                && ready();
            if !made {
                self.skip(
                    "the Python clients",
                    "python3 -m venv, or pip install fitbit-api fitbit, failed",
                );
            }
            made.then_some(python)
        };
        if self.checking {
            return None;
        }
        self.python.get_or_init(make).as_deref()
    }

    /// What is missing is said, never left out in silence.
    pub fn skip(&self, what: &str, why: &str) {
        let line = format!("{what}: {why}");
        let mut skipped = self.skipped.borrow_mut();
        if !skipped.contains(&line) {
            eprintln!("SKIPPED {line}");
            skipped.push(line);
        }
    }

    pub fn skipped(&self) -> Vec<String> {
        self.skipped.borrow().clone()
    }
}

/// Whether a command can be run, and succeeds.
fn runs(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
