//! A private PostgreSQL, run by an ordinary user, and the example that is written for it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use fitbit_test_support::c::{self, Program};
use fitbit_test_support::library;

use crate::database::Database;
use crate::instance::{Folder, Instance, User, free_port, header_available, must, output};

pub struct Postgres {
    port: u16,
    psql: PathBuf,
    _instance: Instance,
}

/// Where Debian keeps the server's programs, or just their name.
fn tool(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let tools = versions.map(|version| version.path().join("bin").join(name));
    tools.filter(|tool| tool.exists()).max().unwrap_or_else(|| name.into())
}

fn include() -> Vec<String> {
    let folder = must(Command::new("pg_config").arg("--includedir"));
    vec![format!("-I{}", folder.trim())]
}

fn psql(program: &Path, port: u16, sql: &str) -> Command {
    let mut psql = Command::new(program);
    psql.args(["-XAtqw", "-h", "127.0.0.1", "-U", "fleet", "-d", "postgres", "-c", sql]);
    psql.arg("-p").arg(port.to_string());
    psql
}

impl Postgres {
    fn ask(&self, sql: &str) -> String {
        must(&mut psql(&self.psql, self.port, sql)).trim().to_owned()
    }
}

impl Database for Postgres {
    fn start() -> Option<Postgres> {
        let (initdb, client) = (tool("initdb"), tool("psql"));
        let tools = [&*initdb.to_string_lossy(), &*client.to_string_lossy(), "pg_config"];
        if !tools.into_iter().all(c::available) || !header_available("libpq-fe.h", &include()) {
            return None;
        }
        let (user, port) = (User::Ordinary, free_port());
        let folder = Folder::of(user, "postgres");
        let data = folder.path().join("data");
        let locale = ["--encoding=UTF8", "--locale=C"];
        must(
            user.command("KILL", &initdb)
                .args(["--no-sync", "--auth=trust", "--username=fleet"])
                .args(locale)
                .arg("-D")
                .arg(&data),
        );
        let mut server = user.command("QUIT", &initdb.with_file_name("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        // What is tested survives the death of processes, not of the machine.
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"] {
            server.args(["-c", setting]);
        }
        let ready = || output(&mut psql(&client, port, "SELECT 1")).status.success();
        let instance = Instance::start(server, "QUIT", folder, ready);
        Some(Postgres { port, psql: client, _instance: instance })
    }

    fn example(&self) -> &'static Program {
        static PROGRAM: OnceLock<Program> = OnceLock::new();
        PROGRAM.get_or_init(|| {
            let source = library::root().join("examples/fleet_postgres.c");
            c::build(&source, "fleet_postgres", &[&include()[0], "-lpq"])
        })
    }

    fn example_with_a_short_lock(&self) -> &'static Program {
        self.example() // Its lock ends with its connection.
    }

    fn address(&self) -> String {
        format!("host=127.0.0.1 port={} user=fleet dbname=postgres", self.port)
    }

    fn stored(&self, user: &str) -> String {
        self.ask(&format!("SELECT token FROM fitbit_login WHERE user_id = '{user}'"))
    }

    fn break_lock(&self, _: &str) {
        let ended = self.ask(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
             WHERE state = 'idle in transaction'",
        );
        assert_eq!(ended, "t", "one process was in the middle of a transaction");
    }
}
