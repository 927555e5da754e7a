//! What every row is measured with: the servers, the built programs, and which tools are there.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use fitbit_test_support::{c, library};

use crate::server::Server;
use crate::subject::Subject;
use crate::tls;

pub struct Bench {
    pub plain: Server,
    pub tls: Server,
    pub ca_file: PathBuf,
    /// Only instruction counts: what `--check` compares.
    pub checking: bool,
    /// Peers and tools that were not there, and why: said aloud, and on the page.
    skipped: RefCell<Vec<String>>,
}

impl Bench {
    pub fn new(checking: bool) -> Bench {
        let identity = tls::identity(&Bench::folder());
        Bench {
            plain: Server::plain(),
            tls: Server::tls(identity.server),
            ca_file: identity.ca_file,
            checking,
            skipped: RefCell::default(),
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

    /// Builds `benches/peers/NAME.c` against this library and `libraries`.
    pub fn c(&self, name: &str, libraries: &[&str]) -> PathBuf {
        let source = Bench::here().join("peers").join(format!("{name}.c"));
        let flags: Vec<_> = ["-O2", "-Wl,--as-needed"].iter().chain(libraries).copied().collect();
        c::build(&source, &format!("bench_{name}"), &flags).path
    }

    /// A subject written in Rust: this very program, which then does the part named.
    pub fn rust(name: &str, part: &str) -> Subject {
        let program = std::env::current_exe().expect("a program has a file");
        Subject::new(name, &program).arg("--peer").arg(part)
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
