//! A program without standard input, output and error: the files that the library opens, and the
//! port of a login, never take their numbers. What the program prints lands nowhere else.

use std::fs;
use std::sync::OnceLock;

use fitbit_simulator::{DEMO_SERVER_ID, DEMO_SERVER_SECRET, Simulator};
use fitbit_test_support::c::{self, Program};
use fitbit_test_support::library;
use fitbit_test_support::world::{app, provider, saved_token};

use crate::scene::{Folder, stored};

fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let source = library::root().join("tests/files/daemon.c");
        c::build(&source, "files_daemon", &["-std=c11"])
    })
}

#[test]
fn a_daemon_that_prints_never_prints_into_its_token_file() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    let ca_file = folder.join("ca.pem");
    fs::write(&ca_file, Simulator::builder().tls(true).start().unwrap().ca_pem()).unwrap();
    let mut command = program().command();
    command.args([provider.uri(), DEMO_SERVER_ID, DEMO_SERVER_SECRET]).arg(&path);
    let output = command.arg(saved_token(&provider, 3600)).arg(&ca_file).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n", "{}", output.status);
    assert!(stored(&path)["refresh_token"].is_string());
    app(&provider).from_file(&path).unwrap().refresh().unwrap();
}
