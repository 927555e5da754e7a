//! Kept connections in a process of their own: one whose clock is set, and one that forks.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::OnceLock;

use fitbit_test_support::{c, library};

use crate::scene::GOOGLE;
use crate::server::{Kind, Server, plainly};
use crate::tls;

struct Process {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Process {
    fn start(server: &Server) -> Process {
        static PROGRAM: OnceLock<c::Program> = OnceLock::new();
        let source = library::root().join("tests/kept/program.c");
        let program = PROGRAM.get_or_init(|| c::build(&source, "kept_program", &[]));
        let mut child = program
            .command()
            .args([&GOOGLE.provider.to_string(), &format!("{}/token", server.uri), &server.uri])
            .arg(tls::ca_file())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Process { child, said }
    }

    /// Tells it a command, and reads what it says of that.
    fn tell(&mut self, command: &str) -> String {
        writeln!(self.child.stdin.as_ref().unwrap(), "{command}").unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn does(&mut self, command: &str) {
        assert_eq!(self.tell(command), "ok", "{command}");
    }

    fn ends(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn a_kept_connection_is_closed_after_fifteen_seconds_of_rest() {
    for tls in [None, Some(tls::usual())] {
        let server = Server::start(tls, plainly);
        let mut process = Process::start(&server);
        process.does("refresh ann");
        process.does("ahead 13");
        process.does("refresh bob");
        process.does("ahead 26");
        process.does("refresh ann");
        assert_eq!(server.renewal_connections(), [0, 0, 0], "less than 15 seconds each time");
        process.does("ahead 42");
        process.does("refresh bob");
        assert_eq!(server.renewal_connections(), [0, 0, 0, 1]);
        server.wait_for_end(0);
        process.does("refresh ann");
        assert_eq!(server.renewal_connections(), [0, 0, 0, 1, 1]);
        process.ends();
        server.wait_for_end(1);
        server.keeps_the_rules();
    }
}

#[test]
fn a_forked_child_uses_no_connection_of_its_parents() {
    for tls in [None, Some(tls::usual())] {
        for fork in ["fork", "fork-free"] {
            let server = Server::start(tls.clone(), plainly);
            let mut process = Process::start(&server);
            process.does("refresh ann");
            assert_eq!(process.tell("get ann"), "ann");
            process.does(&format!("{fork} bob"));
            let connections = server.renewal_connections();
            assert_ne!(connections[0], connections[1], "{fork}: the child has its own");
            // What the child did and left undone changes nothing for the parent.
            process.does("refresh ann");
            assert_eq!(process.tell("get ann"), "ann");
            process.does(&format!("{fork} bob"));
            process.does("refresh carol");
            let connections = server.renewal_connections();
            assert_eq!(connections[2], connections[0], "{fork}: {connections:?}");
            assert_eq!(connections[4], connections[0], "{fork}: {connections:?}");
            assert_ne!(connections[3], connections[1], "{fork}: another child, another connection");
            let of_the_api = server.of_kind(Kind::Api);
            assert_eq!(of_the_api[0].connection, of_the_api[1].connection, "{fork}");
            assert_eq!(server.old_tokens(), 0);
            server.keeps_the_rules();
            process.ends();
        }
    }
}
