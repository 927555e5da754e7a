//! A private Redis that writes before it answers, and the example that is written for it.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use fitbit_test_support::c::{self, Program};
use fitbit_test_support::library;

use crate::database::Database;
use crate::instance::{Folder, Instance, User, free_port, header_available, must, output};

pub struct Redis {
    port: u16,
    _instance: Instance,
}

fn cli(port: u16, command: &[&str]) -> Command {
    let mut cli = Command::new("redis-cli");
    cli.args(["-e", "-p", &port.to_string()]).args(command);
    cli
}

fn lock(user: &str) -> String {
    format!("fitbit:{{{user}}}:lock")
}

fn build(name: &str, flags: &[&str]) -> Program {
    c::build(&library::root().join("examples/fleet_redis.c"), name, flags)
}

impl Redis {
    pub fn ask(&self, command: &[&str]) -> String {
        must(&mut cli(self.port, command)).trim().to_owned()
    }

    /// Whether somebody holds the lock.
    pub fn is_locked(&self, user: &str) -> bool {
        self.ask(&["EXISTS", &lock(user)]) == "1"
    }

    /// Takes the lock for somebody else.
    pub fn lock_for_another(&self, user: &str) {
        assert_eq!(self.ask(&["SET", &lock(user), "somebody else"]), "OK");
    }

    pub fn unlock(&self, user: &str) {
        assert_eq!(self.ask(&["DEL", &lock(user)]), "1");
    }

    /// Ends every connection but the one that asks for it.
    pub fn cut_connections(&self) {
        assert_ne!(self.ask(&["CLIENT", "KILL", "TYPE", "normal"]), "0");
    }
}

impl Database for Redis {
    fn start() -> Option<Redis> {
        if !["redis-server", "redis-cli"].into_iter().all(c::available)
            || !header_available("hiredis/hiredis.h", &[])
        {
            return None;
        }
        let port = free_port();
        let folder = Folder::of(User::Same, "redis");
        let mut server = User::Same.command("KILL", Path::new("redis-server"));
        server.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
        server.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]);
        server.arg(folder.path());
        let ready = || output(&mut cli(port, &["PING"])).status.success();
        let instance = Instance::start(server, "KILL", folder, ready);
        Some(Redis { port, _instance: instance })
    }

    fn example(&self) -> &'static Program {
        static PROGRAM: OnceLock<Program> = OnceLock::new();
        PROGRAM.get_or_init(|| build("fleet_redis", &["-lhiredis"]))
    }

    fn example_with_a_short_lock(&self) -> &'static Program {
        static PROGRAM: OnceLock<Program> = OnceLock::new();
        PROGRAM.get_or_init(|| build("fleet_redis_hasty", &["-DLOCK_MS=6000", "-lhiredis"]))
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn stored(&self, user: &str) -> String {
        self.ask(&["GET", &format!("fitbit:{{{user}}}:token")])
    }

    fn break_lock(&self, user: &str) {
        // It expires at once.
        assert_eq!(self.ask(&["PEXPIRE", &lock(user), "0"]), "1", "somebody held the lock");
    }
}
