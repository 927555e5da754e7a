//! The C program of these tests, at a server of the test's own or at the simulator.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::OnceLock;

use fitbit_simulator::{DEMO_SERVER_ID, DEMO_SERVER_SECRET, Simulator};
use fitbit_test_support::{c, library, world};

/// A token for a server that takes every one.
pub const TOKEN: &str = r#"{"access_token":"an.access.token","refresh_token":"a-refresh-token","expires_at":4102444800}"#;

/// The program, running.
pub struct Program {
    child: Child,
    says: BufReader<ChildStdout>,
    told: ChildStdin,
}

impl Program {
    /// At a server that takes every token.
    pub fn at(uri: &str) -> Program {
        Program::start(&format!("{uri}/oauth2/token"), uri, TOKEN, None)
    }

    pub fn of(provider: &Simulator, ca_file: Option<&Path>) -> Program {
        let token = world::saved_token(provider, 3600);
        Program::start(&world::token_uri(provider), provider.uri(), &token, ca_file)
    }

    pub fn start(token_uri: &str, api: &str, token: &str, ca_file: Option<&Path>) -> Program {
        Program::run(token_uri, api, token, ca_file, &[])
    }

    /// The same in this environment: see the program.
    pub fn run(
        token_uri: &str,
        api: &str,
        token: &str,
        ca_file: Option<&Path>,
        environment: &[(&str, String)],
    ) -> Program {
        let client = [DEMO_SERVER_ID, DEMO_SERVER_SECRET];
        Program::of_client(client, [token_uri, api], token, ca_file, environment)
    }

    /// The same with this id and this secret.
    pub fn of_client(
        client: [&str; 2],
        servers: [&str; 2],
        token: &str,
        ca_file: Option<&Path>,
        environment: &[(&str, String)],
    ) -> Program {
        static PROGRAM: OnceLock<c::Program> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| {
            let source = library::root().join("tests/exhaustion/program.c");
            c::build(&source, "exhaustion_program", &[])
        });
        let mut command = program.command();
        command.args(servers).args(client).arg(token);
        command.args(ca_file).envs(environment.iter().cloned());
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().expect("the program can be run");
        let says = BufReader::new(child.stdout.take().expect("it is piped"));
        let told = child.stdin.take().expect("it is piped");
        Program { child, says, told }
    }

    /// Tells it a line and answers with the line that it says; none: it is no more.
    pub fn ask(&mut self, line: &str) -> String {
        writeln!(self.told, "{line}").expect("the program runs");
        let mut said = String::new();
        self.says.read_line(&mut said).expect("programs print UTF-8");
        assert!(said.ends_with('\n'), "{line}: the program ended: {:?}", self.child.wait());
        said.trim_end().to_owned()
    }

    #[track_caller]
    pub fn must(&mut self, line: &str) {
        assert_eq!(self.ask(line), "ok", "{line}");
    }

    pub fn number(&mut self, line: &str) -> i64 {
        self.ask(line).parse().expect("it says a number")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
